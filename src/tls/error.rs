//! What can go wrong, and how OpenSSL's per-thread error queue becomes a value.

use std::any::Any;
use std::ffi::{CStr, c_int, c_ulong};
use std::sync::{Mutex, PoisonError};
use std::{error, fmt};

use openssl_sys as ffi;

use super::queue;

/// The core's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a user's callback failed with, carried unchanged through OpenSSL to the call that ran it.
pub type CallbackError = Box<dyn error::Error + Send + Sync>;

/// Why an operation did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nobody's fault: the transport has no bytes yet. Read from it, then call again.
    #[error("more data is needed from the peer")]
    WantRead,

    /// Nobody's fault: the transport takes no bytes now. Let it drain, then call again.
    #[error("the transport cannot take more data now")]
    WantWrite,

    /// A certificate look-up asked to be called again.
    #[error("a certificate look-up is not finished")]
    WantX509Lookup,

    /// The peer closed the connection in the proper way (close_notify, RFC 8446 section 6.1).
    #[error("the peer closed the connection")]
    ZeroReturn,

    /// A system call on the descriptor failed.
    #[error("system call failed with errno {errno}")]
    Syscall {
        /// The value of `errno` right after the call.
        errno: c_int,
    },

    /// The peer closed the transport without a close_notify: the data may be cut short.
    #[error("unexpected end of file")]
    UnexpectedEof,

    /// OpenSSL refused; its error queue says why. The peer, the caller or the data may be to blame.
    #[error("{0}")]
    Library(ErrorStack),

    /// A callback of the user failed.
    #[error("{0}")]
    Callback(CallbackError),

    /// A callback panicked; the payload is for [`std::panic::resume_unwind`].
    #[error("a callback panicked")]
    Panicked(PanicPayload),

    /// The caller changed a context that already has connections.
    #[error("the context is in use by a connection")]
    ContextInUse,

    /// The caller's code, run by a call on the connection (as a callback, or as a handler of a
    /// signal), asked of the connection what cannot be done before that call is over.
    #[error("{0}")]
    Reentrant(&'static str),

    /// Another thread was in the middle of it when this process was forked, and is not here to come
    /// to an end.
    #[error("it was in use by another thread when the process forked")]
    Forked,

    /// The caller passed a value that no state of the library accepts.
    #[error("{0}")]
    Invalid(&'static str),
}

/// What a panic carried. A type of its own, because a bare payload is neither `Debug` nor `Sync`.
pub struct PanicPayload(Mutex<Box<dyn Any + Send>>);

impl PanicPayload {
    pub(crate) fn new(payload: Box<dyn Any + Send>) -> Self {
        Self(Mutex::new(payload))
    }

    /// What [`std::panic::catch_unwind`] caught.
    pub fn into_inner(self) -> Box<dyn Any + Send> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for PanicPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PanicPayload")
    }
}

/// One entry of OpenSSL's error queue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ErrorEntry {
    /// The packed code, as `ERR_get_error` returns it.
    pub code: c_ulong,
    /// The library, such as `SSL routines`; empty when OpenSSL has no text.
    pub library: String,
    /// The reason, such as `no cipher match`; empty when OpenSSL has no text.
    pub reason: String,
}

/// The entries of OpenSSL's error queue, oldest first. It may be empty.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ErrorStack(Vec<ErrorEntry>);

impl ErrorStack {
    /// Takes every entry from this thread's error queue.
    pub fn take() -> Self {
        let mut entries = Vec::new();
        while let Some(code) = queue::take() {
            let text = |text: Option<&CStr>| {
                text.map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
            };
            entries.push(ErrorEntry {
                code,
                library: text(queue::library_text(code)),
                reason: text(queue::reason_text(code)),
            });
        }
        Self(entries)
    }

    /// Puts the entries back into this thread's error queue, behind what is there. No text goes with
    /// them.
    pub fn put_back(&self) {
        for entry in &self.0 {
            queue::put(entry.code);
        }
    }

    /// Whether the oldest entry says that the peer closed the transport without a close_notify.
    pub(crate) fn is_unexpected_eof(&self) -> bool {
        /// `err.h`, `sslerr.h`.
        const ERR_LIB_SSL: c_int = 20;
        const SSL_R_UNEXPECTED_EOF_WHILE_READING: c_int = 294;
        self.0.first().is_some_and(|entry| {
            ffi::ERR_GET_LIB(entry.code) == ERR_LIB_SSL
                && ffi::ERR_GET_REASON(entry.code) == SSL_R_UNEXPECTED_EOF_WHILE_READING
        })
    }

    /// The entries, oldest first.
    pub fn entries(&self) -> &[ErrorEntry] {
        &self.0
    }
}

impl fmt::Display for ErrorStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("OpenSSL gave no reason");
        }
        for (index, entry) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{}: {}", entry.library, entry.reason)?;
        }
        Ok(())
    }
}

/// Empties this thread's error queue, so that what is read after the next call is that call's.
///
/// OpenSSL: `ERR_clear_error`.
#[doc(alias = "ERR_clear_error")]
pub fn clear_queue() {
    // Looking costs a fraction of clearing, which walks the whole queue even if it is empty.
    if !queue_is_empty() {
        // SAFETY: works on this thread's own queue.
        unsafe { ffi::ERR_clear_error() }
    }
}

/// Keeps this thread's error queue clean: empties it now, and again when it is dropped, so that an
/// OpenSSL call between the two can leave nothing behind.
pub(crate) struct CleanQueue(());

impl CleanQueue {
    /// Empties the queue. Bind it to a name: it works for as long as it lives.
    pub(crate) fn new() -> Self {
        clear_queue();
        Self(())
    }
}

impl Drop for CleanQueue {
    fn drop(&mut self) {
        clear_queue();
    }
}

/// This thread's error queue, set aside while a user's code runs, which may call OpenSSL.
pub(crate) struct QueueAside(Vec<c_ulong>);

impl QueueAside {
    /// Sets the queue aside; it is empty afterwards.
    pub(crate) fn new() -> Self {
        // Most often it is empty, and this costs a look.
        Self(ErrorStack::take().entries().iter().map(|entry| entry.code).collect())
    }
}

impl Drop for QueueAside {
    /// Puts it back in place of what has come since.
    fn drop(&mut self) {
        clear_queue();
        for &code in &self.0 {
            queue::put(code);
        }
    }
}

/// Whether this thread's error queue is empty. The tests assert it around every call.
pub fn queue_is_empty() -> bool {
    queue::first().is_none()
}

/// `Ok` for a positive return code; otherwise the error queue, emptied.
pub(crate) fn check(code: c_int) -> Result<c_int> {
    if code > 0 { Ok(code) } else { Err(library_error()) }
}

/// `Ok` for a pointer that is not null; otherwise the error queue, emptied.
pub(crate) fn check_ptr<T>(pointer: *mut T) -> Result<*mut T> {
    if pointer.is_null() { Err(library_error()) } else { Ok(pointer) }
}

/// The error queue as an error.
pub(crate) fn library_error() -> Error {
    Error::Library(ErrorStack::take())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn take_empties_the_queue_and_names_library_and_reason() {
        clear_queue();
        // SAFETY: a BIO over no bytes reads nothing.
        let parsed = unsafe { ffi::BIO_new_mem_buf(b"".as_ptr().cast(), 0) };
        // SAFETY: the BIO was just made; PEM_read_bio_X509 takes null for what it may leave out.
        unsafe {
            let certificate =
                ffi::PEM_read_bio_X509(parsed, std::ptr::null_mut(), None, std::ptr::null_mut());
            assert!(certificate.is_null());
            ffi::BIO_free_all(parsed);
        }
        assert!(!queue_is_empty());
        let stack = ErrorStack::take();
        assert_eq!(stack.entries()[0].library, "PEM routines");
        assert_eq!(stack.entries()[0].reason, "no start line");
        assert!(queue_is_empty());
        assert_eq!(stack.to_string(), "PEM routines: no start line");
    }

    #[test]
    fn check_passes_positive_codes_only() {
        clear_queue();
        assert_eq!(check(1).unwrap(), 1);
        assert!(matches!(check(0), Err(Error::Library(stack)) if stack.entries().is_empty()));
        assert!(check(-1).is_err());
    }
}
