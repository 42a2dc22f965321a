//! Who the two ends are: certificates, keys and whom to accept.

use std::ffi::c_int;
use std::sync::Arc;

use openssl_sys as ffi;

use super::Step;
use crate::tls::borrowed;
use crate::tls::callbacks::{VerifyCallback, trampolines};
use crate::tls::error::{Result, check, clear_queue};
use crate::tls::pkey::PKey;
use crate::tls::sys;
use crate::tls::x509::{Certificate, Name};

impl Step<'_> {
    /// The certificate to show on this connection alone.
    ///
    /// OpenSSL: `SSL_use_certificate`.
    #[doc(alias = "SSL_use_certificate")]
    pub fn use_certificate(&self, certificate: &Certificate) -> Result<()> {
        clear_queue();
        // SAFETY: the SSL is alive and this thread holds its lock (so in every call below); it
        // takes a reference to the certificate.
        check(unsafe { sys::SSL_use_certificate(self.as_ptr(), certificate.as_ptr()) })?;
        Ok(())
    }

    /// The private key that belongs to the certificate of this connection.
    ///
    /// OpenSSL: `SSL_use_PrivateKey`.
    #[doc(alias = "SSL_use_PrivateKey")]
    pub fn use_private_key(&self, key: &PKey) -> Result<()> {
        clear_queue();
        // SAFETY: see above; the SSL takes a reference to the key.
        check(unsafe { sys::SSL_use_PrivateKey(self.as_ptr(), key.as_ptr()) })?;
        Ok(())
    }

    /// Whether the peer's certificate is asked for and checked on this connection, and who decides.
    /// Without a callback, the one that is in force, if there is one, stays so.
    ///
    /// OpenSSL: `SSL_set_verify`.
    #[doc(alias = "SSL_set_verify")]
    pub fn set_verify(&self, mode: c_int, callback: Option<Arc<VerifyCallback>>) {
        let trampoline = callback.is_some().then_some(trampolines::verify as _);
        if callback.is_some() {
            self.state().set_verify(callback);
        }
        // With no function OpenSSL keeps the one it has.
        // SAFETY: see above.
        unsafe { sys::SSL_set_verify(self.as_ptr(), mode, trampoline) }
    }

    /// Whether the peer's certificate is asked for and checked (`SSL_VERIFY_*`).
    ///
    /// OpenSSL: `SSL_get_verify_mode`.
    #[doc(alias = "SSL_get_verify_mode")]
    pub fn verify_mode(&self) -> c_int {
        // SAFETY: see above.
        unsafe { ffi::SSL_get_verify_mode(self.as_ptr()) }
    }

    /// The certificate of this end.
    ///
    /// OpenSSL: `SSL_get_certificate`.
    #[doc(alias = "SSL_get_certificate")]
    pub fn certificate(&self) -> Option<Certificate> {
        // SAFETY: see above; the handle has a reference of its own.
        unsafe { borrowed::certificate(ffi::SSL_get_certificate(self.as_ptr())) }
    }

    /// The certificate of the peer.
    ///
    /// OpenSSL: `SSL_get1_peer_certificate`.
    #[doc(alias = "SSL_get1_peer_certificate")]
    pub fn peer_certificate(&self) -> Option<Certificate> {
        // SAFETY: see above; the call returns a reference of our own, or null.
        unsafe {
            let certificate = ffi::SSL_get1_peer_certificate(self.as_ptr());
            (!certificate.is_null()).then(|| Certificate::from_ptr(certificate))
        }
    }

    /// The certificates that the peer sent, its own first (on a server, without it).
    ///
    /// OpenSSL: `SSL_get_peer_cert_chain`.
    #[doc(alias = "SSL_get_peer_cert_chain")]
    pub fn peer_chain(&self) -> Option<Vec<Certificate>> {
        // SAFETY: see above; the list is the SSL's, the handles have references of their own.
        unsafe {
            let chain = ffi::SSL_get_peer_cert_chain(self.as_ptr());
            (!chain.is_null()).then(|| borrowed::certificates(chain))
        }
    }

    /// The chain from the peer's certificate to a trusted one, as it was verified.
    ///
    /// OpenSSL: `SSL_get0_verified_chain`.
    #[doc(alias = "SSL_get0_verified_chain")]
    pub fn verified_chain(&self) -> Option<Vec<Certificate>> {
        // SAFETY: see above; the list is the SSL's, the handles have references of their own.
        unsafe {
            let chain = ffi::SSL_get0_verified_chain(self.as_ptr());
            (!chain.is_null()).then(|| borrowed::certificates(chain))
        }
    }

    /// The authorities whose certificates are asked for: on a client, by the server; on a server,
    /// by this end.
    ///
    /// OpenSSL: `SSL_get_client_CA_list`.
    #[doc(alias = "SSL_get_client_CA_list")]
    pub fn client_cas(&self) -> Result<Vec<Name>> {
        clear_queue();
        // SAFETY: see above; the list, if there is one, is the SSL's, the names are copies.
        unsafe { borrowed::names(sys::SSL_get_client_CA_list(self.as_ptr())) }
    }
}
