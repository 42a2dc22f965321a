//! The classes `X509Store` and `X509StoreFlags`.

use std::ffi::c_ulong;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::arguments::fresh;
use super::cryptography;
use super::failure::Result;
use super::held::Held;
use super::x509::X509;
use crate::py::arguments::optional_path;
use crate::tls::x509::{Store, flags};

/// Trusted certificates, and how to verify with them.
///
/// Corresponds to OpenSSL's ``X509_STORE``.
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

    /// Makes an empty store.
    fn __init__(&self, py: Python<'_>) -> Result<()> {
        self.held.set(py, Some(Store::new()?));
        Ok(())
    }

    fn __copy__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        let copy = fresh(slf)?;
        copy.get().held.set(slf.py(), slf.get().held.copy(slf.py()));
        Ok(copy)
    }

    /// Trusts a certificate. It is no error to add one twice.
    ///
    /// :param cert: an ``X509``.
    /// :raises TypeError: if it is anything else.
    /// :raises OpenSSL.crypto.Error: if OpenSSL does not accept it.
    ///
    /// Corresponds to OpenSSL's ``X509_STORE_add_cert``.
    fn add_cert(&self, cert: &Bound<'_, PyAny>) -> Result<()> {
        let py = cert.py();
        let cert = cert.cast::<X509>().map_err(|_| PyTypeError::new_err(()))?;
        let (store, certificate) = (self.store(py)?, cert.get().certificate(py)?);
        Ok(store.add_certificate(&certificate)?)
    }

    /// Adds a certificate revocation list. It is used if ``X509StoreFlags.CRL_CHECK`` is set.
    ///
    /// :param crl: a ``cryptography.x509.CertificateRevocationList``.
    /// :raises ImportError: if cryptography is not installed.
    /// :raises TypeError: if it is anything else.
    /// :raises OpenSSL.crypto.Error: if OpenSSL does not accept it.
    ///
    /// Corresponds to OpenSSL's ``X509_STORE_add_crl``.
    fn add_crl(&self, crl: &Bound<'_, PyAny>) -> Result<()> {
        let py = crl.py();
        cryptography::required(py)?;
        let der = cryptography::crl_to_der(crl)?;
        Ok(self.store(py)?.add_crl(der.as_bytes())?)
    }

    /// Turns verification flags on. Flags that are on stay on.
    ///
    /// :param flags: constants of ``X509StoreFlags``, joined with ``|``.
    /// :raises TypeError: if it is not an ``int``.
    ///
    /// Corresponds to OpenSSL's ``X509_STORE_set_flags``.
    fn set_flags(&self, py: Python<'_>, flags: c_ulong) -> Result<()> {
        let store = self.store(py)?;
        Ok(py.detach(|| store.set_flags(flags))?)
    }

    /// Verifies as of a moment, and not as of now.
    ///
    /// :param vfy_time: a ``datetime.datetime``. Its fields are taken to be in UTC, whatever its
    ///     ``tzinfo`` is.
    ///
    /// Corresponds to OpenSSL's ``X509_VERIFY_PARAM_set_time``.
    fn set_time(&self, vfy_time: &Bound<'_, PyAny>) -> Result<()> {
        let py = vfy_time.py();
        let fields = vfy_time.call_method0("timetuple")?;
        let time: i64 = py.import("calendar")?.call_method1("timegm", (fields,))?.extract()?;
        let store = self.store(py)?;
        Ok(py.detach(|| store.set_time(time))?)
    }

    /// Trusts the certificates of a PEM file, and looks others up in a directory, where they have
    /// the names that ``openssl rehash`` gives them.
    ///
    /// :param cafile: the path of the file, or ``None``.
    /// :param capath: the path of the directory, or ``None``.
    /// :raises TypeError: if one of them is not a path.
    /// :raises OpenSSL.crypto.Error: if both are ``None``, or one cannot be read.
    ///
    /// Corresponds to OpenSSL's ``X509_STORE_load_locations``.
    #[pyo3(signature = (cafile, capath = None))]
    fn load_locations(
        &self,
        py: Python<'_>,
        cafile: Option<&Bound<'_, PyAny>>,
        capath: Option<&Bound<'_, PyAny>>,
    ) -> Result<()> {
        let (file, directory) = (optional_path(cafile)?, optional_path(capath)?);
        let store = self.store(py)?;
        Ok(py.detach(|| store.load_locations(file.as_deref(), directory.as_deref()))?)
    }
}

fn uninitialised() -> PyErr {
    super::arguments::uninitialised("X509Store")
}

/// Flags for ``X509Store.set_flags``.
///
/// Corresponds to OpenSSL's ``X509_V_FLAG_*``.
#[pyclass(frozen, subclass, weakref, dict, module = "OpenSSL.crypto")]
pub(crate) struct X509StoreFlags;

#[pymethods]
impl X509StoreFlags {
    #[new]
    fn new() -> Self {
        Self
    }

    #[classattr]
    const CRL_CHECK: c_ulong = flags::CRL_CHECK;
    #[classattr]
    const CRL_CHECK_ALL: c_ulong = flags::CRL_CHECK_ALL;
    #[classattr]
    const IGNORE_CRITICAL: c_ulong = flags::IGNORE_CRITICAL;
    #[classattr]
    const X509_STRICT: c_ulong = flags::X509_STRICT;
    #[classattr]
    const ALLOW_PROXY_CERTS: c_ulong = flags::ALLOW_PROXY_CERTS;
    #[classattr]
    const POLICY_CHECK: c_ulong = flags::POLICY_CHECK;
    #[classattr]
    const EXPLICIT_POLICY: c_ulong = flags::EXPLICIT_POLICY;
    #[classattr]
    const INHIBIT_MAP: c_ulong = flags::INHIBIT_MAP;
    #[classattr]
    const CHECK_SS_SIGNATURE: c_ulong = flags::CHECK_SS_SIGNATURE;
    #[classattr]
    const PARTIAL_CHAIN: c_ulong = flags::PARTIAL_CHAIN;
}
