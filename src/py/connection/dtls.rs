//! What is particular to datagrams.

use std::ffi::c_long;

use pyo3::prelude::*;

use super::Connection;

#[pymethods]
impl Connection {
    /// Look for a client's hello with a valid cookie, and answer one without (RFC 6347 section
    /// 4.2.1). When this returns the handshake can begin.
    ///
    /// :raises WantReadError: if there is none yet.
    /// :raises Error: if OpenSSL fails.
    /// :raises RuntimeError: inside a callback of this connection.
    ///
    /// What the callbacks for cookies raise is raised here.
    ///
    /// OpenSSL: ``DTLSv1_listen``.
    #[pyo3(name = "DTLSv1_listen")]
    fn dtlsv1_listen(&self, py: Python<'_>) -> PyResult<()> {
        self.run(py, |core, wait| core.listen(wait))
    }

    /// Get how long to wait for the peer before :meth:`DTLSv1_handle_timeout`.
    ///
    /// :return: in seconds, as a :class:`float`; ``None`` if nothing is to be repeated.
    ///
    /// OpenSSL: ``DTLSv1_get_timeout``.
    #[pyo3(name = "DTLSv1_get_timeout")]
    fn dtlsv1_get_timeout(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(self.step(py, |step| step.timeout())?.map(|timeout| timeout.as_secs_f64()))
    }

    /// Repeat what the peer has not answered, if it is time.
    ///
    /// :return: whether it was.
    /// :raises Error: if the peer has not answered too many times.
    ///
    /// OpenSSL: ``DTLSv1_handle_timeout``.
    #[pyo3(name = "DTLSv1_handle_timeout")]
    fn dtlsv1_handle_timeout(&self, py: Python<'_>) -> PyResult<bool> {
        self.run(py, |core, interrupted| core.wait_for_step(interrupted)?.handle_timeout())
    }

    /// Set the largest datagram to send.
    ///
    /// :param int mtu: in bytes.
    ///
    /// OpenSSL: ``SSL_set_mtu``.
    fn set_ciphertext_mtu(&self, py: Python<'_>, mtu: c_long) -> PyResult<()> {
        self.step(py, |step| step.set_mtu(mtu))
    }

    /// Get the largest amount of data that fits into a datagram.
    ///
    /// :return: in bytes; 0 before the handshake.
    ///
    /// OpenSSL: ``DTLS_get_data_mtu``.
    fn get_cleartext_mtu(&self, py: Python<'_>) -> PyResult<usize> {
        self.step(py, |step| step.data_mtu())
    }
}
