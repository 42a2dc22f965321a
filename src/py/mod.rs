//! The bindings: the classes, functions and exceptions of `OpenSSL.SSL` and `OpenSSL.crypto`.
//!
//! They see [`crate::tls`] only; OpenSSL itself is never called from here.
//!
//! | file | topic |
//! |---|---|
//! | `context`, `connection`, `session` | the classes of `OpenSSL.SSL` |
//! | `constants` | its constants |
//! | `callbacks` | Python callables as callbacks of the core |
//! | `collector` | what the garbage collector sees |
//! | `errors` | the exceptions and warnings |
//! | `arguments`, `buffer` | what methods take; memory without a copy |
//! | `debug` | what `OpenSSL.debug` asks |
//! | `crypto` | what `OpenSSL.crypto` offers |

#![deny(unsafe_code)]

mod arguments;
mod buffer;
mod callbacks;
mod collector;
mod connection;
mod constants;
mod context;
mod crypto;
mod debug;
mod errors;
mod session;

/// The extension module `OpenSSL._rust`: a table of contents.
#[pyo3::pymodule(gil_used = false)]
mod _rust {
    #[pymodule_export]
    use super::errors::{
        Error, SysCallError, WantReadError, WantWriteError, WantX509LookupError, ZeroReturnError,
    };

    #[pymodule_export]
    use super::callbacks::NoOverlappingProtocols;
    #[pymodule_export]
    use super::connection::Connection;
    #[pymodule_export]
    use super::constants::{OpenSSL_version, X509VerificationCodes, error_queue_is_empty};
    #[pymodule_export]
    use super::context::Context;
    #[pymodule_export]
    use super::debug::{compiled_in, trust_locations};
    #[pymodule_export]
    use super::session::Session;

    #[pymodule_export]
    use super::crypto::curve::{EllipticCurve, get_elliptic_curves};
    #[pymodule_export]
    use super::crypto::encoding::{dump_certificate, load_certificate};
    #[pymodule_export]
    use super::crypto::name::X509Name;
    #[pymodule_export]
    use super::crypto::pkey::{
        PKey, dump_privatekey, dump_publickey, load_privatekey, load_publickey,
    };
    #[pymodule_export]
    use super::crypto::rand::{rand_add, rand_status};
    #[pymodule_export]
    use super::crypto::store::{X509Store, X509StoreFlags};
    #[pymodule_export]
    use super::crypto::verify::X509StoreContext;
    #[pymodule_export]
    use super::crypto::x509::X509;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::constants::add_values(module)?;
        super::crypto::add_values(module)
    }
}
