//! A caller's memory, lent for one call: read from, or written to, without a copy.
//!
//! The memory may belong to a Python object that other threads can reach, so it is never seen as a
//! Rust slice: only pointer and length travel to OpenSSL and to the kernel.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// Bytes to read from.
#[derive(Clone, Copy)]
pub struct Readable<'a> {
    pointer: *const u8,
    len: usize,
    lent: PhantomData<&'a [u8]>,
}

// SAFETY: `new` makes the caller promise that the memory may be read from any thread for 'a.
unsafe impl Send for Readable<'_> {}
// SAFETY: a shared `Readable` gives away its pointer and its length, which do not change.
unsafe impl Sync for Readable<'_> {}

impl<'a> Readable<'a> {
    /// Lends `len` bytes at `pointer`.
    ///
    /// # Safety
    ///
    /// The bytes stay allocated and readable, from any thread, for `'a`. Their values may change.
    pub unsafe fn new(pointer: *const u8, len: usize) -> Self {
        Self { pointer, len, lent: PhantomData }
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What is left after the first `count` bytes; nothing when there are fewer.
    #[must_use]
    pub fn skip(&self, count: usize) -> Self {
        let count = count.min(self.len);
        // SAFETY: `count` is at most `len`, so the pointer stays within the lent bytes or just
        // behind them.
        Self { pointer: unsafe { self.pointer.add(count) }, len: self.len - count, ..*self }
    }

    pub(crate) fn as_ptr(&self) -> *const u8 {
        self.pointer
    }
}

impl<'a> From<&'a [u8]> for Readable<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self { pointer: bytes.as_ptr(), len: bytes.len(), lent: PhantomData }
    }
}

/// Room to write to. It need not be initialised.
pub struct Writable<'a> {
    pointer: *mut u8,
    len: usize,
    lent: PhantomData<&'a mut [u8]>,
}

// SAFETY: `new` makes the caller promise that the memory may be written from any thread for 'a.
unsafe impl Send for Writable<'_> {}
// SAFETY: a shared `Writable` gives away its pointer and its length, which do not change.
unsafe impl Sync for Writable<'_> {}

impl<'a> Writable<'a> {
    /// Lends room for `len` bytes at `pointer`.
    ///
    /// # Safety
    ///
    /// The room stays allocated and writable, from any thread, for `'a`.
    pub unsafe fn new(pointer: *mut u8, len: usize) -> Self {
        Self { pointer, len, lent: PhantomData }
    }

    /// The room, in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no room.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first `len` bytes of the room, or all of it when it is smaller.
    #[must_use]
    pub fn limit(self, len: usize) -> Self {
        Self { len: self.len.min(len), ..self }
    }

    /// What is left after the first `count` bytes; nothing when there are fewer. The room that this
    /// was called on overlaps it.
    pub(crate) fn skip(&self, count: usize) -> Writable<'_> {
        let count = count.min(self.len);
        // SAFETY: `count` is at most `len`, so the pointer stays within the lent room or just behind.
        let pointer = unsafe { self.pointer.add(count) };
        Writable { pointer, len: self.len - count, lent: PhantomData }
    }

    pub(crate) fn as_ptr(&self) -> *mut u8 {
        self.pointer
    }
}

impl<'a> From<&'a mut [u8]> for Writable<'a> {
    fn from(room: &'a mut [u8]) -> Self {
        Self { pointer: room.as_mut_ptr(), len: room.len(), lent: PhantomData }
    }
}

impl<'a> From<&'a mut [MaybeUninit<u8>]> for Writable<'a> {
    fn from(room: &'a mut [MaybeUninit<u8>]) -> Self {
        Self { pointer: room.as_mut_ptr().cast(), len: room.len(), lent: PhantomData }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skip_and_limit_stay_within_what_was_lent() {
        let bytes = [1, 2, 3];
        let readable = Readable::from(&bytes[..]);
        assert_eq!(readable.skip(2).len(), 1);
        assert!(readable.skip(9).is_empty());
        let mut room = [0; 3];
        assert_eq!(Writable::from(&mut room[..]).limit(2).len(), 2);
        assert_eq!(Writable::from(&mut room[..]).limit(9).len(), 3);
    }
}
