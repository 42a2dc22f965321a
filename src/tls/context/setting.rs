//! One setting of a context, in a form that can be applied to any `SSL_CTX`.

use std::ffi::{CString, c_int, c_long, c_uint, c_void};
use std::ptr;

use openssl_sys as ffi;

use crate::tls::borrowed;
use crate::tls::callbacks::trampolines;
use crate::tls::dh::Parameters;
use crate::tls::error::{Error, Result, check, check_ptr, clear_queue, library_error};
use crate::tls::pkey::PKey;
use crate::tls::sys;
use crate::tls::verification::{self, Identity};
use crate::tls::x509::{Certificate, Name};

/// A setting. Its data are what OpenSSL made of the caller's arguments, so that applying it again
/// neither reads a file nor asks for a passphrase.
#[derive(Clone)]
pub(super) enum Setting {
    Mode(c_long),
    ClearMode(c_long),
    Options(u64),
    MinVersion(c_int),
    MaxVersion(c_int),
    Ciphers(CString),
    Ciphersuites(CString),
    Certificate(Certificate),
    /// What is sent behind the certificate that was set last.
    Chain(Vec<Certificate>),
    /// What is sent behind a certificate that has no chain of its own.
    ExtraChainCertificate(Certificate),
    PrivateKey(PKey),
    TemporaryDh(Parameters),
    /// A curve, by its NID.
    TemporaryCurve(c_int),
    Groups(CString),
    SignatureAlgorithms(CString),
    PostHandshakeAuth(bool),
    AlpnProtocols(Vec<u8>),
    SrtpProfiles(CString),
    ClientCas(Vec<Name>),
    ClientCa(Certificate),
    SessionIdContext(Vec<u8>),
    SessionCacheMode(c_long),
    Timeout(c_long),
    VerifyDepth(c_int),
    Verify {
        mode: c_int,
        callback: bool,
    },
    /// Whom the peer's certificate must name.
    Identity(Identity),
    /// How names of hosts are compared.
    HostFlags(c_uint),
    TrustDirectory(CString),
    DefaultTrustDirectory,
    ServerNameCallback,
    AlpnSelectCallback,
    InfoCallback,
    KeylogCallback,
    OcspCallback,
    CookieGenerateCallback,
    CookieVerifyCallback,
}

impl Setting {
    /// Makes it so. The caller has emptied the error queue.
    pub(super) fn apply(&self, context: *mut ffi::SSL_CTX) -> Result<()> {
        let control = |command, number, pointer: *mut c_void| {
            // SAFETY: the caller's SSL_CTX is alive; each command below passes what it asks for.
            unsafe { ffi::SSL_CTX_ctrl(context, command, number, pointer) }
        };
        let none = ptr::null_mut();
        // SAFETY: as above. Handles are alive during the call, and OpenSSL takes a reference or a
        // copy of its own unless the arm says otherwise. Strings are NUL-terminated.
        unsafe {
            match self {
                Self::Mode(mode) => {
                    control(ffi::SSL_CTRL_MODE, *mode, none);
                }
                Self::ClearMode(mode) => {
                    control(sys::SSL_CTRL_CLEAR_MODE, *mode, none);
                }
                Self::Options(options) => {
                    sys::SSL_CTX_set_options(context, *options);
                }
                Self::MinVersion(version) => {
                    check_long(control(
                        ffi::SSL_CTRL_SET_MIN_PROTO_VERSION,
                        c_long::from(*version),
                        none,
                    ))?;
                }
                Self::MaxVersion(version) => {
                    check_long(control(
                        ffi::SSL_CTRL_SET_MAX_PROTO_VERSION,
                        c_long::from(*version),
                        none,
                    ))?;
                }
                Self::Ciphers(list) => {
                    check(ffi::SSL_CTX_set_cipher_list(context, list.as_ptr()))?;
                }
                Self::Ciphersuites(list) => {
                    check(ffi::SSL_CTX_set_ciphersuites(context, list.as_ptr()))?;
                }
                Self::Certificate(certificate) => {
                    check(ffi::SSL_CTX_use_certificate(context, certificate.as_ptr()))?;
                }
                Self::Chain(chain) => {
                    for certificate in chain {
                        // With 1, OpenSSL takes a reference of its own.
                        let pointer = certificate.as_ptr().cast();
                        check_long(control(sys::SSL_CTRL_CHAIN_CERT, 1, pointer))?;
                    }
                }
                Self::ExtraChainCertificate(certificate) => {
                    // OpenSSL takes over a reference, if it succeeds.
                    let own = certificate.clone();
                    check_long(control(ffi::SSL_CTRL_EXTRA_CHAIN_CERT, 0, own.as_ptr().cast()))?;
                    std::mem::forget(own);
                }
                Self::PrivateKey(key) => {
                    check(ffi::SSL_CTX_use_PrivateKey(context, key.as_ptr()))?;
                }
                Self::TemporaryDh(parameters) => {
                    let pointer = parameters.as_ptr().cast();
                    check_long(control(ffi::SSL_CTRL_SET_TMP_DH, 0, pointer))?;
                }
                Self::TemporaryCurve(nid) => set_temporary_curve(context, *nid)?,
                Self::Groups(list) => {
                    let list = list.as_ptr().cast_mut().cast();
                    check_long(control(ffi::SSL_CTRL_SET_GROUPS_LIST, 0, list))?;
                }
                Self::SignatureAlgorithms(list) => {
                    let list = list.as_ptr().cast_mut().cast();
                    check_long(control(ffi::SSL_CTRL_SET_SIGALGS_LIST, 0, list))?;
                }
                Self::PostHandshakeAuth(offered) => {
                    ffi::SSL_CTX_set_post_handshake_auth(context, (*offered).into());
                }
                Self::AlpnProtocols(list) => {
                    let len = c_uint::try_from(list.len())
                        .map_err(|_| Error::Invalid("the list of protocols is too long"))?;
                    // This one returns 0 for success.
                    if ffi::SSL_CTX_set_alpn_protos(context, list.as_ptr(), len) != 0 {
                        return Err(library_error());
                    }
                }
                Self::SrtpProfiles(profiles) => {
                    // So does this one.
                    if ffi::SSL_CTX_set_tlsext_use_srtp(context, profiles.as_ptr()) != 0 {
                        return Err(library_error());
                    }
                }
                Self::ClientCas(names) => {
                    let list = borrowed::name_list(names)?;
                    // OpenSSL takes over the list.
                    ffi::SSL_CTX_set_client_CA_list(context, list);
                }
                Self::ClientCa(certificate) => {
                    check(ffi::SSL_CTX_add_client_CA(context, certificate.as_ptr()))?;
                }
                Self::SessionIdContext(id) => {
                    let len = c_uint::try_from(id.len())
                        .map_err(|_| Error::Invalid("the session id is too long"))?;
                    check(ffi::SSL_CTX_set_session_id_context(context, id.as_ptr(), len))?;
                }
                Self::SessionCacheMode(mode) => {
                    control(ffi::SSL_CTRL_SET_SESS_CACHE_MODE, *mode, none);
                }
                Self::Timeout(seconds) => {
                    sys::SSL_CTX_set_timeout(context, *seconds);
                }
                Self::VerifyDepth(depth) => ffi::SSL_CTX_set_verify_depth(context, *depth),
                Self::Verify { mode, callback } => {
                    let trampoline = callback.then_some(trampolines::verify as _);
                    sys::SSL_CTX_set_verify(context, *mode, trampoline);
                }
                // The parameters are the SSL_CTX's own.
                Self::Identity(identity) => {
                    identity.apply(ffi::SSL_CTX_get0_param(context))?;
                }
                Self::HostFlags(flags) => {
                    verification::set_host_flags(ffi::SSL_CTX_get0_param(context), *flags);
                }
                // The store is the SSL_CTX's own.
                Self::TrustDirectory(directory) => {
                    let store = borrowed::store(ffi::SSL_CTX_get_cert_store(context));
                    store.map_or(Ok(()), |store| store.load_locations(None, Some(directory)))?;
                }
                Self::DefaultTrustDirectory => {
                    let store = borrowed::store(ffi::SSL_CTX_get_cert_store(context));
                    store.map_or(Ok(()), |store| store.search_default_directory())?;
                }
                Self::ServerNameCallback => {
                    check_long(ffi::SSL_CTX_set_tlsext_servername_callback__fixed_rust(
                        context,
                        Some(trampolines::server_name),
                    ))?;
                }
                Self::AlpnSelectCallback => ffi::SSL_CTX_set_alpn_select_cb__fixed_rust(
                    context,
                    Some(trampolines::alpn_select),
                    none,
                ),
                Self::InfoCallback => {
                    sys::SSL_CTX_set_info_callback(context, Some(trampolines::info));
                }
                Self::KeylogCallback => {
                    ffi::SSL_CTX_set_keylog_callback(context, Some(trampolines::keylog));
                }
                Self::OcspCallback => {
                    check_long(ffi::SSL_CTX_set_tlsext_status_cb(
                        context,
                        Some(trampolines::ocsp),
                    ))?;
                }
                Self::CookieGenerateCallback => {
                    sys::SSL_CTX_set_cookie_generate_cb(context, Some(trampolines::cookie_generate))
                }
                Self::CookieVerifyCallback => {
                    sys::SSL_CTX_set_cookie_verify_cb(context, Some(trampolines::cookie_verify));
                }
            }
        }
        Ok(())
    }

    /// Whether a connection has a copy of it from its beginning, and never asks the context again.
    /// (OpenSSL: what `SSL_new` copies.)
    pub(super) fn is_copied(&self) -> bool {
        matches!(
            self,
            Self::Mode(_)
                | Self::ClearMode(_)
                | Self::Options(_)
                | Self::MinVersion(_)
                | Self::MaxVersion(_)
                | Self::TemporaryDh(_)
                | Self::Groups(_)
                | Self::SignatureAlgorithms(_)
                | Self::PostHandshakeAuth(_)
                | Self::Identity(_)
                | Self::HostFlags(_)
        )
    }

    /// Whether nothing is left of the earlier one once this is applied.
    pub(super) fn replaces(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::Mode(new), Self::Mode(old) | Self::ClearMode(old))
            | (Self::ClearMode(new), Self::Mode(old) | Self::ClearMode(old)) => old & !new == 0,
            (Self::Options(new), Self::Options(old)) => old & !new == 0,
            (Self::Identity(new), Self::Identity(old)) => new.replaces(old),
            (Self::MinVersion(_), Self::MinVersion(_))
            | (Self::MaxVersion(_), Self::MaxVersion(_))
            | (Self::TemporaryDh(_), Self::TemporaryDh(_))
            | (Self::Groups(_), Self::Groups(_))
            | (Self::SignatureAlgorithms(_), Self::SignatureAlgorithms(_))
            | (Self::PostHandshakeAuth(_), Self::PostHandshakeAuth(_))
            | (Self::HostFlags(_), Self::HostFlags(_)) => true,
            _ => false,
        }
    }

    /// Leaves in the error queue what OpenSSL says of parameters that are not there.
    pub(super) fn refuse_temporary_dh(context: *mut ffi::SSL_CTX) {
        // SAFETY: the caller's SSL_CTX is alive, and this command refuses a null pointer.
        unsafe { ffi::SSL_CTX_ctrl(context, ffi::SSL_CTRL_SET_TMP_DH, 0, ptr::null_mut()) };
    }
}

/// Makes the curve the only group of the context's (EC)DHE key exchange. A curve that is no group of
/// TLS changes nothing: programs that go through all curves expect no error.
///
/// OpenSSL: `SSL_CTX_set_tmp_ecdh`, which is `SSL_CTX_set1_groups` with the key's curve.
fn set_temporary_curve(context: *mut ffi::SSL_CTX, nid: c_int) -> Result<()> {
    // SAFETY: the key is made, lent and freed here; OpenSSL takes only its curve.
    unsafe {
        let key = check_ptr(ffi::EC_KEY_new_by_curve_name(nid))?;
        ffi::SSL_CTX_ctrl(context, ffi::SSL_CTRL_SET_TMP_ECDH, 0, key.cast());
        ffi::EC_KEY_free(key);
    }
    clear_queue();
    Ok(())
}

/// As [`check`], for what `SSL_CTX_ctrl` returns.
fn check_long(code: c_long) -> Result<()> {
    if code > 0 { Ok(()) } else { Err(library_error()) }
}
