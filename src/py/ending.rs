//! The end of the interpreter, while other threads are inside of callbacks.
//!
//! Before 3.14 Python ends a daemon thread with `pthread_exit` when it wants to go on after the
//! interpreter's end. That unwinds the thread's stack, and aborts the process where there is Rust in
//! it: which is so while Python code runs that OpenSSL has called. (Where PyO3 itself takes the
//! interpreter it has such a thread wait for ever, as Python 3.14 does.) So the end waits for callbacks
//! that run, and threads that come to another one wait for the end.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::IntoPyDict;

use super::attachment::detach;

/// How long the end waits for callbacks that do not return.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long callbacks wait for the end. It comes after what else was registered with `atexit`, which
/// may need these very threads: so not for ever.
const GRACE: Duration = Duration::from_secs(1);

/// How many threads are inside of callbacks.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// Until when callbacks wait, once the interpreter is about to end.
static END: Mutex<Option<Instant>> = Mutex::new(None);

thread_local! {
    /// How many callbacks this thread is in.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Python code that OpenSSL has called is running on this thread.
pub(super) struct Inside(());

impl Inside {
    /// Whether this thread has come to Python code from Python code.
    pub(super) fn is_nested() -> bool {
        DEPTH.get() > 1
    }

    pub(super) fn new(py: Python<'_>) -> Self {
        let depth = DEPTH.get();
        if depth == 0 {
            if let Some(end) = end() {
                detach(py, || thread::sleep(end.saturating_duration_since(Instant::now())));
            }
            THREADS.fetch_add(1, Ordering::Relaxed);
        }
        DEPTH.set(depth + 1);
        Self(())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let depth = DEPTH.get() - 1;
        DEPTH.set(depth);
        if depth == 0 {
            THREADS.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn end() -> Option<Instant> {
    *END.lock().unwrap_or_else(PoisonError::into_inner)
}

fn set_end(end: Instant) {
    *END.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
}

/// Whether this thread is one of [`THREADS`]: 1 or 0.
fn this_thread() -> usize {
    usize::from(DEPTH.get() > 0)
}

/// Has the end of the interpreter wait for callbacks, where it has to.
pub(super) fn register(py: Python<'_>) -> PyResult<()> {
    if py.version_info() >= (3, 14) {
        return Ok(());
    }
    let wait = wrap_pyfunction!(wait_for_callbacks, py)?;
    py.import("atexit")?.call_method1("register", (wait,))?;
    // Windows has no such function, and no fork.
    if let Ok(register) = py.import("os")?.getattr("register_at_fork") {
        let forget = wrap_pyfunction!(forget_other_threads, py)?;
        register.call((), Some(&[("after_in_child", forget)].into_py_dict(py)?))?;
    }
    Ok(())
}

/// Called by `atexit`, when there are only daemon threads left.
#[pyfunction]
fn wait_for_callbacks(py: Python<'_>) {
    let own = this_thread();
    let begin = Instant::now();
    set_end(begin + GRACE);
    detach(py, || {
        while THREADS.load(Ordering::Relaxed) > own && begin.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
    });
    // From now on, on this thread, finalizers alone call callbacks: they need not wait.
    DEPTH.set(DEPTH.get() + 1);
    set_end(Instant::now() + GRACE);
}

/// Called in the child of a fork, which has the calling thread alone.
#[pyfunction]
fn forget_other_threads() {
    THREADS.store(this_thread(), Ordering::Relaxed);
}
