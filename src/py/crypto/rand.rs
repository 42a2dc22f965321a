//! The functions of `OpenSSL.rand`.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt};

use super::failure::Result;
use crate::tls::rand;

/// ``OpenSSL.rand.add``.
#[pyfunction]
pub(crate) fn rand_add(buffer: &Bound<'_, PyAny>, entropy: &Bound<'_, PyAny>) -> Result<()> {
    let buffer = buffer
        .cast::<PyBytes>()
        .map_err(|_| PyTypeError::new_err("buffer must be a byte string"))?;
    if !entropy.is_instance_of::<PyInt>() {
        return Err(PyTypeError::new_err("entropy must be an integer").into());
    }
    Ok(rand::add(buffer.as_bytes(), entropy.extract()?)?)
}

/// ``OpenSSL.rand.status``.
#[pyfunction]
pub(crate) fn rand_status() -> i32 {
    i32::from(rand::status())
}
