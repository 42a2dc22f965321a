//! What `OpenSSL._util` is made of: opaque handles, and a few of OpenSSL's functions that take them.
//!
//! Programs reach below pyOpenSSL's surface for what it lacks. What they have been found to use is
//! here, each function a few lines over the core. Nothing here touches memory: a handle knows what it
//! names and keeps it alive, and a function asks each handle for its kind.
//!
//! Functions answer as in C. Where one of OpenSSL's fails, its reasons stay in the error queue for
//! the functions of `errors`, and do no harm there: every other call of the library empties it first.
//!
//! | file | topic |
//! |---|---|
//! | `handle` | the class of handles, and the attributes that hand them out |
//! | `arguments` | what the functions take and answer |
//! | `context`, `connection`, `verification` | `SSL_CTX_*`, `SSL_*`, `X509_VERIFY_PARAM_*` |
//! | `crypto` | `BIO_*`, `DH_*`, `X509_*`, `OBJ_*` |
//! | `errors` | `ERR_*` |
//! | `constants` | constants, and what this library has |

mod arguments;
mod connection;
mod constants;
mod context;
mod crypto;
mod errors;
pub(super) mod handle;
mod verification;

use pyo3::prelude::*;

pub(super) use crypto::{last_errno, set_last_errno};

/// The functions and constants of ``OpenSSL._util.lib``, made when a program first asks for them.
///
/// :return: a module.
#[pyfunction(name = "_lib")]
pub(super) fn library(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    let module = PyModule::new(py, "lib")?;
    context::add_to(&module)?;
    connection::add_to(&module)?;
    verification::add_to(&module)?;
    crypto::add_to(&module)?;
    errors::add_to(&module)?;
    constants::add_to(&module)?;
    Ok(module)
}

/// Adds functions to a module.
macro_rules! add_functions {
    ($module:expr, $($function:path),+ $(,)?) => {
        $($module.add_function(pyo3::wrap_pyfunction!($function, $module)?)?;)+
    };
}
use add_functions;
