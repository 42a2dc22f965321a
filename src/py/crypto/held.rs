//! What an object holds, from its `__init__` on.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;

/// A place for what an object holds, which any thread may use. There is nothing in it before
/// `__init__`: subclasses may call that late, or never.
///
/// The lock is held while the functions below run what they are given. That must not run Python
/// code, which could want the lock again, nor detach.
pub(super) struct Held<T> {
    value: Mutex<Option<T>>,
    /// What to raise when there is nothing.
    nothing: fn() -> PyErr,
}

impl<T> Held<T> {
    pub(super) fn nothing(nothing: fn() -> PyErr) -> Self {
        Self { value: Mutex::new(None), nothing }
    }

    pub(super) fn new(value: T, nothing: fn() -> PyErr) -> Self {
        Self { value: Mutex::new(Some(value)), nothing }
    }

    pub(super) fn set(&self, py: Python<'_>, value: Option<T>) {
        let old = std::mem::replace(&mut *self.lock(py), value);
        // Dropping it may run Python code: not before the lock has been given up.
        drop(old);
    }

    pub(super) fn read<R>(&self, py: Python<'_>, read: impl FnOnce(&T) -> R) -> PyResult<R> {
        self.lock(py).as_ref().map(read).ok_or_else(self.nothing)
    }

    pub(super) fn change<R>(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut T) -> R,
    ) -> PyResult<R> {
        self.lock(py).as_mut().map(change).ok_or_else(self.nothing)
    }

    /// For `__traverse__`, which must not wait: `None` if there is nothing, or another thread is at
    /// it. The collector stops every thread that could be for long.
    pub(super) fn look<R>(&self, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.value.try_lock().ok()?.as_ref().map(look)
    }

    /// For `__clear__`.
    pub(super) fn clear(&self) {
        let old = self.value.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(old);
    }

    /// Waits attached, for a thread that is attached itself and soon done. Without a GIL, one that
    /// waits detached may be given the lock while the collector has stopped the others. The collector
    /// looks at each object twice; what it does not see again it takes for garbage.
    fn lock(&self, _py: Python<'_>) -> MutexGuard<'_, Option<T>> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Held<T> {
    /// A copy of what there is.
    pub(super) fn copy(&self, py: Python<'_>) -> Option<T> {
        self.lock(py).clone()
    }
}
