//! How a connection verifies its peer, and in which modes it reads and writes.

use std::ffi::{c_int, c_long, c_uint};

use openssl_sys as ffi;

use super::Step;
use crate::tls::error::{Result, clear_queue};
use crate::tls::sys;
use crate::tls::verification::{self, Identity};

impl Step<'_> {
    /// Whom the peer's certificate must name on this connection.
    ///
    /// OpenSSL: `X509_VERIFY_PARAM_set1_host`, `X509_VERIFY_PARAM_set1_ip`.
    #[doc(alias = "X509_VERIFY_PARAM_set1_host")]
    #[doc(alias = "X509_VERIFY_PARAM_set1_ip")]
    pub fn set_identity(&self, identity: &Identity) -> Result<()> {
        clear_queue();
        // SAFETY: the SSL is alive and this thread holds its lock (so in every call below); the
        // parameters are the SSL's own. A verification that is under way has a copy of them.
        unsafe { identity.apply(ffi::SSL_get0_param(self.as_ptr())) }
    }

    /// How names of hosts are compared (`X509_CHECK_FLAG_*`).
    ///
    /// OpenSSL: `X509_VERIFY_PARAM_set_hostflags`.
    #[doc(alias = "X509_VERIFY_PARAM_set_hostflags")]
    pub fn set_host_flags(&self, flags: c_uint) {
        // SAFETY: see above.
        unsafe { verification::set_host_flags(ffi::SSL_get0_param(self.as_ptr()), flags) }
    }

    /// Where OpenSSL keeps whom the peer's certificate must name.
    ///
    /// OpenSSL: `SSL_get0_param`.
    #[doc(alias = "SSL_get0_param")]
    pub fn verification_address(&self) -> usize {
        // SAFETY: see above.
        unsafe { ffi::SSL_get0_param(self.as_ptr()) }.addr()
    }

    /// What verifying the peer's certificate found (`X509_V_*`); `X509_V_OK` also if there was none.
    ///
    /// OpenSSL: `SSL_get_verify_result`.
    #[doc(alias = "SSL_get_verify_result")]
    pub fn verify_result(&self) -> c_long {
        // SAFETY: see above.
        unsafe { ffi::SSL_get_verify_result(self.as_ptr()) }
    }

    /// Adds modes (`SSL_MODE_*`), and returns all that are set.
    ///
    /// OpenSSL: `SSL_set_mode`.
    #[doc(alias = "SSL_set_mode")]
    pub fn set_mode(&self, mode: c_long) -> c_long {
        self.control(ffi::SSL_CTRL_MODE, mode)
    }

    /// Takes modes away, and returns all that are left.
    ///
    /// OpenSSL: `SSL_clear_mode`.
    #[doc(alias = "SSL_clear_mode")]
    pub fn clear_mode(&self, mode: c_long) -> c_long {
        self.control(sys::SSL_CTRL_CLEAR_MODE, mode)
    }

    /// Where OpenSSL's object is.
    pub fn address(&self) -> usize {
        self.as_ptr().addr()
    }

    fn control(&self, command: c_int, number: c_long) -> c_long {
        // SAFETY: see above.
        unsafe { sys::ssl_ctrl(self.as_ptr(), command, number) }
    }
}
