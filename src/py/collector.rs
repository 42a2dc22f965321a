//! What Python's garbage collector sees of our objects.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

/// Tells an object that exists from one that is being allocated. Each class that has `__traverse__`
/// has one of these among its fields, and looks at it first.
///
/// CPython 3.11 makes the `__dict__` of a new object as soon as it has allocated it, with zeros in
/// place of our fields, and may collect garbage to make it.
pub(crate) struct Made(bool);

impl Default for Made {
    fn default() -> Self {
        Self(true)
    }
}

impl Made {
    /// Whether the fields beside this one can be looked at.
    pub(crate) fn is(&self) -> bool {
        self.0
    }
}

/// A place for a Python object that any thread may fill.
///
/// The lock is held to copy or exchange a pointer, never while Python code can run.
#[derive(Default)]
pub(crate) struct Slot(Mutex<Option<Py<PyAny>>>);

impl Slot {
    pub(crate) fn new(value: Py<PyAny>) -> Self {
        Self(Mutex::new(Some(value)))
    }

    pub(crate) fn get<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().map(|value| value.bind(py).clone())
    }

    /// The object, or Python's `None`.
    pub(crate) fn get_or_none<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.get(py).unwrap_or_else(|| py.None().into_bound(py))
    }

    pub(crate) fn set(&self, value: Option<Py<PyAny>>) {
        let old = {
            let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *slot, value)
        };
        // Dropping it may run Python code: not before the lock has been given up.
        drop(old);
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // The collector stops every thread that could hold the lock for long.
        let Ok(slot) = self.0.try_lock() else { return Ok(()) };
        visit.call(&*slot)
    }

    pub(crate) fn clear(&self) {
        self.set(None);
    }
}

/// Places of Python objects that belong to something that the collector does not see.
#[derive(Default)]
pub(crate) struct Elsewhere(Mutex<Vec<Weak<Slot>>>);

impl Elsewhere {
    /// Shows the place to the collector for as long as it exists.
    pub(crate) fn add(&self, slot: &Arc<Slot>) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|slot| slot.strong_count() > 0);
        slots.push(Arc::downgrade(slot));
    }

    fn slots(&self) -> Vec<Arc<Slot>> {
        let slots = self.0.try_lock();
        slots.map(|slots| slots.iter().filter_map(Weak::upgrade).collect()).unwrap_or_default()
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.slots().iter().try_for_each(|slot| slot.traverse(visit))
    }

    pub(crate) fn clear(&self) {
        self.slots().iter().for_each(|slot| slot.clear());
    }
}
