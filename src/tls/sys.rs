//! Declarations of libssl and libcrypto that `openssl-sys` lacks.
//!
//! Each is as OpenSSL 3.0 to 4.0 declare it. What openssl-sys gains may be deleted here.

#![allow(missing_docs)]

use std::ffi::c_ulong;

pub(crate) mod crypto;

unsafe extern "C" {
    pub(crate) fn ERR_peek_error() -> c_ulong;
}
