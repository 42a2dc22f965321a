//! The exceptions, and how the core's errors become them.

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;

use crate::tls;

create_exception!(OpenSSL.SSL, Error, PyException, "An error occurred in an `OpenSSL.SSL` API.");
create_exception!(OpenSSL.SSL, WantReadError, Error, "More data is needed from the peer.");
create_exception!(OpenSSL.SSL, WantWriteError, Error, "The transport takes no data now.");
create_exception!(OpenSSL.SSL, WantX509LookupError, Error, "A certificate look-up must go on.");
create_exception!(OpenSSL.SSL, ZeroReturnError, Error, "The peer sent close_notify.");
create_exception!(OpenSSL.SSL, SysCallError, Error, "A system call failed.");

mod crypto {
    use super::*;
    create_exception!(
        OpenSSL.crypto,
        Error,
        PyException,
        "An error occurred in an `OpenSSL.crypto` API."
    );
}
pub(crate) use crypto::Error as CryptoError;
