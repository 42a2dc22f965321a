//! `SSL_CTX_*`: what connections have in common.
//!
//! As in C, what these change holds for connections that are made later, also where the context has
//! had connections already. Those keep what they have.

use std::ffi::{c_int, c_long};

use pyo3::prelude::*;

use super::add_functions;
use super::arguments::{Chars, Of, code};
use super::handle::{Handle, Named};
use crate::py::context::Context;
use crate::tls;
use crate::tls::context::Settings;
use crate::tls::dh::Parameters;
use crate::tls::method::Method;

type Target<'py> = Of<Bound<'py, Context>>;

/// Changes a setting for connections to come.
pub(super) fn change<T: Send>(
    context: &Bound<'_, Context>,
    change: impl FnOnce(&Settings<'_>) -> tls::Result<T> + Send,
) -> PyResult<tls::Result<T>> {
    let change = |settings: &Settings<'_>| Ok(change(&settings.for_later_connections()));
    context.get().settings(context.py(), change)
}

/// ``uint64_t SSL_CTX_get_options(const SSL_CTX *)``: the options (``SSL_OP_*``) that are set.
#[pyfunction(name = "SSL_CTX_get_options", signature = (context, /))]
fn get_options(context: Target<'_>) -> PyResult<u64> {
    context.0.get().settings(context.0.py(), |settings| Ok(settings.options()))
}

/// ``uint64_t SSL_CTX_set_options(SSL_CTX *, uint64_t)``: adds options; all that are set then.
#[pyfunction(name = "SSL_CTX_set_options", signature = (context, options, /))]
fn set_options(context: Target<'_>, options: u64) -> PyResult<u64> {
    Ok(change(&context.0, |settings| settings.set_options(options))??)
}

/// ``long SSL_CTX_set_mode(SSL_CTX *, long)``: adds modes (``SSL_MODE_*``); all that are set then.
#[pyfunction(name = "SSL_CTX_set_mode", signature = (context, mode, /))]
fn set_mode(context: Target<'_>, mode: c_long) -> PyResult<c_long> {
    Ok(change(&context.0, |settings| settings.set_mode(mode))??)
}

/// ``long SSL_CTX_clear_mode(SSL_CTX *, long)``: takes modes away; all that are left.
#[pyfunction(name = "SSL_CTX_clear_mode", signature = (context, mode, /))]
fn clear_mode(context: Target<'_>, mode: c_long) -> PyResult<c_long> {
    Ok(change(&context.0, |settings| settings.clear_mode(mode))??)
}

/// ``int SSL_CTX_set_min_proto_version(SSL_CTX *, int)``: the oldest version to speak.
#[pyfunction(name = "SSL_CTX_set_min_proto_version", signature = (context, version, /))]
fn set_min_proto_version(context: Target<'_>, version: c_int) -> PyResult<c_int> {
    code(change(&context.0, |settings| settings.set_min_version(version))?)
}

/// ``int SSL_CTX_set_max_proto_version(SSL_CTX *, int)``: the newest version to speak.
#[pyfunction(name = "SSL_CTX_set_max_proto_version", signature = (context, version, /))]
fn set_max_proto_version(context: Target<'_>, version: c_int) -> PyResult<c_int> {
    code(change(&context.0, |settings| settings.set_max_version(version))?)
}

/// ``long SSL_CTX_set_tmp_dh(SSL_CTX *, DH *)``: the group for ephemeral Diffie-Hellman up to TLS 1.2.
#[pyfunction(name = "SSL_CTX_set_tmp_dh", signature = (context, dh, /))]
fn set_tmp_dh(context: Target<'_>, dh: Of<Option<Parameters>>) -> PyResult<c_int> {
    code(change(&context.0, |settings| settings.set_temporary_dh(dh.0))?)
}

/// ``long SSL_CTX_set_ecdh_auto(SSL_CTX *, int)``: since OpenSSL 1.1.0 the group of ECDHE is always
/// negotiated, and this answers 1.
#[pyfunction(name = "SSL_CTX_set_ecdh_auto", signature = (context, on, /))]
fn set_ecdh_auto(context: Target<'_>, on: c_int) -> PyResult<c_int> {
    let _ = on;
    context.0.get().core().map(|_| 1)
}

/// ``int SSL_CTX_set1_curves_list(SSL_CTX *, const char *)``: the groups of key exchange, most wanted
/// first.
#[pyfunction(name = "SSL_CTX_set1_curves_list", signature = (context, list, /))]
fn set1_curves_list(context: Target<'_>, list: Chars<'_>) -> PyResult<c_int> {
    let list = list.string()?;
    code(change(&context.0, |settings| settings.set_groups(&list))?)
}

/// ``int SSL_CTX_set1_sigalgs_list(SSL_CTX *, const char *)``: the algorithms of signatures, most
/// wanted first.
#[pyfunction(name = "SSL_CTX_set1_sigalgs_list", signature = (context, list, /))]
fn set1_sigalgs_list(context: Target<'_>, list: Chars<'_>) -> PyResult<c_int> {
    let list = list.string()?;
    code(change(&context.0, |settings| settings.set_signature_algorithms(&list))?)
}

/// ``void SSL_CTX_set_post_handshake_auth(SSL_CTX *, int)``: whether a client lets a server of TLS 1.3
/// ask for its certificate after the handshake.
#[pyfunction(name = "SSL_CTX_set_post_handshake_auth", signature = (context, on, /))]
fn set_post_handshake_auth(context: Target<'_>, on: c_int) -> PyResult<()> {
    Ok(change(&context.0, |settings| settings.set_post_handshake_auth(on != 0))??)
}

/// ``int SSL_CTX_set_default_verify_paths(SSL_CTX *)``: trusts what is in OpenSSL's own locations.
///
/// :raises ValueError: if the context has had a connection, which may be looking there now.
#[pyfunction(name = "SSL_CTX_set_default_verify_paths", signature = (context, /))]
fn set_default_verify_paths(context: Target<'_>) -> PyResult<c_int> {
    code(change(&context.0, |settings| settings.set_default_verify_paths())?)
}

/// ``X509_VERIFY_PARAM *SSL_CTX_get0_param(SSL_CTX *)``: whom the peers of its connections must prove
/// to be.
#[pyfunction(name = "SSL_CTX_get0_param", signature = (context, /))]
fn get0_param(context: Target<'_>) -> PyResult<Handle> {
    let address = context.0.get().core()?.verification_address();
    Ok(Handle::in_object(Named::ContextParameters, address, context.0.as_any()))
}

/// ``X509_STORE *SSL_CTX_get_cert_store(const SSL_CTX *)``: the trusted certificates.
#[pyfunction(name = "SSL_CTX_get_cert_store", signature = (context, /))]
fn get_cert_store(context: Target<'_>) -> PyResult<Handle> {
    let store = |settings: &Settings<'_>| settings.certificate_store();
    let store = context.0.get().settings(context.0.py(), store)?;
    Ok(store.map_or_else(Handle::null, |store| Handle::of(Named::Store(store))))
}

macro_rules! methods {
    ($($(#[$doc:meta])* $name:literal $function:ident = $number:ident;)*) => {
        $(
            $(#[$doc])*
            #[pyfunction(name = $name)]
            fn $function() -> Handle {
                let method = Method::from_number(tls::constants::$number);
                method.map_or_else(Handle::null, |method| Handle::of(Named::Method(method)))
            }
        )*
    };
}

methods! {
    /// ``const SSL_METHOD *TLS_method(void)``
    "TLS_method" tls_method = TLS_METHOD;
    /// ``const SSL_METHOD *TLS_server_method(void)``
    "TLS_server_method" tls_server_method = TLS_SERVER_METHOD;
    /// ``const SSL_METHOD *TLS_client_method(void)``
    "TLS_client_method" tls_client_method = TLS_CLIENT_METHOD;
    /// ``const SSL_METHOD *DTLS_method(void)``
    "DTLS_method" dtls_method = DTLS_METHOD;
    /// ``const SSL_METHOD *DTLS_server_method(void)``
    "DTLS_server_method" dtls_server_method = DTLS_SERVER_METHOD;
    /// ``const SSL_METHOD *DTLS_client_method(void)``
    "DTLS_client_method" dtls_client_method = DTLS_CLIENT_METHOD;
}

pub(super) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    add_functions!(
        module,
        get_options,
        set_options,
        set_mode,
        clear_mode,
        set_min_proto_version,
        set_max_proto_version,
        set_tmp_dh,
        set_ecdh_auto,
        set1_curves_list,
        set1_sigalgs_list,
        set_post_handshake_auth,
        set_default_verify_paths,
        get0_param,
        get_cert_store,
        tls_method,
        tls_server_method,
        tls_client_method,
        dtls_method,
        dtls_server_method,
        dtls_client_method,
    );
    Ok(())
}
