//! The functions of `OpenSSL.rand`.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt};

use super::failure::Result;
use crate::tls::rand;

/// Mixes bytes into the state of OpenSSL's random number generator, which also seeds itself.
///
/// :param buffer: the bytes.
/// :param entropy: how much randomness is in them at least, in bytes, an ``int``.
/// :raises TypeError: if ``buffer`` is not ``bytes`` or ``entropy`` is not an ``int``.
///
/// Corresponds to OpenSSL's ``RAND_add``.
#[pyfunction]
pub(crate) fn add(buffer: &Bound<'_, PyAny>, entropy: &Bound<'_, PyAny>) -> Result<()> {
    let buffer = buffer
        .cast::<PyBytes>()
        .map_err(|_| PyTypeError::new_err("buffer must be a byte string"))?;
    if !entropy.is_instance_of::<PyInt>() {
        return Err(PyTypeError::new_err("entropy must be an integer").into());
    }
    Ok(rand::add(buffer.as_bytes(), entropy.extract()?)?)
}

/// Whether OpenSSL's random number generator is seeded.
///
/// :return: 1 if it is, 0 if not.
///
/// Corresponds to OpenSSL's ``RAND_status``.
#[pyfunction]
pub(crate) fn status() -> i32 {
    i32::from(rand::status())
}
