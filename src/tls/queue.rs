//! This thread's error queue, entry by entry.
//!
//! What goes wrong is an [`Error`](super::Error), and the queue is empty around every call: this is
//! for its own upkeep, and for callers who want OpenSSL's functions as they are.

use std::ffi::{CStr, c_char, c_int, c_ulong};

use openssl_sys as ffi;

use super::sys;

/// Removes the oldest entry, and returns its code.
///
/// OpenSSL: `ERR_get_error`.
#[doc(alias = "ERR_get_error")]
pub fn take() -> Option<c_ulong> {
    // SAFETY: reads and removes an entry of this thread's own queue.
    Some(unsafe { ffi::ERR_get_error() }).filter(|code| *code != 0)
}

/// The code of the oldest entry, which stays.
///
/// OpenSSL: `ERR_peek_error`.
#[doc(alias = "ERR_peek_error")]
pub fn first() -> Option<c_ulong> {
    // SAFETY: reads this thread's own queue.
    Some(unsafe { sys::ERR_peek_error() }).filter(|code| *code != 0)
}

/// Adds an entry with a code, as [`take`] returned it.
pub fn put(code: c_ulong) {
    put_reason(ffi::ERR_GET_LIB(code), ffi::ERR_GET_REASON(code));
}

/// Adds an entry.
///
/// OpenSSL: `ERR_set_error`, once `ERR_put_error`.
#[doc(alias = "ERR_set_error")]
#[doc(alias = "ERR_put_error")]
pub fn put_reason(library: c_int, reason: c_int) {
    // SAFETY: adds an entry to this thread's own queue; no text goes with it.
    unsafe {
        sys::ERR_new();
        sys::ERR_set_error(library, reason, std::ptr::null());
    }
}

/// The library that a code names, such as `SSL routines`.
///
/// OpenSSL: `ERR_lib_error_string`.
#[doc(alias = "ERR_lib_error_string")]
pub fn library_text(code: c_ulong) -> Option<&'static CStr> {
    // SAFETY: takes a number; the result is one of the table's.
    unsafe { text(ffi::ERR_lib_error_string(code)) }
}

/// The reason that a code names, such as `no cipher match`.
///
/// OpenSSL: `ERR_reason_error_string`.
#[doc(alias = "ERR_reason_error_string")]
pub fn reason_text(code: c_ulong) -> Option<&'static CStr> {
    // SAFETY: as above.
    unsafe { text(ffi::ERR_reason_error_string(code)) }
}

/// # Safety
///
/// `text` is null, or one of OpenSSL's error strings: they are NUL-terminated and never freed.
unsafe fn text(text: *const c_char) -> Option<&'static CStr> {
    // SAFETY: the caller's promise.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::error::ErrorStack;

    #[test]
    fn entries_come_out_as_they_went_in() {
        const ERR_LIB_EVP: c_int = 6;
        assert_eq!((first(), take()), (None, None));
        put_reason(ERR_LIB_EVP, 1112);
        let code = first().unwrap();
        assert_eq!(library_text(code), Some(c"digital envelope routines"));
        assert_eq!(reason_text(code), None);
        let stack = ErrorStack::take();
        assert_eq!(first(), None);
        stack.put_back();
        assert_eq!(take(), Some(code));
        assert_eq!(take(), None);
    }
}
