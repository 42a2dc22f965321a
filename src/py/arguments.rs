//! What the methods of `OpenSSL.SSL` take, as the core takes it.

use std::ffi::CString;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyString};
use pyo3::{Borrowed, PyClass};

use super::errors::{deprecated, deprecated_inside};

/// An integer for C; `message` is for what is none.
pub(crate) fn integer<'py, T>(value: &Bound<'py, PyAny>, message: &'static str) -> PyResult<T>
where
    T: for<'a> FromPyObject<'a, 'py, Error = PyErr>,
{
    if value.is_instance_of::<PyInt>() {
        value.extract()
    } else {
        Err(PyTypeError::new_err(message))
    }
}

/// Yes or no: any object is one of the two, as for `if`.
pub(super) fn truth(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    value.is_truthy()
}

/// An argument that may be left out. `None` is not the same as nothing.
pub(super) enum Given<'py> {
    Not,
    As(Bound<'py, PyAny>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Given<'py> {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self::As(value.to_owned()))
    }
}

/// A path: `str`, `bytes` or an object with `__fspath__`, in the file system's encoding.
pub(super) fn path(value: &Bound<'_, PyAny>) -> PyResult<CString> {
    let py = value.py();
    let path = py.import("os")?.call_method1("fspath", (value,))?;
    let path = if path.is_instance_of::<PyString>() {
        let encoding = py.import("sys")?.call_method0("getfilesystemencoding")?;
        path.call_method1("encode", (encoding,))?
    } else {
        path
    };
    c_string(path.cast::<PyBytes>()?.as_bytes())
}

/// A path, or `None`.
pub(super) fn optional_path(value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<CString>> {
    value.map(path).transpose()
}

/// The name of an object's class, for messages.
pub(crate) fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string())
}

/// Bytes without a NUL, as C has strings.
pub(super) fn c_string(bytes: &[u8]) -> PyResult<CString> {
    Ok(CString::new(bytes)?)
}

/// Whose code a warning about a `str` is attributed to.
#[derive(Clone, Copy)]
pub(super) enum Blame {
    /// The caller's.
    Caller,
    /// The package's own, as the reference does where its frames stand in between.
    Package,
}

/// `bytes`; a `str` is taken with a warning, as its UTF-8 encoding. `label` is the parameter's name.
pub(super) fn bytes_or_text<'py>(
    value: &Bound<'py, PyAny>,
    label: &str,
    blame: Blame,
) -> PyResult<Bound<'py, PyAny>> {
    if !value.is_instance_of::<PyString>() {
        return Ok(value.clone());
    }
    let message = format!("str for {label} is no longer accepted, use bytes");
    match blame {
        Blame::Caller => deprecated(value.py(), &message)?,
        Blame::Package => deprecated_inside(value.py(), &message)?,
    }
    value.call_method1("encode", ("utf-8",))
}

/// Something to call; `message` is for what cannot be called.
pub(super) fn callable(value: &Bound<'_, PyAny>, message: &'static str) -> PyResult<Py<PyAny>> {
    if value.is_callable() {
        Ok(value.clone().unbind())
    } else {
        Err(PyTypeError::new_err(message))
    }
}

/// The elements of a list of bytes-like objects; not empty.
pub(super) fn protocols<'py>(value: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    if !value.is_truthy()? {
        return Err(PyValueError::new_err("at least one protocol must be specified"));
    }
    value
        .try_iter()?
        .map(|name| {
            // It takes what is bytes-like, and nothing else.
            let joined = PyBytes::new(value.py(), b"").call_method1("join", ((name?,),))?;
            Ok(joined.cast_into::<PyBytes>()?)
        })
        .collect()
}

/// A new object for `__copy__`: of the same class, with the same attributes, and nothing in it yet.
pub(crate) fn fresh<'py, T: PyClass>(original: &Bound<'py, T>) -> PyResult<Bound<'py, T>> {
    let original = original.as_any();
    let class = original.get_type();
    let copy = class.call_method1("__new__", (&class,))?;
    copy.getattr("__dict__")?.call_method1("update", (original.getattr("__dict__")?,))?;
    Ok(copy.cast_into::<T>()?)
}
