//! The bindings: the classes, functions and exceptions of `OpenSSL.SSL` and `OpenSSL.crypto`.
//!
//! They see [`crate::tls`] only; OpenSSL itself is never called from here.
//!
//! | file | topic |
//! |---|---|
//! | `context`, `connection`, `session` | the classes of `OpenSSL.SSL` |
//! | `constants` | its constants |
//! | `attachment` | giving the interpreter away, and taking it back |
//! | `callbacks` | Python callables as callbacks of the core |
//! | `ending` | callbacks while the interpreter ends |
//! | `collector` | what the garbage collector sees |
//! | `errors` | the exceptions and warnings |
//! | `names` | names of attributes |
//! | `arguments`, `buffer` | what methods take; memory without a copy |
//! | `debug` | what `OpenSSL.debug` asks |
//! | `lowlevel` | what `OpenSSL._util` is made of |
//! | `crypto` | what `OpenSSL.crypto` offers |

#![deny(unsafe_code)]

mod arguments;
mod attachment;
mod buffer;
mod callbacks;
mod collector;
mod connection;
mod constants;
mod context;
mod crypto;
mod debug;
mod ending;
mod errors;
mod lowlevel;
mod names;
mod session;

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::PyType;

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
    use super::constants::{X509VerificationCodes, error_queue_is_empty, openssl_version};
    #[pymodule_export]
    use super::context::Context;
    #[pymodule_export]
    use super::debug::{compiled_in, trust_locations};
    #[pymodule_export]
    use super::lowlevel::handle::Handle;
    #[pymodule_export]
    use super::lowlevel::{last_errno, library, set_last_errno};
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
        super::refuse_second_interpreter(module.py())?;
        // Before anything else is asked of OpenSSL.
        crate::tls::allocator::install();
        crate::tls::fork::install();
        super::ending::register(module.py())?;
        super::names::prepare(module.py());
        super::name_classes(module)?;
        super::connection::prepare_classes(module.py())?;
        super::constants::add_values(module)?;
        super::crypto::add_values(module)
    }
}

/// Has CPython say `'Context' object has no attribute …` as it does of classes written in Python: the
/// name that a built-in class begins with has its module in front.
fn name_classes(module: &Bound<'_, PyModule>) -> PyResult<()> {
    for value in module.dict().values() {
        if let Ok(class) = value.cast::<PyType>() {
            class.setattr("__name__", class.qualname()?)?;
        }
    }
    Ok(())
}

/// Fails in any interpreter of the process but the first that imports the module: its classes are
/// shared by all of them, and objects of one interpreter are no good in another.
fn refuse_second_interpreter(py: Python<'_>) -> PyResult<()> {
    static FIRST: AtomicUsize = AtomicUsize::new(0);
    // Each interpreter has a module `sys` of its own, which lives as long as it does.
    let this = py.import("sys")?.as_ptr() as usize;
    match FIRST.compare_exchange(0, this, Ordering::Relaxed, Ordering::Relaxed) {
        Err(first) if first != this => Err(PyImportError::new_err(
            "OpenSSL is imported by another interpreter of this process; subinterpreters are not \
             supported",
        )),
        _ => Ok(()),
    }
}
