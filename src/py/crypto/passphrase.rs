//! The argument `passphrase`: bytes, or a callable that answers with bytes.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::py::callbacks::run_python;
use crate::tls::passphrase::PassphraseCallback;

/// A passphrase as a callback of the core; `None` for `None`.
///
/// A callable is called with 1 if the passphrase is for writing a key, with 0 if it is for reading
/// one.
pub(super) fn callback(
    passphrase: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<Box<PassphraseCallback>>> {
    let Some(passphrase) = passphrase.filter(|passphrase| !passphrase.is_none()) else {
        return Ok(None);
    };
    let callable = passphrase.is_callable();
    if !callable && !passphrase.is_instance_of::<PyBytes>() {
        return Err(PyTypeError::new_err("Last argument must be a byte string or a callable."));
    }
    let passphrase = passphrase.clone().unbind();
    Ok(Some(Box::new(move |_room, writing| {
        run_python(|py| answer(passphrase.bind(py), callable, writing))
    })))
}

fn answer(passphrase: &Bound<'_, PyAny>, callable: bool, writing: bool) -> PyResult<Vec<u8>> {
    let answer =
        if callable { passphrase.call1((i32::from(writing),))? } else { passphrase.clone() };
    let answer = answer.cast::<PyBytes>().map_err(|_| PyValueError::new_err("Bytes expected"))?;
    Ok(answer.as_bytes().to_vec())
}
