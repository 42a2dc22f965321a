//! Who the two ends are.

use std::ffi::c_int;

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::Connection;
use crate::py::arguments::{callable, integer, truth};
use crate::py::callbacks;
use crate::py::context::{PKEY_DEPRECATED, X509_DEPRECATED};
use crate::py::crypto;
use crate::py::crypto::pkey::key_argument;
use crate::py::crypto::x509::certificate_argument;
use crate::py::errors::deprecated;
use crate::tls::x509::Certificate;

/// A certificate, if there is one, as the caller wants it.
fn certificate<'py>(
    py: Python<'py>,
    found: Option<Certificate>,
    as_cryptography: bool,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    found.map(|found| crypto::certificate(py, found, as_cryptography)).transpose()
}

/// Certificates, if there are any, as the caller wants them.
fn certificates<'py>(
    py: Python<'py>,
    found: Option<Vec<Certificate>>,
    as_cryptography: bool,
) -> PyResult<Option<Bound<'py, PyList>>> {
    found.map(|found| crypto::certificates(py, found, as_cryptography)).transpose()
}

#[pymethods]
impl Connection {
    /// Set whether the peer's certificate is asked for and checked on this connection, and who
    /// decides, in place of what the context says.
    ///
    /// :param int mode: as for :meth:`Context.set_verify`.
    /// :param callback: as for :meth:`Context.set_verify`. Without one, the callback that is in
    ///     force, if there is one, stays so.
    /// :raises TypeError: if the mode is not an integer, or the callback cannot be called.
    ///
    /// OpenSSL: ``SSL_set_verify``.
    #[pyo3(signature = (mode, callback=None))]
    fn set_verify(
        &self,
        py: Python<'_>,
        mode: &Bound<'_, PyAny>,
        callback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let mode = integer(mode, "mode must be an integer")?;
        let callback =
            callback.map(|value| callable(value, "callback must be callable")).transpose()?;
        self.inner()?;
        let verify = callback.map(|callback| {
            let callables = self.callables();
            callables.verify.set(Some(callback));
            callbacks::verify(callables)
        });
        self.step(py, |step| step.set_verify(mode, verify))
    }

    /// Get whether the peer's certificate is asked for and checked.
    ///
    /// :return: ``VERIFY_*`` constants, combined with ``|``.
    ///
    /// OpenSSL: ``SSL_get_verify_mode``.
    fn get_verify_mode(&self, py: Python<'_>) -> PyResult<c_int> {
        self.step(py, |step| step.verify_mode())
    }

    /// Use a certificate on this connection alone.
    ///
    /// :param cert: the certificate; an :class:`~OpenSSL.crypto.X509` is deprecated.
    /// :type cert: cryptography.x509.Certificate or OpenSSL.crypto.X509
    /// :raises TypeError: if it is no certificate.
    /// :raises Error: if OpenSSL refuses it.
    ///
    /// OpenSSL: ``SSL_use_certificate``.
    fn use_certificate(&self, py: Python<'_>, cert: &Bound<'_, PyAny>) -> PyResult<()> {
        let (certificate, ours) = certificate_argument(cert)?;
        if ours {
            deprecated(py, X509_DEPRECATED)?;
        }
        self.try_step(py, |step| step.use_certificate(&certificate))
    }

    /// Use a private key on this connection alone.
    ///
    /// :param pkey: the key; a :class:`~OpenSSL.crypto.PKey` is deprecated.
    /// :type pkey: a private key of cryptography, or OpenSSL.crypto.PKey
    /// :raises TypeError: if it is no key.
    /// :raises Error: if it does not belong to the certificate.
    ///
    /// OpenSSL: ``SSL_use_PrivateKey``.
    fn use_privatekey(&self, py: Python<'_>, pkey: &Bound<'_, PyAny>) -> PyResult<()> {
        let (key, ours) = key_argument(pkey)?;
        if ours {
            deprecated(py, PKEY_DEPRECATED)?;
        }
        self.try_step(py, |step| step.use_private_key(&key))
    }

    /// Get the certificate of this end.
    ///
    /// :param bool as_cryptography: whether to return a ``cryptography.x509.Certificate`` and not
    ///     an :class:`~OpenSSL.crypto.X509`.
    /// :return: the certificate, or ``None``.
    /// :raises ImportError: if cryptography is asked for and not installed.
    ///
    /// OpenSSL: ``SSL_get_certificate``.
    #[pyo3(signature = (*, as_cryptography=false))]
    fn get_certificate<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = truth)] as_cryptography: bool,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        certificate(py, self.step(py, |step| step.certificate())?, as_cryptography)
    }

    /// Get the certificate of the peer.
    ///
    /// :param bool as_cryptography: whether to return a ``cryptography.x509.Certificate`` and not
    ///     an :class:`~OpenSSL.crypto.X509`.
    /// :return: the certificate, or ``None`` if the peer showed none.
    /// :raises ImportError: if cryptography is asked for and not installed.
    ///
    /// OpenSSL: ``SSL_get1_peer_certificate``.
    #[pyo3(signature = (*, as_cryptography=false))]
    fn get_peer_certificate<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = truth)] as_cryptography: bool,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        certificate(py, self.step(py, |step| step.peer_certificate())?, as_cryptography)
    }

    /// Get the certificates that the peer sent.
    ///
    /// :param bool as_cryptography: whether to return ``cryptography.x509.Certificate`` objects
    ///     and not :class:`~OpenSSL.crypto.X509`.
    /// :return: a list, the peer's own certificate first (on a server, without it), or ``None``.
    /// :raises ImportError: if cryptography is asked for and not installed.
    ///
    /// OpenSSL: ``SSL_get_peer_cert_chain``.
    #[pyo3(signature = (*, as_cryptography=false))]
    fn get_peer_cert_chain<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = truth)] as_cryptography: bool,
    ) -> PyResult<Option<Bound<'py, PyList>>> {
        certificates(py, self.step(py, |step| step.peer_chain())?, as_cryptography)
    }

    /// Get the chain from the peer's certificate to a trusted one, as it was verified.
    ///
    /// :param bool as_cryptography: whether to return ``cryptography.x509.Certificate`` objects
    ///     and not :class:`~OpenSSL.crypto.X509`.
    /// :return: a list, the peer's own certificate first, or ``None`` if nothing was verified.
    /// :raises ImportError: if cryptography is asked for and not installed.
    ///
    /// OpenSSL: ``SSL_get0_verified_chain``.
    #[pyo3(signature = (*, as_cryptography=false))]
    fn get_verified_chain<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = truth)] as_cryptography: bool,
    ) -> PyResult<Option<Bound<'py, PyList>>> {
        certificates(py, self.step(py, |step| step.verified_chain())?, as_cryptography)
    }

    /// Get the authorities whose certificates are asked for: on a client, what the server sent; on
    /// a server, what it sends.
    ///
    /// :param bool as_cryptography: whether to return ``cryptography.x509.Name`` objects and not
    ///     :class:`~OpenSSL.crypto.X509Name`.
    /// :return: a list of names.
    /// :raises ImportError: if cryptography is asked for and not installed.
    ///
    /// OpenSSL: ``SSL_get_client_CA_list``.
    #[pyo3(signature = (*, as_cryptography=false))]
    fn get_client_ca_list<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = truth)] as_cryptography: bool,
    ) -> PyResult<Bound<'py, PyList>> {
        let names = self.try_step(py, |step| step.client_cas())?;
        crypto::names(py, names, as_cryptography)
    }
}
