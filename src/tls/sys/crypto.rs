//! Certificates, names, stores, keys: declarations of libcrypto that `openssl-sys` lacks.
//!
//! Parameters that OpenSSL 4.0 made `const` are `*const` here: the 3.0 functions only read them too.

use std::ffi::{c_char, c_int, c_ulong, c_void};

use openssl_sys as ffi;

/// What `X509_LOOKUP_load_file` and `X509_LOOKUP_add_store` ask of `X509_LOOKUP_ctrl`.
pub(crate) const X509_L_FILE_LOAD: c_int = 1;
pub(crate) const X509_L_ADD_STORE: c_int = 3;

/// One of the curves OpenSSL knows. OpenSSL: `EC_builtin_curve`.
#[repr(C)]
pub(crate) struct BuiltinCurve {
    pub(crate) nid: c_int,
    pub(crate) comment: *const c_char,
}

unsafe extern "C" {
    pub(crate) fn ASN1_STRING_copy(
        to: *mut ffi::ASN1_STRING,
        from: *const ffi::ASN1_STRING,
    ) -> c_int;
    pub(crate) fn ASN1_TIME_to_generalizedtime(
        time: *const ffi::ASN1_TIME,
        out: *mut *mut ffi::ASN1_GENERALIZEDTIME,
    ) -> *mut ffi::ASN1_GENERALIZEDTIME;

    pub(crate) fn OBJ_txt2nid(name: *const c_char) -> c_int;

    pub(crate) fn X509_get0_notBefore(certificate: *const ffi::X509) -> *const ffi::ASN1_TIME;
    pub(crate) fn X509_get0_notAfter(certificate: *const ffi::X509) -> *const ffi::ASN1_TIME;
    pub(crate) fn X509_get0_tbs_sigalg(certificate: *const ffi::X509) -> *const ffi::X509_ALGOR;
    pub(crate) fn X509_print_ex(
        out: *mut ffi::BIO,
        certificate: *const ffi::X509,
        name_flags: c_ulong,
        certificate_flags: c_ulong,
    ) -> c_int;

    pub(crate) fn X509_get_default_cert_dir() -> *const c_char;
    pub(crate) fn X509_get_default_cert_file() -> *const c_char;

    pub(crate) fn X509_NAME_delete_entry(
        name: *mut ffi::X509_NAME,
        index: c_int,
    ) -> *mut ffi::X509_NAME_ENTRY;
    pub(crate) fn X509_NAME_hash_ex(
        name: *const ffi::X509_NAME,
        library: *mut ffi::OSSL_LIB_CTX,
        properties: *const c_char,
        ok: *mut c_int,
    ) -> c_ulong;
    pub(crate) fn X509_NAME_oneline(
        name: *const ffi::X509_NAME,
        out: *mut c_char,
        size: c_int,
    ) -> *mut c_char;

    pub(crate) fn X509_LOOKUP_store() -> *mut ffi::X509_LOOKUP_METHOD;

    pub(crate) fn X509_STORE_up_ref(store: *mut ffi::X509_STORE) -> c_int;
    pub(crate) fn X509_STORE_add_crl(store: *mut ffi::X509_STORE, crl: *mut ffi::X509_CRL)
    -> c_int;
    #[cfg(openssl_3_3)]
    pub(crate) fn X509_STORE_get1_objects(store: *mut ffi::X509_STORE) -> *mut ffi::OPENSSL_STACK;
    #[cfg(not(openssl_3_3))]
    pub(crate) fn X509_STORE_lock(store: *mut ffi::X509_STORE) -> c_int;
    #[cfg(not(openssl_3_3))]
    pub(crate) fn X509_STORE_unlock(store: *mut ffi::X509_STORE) -> c_int;
    pub(crate) fn X509_STORE_get0_param(
        store: *const ffi::X509_STORE,
    ) -> *mut ffi::X509_VERIFY_PARAM;
    pub(crate) fn X509_STORE_set1_param(
        store: *mut ffi::X509_STORE,
        parameters: *const ffi::X509_VERIFY_PARAM,
    ) -> c_int;
    pub(crate) fn X509_OBJECT_get0_X509_CRL(object: *const ffi::X509_OBJECT) -> *mut ffi::X509_CRL;
    pub(crate) fn d2i_X509_CRL_bio(
        data: *mut ffi::BIO,
        reuse: *mut *mut ffi::X509_CRL,
    ) -> *mut ffi::X509_CRL;

    pub(crate) fn EC_get_builtin_curves(out: *mut BuiltinCurve, room: usize) -> usize;
    pub(crate) fn EVP_PKEY_get0_type_name(key: *const ffi::EVP_PKEY) -> *const c_char;
    pub(crate) fn EVP_PKEY_type(id: c_int) -> c_int;
    pub(crate) fn RSA_print(out: *mut ffi::BIO, key: *const ffi::RSA, offset: c_int) -> c_int;
    pub(crate) fn d2i_PUBKEY_bio(
        data: *mut ffi::BIO,
        reuse: *mut *mut ffi::EVP_PKEY,
    ) -> *mut ffi::EVP_PKEY;
    pub(crate) fn d2i_PrivateKey_bio(
        data: *mut ffi::BIO,
        reuse: *mut *mut ffi::EVP_PKEY,
    ) -> *mut ffi::EVP_PKEY;

    pub(crate) fn OSSL_PROVIDER_available(
        library: *mut ffi::OSSL_LIB_CTX,
        name: *const c_char,
    ) -> c_int;

    pub(crate) fn OPENSSL_cleanse(data: *mut c_void, size: usize);
}
