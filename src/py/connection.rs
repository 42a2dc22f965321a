//! The class `Connection`: its parts, how it is made, and how calls reach the core.
//!
//! Its methods are in files by topic: `attributes`, `io`, `handshake`, `negotiated`, `identity`, `dtls`.

mod attributes;
mod dtls;
mod handshake;
mod identity;
mod io;
mod negotiated;
mod private;

use std::ffi::c_int;
use std::sync::{Arc, OnceLock};

use pyo3::exceptions::{PyAttributeError, PyOSError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

pub(super) use self::attributes::prepare_classes;
use super::attachment::detach;
use super::callbacks::{self, Callables, ConnectionRef};
use super::collector::{Elsewhere, Made, Slot};
use super::context::Context;
use super::names;
use crate::tls;
use crate::tls::connection::{Interrupted, Step};
use crate::tls::transport::{Descriptor, Memory, Transport};

/// A TLS or DTLS connection, over a socket or over a pair of memory buffers.
///
/// :param Context context: what the connection has in common with others. It cannot be changed any
///     more from now on.
/// :param socket: the connected socket to use, or any object with a ``fileno()`` method, or a
///     descriptor. ``None`` for memory buffers: see :meth:`bio_read` and :meth:`bio_write`.
/// :raises TypeError: if ``context`` is no :class:`Context`, or ``socket`` neither an integer nor an
///     object that has ``fileno()``.
/// :raises ValueError: if the socket has no usable descriptor.
///
/// Attributes that a connection does not have are those of its socket.
///
/// Several threads may use a connection at once, also to read and to write at the same time.
///
/// OpenSSL: ``SSL_new``.
#[pyclass(frozen, subclass, weakref, dict, module = "OpenSSL.SSL")]
#[derive(Default)]
pub(super) struct Connection {
    made: Made,
    inner: OnceLock<Inner>,
    /// What carries the connection. Programs that subclass assign it.
    socket: Slot,
    /// The context that the connection has now.
    context: Slot,
    /// The context that it began with: its callbacks may still be called.
    initial_context: Slot,
    app_data: Slot,
    /// What its callbacks raised and no call has reported yet.
    raised: Arc<Elsewhere>,
    /// The callables that this connection was given itself.
    callables: OnceLock<Arc<Callables>>,
}

struct Inner {
    core: tls::Connection,
    /// Whether the descriptor was given as a number. Then nobody tells when it is closed.
    bare: bool,
}

impl Connection {
    fn inner(&self) -> PyResult<&Inner> {
        self.inner
            .get()
            .ok_or_else(|| PyAttributeError::new_err("Connection.__init__ was not called"))
    }

    fn core(&self) -> PyResult<&tls::Connection> {
        Ok(&self.inner()?.core)
    }

    fn callables(&self) -> &Arc<Callables> {
        self.callables.get_or_init(Arc::default)
    }

    /// Takes one step that is short and cannot wait.
    ///
    /// Another thread's step may need this thread's attachment to go on (for a callback), so it is
    /// only waited for while detached.
    pub(super) fn step<T: Send>(
        &self,
        py: Python<'_>,
        act: impl FnOnce(&Step<'_>) -> T + Send,
    ) -> PyResult<T> {
        let core = self.core()?;
        Ok(match core.try_step() {
            Some(step) => act(&step),
            None => {
                detach(py, || core.wait_for_step(&callbacks::check_signals).map(|step| act(&step)))?
            }
        })
    }

    /// As [`Self::step`], for what can fail.
    fn try_step<T: Send>(
        &self,
        py: Python<'_>,
        act: impl FnOnce(&Step<'_>) -> tls::Result<T> + Send,
    ) -> PyResult<T> {
        Ok(self.step(py, act)??)
    }

    /// Runs an operation that may take long or wait.
    fn run<T: Send>(
        &self,
        py: Python<'_>,
        operation: impl FnOnce(&tls::Connection, Interrupted<'_>) -> tls::Result<T> + Send,
    ) -> PyResult<T> {
        let inner = self.inner()?;
        self.check_open(py, inner)?;
        Ok(detach(py, || operation(&inner.core, &callbacks::check_signals))?)
    }

    /// Moves data: in one step where the transport is memory, and cannot be waited for.
    fn transfer<T: Send>(
        &self,
        py: Python<'_>,
        step: impl FnOnce(&Step<'_>) -> tls::Result<T> + Send,
        operation: impl FnOnce(&tls::Connection, Interrupted<'_>) -> tls::Result<T> + Send,
    ) -> PyResult<T> {
        let core = self.core()?;
        if core.descriptor().is_none() { self.try_step(py, step) } else { self.run(py, operation) }
    }

    /// Fails with `EBADF` when the socket has been closed. Its number may stand for another file by
    /// now, to which nothing of ours must be written.
    fn check_open(&self, py: Python<'_>, inner: &Inner) -> PyResult<()> {
        let Some(descriptor) = inner.core.descriptor() else { return Ok(()) };
        if !inner.bare {
            let socket = self.socket.get_or_none(py);
            let now = socket.call_method0(names::fileno(py));
            match now.and_then(|fd| fd.extract::<c_int>()) {
                Ok(now) if now == descriptor => return Ok(()),
                Err(error) if !is_about_closing(py, &error) => return Err(error),
                _ => {}
            }
        }
        // A number that was given as such, or one that the socket was detached from.
        if inner.core.descriptor_is_same_file() {
            Ok(())
        } else {
            Err(tls::Error::Syscall { errno: libc::EBADF }.into())
        }
    }
}

/// Whether `fileno()` failed because there is no descriptor any more, and not because, say, of an
/// interrupt.
fn is_about_closing(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PyValueError>(py)
        || error.is_instance_of::<PyOSError>(py)
        || error.is_instance_of::<PyAttributeError>(py)
        || error.is_instance_of::<PyTypeError>(py)
}

/// The transport over a socket that a caller passed, and whether it was just a number.
fn transport(socket: Option<&Bound<'_, PyAny>>) -> PyResult<(Transport, bool)> {
    let Some(socket) = socket else { return Ok((Transport::Memory(Memory::new()), false)) };
    let bare = socket.is_instance_of::<PyInt>();
    let descriptor = if bare {
        socket.clone()
    } else {
        match socket.getattr_opt(names::fileno(socket.py()))? {
            Some(fileno) => fileno.call0()?,
            None => socket.clone(),
        }
    };
    if !descriptor.is_instance_of::<PyInt>() {
        return Err(PyTypeError::new_err("argument must be an int, or have a fileno() method."));
    }
    let descriptor = descriptor.extract().ok().filter(|fd: &c_int| *fd >= 0).ok_or_else(|| {
        PyValueError::new_err(
            "the socket has no usable descriptor: it is closed, or none was given",
        )
    })?;
    Ok((Transport::Descriptor(Descriptor::new(descriptor)), bare))
}

/// A context that a caller passed.
fn context<'a, 'py>(value: &'a Bound<'py, PyAny>) -> PyResult<&'a Bound<'py, Context>> {
    value.cast::<Context>().map_err(|_| PyTypeError::new_err("context must be a Context instance"))
}

#[pymethods]
impl Connection {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(context, socket=None)")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self::default()
    }

    #[pyo3(signature = (context, socket=None))]
    fn __init__(
        slf: &Bound<'_, Self>,
        context: &Bound<'_, PyAny>,
        socket: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let this = slf.get();
        let context = self::context(context)?;
        if this.inner.get().is_some() {
            return Err(PyRuntimeError::new_err("Connection.__init__ was called already"));
        }
        let (transport, bare) = transport(socket)?;
        let settled = context.get().freeze(slf.py())?;
        // As much as a twentieth of a handshake, in which other threads need not wait.
        let core = detach(slf.py(), || tls::Connection::new(settled, transport))?;
        let raised = Arc::clone(&this.raised);
        core.set_user_data(Box::new(ConnectionRef::new(slf.as_any(), raised)?));
        this.inner
            .set(Inner { core, bare })
            .map_err(|_| PyRuntimeError::new_err("Connection.__init__ was called already"))?;
        this.app_data.set(None);
        this.socket.set(socket.map(|socket| socket.clone().unbind()));
        this.context.set(Some(context.clone().into_any().unbind()));
        this.initial_context.set(Some(context.clone().into_any().unbind()));
        if socket.is_some() {
            attributes::delegate(slf)?;
        }
        Ok(())
    }

    /// Get the context that the connection has now.
    ///
    /// :return: the :class:`Context`.
    fn get_context<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.inner()?;
        Ok(self.context.get_or_none(py))
    }

    /// Go on with another context: its certificate and its callbacks. This is for the callback of
    /// :meth:`Context.set_tlsext_servername_callback`. Options, versions and verification are those
    /// that the connection was made with.
    ///
    /// :param Context context: the context, which cannot be changed any more from now on.
    /// :raises TypeError: if it is no context.
    /// :raises Error: if OpenSSL refuses it.
    ///
    /// OpenSSL: ``SSL_set_SSL_CTX``.
    fn set_context(&self, py: Python<'_>, context: &Bound<'_, PyAny>) -> PyResult<()> {
        let context = self::context(context)?;
        self.inner()?;
        let core = context.get().freeze(py)?;
        self.try_step(py, |step| step.set_context(core))?;
        self.context.set(Some(context.clone().into_any().unbind()));
        Ok(())
    }

    /// Get the object that was left with :meth:`set_app_data`.
    ///
    /// :return: the object, or ``None``.
    fn get_app_data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.app_data.get(py) {
            Some(data) => Ok(data),
            None => self.inner().map(|_| py.None().into_bound(py)),
        }
    }

    /// Leave an object for :meth:`get_app_data`.
    ///
    /// :param data: any object.
    fn set_app_data(&self, data: Py<PyAny>) {
        self.app_data.set(Some(data));
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if !self.made.is() {
            return Ok(());
        }
        self.socket.traverse(&visit)?;
        self.context.traverse(&visit)?;
        self.initial_context.traverse(&visit)?;
        self.app_data.traverse(&visit)?;
        self.raised.traverse(&visit)?;
        self.callables.get().map_or(Ok(()), |callables| callables.traverse(&visit))
    }

    fn __clear__(&self) {
        self.socket.clear();
        self.context.clear();
        self.initial_context.clear();
        self.app_data.clear();
        self.raised.clear();
        if let Some(callables) = self.callables.get() {
            callables.clear();
        }
    }
}
