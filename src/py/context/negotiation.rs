//! What a context offers and accepts: versions, ciphers, curves, protocols, profiles.

use std::ffi::CString;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::Context;
use crate::py::arguments::{Blame, bytes_or_text, c_string, integer, path, protocols};
use crate::py::crypto::curve::EllipticCurve;
use crate::py::errors::deprecated_inside;
use crate::tls::object;

#[pymethods]
impl Context {
    /// Set the oldest protocol version to speak.
    ///
    /// :param int version: one of the ``TLS*_VERSION`` constants, or 0 for the oldest one that
    ///     OpenSSL has.
    /// :raises Error: if OpenSSL does not have that version.
    ///
    /// OpenSSL: ``SSL_CTX_set_min_proto_version``.
    fn set_min_proto_version(&self, py: Python<'_>, version: &Bound<'_, PyAny>) -> PyResult<()> {
        self.check_unused(py)?;
        let version = integer(version, "version must be an integer")?;
        self.settings(py, |settings| settings.set_min_version(version))
    }

    /// Set the newest protocol version to speak.
    ///
    /// :param int version: one of the ``TLS*_VERSION`` constants, or 0 for the newest one that
    ///     OpenSSL has.
    /// :raises Error: if OpenSSL does not have that version.
    ///
    /// OpenSSL: ``SSL_CTX_set_max_proto_version``.
    fn set_max_proto_version(&self, py: Python<'_>, version: &Bound<'_, PyAny>) -> PyResult<()> {
        self.check_unused(py)?;
        let version = integer(version, "version must be an integer")?;
        self.settings(py, |settings| settings.set_max_version(version))
    }

    /// Load parameters for ephemeral Diffie-Hellman key exchange (TLS 1.2 and older).
    ///
    /// :param dhfile: the path of a file of parameters in PEM format.
    /// :type dhfile: str, bytes or os.PathLike
    /// :raises Error: if the file cannot be read.
    ///
    /// OpenSSL: ``SSL_CTX_set_tmp_dh``.
    fn load_tmp_dh(&self, py: Python<'_>, dhfile: &Bound<'_, PyAny>) -> PyResult<()> {
        self.check_unused(py)?;
        let file = path(dhfile)?;
        self.load(py, |settings| settings.load_temporary_dh(&file))
    }

    /// Set the only curve of elliptic curve key exchange. A curve that TLS has no group for changes
    /// nothing.
    ///
    /// :param curve: the curve; one from :func:`OpenSSL.crypto.get_elliptic_curve` is deprecated.
    /// :type curve: cryptography.hazmat.primitives.asymmetric.ec.EllipticCurve
    /// :raises Error: if OpenSSL does not have it.
    ///
    /// OpenSSL: ``SSL_CTX_set_tmp_ecdh``.
    fn set_tmp_ecdh(&self, py: Python<'_>, curve: &Bound<'_, PyAny>) -> PyResult<()> {
        self.check_unused(py)?;
        let nid = if let Ok(curve) = curve.cast::<EllipticCurve>() {
            deprecated_inside(
                py,
                "Passing pyOpenSSL elliptic curves to set_tmp_ecdh is deprecated. You should use \
                 cryptography's elliptic curve types instead.",
            )?;
            curve.get().curve().nid()
        } else {
            let name: String = curve.getattr("name")?.extract()?;
            // The two curves to which SEC 2 gives another name than OpenSSL (RFC 8422, appendix A).
            let name = match name.as_str() {
                "secp192r1" => "prime192v1",
                "secp256r1" => "prime256v1",
                other => other,
            };
            let name = CString::new(name)?;
            object::nid_or_error(&name)?
        };
        self.settings(py, |settings| settings.set_temporary_curve(nid))
    }

    /// Set the ciphers of TLS 1.2 and older.
    ///
    /// :param bytes cipher_list: in the format of ``openssl ciphers``.
    /// :raises TypeError: if it is not a byte string.
    /// :raises Error: if no cipher is left.
    ///
    /// OpenSSL: ``SSL_CTX_set_cipher_list``.
    fn set_cipher_list(&self, py: Python<'_>, cipher_list: &Bound<'_, PyAny>) -> PyResult<()> {
        self.check_unused(py)?;
        let list = bytes_or_text(cipher_list, "cipher_list", Blame::Package)?;
        let list = list
            .cast::<PyBytes>()
            .map_err(|_| PyTypeError::new_err("cipher_list must be a byte string."))?;
        let list = c_string(list.as_bytes())?;
        self.settings(py, |settings| settings.set_cipher_list(&list))
    }

    /// Set the cipher suites of TLS 1.3.
    ///
    /// :param bytes ciphersuites: their names, separated by colons.
    /// :raises TypeError: if it is not a byte string.
    /// :raises Error: if OpenSSL does not know one.
    ///
    /// OpenSSL: ``SSL_CTX_set_ciphersuites``.
    fn set_tls13_ciphersuites(
        &self,
        py: Python<'_>,
        ciphersuites: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.check_unused(py)?;
        let list = ciphersuites
            .cast::<PyBytes>()
            .map_err(|_| PyTypeError::new_err("ciphersuites must be a byte string."))?;
        let list = c_string(list.as_bytes())?;
        self.settings(py, |settings| settings.set_ciphersuites(&list))
    }

    /// Set the SRTP protection profiles to negotiate (RFC 5764).
    ///
    /// :param bytes profiles: their names, separated by colons.
    /// :raises TypeError: if it is not a byte string.
    /// :raises Error: if OpenSSL does not know one.
    ///
    /// OpenSSL: ``SSL_CTX_set_tlsext_use_srtp``.
    fn set_tlsext_use_srtp(&self, py: Python<'_>, profiles: &Bound<'_, PyAny>) -> PyResult<()> {
        self.check_unused(py)?;
        let profiles = profiles
            .cast::<PyBytes>()
            .map_err(|_| PyTypeError::new_err("profiles must be a byte string."))?;
        let profiles = c_string(profiles.as_bytes())?;
        self.settings(py, |settings| settings.set_srtp_profiles(&profiles))
    }

    /// Set the protocols that a client offers (ALPN, RFC 7301).
    ///
    /// :param protos: a list of names, each of 1 to 255 :class:`bytes`, most wanted first.
    /// :raises ValueError: if the list is empty, or a name is too long.
    /// :raises Error: if OpenSSL refuses the list.
    ///
    /// OpenSSL: ``SSL_CTX_set_alpn_protos``.
    fn set_alpn_protos(&self, py: Python<'_>, protos: &Bound<'_, PyAny>) -> PyResult<()> {
        self.check_unused(py)?;
        let names = protocols(protos)?;
        let names: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
        self.settings(py, |settings| settings.set_alpn_protocols(&names))
    }
}
