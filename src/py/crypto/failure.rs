//! The core's errors as exceptions of `OpenSSL.crypto`.

use pyo3::CastError;
use pyo3::prelude::*;

use crate::py::errors::{CryptoError, QueueArguments};
use crate::tls::Error;

/// What a function of `OpenSSL.crypto` fails with: with it, `?` takes the core's errors and Python's.
pub(crate) enum Failure {
    /// An exception.
    Python(PyErr),
    /// An error of the core.
    Core(Error),
}

/// The result of a function of `OpenSSL.crypto`.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<CastError<'_, '_>> for Failure {
    fn from(error: CastError<'_, '_>) -> Self {
        Self::Python(error.into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Python(error) => error,
            Failure::Core(Error::Library(stack)) => CryptoError::new_err(QueueArguments(stack)),
            Failure::Core(error) => error.into(),
        }
    }
}
