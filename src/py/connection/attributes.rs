//! Attributes that a connection does not have: they are those of its socket.
//!
//! A class with the `tp_getattro` slot filled pays for it with every call of a method: CPython then
//! makes a bound method for each. So `Connection` leaves the slot empty; its `__getattr__` is an
//! entry of the class that fills the slot of classes made from it. A connection over a socket is
//! made one of such a class, `over_socket`; a connection over memory has no use for it.

use std::cell::Cell;
use std::sync::OnceLock;

use pyo3::exceptions::{PyAttributeError, PyRecursionError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCFunction, PyDict, PyString, PyType, PyWeakrefMethods, PyWeakrefReference};

use super::Connection;
use crate::py::names;

/// What `Connection.__getattr__` is made from: the connection, weakly.
#[derive(Default)]
pub(super) struct Attributes(OnceLock<Py<PyWeakrefReference>>);

impl Attributes {
    /// Has them belong to this connection.
    pub(super) fn of(&self, connection: &Bound<'_, Connection>) -> PyResult<()> {
        let connection = PyWeakrefReference::new(connection.as_any())?;
        let _ = self.0.set(connection.unbind());
        Ok(())
    }
}

impl<'py> IntoPyObject<'py> for &Attributes {
    type Target = SocketAttributes;
    type Output = Bound<'py, SocketAttributes>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        let connection = self.0.get().map(|connection| connection.clone_ref(py));
        Bound::new(py, SocketAttributes { connection })
    }
}

/// The method `__getattr__` of one connection.
#[pyclass(frozen, module = "OpenSSL.SSL", name = "__getattr__")]
pub(super) struct SocketAttributes {
    connection: Option<Py<PyWeakrefReference>>,
}

#[pymethods]
impl SocketAttributes {
    /// Look an attribute up on the socket that the connection does not have itself.
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let connection = self.connection.as_ref().and_then(|weak| weak.bind(py).upgrade());
        let class = match &connection {
            Some(connection) => {
                let connection = connection.cast::<Connection>()?;
                if let Some(socket) = connection.get().socket.get(py) {
                    let _depth = Lookup::begin()?;
                    return socket.getattr(name);
                }
                connection.get_type()
            }
            None => py.get_type::<Connection>(),
        };
        Err(PyAttributeError::new_err(format!(
            "'{}' object has no attribute '{name}'",
            class.name()?
        )))
    }
}

/// Called while the module is imported.
///
/// Has CPython say `'Connection' object has no attribute …` as it does of classes written in Python:
/// the name that a built-in class begins with has its module in front. Then makes [`over_socket`], for
/// the reason that `names` gives.
pub(crate) fn prepare_classes(py: Python<'_>) -> PyResult<()> {
    py.get_type::<Connection>().setattr("__name__", "Connection")?;
    over_socket(py).map(drop)
}

/// Lets a connection have its socket's attributes, too.
pub(super) fn delegate(connection: &Bound<'_, Connection>) -> PyResult<()> {
    let py = connection.py();
    // A class of the user's has them already.
    if connection.get_type().is(py.get_type::<Connection>()) {
        connection.setattr(names::__class__(py), over_socket(py)?)?;
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
            let identity = PyCFunction::new_closure(py, None, None, |arguments, _| {
                Ok::<_, PyErr>(arguments.py().get_type::<Connection>().unbind())
            })?;
            let property = py.import("builtins")?.getattr("property")?.call1((identity,))?;
            members.set_item("__class__", property)?;
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
