//! The lock of a connection, or of a context that is being configured.
//!
//! Such a lock is held for long: while a callback runs, a file is read, a peer is waited for. If the
//! process is forked meanwhile, the thread that has it may be in the parent alone. Who waits for it
//! in the child is told so. Other locks do not say who has them, and some keep lists of those who
//! wait, with places in the stacks of threads that the child does not have.

use std::cell::Cell;
use std::hint::spin_loop;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::{CallbackError, Error, Result};
use super::fork::{is_here, this_thread};
use super::transport::Patience;

/// Lets one thread at a time have a value; that thread may have it several times over.
///
/// After a fork, the thread that has it may be in the parent alone. Then nobody in the child gets at
/// the value, which was in the middle of a change, and it is never dropped there.
pub(super) struct Lock<T> {
    /// The thread that has the value; 0 when none has.
    owner: AtomicU64,
    /// How many times over it has it. Only that thread looks here.
    depth: Cell<u32>,
    /// How many threads sleep until they can have it. After a fork it may be too many, which only
    /// costs time.
    sleepers: AtomicU32,
    /// The thread that has slept so long that nobody may come before it; 0 when none has.
    first: AtomicU64,
    value: ManuallyDrop<T>,
}

// SAFETY: one thread at a time gets at the value and at `depth`.
unsafe impl<T: Send> Sync for Lock<T> {}

/// How often a thread looks whether it can have the value before it sleeps. Most have it for a few
/// microseconds only.
const LOOKS: u32 = 100;

/// How long others may come before one that sleeps.
const COURTESY: Duration = Duration::from_micros(500);

impl<T> Lock<T> {
    pub(super) const fn new(value: T) -> Self {
        Self {
            owner: AtomicU64::new(0),
            depth: Cell::new(0),
            sleepers: AtomicU32::new(0),
            first: AtomicU64::new(0),
            value: ManuallyDrop::new(value),
        }
    }

    /// The value, unless another thread has it.
    #[inline]
    pub(super) fn try_lock(&self) -> Option<Guard<'_, T>> {
        let this = this_thread();
        (self.owner.load(Ordering::Relaxed) == this || self.take(this)).then(|| Guard::new(self))
    }

    /// The value. Waits for the thread that has it: for ever, if that is not here.
    pub(super) fn lock(&self) -> Guard<'_, T> {
        loop {
            if let Some(guard) = self.try_lock_for(Patience::LAST) {
                return guard;
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
            if let Some(guard) = self.try_lock_for(slice) {
                return Ok(guard);
            }
            self.check()?;
            interrupted().map_err(Error::Callback)?;
            slice = Patience::LAST.min(slice * 2);
        }
    }

    /// The value, unless another thread has it for so long.
    fn try_lock_for(&self, patience: Duration) -> Option<Guard<'_, T>> {
        for _ in 0..LOOKS {
            if let Some(guard) = self.try_lock() {
                return Some(guard);
            }
            spin_loop();
        }
        self.sleep(Instant::now() + patience).then(|| Guard::new(self))
    }

    /// Whether this thread has the value.
    pub(super) fn is_owned_by_current_thread(&self) -> bool {
        self.owner.load(Ordering::Relaxed) == this_thread()
    }

    /// Fails if the thread that has the value is in the process that this one was forked from, and
    /// not here.
    fn check(&self) -> Result<()> {
        match self.owner.load(Ordering::Relaxed) {
            0 => Ok(()),
            owner if is_here(owner) => Ok(()),
            _ => Err(Error::Forked),
        }
    }

    /// Makes this thread the owner, if there is none and nobody is to come before it.
    #[inline]
    fn take(&self, this: u64) -> bool {
        let first = self.first.load(Ordering::Relaxed);
        (first == 0 || first == this || !is_here(first))
            && self.owner.compare_exchange(0, this, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// As [`Self::take`], asleep until it can be done. Returns whether it was.
    #[cold]
    fn sleep(&self, until: Instant) -> bool {
        let this = this_thread();
        let place = Place::of(self);
        let mut turn = place.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // Either `take` sees that the value has been given back, or who gives it back sees this.
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        let impatient = Instant::now() + COURTESY;
        let taken = loop {
            if self.take(this) {
                break true;
            }
            let now = Instant::now();
            if until <= now {
                break false;
            }
            let mut wake = until;
            if now < impatient {
                wake = until.min(impatient);
            } else if !self.is_claimed() {
                self.first.store(this, Ordering::Relaxed);
            }
            let woken = place.given_back.wait_timeout(turn, wake - now);
            turn = woken.unwrap_or_else(PoisonError::into_inner).0;
        };
        self.sleepers.fetch_sub(1, Ordering::Relaxed);
        if self.first.load(Ordering::Relaxed) == this {
            self.first.store(0, Ordering::Relaxed);
            // Others have held back.
            place.given_back.notify_all();
        }
        taken
    }

    /// Whether a thread of this process is to come before all others.
    fn is_claimed(&self) -> bool {
        let first = self.first.load(Ordering::Relaxed);
        first != 0 && is_here(first)
    }

    #[inline]
    fn give_back(&self) {
        self.owner.store(0, Ordering::SeqCst);
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            Place::of(self).wake();
        }
    }
}

impl<T: Default> Default for Lock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Drop for Lock<T> {
    fn drop(&mut self) {
        // Nobody here has the value: guards borrow the lock.
        if *self.owner.get_mut() == 0 {
            // SAFETY: the value is not used again.
            unsafe { ManuallyDrop::drop(&mut self.value) }
        }
    }
}

/// The value, for as long as this exists. Cannot leave its thread.
pub(super) struct Guard<'l, T> {
    lock: &'l Lock<T>,
    here: PhantomData<*const ()>,
}

impl<'l, T> Guard<'l, T> {
    /// For the thread that owns the lock.
    fn new(lock: &'l Lock<T>) -> Self {
        lock.depth.set(lock.depth.get() + 1);
        Self { lock, here: PhantomData }
    }
}

impl<T> Guard<'_, T> {
    /// How many times over this thread has the value.
    #[inline]
    pub(super) fn depth(&self) -> u32 {
        self.lock.depth.get()
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.lock.value
    }
}

impl<T> Drop for Guard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let depth = self.lock.depth.get() - 1;
        self.lock.depth.set(depth);
        if depth == 0 {
            self.lock.give_back();
        }
    }
}

/// Where threads sleep that wait for a lock. There are a few for the whole process, so that a fork
/// can have all of them.
struct Place {
    turn: Mutex<()>,
    given_back: Condvar,
}

static PLACES: [Place; 16] =
    [const { Place { turn: Mutex::new(()), given_back: Condvar::new() } }; 16];

impl Place {
    fn of<T>(lock: &Lock<T>) -> &'static Self {
        &PLACES[ptr::from_ref(lock).addr() / size_of::<Lock<()>>() % PLACES.len()]
    }

    fn wake(&self) {
        drop(self.turn.lock().unwrap_or_else(PoisonError::into_inner));
        self.given_back.notify_all();
    }
}

/// Every place.
pub(super) type Held = [MutexGuard<'static, ()>; 16];

/// Keeps threads from going to sleep and from being woken.
pub(super) fn hold() -> Held {
    PLACES.each_ref().map(|place| place.turn.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::ffi::c_int;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;
    use crate::tls::fork;

    #[test]
    fn one_thread_at_a_time_has_the_value() {
        let lock = Lock::new(Cell::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        let outer = lock.lock();
                        let inner = lock.try_lock().unwrap();
                        let count = outer.get();
                        drop(outer);
                        inner.set(count + 1);
                    }
                });
            }
        });
        assert_eq!(lock.lock().get(), 40_000);
    }

    #[test]
    fn waiting_ends_with_the_patience() {
        let lock = Lock::new(());
        let held = lock.lock();
        assert!(lock.is_owned_by_current_thread());
        thread::scope(|scope| {
            scope.spawn(|| {
                assert!(!lock.is_owned_by_current_thread());
                assert!(lock.try_lock().is_none());
                // Once as one that is to come first, which it gives up.
                assert!(lock.try_lock_for(COURTESY * 4).is_none());
                assert!(lock.check().is_ok());
            });
        });
        drop(held);
        assert!(lock.try_lock_for(Duration::ZERO).is_some());
    }

    #[test]
    fn who_takes_it_again_and_again_lets_others_in() {
        let lock = Lock::new(());
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let _held = lock.lock();
                    thread::sleep(Duration::from_micros(10));
                }
            });
            let begin = Instant::now();
            for _ in 0..20 {
                drop(lock.lock());
            }
            done.store(true, Ordering::Relaxed);
            assert!(begin.elapsed() < Duration::from_secs(5));
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
        let (ready, done) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                let _held = left.lock();
                ready.store(true, Ordering::Release);
                while !done.load(Ordering::Acquire) {
                    thread::yield_now();
                }
            });
            while !ready.load(Ordering::Acquire) {
                thread::yield_now();
            }
            let held = ours.lock();
            assert!(left.check().is_ok());
            assert!(in_a_fork(|| {
                let unreachable = matches!(left.check(), Err(Error::Forked));
                *ours.lock().borrow_mut() += 1;
                drop(held);
                let another = thread::scope(|scope| {
                    scope.spawn(|| ours.check().is_ok() && *ours.lock().borrow() == 1).join()
                });
                // What was forked from here has other threads.
                unreachable
                    && left.try_lock().is_none()
                    && another.is_ok_and(|right| right)
                    && in_a_fork(|| ours.check().is_ok() && left.check().is_err())
            }));
            done.store(true, Ordering::Release);
        });
        assert!(left.try_lock().is_some());
    }
}
