//! The class `Context`.

use std::ffi::{CString, c_int, c_long};
use std::sync::{Arc, OnceLock};

use pyo3::exceptions::{PyAttributeError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use super::arguments::{
    Blame, Given, bytes_or_text, c_string, callable, integer, optional_path, path, protocols,
};
use super::callbacks::{self, Callables};
use super::collector::{Made, Slot};
use super::crypto::curve::EllipticCurve;
use super::crypto::name::X509Name;
use super::crypto::pkey::key_argument;
use super::crypto::store::X509Store;
use super::crypto::x509::certificate_argument;
use super::errors::{deprecated, deprecated_inside};
use crate::tls;
use crate::tls::constants::FILETYPE_PEM;
use crate::tls::context::Settings;
use crate::tls::method::Method;
use crate::tls::object;

/// What connections have in common: certificates, keys, trust, protocols and callbacks.
///
/// A context can be changed until the first :class:`Connection` is made with it. After that, each
/// method that changes something raises :exc:`ValueError`.
///
/// :param int method: one of :const:`TLS_METHOD`, :const:`TLS_CLIENT_METHOD`,
///     :const:`TLS_SERVER_METHOD`, :const:`DTLS_METHOD`, :const:`DTLS_CLIENT_METHOD` and
///     :const:`DTLS_SERVER_METHOD`. The older ones, such as :const:`SSLv23_METHOD` and
///     :const:`TLSv1_2_METHOD`, are deprecated: they stand for :const:`TLS_METHOD`, limited to the
///     one version that they name.
/// :raises TypeError: if the method is not an integer.
/// :raises ValueError: if there is no such method.
///
/// OpenSSL: ``SSL_CTX_new``.
#[pyclass(frozen, subclass, weakref, dict, module = "OpenSSL.SSL")]
#[derive(Default)]
pub(super) struct Context {
    made: Made,
    inner: OnceLock<Inner>,
}

struct Inner {
    core: tls::Context,
    callables: Arc<Callables>,
    app_data: Slot,
}

impl Context {
    /// The context of the core.
    pub(super) fn core(&self) -> PyResult<&tls::Context> {
        Ok(&self.inner()?.core)
    }

    fn inner(&self) -> PyResult<&Inner> {
        self.inner.get().ok_or_else(|| PyAttributeError::new_err("Context.__init__ was not called"))
    }

    /// Reads or changes settings.
    fn settings<T: Send>(
        &self,
        py: Python<'_>,
        act: impl FnOnce(&Settings<'_>) -> tls::Result<T> + Send,
    ) -> PyResult<T> {
        let core = self.core()?;
        // Another thread that has the settings may need this thread's attachment to go on.
        Ok(match core.try_settings() {
            Some(settings) => act(&settings),
            None => py.detach(|| act(&core.settings())),
        }?)
    }

    /// As [`Self::settings`], for what reads files.
    fn load<T: Send>(
        &self,
        py: Python<'_>,
        act: impl FnOnce(&Settings<'_>) -> tls::Result<T> + Send,
    ) -> PyResult<T> {
        let core = self.core()?;
        Ok(py.detach(|| act(&core.settings()))?)
    }

    /// Fails once the context has had a connection: before anything else is looked at.
    fn check_unused(&self, py: Python<'_>) -> PyResult<()> {
        self.settings(py, |settings| settings.check_unused())
    }

    /// Installs a callback: what the core calls first, then what that calls.
    fn install(
        &self,
        py: Python<'_>,
        slot: fn(&Callables) -> &Slot,
        value: Py<PyAny>,
        install: impl FnOnce(&Settings<'_>, &Arc<Callables>) -> tls::Result<()> + Send,
    ) -> PyResult<()> {
        let callables = &self.inner()?.callables;
        self.settings(py, |settings| install(settings, callables))?;
        slot(callables).set(Some(value));
        Ok(())
    }
}

/// What is said about an object of ours where one of cryptography is preferred.
pub(super) const X509_DEPRECATED: &str = "Passing pyOpenSSL X509 objects is deprecated. You should use a \
                               cryptography.x509.Certificate instead.";
pub(super) const PKEY_DEPRECATED: &str = "Passing pyOpenSSL PKey objects is deprecated. You should use a \
                               cryptography private key instead.";

/// A certificate that was passed to a context.
fn certificate(value: &Bound<'_, PyAny>) -> PyResult<tls::x509::Certificate> {
    let (certificate, ours) = certificate_argument(value)?;
    if ours {
        deprecated_inside(value.py(), X509_DEPRECATED)?;
    }
    Ok(certificate)
}

#[pymethods]
impl Context {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(method)")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self::default()
    }

    fn __init__(slf: &Bound<'_, Self>, method: &Bound<'_, PyAny>) -> PyResult<()> {
        if !method.is_instance_of::<PyInt>() {
            return Err(PyTypeError::new_err("method must be an integer"));
        }
        let method = method.extract().ok().and_then(Method::from_number);
        let method = method.ok_or_else(|| PyValueError::new_err("No such protocol"))?;
        let inner = Inner {
            core: tls::Context::new(method)?,
            callables: Arc::default(),
            app_data: Slot::default(),
        };
        slf.get()
            .inner
            .set(inner)
            .map_err(|_| PyRuntimeError::new_err("Context.__init__ was called already"))?;
        // What the core has set already is set again where a subclass may want to have a say.
        if !slf.get_type().is(slf.py().get_type::<Self>()) {
            slf.call_method1("set_mode", (tls::Context::MODE,))?;
            if let Some(version) = method.version() {
                slf.call_method1("set_min_proto_version", (version,))?;
                slf.call_method1("set_max_proto_version", (version,))?;
            }
        }
        Ok(())
    }

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

    /// Trust the certificates in a file, in a directory, or both.
    ///
    /// :param cafile: the path of a file of certificates in PEM format, or ``None``.
    /// :type cafile: str, bytes or os.PathLike, optional
    /// :param capath: the path of a directory made ready with ``openssl rehash``, or ``None``. Its
    ///     files are looked for when a handshake needs them.
    /// :type capath: str, bytes or os.PathLike, optional
    /// :raises Error: if a file cannot be read, or both are ``None``.
    ///
    /// OpenSSL: ``SSL_CTX_load_verify_locations``.
    #[pyo3(signature = (cafile, capath=None))]
    fn load_verify_locations(
        &self,
        py: Python<'_>,
        cafile: Option<&Bound<'_, PyAny>>,
        capath: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        self.check_unused(py)?;
        let (file, directory) = (optional_path(cafile)?, optional_path(capath)?);
        self.load(py, |settings| {
            settings.load_verify_locations(file.as_deref(), directory.as_deref())
        })
    }

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

    /// Trust what the platform trusts.
    ///
    /// These are the locations that OpenSSL was built with, which the environment variables
    /// ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` override. Where neither of those is there, the
    /// well-known places of Linux distributions are tried. On Windows and macOS the system's own
    /// store is not used.
    ///
    /// :raises Error: if OpenSSL fails; that nothing is found is no error.
    ///
    /// OpenSSL: ``SSL_CTX_set_default_verify_paths``.
    fn set_default_verify_paths(&self, py: Python<'_>) -> PyResult<()> {
        self.load(py, |settings| settings.set_default_verify_paths())
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

    /// Name to clients the authorities whose certificates are in a file. They are not trusted by
    /// that.
    ///
    /// :param bytes cafile: the path of a file of certificates in PEM format.
    /// :raises Error: if the file cannot be read.
    ///
    /// OpenSSL: ``SSL_load_client_CA_file``.
    fn load_client_ca(&self, py: Python<'_>, cafile: &Bound<'_, PyAny>) -> PyResult<()> {
        self.check_unused(py)?;
        let file = bytes_or_text(cafile, "cafile", Blame::Package)?;
        let file = c_string(file.cast::<PyBytes>()?.as_bytes())?;
        self.load(py, |settings| settings.load_client_cas(&file))
    }

    /// Name the group of contexts whose sessions may be resumed by one another.
    ///
    /// :param bytes buf: the name, at most 32 bytes.
    /// :raises Error: if it is longer.
    ///
    /// OpenSSL: ``SSL_CTX_set_session_id_context``.
    fn set_session_id(&self, py: Python<'_>, buf: &Bound<'_, PyAny>) -> PyResult<()> {
        self.check_unused(py)?;
        let id = bytes_or_text(buf, "buf", Blame::Package)?;
        let id = id.cast::<PyBytes>()?.as_bytes();
        self.settings(py, |settings| settings.set_session_id_context(id))
    }

    /// Set which sessions are kept in the context's cache.
    ///
    /// :param int mode: ``SESS_CACHE_*`` constants, combined with ``|``.
    /// :return: the mode until now.
    /// :raises TypeError: if the mode is not an integer.
    ///
    /// OpenSSL: ``SSL_CTX_set_session_cache_mode``.
    fn set_session_cache_mode(&self, py: Python<'_>, mode: &Bound<'_, PyAny>) -> PyResult<c_long> {
        self.check_unused(py)?;
        let mode = integer(mode, "mode must be an integer")?;
        self.settings(py, |settings| settings.set_session_cache_mode(mode))
    }

    /// Get which sessions are kept in the context's cache.
    ///
    /// :return: ``SESS_CACHE_*`` constants, combined with ``|``.
    ///
    /// OpenSSL: ``SSL_CTX_get_session_cache_mode``.
    fn get_session_cache_mode(&self, py: Python<'_>) -> PyResult<c_long> {
        self.settings(py, |settings| Ok(settings.session_cache_mode()))
    }

    /// Set whether the peer's certificate is asked for and checked, and who decides.
    ///
    /// :param int mode: :const:`VERIFY_NONE`, or :const:`VERIFY_PEER`, which may be combined (with
    ///     ``|``) with :const:`VERIFY_FAIL_IF_NO_PEER_CERT` and :const:`VERIFY_CLIENT_ONCE`.
    /// :param callback: called for each certificate of the chain, and for each error, as
    ///     ``callback(connection, certificate, error, depth, ok)``: the certificate is an
    ///     :class:`~OpenSSL.crypto.X509` (or ``None`` where OpenSSL has none), the error one of
    ///     :class:`X509VerificationCodes`, the depth 0 for the peer's own certificate, and ``ok``
    ///     is 1 where OpenSSL accepts, else 0. A true result accepts. What it raises ends the
    ///     handshake and is raised by the call that ran it. Without a callback, OpenSSL decides.
    /// :raises TypeError: if the mode is not an integer, or the callback cannot be called.
    ///
    /// OpenSSL: ``SSL_CTX_set_verify``.
    #[pyo3(signature = (mode, callback=None))]
    fn set_verify(
        &self,
        py: Python<'_>,
        mode: &Bound<'_, PyAny>,
        callback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        self.check_unused(py)?;
        let mode = integer(mode, "mode must be an integer")?;
        let callback =
            callback.map(|value| callable(value, "callback must be callable")).transpose()?;
        let callables = &self.inner()?.callables;
        let verify = callback.is_some().then(|| callbacks::verify(callables));
        self.settings(py, |settings| settings.set_verify(mode, verify))?;
        callables.verify.set(callback);
        Ok(())
    }

    /// Set how many certificates may stand between the peer's and a trusted one.
    ///
    /// :param int depth: the number of certificates.
    /// :raises TypeError: if it is not an integer.
    ///
    /// OpenSSL: ``SSL_CTX_set_verify_depth``.
    fn set_verify_depth(&self, py: Python<'_>, depth: &Bound<'_, PyAny>) -> PyResult<()> {
        self.check_unused(py)?;
        let depth = integer(depth, "depth must be an integer")?;
        self.settings(py, |settings| settings.set_verify_depth(depth))
    }

    /// Get whether the peer's certificate is asked for and checked.
    ///
    /// :return: ``VERIFY_*`` constants, combined with ``|``.
    ///
    /// OpenSSL: ``SSL_CTX_get_verify_mode``.
    fn get_verify_mode(&self, py: Python<'_>) -> PyResult<c_int> {
        self.settings(py, |settings| Ok(settings.verify_mode()))
    }

    /// Get how many certificates may stand between the peer's and a trusted one.
    ///
    /// :return: the number of certificates; -1 for OpenSSL's default.
    ///
    /// OpenSSL: ``SSL_CTX_get_verify_depth``.
    fn get_verify_depth(&self, py: Python<'_>) -> PyResult<c_int> {
        self.settings(py, |settings| Ok(settings.verify_depth()))
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

    /// Set the only curve of elliptic curve key exchange.
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

    /// Set the authorities whose certificates a server asks its clients for. Deprecated.
    ///
    /// :param certificate_authorities: a sequence of :class:`~OpenSSL.crypto.X509Name`.
    /// :raises TypeError: if one is something else.
    ///
    /// OpenSSL: ``SSL_CTX_set_client_CA_list``.
    fn set_client_ca_list(
        &self,
        py: Python<'_>,
        certificate_authorities: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        deprecated(
            py,
            "Context.set_client_ca_list is deprecated. X509Name support in pyOpenSSL is \
             deprecated.",
        )?;
        self.check_unused(py)?;
        let mut names = Vec::new();
        for name in certificate_authorities.try_iter()? {
            let name = name?;
            let name = name.cast::<X509Name>().map_err(|_| {
                let class = name.get_type().name().map_or_else(|_| "?".into(), |n| n.to_string());
                PyTypeError::new_err(format!(
                    "client CAs must be X509Name objects, not {class} objects"
                ))
            })?;
            names.push(name.get().name(py)?);
        }
        self.settings(py, |settings| settings.set_client_cas(names))
    }

    /// Add an authority to those whose certificates a server asks its clients for.
    ///
    /// :param certificate_authority: the authority's certificate; an
    ///     :class:`~OpenSSL.crypto.X509` is deprecated.
    /// :type certificate_authority: cryptography.x509.Certificate or OpenSSL.crypto.X509
    /// :raises TypeError: if it is no certificate.
    ///
    /// OpenSSL: ``SSL_CTX_add_client_CA``.
    fn add_client_ca(
        &self,
        py: Python<'_>,
        certificate_authority: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.check_unused(py)?;
        let certificate = certificate(certificate_authority)?;
        self.settings(py, |settings| settings.add_client_ca(certificate))
    }

    /// Set how long new sessions can be resumed.
    ///
    /// :param int timeout: in whole seconds.
    /// :return: the time-out until now, in seconds.
    /// :raises TypeError: if it is not an integer.
    ///
    /// OpenSSL: ``SSL_CTX_set_timeout``.
    fn set_timeout(&self, py: Python<'_>, timeout: &Bound<'_, PyAny>) -> PyResult<c_long> {
        self.check_unused(py)?;
        let seconds = integer(timeout, "timeout must be an integer")?;
        self.settings(py, |settings| settings.set_timeout(seconds))
    }

    /// Get how long new sessions can be resumed.
    ///
    /// :return: in seconds; 300 unless it was set.
    ///
    /// OpenSSL: ``SSL_CTX_get_timeout``.
    fn get_timeout(&self, py: Python<'_>) -> PyResult<c_long> {
        self.settings(py, |settings| Ok(settings.timeout()))
    }

    /// Set who is told about the progress of handshakes, and about alerts.
    ///
    /// :param callback: called as ``callback(connection, where, return_code)``: where it happened,
    ///     as ``SSL_CB_*`` and ``SSL_ST_*`` bits, and a number that depends on it. An exception
    ///     that it raises is reported as unraisable.
    ///
    /// OpenSSL: ``SSL_CTX_set_info_callback``.
    fn set_info_callback(&self, py: Python<'_>, callback: Py<PyAny>) -> PyResult<()> {
        self.install(
            py,
            |all| &all.info,
            callback,
            |settings, all| settings.set_info_callback(callbacks::info(all)),
        )
    }

    /// Set who is given the keys of connections, to read recordings of their traffic.
    ///
    /// :param callback: called as ``callback(connection, line)``, with a line of :class:`bytes` in
    ///     the format of NSS's key log. An exception that it raises is reported as unraisable.
    ///
    /// OpenSSL: ``SSL_CTX_set_keylog_callback``.
    fn set_keylog_callback(&self, py: Python<'_>, callback: Py<PyAny>) -> PyResult<()> {
        self.install(
            py,
            |all| &all.keylog,
            callback,
            |settings, all| settings.set_keylog_callback(callbacks::keylog(all)),
        )
    }

    /// Get the object that was left with :meth:`set_app_data`.
    ///
    /// :return: the object, or ``None``.
    fn get_app_data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.inner()?.app_data.get_or_none(py))
    }

    /// Leave an object for :meth:`get_app_data`.
    ///
    /// :param data: any object.
    fn set_app_data(&self, py: Python<'_>, data: Py<PyAny>) -> PyResult<()> {
        self.check_unused(py)?;
        self.inner()?.app_data.set(Some(data));
        Ok(())
    }

    /// Get the store of trusted certificates. It can be added to at any time.
    ///
    /// :return: the :class:`~OpenSSL.crypto.X509Store`, which may outlive the context.
    ///
    /// OpenSSL: ``SSL_CTX_get_cert_store``.
    fn get_cert_store(&self, py: Python<'_>) -> PyResult<Option<Py<X509Store>>> {
        let store = self.settings(py, |settings| Ok(settings.certificate_store()))?;
        store.map(|store| X509Store::wrap(py, store)).transpose()
    }

    /// Add options. Those set before stay.
    ///
    /// :param int options: ``OP_*`` constants, combined with ``|``.
    /// :return: all options that are set.
    /// :raises TypeError: if it is not an integer.
    ///
    /// OpenSSL: ``SSL_CTX_set_options``.
    fn set_options(&self, py: Python<'_>, options: &Bound<'_, PyAny>) -> PyResult<u64> {
        self.check_unused(py)?;
        let options = integer(options, "options must be an integer")?;
        self.settings(py, |settings| settings.set_options(options))
    }

    /// Add modes. Those set before stay.
    ///
    /// :param int mode: ``MODE_*`` constants, combined with ``|``.
    /// :return: all modes that are set.
    /// :raises TypeError: if it is not an integer.
    ///
    /// OpenSSL: ``SSL_CTX_set_mode``.
    fn set_mode(&self, py: Python<'_>, mode: &Bound<'_, PyAny>) -> PyResult<c_long> {
        self.check_unused(py)?;
        let mode = integer(mode, "mode must be an integer")?;
        self.settings(py, |settings| settings.set_mode(mode))
    }

    /// Take modes away.
    ///
    /// :param int mode_to_clear: ``MODE_*`` constants, combined with ``|``.
    /// :return: all modes that are still set.
    /// :raises TypeError: if it is not an integer.
    ///
    /// OpenSSL: ``SSL_CTX_clear_mode``.
    fn clear_mode(&self, py: Python<'_>, mode_to_clear: &Bound<'_, PyAny>) -> PyResult<c_long> {
        self.check_unused(py)?;
        let mode = integer(mode_to_clear, "mode must be an integer")?;
        self.settings(py, |settings| settings.clear_mode(mode))
    }

    /// Set who is told the server name that a client asks for (RFC 6066 section 3).
    ///
    /// :param callback: called on the server as ``callback(connection)``. There
    ///     :meth:`Connection.get_servername` gives the name, and :meth:`Connection.set_context`
    ///     takes another certificate. An exception that it raises goes to :func:`sys.excepthook`,
    ///     and the handshake ends with a fatal alert.
    ///
    /// OpenSSL: ``SSL_CTX_set_tlsext_servername_callback``.
    fn set_tlsext_servername_callback(&self, py: Python<'_>, callback: Py<PyAny>) -> PyResult<()> {
        self.install(
            py,
            |all| &all.server_name,
            callback,
            |settings, all| settings.set_server_name_callback(callbacks::server_name(all)),
        )
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

    /// Set who chooses on a server among the protocols that a client offers (ALPN, RFC 7301).
    ///
    /// :param callback: called as ``callback(connection, protocols)``, with a list of
    ///     :class:`bytes`. It returns the one chosen, or :data:`NO_OVERLAPPING_PROTOCOLS` to go on
    ///     without. What it raises ends the handshake and is raised by the call that ran it.
    ///
    /// OpenSSL: ``SSL_CTX_set_alpn_select_cb``.
    fn set_alpn_select_callback(&self, py: Python<'_>, callback: Py<PyAny>) -> PyResult<()> {
        self.install(
            py,
            |all| &all.alpn_select,
            callback,
            |settings, all| settings.set_alpn_select_callback(callbacks::alpn_select(all)),
        )
    }

    /// Set who gives the OCSP response that a server staples (RFC 6066 section 8).
    ///
    /// :param callback: called as ``callback(connection, data)`` when a client asks. It returns a
    ///     response in DER as :class:`bytes`; ``b""`` for none. What it raises ends the handshake
    ///     and is raised by the call that ran it.
    /// :param data: any object, passed on to the callback.
    ///
    /// OpenSSL: ``SSL_CTX_set_tlsext_status_cb``.
    #[pyo3(signature = (callback, data=None))]
    fn set_ocsp_server_callback(
        &self,
        py: Python<'_>,
        callback: Py<PyAny>,
        data: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        self.install(
            py,
            |all| &all.ocsp,
            callback,
            |settings, all| settings.set_ocsp_callback(callbacks::ocsp_server(all)),
        )?;
        self.inner()?.callables.ocsp_data.set(data);
        Ok(())
    }

    /// Set who judges the OCSP response that a server stapled (RFC 6066 section 8).
    ///
    /// :param callback: called as ``callback(connection, response, data)``, with the response in
    ///     DER as :class:`bytes`, empty if there was none. A true result accepts it, a false one
    ///     ends the handshake. What it raises does so, too, and is raised by the call that ran it.
    /// :param data: any object, passed on to the callback.
    ///
    /// A client has to ask for the response: see :meth:`Connection.request_ocsp`.
    ///
    /// OpenSSL: ``SSL_CTX_set_tlsext_status_cb``.
    #[pyo3(signature = (callback, data=None))]
    fn set_ocsp_client_callback(
        &self,
        py: Python<'_>,
        callback: Py<PyAny>,
        data: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        self.install(
            py,
            |all| &all.ocsp,
            callback,
            |settings, all| settings.set_ocsp_callback(callbacks::ocsp_client(all)),
        )?;
        self.inner()?.callables.ocsp_data.set(data);
        Ok(())
    }

    /// Set who makes the cookie that a DTLS client must return (RFC 6347 section 4.2.1).
    ///
    /// :param callback: called as ``callback(connection)``; it returns at most 255 :class:`bytes`.
    ///     What it raises is raised by the call that ran it.
    ///
    /// OpenSSL: ``SSL_CTX_set_cookie_generate_cb``.
    fn set_cookie_generate_callback(&self, py: Python<'_>, callback: Py<PyAny>) -> PyResult<()> {
        self.install(
            py,
            |all| &all.cookie_generate,
            callback,
            |settings, all| settings.set_cookie_generate_callback(callbacks::cookie_generate(all)),
        )
    }

    /// Set who judges the cookie that a DTLS client returned (RFC 6347 section 4.2.1).
    ///
    /// :param callback: called as ``callback(connection, cookie)``; it returns whether the cookie
    ///     is one that was given out. What it raises is raised by the call that ran it.
    ///
    /// OpenSSL: ``SSL_CTX_set_cookie_verify_cb``.
    fn set_cookie_verify_callback(&self, py: Python<'_>, callback: Py<PyAny>) -> PyResult<()> {
        self.install(
            py,
            |all| &all.cookie_verify,
            callback,
            |settings, all| settings.set_cookie_verify_callback(callbacks::cookie_verify(all)),
        )
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if !self.made.is() {
            return Ok(());
        }
        let Some(inner) = self.inner.get() else { return Ok(()) };
        inner.callables.traverse(&visit)?;
        inner.app_data.traverse(&visit)
    }

    fn __clear__(&self) {
        if let Some(inner) = self.inner.get() {
            inner.callables.clear();
            inner.app_data.clear();
        }
    }
}

fn file_type(value: &Given<'_>) -> PyResult<c_int> {
    match value {
        Given::Not => Ok(FILETYPE_PEM as c_int),
        Given::As(value) => integer(value, "filetype must be an integer"),
    }
}
