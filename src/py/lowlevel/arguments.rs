//! What the functions take and answer.

use std::ffi::{CString, c_int};

use pyo3::Borrowed;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::handle::{Handle, Named, SharedBio};
use crate::py::arguments::type_name;
use crate::py::connection::Connection;
use crate::py::context::Context;
use crate::tls;
use crate::tls::x509::{Certificate, Name};

/// An argument that has to be a handle of one kind; with what it names.
pub(super) struct Of<T>(pub(super) T);

/// What a handle can name.
pub(super) trait Target<'py>: Sized {
    /// The type of the handle, in C.
    const C_TYPE: &'static str;

    /// What this handle names; `None` if that is of another kind.
    fn of(handle: &Handle, py: Python<'py>) -> PyResult<Option<Self>>;
}

impl<'py, T: Target<'py>> FromPyObject<'_, 'py> for Of<T> {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let wanted = T::C_TYPE;
        let handle = value.cast::<Handle>().map_err(|_| {
            let given = type_name(&value);
            PyTypeError::new_err(format!("a handle of type '{wanted}' is needed, not {given}"))
        })?;
        let target = T::of(handle.get(), value.py())?;
        target.map(Self).ok_or_else(|| handle.get().refused(wanted))
    }
}

impl<'py> Target<'py> for Bound<'py, Context> {
    const C_TYPE: &'static str = "SSL_CTX *";

    fn of(handle: &Handle, py: Python<'py>) -> PyResult<Option<Self>> {
        matches!(handle.named(), Named::Context).then(|| handle.object(py)).transpose()
    }
}

impl<'py> Target<'py> for Bound<'py, Connection> {
    const C_TYPE: &'static str = "SSL *";

    fn of(handle: &Handle, py: Python<'py>) -> PyResult<Option<Self>> {
        matches!(handle.named(), Named::Connection).then(|| handle.object(py)).transpose()
    }
}

/// Whom peers must prove to be: the peers of every connection of a context, or of one connection.
pub(super) enum Parameters<'py> {
    Context(Bound<'py, Context>),
    Connection(Bound<'py, Connection>),
}

impl<'py> Target<'py> for Parameters<'py> {
    const C_TYPE: &'static str = "X509_VERIFY_PARAM *";

    fn of(handle: &Handle, py: Python<'py>) -> PyResult<Option<Self>> {
        Ok(match handle.named() {
            Named::ContextParameters => Some(Self::Context(handle.object(py)?)),
            Named::ConnectionParameters => Some(Self::Connection(handle.object(py)?)),
            _ => None,
        })
    }
}

impl Target<'_> for Certificate {
    const C_TYPE: &'static str = "X509 *";

    fn of(handle: &Handle, _: Python<'_>) -> PyResult<Option<Self>> {
        Ok(match handle.named() {
            Named::Certificate(certificate) => Some(certificate.clone()),
            _ => None,
        })
    }
}

impl Target<'_> for Name {
    const C_TYPE: &'static str = "X509_NAME *";

    fn of(handle: &Handle, _: Python<'_>) -> PyResult<Option<Self>> {
        Ok(match handle.named() {
            Named::Name(name) => Some(name.clone()),
            _ => None,
        })
    }
}

impl Target<'_> for tls::dh::Parameters {
    const C_TYPE: &'static str = "DH *";

    fn of(handle: &Handle, _: Python<'_>) -> PyResult<Option<Self>> {
        Ok(match handle.named() {
            Named::Dh(parameters) => Some(parameters.clone()),
            _ => None,
        })
    }
}

impl Target<'_> for SharedBio {
    const C_TYPE: &'static str = "BIO *";

    fn of(handle: &Handle, _: Python<'_>) -> PyResult<Option<Self>> {
        Ok(match handle.named() {
            Named::Bio(bio) => Some(Self::clone(bio)),
            _ => None,
        })
    }
}

/// A handle that may be `NULL`.
impl<'py, T: Target<'py>> Target<'py> for Option<T> {
    const C_TYPE: &'static str = T::C_TYPE;

    fn of(handle: &Handle, py: Python<'py>) -> PyResult<Option<Self>> {
        match handle.named() {
            Named::Null => Ok(Some(None)),
            _ => Ok(T::of(handle, py)?.map(Some)),
        }
    }
}

/// A handle that can only be `NULL`.
pub(super) struct Null;

impl Target<'_> for Null {
    const C_TYPE: &'static str = "void *";

    fn of(handle: &Handle, _: Python<'_>) -> PyResult<Option<Self>> {
        Ok(matches!(handle.named(), Named::Null).then_some(Self))
    }
}

/// The memory of a handle of `ffi.new`, to be written to.
pub(super) struct Room<'py>(pub(super) Bound<'py, Handle>);

impl<'py> FromPyObject<'_, 'py> for Room<'py> {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match value.cast::<Handle>() {
            Ok(handle) if matches!(handle.get().named(), Named::Memory { .. }) => {
                Ok(Self(handle.to_owned()))
            }
            Ok(handle) => Err(handle.get().refused("char[]")),
            Err(_) => {
                let given = type_name(&value);
                Err(PyTypeError::new_err(format!("memory of ffi.new is needed, not {given}")))
            }
        }
    }
}

/// What C takes for a string, or for bytes with their number: `bytes`, or a handle for memory or for
/// text.
pub(super) enum Chars<'py> {
    Null,
    /// Just these bytes.
    Bytes(Bound<'py, PyBytes>),
    /// Memory, in which a string ends at the first NUL.
    Memory(Bound<'py, PyBytes>),
}

impl<'py> FromPyObject<'_, 'py> for Chars<'py> {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = value.cast::<PyBytes>() {
            return Ok(Self::Bytes(bytes.to_owned()));
        }
        let Ok(handle) = value.cast::<Handle>() else {
            let given = type_name(&value);
            return Err(PyTypeError::new_err(format!("bytes are needed, not {given}")));
        };
        let (py, handle) = (value.py(), handle.get());
        match handle.named() {
            Named::Null => Ok(Self::Null),
            Named::Memory { .. } => Ok(Self::Memory(handle.bytes(py)?)),
            Named::Text(text) => Ok(Self::Bytes(PyBytes::new(py, text.to_bytes()))),
            _ => Err(handle.refused("char *")),
        }
    }
}

impl Chars<'_> {
    /// A string that is there.
    ///
    /// Raises `TypeError` for `NULL`, and `ValueError` for `bytes` with a NUL in them.
    pub(super) fn string(&self) -> PyResult<CString> {
        match self {
            Self::Null => Err(PyTypeError::new_err("bytes are needed, not NULL")),
            Self::Bytes(bytes) => Ok(CString::new(bytes.as_bytes())?),
            Self::Memory(bytes) => Ok(CString::new(until_nul(bytes.as_bytes()))?),
        }
    }

    /// As many bytes; `None` for `NULL`.
    ///
    /// Raises `ValueError` if there are not so many.
    pub(super) fn counted(&self, count: usize) -> PyResult<Option<&[u8]>> {
        let (Self::Bytes(bytes) | Self::Memory(bytes)) = self else { return Ok(None) };
        let bytes = bytes.as_bytes();
        let there = bytes.len();
        bytes.get(..count).map(Some).ok_or_else(|| {
            PyValueError::new_err(format!("{count} bytes are to be used, and there are {there}"))
        })
    }

    /// As [`Self::counted`]; all that come before the first NUL if the count is 0.
    pub(super) fn counted_or_string(&self, count: usize) -> PyResult<Option<&[u8]>> {
        match self {
            Self::Bytes(bytes) | Self::Memory(bytes) if count == 0 => {
                Ok(Some(until_nul(bytes.as_bytes())))
            }
            _ => self.counted(count),
        }
    }
}

/// A string, from memory that may go on behind it.
pub(super) fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// What a function that can fail answers: 1, or 0 with OpenSSL's reasons in the error queue.
pub(super) fn code(outcome: tls::Result<()>) -> PyResult<c_int> {
    Ok(c_int::from(refusable(outcome)?.is_some()))
}

/// The handle that a function answers: `NULL` where OpenSSL refuses, with its reasons in the queue.
pub(super) fn handle_or_null(outcome: tls::Result<Named>) -> PyResult<Handle> {
    Ok(refusable(outcome)?.map_or_else(Handle::null, Handle::of))
}

/// Puts OpenSSL's reasons back where they were. Other failures are exceptions.
fn refusable<T>(outcome: tls::Result<T>) -> PyResult<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(tls::Error::Library(reasons)) => {
            reasons.put_back();
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
