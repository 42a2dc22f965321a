//! Whom a peer's certificate must name, for OpenSSL to check while it verifies the certificate.
//!
//! A context and a connection have such parameters each; a connection begins with its context's.

use std::ffi::{CStr, c_long, c_uint};
use std::ptr;

use openssl_sys as ffi;

use super::error::{Error, Result, check, check_ptr, clear_queue};

/// Whom it must name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    kind: Kind,
    /// Never empty: OpenSSL would take that for a string that ends with a NUL. `None` for any.
    value: Option<Box<[u8]>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Host,
    Address,
}

impl Identity {
    /// The host with this name, in the place of every other; `None` for any host.
    ///
    /// Fails with [`Error::Invalid`] for the empty name, which OpenSSL takes for any host, and with
    /// [`Error::Library`] for what can be no name.
    pub fn host(name: Option<&[u8]>) -> Result<Self> {
        Self::of(Kind::Host, name)
    }

    /// The host with this address of 4 or 16 bytes; `None` for any address.
    ///
    /// Fails with [`Error::Invalid`] for no bytes, and with [`Error::Library`] for another number.
    pub fn address(address: Option<&[u8]>) -> Result<Self> {
        Self::of(Kind::Address, address)
    }

    fn of(kind: Kind, value: Option<&[u8]>) -> Result<Self> {
        if value.is_some_and(<[u8]>::is_empty) {
            return Err(Error::Invalid("to check for nothing would let every certificate pass"));
        }
        let identity = Self { kind, value: value.map(Box::from) };
        identity.try_out()?;
        Ok(identity)
    }

    /// Fails if OpenSSL refuses it: it forgets what it was to check before it looks at what is new.
    fn try_out(&self) -> Result<()> {
        clear_queue();
        // SAFETY: the parameters are made and freed here.
        unsafe {
            let parameters = check_ptr(ffi::X509_VERIFY_PARAM_new())?;
            let outcome = self.apply(parameters);
            ffi::X509_VERIFY_PARAM_free(parameters);
            outcome
        }
    }

    /// Makes it so. The caller has emptied the error queue.
    ///
    /// OpenSSL: `X509_VERIFY_PARAM_set1_host`, `X509_VERIFY_PARAM_set1_ip`.
    ///
    /// # Safety
    ///
    /// `parameters` are alive, and nobody else uses them meanwhile.
    pub(crate) unsafe fn apply(&self, parameters: *mut ffi::X509_VERIFY_PARAM) -> Result<()> {
        let (pointer, len) = match &self.value {
            Some(value) => (value.as_ptr(), value.len()),
            None => (ptr::null(), 0),
        };
        // SAFETY: the caller's promise. OpenSSL copies `len` bytes, which are not none; a null
        // pointer ends the check.
        check(unsafe {
            match self.kind {
                Kind::Host => ffi::X509_VERIFY_PARAM_set1_host(parameters, pointer.cast(), len),
                Kind::Address => ffi::X509_VERIFY_PARAM_set1_ip(parameters, pointer, len),
            }
        })?;
        Ok(())
    }

    /// Whether this takes the place of the other.
    pub(crate) fn replaces(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// How names are compared (`X509_CHECK_FLAG_*`).
///
/// OpenSSL: `X509_VERIFY_PARAM_set_hostflags`.
///
/// # Safety
///
/// `parameters` are alive, and nobody else uses them meanwhile.
pub(crate) unsafe fn set_host_flags(parameters: *mut ffi::X509_VERIFY_PARAM, flags: c_uint) {
    // SAFETY: the caller's promise.
    unsafe { ffi::X509_VERIFY_PARAM_set_hostflags(parameters, flags) }
}

/// The flags, as constants.
pub const HOST_FLAGS: &[(&str, c_uint)] = &[
    ("ALWAYS_CHECK_SUBJECT", ffi::X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT),
    ("NO_WILDCARDS", ffi::X509_CHECK_FLAG_NO_WILDCARDS),
    ("NO_PARTIAL_WILDCARDS", ffi::X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS),
    ("MULTI_LABEL_WILDCARDS", ffi::X509_CHECK_FLAG_MULTI_LABEL_WILDCARDS),
    ("SINGLE_LABEL_SUBDOMAINS", ffi::X509_CHECK_FLAG_SINGLE_LABEL_SUBDOMAINS),
    ("NEVER_CHECK_SUBJECT", ffi::X509_CHECK_FLAG_NEVER_CHECK_SUBJECT),
];

/// OpenSSL's words for a result of verifying a certificate (`X509_V_*`).
///
/// OpenSSL: `X509_verify_cert_error_string`.
#[doc(alias = "X509_verify_cert_error_string")]
pub fn result_text(code: c_long) -> &'static CStr {
    // SAFETY: takes a number; the result is a static NUL-terminated string for every one.
    unsafe { CStr::from_ptr(ffi::X509_verify_cert_error_string(code)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_nobody_is_refused() {
        assert!(matches!(Identity::host(Some(b"")), Err(Error::Invalid(_))));
        assert!(matches!(Identity::address(Some(b"")), Err(Error::Invalid(_))));
        assert!(matches!(Identity::host(Some(b"a\0b")), Err(Error::Library(_))));
        assert!(matches!(Identity::address(Some(b"abc")), Err(Error::Library(_))));
        let (host, any) = (Identity::host(Some(b"host")).unwrap(), Identity::host(None).unwrap());
        assert!(any.replaces(&host));
        assert!(!Identity::address(None).unwrap().replaces(&host));
    }

    #[test]
    fn every_result_has_a_text() {
        assert_eq!(result_text(62), c"hostname mismatch");
        for code in [c_long::MIN, -1, 0, 1, 12345, c_long::MAX] {
            assert!(!result_text(code).is_empty());
        }
    }
}
