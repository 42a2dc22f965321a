//! What the functions of `OpenSSL.crypto` take.

use std::ffi::CString;

use pyo3::exceptions::{PyAttributeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::py::arguments::type_name;
use crate::tls::constants::{FILETYPE_ASN1, FILETYPE_PEM};

/// An encoding. The argument `type` of the functions that load and dump.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum FileType {
    Pem,
    Asn1,
    Text,
    Unknown,
}

/// The constants for the first three. The third is this module's own: OpenSSL has no such number.
pub(super) const FILE_TYPES: [(&str, i64); 3] =
    [("FILETYPE_PEM", FILETYPE_PEM), ("FILETYPE_ASN1", FILETYPE_ASN1), ("FILETYPE_TEXT", 0xFFFF)];

impl FileType {
    /// Whatever equals one of the constants stands for it.
    pub(super) fn of(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        for ((_, number), file_type) in FILE_TYPES.iter().zip([Self::Pem, Self::Asn1, Self::Text]) {
            if value.eq(number)? {
                return Ok(file_type);
            }
        }
        Ok(Self::Unknown)
    }

    /// The refusal of a type that cannot be loaded.
    pub(super) fn refused_loading() -> PyErr {
        PyValueError::new_err("type argument must be FILETYPE_PEM or FILETYPE_ASN1")
    }

    /// The refusal of a type that cannot be dumped.
    pub(super) fn refused_dumping() -> PyErr {
        PyValueError::new_err("type argument must be FILETYPE_PEM, FILETYPE_ASN1, or FILETYPE_TEXT")
    }
}

/// The argument `buffer` of the functions that load: `bytes`, or a `str` of ASCII.
pub(super) fn buffer<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    if value.is_none() {
        return Ok(PyBytes::new(value.py(), b""));
    }
    let value = if value.is_instance_of::<PyString>() {
        value.call_method1("encode", ("ascii",))?
    } else {
        value.clone()
    };
    value.cast_into::<PyBytes>().map_err(|error| {
        let name = type_name(&error.into_inner());
        PyTypeError::new_err(format!("buffer must be bytes or str, not {name}"))
    })
}

/// A name that OpenSSL may know, as C wants it. `None` for one with a NUL in it: no name has that.
pub(super) fn c_name(name: &Bound<'_, PyAny>) -> PyResult<Option<CString>> {
    let name: Vec<u8> = name.call_method1("encode", ("charmap",))?.extract()?;
    Ok(CString::new(name).ok())
}

/// What the reference raises when an argument is of another class than it takes, and it asks that
/// argument for a private attribute.
pub(super) fn missing(value: &Bound<'_, PyAny>, attribute: &str) -> PyErr {
    let name = type_name(value);
    PyAttributeError::new_err(format!("'{name}' object has no attribute '{attribute}'"))
}

/// What is raised when a subclass did not call `__init__`.
pub(super) fn uninitialised(class: &str) -> PyErr {
    PyAttributeError::new_err(format!("{class}.__init__ was not called"))
}
