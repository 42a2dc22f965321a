//! Every function of ours that OpenSSL calls on behalf of a connection: pointers become safe
//! arguments, [`ConnectionState::run`] calls the user, and the answer is checked against the room
//! that C gave.

use std::ffi::{CStr, c_char, c_int, c_long, c_uchar, c_uint, c_void};
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

use openssl_sys as ffi;

use super::{AlpnAnswer, ConnectionState, OcspCallback, ServerNameAnswer, Verification};
use crate::tls::borrowed;
use crate::tls::error::{Error, Result, check, library_error};
use crate::tls::memory;

/// The longest cookie that a DTLS HelloVerifyRequest carries (RFC 6347 section 4.2.1;
/// `DTLS1_COOKIE_LENGTH`).
const MAX_COOKIE: usize = 255;
/// The longest protocol name of ALPN (RFC 7301 section 3.1).
const MAX_ALPN: usize = 255;

const SSL_TLSEXT_ERR_OK: c_int = 0;
const SSL_TLSEXT_ERR_ALERT_FATAL: c_int = 2;
const SSL_TLSEXT_ERR_NOACK: c_int = 3;

/// Hangs the state on the `SSL`, which frees it with itself.
///
/// OpenSSL: `SSL_set_ex_data`.
pub(crate) fn attach(
    ssl: *mut ffi::SSL,
    state: ConnectionState,
) -> Result<NonNull<ConnectionState>> {
    let index = index()?;
    let state = NonNull::from(Box::leak(Box::new(state)));
    // SAFETY: the index was made for this, and the SSL is the caller's own.
    if let Err(error) = check(unsafe { ffi::SSL_set_ex_data(ssl, index, state.as_ptr().cast()) }) {
        // SAFETY: the SSL did not take it, so it is still ours.
        drop(unsafe { Box::from_raw(state.as_ptr()) });
        return Err(error);
    }
    Ok(state)
}

/// The slot of the state in an `SSL`'s ex_data.
///
/// OpenSSL: `SSL_get_ex_new_index`.
fn index() -> Result<c_int> {
    static INDEX: OnceLock<c_int> = OnceLock::new();
    if let Some(index) = INDEX.get() {
        return Ok(*index);
    }
    // Two threads may both get here; the slot of the one that loses stays empty.
    // SAFETY: `free_state` has the type that is asked for, and takes what `attach` stores.
    let index =
        unsafe { ffi::SSL_get_ex_new_index(0, ptr::null_mut(), None, None, Some(free_state)) };
    if index < 0 {
        return Err(library_error());
    }
    Ok(*INDEX.get_or_init(|| index))
}

unsafe extern "C" fn free_state(
    _parent: *mut c_void,
    state: *mut c_void,
    _data: *mut ffi::CRYPTO_EX_DATA,
    _index: c_int,
    _number: c_long,
    _pointer: *mut c_void,
) {
    if !state.is_null() {
        // SAFETY: `attach` stored a box; OpenSSL runs this once, when the SSL is freed.
        drop(unsafe { Box::from_raw(state.cast::<ConnectionState>()) });
    }
}

/// The state that hangs on an `SSL`; `None` for one that is not ours, or is only half made.
///
/// # Safety
///
/// `ssl` is alive for `'a`, and this thread holds its connection's lock.
unsafe fn state<'a>(ssl: *const ffi::SSL) -> Option<&'a ConnectionState> {
    let index = index().ok()?;
    // SAFETY: the caller's promise; the slot holds null or what `attach` stored, which lives as
    // long as the SSL.
    unsafe { ffi::SSL_get_ex_data(ssl, index).cast::<ConnectionState>().as_ref() }
}

/// `SSL_CTX_set_verify`, `SSL_set_verify`.
pub(crate) unsafe extern "C" fn verify(ok: c_int, store: *mut ffi::X509_STORE_CTX) -> c_int {
    // SAFETY: OpenSSL passes a live store context, in whose ex_data libssl has put the SSL that is
    // being verified. The current certificate may be null; otherwise it gets a reference of its own.
    let (state, verification) = unsafe {
        let ssl = ffi::X509_STORE_CTX_get_ex_data(store, ffi::SSL_get_ex_data_X509_STORE_CTX_idx());
        let Some(state) = (if ssl.is_null() { None } else { state(ssl.cast()) }) else { return 0 };
        let certificate = ffi::X509_STORE_CTX_get_current_cert(store);
        let verification = Verification {
            certificate: borrowed::certificate(certificate),
            error: ffi::X509_STORE_CTX_get_error(store),
            depth: ffi::X509_STORE_CTX_get_error_depth(store),
            ok,
        };
        (state, verification)
    };
    let Some(callback) = state.verify.borrow().clone() else { return ok };
    let accepted = state.run(false, || callback(state, verification));
    if accepted {
        // SAFETY: as above.
        unsafe { ffi::X509_STORE_CTX_set_error(store, ffi::X509_V_OK) };
    }
    c_int::from(accepted)
}

/// `SSL_CTX_set_tlsext_servername_callback`.
pub(crate) unsafe extern "C" fn server_name(
    ssl: *mut ffi::SSL,
    _alert: *mut c_int,
    _pointer: *mut c_void,
) -> c_int {
    // SAFETY: OpenSSL calls this from a call on the SSL, so its connection's lock is held.
    let Some(state) = (unsafe { state(ssl) }) else { return SSL_TLSEXT_ERR_ALERT_FATAL };
    let callback =
        state.current().server_name.clone().or_else(|| state.initial.server_name.clone());
    let Some(callback) = callback else { return SSL_TLSEXT_ERR_NOACK };
    match state.run_naming(|| callback(state)) {
        ServerNameAnswer::Continue => SSL_TLSEXT_ERR_OK,
        ServerNameAnswer::Refuse => SSL_TLSEXT_ERR_ALERT_FATAL,
    }
}

/// `SSL_CTX_set_alpn_select_cb`.
pub(crate) unsafe extern "C" fn alpn_select(
    ssl: *mut ffi::SSL,
    out: *mut *const c_uchar,
    out_len: *mut c_uchar,
    offered: *const c_uchar,
    offered_len: c_uint,
    _pointer: *mut c_void,
) -> c_int {
    // SAFETY: OpenSSL calls this from a call on the SSL, so its connection's lock is held; the
    // client's list is `offered_len` bytes and lives during the call.
    let (state, offered) = unsafe {
        let Some(state) = state(ssl) else { return SSL_TLSEXT_ERR_ALERT_FATAL };
        (state, memory::borrowed(offered, offered_len as usize))
    };
    let Some(callback) = state.current().alpn_select.clone() else { return SSL_TLSEXT_ERR_NOACK };
    let answer = state.run(None, || {
        let answer = callback(state, &protocols(offered))?;
        match answer {
            AlpnAnswer::Protocol(name) if name.len() > MAX_ALPN => {
                Err("a protocol name has at most 255 bytes".into())
            }
            answer => Ok(Some(answer)),
        }
    });
    let (name, code) = match answer {
        None => return SSL_TLSEXT_ERR_ALERT_FATAL,
        Some(AlpnAnswer::NoOverlap) => (Vec::new(), SSL_TLSEXT_ERR_NOACK),
        Some(AlpnAnswer::Protocol(name)) => (name, SSL_TLSEXT_ERR_OK),
    };
    let mut selected = state.alpn_selected.borrow_mut();
    *selected = name.into_boxed_slice();
    // SAFETY: OpenSSL passes room for one pointer and one length. It copies the name after this
    // function has returned; until then the state, which lives as long as the SSL, holds it.
    unsafe {
        *out = selected.as_ptr();
        *out_len = selected.len() as c_uchar; // at most MAX_ALPN
    }
    code
}

/// `SSL_CTX_set_info_callback`, `SSL_set_info_callback`.
pub(crate) unsafe extern "C" fn info(ssl: *const ffi::SSL, place: c_int, code: c_int) {
    // SAFETY: OpenSSL calls this from a call on the SSL, so its connection's lock is held.
    let Some(state) = (unsafe { state(ssl) }) else { return };
    let own = state.info.borrow().clone();
    if let Some(callback) = own.or_else(|| state.current().info.clone()) {
        state.run((), || callback(state, place, code));
    }
}

/// `SSL_CTX_set_keylog_callback`.
pub(crate) unsafe extern "C" fn keylog(ssl: *const ffi::SSL, line: *const c_char) {
    // SAFETY: OpenSSL calls this from a call on the SSL, so its connection's lock is held; the line
    // is NUL-terminated and lives during the call.
    let (state, line) = unsafe {
        let Some(state) = state(ssl) else { return };
        (state, CStr::from_ptr(line))
    };
    if let Some(callback) = state.current().keylog.clone() {
        state.run((), || callback(state, line.to_bytes()));
    }
}

/// `SSL_CTX_set_tlsext_status_cb`.
pub(crate) unsafe extern "C" fn ocsp(ssl: *mut ffi::SSL, _pointer: *mut c_void) -> c_int {
    // SAFETY: OpenSSL calls this from a call on the SSL, so its connection's lock is held.
    let Some(state) = (unsafe { state(ssl) }) else { return -1 };
    match state.current().ocsp.clone() {
        None => SSL_TLSEXT_ERR_NOACK,
        // On a client a positive answer accepts: there, the answer that fails closed is -1.
        Some(OcspCallback::Server(callback)) => state.run(fatal(ssl), || {
            let response = callback(state)?;
            if response.is_empty() {
                return Ok(SSL_TLSEXT_ERR_NOACK);
            }
            staple(ssl, &response)?;
            Ok(SSL_TLSEXT_ERR_OK)
        }),
        Some(OcspCallback::Client(callback)) => state.run(-1, || {
            let mut response = ptr::null_mut::<c_uchar>();
            // SAFETY: room for one pointer, which OpenSSL sets to bytes that the SSL owns.
            let len = unsafe {
                ffi::SSL_ctrl(
                    ssl,
                    ffi::SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP,
                    0,
                    (&raw mut response).cast(),
                )
            };
            // A copy: the callback may call the connection and make OpenSSL drop its own.
            // SAFETY: a length above 0 is that of the response.
            let response =
                unsafe { memory::borrowed(response, usize::try_from(len).unwrap_or(0)) }.to_vec();
            Ok(c_int::from(callback(state, &response)?))
        }),
    }
}

/// What an OCSP callback answers to end the handshake, at this end.
fn fatal(ssl: *mut ffi::SSL) -> c_int {
    // SAFETY: OpenSSL passed the SSL to the trampoline, so it is alive.
    if unsafe { ffi::SSL_is_server(ssl) } == 1 { SSL_TLSEXT_ERR_ALERT_FATAL } else { -1 }
}

/// Gives the `SSL` a response to staple.
///
/// OpenSSL: `SSL_set_tlsext_status_ocsp_resp`.
fn staple(ssl: *mut ffi::SSL, response: &[u8]) -> Result<()> {
    let len = c_long::try_from(response.len())
        .ok()
        .filter(|_| response.len() <= c_int::MAX as usize)
        .ok_or(Error::Invalid("the OCSP response is too long"))?;
    // SAFETY: the room is allocated for `response.len()` bytes by the allocator with which OpenSSL
    // will free it; OpenSSL owns it once the call has succeeded.
    unsafe {
        let copy = ffi::OPENSSL_malloc(response.len());
        if copy.is_null() {
            return Err(library_error());
        }
        ptr::copy_nonoverlapping(response.as_ptr(), copy.cast(), response.len());
        let code = ffi::SSL_ctrl(ssl, ffi::SSL_CTRL_SET_TLSEXT_STATUS_REQ_OCSP_RESP, len, copy);
        if code != 1 {
            ffi::OPENSSL_free(copy);
            return Err(library_error());
        }
    }
    Ok(())
}

/// `SSL_CTX_set_cookie_generate_cb`.
pub(crate) unsafe extern "C" fn cookie_generate(
    ssl: *mut ffi::SSL,
    cookie: *mut c_uchar,
    cookie_len: *mut c_uint,
) -> c_int {
    // SAFETY: OpenSSL calls this from a call on the SSL, so its connection's lock is held.
    let Some(state) = (unsafe { state(ssl) }) else { return 0 };
    let Some(callback) = state.current().cookie_generate.clone() else { return 0 };
    state.run(0, || {
        let made = callback(state)?;
        if made.len() > MAX_COOKIE {
            return Err("a cookie has at most 255 bytes".into());
        }
        // SAFETY: OpenSSL gives room for DTLS1_COOKIE_LENGTH bytes and for one length.
        unsafe {
            ptr::copy_nonoverlapping(made.as_ptr(), cookie, made.len());
            *cookie_len = made.len() as c_uint; // at most MAX_COOKIE
        }
        Ok(1)
    })
}

/// `SSL_CTX_set_cookie_verify_cb`.
pub(crate) unsafe extern "C" fn cookie_verify(
    ssl: *mut ffi::SSL,
    cookie: *const c_uchar,
    cookie_len: c_uint,
) -> c_int {
    // SAFETY: OpenSSL calls this from a call on the SSL, so its connection's lock is held; the
    // cookie is `cookie_len` bytes and lives during the call.
    let (state, cookie) = unsafe {
        let Some(state) = state(ssl) else { return 0 };
        (state, memory::borrowed(cookie, cookie_len as usize))
    };
    let Some(callback) = state.current().cookie_verify.clone() else { return 0 };
    c_int::from(state.run(false, || callback(state, cookie)))
}

/// The names in a list of ALPN protocols, each behind its length (RFC 7301 section 3.1). A name that
/// the list cuts short is left out.
fn protocols(mut list: &[u8]) -> Vec<&[u8]> {
    let mut names = Vec::new();
    while let Some((&len, rest)) = list.split_first() {
        let Some((name, rest)) = rest.split_at_checked(usize::from(len)) else { break };
        names.push(name);
        list = rest;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_split_at_their_lengths() {
        assert_eq!(protocols(b"\x02h2\x08http/1.1"), [&b"h2"[..], b"http/1.1"]);
        assert!(protocols(b"").is_empty());
        assert_eq!(protocols(b"\x02h2\x09cut"), [b"h2"]);
        assert_eq!(protocols(b"\x00"), [b""]);
    }
}
