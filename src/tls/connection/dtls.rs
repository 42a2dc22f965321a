//! What is particular to datagrams (DTLS, RFC 6347).

use std::ffi::c_long;
use std::time::Duration;

use openssl_sys as ffi;

use super::Step;
use crate::tls::error::{Error, Result, check_ptr, clear_queue};
use crate::tls::sys;

impl Step<'_> {
    /// Looks for a client's hello with a valid cookie, and answers one without.
    ///
    /// Fails with [`Error::WantRead`] until there is one: then the handshake can begin.
    ///
    /// OpenSSL: `DTLSv1_listen`.
    #[doc(alias = "DTLSv1_listen")]
    pub fn listen(&self) -> Result<()> {
        self.refuse_inside()?;
        clear_queue();
        // SAFETY: made here, freed below.
        let address = check_ptr(unsafe { sys::BIO_ADDR_new() })?;
        // A 0 says that no hello with a valid cookie has come; what a callback failed with has
        // precedence, and a failure of OpenSSL is told by -1.
        let mut nothing = false;
        let outcome = self.call(|ssl| {
            // SAFETY: the SSL is alive and this thread holds its lock; the address is ours.
            let code = unsafe { sys::DTLSv1_listen(ssl, address) };
            nothing = code == 0;
            if nothing { 1 } else { code }
        });
        // SAFETY: nobody else knows of it.
        unsafe { sys::BIO_ADDR_free(address) };
        outcome?;
        if nothing { Err(Error::WantRead) } else { Ok(()) }
    }

    /// How long to wait for the peer before [`Self::handle_timeout`]; `None` when nothing is to be
    /// repeated.
    ///
    /// OpenSSL: `DTLSv1_get_timeout`.
    #[doc(alias = "DTLSv1_get_timeout")]
    pub fn timeout(&self) -> Option<Duration> {
        let mut timeout = libc::timeval { tv_sec: 0, tv_usec: 0 };
        // SAFETY: the SSL is alive and this thread holds its lock; the room is of the type that
        // this command fills.
        let code = unsafe {
            let room = (&raw mut timeout).cast();
            ffi::SSL_ctrl(self.as_ptr(), sys::DTLS_CTRL_GET_TIMEOUT, 0, room)
        };
        if code != 1 {
            return None;
        }
        let seconds = u64::try_from(timeout.tv_sec).unwrap_or(0);
        let microseconds = u64::try_from(timeout.tv_usec).unwrap_or(0);
        Some(Duration::from_secs(seconds) + Duration::from_micros(microseconds))
    }

    /// Repeats what the peer has not answered, if it is time; returns whether it was.
    ///
    /// OpenSSL: `DTLSv1_handle_timeout`.
    #[doc(alias = "DTLSv1_handle_timeout")]
    pub fn handle_timeout(&self) -> Result<bool> {
        let mut early = false;
        self.call(|ssl| {
            // SAFETY: the SSL is alive and this thread holds its lock.
            let code = unsafe { sys::ssl_ctrl(ssl, sys::DTLS_CTRL_HANDLE_TIMEOUT, 0) };
            early = code == 0;
            if early { 1 } else { code.clamp(-1, 1) as _ }
        })?;
        Ok(!early)
    }

    /// The largest datagram to send, in bytes; too small a number is ignored.
    ///
    /// OpenSSL: `SSL_set_mtu`.
    #[doc(alias = "SSL_set_mtu")]
    pub fn set_mtu(&self, mtu: c_long) {
        // SAFETY: the SSL is alive and this thread holds its lock.
        unsafe { sys::ssl_ctrl(self.as_ptr(), sys::SSL_CTRL_SET_MTU, mtu) };
    }

    /// The largest amount of data that fits into a datagram, in bytes; 0 before the handshake, and
    /// on a connection that speaks TLS.
    ///
    /// OpenSSL: `DTLS_get_data_mtu`.
    #[doc(alias = "DTLS_get_data_mtu")]
    pub fn data_mtu(&self) -> usize {
        if !self.is_dtls() {
            return 0;
        }
        // SAFETY: the SSL is alive and this thread holds its lock.
        unsafe { sys::DTLS_get_data_mtu(self.as_ptr()) }
    }

    /// Whether this is DTLS. OpenSSL reads through a null pointer when it is not.
    fn is_dtls(&self) -> bool {
        // SAFETY: the SSL is alive and this thread holds its lock.
        unsafe { sys::SSL_is_dtls(self.as_ptr()) == 1 }
    }
}
