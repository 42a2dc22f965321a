//! The class `Session`.

use std::sync::OnceLock;

use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use super::arguments::fresh;
use super::collector::{Made, Slot};
use crate::tls;

/// A TLS session, which another connection can resume: see :meth:`Connection.get_session` and
/// :meth:`Connection.set_session`.
///
/// OpenSSL: ``SSL_SESSION``.
#[pyclass(frozen, subclass, weakref, dict, module = "OpenSSL.SSL")]
#[derive(Default)]
pub(super) struct Session {
    made: Made,
    inner: OnceLock<tls::Session>,
    /// The `Context` of the connection that it came from: the only one it is good for.
    context: Slot,
}

impl Session {
    pub(super) fn wrap(
        py: Python<'_>,
        session: tls::Session,
        context: Py<PyAny>,
    ) -> PyResult<Py<Self>> {
        Py::new(
            py,
            Self {
                made: Made::default(),
                inner: OnceLock::from(session),
                context: Slot::new(context),
            },
        )
    }

    /// The session, and the `Context` that it belongs to.
    pub(super) fn get<'py>(&self, py: Python<'py>) -> PyResult<(&tls::Session, Bound<'py, PyAny>)> {
        let session = self.inner.get().ok_or_else(|| {
            PyAttributeError::new_err("the session is empty: it did not come from get_session()")
        })?;
        Ok((session, self.context.get_or_none(py)))
    }
}

#[pymethods]
impl Session {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "()")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self::default()
    }

    fn __init__(&self) {}

    fn __copy__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        let copy = fresh(slf)?;
        let (this, new) = (slf.get(), copy.get());
        if let Some(session) = this.inner.get() {
            let _ = new.inner.set(session.clone());
        }
        new.context.set(this.context.get(slf.py()).map(Bound::unbind));
        Ok(copy)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if !self.made.is() {
            return Ok(());
        }
        self.context.traverse(&visit)
    }

    fn __clear__(&self) {
        self.context.clear();
    }
}
