//! The class `PKey`.

use pyo3::prelude::*;

use crate::tls;

/// A key.
#[pyclass(frozen, subclass, weakref, dict, module = "OpenSSL.crypto")]
pub(crate) struct PKey {
    key: std::sync::OnceLock<tls::pkey::PKey>,
}

#[pymethods]
impl PKey {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(
        _args: &Bound<'_, pyo3::types::PyTuple>,
        _kwargs: Option<&Bound<'_, pyo3::types::PyDict>>,
    ) -> Self {
        Self { key: std::sync::OnceLock::new() }
    }

    fn __init__(&self) -> PyResult<()> {
        Ok(())
    }
}
