//! What PEM is read from: a file, or bytes in memory.

use std::ffi::{CStr, c_int};

use openssl_sys as ffi;

use super::error::{Error, Result, check_ptr, clear_queue};
use super::sys;

/// A file or bytes, to read from once, front to back.
///
/// OpenSSL: `BIO`.
pub struct Bio(*mut ffi::BIO);

// SAFETY: this value has the only reference, and the BIOs that are made here know no thread.
unsafe impl Send for Bio {}

impl Bio {
    /// Opens a file. The mode is `fopen`'s.
    ///
    /// OpenSSL: `BIO_new_file`.
    #[doc(alias = "BIO_new_file")]
    pub fn open(path: &CStr, mode: &CStr) -> Result<Self> {
        clear_queue();
        // SAFETY: the strings are NUL-terminated; the new BIO is this value's.
        check_ptr(unsafe { sys::BIO_new_file(path.as_ptr(), mode.as_ptr()) }).map(Self)
    }

    /// Copies bytes.
    ///
    /// OpenSSL: `BIO_s_mem`.
    #[doc(alias = "BIO_s_mem")]
    pub fn of(bytes: &[u8]) -> Result<Self> {
        let length = c_int::try_from(bytes.len())
            .map_err(|_| Error::Invalid("the data is larger than OpenSSL takes"))?;
        clear_queue();
        // SAFETY: makes a BIO of a static method, which is this value's.
        let bio = Self(check_ptr(unsafe { ffi::BIO_new(ffi::BIO_s_mem()) })?);
        // SAFETY: the BIO is alive, and copies `length` bytes, which the slice has.
        if unsafe { ffi::BIO_write(bio.0, bytes.as_ptr().cast(), length) } < length && length > 0 {
            return Err(super::error::library_error());
        }
        Ok(bio)
    }

    /// The pointer, for a call that does not keep it.
    pub(crate) fn as_ptr(&mut self) -> *mut ffi::BIO {
        self.0
    }

    /// Where it is.
    pub fn address(&self) -> usize {
        self.0.addr()
    }
}

impl Drop for Bio {
    fn drop(&mut self) {
        // SAFETY: this value owns the BIO, and nobody else was given it to keep.
        unsafe { ffi::BIO_free_all(self.0) }
    }
}
