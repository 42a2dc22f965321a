//! The constants of `OpenSSL.SSL`, and which OpenSSL is linked.

use std::ffi::c_int;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::callbacks::no_overlapping_protocols;
use super::connection::Connection;
use crate::tls;
use crate::tls::constants::{ALL, VERIFICATION_CODES};

/// What verifying a certificate can find: the error numbers that the verify callback gets.
///
/// OpenSSL: ``X509_V_*``, explained under ``X509_verify_cert_error_string``.
#[pyclass(frozen, subclass, weakref, dict, module = "OpenSSL.SSL")]
pub(super) struct X509VerificationCodes;

#[pymethods]
impl X509VerificationCodes {
    #[new]
    fn new() -> Self {
        Self
    }
}

/// Get a text about the OpenSSL that is linked.
///
/// :param int type: one of the ``OPENSSL_*`` constants, such as :const:`OPENSSL_VERSION`.
/// :return: the text as :class:`bytes`.
///
/// OpenSSL: ``OpenSSL_version``.
#[pyfunction]
#[pyo3(name = "OpenSSL_version", signature = (r#type))]
pub(super) fn openssl_version(py: Python<'_>, r#type: c_int) -> Bound<'_, PyBytes> {
    PyBytes::new(py, tls::version::text(r#type).to_bytes())
}

/// Whether this thread's OpenSSL error queue is empty. The tests ask after every call.
///
/// OpenSSL: ``ERR_peek_error``.
#[pyfunction(name = "_error_queue_is_empty")]
pub(super) fn error_queue_is_empty() -> bool {
    tls::error::queue_is_empty()
}

/// Adds what is no class and no function.
pub(super) fn add_values(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let connection = py.get_type::<Connection>();
    for (alias, method) in [("write", "send"), ("read", "recv")] {
        connection.setattr(alias, connection.getattr(method)?)?;
    }
    for (name, value) in ALL {
        module.add(*name, value)?;
    }
    module.add("OPENSSL_VERSION_NUMBER", tls::version::number())?;
    module.add("NO_OVERLAPPING_PROTOCOLS", no_overlapping_protocols(py)?)?;
    let codes = py.get_type::<X509VerificationCodes>();
    for (name, value) in VERIFICATION_CODES {
        codes.setattr(*name, value)?;
    }
    Ok(())
}
