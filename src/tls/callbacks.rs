//! The callbacks that a context or a connection can have, and the state through which OpenSSL's
//! calls find them.
//!
//! One [`ConnectionState`] hangs on each `SSL`, in its ex_data, and is freed with it. Callbacks are
//! found there and nowhere else: not through the `SSL`'s current context, which a callback may have
//! exchanged, and not through anything that Python owns.
//!
//! A callback fails by returning an error, or by panicking. [`ConnectionState::run`] keeps the first
//! failure and gives OpenSSL the answer that fails closed; the call that ran the callback takes the
//! failure once OpenSSL has returned.

pub(crate) mod trampolines;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use super::error::{CallbackError, Error, PanicPayload, QueueAside};
use super::x509::Certificate;

/// What a callback returns.
pub type CallbackResult<T> = Result<T, CallbackError>;

/// What the verify callback is asked about.
pub struct Verification {
    /// The certificate in question; `None` when OpenSSL has none for this error.
    pub certificate: Option<Certificate>,
    /// The error found, one of `X509_V_*`; 0 when there is none.
    pub error: c_int,
    /// The certificate's place in the chain: 0 is the peer's own.
    pub depth: c_int,
    /// OpenSSL's own verdict: 1 to accept, 0 to refuse.
    pub ok: c_int,
}

/// What the server name callback decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ServerNameAnswer {
    /// The handshake goes on.
    Continue,
    /// The handshake ends with a fatal alert.
    Refuse,
}

/// What the ALPN callback chose (RFC 7301).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AlpnAnswer {
    /// This protocol, at most 255 bytes.
    Protocol(Vec<u8>),
    /// None of those offered; the handshake goes on without one.
    NoOverlap,
}

/// Decides on a certificate of the peer's chain: `true` accepts it.
pub type VerifyCallback =
    dyn Fn(&ConnectionState, Verification) -> CallbackResult<bool> + Send + Sync;
/// Sees the server name that the client asked for.
pub type ServerNameCallback =
    dyn Fn(&ConnectionState) -> CallbackResult<ServerNameAnswer> + Send + Sync;
/// Chooses among the protocols that the client offered.
pub type AlpnSelectCallback =
    dyn Fn(&ConnectionState, &[&[u8]]) -> CallbackResult<AlpnAnswer> + Send + Sync;
/// Sees the handshake's progress: where it is (`SSL_CB_*`) and a return value.
pub type InfoCallback = dyn Fn(&ConnectionState, c_int, c_int) -> CallbackResult<()> + Send + Sync;
/// Sees a line of key material in the format of NSS's key log.
pub type KeylogCallback = dyn Fn(&ConnectionState, &[u8]) -> CallbackResult<()> + Send + Sync;
/// Gives the OCSP response to staple; empty for none.
pub type OcspServerCallback = dyn Fn(&ConnectionState) -> CallbackResult<Vec<u8>> + Send + Sync;
/// Judges a stapled OCSP response, empty when the server sent none: `true` accepts.
pub type OcspClientCallback = dyn Fn(&ConnectionState, &[u8]) -> CallbackResult<bool> + Send + Sync;
/// Makes the cookie that a DTLS client must return.
pub type CookieGenerateCallback = dyn Fn(&ConnectionState) -> CallbackResult<Vec<u8>> + Send + Sync;
/// Judges a cookie that a DTLS client returned: `true` accepts.
pub type CookieVerifyCallback =
    dyn Fn(&ConnectionState, &[u8]) -> CallbackResult<bool> + Send + Sync;

/// OpenSSL has one slot for OCSP, whose answers mean different things at the two ends.
#[derive(Clone)]
pub enum OcspCallback {
    /// Staples.
    Server(Arc<OcspServerCallback>),
    /// Judges what was stapled.
    Client(Arc<OcspClientCallback>),
}

/// Every callback of a context.
#[derive(Clone, Default)]
pub(crate) struct Callbacks {
    pub(crate) verify: Option<Arc<VerifyCallback>>,
    pub(crate) server_name: Option<Arc<ServerNameCallback>>,
    pub(crate) alpn_select: Option<Arc<AlpnSelectCallback>>,
    pub(crate) info: Option<Arc<InfoCallback>>,
    pub(crate) keylog: Option<Arc<KeylogCallback>>,
    pub(crate) ocsp: Option<OcspCallback>,
    pub(crate) cookie_generate: Option<Arc<CookieGenerateCallback>>,
    pub(crate) cookie_verify: Option<Arc<CookieVerifyCallback>>,
}

/// What OpenSSL's calls reach of a connection. It lives as long as the `SSL`, and is touched only
/// by the thread that holds the connection's lock.
pub struct ConnectionState {
    /// Of the context that the connection has now; OpenSSL looks most callbacks up there, too.
    current: RefCell<Arc<Callbacks>>,
    /// Of the context that the connection began with, to which OpenSSL falls back for the server
    /// name.
    initial: Arc<Callbacks>,
    /// OpenSSL copies these two into the `SSL`: they are the connection's own.
    verify: RefCell<Option<Arc<VerifyCallback>>>,
    info: RefCell<Option<Arc<InfoCallback>>>,
    /// The first failure of a callback that the running call has not taken yet.
    failure: Cell<Option<Error>>,
    /// Whether the callback for the server name is running: OpenSSL chooses a certificate after it.
    naming: Cell<bool>,
    /// What OpenSSL points to after the ALPN callback.
    alpn_selected: RefCell<Box<[u8]>>,
    user_data: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl ConnectionState {
    pub(crate) fn new(callbacks: Arc<Callbacks>) -> Self {
        Self {
            verify: RefCell::new(callbacks.verify.clone()),
            info: RefCell::new(None),
            naming: Cell::new(false),
            initial: Arc::clone(&callbacks),
            current: RefCell::new(callbacks),
            failure: Cell::new(None),
            alpn_selected: RefCell::default(),
            user_data: OnceLock::new(),
        }
    }

    /// What [`crate::tls::Connection::set_user_data`] left here, if it is a `T`.
    pub fn user_data<T: 'static>(&self) -> Option<&T> {
        self.user_data.get()?.downcast_ref()
    }

    /// Leaves data for the callbacks; the first call wins.
    pub(crate) fn set_user_data(&self, data: Box<dyn Any + Send + Sync>) {
        let _ = self.user_data.set(data);
    }

    pub(crate) fn set_current(&self, callbacks: Arc<Callbacks>) {
        drop(self.current.replace(callbacks));
    }

    pub(crate) fn set_verify(&self, callback: Option<Arc<VerifyCallback>>) {
        drop(self.verify.replace(callback));
    }

    pub(crate) fn set_info(&self, callback: Arc<InfoCallback>) {
        drop(self.info.replace(Some(callback)));
    }

    /// The callbacks of the current context. A clone, because a callback may exchange the context.
    fn current(&self) -> Arc<Callbacks> {
        Arc::clone(&self.current.borrow())
    }

    /// Runs a callback: the only way from OpenSSL into a user's code. The first failure is kept for
    /// [`Self::take_failure`], and OpenSSL gets `on_failure`.
    fn run<T>(&self, on_failure: T, callback: impl FnOnce() -> CallbackResult<T>) -> T {
        // What OpenSSL has to say about the call under way is not to be lost to what the callback
        // asks of OpenSSL.
        let _queue = QueueAside::new();
        let failure = match catch_unwind(AssertUnwindSafe(callback)) {
            Ok(Ok(answer)) => return answer,
            Ok(Err(error)) => Error::Callback(error),
            Err(panic) => Error::Panicked(PanicPayload::new(panic)),
        };
        self.fail(failure);
        on_failure
    }

    /// Runs the callback for the server name.
    fn run_naming(
        &self,
        callback: impl FnOnce() -> CallbackResult<ServerNameAnswer>,
    ) -> ServerNameAnswer {
        let outer = self.naming.replace(true);
        let answer = self.run(ServerNameAnswer::Refuse, callback);
        self.naming.set(outer);
        answer
    }

    /// Whether the callback for the server name is running.
    pub(crate) fn is_naming(&self) -> bool {
        self.naming.get()
    }

    /// Leaves a failure for the next call, unless there is one already.
    pub(crate) fn fail(&self, failure: Error) {
        let first = self.failure.take().unwrap_or(failure);
        self.failure.set(Some(first));
    }

    /// Whether there is a failure to be taken.
    pub(crate) fn has_failed(&self) -> bool {
        let failure = self.failure.take();
        let has_failed = failure.is_some();
        self.failure.set(failure);
        has_failed
    }

    /// The failure that a callback left since the last call, once.
    pub(crate) fn take_failure(&self) -> Option<Error> {
        self.failure.take()
    }

    /// Puts a failure back that was taken out of the way of an inner call. It came first.
    pub(crate) fn put_failure_back(&self, failure: Option<Error>) {
        if failure.is_some() {
            self.failure.set(failure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> ConnectionState {
        ConnectionState::new(Arc::default())
    }

    #[test]
    fn run_keeps_the_first_failure_and_answers_closed() {
        let state = state();
        assert_eq!(state.run(0, || Ok(1)), 1);
        assert!(state.take_failure().is_none());
        assert_eq!(state.run(0, || Err("first".into())), 0);
        assert_eq!(state.run(0, || Err("second".into())), 0);
        assert!(
            matches!(state.take_failure(), Some(Error::Callback(e)) if e.to_string() == "first")
        );
        assert!(state.take_failure().is_none());
    }

    #[test]
    fn a_panic_is_kept_and_does_not_unwind_into_c() {
        let state = state();
        assert_eq!(state.run(-1, || panic!("oops")), -1);
        assert!(matches!(state.take_failure(), Some(Error::Panicked(_))));
    }
}
