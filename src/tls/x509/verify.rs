//! Verification of a certificate against a trust store.

use std::error;
use std::ffi::{CStr, c_int, c_long};
use std::fmt;

use foreign_types::ForeignType as _;
use openssl::stack::Stack;
use openssl_sys as ffi;

use super::certificate::Certificate;
use super::store::Store;
use crate::tls::borrowed;
use crate::tls::error::{CleanQueue, ErrorStack, Result, check, check_ptr};

/// Why a certificate was not accepted.
#[derive(Clone, Debug)]
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
        unsafe { borrowed::certificates(ffi::X509_STORE_CTX_get0_chain(self.0)) }
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
                certificate: borrowed::certificate(current),
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

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl error::Error for Rejection {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::error::queue_is_empty;
    use crate::tls::pkey::PKey;
    use crate::tls::x509::tests::{authority, certificate};

    #[test]
    fn chain_ends_at_a_trusted_certificate() {
        let (root, root_key) = authority("root");
        let key = PKey::generate_rsa(2048).unwrap();
        let leaf = certificate("leaf", &key, "root", &root_key);
        let store = Store::new().unwrap();

        let rejection = verify(&store, &leaf, &[]).unwrap().unwrap_err();
        assert_eq!((rejection.code, rejection.depth), (20, 0));
        assert_eq!(rejection.to_string(), "unable to get local issuer certificate");
        let at_fault = rejection.certificate.unwrap().to_der().unwrap();
        assert_eq!(at_fault, leaf.to_der().unwrap());

        let rejection = verify(&store, &leaf, std::slice::from_ref(&root)).unwrap().unwrap_err();
        assert_eq!((rejection.code, rejection.depth), (19, 1));

        store.add_certificate(&root).unwrap();
        store.add_certificate(&root).unwrap();
        let chain = verify(&store, &leaf, &[]).unwrap().unwrap();
        assert_eq!(chain.len(), 2);
        assert_eq!(chain[1].to_der().unwrap(), root.to_der().unwrap());
        assert!(queue_is_empty());
    }

    #[test]
    fn store_says_when_and_how() {
        let (root, root_key) = authority("root");
        let key = PKey::generate_rsa(2048).unwrap();
        let leaf = certificate("leaf", &key, "root", &root_key);
        let store = || {
            let store = Store::new().unwrap();
            store.add_certificate(&root).unwrap();
            store
        };
        let earlier = store();
        earlier.set_time(86400).unwrap();
        assert_eq!(verify(&earlier, &leaf, &[]).unwrap().unwrap_err().code, 9);
        // A clone is the same store.
        let strict = store();
        strict.clone().set_flags(ffi::X509_V_FLAG_CRL_CHECK).unwrap();
        assert_eq!(verify(&strict, &leaf, &[]).unwrap().unwrap_err().code, 3);
    }

    #[test]
    fn unfinished_certificates_are_rejected() {
        let empty = Certificate::new().unwrap();
        let verdict = verify(&Store::new().unwrap(), &empty, &[]);
        assert!(matches!(verdict, Ok(Err(_))));
        assert!(queue_is_empty());
    }

    #[test]
    fn stores_read_files_and_refuse_what_is_none() {
        let store = Store::new().unwrap();
        assert!(store.load_locations(None, None).is_err());
        assert!(store.load_locations(Some(c"/nowhere/at/all"), None).is_err());
        assert!(store.add_crl(b"no list").is_err());
        let (root, _) = authority("root");
        let path = std::env::temp_dir().join(format!("store-{}.pem", std::process::id()));
        std::fs::write(&path, root.to_pem().unwrap()).unwrap();
        let file = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        store.load_locations(Some(&file), None).unwrap();
        std::fs::remove_file(path).unwrap();
        assert!(verify(&store, &root, &[]).unwrap().is_ok());
        assert!(queue_is_empty());
    }
}
