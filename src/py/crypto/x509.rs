//! The class `X509`.

use pyo3::prelude::*;

use crate::tls;

/// An X.509 certificate.
#[pyclass(frozen, subclass, weakref, dict, module = "OpenSSL.crypto")]
pub(crate) struct X509 {
    certificate: std::sync::OnceLock<tls::x509::Certificate>,
}

#[pymethods]
impl X509 {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(
        _args: &Bound<'_, pyo3::types::PyTuple>,
        _kwargs: Option<&Bound<'_, pyo3::types::PyDict>>,
    ) -> Self {
        Self { certificate: std::sync::OnceLock::new() }
    }

    fn __init__(&self) -> PyResult<()> {
        Ok(())
    }
}
