//! Bytes in and out of OpenSSL: memory BIOs, borrowed C memory, memory that OpenSSL allocated.

use std::ffi::{c_char, c_int, c_uchar};
use std::marker::PhantomData;
use std::ptr;

use openssl_sys as ffi;

use super::error::{Error, Result, check, check_ptr};

/// Borrowed bytes that OpenSSL reads through a BIO.
pub(crate) struct Source<'a> {
    bio: *mut ffi::BIO,
    data: PhantomData<&'a [u8]>,
}

impl<'a> Source<'a> {
    /// OpenSSL: `BIO_new_mem_buf`.
    pub(crate) fn new(data: &'a [u8]) -> Result<Self> {
        let length = c_int::try_from(data.len())
            .map_err(|_| Error::Invalid("the data is larger than OpenSSL takes"))?;
        // SAFETY: the BIO reads `length` bytes at most, and `'a` keeps them alive and unchanged for
        // as long as the BIO lives.
        let bio = check_ptr(unsafe { ffi::BIO_new_mem_buf(data.as_ptr().cast(), length) })?;
        Ok(Self { bio, data: PhantomData })
    }

    /// The BIO, for a call that does not keep it.
    pub(crate) fn as_ptr(&self) -> *mut ffi::BIO {
        self.bio
    }
}

impl Drop for Source<'_> {
    fn drop(&mut self) {
        // SAFETY: this value owns the BIO, and nobody else was given it to keep.
        unsafe { ffi::BIO_free_all(self.bio) }
    }
}

/// What `write` writes into the BIO it is given, if it returns a positive code.
///
/// OpenSSL wipes the BIO's own copy when it frees it.
///
/// OpenSSL: `BIO_s_mem`.
pub(crate) fn written(write: impl FnOnce(*mut ffi::BIO) -> c_int) -> Result<Vec<u8>> {
    // SAFETY: makes a BIO of a static method.
    let bio = check_ptr(unsafe { ffi::BIO_new(ffi::BIO_s_mem()) })?;
    // Owns the BIO from here on, whatever `write` does.
    let bio = Source { bio, data: PhantomData };
    check(write(bio.as_ptr()))?;
    let mut data: *mut c_char = ptr::null_mut();
    // SAFETY: the BIO is a memory BIO; the call only reports where its bytes are.
    let length = unsafe { ffi::BIO_get_mem_data(bio.as_ptr(), &raw mut data) };
    // SAFETY: the BIO holds `length` bytes at `data`, and it lives until the end of this function.
    Ok(unsafe { borrowed(data.cast(), usize::try_from(length).unwrap_or(0)) }.to_vec())
}

/// C memory as a slice; the empty slice for null.
///
/// # Safety
///
/// Unless `data` is null, `length` bytes at it are readable and do not change during `'a`.
#[expect(clippy::disallowed_methods, reason = "this is the one helper, and it answers for null")]
pub(crate) unsafe fn borrowed<'a>(data: *const c_uchar, length: usize) -> &'a [u8] {
    if data.is_null() {
        return &[];
    }
    // SAFETY: not null, and the rest is the caller's promise.
    unsafe { std::slice::from_raw_parts(data, length) }
}

/// A copy of memory that OpenSSL allocated for its caller, which is freed.
///
/// # Safety
///
/// `data` is null, or was allocated by OpenSSL, holds `length` bytes, and the caller gives it up.
pub(crate) unsafe fn taken(data: *mut c_uchar, length: usize) -> Vec<u8> {
    // SAFETY: the caller's promise; the slice ends before the memory is freed.
    let copy = unsafe { borrowed(data, length) }.to_vec();
    // SAFETY: OpenSSL allocated it and nobody else has it; null is allowed.
    unsafe { ffi::OPENSSL_free(data.cast()) };
    copy
}

/// Overwrites bytes with zeros in a way that the compiler does not remove.
///
/// OpenSSL: `OPENSSL_cleanse`.
pub(crate) fn wipe(data: &mut [u8]) {
    // SAFETY: the slice is writable for its length, and nobody else has it.
    unsafe { super::sys::crypto::OPENSSL_cleanse(data.as_mut_ptr().cast(), data.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_gives_back_what_was_written() {
        let data = b"\0nul and all\0";
        // SAFETY: the BIO is alive in the closure, and the length is the slice's.
        let got = written(|bio| unsafe { ffi::BIO_write(bio, data.as_ptr().cast(), 13) });
        assert_eq!(got.unwrap(), data);
        assert_eq!(written(|_| 1).unwrap(), b"");
        assert!(written(|_| 0).is_err());
    }

    #[test]
    fn null_is_the_empty_slice() {
        // SAFETY: null is allowed.
        assert_eq!(unsafe { borrowed(ptr::null(), 7) }, b"");
        // SAFETY: null is allowed.
        assert_eq!(unsafe { taken(ptr::null_mut(), 7) }, b"");
    }

    #[test]
    fn wipe_leaves_zeros() {
        let mut secret = *b"secret";
        wipe(&mut secret);
        assert_eq!(secret, [0; 6]);
    }
}
