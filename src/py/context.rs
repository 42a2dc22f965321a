//! The class `Context`: its parts, how it is made, and how calls reach the core.
//!
//! Its methods are in files by topic, as the core's: `identity`, `trust`, `negotiation`, `watch`.

mod identity;
mod negotiation;
mod trust;
mod watch;

use std::ffi::c_long;
use std::sync::{Arc, OnceLock};

use pyo3::exceptions::{PyAttributeError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use super::arguments::{Blame, bytes_or_text, integer};
use super::attachment::detach;
use super::callbacks::{Callables, check_signals};
use super::collector::{Made, Slot};
use super::crypto::x509::certificate_argument;
use super::errors::deprecated_inside;
use crate::tls;
use crate::tls::context::Settings;
use crate::tls::method::Method;

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

    /// The context of the core, which from now on cannot be changed.
    pub(super) fn freeze(&self, py: Python<'_>) -> PyResult<&tls::Context> {
        let core = self.core()?;
        // Another thread that has the settings may need this thread's attachment to go on.
        if !core.try_freeze() {
            detach(py, || core.wait_for_settings(&check_signals).map(|_held| core.freeze()))?;
        }
        Ok(core)
    }

    fn inner(&self) -> PyResult<&Inner> {
        self.inner.get().ok_or_else(|| PyAttributeError::new_err("Context.__init__ was not called"))
    }

    /// Reads or changes settings.
    pub(super) fn settings<T: Send>(
        &self,
        py: Python<'_>,
        act: impl FnOnce(&Settings<'_>) -> tls::Result<T> + Send,
    ) -> PyResult<T> {
        let core = self.core()?;
        // Another thread that has the settings may need this thread's attachment to go on.
        Ok(match core.try_settings() {
            Some(settings) => act(&settings),
            None => detach(py, || act(&core.wait_for_settings(&check_signals)?)),
        }?)
    }

    /// As [`Self::settings`], for what reads files.
    fn load<T: Send>(
        &self,
        py: Python<'_>,
        act: impl FnOnce(&Settings<'_>) -> tls::Result<T> + Send,
    ) -> PyResult<T> {
        let core = self.core()?;
        Ok(detach(py, || act(&core.wait_for_settings(&check_signals)?))?)
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
