//! Python callables as callbacks of the core.
//!
//! The callables of a context, or of a connection, are in one [`Callables`], which has one owner:
//! the Python object that they were given to, which shows them to the garbage collector. What the
//! core holds only points to them weakly.

use std::sync::{Arc, Weak};

use pyo3::exceptions::{
    PyException, PyOverflowError, PyRecursionError, PyRuntimeError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyInt, PyList, PyWeakrefMethods, PyWeakrefReference};
use pyo3::{PyTraverseError, PyVisit};

use super::attachment::{self, Lent};
use super::collector::{Elsewhere, Slot};
use super::crypto::x509::X509;
use super::ending::Inside;
use super::errors::Raised;
use crate::tls::callbacks::{
    AlpnAnswer, AlpnSelectCallback, CallbackResult, ConnectionState, CookieGenerateCallback,
    CookieVerifyCallback, InfoCallback, KeylogCallback, OcspCallback, ServerNameAnswer,
    ServerNameCallback, VerifyCallback,
};
use crate::tls::passphrase::PassphraseCallback;

/// Runs Python code from a callback, or while waiting. Fails when the interpreter is shutting down.
pub(super) fn run_python<T>(run: impl FnOnce(Python<'_>) -> PyResult<T>) -> CallbackResult<T> {
    let outcome = attachment::attach(|py| {
        let _inside = Inside::new(py);
        run(py).map_err(|error| Raised::new(py, error))
    });
    match outcome {
        Some(outcome) => Ok(outcome?),
        None => Err("the interpreter is shutting down".into()),
    }
}

/// As [`run_python`], for a connection, which keeps what is raised until its next call if this one
/// has data to return. The garbage collector sees it there.
fn run_for<T>(
    state: &ConnectionState,
    run: impl FnOnce(Python<'_>) -> PyResult<T>,
) -> CallbackResult<T> {
    run_python(run).inspect_err(|error| {
        let connection = state.user_data::<ConnectionRef>();
        let slot = error.downcast_ref::<Raised>().and_then(Raised::slot);
        if let (Some(connection), Some(slot)) = (connection, slot) {
            connection.raised.add(slot);
        }
    })
}

/// Has Python's signal handlers run. Fails with what a handler raised.
pub(super) fn check_signals() -> CallbackResult<()> {
    run_python(|py| py.check_signals())
}

/// What a callable may need of the stack: a handshake takes most of it.
const STACK: usize = 128 * 1024;

/// Fails where there is too little stack left for a callable inside of another one.
///
/// A callback that calls the library, which runs the callback, which calls the library… would use up
/// the stack: what OpenSSL needs of it is far more than Python allows for when it counts calls.
fn check_stack() -> PyResult<()> {
    if Inside::is_nested() && stacker::remaining_stack().is_some_and(|left| left < STACK) {
        return Err(PyRecursionError::new_err("too many callbacks inside of callbacks"));
    }
    Ok(())
}

/// Declares [`Callables`], so that none of its slots can be forgotten by the garbage collector.
macro_rules! callables {
    ($($slot:ident,)*) => {
        /// The callables that a context or a connection was given, and the data to pass on to them.
        #[derive(Default)]
        pub(super) struct Callables {
            $(pub(super) $slot: Slot,)*
        }

        impl Callables {
            pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
                $(self.$slot.traverse(visit)?;)*
                Ok(())
            }

            pub(super) fn clear(&self) {
                $(self.$slot.clear();)*
            }
        }
    };
}

callables! {
    verify,
    server_name,
    alpn_select,
    info,
    keylog,
    ocsp,
    ocsp_data,
    cookie_generate,
    cookie_verify,
    passphrase,
    passphrase_data,
}

/// Which of the callables.
type Pick = fn(&Callables) -> &Slot;

/// How a callback finds the Python object of the connection that runs it, without keeping it alive.
pub(super) struct ConnectionRef {
    object: Lent<Py<PyWeakrefReference>>,
    /// What its callbacks raised, as the object shows it to the garbage collector.
    raised: Arc<Elsewhere>,
}

impl ConnectionRef {
    pub(super) fn new(connection: &Bound<'_, PyAny>, raised: Arc<Elsewhere>) -> PyResult<Self> {
        let object = Lent::new(PyWeakrefReference::new(connection)?.unbind());
        Ok(Self { object, raised })
    }

    fn of<'py>(py: Python<'py>, state: &ConnectionState) -> PyResult<Bound<'py, PyAny>> {
        state
            .user_data::<Self>()
            .and_then(|connection| connection.object.get()?.bind(py).upgrade())
            .ok_or_else(gone)
    }
}

fn gone() -> PyErr {
    PyRuntimeError::new_err("the object that the callback belongs to is gone")
}

/// Runs a callable for a connection. `body` gets the callable and the connection's object.
fn run<T>(
    callables: &Weak<Callables>,
    pick: Pick,
    state: &ConnectionState,
    body: impl FnOnce(&Callables, Bound<'_, PyAny>, Bound<'_, PyAny>) -> PyResult<T>,
) -> CallbackResult<T> {
    run_for(state, |py| {
        let callables = callables.upgrade().ok_or_else(gone)?;
        let callable = pick(&callables).get(py).ok_or_else(gone)?;
        check_stack()?;
        body(&callables, callable, ConnectionRef::of(py, state)?)
    })
}

/// Calls `callback(connection, certificate, error, depth, ok)`; what it returns counts as a bool.
pub(super) fn verify(callables: &Arc<Callables>) -> Arc<VerifyCallback> {
    let callables = Arc::downgrade(callables);
    Arc::new(move |state, asked| {
        run(
            &callables,
            |all| &all.verify,
            state,
            |_, callable, connection| {
                let py = callable.py();
                let certificate = asked.certificate.map(|x| X509::wrap(py, x)).transpose()?;
                callable
                    .call1((connection, certificate, asked.error, asked.depth, asked.ok))?
                    .is_truthy()
            },
        )
    })
}

/// Calls `callback(connection)`. An `Exception` goes to `sys.excepthook` and ends the handshake;
/// what is none, such as `KeyboardInterrupt`, ends the call.
pub(super) fn server_name(callables: &Arc<Callables>) -> Arc<ServerNameCallback> {
    let callables = Arc::downgrade(callables);
    Arc::new(move |state| {
        run(
            &callables,
            |all| &all.server_name,
            state,
            |_, callable, connection| {
                let py = callable.py();
                let Err(error) = callable.call1((connection,)) else {
                    return Ok(ServerNameAnswer::Continue);
                };
                if !error.is_instance_of::<PyException>(py) {
                    return Err(error);
                }
                let report = (error.get_type(py), error.value(py), error.traceback(py));
                if let Err(error) = py.import("sys")?.call_method1("excepthook", report) {
                    error.write_unraisable(py, Some(&callable));
                }
                Ok(ServerNameAnswer::Refuse)
            },
        )
    })
}

/// Calls `callback(connection, [protocol, …])`, which returns one as `bytes`, or
/// `NO_OVERLAPPING_PROTOCOLS`.
pub(super) fn alpn_select(callables: &Arc<Callables>) -> Arc<AlpnSelectCallback> {
    let callables = Arc::downgrade(callables);
    Arc::new(move |state, offered| {
        run(
            &callables,
            |all| &all.alpn_select,
            state,
            |_, callable, connection| {
                let py = callable.py();
                let offered = PyList::new(py, offered.iter().map(|name| PyBytes::new(py, name)))?;
                let answer = callable.call1((connection, offered))?;
                if answer.is(no_overlapping_protocols(py)?) {
                    return Ok(AlpnAnswer::NoOverlap);
                }
                let name = answer.cast::<PyBytes>().map_err(|_| {
                    PyTypeError::new_err(
                        "ALPN callback must return a bytestring or the special \
                     NO_OVERLAPPING_PROTOCOLS sentinel value.",
                    )
                })?;
                let name = name.as_bytes();
                if name.len() > 255 {
                    return Err(PyOverflowError::new_err("a protocol name has at most 255 bytes"));
                }
                Ok(AlpnAnswer::Protocol(name.to_vec()))
            },
        )
    })
}

/// Calls `callback(connection, place, code)`. OpenSSL takes no answer: an `Exception` is reported
/// as unraisable; what is none ends the call. When the connection's object is being finalized there
/// is nobody to tell.
pub(super) fn info(callables: &Arc<Callables>) -> Arc<InfoCallback> {
    let callables = Arc::downgrade(callables);
    Arc::new(move |state, place, code| {
        watch(
            &callables,
            |all| &all.info,
            state,
            |callable, connection| callable.call1((connection, place, code)),
        )
    })
}

/// Calls `callback(connection, line)`. Exceptions are treated as those of [`info`].
pub(super) fn keylog(callables: &Arc<Callables>) -> Arc<KeylogCallback> {
    let callables = Arc::downgrade(callables);
    Arc::new(move |state, line| {
        watch(
            &callables,
            |all| &all.keylog,
            state,
            |callable, connection| callable.call1((connection, PyBytes::new(callable.py(), line))),
        )
    })
}

/// Runs a callable that only watches.
fn watch(
    callables: &Weak<Callables>,
    pick: Pick,
    state: &ConnectionState,
    call: impl for<'py> FnOnce(&Bound<'py, PyAny>, Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>,
) -> CallbackResult<()> {
    run_for(state, |py| {
        let Some(callables) = callables.upgrade() else { return Ok(()) };
        let Some(callable) = pick(&callables).get(py) else { return Ok(()) };
        let Ok(connection) = ConnectionRef::of(py, state) else { return Ok(()) };
        let outcome = check_stack().and_then(|()| call(&callable, connection));
        report(&callable, outcome)
    })
}

fn report(callable: &Bound<'_, PyAny>, outcome: PyResult<Bound<'_, PyAny>>) -> PyResult<()> {
    let py = callable.py();
    match outcome {
        Err(error) if error.is_instance_of::<PyException>(py) => {
            error.write_unraisable(py, Some(callable));
            Ok(())
        }
        outcome => outcome.map(drop),
    }
}

/// Calls `callback(connection, data)`, which returns the response to staple, or `b""`.
pub(super) fn ocsp_server(callables: &Arc<Callables>) -> OcspCallback {
    let callables = Arc::downgrade(callables);
    OcspCallback::Server(Arc::new(move |state| {
        run(
            &callables,
            |all| &all.ocsp,
            state,
            |all, callable, connection| {
                let data = all.ocsp_data.get_or_none(callable.py());
                let response = callable.call1((connection, data))?;
                let response = response
                    .cast::<PyBytes>()
                    .map_err(|_| PyTypeError::new_err("OCSP callback must return a bytestring."))?;
                Ok(response.as_bytes().to_vec())
            },
        )
    }))
}

/// Calls `callback(connection, response, data)`; what it returns counts as a bool.
pub(super) fn ocsp_client(callables: &Arc<Callables>) -> OcspCallback {
    let callables = Arc::downgrade(callables);
    OcspCallback::Client(Arc::new(move |state, response| {
        run(
            &callables,
            |all| &all.ocsp,
            state,
            |all, callable, connection| {
                let py = callable.py();
                let response = PyBytes::new(py, response);
                callable.call1((connection, response, all.ocsp_data.get_or_none(py)))?.is_truthy()
            },
        )
    }))
}

/// Calls `callback(connection)`, which returns a cookie of at most 255 bytes.
pub(super) fn cookie_generate(callables: &Arc<Callables>) -> Arc<CookieGenerateCallback> {
    let callables = Arc::downgrade(callables);
    Arc::new(move |state| {
        run(
            &callables,
            |all| &all.cookie_generate,
            state,
            |_, callable, connection| {
                let cookie = callable.call1((connection,))?;
                let len = cookie.len()?;
                if len > 255 {
                    return Err(PyValueError::new_err(format!(
                        "Cookie too long (got {len} bytes, max 255)"
                    )));
                }
                cookie
                    .extract::<Vec<u8>>()
                    .map_err(|_| PyTypeError::new_err("the cookie must be bytes"))
            },
        )
    })
}

/// Calls `callback(connection, cookie)`, which returns whether the cookie is good.
pub(super) fn cookie_verify(callables: &Arc<Callables>) -> Arc<CookieVerifyCallback> {
    let callables = Arc::downgrade(callables);
    Arc::new(move |state, cookie| {
        run(
            &callables,
            |all| &all.cookie_verify,
            state,
            |_, callable, connection| {
                let cookie = PyBytes::new(callable.py(), cookie);
                let answer = callable.call1((connection, cookie))?;
                if !answer.is_instance_of::<PyInt>() {
                    return Err(PyTypeError::new_err("the cookie callback must return a bool"));
                }
                Ok(answer.extract::<i32>()? != 0)
            },
        )
    })
}

/// Calls `callback(size, verify, userdata)`, which returns the passphrase as `bytes`.
pub(super) fn passphrase(callables: &Arc<Callables>) -> Arc<PassphraseCallback> {
    let callables = Arc::downgrade(callables);
    Arc::new(move |size, verify| {
        run_python(|py| {
            let callables = callables.upgrade().ok_or_else(gone)?;
            let callable = callables.passphrase.get(py).ok_or_else(gone)?;
            let data = callables.passphrase_data.get_or_none(py);
            check_stack()?;
            let passphrase = callable.call1((size, i32::from(verify), data))?;
            let passphrase = passphrase
                .cast::<PyBytes>()
                .map_err(|_| PyValueError::new_err("Bytes expected"))?;
            Ok(passphrase.as_bytes().to_vec())
        })
    })
}

/// The class of [`no_overlapping_protocols`].
#[pyclass(frozen, module = "OpenSSL.SSL", name = "_NoOverlappingProtocols")]
pub(super) struct NoOverlappingProtocols;

/// What an ALPN callback returns when it accepts none of the protocols offered.
pub(super) fn no_overlapping_protocols(py: Python<'_>) -> PyResult<&Py<NoOverlappingProtocols>> {
    static ANSWER: PyOnceLock<Py<NoOverlappingProtocols>> = PyOnceLock::new();
    ANSWER.get_or_try_init(py, || Py::new(py, NoOverlappingProtocols))
}
