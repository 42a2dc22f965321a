//! Whom a context trusts, and which authorities it names to clients.

use std::ffi::{CString, c_int};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::{Context, certificate};
use crate::py::arguments::{
    Blame, bytes_or_text, c_string, callable, integer, optional_path, path, type_name,
};
use crate::py::callbacks;
use crate::py::crypto::name::X509Name;
use crate::py::crypto::store::X509Store;
use crate::py::errors::deprecated;
use crate::tls::context::{fallback_is_needed, fallback_locations};

#[pymethods]
impl Context {
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

    /// Trust what the platform trusts.
    ///
    /// These are the locations that OpenSSL was built with, which the environment variables
    /// ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` override. Where neither variable is set, and the
    /// locations hold no certificate, the well-known places of Linux distributions are tried. On
    /// Windows and macOS the system's own store is not used.
    ///
    /// :raises Error: if OpenSSL fails; that nothing is found is no error.
    ///
    /// OpenSSL: ``SSL_CTX_set_default_verify_paths``.
    fn set_default_verify_paths(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let needed = slf.get().load(py, |settings| {
            settings.set_default_verify_paths()?;
            Ok(fallback_is_needed())
        })?;
        if needed {
            // The name is looked up, for programs that replace it.
            let (files, directories) = fallback_locations();
            let files = files.iter().map(|path| PyBytes::new(py, path.to_bytes()));
            let directories = directories.iter().map(|path| PyBytes::new(py, path.to_bytes()));
            let locations = (PyList::new(py, files)?, PyList::new(py, directories)?);
            slf.call_method1("_fallback_default_verify_paths", locations)?;
        }
        Ok(())
    }

    /// Trust what is in the first path that is a file and in the first that is a directory.
    ///
    /// :param file_path: paths of files, in a list.
    /// :param dir_path: paths of directories, in a list.
    /// :raises Error: if OpenSSL fails; that nothing is found is no error.
    fn _fallback_default_verify_paths(
        &self,
        py: Python<'_>,
        file_path: Vec<Bound<'_, PyAny>>,
        dir_path: Vec<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let paths = |paths: Vec<Bound<'_, PyAny>>| -> PyResult<Vec<CString>> {
            paths.iter().map(path).collect()
        };
        let (files, directories) = (paths(file_path)?, paths(dir_path)?);
        self.load(py, |settings| settings.load_first(&files, &directories))
    }

    /// Whether one of these environment variables is set.
    ///
    /// :param str dir_env_var: the name of one.
    /// :param str file_env_var: the name of the other.
    fn _check_env_vars_set(
        &self,
        dir_env_var: &Bound<'_, PyAny>,
        file_env_var: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        let environment = dir_env_var.py().import("os")?.getattr("environ")?;
        Ok(environment.contains(file_env_var)? || environment.contains(dir_env_var)?)
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
                let class = type_name(&name);
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

    /// Get the store of trusted certificates. It can be added to at any time.
    ///
    /// :return: the :class:`~OpenSSL.crypto.X509Store`, which may outlive the context.
    ///
    /// OpenSSL: ``SSL_CTX_get_cert_store``.
    fn get_cert_store(&self, py: Python<'_>) -> PyResult<Option<Py<X509Store>>> {
        let store = self.settings(py, |settings| settings.certificate_store())?;
        store.map(|store| X509Store::wrap(py, store)).transpose()
    }
}
