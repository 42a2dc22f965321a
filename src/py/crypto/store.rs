//! The classes `X509Store` and `X509StoreFlags`.

use std::ffi::c_ulong;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::cryptography;
use super::failure::Result;
use super::held::Held;
use super::x509::X509;
use crate::py::arguments::{fresh, optional_path};
use crate::py::attachment::detach;
use crate::tls::x509::{STORE_FLAGS, Store};

/// Trusted certificates, and how to verify with them.
///
/// ``X509Store()`` is an empty one; :meth:`OpenSSL.SSL.Context.get_cert_store` returns a context's.
///
/// OpenSSL: ``X509_STORE``.
#[pyclass(frozen, subclass, weakref, dict, module = "OpenSSL.crypto")]
pub(crate) struct X509Store {
    held: Held<Store>,
}

impl X509Store {
    /// A store of the core as a new object.
    pub(crate) fn wrap(py: Python<'_>, store: Store) -> PyResult<Py<Self>> {
        Py::new(py, Self { held: Held::new(store, uninitialised) })
    }

    /// The store.
    pub(crate) fn store(&self, py: Python<'_>) -> PyResult<Store> {
        self.held.read(py, Store::clone)
    }
}

#[pymethods]
impl X509Store {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "()")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { held: Held::nothing(uninitialised) }
    }

    /// Make an empty store.
    ///
    /// OpenSSL: ``X509_STORE_new``.
    fn __init__(&self, py: Python<'_>) -> Result<()> {
        self.held.set(py, Some(Store::new()?));
        Ok(())
    }

    fn __copy__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        let copy = fresh(slf)?;
        copy.get().held.set(slf.py(), slf.get().held.copy(slf.py()));
        Ok(copy)
    }

    /// Trust a certificate. It is no error to add one twice.
    ///
    /// :param X509 cert: the certificate.
    /// :raises TypeError: if it is anything else.
    /// :raises Error: if OpenSSL does not accept it.
    ///
    /// OpenSSL: ``X509_STORE_add_cert``.
    fn add_cert(&self, cert: &Bound<'_, PyAny>) -> Result<()> {
        let py = cert.py();
        let cert = cert.cast::<X509>().map_err(|_| PyTypeError::new_err(()))?;
        let (store, certificate) = (self.store(py)?, cert.get().certificate(py)?);
        Ok(store.add_certificate(&certificate)?)
    }

    /// Add a certificate revocation list (RFC 5280 section 5). It is used if
    /// :attr:`X509StoreFlags.CRL_CHECK` is set.
    ///
    /// :param crl: the list.
    /// :type crl: cryptography.x509.CertificateRevocationList
    /// :raises ImportError: if cryptography is not installed.
    /// :raises TypeError: if it is anything else.
    /// :raises Error: if OpenSSL does not accept it.
    ///
    /// OpenSSL: ``X509_STORE_add_crl``.
    fn add_crl(&self, crl: &Bound<'_, PyAny>) -> Result<()> {
        let py = crl.py();
        cryptography::required(py)?;
        let der = cryptography::crl_to_der(crl)?;
        Ok(self.store(py)?.add_crl(der.as_bytes())?)
    }

    /// Turn verification flags on. Flags that are on stay on.
    ///
    /// :param int flags: constants of :class:`X509StoreFlags`, combined with ``|``.
    /// :raises TypeError: if it is not an integer.
    ///
    /// OpenSSL: ``X509_STORE_set_flags``.
    fn set_flags(&self, py: Python<'_>, flags: c_ulong) -> Result<()> {
        let store = self.store(py)?;
        Ok(detach(py, || store.set_flags(flags))?)
    }

    /// Verify as of a moment, and not as of now.
    ///
    /// :param datetime.datetime vfy_time: the moment. Its fields are taken to be in UTC, whatever
    ///     its ``tzinfo`` is.
    ///
    /// OpenSSL: ``X509_VERIFY_PARAM_set_time``.
    fn set_time(&self, vfy_time: &Bound<'_, PyAny>) -> Result<()> {
        let py = vfy_time.py();
        let fields = vfy_time.call_method0("timetuple")?;
        let time: i64 = py.import("calendar")?.call_method1("timegm", (fields,))?.extract()?;
        let store = self.store(py)?;
        Ok(detach(py, || store.set_time(time))?)
    }

    /// Trust the certificates of a PEM file, and look others up in a directory, where they have the
    /// names that ``openssl rehash`` gives them.
    ///
    /// :param cafile: the path of the file, or ``None``.
    /// :type cafile: str, bytes or os.PathLike, optional
    /// :param capath: the path of the directory, or ``None``.
    /// :type capath: str, bytes or os.PathLike, optional
    /// :raises TypeError: if one of them is no path.
    /// :raises Error: if both are ``None``, or one cannot be read.
    ///
    /// OpenSSL: ``X509_STORE_load_locations``.
    #[pyo3(signature = (cafile, capath = None))]
    fn load_locations(
        &self,
        py: Python<'_>,
        cafile: Option<&Bound<'_, PyAny>>,
        capath: Option<&Bound<'_, PyAny>>,
    ) -> Result<()> {
        let (file, directory) = (optional_path(cafile)?, optional_path(capath)?);
        let store = self.store(py)?;
        Ok(detach(py, || store.load_locations(file.as_deref(), directory.as_deref()))?)
    }
}

fn uninitialised() -> PyErr {
    super::arguments::uninitialised("X509Store")
}

/// Flags for :meth:`X509Store.set_flags`.
///
/// OpenSSL: ``X509_V_FLAG_*``.
#[pyclass(frozen, subclass, weakref, dict, module = "OpenSSL.crypto")]
pub(crate) struct X509StoreFlags;

#[pymethods]
impl X509StoreFlags {
    #[new]
    fn new() -> Self {
        Self
    }
}

impl X509StoreFlags {
    /// Gives the class its constants.
    pub(super) fn add_values(py: Python<'_>) -> PyResult<()> {
        let class = py.get_type::<Self>();
        STORE_FLAGS.iter().try_for_each(|(name, value)| class.setattr(*name, value))
    }
}
