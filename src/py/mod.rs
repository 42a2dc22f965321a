//! The bindings: the classes, functions and exceptions of `OpenSSL.SSL` and `OpenSSL.crypto`.
//!
//! They see [`crate::tls`] only; OpenSSL itself is never called from here.

#![deny(unsafe_code)]

mod crypto;
mod errors;

/// The extension module `OpenSSL._rust`: a table of contents.
#[pyo3::pymodule(gil_used = false)]
mod _rust {
    #[pymodule_export]
    use super::errors::{
        CryptoError, Error, SysCallError, WantReadError, WantWriteError, WantX509LookupError,
        ZeroReturnError,
    };

    #[pymodule_export]
    use super::crypto::pkey::PKey;
    #[pymodule_export]
    use super::crypto::x509::X509;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(_module: &Bound<'_, PyModule>) -> PyResult<()> {
        Ok(())
    }
}
