//! Records that have come, looked at while they are still in the socket.
//!
//! OpenSSL reads a record in two turns, its header and its body. Here one look (`MSG_PEEK`) copies
//! what has come, complete records are handed over from the copy, and at the end of the step what
//! was handed over is taken out of the socket at once. Nothing else is ever taken out: to whoever
//! polls the descriptor, or goes on without TLS after a close_notify, the socket is as if each record
//! had been read by itself.

use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::{mem, ptr};

use super::Transferred;
use super::descriptor::attempt;

/// Of a record's header (RFC 8446 section 5.1): type, version and the length of what follows.
const HEADER: usize = 5;
/// The plaintext of one record at most (RFC 8446 section 5.1), in bytes.
const PLAINTEXT: usize = 1 << 14;
/// The ciphertext of one record at most (RFC 5246 section 6.2.3), in bytes.
const CIPHERTEXT: usize = PLAINTEXT + 2048;
/// A record with more ciphertext than this, in bytes, is large: it is read into its place and not
/// copied first.
const LARGE: usize = 4 * 1024;
/// How much the first look of a step copies.
const GLANCE: usize = HEADER + LARGE;
/// How much further looks copy, which follow where records are small and many.
const LOOK: usize = 16 * 1024;

/// What a step has seen of a socket's stream.
#[derive(Default)]
pub(super) struct Ahead {
    /// Whether the next read begins a record, and may look ahead.
    armed: Cell<bool>,
    seen: RefCell<Option<Seen>>,
    /// How many bytes at the front of the socket have been handed over from the copy.
    owed: Cell<usize>,
    /// What of them belongs to what has been read with success.
    good: Cell<usize>,
    /// Whether the last record was large. The next one is likely to be.
    large: Cell<bool>,
    /// Whether the step has read data, so that a failure is for a later step to report.
    behind: Cell<bool>,
    /// How many bytes are in the socket, owed ones included, as far as the step has asked: at least
    /// so many.
    present: Cell<usize>,
}

/// A copy of what is in the socket, behind the bytes that are owed.
struct Seen {
    bytes: Box<[MaybeUninit<u8>; LOOK]>,
    /// How many bytes are in the copy, how many of them have been handed over, and where the record
    /// ends that is being handed over.
    len: usize,
    next: usize,
    end: usize,
    /// Whether there may be more in the socket than in the copy.
    more: bool,
}

thread_local! {
    /// The room for the copy, which is of no use between two steps.
    static ROOM: Cell<Option<Box<[MaybeUninit<u8>; LOOK]>>> = const { Cell::new(None) };
}

/// The length of what follows a header.
fn body(header: [u8; HEADER]) -> usize {
    usize::from(u16::from_be_bytes([header[3], header[4]]))
}

impl Seen {
    fn new() -> Self {
        let bytes = ROOM.take().unwrap_or_else(|| Box::new([MaybeUninit::uninit(); LOOK]));
        Self { bytes, len: 0, next: 0, end: 0, more: true }
    }

    /// Forgets what has not been handed over; it is still in the socket.
    fn forget(&mut self) {
        self.len = self.next;
        self.end = self.next;
        self.more = true;
    }

    /// The length of the record that is next, with its header; `None` when that has not been seen.
    fn record(&self) -> Option<usize> {
        let header = self.bytes.get(self.next..self.len)?.first_chunk::<HEADER>()?;
        // SAFETY: `len` bytes have been received.
        Some(HEADER + body(header.map(|byte| unsafe { byte.assume_init() })))
    }
}

impl Ahead {
    /// Begins a step. `boundary`: whether the next byte to be read is a record's first.
    pub(super) fn begin(&self, boundary: bool) {
        self.armed.set(boundary);
    }

    /// Ends a step: takes out of the socket what was handed over.
    ///
    /// `unreported`: whether a close or a failure was met behind data, and no step has reported it
    /// so far. Until then its record stays in the socket, or what follows a large one does: to
    /// whoever polls, there is something to read.
    pub(super) fn end(&self, fd: c_int, unreported: bool) {
        self.settle(fd, if unreported { self.good.get() } else { self.owed.get() });
        self.armed.set(false);
        self.behind.set(false);
        self.present.set(0);
        if let Some(seen) = self.seen.take() {
            ROOM.set(Some(seen.bytes));
        }
    }

    /// Whether to read on behind data: whether a whole record has come whose plaintext takes no more
    /// than `room` bytes, so that nothing decrypted is left behind. `expands`: whether plaintext can
    /// be longer than ciphertext.
    ///
    /// A large record leaves the socket before it is decrypted. Should it be a close or a failure,
    /// what has come behind it announces that; without anything there, it is left for the next step.
    pub(super) fn has_record(&self, fd: c_int, room: usize, expands: bool) -> bool {
        self.good.set(self.owed.get());
        self.behind.set(true);
        // From here on the copy tells where records begin, even if nothing has been read in this step
        // so far because the data had been decrypted before.
        self.armed.set(false);
        loop {
            let seen = self.seen.borrow();
            let Some(copy) = seen.as_ref().filter(|copy| copy.next < copy.len) else {
                let any = self.owed.get() + HEADER + CIPHERTEXT;
                let large = self.large.get() && room >= PLAINTEXT && self.has_more_than(fd, any);
                self.armed.set(large);
                return large;
            };
            let fits = |record: usize| {
                let most = if expands { PLAINTEXT } else { PLAINTEXT.min(record - HEADER) };
                most <= room
            };
            match copy.record() {
                Some(record) if !fits(record) => return false,
                Some(record) if record <= copy.len - copy.next => return true,
                _ if !copy.more => return false,
                Some(record) if record > GLANCE => {
                    return self.has_more_than(fd, self.owed.get() + record);
                }
                _ => {}
            }
            drop(seen);
            if !matches!(self.look(fd, LOOK), Transferred::Some(_)) {
                return false;
            }
        }
    }

    /// Whether there are more than `count` bytes in the socket.
    fn has_more_than(&self, fd: c_int, count: usize) -> bool {
        if self.present.get() <= count {
            let mut present: c_int = 0;
            // SAFETY: asks for a number, and there is room for it.
            let code = unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut present) };
            self.present.set(if code == 0 { usize::try_from(present).unwrap_or(0) } else { 0 });
        }
        self.present.get() > count
    }

    /// Hands over up to `len` bytes, from the copy if the record is in it.
    ///
    /// # Safety
    ///
    /// `room` has `len` writable bytes.
    pub(super) unsafe fn read(&self, fd: c_int, room: *mut u8, len: usize) -> Transferred {
        if self.armed.take() && len == HEADER {
            if self.large.get() {
                // SAFETY: the caller's promise.
                return unsafe { self.receive_header(fd, room) };
            }
            match self.look(fd, GLANCE) {
                Transferred::Some(_) => {}
                other => return other,
            }
        }
        // SAFETY: the caller's promise.
        match unsafe { self.hand_over(room, len) } {
            0 => {}
            count => return Transferred::Some(count),
        }
        // Behind a record without data OpenSSL reads another one unasked.
        if self.behind.get() && self.present.get() <= self.owed.get() + len {
            return Transferred::NotReady;
        }
        // SAFETY: the caller's promise.
        unsafe { self.receive(fd, room, len) }
    }

    /// Copies what has come into the copy, from the first byte that has not been handed over.
    fn look(&self, fd: c_int, most: usize) -> Transferred {
        self.settle(fd, self.owed.get());
        let mut seen = self.seen.borrow_mut();
        let copy = seen.get_or_insert_with(Seen::new);
        (copy.len, copy.next, copy.end) = (0, 0, 0);
        let most = most.min(LOOK);
        let bytes = copy.bytes.as_mut_ptr().cast();
        // SAFETY: the copy has room for `LOOK` bytes.
        let looked =
            attempt(|| unsafe { libc::recv(fd, bytes, most, libc::MSG_DONTWAIT | libc::MSG_PEEK) });
        if let Transferred::Some(count) = looked {
            copy.len = count;
            copy.more = count == most;
        }
        looked
    }

    /// Hands over from the copy; 0 when what is wanted is not in it.
    ///
    /// # Safety
    ///
    /// `room` has `len` writable bytes.
    unsafe fn hand_over(&self, room: *mut u8, len: usize) -> usize {
        let mut seen = self.seen.borrow_mut();
        let Some(copy) = seen.as_mut() else { return 0 };
        if copy.next == copy.end {
            let Some(record) = copy.record() else {
                copy.forget();
                return 0;
            };
            copy.end = copy.next + record;
            self.large.set(record > GLANCE);
        }
        let whole = copy.end <= copy.len;
        // Of a record that is not in the copy as a whole, the header alone is handed over.
        let count = if whole { len.min(copy.end - copy.next) } else { len.min(HEADER) };
        // SAFETY: `count` bytes at `next` have been received, and fit into the caller's room.
        unsafe { ptr::copy_nonoverlapping(copy.bytes.as_ptr().add(copy.next).cast(), room, count) };
        copy.next += count;
        self.owed.set(self.owed.get() + count);
        if !whole {
            copy.forget();
        }
        count
    }

    /// Receives a header without a look at what follows.
    ///
    /// # Safety
    ///
    /// `room` has as many writable bytes as a header.
    unsafe fn receive_header(&self, fd: c_int, room: *mut u8) -> Transferred {
        // SAFETY: the caller's promise.
        let received = unsafe { self.receive(fd, room, HEADER) };
        let mut header = [0; HEADER];
        if received == Transferred::Some(HEADER) {
            // SAFETY: as many bytes have been received.
            unsafe { ptr::copy_nonoverlapping(room, header.as_mut_ptr(), HEADER) };
        }
        self.large.set(body(header) > LARGE);
        received
    }

    /// Receives into the caller's room, behind what is owed.
    ///
    /// # Safety
    ///
    /// `room` has `len` writable bytes.
    unsafe fn receive(&self, fd: c_int, room: *mut u8, len: usize) -> Transferred {
        let owed = self.owed.get();
        if owed == 0 {
            // SAFETY: the caller's promise.
            let received =
                attempt(|| unsafe { libc::recv(fd, room.cast(), len, libc::MSG_DONTWAIT) });
            if let Transferred::Some(count) = received {
                self.took(count);
            }
            return received;
        }
        let mut seen = self.seen.borrow_mut();
        let copy = seen.get_or_insert_with(Seen::new);
        let mut parts = [
            libc::iovec { iov_base: copy.bytes.as_mut_ptr().cast(), iov_len: owed.min(LOOK) },
            libc::iovec { iov_base: room.cast(), iov_len: len },
        ];
        // SAFETY: a message of zeroes has no name and no control data.
        let mut message: libc::msghdr = unsafe { mem::zeroed() };
        message.msg_iov = parts.as_mut_ptr();
        message.msg_iovlen = parts.len() as _;
        // SAFETY: the copy has room for what is owed, which came out of it; and the caller's promise.
        match attempt(|| unsafe { libc::recvmsg(fd, &raw mut message, libc::MSG_DONTWAIT) }) {
            Transferred::Some(count) => {
                self.took(count);
                self.paid(owed.min(count));
                match count.saturating_sub(owed) {
                    0 => Transferred::NotReady,
                    count => Transferred::Some(count),
                }
            }
            other => other,
        }
    }

    /// Takes `count` bytes that are owed out of the socket.
    fn settle(&self, fd: c_int, count: usize) {
        let mut left = count.min(self.owed.get());
        if left == 0 {
            return;
        }
        let mut seen = self.seen.borrow_mut();
        let copy = seen.get_or_insert_with(Seen::new);
        let mut spare = [MaybeUninit::<u8>::uninit(); 256];
        while left > 0 {
            // The kernel need not copy them (MSG_TRUNC, tcp(7)); where it does, they go to where
            // nothing is to be handed over from any more.
            let (room, len) = if copy.next >= left {
                (copy.bytes.as_mut_ptr(), left)
            } else {
                (spare.as_mut_ptr(), left.min(spare.len()))
            };
            // SAFETY: the room has `len` bytes.
            match attempt(|| unsafe { libc::recv(fd, room.cast(), len, DISCARD) }) {
                Transferred::Some(taken) => {
                    self.took(taken);
                    self.paid(taken.min(left));
                    left -= taken.min(left);
                }
                // Somebody else has taken them, or the socket is closed: the next read tells.
                _ => {
                    self.paid(left);
                    return;
                }
            }
        }
    }

    fn took(&self, count: usize) {
        self.present.set(self.present.get().saturating_sub(count));
    }

    fn paid(&self, count: usize) {
        self.owed.set(self.owed.get() - count);
        self.good.set(self.good.get().saturating_sub(count));
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const DISCARD: c_int = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const DISCARD: c_int = libc::MSG_DONTWAIT;
