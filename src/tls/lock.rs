//! The lock of a connection, or of a context that is being configured.
//!
//! Such a lock is held for long: while a callback runs, a file is read, a peer is waited for. If the
//! process is forked meanwhile, the thread that has it may be in the parent alone. Who waits for it
//! in the child is told so.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::{ReentrantMutex, ReentrantMutexGuard};

use super::error::{CallbackError, Error, Result};
use super::fork::{is_here, this_thread};
use super::transport::Patience;

/// Lets one thread at a time have a value; that thread may have it several times over.
///
/// What another thread had when the process was forked is out of reach in the child. It was in the
/// middle of a change, so it is never dropped there, either.
pub(super) struct Lock<T> {
    mutex: ReentrantMutex<Locked<T>>,
    /// The thread that has the value; 0 when none has.
    owner: AtomicU64,
}

struct Locked<T> {
    value: ManuallyDrop<T>,
    /// How many guards there are.
    guards: Cell<u32>,
}

impl<T> Lock<T> {
    pub(super) fn new(value: T) -> Self {
        let locked = Locked { value: ManuallyDrop::new(value), guards: Cell::new(0) };
        Self { mutex: ReentrantMutex::new(locked), owner: AtomicU64::new(0) }
    }

    /// The value, unless another thread has it.
    #[inline]
    pub(super) fn try_lock(&self) -> Option<Guard<'_, T>> {
        self.mutex.try_lock().and_then(|locked| self.guard(locked))
    }

    /// The value. Waits for the thread that has it: for ever, if that is not here.
    pub(super) fn lock(&self) -> Guard<'_, T> {
        loop {
            match self.try_lock_for(Patience::LAST) {
                Ok(Some(guard)) => return guard,
                Ok(None) => {}
                Err(_) => thread::park(),
            }
        }
    }

    /// The value. Waits for the thread that has it, and asks now and then whether to go on waiting.
    ///
    /// Fails with [`Error::Forked`] if that thread is not here, and with what `interrupted` does.
    pub(super) fn wait(
        &self,
        interrupted: &dyn Fn() -> Result<(), CallbackError>,
    ) -> Result<Guard<'_, T>> {
        let mut slice = Patience::FIRST;
        loop {
            if let Some(guard) = self.try_lock_for(slice)? {
                return Ok(guard);
            }
            interrupted().map_err(Error::Callback)?;
            slice = Patience::LAST.min(slice * 2);
        }
    }

    /// Whether this thread has the value.
    pub(super) fn is_owned_by_current_thread(&self) -> bool {
        self.owner.load(Ordering::Relaxed) == this_thread()
    }

    fn try_lock_for(&self, patience: Duration) -> Result<Option<Guard<'_, T>>> {
        let locked = self.mutex.try_lock_for(patience);
        if let Some(guard) = locked.and_then(|locked| self.guard(locked)) {
            return Ok(Some(guard));
        }
        match self.owner.load(Ordering::Relaxed) {
            0 => Ok(None),
            owner if is_here(owner) => Ok(None),
            _ => Err(Error::Forked),
        }
    }

    #[inline]
    fn guard<'l>(&'l self, locked: ReentrantMutexGuard<'l, Locked<T>>) -> Option<Guard<'l, T>> {
        let this = this_thread();
        if locked.guards.get() == 0 {
            self.owner.store(this, Ordering::Relaxed);
        } else if self.owner.load(Ordering::Relaxed) != this {
            // The mutex knows threads by places in memory, and a new thread may be where one was that
            // a fork has left behind.
            return None;
        }
        locked.guards.set(locked.guards.get() + 1);
        Some(Guard { locked, owner: &self.owner })
    }
}

impl<T: Default> Default for Lock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Drop for Lock<T> {
    fn drop(&mut self) {
        if *self.owner.get_mut() == 0 {
            // SAFETY: no thread has the value, and it is not used again.
            unsafe { ManuallyDrop::drop(&mut self.mutex.get_mut().value) }
        }
    }
}

/// The value, for as long as this exists.
pub(super) struct Guard<'l, T> {
    locked: ReentrantMutexGuard<'l, Locked<T>>,
    owner: &'l AtomicU64,
}

impl<T> Guard<'_, T> {
    /// How many times over this thread has the value.
    #[inline]
    pub(super) fn depth(&self) -> u32 {
        self.locked.guards.get()
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.locked.value
    }
}

impl<T> Drop for Guard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let guards = self.locked.guards.get() - 1;
        self.locked.guards.set(guards);
        if guards == 0 {
            self.owner.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::ffi::c_int;
    use std::sync::Barrier;

    use super::*;
    use crate::tls::fork;

    fn calm() -> Result<(), CallbackError> {
        Ok(())
    }

    #[test]
    fn one_thread_at_a_time_has_the_value() {
        let lock = Lock::new(Cell::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        let outer = lock.wait(&calm).unwrap();
                        let inner = lock.try_lock().unwrap();
                        let count = outer.get();
                        drop(outer);
                        assert!(lock.is_owned_by_current_thread());
                        inner.set(count + 1);
                    }
                });
            }
        });
        assert!(!lock.is_owned_by_current_thread());
        assert_eq!(lock.lock().get(), 4_000);
    }

    #[test]
    fn a_wait_can_be_interrupted() {
        let lock = Lock::new(());
        let _held = lock.lock();
        thread::scope(|scope| {
            scope.spawn(|| {
                assert!(lock.try_lock().is_none());
                let outcome = lock.wait(&|| Err("enough".into()));
                assert!(matches!(outcome, Err(Error::Callback(_))));
            });
        });
    }

    /// What `check` says in a forked process.
    fn in_a_fork(check: impl FnOnce() -> bool) -> bool {
        // SAFETY: the child does nothing but to check, and leaves without running destructors.
        unsafe {
            let process = libc::fork();
            if process == 0 {
                libc::alarm(10);
                libc::_exit(c_int::from(!check()));
            }
            let mut status = 0;
            libc::waitpid(process, &mut status, 0) == process && status == 0
        }
    }

    #[test]
    fn a_fork_leaves_nobody_waiting() {
        fork::install();
        let (left, ours) = (Lock::new(()), Lock::new(RefCell::new(0)));
        let (ready, done) = (Barrier::new(2), Barrier::new(2));
        thread::scope(|scope| {
            scope.spawn(|| {
                let _held = left.lock();
                ready.wait();
                done.wait();
            });
            ready.wait();
            let held = ours.lock();
            assert!(in_a_fork(|| {
                let out_of_reach = matches!(left.wait(&calm), Err(Error::Forked));
                *ours.lock().borrow_mut() += 1;
                drop(held);
                // Several, since one of them may be where the other thread was.
                let others = (0..4).all(|_| {
                    let other = thread::scope(|scope| {
                        let look = || left.try_lock().is_none() && *ours.lock().borrow() == 1;
                        scope.spawn(look).join()
                    });
                    other.is_ok_and(|right| right)
                });
                out_of_reach && others && in_a_fork(|| left.wait(&calm).is_err())
            }));
            done.wait();
        });
        assert!(left.try_lock().is_some());
    }
}
