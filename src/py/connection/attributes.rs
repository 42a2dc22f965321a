//! Attributes that a connection does not have: they are those of its socket.
//!
//! A class with the `tp_getattro` slot filled pays for it with every call of a method: CPython then
//! makes a bound method for each. So `Connection` leaves the slot empty; its `__getattr__` is an
//! entry of the class that fills the slot of classes made from it. A connection over a socket is
//! made one of such a class, `over_socket`; a connection over memory has no use for it.

use std::cell::Cell;

use pyo3::exceptions::{PyAttributeError, PyRecursionError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyType};

use super::Connection;

#[pymethods]
impl Connection {
    /// Look an attribute up on the socket that the connection does not have itself.
    #[pyo3(name = "_getattr")]
    fn getattr<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(socket) = slf.get().socket.get(slf.py()) {
            let _depth = Lookup::begin()?;
            return socket.getattr(name);
        }
        let class = slf.get_type();
        Err(PyAttributeError::new_err(format!(
            "'{}' object has no attribute '{name}'",
            class.name()?
        )))
    }

    /// What the connection is for all who ask: `over_socket` is for CPython alone.
    #[getter(__class__)]
    fn class<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyType>> {
        let class = slf.get_type();
        Ok(if class.is(over_socket(slf.py())?) { slf.py().get_type::<Self>() } else { class })
    }

    /// Makes it one of another class, as CPython allows it.
    #[setter(__class__)]
    fn set_class(slf: &Bound<'_, Self>, class: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        if class.is(py.get_type::<Self>()) && slf.get().socket.get(py).is_some() {
            assign_class(slf, over_socket(py)?)
        } else {
            assign_class(slf, class)
        }
    }
}

/// What assigning `__class__` does where a class has no such property.
fn assign_class(connection: &Bound<'_, Connection>, class: &Bound<'_, PyAny>) -> PyResult<()> {
    let object = connection.py().get_type::<PyAny>();
    let property = object.getattr("__dict__")?.get_item("__class__")?;
    property.call_method1("__set__", (connection, class)).map(drop)
}

/// Called while the module is imported, before anything has been looked up on the classes.
pub(crate) fn prepare_classes(py: Python<'_>) -> PyResult<()> {
    move_getattr(&py.get_type::<Connection>())?;
    // For the reason that `names` gives.
    over_socket(py).map(drop)
}

/// Makes `_getattr` the entry `__getattr__` of the class. Assigning it would fill the slot, so it is
/// put into the dictionary behind the view that Python has of it.
fn move_getattr(class: &Bound<'_, PyType>) -> PyResult<()> {
    let view = class.getattr("__dict__")?;
    let behind = class.py().import("gc")?.call_method1("get_referents", (&view,))?.get_item(0)?;
    behind.set_item("__getattr__", view.get_item("_getattr")?)?;
    // This tells CPython that the class has changed.
    class.delattr("_getattr")
}

/// Lets a connection have its socket's attributes, too.
pub(super) fn delegate(connection: &Bound<'_, Connection>) -> PyResult<()> {
    let py = connection.py();
    // A class of the user's has them already.
    if connection.get_type().is(py.get_type::<Connection>()) {
        assign_class(connection, over_socket(py)?)?;
    }
    Ok(())
}

/// The class of connections over sockets: `Connection` in all but identity.
fn over_socket(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS
        .get_or_try_init(py, || {
            let base = py.get_type::<Connection>();
            let members = PyDict::new(py);
            members.set_item("__module__", base.module()?)?;
            members.set_item("__doc__", base.getattr("__doc__")?)?;
            members.set_item("__slots__", ())?;
            let class = py.get_type::<PyType>().call1((base.name()?, (base,), members))?;
            Ok(class.cast_into::<PyType>()?.unbind())
        })
        .map(|class| class.bind(py))
}

/// A look at a socket for an attribute. The socket may look on this very connection in turn.
struct Lookup;

thread_local! {
    static LOOKUPS: Cell<u32> = const { Cell::new(0) };
}

impl Lookup {
    /// More than any stack of sockets has, and less than the thread's own stack holds.
    const MOST: u32 = 100;

    fn begin() -> PyResult<Self> {
        if LOOKUPS.get() >= Self::MOST {
            return Err(PyRecursionError::new_err(
                "the socket's attributes are looked up on its own connection",
            ));
        }
        LOOKUPS.set(LOOKUPS.get() + 1);
        Ok(Self)
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        LOOKUPS.set(LOOKUPS.get() - 1);
    }
}
