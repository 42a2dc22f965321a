//! Connections: one TLS or DTLS session over one transport.
//!
//! A [`Connection`] may be used by several threads. Each call into OpenSSL is one [`Step`], under a
//! lock that its own thread can take again, because callbacks call the connection that runs them. A
//! step never waits: where a descriptor in blocking mode is not ready, the lock is given up, the
//! thread sleeps in `poll`, and another step follows. So a reader that waits does not stop a writer.

mod dtls;
mod identity;
mod parameters;
mod state;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Instant;

use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::ssl::Ssl;
use openssl_sys as ffi;

use super::callbacks::{Callbacks, ConnectionState, trampolines};
use super::context::Context;
use super::error::{
    CallbackError, Error, ErrorStack, Result, check_ptr, clear_queue, library_error,
};
use super::lock::{Guard, Lock};
use super::region::{Readable, Writable};
use super::sys;
use super::transport::{
    self, Direction, Endpoint, FileIdentity, Memory, Patience, Transport, Wait,
};

/// What a blocked operation runs, with no lock held, when a signal interrupts it. What it fails
/// with ends the operation.
pub type Interrupted<'a> = &'a dyn Fn() -> Result<(), CallbackError>;

/// One TLS or DTLS session over one transport.
///
/// OpenSSL: `SSL`.
pub struct Connection {
    locked: Lock<Locked>,
    /// Held by a writer over its waits, too: OpenSSL wants a write that it could not finish to be
    /// continued before another begins. Taken before `locked`, except by a thread that has `locked`.
    writer: Lock<()>,
    /// The descriptor, and what it stood for at the start; `None` for memory buffers.
    file: Option<FileIdentity>,
}

/// What one thread at a time may touch.
struct Locked {
    ssl: Ssl,
    /// Lives in the ex_data of `ssl`.
    state: NonNull<ConnectionState>,
    /// Lives in the BIO that `ssl` owns.
    endpoint: NonNull<Endpoint>,
    /// Whether a write could not be finished: OpenSSL wants it to be continued before another.
    unfinished: Cell<bool>,
    /// Owners of the certificates that `ssl` had before its context was exchanged in the middle of a
    /// handshake, which may have chosen one of them.
    replaced: RefCell<Vec<Ssl>>,
    /// Whether the peer's close was met behind data, and no call has reported it since.
    closed: Cell<bool>,
}

// SAFETY: `state` and `endpoint` belong to `ssl`, which may move between threads, and move with it;
// what they hold is `Send` (callbacks are `Send + Sync`), and the lock lets one thread at a time in.
unsafe impl Send for Locked {}

/// An SSL with the settings of `context`, and no transport.
fn new_ssl(context: &Context) -> Result<Ssl> {
    // SAFETY: the context is alive; the new SSL has no owner yet.
    let ssl = context.while_unchanging(|context| unsafe { ffi::SSL_new(context) });
    // SAFETY: as above.
    Ok(unsafe { Ssl::from_ptr(check_ptr(ssl)?) })
}

impl Connection {
    /// A connection over `transport`, with the settings of `context`, which cannot be changed any
    /// more from now on.
    ///
    /// OpenSSL: `SSL_new`, `SSL_set_bio`.
    #[doc(alias = "SSL_new")]
    pub fn new(context: &Context, transport: Transport) -> Result<Self> {
        let callbacks: Arc<Callbacks> = context.callbacks();
        clear_queue();
        let file = match &transport {
            Transport::Descriptor(end) => Some(end.file()),
            Transport::Memory(_) => None,
        };
        let ssl = new_ssl(context)?;
        let state = trampolines::attach(ssl.as_ptr(), ConnectionState::new(callbacks))?;
        let (bio, endpoint) = transport::new_bio(transport)?;
        // SAFETY: the SSL takes over the one reference to the BIO, which serves both directions. A
        // message that is no application data is to be processed without reporting Want while the
        // transport still has bytes.
        unsafe {
            ffi::SSL_set_bio(ssl.as_ptr(), bio, bio);
            sys::ssl_ctrl(ssl.as_ptr(), ffi::SSL_CTRL_MODE, ffi::SSL_MODE_AUTO_RETRY);
        }
        let locked = Locked {
            ssl,
            state,
            endpoint,
            unfinished: Cell::new(false),
            replaced: RefCell::default(),
            closed: Cell::new(false),
        };
        Ok(Self { locked: Lock::new(locked), writer: Lock::new(()), file })
    }

    /// The descriptor that carries the connection; `None` for memory buffers.
    pub fn descriptor(&self) -> Option<c_int> {
        self.file.as_ref().map(FileIdentity::fd)
    }

    /// Whether the descriptor still stands for the file that it stood for at the start; `true` for
    /// memory buffers.
    pub fn descriptor_is_same_file(&self) -> bool {
        self.file.as_ref().is_none_or(FileIdentity::is_current)
    }

    /// Leaves data for the callbacks to find ([`ConnectionState::user_data`]); the first call wins.
    pub fn set_user_data(&self, data: Box<dyn Any + Send + Sync>) {
        self.step().state().set_user_data(data);
    }

    /// A step. Waits for the thread that is in one.
    pub fn step(&self) -> Step<'_> {
        Step::new(self.locked.lock())
    }

    /// As [`Self::step`], for a caller who can be interrupted meanwhile: the other thread may be in a
    /// callback that takes its time.
    ///
    /// Fails with [`Error::Forked`] if that thread is in the process alone that this one was forked
    /// from.
    pub fn wait_for_step(&self, interrupted: Interrupted<'_>) -> Result<Step<'_>> {
        self.locked.wait(interrupted).map(Step::new)
    }

    /// A step, unless another thread is in one.
    pub fn try_step(&self) -> Option<Step<'_>> {
        self.locked.try_lock().map(Step::new)
    }

    /// Brings the handshake to its end.
    ///
    /// Over a descriptor in blocking mode this waits as long as it takes; otherwise it fails with
    /// [`Error::WantRead`] or [`Error::WantWrite`] where it would have to wait. So do the other
    /// operations below.
    ///
    /// OpenSSL: `SSL_do_handshake`.
    #[doc(alias = "SSL_do_handshake")]
    pub fn handshake(&self, interrupted: Interrupted<'_>) -> Result<()> {
        self.complete(interrupted, |step| step.handshake())
    }

    /// Reads as [`Step::read`] does, and returns how many bytes; at least 1, unless there is no room.
    ///
    /// OpenSSL: `SSL_read`.
    #[doc(alias = "SSL_read")]
    pub fn read(&self, room: &Writable<'_>, interrupted: Interrupted<'_>) -> Result<usize> {
        self.complete(interrupted, |step| step.read(room))
    }

    /// Reads as [`Step::peek`] does: the data stay, to be read again.
    ///
    /// OpenSSL: `SSL_peek`.
    #[doc(alias = "SSL_peek")]
    pub fn peek(&self, room: &Writable<'_>, interrupted: Interrupted<'_>) -> Result<usize> {
        self.complete(interrupted, |step| step.peek(room))
    }

    /// Writes at least the first byte, and returns how many were written.
    ///
    /// OpenSSL: `SSL_write`.
    #[doc(alias = "SSL_write")]
    pub fn write(&self, data: Readable<'_>, interrupted: Interrupted<'_>) -> Result<usize> {
        let _turn = self.writing(interrupted)?;
        self.complete(interrupted, |step| step.write(data))
    }

    /// Writes everything. On failure, says how many bytes were written before it.
    ///
    /// OpenSSL: `SSL_write`.
    pub fn write_all(
        &self,
        data: Readable<'_>,
        interrupted: Interrupted<'_>,
    ) -> Result<(), (usize, Error)> {
        let _turn = self.writing(interrupted).map_err(|error| (0, error))?;
        let mut written = 0;
        let mut asked = Instant::now();
        while written < data.len() {
            // While it was written, another thread may have closed the descriptor, and a third have
            // been given its number.
            if written > 0 && !self.descriptor_is_same_file() {
                return Err((written, Error::Syscall { errno: libc::EBADF }));
            }
            let rest = data.skip(written);
            written += self
                .complete(interrupted, |step| step.write(rest))
                .map_err(|error| (written, error))?;
            // A peer that keeps up never lets this sleep, where signals are looked for otherwise.
            if asked.elapsed() > Patience::ASK && written < data.len() {
                interrupted().map_err(|error| (written, Error::Callback(error)))?;
                asked = Instant::now();
            }
        }
        Ok(())
    }

    /// Sends close_notify, and on a second call waits for the peer's. Returns whether both have
    /// been exchanged.
    ///
    /// OpenSSL: `SSL_shutdown`.
    #[doc(alias = "SSL_shutdown")]
    pub fn shutdown(&self, interrupted: Interrupted<'_>) -> Result<bool> {
        // Once close_notify has gone out nobody can write any more, and the wait for the peer's is
        // not to stop those who try: they are to be told.
        let sent = self.wait_for_step(interrupted)?.shutdown_state() & ffi::SSL_SENT_SHUTDOWN != 0;
        let _turn = if sent { None } else { self.writing(interrupted)? };
        self.complete(interrupted, |step| step.shutdown())
    }

    /// Looks for a DTLS client's hello with a valid cookie, and answers one without.
    ///
    /// Fails with [`Error::WantRead`] when a hello without one was answered.
    ///
    /// OpenSSL: `DTLSv1_listen`.
    pub fn listen(&self, interrupted: Interrupted<'_>) -> Result<()> {
        self.complete(interrupted, |step| step.listen())
    }

    /// The turn to write, once no other thread has it. There is none to take on memory buffers, which
    /// never leave a write unfinished, and inside a step: there this thread has the lock that the
    /// other writer needs to go on.
    ///
    /// Fails with [`Error::Reentrant`] where this thread has the turn: in the handler of a signal.
    fn writing(&self, interrupted: Interrupted<'_>) -> Result<Option<Guard<'_, ()>>> {
        if self.file.is_none() || self.locked.is_owned_by_current_thread() {
            return Ok(None);
        }
        if self.writer.is_owned_by_current_thread() {
            return Err(Error::Reentrant("another write on this connection is not finished"));
        }
        self.writer.wait(interrupted).map(Some)
    }

    /// Takes steps until the operation is done, asleep in between while the descriptor is not
    /// ready.
    fn complete<T>(
        &self,
        interrupted: Interrupted<'_>,
        operation: impl Fn(&Step<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut patience = Patience::new(interrupted);
        loop {
            let step = self.wait_for_step(interrupted)?;
            let outcome = operation(&step);
            let Err(Error::WantRead | Error::WantWrite) = outcome else { return outcome };
            let Some(wait) = step.wait() else { return outcome };
            if step.endpoint().moved.get() {
                patience.renew();
            }
            drop(step);
            if !wait.sleep(&mut patience)? {
                return outcome;
            }
        }
    }
}

/// The right to call into OpenSSL for a connection: one thread has it at a time, and that thread
/// may have it several times over.
pub struct Step<'c> {
    locked: Guard<'c, Locked>,
}

impl<'c> Step<'c> {
    fn new(locked: Guard<'c, Locked>) -> Self {
        Self { locked }
    }

    /// Takes the handshake as far as it goes without waiting.
    ///
    /// Fails with [`Error::Reentrant`] inside a callback of the connection: OpenSSL would begin it
    /// anew in the middle of itself. So do the other beginnings of a handshake.
    ///
    /// OpenSSL: `SSL_do_handshake`.
    pub fn handshake(&self) -> Result<()> {
        self.refuse_inside()?;
        // SAFETY: the SSL is alive and this thread holds its lock.
        self.call(|ssl| unsafe { ffi::SSL_do_handshake(ssl) })?;
        self.locked.replaced.take();
        Ok(())
    }

    /// Reads what there is: a record, and those behind it that have come as a whole and fit into the
    /// room. So no data stay behind that the descriptor does not tell of, unless the room was too
    /// small for the first record. A close or a failure behind data is kept for the next call.
    ///
    /// OpenSSL: `SSL_read`.
    pub fn read(&self, room: &Writable<'_>) -> Result<usize> {
        // SAFETY: as above; the room is lent for at least this call.
        let read = |ssl, room: &Writable<'_>| unsafe {
            ffi::SSL_read(ssl, room.as_ptr().cast(), clamp(room.len()))
        };
        self.transfer(clamp(room.len()), |ssl| {
            self.locked.closed.set(false);
            let mut count = read(ssl, room);
            while let Ok(so_far @ 1..) = usize::try_from(count) {
                let rest = room.skip(so_far);
                if !self.may_read_on(rest.len()) {
                    break;
                }
                match read(ssl, &rest) {
                    more @ 1.. => count += more,
                    code => {
                        self.keep(self.failure(code));
                        break;
                    }
                }
            }
            count
        })
    }

    /// Whether a further record is to be read into what is left of the room.
    fn may_read_on(&self, room: usize) -> bool {
        let Transport::Descriptor(descriptor) = &self.endpoint().transport else { return false };
        // SAFETY: the SSL is alive and this thread holds its lock.
        let compresses = || unsafe { !sys::SSL_get_current_compression(self.as_ptr()).is_null() };
        room > 0
            && !self.is_inside()
            && !self.state().has_failed()
            && descriptor.has_record(room, compresses())
    }

    /// Keeps a failure that came behind data for the next call.
    fn keep(&self, failure: Error) {
        match failure {
            // It is met again, if it is still so.
            Error::WantRead | Error::WantWrite | Error::WantX509Lookup => {}
            // OpenSSL reports it again.
            Error::ZeroReturn => self.locked.closed.set(true),
            failure => self.state().fail(failure),
        }
    }

    /// Reads data of one record, and leaves them to be read again.
    ///
    /// OpenSSL: `SSL_peek`.
    pub fn peek(&self, room: &Writable<'_>) -> Result<usize> {
        let (pointer, len) = (room.as_ptr().cast(), clamp(room.len()));
        self.transfer(len, |ssl| {
            self.locked.closed.set(false);
            // SAFETY: as above.
            unsafe { ffi::SSL_peek(ssl, pointer, len) }
        })
    }

    /// Writes what goes out without waiting; at least the first byte.
    ///
    /// OpenSSL: `SSL_write`.
    pub fn write(&self, data: Readable<'_>) -> Result<usize> {
        if self.is_inside() && self.locked.unfinished.get() {
            return Err(Error::WantWrite);
        }
        let (pointer, len) = (data.as_ptr().cast(), clamp(data.len()));
        // SAFETY: as above; the data are lent for at least this call.
        let outcome = self.transfer(len, |ssl| unsafe { ffi::SSL_write(ssl, pointer, len) });
        self.locked.unfinished.set(matches!(outcome, Err(Error::WantWrite)));
        outcome
    }

    /// Sends close_notify, or, on a second call, looks for the peer's.
    ///
    /// OpenSSL: `SSL_shutdown`.
    pub fn shutdown(&self) -> Result<bool> {
        // A 0 is no failure here: it says that the peer's close_notify is still to come.
        let again = Cell::new(false);
        let sent = self.shutdown_state() & ffi::SSL_SENT_SHUTDOWN != 0;
        let outcome = self.call(|ssl| {
            // SAFETY: the SSL is alive and this thread holds its lock.
            let code = unsafe { ffi::SSL_shutdown(ssl) };
            // The first call sends, and does not look: nor does it report a close that came before.
            if code == 1 && sent {
                self.locked.closed.set(false);
            }
            again.set(code == 0 || self.locked.closed.get());
            if code == 0 { 1 } else { code }
        });
        outcome.map(|_| !again.get())
    }

    /// Gives the connection bytes from the peer; returns how many it took, which is all of them.
    ///
    /// Fails with [`Error::Invalid`] on a connection that has no memory buffers, and with
    /// [`Error::Syscall`] (`ENOMEM`) when there is no memory for them.
    pub fn give(&self, bytes: Readable<'_>) -> Result<usize> {
        let memory = self.memory()?;
        // SAFETY: the bytes are lent for at least this call.
        let taken = unsafe { memory.give(bytes.as_ptr(), bytes.len()) };
        if taken == bytes.len() { Ok(taken) } else { Err(Error::Syscall { errno: libc::ENOMEM }) }
    }

    /// Takes bytes that the connection has for the peer; returns how many there were.
    ///
    /// Fails with [`Error::Invalid`] on a connection that has no memory buffers, and with
    /// [`Error::WantRead`] when there are none.
    pub fn take(&self, room: &Writable<'_>) -> Result<usize> {
        let memory = self.memory()?;
        // SAFETY: the room is lent for at least this call.
        match unsafe { memory.take(room.as_ptr(), room.len()) } {
            0 if !room.is_empty() => Err(Error::WantRead),
            count => Ok(count),
        }
    }

    /// How many bytes [`Self::take`] could take.
    pub fn untaken(&self) -> Result<usize> {
        self.memory().map(Memory::untaken)
    }

    /// Declares that no bytes will follow those given: reading past them is an end of file.
    pub fn end(&self) -> Result<()> {
        self.memory().map(Memory::end)
    }

    fn memory(&self) -> Result<&Memory> {
        match &self.endpoint().transport {
            Transport::Memory(memory) => Ok(memory),
            Transport::Descriptor(_) => Err(Error::Invalid("the connection has a descriptor")),
        }
    }

    /// What to wait for before another step can help; `None` when waiting is the caller's business.
    /// A callback that calls its own connection is not to wait: the lock is held around it.
    fn wait(&self) -> Option<Wait> {
        if self.is_inside() {
            return None;
        }
        let endpoint = self.endpoint();
        let direction: Direction = endpoint.blocked.get()?;
        match &endpoint.transport {
            Transport::Descriptor(descriptor) => descriptor.wait(direction),
            Transport::Memory(_) => None,
        }
    }

    /// Whether this step is inside another: in a callback of the connection.
    fn is_inside(&self) -> bool {
        self.locked.depth() > 1
    }

    fn refuse_inside(&self) -> Result<()> {
        if self.is_inside() {
            return Err(Error::Reentrant(
                "a handshake cannot begin in a callback of its connection",
            ));
        }
        Ok(())
    }

    /// Calls OpenSSL, and finds out why it failed if it did. A callback's failure comes first, even
    /// if OpenSSL went on in spite of it.
    fn call(&self, call: impl FnOnce(*mut ffi::SSL) -> c_int) -> Result<c_int> {
        self.enter(call, |code| match self.state().take_failure() {
            Some(failure) => Err(failure),
            None if code > 0 => Ok(code),
            None => Err(self.failure(code)),
        })
    }

    /// As [`Self::call`], for calls that move data: bytes that were moved are reported, and a
    /// failure of a callback meanwhile is kept for the next call.
    fn transfer(&self, len: c_int, call: impl FnOnce(*mut ffi::SSL) -> c_int) -> Result<usize> {
        if len == 0 {
            return Ok(0);
        }
        self.enter(call, |code| match usize::try_from(code) {
            Ok(moved @ 1..) => Ok(moved),
            _ => Err(match self.state().take_failure() {
                Some(failure) => failure,
                None => self.failure(code),
            }),
        })
    }

    /// Calls OpenSSL with nothing left over from before, and leaves nothing behind.
    fn enter<T>(
        &self,
        call: impl FnOnce(*mut ffi::SSL) -> c_int,
        conclude: impl FnOnce(c_int) -> Result<T>,
    ) -> Result<T> {
        // SAFETY: the SSL is alive and this thread holds its lock.
        self.endpoint().begin(|| unsafe { sys::is_at_record(self.as_ptr()) });
        let earlier = self.state().take_failure();
        // Inside a callback it belongs to the call that runs the callback.
        let aside = match earlier {
            Some(failure) if !self.is_inside() => {
                self.endpoint().end(self.locked.closed.get());
                return Err(failure);
            }
            earlier => earlier,
        };
        clear_queue();
        let outcome = conclude(call(self.as_ptr()));
        // A step inside of another one leaves the socket to that.
        if !self.is_inside() {
            self.endpoint().end(self.locked.closed.get() || self.state().has_failed());
        }
        // What has been taken is gone from the queue; callbacks may have left something there.
        clear_queue();
        self.state().put_failure_back(aside);
        outcome
    }

    /// Why the call that just returned `code` failed. The error queue is empty afterwards.
    ///
    /// OpenSSL: `SSL_get_error`.
    #[doc(alias = "SSL_get_error")]
    fn failure(&self, code: c_int) -> Error {
        // SAFETY: the SSL is alive; nothing has been called on this thread since.
        let kind = unsafe { ffi::SSL_get_error(self.as_ptr(), code) };
        match kind {
            ffi::SSL_ERROR_WANT_READ => Error::WantRead,
            ffi::SSL_ERROR_WANT_WRITE => Error::WantWrite,
            ffi::SSL_ERROR_ZERO_RETURN => Error::ZeroReturn,
            ffi::SSL_ERROR_WANT_X509_LOOKUP => Error::WantX509Lookup,
            ffi::SSL_ERROR_SYSCALL => {
                let stack = ErrorStack::take();
                match self.endpoint().errno.get() {
                    0 if !stack.entries().is_empty() => Error::Library(stack),
                    0 => Error::UnexpectedEof,
                    errno => Error::Syscall { errno },
                }
            }
            ffi::SSL_ERROR_SSL => {
                let stack = ErrorStack::take();
                if stack.is_unexpected_eof() { Error::UnexpectedEof } else { Error::Library(stack) }
            }
            _ => library_error(),
        }
    }

    fn state(&self) -> &ConnectionState {
        // SAFETY: it lives in the ex_data of the SSL, which `locked` owns.
        unsafe { self.locked.state.as_ref() }
    }

    fn endpoint(&self) -> &Endpoint {
        // SAFETY: it lives in the BIO of the SSL, which `locked` owns.
        unsafe { self.locked.endpoint.as_ref() }
    }

    fn as_ptr(&self) -> *mut ffi::SSL {
        self.locked.ssl.as_ref().as_ptr()
    }
}

/// A length as OpenSSL takes it. What is longer is read or written in part.
fn clamp(len: usize) -> c_int {
    c_int::try_from(len).unwrap_or(c_int::MAX)
}
