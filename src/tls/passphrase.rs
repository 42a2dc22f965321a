//! Asking the user for a passphrase while OpenSSL reads or writes a key.

use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_int, c_void};
use std::hint;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use openssl_sys as ffi;

use super::error::{CallbackError, Error, PanicPayload, Result};
use super::memory::wipe;

/// Answers with a passphrase. Its arguments are the room that OpenSSL has for it, in bytes, and
/// whether the passphrase is for writing (then a user interface should ask twice).
pub type PassphraseCallback = dyn Fn(usize, bool) -> Result<Vec<u8>, CallbackError> + Send + Sync;

/// One OpenSSL call that may ask for a passphrase: what to give it, and what went wrong meanwhile.
///
/// OpenSSL: `pem_password_cb`.
pub(crate) struct Prompt<'a> {
    // OpenSSL is given the address. An `Rc` may be moved without touching what it points to.
    state: Rc<State<'a>>,
}

struct State<'a> {
    ask: &'a PassphraseCallback,
    truncate: bool,
    failure: RefCell<Option<Error>>,
    /// Where OpenSSL had a passphrase written to.
    buffer: Cell<Option<usize>>,
}

impl<'a> Prompt<'a> {
    /// `truncate` decides about a passphrase that is longer than the room OpenSSL has: cut it, or
    /// fail.
    pub(crate) fn new(ask: &'a PassphraseCallback, truncate: bool) -> Self {
        let (failure, buffer) = (RefCell::new(None), Cell::new(None));
        Self { state: Rc::new(State { ask, truncate, failure, buffer }) }
    }

    /// The function for OpenSSL to call.
    pub(crate) fn callback(&self) -> ffi::pem_password_cb {
        Some(ask)
    }

    /// What that function needs. It is good until this value is dropped.
    pub(crate) fn userdata(&self) -> *mut c_void {
        Rc::as_ptr(&self.state).cast_mut().cast()
    }

    /// The first failure, once OpenSSL has returned. It wins over what OpenSSL made of it.
    pub(crate) fn finish(self) -> Result<()> {
        self.state.failure.take().map_or(Ok(()), Err)
    }
}

impl Drop for Prompt<'_> {
    /// OpenSSL's decoders leave the passphrase in a frame of the stack that they have returned from.
    fn drop(&mut self) {
        if let Some(buffer) = self.state.buffer.get() {
            wipe_stack(buffer, STACK_FRAMES);
        }
    }
}

/// For what nobody encrypts, although a PEM header can say so: OpenSSL would ask at the terminal.
///
/// OpenSSL: `pem_password_cb`.
pub(crate) extern "C" fn refuse(_: *mut c_char, _: c_int, _: c_int, _: *mut c_void) -> c_int {
    REFUSED
}

/// OpenSSL: `pem_password_cb`.
extern "C" fn ask(
    buffer: *mut c_char,
    size: c_int,
    writing: c_int,
    userdata: *mut c_void,
) -> c_int {
    // SAFETY: `userdata` is `Prompt::userdata` of a prompt that outlives the OpenSSL call, and both
    // stay on one thread. The state is only ever borrowed shared.
    let state = unsafe { &*userdata.cast_const().cast::<State<'_>>() };
    if state.failure.borrow().is_some() {
        return REFUSED;
    }
    let room = usize::try_from(size).unwrap_or(0);
    // Unwinding through C would abort. The state stays consistent: only `failure` changes, below.
    let answer = catch_unwind(AssertUnwindSafe(|| (state.ask)(room, writing != 0)));
    let failure = match answer {
        Ok(Ok(mut passphrase)) => {
            let length = passphrase.len().min(room);
            let fits = length == passphrase.len() || state.truncate;
            if fits {
                // SAFETY: OpenSSL has `size` bytes at `buffer`, and `length` is not more. The
                // passphrase is memory of ours, so the two do not overlap.
                unsafe { buffer.copy_from_nonoverlapping(passphrase.as_ptr().cast(), length) };
                state.buffer.set(Some(buffer.addr()));
            }
            wipe(&mut passphrase);
            if fits {
                // It fits: it is at most `size`.
                return c_int::try_from(length).unwrap_or(REFUSED);
            }
            Error::Invalid("passphrase returned by callback is too long")
        }
        Ok(Err(error)) => Error::Callback(error),
        Err(payload) => Error::Panicked(PanicPayload::new(payload)),
    };
    state.failure.replace(Some(failure));
    REFUSED
}

/// Overwrites what functions that have returned left on the stack of this thread, from here down to
/// `buffer`; at most so many frames, in case that `buffer` is elsewhere.
#[inline(never)]
fn wipe_stack(buffer: usize, frames: usize) {
    let mut frame = [0; 1024];
    wipe(&mut frame);
    // The stack grows down.
    if frames > 0 && frame.as_ptr().addr() > buffer {
        wipe_stack(buffer, frames - 1);
    }
    // This frame is needed until here: the next one lies below it.
    hint::black_box(&frame);
}

/// Twice what OpenSSL has been seen to need.
const STACK_FRAMES: usize = 32;

/// 0 would be the empty passphrase.
const REFUSED: c_int = -1;

#[cfg(test)]
mod tests {
    use super::*;

    /// What OpenSSL would see: the answer and the buffer.
    fn call(prompt: &Prompt<'_>, room: usize, writing: bool) -> (c_int, Vec<u8>) {
        let mut buffer = vec![0xAA_u8; room + 1];
        let size = c_int::try_from(room).unwrap();
        let answer = ask(buffer.as_mut_ptr().cast(), size, c_int::from(writing), prompt.userdata());
        assert_eq!(buffer[room], 0xAA, "wrote past the room");
        (answer, buffer)
    }

    #[test]
    fn passphrase_is_copied() {
        let ask = |room: usize, writing: bool| Ok(format!("{room} {writing}").into_bytes());
        let prompt = Prompt::new(&ask, false);
        let (answer, buffer) = call(&prompt, 10, true);
        assert_eq!(&buffer[..usize::try_from(answer).unwrap()], b"10 true");
        assert!(prompt.finish().is_ok());
    }

    #[test]
    fn long_passphrase_is_refused_or_cut() {
        let ask = |_, _| Ok(b"longer".to_vec());
        let prompt = Prompt::new(&ask, false);
        assert_eq!(call(&prompt, 4, false), (-1, vec![0xAA; 5]));
        assert!(matches!(prompt.finish(), Err(Error::Invalid(_))));

        let prompt = Prompt::new(&ask, true);
        assert_eq!(call(&prompt, 4, false), (4, b"long\xAA".to_vec()));
        assert!(prompt.finish().is_ok());
    }

    #[test]
    fn first_failure_is_kept_and_nothing_asked_again() {
        let times = std::sync::atomic::AtomicUsize::new(0);
        let ask = move |_, _| -> Result<Vec<u8>, CallbackError> {
            let time = times.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Err(format!("failure {time}").into())
        };
        let prompt = Prompt::new(&ask, false);
        assert_eq!(call(&prompt, 4, false).0, -1);
        assert_eq!(call(&prompt, 4, false).0, -1);
        assert_eq!(prompt.finish().unwrap_err().to_string(), "failure 0");
    }

    #[test]
    fn panic_is_carried_past_c() {
        let ask = |_, _| -> Result<Vec<u8>, CallbackError> { panic!("in a callback") };
        let prompt = Prompt::new(&ask, false);
        assert_eq!(call(&prompt, 4, false).0, -1);
        assert!(matches!(prompt.finish(), Err(Error::Panicked(_))));
    }
}
