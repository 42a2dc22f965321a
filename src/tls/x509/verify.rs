//! Verification of a certificate against a trust store.

use std::error;
use std::ffi::{CStr, c_int, c_long};
use std::fmt;

use foreign_types::ForeignType as _;
use openssl::stack::Stack;
use openssl_sys as ffi;

use super::certificate::Certificate;
use super::store::Store;
use crate::tls::error::{CleanQueue, ErrorStack, Result, check, check_ptr};

/// Why a certificate was not accepted.
#[derive(Clone)]
pub struct Rejection {
    /// OpenSSL's number for the reason (`X509_V_ERR_…`).
    pub code: c_int,
    /// How far from the verified certificate the fault is: 0 for itself, 1 for its issuer.
    pub depth: c_int,
    /// OpenSSL's words for the reason.
    pub message: String,
    /// The certificate at fault, if it is one's.
    pub certificate: Option<Certificate>,
}

/// Builds a chain from a certificate to a trusted one and checks it. `untrusted` may help to build
/// it. Answers with the chain, from the certificate to the root, or why there is none.
///
/// OpenSSL: `X509_verify_cert`.
#[doc(alias = "X509_verify_cert")]
pub fn verify(
    store: &Store,
    certificate: &Certificate,
    untrusted: &[Certificate],
) -> Result<Result<Vec<Certificate>, Rejection>> {
    let _queue = CleanQueue::new();
    let untrusted = stack_of(untrusted)?;
    // SAFETY: makes a verification that nobody else has; `Verification` frees it.
    let verification = Verification(unsafe { check_ptr(ffi::X509_STORE_CTX_new())? });
    // SAFETY: the verification keeps pointers to the store, the certificate and the stack. All
    // three outlive it: it is dropped before them, when this function ends.
    unsafe {
        check(ffi::X509_STORE_CTX_init(
            verification.0,
            store.as_ptr(),
            certificate.as_ptr(),
            untrusted.as_ptr(),
        ))?;
        if ffi::X509_verify_cert(verification.0) > 0 {
            Ok(Ok(verification.chain()))
        } else {
            Ok(Err(verification.rejection()))
        }
    }
}

/// A stack that shares the certificates.
fn stack_of(certificates: &[Certificate]) -> Result<Stack<openssl::x509::X509>> {
    let refused = |_| crate::tls::Error::Library(ErrorStack::take());
    let mut stack = Stack::new().map_err(refused)?;
    for certificate in certificates {
        // SAFETY: the certificate is alive, and the new reference goes into the stack.
        let certificate = unsafe {
            ffi::X509_up_ref(certificate.as_ptr());
            openssl::x509::X509::from_ptr(certificate.as_ptr())
        };
        stack.push(certificate).map_err(refused)?;
    }
    Ok(stack)
}

/// OpenSSL: `X509_STORE_CTX`.
struct Verification(*mut ffi::X509_STORE_CTX);

impl Verification {
    /// # Safety
    ///
    /// The verification was initialised.
    unsafe fn chain(&self) -> Vec<Certificate> {
        // SAFETY: the verification owns the chain; each certificate gets a reference for ours.
        unsafe {
            let chain = ffi::X509_STORE_CTX_get0_chain(self.0);
            (0..ffi::OPENSSL_sk_num(chain.cast()))
                .map(|index| {
                    let certificate = ffi::OPENSSL_sk_value(chain.cast(), index).cast();
                    ffi::X509_up_ref(certificate);
                    Certificate::from_ptr(certificate)
                })
                .collect()
        }
    }

    /// # Safety
    ///
    /// The verification was initialised.
    unsafe fn rejection(&self) -> Rejection {
        // SAFETY: the verification owns the current certificate, of which ours is a new reference;
        // there need not be one. The message is static.
        unsafe {
            let code = ffi::X509_STORE_CTX_get_error(self.0);
            let message = ffi::X509_verify_cert_error_string(c_long::from(code));
            let current = ffi::X509_STORE_CTX_get_current_cert(self.0);
            Rejection {
                code,
                depth: ffi::X509_STORE_CTX_get_error_depth(self.0),
                message: CStr::from_ptr(message).to_string_lossy().into_owned(),
                certificate: (!current.is_null()).then(|| {
                    ffi::X509_up_ref(current);
                    Certificate::from_ptr(current)
                }),
            }
        }
    }
}

impl Drop for Verification {
    fn drop(&mut self) {
        // SAFETY: this value owns it.
        unsafe { ffi::X509_STORE_CTX_free(self.0) }
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rejection({}, depth {}: {})", self.code, self.depth, self.message)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl error::Error for Rejection {}
