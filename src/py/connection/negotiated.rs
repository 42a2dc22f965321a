//! What the two ends have agreed on, and the secrets that follow from it.

use std::ffi::c_int;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::Connection;
use crate::tls;
use crate::tls::connection::Step;

impl Connection {
    /// What `get` gives, as `bytes`.
    fn bytes<'py>(
        &self,
        py: Python<'py>,
        get: impl FnOnce(&Step<'_>) -> Option<Vec<u8>> + Send,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        Ok(self.step(py, get)?.map(|bytes| PyBytes::new(py, &bytes)))
    }
}

#[pymethods]
impl Connection {
    /// Get the cipher suites that this end supports.
    ///
    /// :return: their names, most wanted first.
    ///
    /// OpenSSL: ``SSL_get_cipher_list``.
    fn get_cipher_list(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.step(py, |step| step.cipher_names())
    }

    /// Get the cipher suite that was agreed on.
    ///
    /// :return: its name, or ``None`` before the handshake.
    ///
    /// OpenSSL: ``SSL_CIPHER_get_name``.
    fn get_cipher_name(&self, py: Python<'_>) -> PyResult<Option<String>> {
        Ok(self.step(py, |step| step.cipher())?.map(|cipher| cipher.name))
    }

    /// Get the strength of the cipher suite that was agreed on.
    ///
    /// :return: in bits, or ``None`` before the handshake.
    ///
    /// OpenSSL: ``SSL_CIPHER_get_bits``.
    fn get_cipher_bits(&self, py: Python<'_>) -> PyResult<Option<c_int>> {
        Ok(self.step(py, |step| step.cipher())?.map(|cipher| cipher.bits))
    }

    /// Get the protocol version that brought the cipher suite that was agreed on.
    ///
    /// :return: its name, such as ``"TLSv1.3"``, or ``None`` before the handshake.
    ///
    /// OpenSSL: ``SSL_CIPHER_get_version``.
    fn get_cipher_version(&self, py: Python<'_>) -> PyResult<Option<String>> {
        Ok(self.step(py, |step| step.cipher())?.map(|cipher| cipher.version))
    }

    /// Get the protocol version in words.
    ///
    /// :return: its name, such as ``"TLSv1.3"``.
    ///
    /// OpenSSL: ``SSL_get_version``.
    fn get_protocol_version_name(&self, py: Python<'_>) -> PyResult<String> {
        self.step(py, |step| step.version_name())
    }

    /// Get the protocol version as a number.
    ///
    /// :return: as it stands in records, such as 0x304 for TLS 1.3.
    ///
    /// OpenSSL: ``SSL_version``.
    fn get_protocol_version(&self, py: Python<'_>) -> PyResult<c_int> {
        self.step(py, |step| step.version())
    }

    /// Get the group that the key exchange used.
    ///
    /// :return: its name, such as ``"x25519"``, or ``None`` before the handshake.
    ///
    /// OpenSSL: ``SSL_get0_group_name``.
    fn get_group_name(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.step(py, |step| step.group_name())
    }

    /// Get the protocol that was agreed on.
    ///
    /// :return: its name as :class:`bytes`; empty for none.
    ///
    /// OpenSSL: ``SSL_get0_alpn_selected``.
    fn get_alpn_proto_negotiated<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let name = self.step(py, |step| step.alpn_protocol())?;
        Ok(PyBytes::new(py, &name))
    }

    /// Get the SRTP protection profile that was agreed on (RFC 5764).
    ///
    /// :return: its name as :class:`bytes`; empty for none.
    ///
    /// OpenSSL: ``SSL_get_selected_srtp_profile``.
    fn get_selected_srtp_profile<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let name = self.bytes(py, |step| step.srtp_profile())?;
        Ok(name.unwrap_or_else(|| PyBytes::new(py, b"")))
    }

    /// Get where the handshake stands.
    ///
    /// :return: in words, as :class:`bytes`.
    ///
    /// OpenSSL: ``SSL_state_string_long``.
    fn get_state_string<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let words = self.step(py, |step| step.state_string())?;
        Ok(PyBytes::new(py, &words))
    }

    /// Get the random bytes of the server's hello.
    ///
    /// :return: 32 bytes, or ``None`` before the handshake.
    ///
    /// OpenSSL: ``SSL_get_server_random``.
    fn server_random<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        self.bytes(py, |step| step.server_random())
    }

    /// Get the random bytes of the client's hello.
    ///
    /// :return: 32 bytes, or ``None`` before the handshake.
    ///
    /// OpenSSL: ``SSL_get_client_random``.
    fn client_random<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        self.bytes(py, |step| step.client_random())
    }

    /// Get the session's master key: the secret of the connection.
    ///
    /// :return: at most 64 bytes, or ``None`` before the handshake.
    /// :raises Error: if the session has none yet.
    ///
    /// OpenSSL: ``SSL_SESSION_get_master_key``.
    fn master_key<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let key = self.try_step(py, |step| step.master_key())?;
        Ok(key.map(|key| PyBytes::new(py, &key)))
    }

    /// Get key material for another protocol (RFC 5705, RFC 8446 section 7.5). Both ends get the
    /// same.
    ///
    /// :param bytes label: what it is for.
    /// :param int olen: how many bytes.
    /// :param bytes context: what it is bound to, or ``None``.
    /// :return: ``olen`` bytes.
    /// :raises ValueError: if ``olen`` is negative.
    /// :raises Error: if there has been no handshake.
    ///
    /// OpenSSL: ``SSL_export_keying_material``.
    #[pyo3(signature = (label, olen, context=None))]
    fn export_keying_material<'py>(
        &self,
        py: Python<'py>,
        label: &Bound<'py, PyBytes>,
        olen: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyBytes>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let len: isize = olen.extract()?;
        let len = usize::try_from(len)
            .map_err(|_| PyValueError::new_err("the size must not be negative"))?;
        if len > c_int::MAX as usize {
            // OpenSSL would refuse it, but only once there is room for it.
            return Err(tls::Error::Library(tls::ErrorStack::default()).into());
        }
        let label = label.as_bytes();
        let context = context.map(|context| context.as_bytes());
        let material =
            self.try_step(py, |step| step.export_keying_material(label, len, context))?;
        Ok(PyBytes::new(py, &material))
    }

    /// Get the Finished message that this end sent.
    ///
    /// :return: as :class:`bytes`, or ``None`` before it was sent.
    ///
    /// OpenSSL: ``SSL_get_finished``.
    fn get_finished<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        self.bytes(py, |step| step.finished())
    }

    /// Get the Finished message that the peer sent.
    ///
    /// :return: as :class:`bytes`, or ``None`` before it was received.
    ///
    /// OpenSSL: ``SSL_get_peer_finished``.
    fn get_peer_finished<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        self.bytes(py, |step| step.peer_finished())
    }
}
