//! Asymmetric keys: reference-counted handles.

use openssl_sys as ffi;

/// A key: public, or private with its public half. Clones share the same OpenSSL object.
///
/// OpenSSL: `EVP_PKEY`.
#[derive(Clone)]
pub struct PKey {
    handle: openssl::pkey::PKey<openssl::pkey::Private>,
}

impl PKey {
    /// Takes over one reference.
    ///
    /// # Safety
    ///
    /// `pointer` is a valid key, and the caller gives up one reference to it.
    pub(crate) unsafe fn from_ptr(pointer: *mut ffi::EVP_PKEY) -> Self {
        // SAFETY: the caller's promise.
        Self { handle: unsafe { foreign_types::ForeignType::from_ptr(pointer) } }
    }

    /// The pointer, for a call that does not keep it without taking its own reference.
    pub(crate) fn as_ptr(&self) -> *mut ffi::EVP_PKEY {
        foreign_types::ForeignType::as_ptr(&self.handle)
    }
}
