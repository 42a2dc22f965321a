//! Certificates, distinguished names and trust stores: reference-counted handles.

use openssl_sys as ffi;

/// An X.509 certificate (RFC 5280). Clones share the same OpenSSL object.
///
/// OpenSSL: `X509`.
#[derive(Clone)]
pub struct Certificate {
    handle: openssl::x509::X509,
}

impl Certificate {
    /// Takes over one reference.
    ///
    /// # Safety
    ///
    /// `pointer` is a valid certificate, and the caller gives up one reference to it.
    pub(crate) unsafe fn from_ptr(pointer: *mut ffi::X509) -> Self {
        // SAFETY: the caller's promise.
        Self { handle: unsafe { foreign_types::ForeignType::from_ptr(pointer) } }
    }

    /// The pointer, for a call that does not keep it without taking its own reference.
    pub(crate) fn as_ptr(&self) -> *mut ffi::X509 {
        foreign_types::ForeignType::as_ptr(&self.handle)
    }
}
