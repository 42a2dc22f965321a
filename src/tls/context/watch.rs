//! The callbacks of a context that follow and steer handshakes.

use std::sync::Arc;

use super::Settings;
use super::setting::Setting;
use crate::tls::callbacks::{
    AlpnSelectCallback, Callbacks, CookieGenerateCallback, CookieVerifyCallback, InfoCallback,
    KeylogCallback, OcspCallback, ServerNameCallback,
};
use crate::tls::error::Result;

impl Settings<'_> {
    /// Runs on a server once the client's server name is known (RFC 6066 section 3).
    ///
    /// OpenSSL: `SSL_CTX_set_tlsext_servername_callback`.
    #[doc(alias = "SSL_CTX_set_tlsext_servername_callback")]
    pub fn set_server_name_callback(&self, callback: Arc<ServerNameCallback>) -> Result<()> {
        self.install(Setting::ServerNameCallback, |all| all.server_name = Some(callback))
    }

    /// Runs on a server when the client offers protocols (RFC 7301).
    ///
    /// OpenSSL: `SSL_CTX_set_alpn_select_cb`.
    #[doc(alias = "SSL_CTX_set_alpn_select_cb")]
    pub fn set_alpn_select_callback(&self, callback: Arc<AlpnSelectCallback>) -> Result<()> {
        self.install(Setting::AlpnSelectCallback, |all| all.alpn_select = Some(callback))
    }

    /// Runs at each step of a handshake and at each alert.
    ///
    /// OpenSSL: `SSL_CTX_set_info_callback`.
    #[doc(alias = "SSL_CTX_set_info_callback")]
    pub fn set_info_callback(&self, callback: Arc<InfoCallback>) -> Result<()> {
        self.install(Setting::InfoCallback, |all| all.info = Some(callback))
    }

    /// Runs whenever key material is made.
    ///
    /// OpenSSL: `SSL_CTX_set_keylog_callback`.
    #[doc(alias = "SSL_CTX_set_keylog_callback")]
    pub fn set_keylog_callback(&self, callback: Arc<KeylogCallback>) -> Result<()> {
        self.install(Setting::KeylogCallback, |all| all.keylog = Some(callback))
    }

    /// Runs where an OCSP response is stapled or judged (RFC 6066 section 8).
    ///
    /// OpenSSL: `SSL_CTX_set_tlsext_status_cb`.
    #[doc(alias = "SSL_CTX_set_tlsext_status_cb")]
    pub fn set_ocsp_callback(&self, callback: OcspCallback) -> Result<()> {
        self.install(Setting::OcspCallback, |all| all.ocsp = Some(callback))
    }

    /// Runs on a DTLS server that answers a client's first hello (RFC 6347 section 4.2.1).
    ///
    /// OpenSSL: `SSL_CTX_set_cookie_generate_cb`.
    #[doc(alias = "SSL_CTX_set_cookie_generate_cb")]
    pub fn set_cookie_generate_callback(
        &self,
        callback: Arc<CookieGenerateCallback>,
    ) -> Result<()> {
        self.install(Setting::CookieGenerateCallback, |all| all.cookie_generate = Some(callback))
    }

    /// Runs on a DTLS server that gets a cookie back.
    ///
    /// OpenSSL: `SSL_CTX_set_cookie_verify_cb`.
    #[doc(alias = "SSL_CTX_set_cookie_verify_cb")]
    pub fn set_cookie_verify_callback(&self, callback: Arc<CookieVerifyCallback>) -> Result<()> {
        self.install(Setting::CookieVerifyCallback, |all| all.cookie_verify = Some(callback))
    }

    /// Has OpenSSL call the trampoline, and the trampoline find the callback.
    fn install(&self, setting: Setting, keep: impl FnOnce(&mut Callbacks)) -> Result<()> {
        self.apply(setting)?;
        keep(&mut self.builder.callbacks.borrow_mut());
        Ok(())
    }
}
