//! `SSL_*`: one connection.

use std::ffi::{c_int, c_long};

use pyo3::prelude::*;

use super::add_functions;
use super::arguments::{Null, Of};
use super::handle::{Handle, Named};
use crate::py::connection::Connection;

type Target<'py> = Of<Bound<'py, Connection>>;

/// ``X509_VERIFY_PARAM *SSL_get0_param(SSL *)``: whom the peer must prove to be.
#[pyfunction(name = "SSL_get0_param", signature = (connection, /))]
fn get0_param(connection: Target<'_>) -> PyResult<Handle> {
    let connection = connection.0;
    let address = connection.get().step(connection.py(), |step| step.verification_address())?;
    Ok(Handle::in_object(Named::ConnectionParameters, address, connection.as_any()))
}

/// ``long SSL_get_verify_result(const SSL *)``: what verifying the peer's certificate found
/// (``X509_V_*``).
#[pyfunction(name = "SSL_get_verify_result", signature = (connection, /))]
fn get_verify_result(connection: Target<'_>) -> PyResult<c_long> {
    connection.0.get().step(connection.0.py(), |step| step.verify_result())
}

/// ``void SSL_set_verify(SSL *, int, NULL)``: whether the peer's certificate is asked for and checked.
/// A callback that is in force stays so; ``Connection.set_verify`` sets one.
#[pyfunction(name = "SSL_set_verify", signature = (connection, mode, callback, /))]
fn set_verify(connection: Target<'_>, mode: c_int, callback: Of<Null>) -> PyResult<()> {
    let _ = callback;
    connection.0.get().step(connection.0.py(), |step| step.set_verify(mode, None))
}

/// ``long SSL_set_mode(SSL *, long)``: adds modes (``SSL_MODE_*``); all that are set then.
#[pyfunction(name = "SSL_set_mode", signature = (connection, mode, /))]
fn set_mode(connection: Target<'_>, mode: c_long) -> PyResult<c_long> {
    connection.0.get().step(connection.0.py(), |step| step.set_mode(mode))
}

/// ``long SSL_clear_mode(SSL *, long)``: takes modes away; all that are left.
#[pyfunction(name = "SSL_clear_mode", signature = (connection, mode, /))]
fn clear_mode(connection: Target<'_>, mode: c_long) -> PyResult<c_long> {
    connection.0.get().step(connection.0.py(), |step| step.clear_mode(mode))
}

pub(super) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    add_functions!(module, get0_param, get_verify_result, set_verify, set_mode, clear_mode);
    Ok(())
}
