//! Contexts: what connections have in common, settled before the first of them.
//!
//! A [`Context`] is changed through its [`Settings`] until it has a connection, and not after:
//! OpenSSL lets nobody change an `SSL_CTX` that other threads use. The exception is what connections
//! copy when they begin, for those who ask for it ([`Settings::for_later_connections`]). Each setting
//! is also recorded as a [`Setting`], so that all of them can be applied again to a fresh `SSL_CTX`.

mod identity;
mod negotiation;
mod roots;
mod setting;
mod trust;
mod watch;

use std::cell::RefCell;
use std::ffi::{c_int, c_long};
use std::mem;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockWriteGuard};

use foreign_types::ForeignType;
use openssl::ssl::SslContext;
use openssl_sys as ffi;

use super::callbacks::Callbacks;
use super::connection::Interrupted;
use super::error::{Error, Result, check_ptr, clear_queue};
use super::lock::{Guard, Lock};
use super::method::Method;
use super::passphrase::PassphraseCallback;
use super::sys;
pub(crate) use negotiation::alpn_list;
use setting::Setting;
pub use trust::{default_locations, fallback_is_needed, fallback_locations};

/// What connections have in common. Clones are the same context.
///
/// OpenSSL: `SSL_CTX`.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

struct Inner {
    handle: SslContext,
    method: Method,
    builder: Lock<Builder>,
    /// The callbacks, once there has been a connection: from then on nothing may change.
    callbacks: OnceLock<Arc<Callbacks>>,
}

/// What a context is being made of. The lock around it admits its own thread again, because the
/// passphrase callback may ask the context something.
#[derive(Default)]
struct Builder {
    settings: RefCell<Vec<Setting>>,
    callbacks: RefCell<Callbacks>,
    passphrase: RefCell<Option<Arc<PassphraseCallback>>>,
    trust: RefCell<trust::Trust>,
}

impl Context {
    /// The modes that every context has.
    pub const MODE: c_long =
        ffi::SSL_MODE_ENABLE_PARTIAL_WRITE | ffi::SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER;

    /// A context with OpenSSL's defaults, the protocol versions that `method` names, and the modes
    /// without which a partial write cannot be continued from another buffer.
    ///
    /// OpenSSL: `SSL_CTX_new`.
    #[doc(alias = "SSL_CTX_new")]
    pub fn new(method: Method) -> Result<Self> {
        clear_queue();
        // SAFETY: the method is a static table; the new SSL_CTX is owned by `handle`.
        let handle = unsafe { SslContext::from_ptr(check_ptr(ffi::SSL_CTX_new(method.as_ptr()))?) };
        let context = Self {
            inner: Arc::new(Inner {
                handle,
                method,
                builder: Lock::default(),
                callbacks: OnceLock::new(),
            }),
        };
        let settings = context.settings();
        settings.set_mode(Self::MODE)?;
        if let Some(version) = method.version() {
            settings.set_min_version(version)?;
            settings.set_max_version(version)?;
        }
        drop(settings);
        Ok(context)
    }

    /// A new context with the same settings and callbacks, which no connection uses yet.
    ///
    /// What files held when they were loaded is applied, not what they hold now; directories of
    /// trusted certificates are searched anew.
    pub fn renew(&self) -> Result<Self> {
        let fresh = Self::new(self.inner.method)?;
        let from = self.settings();
        let to = fresh.settings();
        to.own_store()?;
        for setting in from.builder.settings.borrow().iter() {
            to.apply(setting.clone())?;
        }
        *to.builder.callbacks.borrow_mut() = from.builder.callbacks.borrow().clone();
        *to.builder.passphrase.borrow_mut() = from.builder.passphrase.borrow().clone();
        trust::copy(from.as_ptr(), to.as_ptr())?;
        drop(to);
        Ok(fresh)
    }

    /// The settings, for one thread at a time. Waits for another thread that has them.
    pub fn settings(&self) -> Settings<'_> {
        Settings { context: self, builder: self.inner.builder.lock(), late: false }
    }

    /// As [`Self::settings`], for a caller who can be interrupted meanwhile: the other thread may be
    /// reading a file, or asking for its passphrase.
    ///
    /// Fails with [`Error::Forked`] if that thread is in the process alone that this one was forked
    /// from.
    pub fn wait_for_settings(&self, interrupted: Interrupted<'_>) -> Result<Settings<'_>> {
        let builder = self.inner.builder.wait(interrupted)?;
        Ok(Settings { context: self, builder, late: false })
    }

    /// The settings, unless another thread has them.
    pub fn try_settings(&self) -> Option<Settings<'_>> {
        let builder = self.inner.builder.try_lock()?;
        Some(Settings { context: self, builder, late: false })
    }

    /// Whether this is the very same context.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    pub(crate) fn as_ptr(&self) -> *mut ffi::SSL_CTX {
        self.inner.handle.as_ptr()
    }

    /// Lets `copy` copy settings, as `SSL_new` does, while nobody changes one. It must not wait.
    pub(crate) fn while_unchanging<T>(&self, copy: impl FnOnce(*mut ffi::SSL_CTX) -> T) -> T {
        let _unchanging = self.copying().read().unwrap_or_else(PoisonError::into_inner);
        copy(self.as_ptr())
    }

    /// Held by those who copy settings out of the `SSL_CTX`, and alone by who changes one.
    fn copying(&self) -> &'static RwLock<()> {
        &COPYING[self.address() / 64 % COPYING.len()]
    }

    /// Where OpenSSL's object is.
    pub fn address(&self) -> usize {
        self.as_ptr().addr()
    }

    /// Where OpenSSL keeps whom the peer's certificate must name.
    ///
    /// OpenSSL: `SSL_CTX_get0_param`.
    #[doc(alias = "SSL_CTX_get0_param")]
    pub fn verification_address(&self) -> usize {
        // SAFETY: the SSL_CTX is alive; its parameters are made and freed with it.
        unsafe { ffi::SSL_CTX_get0_param(self.as_ptr()) }.addr()
    }

    /// Ends all change, as the first connection does. Waits for another thread that has the
    /// settings.
    pub fn freeze(&self) {
        self.callbacks();
    }

    /// As [`Self::freeze`], unless another thread has the settings; returns whether it was done.
    pub fn try_freeze(&self) -> bool {
        // This thread may have the settings twice over.
        self.inner.callbacks.get().is_some()
            || self.try_settings().map(|_held| self.freeze()).is_some()
    }

    /// The callbacks, from now on unchangeable with everything else.
    pub(crate) fn callbacks(&self) -> Arc<Callbacks> {
        if let Some(callbacks) = self.inner.callbacks.get() {
            return Arc::clone(callbacks);
        }
        let settings = self.settings();
        let callbacks = || Arc::new(settings.builder.callbacks.borrow().clone());
        Arc::clone(self.inner.callbacks.get_or_init(callbacks))
    }
}

/// A context's settings, held by one thread. Every change fails with [`Error::ContextInUse`] once
/// the context has had a connection.
pub struct Settings<'c> {
    context: &'c Context,
    builder: Guard<'c, Builder>,
    late: bool,
}

impl Settings<'_> {
    /// Allows changes also when the context has had a connection: those that were made before keep
    /// what they have, those made later have the change, as with OpenSSL's own functions. Only what
    /// a connection copies when it begins can be changed so.
    #[must_use]
    pub fn for_later_connections(&self) -> Settings<'_> {
        Settings { late: true, ..self.context.settings() }
    }

    /// The options that are set.
    ///
    /// OpenSSL: `SSL_CTX_get_options`.
    #[doc(alias = "SSL_CTX_get_options")]
    pub fn options(&self) -> u64 {
        // SAFETY: the SSL_CTX is alive.
        unsafe { sys::SSL_CTX_get_options(self.as_ptr()) }
    }

    /// Adds modes to those set before, and returns all that are set.
    ///
    /// OpenSSL: `SSL_CTX_set_mode`.
    #[doc(alias = "SSL_CTX_set_mode")]
    pub fn set_mode(&self, mode: c_long) -> Result<c_long> {
        self.apply(Setting::Mode(mode))?;
        Ok(self.control(ffi::SSL_CTRL_MODE, 0))
    }

    /// Takes modes away from those set before, and returns all that are left.
    ///
    /// OpenSSL: `SSL_CTX_clear_mode`.
    #[doc(alias = "SSL_CTX_clear_mode")]
    pub fn clear_mode(&self, mode: c_long) -> Result<c_long> {
        self.apply(Setting::ClearMode(mode))?;
        Ok(self.control(ffi::SSL_CTRL_MODE, 0))
    }

    /// Adds options (`SSL_OP_*`) to those set before, and returns all that are set.
    ///
    /// OpenSSL: `SSL_CTX_set_options`.
    #[doc(alias = "SSL_CTX_set_options")]
    pub fn set_options(&self, options: u64) -> Result<u64> {
        self.apply(Setting::Options(options))?;
        Ok(self.options())
    }

    /// What sessions are kept in the cache; returns what it was before.
    ///
    /// OpenSSL: `SSL_CTX_set_session_cache_mode`.
    #[doc(alias = "SSL_CTX_set_session_cache_mode")]
    pub fn set_session_cache_mode(&self, mode: c_long) -> Result<c_long> {
        let before = self.session_cache_mode();
        self.apply(Setting::SessionCacheMode(mode))?;
        Ok(before)
    }

    /// What sessions are kept in the cache.
    ///
    /// OpenSSL: `SSL_CTX_get_session_cache_mode`.
    #[doc(alias = "SSL_CTX_get_session_cache_mode")]
    pub fn session_cache_mode(&self) -> c_long {
        self.control(sys::SSL_CTRL_GET_SESS_CACHE_MODE, 0)
    }

    /// The name of the group of contexts whose sessions may be resumed by one another: at most 32
    /// bytes.
    ///
    /// OpenSSL: `SSL_CTX_set_session_id_context`.
    #[doc(alias = "SSL_CTX_set_session_id_context")]
    pub fn set_session_id_context(&self, id: &[u8]) -> Result<()> {
        self.apply(Setting::SessionIdContext(id.into()))
    }

    /// How long new sessions live, in seconds; returns what it was before.
    ///
    /// OpenSSL: `SSL_CTX_set_timeout`.
    #[doc(alias = "SSL_CTX_set_timeout")]
    pub fn set_timeout(&self, seconds: c_long) -> Result<c_long> {
        let before = self.timeout();
        self.apply(Setting::Timeout(seconds))?;
        Ok(before)
    }

    /// How long new sessions live, in seconds.
    ///
    /// OpenSSL: `SSL_CTX_get_timeout`.
    #[doc(alias = "SSL_CTX_get_timeout")]
    pub fn timeout(&self) -> c_long {
        // SAFETY: the SSL_CTX is alive.
        unsafe { sys::SSL_CTX_get_timeout(self.as_ptr()) }
    }

    /// How many certificates may stand between the peer's and a trusted one.
    ///
    /// OpenSSL: `SSL_CTX_set_verify_depth`.
    #[doc(alias = "SSL_CTX_set_verify_depth")]
    pub fn set_verify_depth(&self, depth: c_int) -> Result<()> {
        self.apply(Setting::VerifyDepth(depth))
    }

    /// How many certificates may stand between the peer's and a trusted one; -1 for OpenSSL's
    /// default.
    ///
    /// OpenSSL: `SSL_CTX_get_verify_depth`.
    #[doc(alias = "SSL_CTX_get_verify_depth")]
    pub fn verify_depth(&self) -> c_int {
        // SAFETY: the SSL_CTX is alive.
        unsafe { sys::SSL_CTX_get_verify_depth(self.as_ptr()) }
    }

    /// Whether the peer's certificate is asked for and checked (`SSL_VERIFY_*`).
    ///
    /// OpenSSL: `SSL_CTX_get_verify_mode`.
    #[doc(alias = "SSL_CTX_get_verify_mode")]
    pub fn verify_mode(&self) -> c_int {
        // SAFETY: the SSL_CTX is alive.
        unsafe { ffi::SSL_CTX_get_verify_mode(self.as_ptr()) }
    }

    /// Fails once the context has had a connection.
    pub fn check_unused(&self) -> Result<()> {
        match self.context.inner.callbacks.get() {
            Some(_) => Err(Error::ContextInUse),
            None => Ok(()),
        }
    }

    /// Applies a setting and records it; a setting that OpenSSL refuses is not recorded.
    fn apply(&self, setting: Setting) -> Result<()> {
        if !(self.late && setting.is_copied()) {
            self.check_unused()?;
        }
        clear_queue();
        // Before the first connection there is nobody who copies. A key may take long to load then,
        // and ask for its passphrase.
        let copying = self.late.then(|| self.context.copying());
        let alone = copying.map(|lock| lock.write().unwrap_or_else(PoisonError::into_inner));
        setting.apply(self.as_ptr())?;
        drop(alone);
        self.builder.settings.borrow_mut().retain(|earlier| !setting.replaces(earlier));
        self.record(setting);
        Ok(())
    }

    /// Records what has been applied already.
    fn record(&self, setting: Setting) {
        self.builder.settings.borrow_mut().push(setting);
    }

    fn control(&self, command: c_int, number: c_long) -> c_long {
        // SAFETY: the SSL_CTX is alive, and these commands take no pointer.
        unsafe { ffi::SSL_CTX_ctrl(self.as_ptr(), command, number, std::ptr::null_mut()) }
    }

    fn as_ptr(&self) -> *mut ffi::SSL_CTX {
        self.context.as_ptr()
    }
}

/// For [`Context::copying`]. There are a few for the whole process, so that a fork can have all of
/// them.
static COPYING: [RwLock<()>; 16] = [const { RwLock::new(()) }; 16];

/// What belongs to all contexts, held.
pub(super) struct Held {
    _alone: [RwLockWriteGuard<'static, ()>; 16],
    stores: roots::Held,
}

/// Keeps threads from copying settings, and from looking for stores to share.
pub(super) fn hold() -> Held {
    let write = |lock: &'static RwLock<()>| lock.write().unwrap_or_else(PoisonError::into_inner);
    Held { _alone: COPYING.each_ref().map(write), stores: roots::hold() }
}

impl Held {
    /// Has contexts made from now on share no store with those made before, which a thread that is
    /// in the parent alone may have been reading from, under OpenSSL's own lock.
    pub(super) fn forget_stores(&mut self) {
        mem::forget(mem::take(&mut *self.stores));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Duration;

    use crate::tls::constants::TLS_METHOD;
    use crate::tls::testing::{context, in_memory};
    use crate::tls::verification::Identity;

    #[test]
    fn nothing_changes_while_somebody_copies() {
        let context = context(TLS_METHOD);
        in_memory(&context);
        let changed = AtomicBool::new(false);
        thread::scope(|scope| {
            context.while_unchanging(|_| {
                scope.spawn(|| {
                    let host = Identity::host(Some(b"localhost")).unwrap();
                    context.settings().for_later_connections().set_identity(host).unwrap();
                    changed.store(true, Ordering::Release);
                });
                thread::sleep(Duration::from_millis(50));
                assert!(!changed.load(Ordering::Acquire));
            });
        });
        assert!(changed.into_inner());
    }
}
