//! Sessions: what a later connection needs to resume this one.

use foreign_types::ForeignType;
use openssl::ssl::SslSession;
use openssl_sys as ffi;

use super::error::{Result, check_ptr};
use super::sys;

/// A session that a client can resume. Clones share the same OpenSSL object.
///
/// OpenSSL: `SSL_SESSION`.
#[derive(Clone)]
pub struct Session {
    handle: SslSession,
}

impl Session {
    /// A copy of a session, which nothing that happens to the original's connection can spoil;
    /// `None` for null.
    ///
    /// OpenSSL: `SSL_SESSION_dup`.
    ///
    /// # Safety
    ///
    /// `session` is null, or alive during the call and not being changed.
    #[doc(alias = "SSL_SESSION_dup")]
    pub(crate) unsafe fn copy_of(session: *mut ffi::SSL_SESSION) -> Result<Option<Self>> {
        if session.is_null() {
            return Ok(None);
        }
        // SAFETY: the caller's promise; the copy is owned by `handle`.
        let handle = unsafe { SslSession::from_ptr(check_ptr(sys::SSL_SESSION_dup(session))?) };
        Ok(Some(Self { handle }))
    }

    pub(crate) fn as_ptr(&self) -> *mut ffi::SSL_SESSION {
        self.handle.as_ptr()
    }
}
