//! Who a context is: certificate, chain and private key.

use std::ffi::c_int;

use pyo3::prelude::*;

use super::{Context, PKEY_DEPRECATED, certificate};
use crate::py::arguments::{Given, callable, integer, path};
use crate::py::callbacks;
use crate::py::crypto::pkey::key_argument;
use crate::py::errors::{deprecated, deprecated_inside};
use crate::tls::constants::FILETYPE_PEM;

#[pymethods]
impl Context {
    /// Set who is asked for the passphrase of an encrypted key. Deprecated.
    ///
    /// :param callback: called as ``callback(size, verify, userdata)`` with the longest passphrase
    ///     that there is room for, in bytes, a flag (1 when the passphrase is to be entered twice),
    ///     and ``userdata``. It returns the passphrase as :class:`bytes`; what is longer than
    ///     ``size`` is cut off. What it raises is raised by the method that reads the key.
    /// :param userdata: any object.
    /// :raises TypeError: if the callback cannot be called.
    ///
    /// OpenSSL: ``SSL_CTX_set_default_passwd_cb``.
    #[pyo3(signature = (callback, userdata=None))]
    fn set_passwd_cb(
        &self,
        py: Python<'_>,
        callback: &Bound<'_, PyAny>,
        userdata: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        deprecated(
            py,
            "Context.set_passwd_cb is deprecated. You should decrypt and load your private key \
             yourself, with cryptography's key loading APIs, and then use Context.use_privatekey \
             instead.",
        )?;
        self.check_unused(py)?;
        let callback = callable(callback, "callback must be callable")?;
        self.install(
            py,
            |all| &all.passphrase,
            callback,
            |settings, all| settings.set_passphrase_callback(callbacks::passphrase(all)),
        )?;
        self.inner()?.callables.passphrase_data.set(userdata);
        Ok(())
    }

    /// Use a certificate, and the chain behind it, from a file.
    ///
    /// :param certfile: the path of a file in PEM format: the certificate first, then the one that
    ///     signed it, and so on.
    /// :type certfile: str, bytes or os.PathLike
    /// :raises Error: if the file cannot be read.
    ///
    /// OpenSSL: ``SSL_CTX_use_certificate_chain_file``.
    fn use_certificate_chain_file(
        &self,
        py: Python<'_>,
        certfile: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.check_unused(py)?;
        let file = path(certfile)?;
        self.load(py, |settings| settings.use_certificate_chain_file(&file))
    }

    /// Use a certificate from a file.
    ///
    /// :param certfile: the path of the file.
    /// :type certfile: str, bytes or os.PathLike
    /// :param int filetype: :const:`FILETYPE_PEM` or :const:`FILETYPE_ASN1`.
    /// :raises TypeError: if ``filetype`` is not an integer.
    /// :raises Error: if the file cannot be read.
    ///
    /// OpenSSL: ``SSL_CTX_use_certificate_file``.
    #[pyo3(signature = (certfile, filetype=Given::Not), text_signature = "($self, certfile, filetype=1)")]
    fn use_certificate_file(
        &self,
        py: Python<'_>,
        certfile: &Bound<'_, PyAny>,
        filetype: Given<'_>,
    ) -> PyResult<()> {
        self.check_unused(py)?;
        let file = path(certfile)?;
        let format = file_type(&filetype)?;
        self.load(py, |settings| settings.use_certificate_file(&file, format))
    }

    /// Use a certificate.
    ///
    /// :param cert: the certificate; an :class:`~OpenSSL.crypto.X509` is deprecated.
    /// :type cert: cryptography.x509.Certificate or OpenSSL.crypto.X509
    /// :raises TypeError: if it is no certificate.
    /// :raises Error: if OpenSSL refuses it.
    ///
    /// OpenSSL: ``SSL_CTX_use_certificate``.
    fn use_certificate(&self, py: Python<'_>, cert: &Bound<'_, PyAny>) -> PyResult<()> {
        self.check_unused(py)?;
        let certificate = certificate(cert)?;
        self.settings(py, |settings| settings.use_certificate(certificate))
    }

    /// Add a certificate to the chain that is sent behind the certificate in use.
    ///
    /// :param certobj: the certificate; an :class:`~OpenSSL.crypto.X509` is deprecated.
    /// :type certobj: cryptography.x509.Certificate or OpenSSL.crypto.X509
    /// :raises TypeError: if it is no certificate.
    ///
    /// OpenSSL: ``SSL_CTX_add_extra_chain_cert``.
    fn add_extra_chain_cert(&self, py: Python<'_>, certobj: &Bound<'_, PyAny>) -> PyResult<()> {
        self.check_unused(py)?;
        let certificate = certificate(certobj)?;
        self.settings(py, |settings| settings.add_extra_chain_certificate(certificate))
    }

    /// Use a private key from a file. If it is encrypted, the callback of :meth:`set_passwd_cb` is
    /// asked for the passphrase; without one, OpenSSL asks at the terminal.
    ///
    /// :param keyfile: the path of the file.
    /// :type keyfile: str, bytes or os.PathLike
    /// :param int filetype: :const:`FILETYPE_PEM` or :const:`FILETYPE_ASN1`.
    /// :raises TypeError: if ``filetype`` is not an integer.
    /// :raises Error: if the file cannot be read, or the key does not belong to the certificate.
    ///
    /// OpenSSL: ``SSL_CTX_use_PrivateKey_file``.
    #[pyo3(signature = (keyfile, filetype=Given::Not), text_signature = "($self, keyfile, filetype=1)")]
    fn use_privatekey_file(
        &self,
        py: Python<'_>,
        keyfile: &Bound<'_, PyAny>,
        filetype: Given<'_>,
    ) -> PyResult<()> {
        self.check_unused(py)?;
        let file = path(keyfile)?;
        let format = file_type(&filetype)?;
        self.load(py, |settings| settings.use_private_key_file(&file, format))
    }

    /// Use a private key.
    ///
    /// :param pkey: the key; a :class:`~OpenSSL.crypto.PKey` is deprecated.
    /// :type pkey: a private key of cryptography, or OpenSSL.crypto.PKey
    /// :raises TypeError: if it is no key.
    /// :raises Error: if it does not belong to the certificate.
    ///
    /// OpenSSL: ``SSL_CTX_use_PrivateKey``.
    fn use_privatekey(&self, py: Python<'_>, pkey: &Bound<'_, PyAny>) -> PyResult<()> {
        self.check_unused(py)?;
        let (key, ours) = key_argument(pkey)?;
        if ours {
            deprecated_inside(py, PKEY_DEPRECATED)?;
        }
        self.settings(py, |settings| settings.use_private_key(key))
    }

    /// Check that the private key belongs to the certificate.
    ///
    /// :raises Error: if it does not, or one of them is missing.
    ///
    /// OpenSSL: ``SSL_CTX_check_private_key``.
    fn check_privatekey(&self, py: Python<'_>) -> PyResult<()> {
        self.settings(py, |settings| settings.check_private_key())
    }
}

fn file_type(value: &Given<'_>) -> PyResult<c_int> {
    match value {
        Given::Not => Ok(FILETYPE_PEM as c_int),
        Given::As(value) => integer(value, "filetype must be an integer"),
    }
}
