//! What `OpenSSL.crypto` offers: certificates, names, stores and keys.
//!
//! | file | topic |
//! |---|---|
//! | `x509`, `name` | the classes `X509`, `X509Name` |
//! | `encoding` | loading and dumping certificates |
//! | `pkey`, `passphrase` | the class `PKey`; loading and dumping keys |
//! | `store`, `verify` | the classes `X509Store`, `X509StoreFlags`, `X509StoreContext` |
//! | `curve`, `rand` | elliptic curves; `OpenSSL.rand` |
//! | `cryptography` | objects of the package cryptography, in and out |
//! | `failure`, `arguments` | errors; what the functions take |
//! | `held` | what objects hold |

mod arguments;
mod cryptography;
pub(crate) mod curve;
pub(crate) mod encoding;
mod failure;
mod held;
pub(crate) mod name;
mod passphrase;
pub(crate) mod pkey;
pub(crate) mod rand;
pub(crate) mod store;
pub(crate) mod verify;
pub(crate) mod x509;

use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::py::errors::CryptoError;
use crate::tls::x509::{Certificate, Name};

/// Adds the constants of `OpenSSL.crypto`, and its `Error` under a name that `OpenSSL.SSL` leaves free.
///
/// Programs that have keys with old encryption, which cryptography reads, expect them to be read.
pub(crate) fn add_values(module: &Bound<'_, PyModule>) -> PyResult<()> {
    crate::tls::legacy::enable();
    module.add("CryptoError", module.py().get_type::<CryptoError>())?;
    store::X509StoreFlags::add_values(module.py())?;
    for (name, value) in arguments::FILE_TYPES {
        module.add(name, value)?;
    }
    for (name, value) in pkey::TYPES {
        module.add(name, value)?;
    }
    Ok(())
}

/// A certificate as an `X509`, or as a `cryptography.x509.Certificate`.
pub(crate) fn certificate(
    py: Python<'_>,
    certificate: Certificate,
    as_cryptography: bool,
) -> PyResult<Bound<'_, PyAny>> {
    if as_cryptography {
        Ok(cryptography::certificate(py, &certificate)?)
    } else {
        Ok(x509::X509::wrap(py, certificate)?.into_bound(py).into_any())
    }
}

/// Certificates as [`certificate`] gives them, in a list.
pub(crate) fn certificates(
    py: Python<'_>,
    certificates: Vec<Certificate>,
    as_cryptography: bool,
) -> PyResult<Bound<'_, PyList>> {
    let list = PyList::empty(py);
    for item in certificates {
        list.append(certificate(py, item, as_cryptography)?)?;
    }
    Ok(list)
}

/// Names, each as an `X509Name` or as a `cryptography.x509.Name`, in a list.
pub(crate) fn names(
    py: Python<'_>,
    names: Vec<Name>,
    as_cryptography: bool,
) -> PyResult<Bound<'_, PyList>> {
    let list = PyList::empty(py);
    for name in names {
        if as_cryptography {
            list.append(cryptography::name(py, &name)?)?;
        } else {
            list.append(name::X509Name::wrap(py, name)?)?;
        }
    }
    Ok(list)
}
