//! Giving the interpreter away while the core works, and taking it back where Python code is to run.
//!
//! PyO3 has both, but counts on the thread how often it is attached, and `Python::detach` sets that
//! count aside on the stack. Greenlets (gevent, eventlet) exchange the stacks of one thread. Where
//! one is left inside of a callback and another goes on, what was set aside comes back in another
//! order, and PyO3 takes the thread for attached where it is not. So nothing is set aside here:
//! PyO3's count is that of the calls which the thread is in, whichever greenlets they belong to.
//!
//! The count is above zero while detached, too. From that follow two rules:
//!
//! - What the core calls gets at the interpreter by [`attach`] and not by PyO3.
//! - No Python object is dropped while detached. Those that the core owns are [`Lent`] to it.

#![allow(unsafe_code)]

use std::mem::ManuallyDrop;

use pyo3::ffi;
use pyo3::prelude::*;

/// Runs what needs no interpreter, while other threads may have it.
pub(super) fn detach<T: Send>(_py: Python<'_>, run: impl FnOnce() -> T + Send) -> T {
    struct Detached(*mut ffi::PyThreadState);

    impl Drop for Detached {
        fn drop(&mut self) {
            // SAFETY: the state is this thread's, which has detached from it. Whatever has attached
            // to it meanwhile has detached again.
            unsafe { ffi::PyEval_RestoreThread(self.0) }
        }
    }

    // SAFETY: the thread is attached, as the token shows; `run` has none, nor anything that needs one.
    let _detached = Detached(unsafe { ffi::PyEval_SaveThread() });
    run()
}

/// Runs what needs the interpreter, on a thread that may or may not be attached; `None`, and nothing
/// is run, if there is no interpreter any more.
pub(super) fn attach<T>(run: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    struct Attached(ffi::PyGILState_STATE);

    impl Drop for Attached {
        fn drop(&mut self) {
            // SAFETY: matches the call of `PyGILState_Ensure` that returned the state.
            unsafe { ffi::PyGILState_Release(self.0) }
        }
    }

    if !is_possible() {
        return None;
    }
    // SAFETY: there is an interpreter, or what is left of one for the thread that takes it apart.
    let _attached = Attached(unsafe { ffi::PyGILState_Ensure() });
    // SAFETY: the thread is attached from here on, and `run` cannot keep the token.
    Some(run(unsafe { Python::assume_attached() }))
}

/// Whether there is an interpreter to attach to.
fn is_possible() -> bool {
    // A thread that is attached may go on while the interpreter ends.
    // SAFETY: may be called at any time.
    if unsafe { ffi::PyGILState_Check() } != 0 {
        return true;
    }
    // Before 3.13 a thread that comes to the end waits for ever.
    #[cfg(Py_3_13)]
    // SAFETY: may be called at any time.
    let ends = unsafe { ffi::Py_IsFinalizing() } != 0;
    #[cfg(not(Py_3_13))]
    let ends = false;
    // SAFETY: may be called at any time.
    !ends && unsafe { ffi::Py_IsInitialized() } != 0
}

/// What has Python objects in it, and may be dropped by a thread that is detached.
pub(super) struct Lent<T>(Option<T>);

impl<T> Lent<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Some(value))
    }

    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

impl<T> Drop for Lent<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            // Without an interpreter it stays where it is.
            let value = ManuallyDrop::new(value);
            attach(|_| drop(ManuallyDrop::into_inner(value)));
        }
    }
}
