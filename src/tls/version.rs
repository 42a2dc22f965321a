//! Which OpenSSL is linked.

use std::ffi::{CStr, c_int};

use openssl_sys as ffi;

/// Whether OpenSSL is part of this library; otherwise it is the system's, and shared.
pub const COMPILED_IN: bool = cfg!(openssl_compiled_in);

/// A text about the OpenSSL linked; `what` is one of the `OPENSSL_*` constants. For a number that
/// OpenSSL does not know it says so.
///
/// OpenSSL: `OpenSSL_version`.
#[doc(alias = "OpenSSL_version")]
pub fn text(what: c_int) -> &'static CStr {
    // SAFETY: for every number OpenSSL returns a static string.
    unsafe { CStr::from_ptr(ffi::OpenSSL_version(what)) }
}

/// The version as a number: 0xMNN00PP0 for version M.NN.PP.
///
/// OpenSSL: `OpenSSL_version_num`.
#[doc(alias = "OpenSSL_version_num")]
#[allow(clippy::useless_conversion)] // how long a C integer is depends on the platform
pub fn number() -> u64 {
    // SAFETY: takes nothing and returns a number.
    u64::from(unsafe { ffi::OpenSSL_version_num() })
}
