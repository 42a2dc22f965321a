//! `X509_VERIFY_PARAM_*`: whom a peer must prove to be, checked by OpenSSL in the handshake.

use std::ffi::{c_int, c_long, c_uint};

use pyo3::prelude::*;

use super::add_functions;
use super::arguments::{Chars, Of, Parameters, code};
use super::context::change;
use super::handle::{Handle, Named};
use crate::tls;
use crate::tls::verification::{self, Identity};

impl Parameters<'_> {
    /// What is refused leaves the parameters as they are.
    fn set_identity(&self, identity: tls::Result<Identity>) -> PyResult<c_int> {
        let identity = match identity {
            Ok(identity) => identity,
            Err(error) => return code(Err(error)),
        };
        code(match self {
            Self::Context(context) => change(context, |settings| settings.set_identity(identity))?,
            Self::Connection(connection) => {
                connection.get().step(connection.py(), |step| step.set_identity(&identity))?
            }
        })
    }
}

/// ``int X509_VERIFY_PARAM_set1_host(X509_VERIFY_PARAM *, const char *, size_t)``: the peer's
/// certificate must name this host. With ``NULL``, any host.
///
/// :raises ValueError: if the name is empty, which in C ends the check.
#[pyfunction(name = "X509_VERIFY_PARAM_set1_host", signature = (parameters, name, length, /))]
fn set1_host(parameters: Of<Parameters<'_>>, name: Chars<'_>, length: usize) -> PyResult<c_int> {
    parameters.0.set_identity(Identity::host(name.counted_or_string(length)?))
}

/// ``int X509_VERIFY_PARAM_set1_ip(X509_VERIFY_PARAM *, const unsigned char *, size_t)``: the peer's
/// certificate must name this address, which has 4 or 16 bytes. With ``NULL``, any address.
///
/// :raises ValueError: if there are no bytes.
#[pyfunction(name = "X509_VERIFY_PARAM_set1_ip", signature = (parameters, address, length, /))]
fn set1_ip(parameters: Of<Parameters<'_>>, address: Chars<'_>, length: usize) -> PyResult<c_int> {
    parameters.0.set_identity(Identity::address(address.counted(length)?))
}

/// ``void X509_VERIFY_PARAM_set_hostflags(X509_VERIFY_PARAM *, unsigned int)``: how names of hosts are
/// compared (``X509_CHECK_FLAG_*``).
#[pyfunction(name = "X509_VERIFY_PARAM_set_hostflags", signature = (parameters, flags, /))]
fn set_hostflags(parameters: Of<Parameters<'_>>, flags: c_uint) -> PyResult<()> {
    match parameters.0 {
        Parameters::Context(context) => {
            Ok(change(&context, |settings| settings.set_host_flags(flags))??)
        }
        Parameters::Connection(connection) => {
            connection.get().step(connection.py(), |step| step.set_host_flags(flags))
        }
    }
}

/// ``const char *X509_verify_cert_error_string(long)``: OpenSSL's words for what verifying found.
#[pyfunction(name = "X509_verify_cert_error_string", signature = (code, /))]
fn error_string(code: c_long) -> Handle {
    Handle::of(Named::Text(verification::result_text(code)))
}

pub(super) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    add_functions!(module, set1_host, set1_ip, set_hostflags, error_string);
    Ok(())
}
