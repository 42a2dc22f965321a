//! Forks: the child has copies of all locks, and of its parent's threads only the one that forked.
//!
//! The locks that the process has are taken before a fork and given back after it, on both sides. So
//! no other thread has one of them. They are held for moments: never while a file is read, a
//! callback runs or Python is waited for. What belongs to one connection or context may be locked
//! for longer; such a [`Lock`](super::lock::Lock) remembers its thread, and this file tells whether
//! that is in this process.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::x509::store;
use super::{context, lock};

/// The number that the next thread gets.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The least number that was given in this process, and not in one that it was forked from.
static FIRST: AtomicU64 = AtomicU64::new(0);

/// The number of the thread that forked this process; 0 in one that was not forked.
static FORKER: AtomicU64 = AtomicU64::new(0);

/// All the locks that the process has, held.
type Held = (context::Held, store::Held, lock::Held);

thread_local! {
    static NUMBER: Cell<u64> = const { Cell::new(0) };
    /// What this thread holds while it forks. There is nothing to drop when the thread ends: it
    /// could fork once more after that.
    static HELD: Cell<Option<ManuallyDrop<Held>>> = const { Cell::new(None) };
}

/// The number of this thread. No other thread has it, neither in this process nor in one that it is
/// forked from.
#[inline]
pub(super) fn this_thread() -> u64 {
    match NUMBER.get() {
        0 => new_thread(),
        number => number,
    }
}

#[cold]
fn new_thread() -> u64 {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    NUMBER.set(number);
    number
}

/// Whether a thread is, or was, one of this process.
pub(super) fn is_here(thread: u64) -> bool {
    thread >= FIRST.load(Ordering::Relaxed) || thread == FORKER.load(Ordering::Relaxed)
}

/// Has forks wait for the locks of the process.
///
/// POSIX: `pthread_atfork`.
pub fn install() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if !DONE.swap(true, Ordering::Relaxed) {
        // SAFETY: the three take nothing, and are there for as long as the process. Without memory
        // they are not called, which is as before.
        unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    }
}

unsafe extern "C" fn prepare() {
    // Nobody who has one of these waits for another.
    let held = (context::hold(), store::hold(), lock::hold());
    HELD.set(Some(ManuallyDrop::new(held)));
}

unsafe extern "C" fn parent() {
    drop(HELD.take().map(ManuallyDrop::into_inner));
}

unsafe extern "C" fn child() {
    FORKER.store(this_thread(), Ordering::Relaxed);
    FIRST.store(NEXT.load(Ordering::Relaxed), Ordering::Relaxed);
    if let Some(mut held) = HELD.take().map(ManuallyDrop::into_inner) {
        held.0.forget_stores();
    }
}
