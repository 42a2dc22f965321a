//! Declarations of libssl and libcrypto that `openssl-sys` lacks, and macros of theirs as functions.
//!
//! Each is as OpenSSL 3.0 to 4.0 declare it. What openssl-sys gains may be deleted here.

pub(crate) mod crypto;

use std::ffi::{CStr, c_char, c_int, c_long, c_uchar, c_uint, c_ulong, c_void};

use openssl_sys as ffi;

/// An address as a BIO has it; opaque.
#[repr(C)]
pub(crate) struct BIO_ADDR {
    _opaque: [u8; 0],
}

// The types of functions that OpenSSL calls.
pub(crate) type InfoCallback = unsafe extern "C" fn(*const ffi::SSL, c_int, c_int);
pub(crate) type VerifyCallback = unsafe extern "C" fn(c_int, *mut ffi::X509_STORE_CTX) -> c_int;
pub(crate) type CookieGenerateCallback =
    unsafe extern "C" fn(*mut ffi::SSL, *mut c_uchar, *mut c_uint) -> c_int;
pub(crate) type CookieVerifyCallback =
    unsafe extern "C" fn(*mut ffi::SSL, *const c_uchar, c_uint) -> c_int;

/// `CRYPTO_malloc_fn`, `CRYPTO_realloc_fn`, `CRYPTO_free_fn`: the last two arguments are the file and
/// line in OpenSSL's sources.
type Malloc = unsafe extern "C" fn(usize, *const c_char, c_int) -> *mut c_void;
type Realloc = unsafe extern "C" fn(*mut c_void, usize, *const c_char, c_int) -> *mut c_void;
type Free = unsafe extern "C" fn(*mut c_void, *const c_char, c_int);

unsafe extern "C" {
    #[cfg_attr(not(all(feature = "mimalloc", openssl_compiled_in)), expect(dead_code))]
    pub(crate) fn CRYPTO_set_mem_functions(
        malloc: Option<Malloc>,
        realloc: Option<Realloc>,
        free: Option<Free>,
    ) -> c_int;

    pub(crate) fn ERR_peek_error() -> c_ulong;
    pub(crate) fn ERR_new();
    pub(crate) fn ERR_set_error(library: c_int, reason: c_int, format: *const c_char, ...);

    pub(crate) fn BIO_new_file(path: *const c_char, mode: *const c_char) -> *mut ffi::BIO;
    pub(crate) fn OPENSSL_sk_new_null() -> *mut ffi::OPENSSL_STACK;

    pub(crate) fn SSL_CTX_get_options(context: *const ffi::SSL_CTX) -> u64;
    pub(crate) fn SSL_CTX_set_options(context: *mut ffi::SSL_CTX, options: u64) -> u64;
    pub(crate) fn SSL_CTX_get_timeout(context: *const ffi::SSL_CTX) -> c_long;
    pub(crate) fn SSL_CTX_set_timeout(context: *mut ffi::SSL_CTX, seconds: c_long) -> c_long;
    pub(crate) fn SSL_CTX_get_verify_depth(context: *const ffi::SSL_CTX) -> c_int;
    pub(crate) fn SSL_CTX_get0_certificate(context: *const ffi::SSL_CTX) -> *mut ffi::X509;
    pub(crate) fn SSL_CTX_get0_privatekey(context: *const ffi::SSL_CTX) -> *mut ffi::EVP_PKEY;
    pub(crate) fn SSL_CTX_set_default_passwd_cb(
        context: *mut ffi::SSL_CTX,
        callback: ffi::pem_password_cb,
    );
    pub(crate) fn SSL_CTX_set_default_passwd_cb_userdata(
        context: *mut ffi::SSL_CTX,
        data: *mut c_void,
    );
    pub(crate) fn SSL_CTX_set_info_callback(
        context: *mut ffi::SSL_CTX,
        callback: Option<InfoCallback>,
    );
    pub(crate) fn SSL_CTX_set1_cert_store(context: *mut ffi::SSL_CTX, store: *mut ffi::X509_STORE);

    // openssl-sys declares the next four to take safe functions, which ours are not.
    pub(crate) fn SSL_CTX_set_verify(
        context: *mut ffi::SSL_CTX,
        mode: c_int,
        callback: Option<VerifyCallback>,
    );
    pub(crate) fn SSL_set_verify(ssl: *mut ffi::SSL, mode: c_int, callback: Option<VerifyCallback>);
    pub(crate) fn SSL_CTX_set_cookie_generate_cb(
        context: *mut ffi::SSL_CTX,
        callback: Option<CookieGenerateCallback>,
    );
    pub(crate) fn SSL_CTX_set_cookie_verify_cb(
        context: *mut ffi::SSL_CTX,
        callback: Option<CookieVerifyCallback>,
    );

    pub(crate) fn SSL_clear(ssl: *mut ffi::SSL) -> c_int;
    pub(crate) fn SSL_set_info_callback(ssl: *mut ffi::SSL, callback: Option<InfoCallback>);
    pub(crate) fn SSL_set_options(ssl: *mut ffi::SSL, options: u64) -> u64;
    pub(crate) fn SSL_use_certificate(ssl: *mut ffi::SSL, certificate: *mut ffi::X509) -> c_int;
    pub(crate) fn SSL_use_PrivateKey(ssl: *mut ffi::SSL, key: *mut ffi::EVP_PKEY) -> c_int;
    fn SSL_rstate_string(ssl: *const ffi::SSL) -> *const c_char;
    pub(crate) fn SSL_in_before(ssl: *const ffi::SSL) -> c_int;
    pub(crate) fn SSL_in_init(ssl: *const ffi::SSL) -> c_int;
    pub(crate) fn SSL_copy_session_id(to: *mut ffi::SSL, from: *const ffi::SSL) -> c_int;
    pub(crate) fn SSL_want(ssl: *const ffi::SSL) -> c_int;
    pub(crate) fn SSL_get_current_compression(ssl: *const ffi::SSL) -> *const c_void;
    pub(crate) fn SSL_get_cipher_list(ssl: *const ffi::SSL, n: c_int) -> *const c_char;
    pub(crate) fn SSL_get_client_CA_list(ssl: *const ffi::SSL) -> *mut ffi::stack_st_X509_NAME;
    pub(crate) fn SSL_renegotiate(ssl: *mut ffi::SSL) -> c_int;
    pub(crate) fn SSL_renegotiate_pending(ssl: *const ffi::SSL) -> c_int;
    pub(crate) fn SSL_SESSION_dup(session: *const ffi::SSL_SESSION) -> *mut ffi::SSL_SESSION;
    #[cfg(openssl_3_2)]
    fn SSL_get0_group_name(ssl: *mut ffi::SSL) -> *const c_char;
    #[cfg(not(openssl_3_2))]
    fn SSL_group_to_name(ssl: *mut ffi::SSL, id: c_int) -> *const c_char;

    pub(crate) fn BIO_ADDR_new() -> *mut BIO_ADDR;
    pub(crate) fn BIO_ADDR_free(address: *mut BIO_ADDR);
    pub(crate) fn SSL_is_dtls(ssl: *const ffi::SSL) -> c_int;
    pub(crate) fn DTLSv1_listen(ssl: *mut ffi::SSL, client: *mut BIO_ADDR) -> c_int;
    pub(crate) fn DTLS_get_data_mtu(ssl: *const ffi::SSL) -> usize;
}

// ssl.h
pub(crate) const SSL_WRITING: c_int = 2;
pub(crate) const SSL_READING: c_int = 3;
pub(crate) const SSL_CTRL_GET_TOTAL_RENEGOTIATIONS: c_int = 12;
pub(crate) const SSL_CTRL_SET_MTU: c_int = 17;
pub(crate) const SSL_CTRL_GET_SESS_CACHE_MODE: c_int = 45;
pub(crate) const DTLS_CTRL_GET_TIMEOUT: c_int = 73;
pub(crate) const DTLS_CTRL_HANDLE_TIMEOUT: c_int = 74;
pub(crate) const SSL_CTRL_CLEAR_MODE: c_int = 78;
pub(crate) const SSL_CTRL_CHAIN_CERT: c_int = 89;
pub(crate) const SSL_CTRL_GET_CHAIN_CERTS: c_int = 115;
#[cfg(not(openssl_3_2))]
const SSL_CTRL_GET_NEGOTIATED_GROUP: c_int = 134;

/// `SSL_ctrl` for the commands that take a number and no pointer.
///
/// # Safety
///
/// `ssl` is alive, and this thread holds its connection's lock.
pub(crate) unsafe fn ssl_ctrl(ssl: *mut ffi::SSL, command: c_int, number: c_long) -> c_long {
    // SAFETY: the caller's promise.
    unsafe { ffi::SSL_ctrl(ssl, command, number, std::ptr::null_mut()) }
}

/// Whether the next byte that OpenSSL reads is the first of a record.
///
/// # Safety
///
/// `ssl` is alive, and this thread holds its connection's lock.
pub(crate) unsafe fn is_at_record(ssl: *const ffi::SSL) -> bool {
    // SAFETY: the caller's promise; the string is static. "RH": read header, as opposed to body.
    unsafe { CStr::from_ptr(SSL_rstate_string(ssl)) == c"RH" }
}

/// The name of the key exchange's group; null for none.
///
/// # Safety
///
/// `ssl` is alive, has a session, and this thread holds its connection's lock.
pub(crate) unsafe fn group_name(ssl: *mut ffi::SSL) -> *const c_char {
    // SAFETY: the caller's promise.
    #[cfg(openssl_3_2)]
    unsafe {
        SSL_get0_group_name(ssl)
    }
    // SAFETY: the caller's promise.
    #[cfg(not(openssl_3_2))]
    unsafe {
        let id = ssl_ctrl(ssl, SSL_CTRL_GET_NEGOTIATED_GROUP, 0);
        if id == 0 { std::ptr::null() } else { SSL_group_to_name(ssl, id as c_int) }
    }
}
