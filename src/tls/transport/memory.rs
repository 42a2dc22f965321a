//! A pair of memory buffers: the caller carries the bytes.

use std::cell::{Cell, RefCell};
use std::ptr;

use super::Transferred;

/// What the peer sent and the connection has not read yet, and what the connection wrote and the
/// caller has not taken yet. Each is a stream: the borders between writes are not kept.
#[derive(Default)]
pub struct Memory {
    incoming: RefCell<Buffer>,
    outgoing: RefCell<Buffer>,
    /// Whether the end of `incoming` is the end of the stream.
    ended: Cell<bool>,
}

impl Memory {
    /// Two empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares that nothing will come after what is in the incoming buffer.
    pub(crate) fn end(&self) {
        self.ended.set(true);
    }

    /// How many bytes wait to be read by the connection.
    pub(crate) fn unread(&self) -> usize {
        self.incoming.borrow().len()
    }

    /// How many bytes wait to be taken by the caller.
    pub(crate) fn untaken(&self) -> usize {
        self.outgoing.borrow().len()
    }

    /// Gives the connection bytes from the peer. Returns how many it took: all of them, or none
    /// when there is no memory left.
    ///
    /// # Safety
    ///
    /// `bytes` has `len` readable bytes.
    pub(crate) unsafe fn give(&self, bytes: *const u8, len: usize) -> usize {
        // SAFETY: the caller's promise.
        if unsafe { self.incoming.borrow_mut().push(bytes, len) } { len } else { 0 }
    }

    /// Takes at most `len` bytes that the connection wrote, and returns how many there were.
    ///
    /// # Safety
    ///
    /// `room` has `len` writable bytes.
    pub(crate) unsafe fn take(&self, room: *mut u8, len: usize) -> usize {
        // SAFETY: the caller's promise.
        unsafe { self.outgoing.borrow_mut().pop(room, len) }
    }

    /// # Safety
    ///
    /// `room` has `len` writable bytes.
    pub(super) unsafe fn read(&self, room: *mut u8, len: usize) -> Transferred {
        // SAFETY: the caller's promise.
        match unsafe { self.incoming.borrow_mut().pop(room, len) } {
            0 if self.ended.get() => Transferred::End,
            0 => Transferred::Retry,
            count => Transferred::Some(count),
        }
    }

    /// # Safety
    ///
    /// `bytes` has `len` readable bytes.
    pub(super) unsafe fn write(&self, bytes: *const u8, len: usize) -> Transferred {
        // SAFETY: the caller's promise.
        if unsafe { self.outgoing.borrow_mut().push(bytes, len) } {
            Transferred::Some(len)
        } else {
            Transferred::Failed(libc::ENOMEM)
        }
    }
}

/// A queue of bytes: appended at the end, taken from the front.
#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    /// How many bytes at the front of `bytes` have been taken.
    taken: usize,
}

impl Buffer {
    /// A drained buffer larger than this gives its memory back.
    const KEEP: usize = 64 * 1024;

    fn len(&self) -> usize {
        self.bytes.len() - self.taken
    }

    /// Appends; `false`, and nothing changed, when there is no memory left.
    ///
    /// # Safety
    ///
    /// `bytes` has `len` readable bytes, none of them in this buffer.
    unsafe fn push(&mut self, bytes: *const u8, len: usize) -> bool {
        // Moving what is left to the front before growing keeps the cost of a byte constant: each
        // is moved at most once for every byte taken before it.
        if self.taken > 0 && self.taken >= self.len() {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        if self.bytes.try_reserve(len).is_err() {
            return false;
        }
        let end = self.bytes.len();
        // SAFETY: there is room for `len` more bytes behind `end`, and the caller lends as many.
        unsafe {
            ptr::copy_nonoverlapping(bytes, self.bytes.as_mut_ptr().add(end), len);
            self.bytes.set_len(end + len);
        }
        true
    }

    /// Takes up to `len` bytes, and returns how many there were.
    ///
    /// # Safety
    ///
    /// `room` has `len` writable bytes, none of them in this buffer.
    unsafe fn pop(&mut self, room: *mut u8, len: usize) -> usize {
        let count = len.min(self.len());
        // SAFETY: `count` bytes stand behind `taken`, and fit into the caller's room.
        unsafe { ptr::copy_nonoverlapping(self.bytes.as_ptr().add(self.taken), room, count) };
        self.taken += count;
        if self.len() == 0 {
            self.taken = 0;
            self.bytes.clear();
            if self.bytes.capacity() > Self::KEEP {
                self.bytes = Vec::new();
            }
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn give(memory: &Memory, bytes: &[u8]) {
        // SAFETY: pointer and length are of one slice.
        assert_eq!(unsafe { memory.give(bytes.as_ptr(), bytes.len()) }, bytes.len());
    }

    fn read(memory: &Memory, len: usize) -> (Transferred, Vec<u8>) {
        let mut room = vec![0; len];
        // SAFETY: pointer and length are of one slice.
        let transferred = unsafe { memory.read(room.as_mut_ptr(), len) };
        (transferred, room)
    }

    #[test]
    fn bytes_come_out_in_the_order_they_went_in() {
        let memory = Memory::new();
        let mut expected = Vec::new();
        let mut received = Vec::new();
        for round in 0_u8..200 {
            let chunk = vec![round; usize::from(round) * 7 % 50 + 1];
            expected.extend_from_slice(&chunk);
            give(&memory, &chunk);
            if let (Transferred::Some(count), room) = read(&memory, usize::from(round) % 40 + 1) {
                received.extend_from_slice(&room[..count]);
            }
        }
        while let (Transferred::Some(count), room) = read(&memory, 64) {
            received.extend_from_slice(&room[..count]);
        }
        assert_eq!(received, expected);
        assert_eq!(memory.unread(), 0);
    }

    #[test]
    fn an_empty_buffer_asks_for_a_retry_until_it_is_ended() {
        let memory = Memory::new();
        assert_eq!(read(&memory, 1).0, Transferred::Retry);
        give(&memory, b"x");
        memory.end();
        assert_eq!(read(&memory, 9).0, Transferred::Some(1));
        assert_eq!(read(&memory, 9).0, Transferred::End);
    }

    #[test]
    fn a_large_buffer_gives_its_memory_back_when_drained() {
        let memory = Memory::new();
        give(&memory, &vec![0; 1 << 20]);
        assert_eq!(read(&memory, 1 << 20).0, Transferred::Some(1 << 20));
        assert_eq!(memory.incoming.borrow().bytes.capacity(), 0);
    }
}
