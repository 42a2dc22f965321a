//! Who a context is: certificate, chain and private key.

use std::ffi::{CStr, c_int};
use std::ptr;
use std::sync::Arc;

use openssl_sys as ffi;

use super::Settings;
use super::setting::Setting;
use crate::tls::borrowed;
use crate::tls::error::{Result, check, clear_queue};
use crate::tls::passphrase::{PassphraseCallback, Prompt};
use crate::tls::pkey::PKey;
use crate::tls::sys;
use crate::tls::x509::Certificate;

impl Settings<'_> {
    /// The certificate to show.
    ///
    /// OpenSSL: `SSL_CTX_use_certificate`.
    #[doc(alias = "SSL_CTX_use_certificate")]
    pub fn use_certificate(&self, certificate: Certificate) -> Result<()> {
        self.apply(Setting::Certificate(certificate))
    }

    /// The certificate to show, from a file in PEM (1) or DER (2) format.
    ///
    /// OpenSSL: `SSL_CTX_use_certificate_file`.
    #[doc(alias = "SSL_CTX_use_certificate_file")]
    pub fn use_certificate_file(&self, path: &CStr, format: c_int) -> Result<()> {
        self.check_unused()?;
        clear_queue();
        // SAFETY: the SSL_CTX is alive, the path NUL-terminated.
        check(unsafe { ffi::SSL_CTX_use_certificate_file(self.as_ptr(), path.as_ptr(), format) })?;
        self.record_certificate();
        Ok(())
    }

    /// The certificate to show and the chain behind it, from a file in PEM format.
    ///
    /// OpenSSL: `SSL_CTX_use_certificate_chain_file`.
    #[doc(alias = "SSL_CTX_use_certificate_chain_file")]
    pub fn use_certificate_chain_file(&self, path: &CStr) -> Result<()> {
        self.check_unused()?;
        clear_queue();
        // SAFETY: the SSL_CTX is alive, the path NUL-terminated.
        check(unsafe { ffi::SSL_CTX_use_certificate_chain_file(self.as_ptr(), path.as_ptr()) })?;
        self.record_certificate();
        let mut chain = ptr::null_mut::<ffi::stack_st_X509>();
        // SAFETY: room for one pointer, which is set to a list that the SSL_CTX owns.
        let chain = unsafe {
            let room = (&raw mut chain).cast();
            ffi::SSL_CTX_ctrl(self.as_ptr(), sys::SSL_CTRL_GET_CHAIN_CERTS, 0, room);
            borrowed::certificates(chain)
        };
        self.record(Setting::Chain(chain));
        Ok(())
    }

    /// A certificate to send behind one that has no chain of its own.
    ///
    /// OpenSSL: `SSL_CTX_add_extra_chain_cert`.
    #[doc(alias = "SSL_CTX_add_extra_chain_cert")]
    pub fn add_extra_chain_certificate(&self, certificate: Certificate) -> Result<()> {
        self.apply(Setting::ExtraChainCertificate(certificate))
    }

    /// The private key that belongs to the certificate.
    ///
    /// OpenSSL: `SSL_CTX_use_PrivateKey`.
    #[doc(alias = "SSL_CTX_use_PrivateKey")]
    pub fn use_private_key(&self, key: PKey) -> Result<()> {
        self.apply(Setting::PrivateKey(key))
    }

    /// The private key that belongs to the certificate, from a file in PEM (1) or DER (2) format.
    /// For an encrypted one the passphrase callback is asked, or, without one, the terminal.
    ///
    /// OpenSSL: `SSL_CTX_use_PrivateKey_file`.
    #[doc(alias = "SSL_CTX_use_PrivateKey_file")]
    pub fn use_private_key_file(&self, path: &CStr, format: c_int) -> Result<()> {
        self.check_unused()?;
        clear_queue();
        let callback = self.builder.passphrase.borrow().clone();
        let prompt = callback.as_deref().map(|callback| Prompt::new(callback, true));
        let context = self.as_ptr();
        // SAFETY: the SSL_CTX is alive, the path NUL-terminated. The prompt is lent for this one
        // call, and lives until the end of the function.
        let code = unsafe {
            if let Some(prompt) = &prompt {
                sys::SSL_CTX_set_default_passwd_cb(context, prompt.callback());
                sys::SSL_CTX_set_default_passwd_cb_userdata(context, prompt.userdata());
            }
            let code = ffi::SSL_CTX_use_PrivateKey_file(context, path.as_ptr(), format);
            sys::SSL_CTX_set_default_passwd_cb(context, None);
            sys::SSL_CTX_set_default_passwd_cb_userdata(context, ptr::null_mut());
            code
        };
        let outcome = check(code);
        if let Some(prompt) = prompt {
            prompt.finish()?;
        }
        outcome?;
        // SAFETY: the SSL_CTX has a key now, and keeps it; the copy has a reference of its own.
        let key = unsafe { borrowed::key(sys::SSL_CTX_get0_privatekey(context)) };
        if let Some(key) = key {
            self.record(Setting::PrivateKey(key));
        }
        Ok(())
    }

    /// Who is asked for the passphrase of an encrypted key.
    ///
    /// OpenSSL: `SSL_CTX_set_default_passwd_cb`.
    #[doc(alias = "SSL_CTX_set_default_passwd_cb")]
    pub fn set_passphrase_callback(&self, callback: Arc<PassphraseCallback>) -> Result<()> {
        self.check_unused()?;
        *self.builder.passphrase.borrow_mut() = Some(callback);
        Ok(())
    }

    /// Fails unless the private key belongs to the certificate.
    ///
    /// OpenSSL: `SSL_CTX_check_private_key`.
    #[doc(alias = "SSL_CTX_check_private_key")]
    pub fn check_private_key(&self) -> Result<()> {
        clear_queue();
        // SAFETY: the SSL_CTX is alive.
        check(unsafe { ffi::SSL_CTX_check_private_key(self.as_ptr()) })?;
        Ok(())
    }

    fn record_certificate(&self) {
        // SAFETY: the SSL_CTX has a certificate now, and keeps it; the copy has its own reference.
        let certificate =
            unsafe { borrowed::certificate(sys::SSL_CTX_get0_certificate(self.as_ptr())) };
        if let Some(certificate) = certificate {
            self.record(Setting::Certificate(certificate));
        }
    }
}
