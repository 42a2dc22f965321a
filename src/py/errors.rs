//! The exceptions, and how the core's errors become them.

use std::ffi::{CString, c_int};
use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;

use pyo3::PyErrArguments;
use pyo3::create_exception;
use pyo3::exceptions::{PyDeprecationWarning, PyException, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::attachment::{Lent, attach};
use super::collector::Slot;
use crate::tls;

create_exception!(
    OpenSSL.SSL,
    Error,
    PyException,
    "OpenSSL refused.\n\nThe one argument is a list of (library, function, reason) tuples of str, \
     oldest first, from OpenSSL's error queue; the function is always empty."
);
create_exception!(
    OpenSSL.SSL,
    WantReadError,
    Error,
    "The call needs data from the peer that have not come yet. Make it again once they have: \
     when the socket is readable, or after bio_write."
);
create_exception!(
    OpenSSL.SSL,
    WantWriteError,
    Error,
    "The call has data for the peer that cannot be sent now. Make it again once they can: when \
     the socket is writable, or after bio_read."
);
create_exception!(
    OpenSSL.SSL,
    WantX509LookupError,
    Error,
    "A certificate look-up asked to be called again. Make the call again."
);
create_exception!(
    OpenSSL.SSL,
    ZeroReturnError,
    Error,
    "The peer has closed the connection in the proper way: with a close_notify alert."
);
create_exception!(
    OpenSSL.SSL,
    SysCallError,
    Error,
    "A system call failed, or the peer was gone without a close_notify.\n\nThe arguments are the \
     errno and its name, such as (104, 'ECONNRESET'), or (-1, 'Unexpected EOF')."
);

mod crypto {
    use super::*;
    create_exception!(
        OpenSSL.crypto,
        Error,
        PyException,
        "OpenSSL refused.\n\nThe one argument is a list of (library, function, reason) tuples of \
         str, oldest first, from OpenSSL's error queue; the function is always empty."
    );
}
pub(crate) use crypto::Error as CryptoError;

impl From<tls::Error> for PyErr {
    fn from(error: tls::Error) -> Self {
        match error {
            tls::Error::WantRead => WantReadError::new_err(()),
            tls::Error::WantWrite => WantWriteError::new_err(()),
            tls::Error::WantX509Lookup => WantX509LookupError::new_err(()),
            tls::Error::ZeroReturn => ZeroReturnError::new_err(()),
            tls::Error::Syscall { errno } => SysCallError::new_err(ErrnoArguments(errno)),
            tls::Error::UnexpectedEof => SysCallError::new_err((-1, "Unexpected EOF")),
            tls::Error::Library(stack) => Error::new_err(QueueArguments(stack)),
            tls::Error::Callback(error) => match error.downcast::<Raised>() {
                Ok(raised) => raised.exception(),
                Err(error) => match error.downcast::<tls::Error>() {
                    Ok(error) => (*error).into(),
                    Err(error) => PyValueError::new_err(error.to_string()),
                },
            },
            tls::Error::Panicked(payload) => resume_unwind(payload.into_inner()),
            tls::Error::ContextInUse => PyValueError::new_err(
                "Context has already been used to create a Connection, it cannot be mutated again",
            ),
            tls::Error::Reentrant(message) => PyRuntimeError::new_err(message),
            tls::Error::Forked => PyRuntimeError::new_err(tls::Error::Forked.to_string()),
            tls::Error::Invalid(message) => PyValueError::new_err(message),
        }
    }
}

/// An exception on its way through the core.
pub(crate) struct Raised(Lent<Arc<Slot>>);

impl Raised {
    pub(crate) fn new(py: Python<'_>, error: PyErr) -> Self {
        Self(Lent::new(Arc::new(Slot::new(error.into_value(py).into_any()))))
    }

    /// Where the exception is.
    pub(crate) fn slot(&self) -> Option<&Arc<Slot>> {
        self.0.get()
    }

    fn exception(&self) -> PyErr {
        attach(|py| Some(PyErr::from_value(self.slot()?.get(py)?)))
            .flatten()
            .unwrap_or_else(|| PyRuntimeError::new_err("the exception is gone"))
    }
}

impl fmt::Debug for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Raised")
    }
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Python code raised an exception")
    }
}

impl std::error::Error for Raised {}

/// The argument of an `Error`, made when it is raised.
pub(crate) struct QueueArguments(pub(crate) tls::ErrorStack);

impl PyErrArguments for QueueArguments {
    fn arguments(self, py: Python<'_>) -> Py<PyAny> {
        let entries = self.0.entries().iter().map(|entry| (&entry.library, "", &entry.reason));
        match PyList::new(py, entries).and_then(|list| (list,).into_pyobject(py)) {
            Ok(arguments) => arguments.into_any().unbind(),
            Err(_) => py.None(), // no memory for a list
        }
    }
}

/// The arguments of a `SysCallError`: a number, and its name if it has one.
struct ErrnoArguments(c_int);

impl PyErrArguments for ErrnoArguments {
    fn arguments(self, py: Python<'_>) -> Py<PyAny> {
        let name = || py.import("errno")?.getattr("errorcode")?.call_method1("get", (self.0,));
        let name = name().map_or_else(|_| py.None(), Bound::unbind);
        match (self.0, name).into_pyobject(py) {
            Ok(arguments) => arguments.into_any().unbind(),
            Err(_) => py.None(), // no memory for a tuple
        }
    }
}

/// Warns the caller that something is deprecated.
pub(crate) fn deprecated(py: Python<'_>, message: &str) -> PyResult<()> {
    // A function in Rust has no frame: level 1 is its caller.
    PyErr::warn(py, &py.get_type::<PyDeprecationWarning>(), &CString::new(message)?, 1)
}

/// Warns that something is deprecated, in the name of `OpenSSL.SSL` itself.
///
/// The reference's own frames stand between these warnings and the caller. Python's default filters
/// hide them for that reason, and programs rely on it.
pub(crate) fn deprecated_inside(py: Python<'_>, message: &str) -> PyResult<()> {
    let module = py.import("OpenSSL.SSL")?;
    let file = CString::new(module.filename()?.to_string())?;
    let registry = module.dict();
    let registry = registry.call_method1("setdefault", ("__warningregistry__", PyDict::new(py)))?;
    PyErr::warn_explicit(
        py,
        &py.get_type::<PyDeprecationWarning>(),
        &CString::new(message)?,
        &file,
        1,
        Some(c"OpenSSL.SSL"),
        Some(&registry),
    )
}
