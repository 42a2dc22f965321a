//! A file descriptor of the caller's, used without ever blocking, and waiting for it.

use std::ffi::{c_int, c_void};
use std::time::{Duration, Instant};
use std::{io, mem};

use super::ahead::Ahead;
use super::{Direction, Transferred};
use crate::tls::error::{CallbackError, Error, Result};

/// A descriptor. It stays the caller's: it is never closed here, nor are its flags changed.
pub struct Descriptor {
    /// Whether it is a socket. What is none has no `recv`, and is polled before it is read.
    socket: bool,
    /// Whether it is a socket of datagrams, where an empty one is not the end.
    datagrams: bool,
    /// What is seen ahead in a stream; `None` where there is no looking ahead.
    ahead: Option<Ahead>,
    /// The direction for which a file that is no socket was not opened.
    closed: Option<Direction>,
    /// Its number, and what that stood for at the start.
    file: FileIdentity,
}

impl Descriptor {
    /// Takes note of what the descriptor stands for now.
    ///
    /// `fd` is a descriptor's number, not negative. A number that is not open is accepted; using it
    /// fails with `EBADF`, as it would with the system's own calls.
    pub fn new(fd: c_int) -> Self {
        let kind = socket_option::<c_int>(fd, libc::SO_TYPE);
        let is = |wanted| kind.as_ref().is_ok_and(|kind| *kind == wanted);
        let datagrams = is(libc::SOCK_DGRAM);
        let ahead = is(libc::SOCK_STREAM).then(Ahead::default);
        let socket = !kind.is_err_and(|error| error.raw_os_error() == Some(libc::ENOTSOCK));
        // SAFETY: asks for flags only.
        let closed = match unsafe { libc::fcntl(fd, libc::F_GETFL) } & libc::O_ACCMODE {
            libc::O_RDONLY if !socket => Some(Direction::Write),
            libc::O_WRONLY if !socket => Some(Direction::Read),
            _ => None,
        };
        Self { socket, datagrams, ahead, closed, file: FileIdentity::of(fd) }
    }

    /// What the descriptor stood for at the start.
    pub(crate) fn file(&self) -> FileIdentity {
        self.file
    }

    /// What it takes to wait in this direction; `None` for a descriptor that is not to be waited
    /// for, because it is in non-blocking mode or not open.
    pub(crate) fn wait(&self, direction: Direction) -> Option<Wait> {
        // SAFETY: asks for flags only.
        let flags = unsafe { libc::fcntl(self.file.fd, libc::F_GETFL) };
        if flags == -1 || flags & libc::O_NONBLOCK != 0 {
            return None;
        }
        Some(Wait { direction, file: self.file, socket: self.socket })
    }

    /// Begins a step of the connection. `boundary`: whether the next byte to be read is a record's
    /// first.
    pub(crate) fn begin(&self, boundary: bool) {
        if let Some(ahead) = &self.ahead {
            ahead.begin(boundary);
        }
    }

    /// Ends a step. `unreported`: whether a close or a failure was met behind data, and is still to
    /// be reported.
    pub(crate) fn end(&self, unreported: bool) {
        if let Some(ahead) = &self.ahead {
            ahead.end(self.file.fd, unreported);
        }
    }

    /// Whether to read on behind data: whether a whole record has come whose plaintext takes no more
    /// than `room` bytes. `expands`: whether plaintext can be longer than ciphertext.
    pub(crate) fn has_record(&self, room: usize, expands: bool) -> bool {
        self.ahead.as_ref().is_some_and(|ahead| ahead.has_record(self.file.fd, room, expands))
    }

    /// # Safety
    ///
    /// `room` has `len` writable bytes.
    pub(super) unsafe fn read(&self, room: *mut u8, len: usize) -> Transferred {
        if let Some(ahead) = &self.ahead {
            // SAFETY: the caller's promise.
            return unsafe { ahead.read(self.file.fd, room, len) };
        }
        let room: *mut c_void = room.cast();
        loop {
            if let Err(outcome) = self.ready(Direction::Read) {
                return outcome;
            }
            // SAFETY: the caller's promise.
            let received = attempt(|| unsafe {
                if self.socket {
                    libc::recv(self.file.fd, room, len, libc::MSG_DONTWAIT)
                } else {
                    libc::read(self.file.fd, room, len)
                }
            });
            if received != Transferred::End || !self.datagrams {
                return received;
            }
        }
    }

    /// # Safety
    ///
    /// `bytes` has `len` readable bytes.
    pub(super) unsafe fn write(&self, bytes: *const u8, len: usize) -> Transferred {
        if let Err(outcome) = self.ready(Direction::Write) {
            return outcome;
        }
        let bytes: *const c_void = bytes.cast();
        // SAFETY: the caller's promise.
        attempt(|| unsafe {
            if self.socket {
                libc::send(self.file.fd, bytes, len, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
            } else {
                // What is ready takes this much at least without blocking.
                libc::write(self.file.fd, bytes, len.min(libc::PIPE_BUF))
            }
        })
    }

    /// Whether a file that is no socket can be used without blocking; fails with what is to be
    /// reported if not. A socket says so itself.
    fn ready(&self, direction: Direction) -> Result<(), Transferred> {
        if self.closed == Some(direction) {
            return Err(Transferred::Failed(libc::EBADF));
        }
        if !self.socket && !matches!(poll(self.file.fd, direction, Duration::ZERO), Ok(true)) {
            return Err(Transferred::NotReady);
        }
        Ok(())
    }
}

/// Runs a system call that moves bytes, until it is not interrupted.
pub(super) fn attempt(mut call: impl FnMut() -> libc::ssize_t) -> Transferred {
    loop {
        match usize::try_from(call()) {
            Ok(0) => return Transferred::End,
            Ok(count) => return Transferred::Some(count),
            Err(_) => {}
        }
        match io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO) {
            libc::EINTR => {}
            #[allow(unreachable_patterns)] // the two are one number on most systems
            libc::EAGAIN | libc::EWOULDBLOCK => return Transferred::NotReady,
            // What OpenSSL's own socket BIO takes for passing (`BIO_sock_non_fatal_error`): a
            // socket that is not connected yet. Waiting for it would spin.
            libc::ENOTCONN | libc::EPROTO | libc::EINPROGRESS | libc::EALREADY => {
                return Transferred::Retry;
            }
            errno => return Transferred::Failed(errno),
        }
    }
}

/// Waiting for a descriptor that is in blocking mode.
pub(crate) struct Wait {
    direction: Direction,
    file: FileIdentity,
    socket: bool,
}

/// How long one operation has been waiting.
pub(crate) struct Patience<'a> {
    /// Since when it has waited without a byte moved.
    since: Option<Instant>,
    /// When signals were last looked for.
    asked: Option<Instant>,
    interrupted: &'a dyn Fn() -> Result<(), CallbackError>,
}

impl<'a> Patience<'a> {
    /// How long an operation goes on without looking for signals.
    pub(crate) const ASK: Duration = Duration::from_millis(50);
    /// The shortest and the longest time to sleep without a look at the connection, and at signals:
    /// another thread's step may have decrypted data that the descriptor no longer announces, and a
    /// signal that arrives just before `poll` does not interrupt it. Sleep gets longer as it goes on.
    pub(crate) const FIRST: Duration = Duration::from_millis(10);
    pub(crate) const LAST: Duration = Duration::from_secs(1);

    /// `interrupted` is run, with no lock held, when a signal arrives; what it fails with ends the
    /// operation.
    pub(crate) fn new(interrupted: &'a dyn Fn() -> Result<(), CallbackError>) -> Self {
        Self { since: None, asked: None, interrupted }
    }

    /// Begins anew, because bytes have moved: a socket's time-out is that of one system call, and not
    /// of all that an operation takes.
    pub(crate) fn renew(&mut self) {
        self.since = None;
    }

    fn ask(&mut self) -> Result<()> {
        self.asked = Some(Instant::now());
        (self.interrupted)().map_err(Error::Callback)
    }
}

impl Wait {
    /// The time-out that the socket has been given with `SO_RCVTIMEO` or `SO_SNDTIMEO`.
    fn timeout(&self) -> Option<Duration> {
        if !self.socket {
            return None;
        }
        let option = match self.direction {
            Direction::Read => libc::SO_RCVTIMEO,
            Direction::Write => libc::SO_SNDTIMEO,
        };
        let timeout = socket_option::<libc::timeval>(self.file.fd, option).ok()?;
        let seconds = Duration::from_secs(u64::try_from(timeout.tv_sec).ok()?);
        let timeout = seconds + Duration::from_micros(u64::try_from(timeout.tv_usec).ok()?);
        (!timeout.is_zero()).then_some(timeout)
    }

    /// Sleeps until the descriptor is ready, or it is time for another look at the connection.
    ///
    /// Returns whether to go on: `false` once the socket's own time-out has passed. Fails with what
    /// `interrupted` failed with, with `EBADF` when the descriptor has been closed or stands for
    /// another file by now, and with the `errno` of `poll`.
    pub(crate) fn sleep(&self, patience: &mut Patience<'_>) -> Result<bool> {
        let since = *patience.since.get_or_insert_with(Instant::now);
        let slept = since.elapsed();
        let slice = slept.clamp(Patience::FIRST, Patience::LAST);
        // Most waits are over before the first slice is, and need not know the time-out.
        let timeout = if slept < Patience::FIRST { None } else { self.timeout() };
        let slice = match timeout.map(|timeout| timeout.checked_sub(slept)) {
            None => slice,
            Some(None | Some(Duration::ZERO)) => return Ok(false),
            Some(Some(left)) => left.min(slice),
        };
        let asked = *patience.asked.get_or_insert(since);
        match poll(self.file.fd, self.direction, slice) {
            // A peer that sends a byte at a time keeps it from sleeping.
            Ok(true) if asked.elapsed() < Patience::ASK => {}
            Ok(_) => patience.ask()?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => patience.ask()?,
            Err(error) => {
                return Err(Error::Syscall { errno: error.raw_os_error().unwrap_or(libc::EIO) });
            }
        }
        if !self.file.is_current() {
            return Err(Error::Syscall { errno: libc::EBADF });
        }
        Ok(true)
    }
}

/// What a descriptor stood for at some time.
#[derive(Clone, Copy)]
pub(crate) struct FileIdentity {
    fd: c_int,
    file: Option<(libc::dev_t, libc::ino_t)>,
}

impl FileIdentity {
    fn of(fd: c_int) -> Self {
        let mut status = mem::MaybeUninit::<libc::stat>::uninit();
        // SAFETY: the room is of the size that fstat fills.
        if unsafe { libc::fstat(fd, status.as_mut_ptr()) } != 0 {
            return Self { fd, file: None };
        }
        // SAFETY: fstat succeeded, so it filled the room.
        let status = unsafe { status.assume_init() };
        Self { fd, file: Some((status.st_dev, status.st_ino)) }
    }

    /// The descriptor's number.
    pub(crate) fn fd(&self) -> c_int {
        self.fd
    }

    /// Whether the number still stands for that. A program that closes a descriptor and opens
    /// another file is given the same number again.
    pub(crate) fn is_current(&self) -> bool {
        self.file.is_some() && self.file == Self::of(self.fd).file
    }
}

/// Whether the descriptor is ready, or broken, within `timeout`.
fn poll(fd: c_int, direction: Direction, timeout: Duration) -> io::Result<bool> {
    let events = match direction {
        Direction::Read => libc::POLLIN,
        Direction::Write => libc::POLLOUT,
    };
    let mut entry = libc::pollfd { fd, events, revents: 0 };
    // Rounded up, so that a time-out shorter than a millisecond is not a busy loop.
    let milliseconds = timeout.as_micros().div_ceil(1000);
    let milliseconds = c_int::try_from(milliseconds).unwrap_or(c_int::MAX);
    // SAFETY: one entry, alive during the call.
    match unsafe { libc::poll(&raw mut entry, 1, milliseconds) } {
        -1 => Err(io::Error::last_os_error()),
        ready => Ok(ready > 0),
    }
}

/// An option of level `SOL_SOCKET`.
fn socket_option<T: Copy>(fd: c_int, option: c_int) -> io::Result<T> {
    let mut value = mem::MaybeUninit::<T>::zeroed();
    let mut len = size_of::<T>() as libc::socklen_t;
    // SAFETY: the room is as large as `len` says; an option of another size is cut.
    let code = unsafe {
        libc::getsockopt(fd, libc::SOL_SOCKET, option, value.as_mut_ptr().cast(), &raw mut len)
    };
    if code != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: every option read here is a plain C integer or struct of them: zero bytes, or bytes
    // written by the kernel, are valid.
    Ok(unsafe { value.assume_init() })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn calm() -> Result<(), CallbackError> {
        Ok(())
    }

    fn read(descriptor: &Descriptor) -> Transferred {
        let mut room = [0; 8];
        // SAFETY: pointer and length are of one array.
        unsafe { descriptor.read(room.as_mut_ptr(), room.len()) }
    }

    #[test]
    fn a_blocking_socket_is_never_blocked_on_but_can_be_waited_for() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let descriptor = Descriptor::new(ours.as_raw_fd());
        assert_eq!(read(&descriptor), Transferred::NotReady);
        let wait = descriptor.wait(Direction::Read).unwrap();
        theirs.write_all(b"abc").unwrap();
        assert!(wait.sleep(&mut Patience::new(&calm)).unwrap());
        assert_eq!(read(&descriptor), Transferred::Some(3));
        drop(theirs);
        assert_eq!(read(&descriptor), Transferred::End);
    }

    #[test]
    fn a_non_blocking_socket_is_not_waited_for() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        assert!(Descriptor::new(ours.as_raw_fd()).wait(Direction::Read).is_none());
    }

    #[test]
    fn a_sockets_own_time_out_ends_the_wait() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
        let descriptor = Descriptor::new(ours.as_raw_fd());
        let wait = descriptor.wait(Direction::Read).unwrap();
        let mut patience = Patience::new(&calm);
        while wait.sleep(&mut patience).unwrap() {}
        assert!(descriptor.wait(Direction::Write).unwrap().timeout().is_none());
    }

    #[test]
    fn a_number_that_stands_for_another_file_by_now_is_refused() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let (other, mut peer) = UnixStream::pair().unwrap();
        let descriptor = Descriptor::new(ours.as_raw_fd());
        assert!(descriptor.file().is_current());
        let wait = descriptor.wait(Direction::Read).unwrap();
        peer.write_all(b"not for you").unwrap();
        // SAFETY: makes our number stand for the other socket, as closing and opening would.
        assert_ne!(unsafe { libc::dup2(other.as_raw_fd(), ours.as_raw_fd()) }, -1);
        assert!(!descriptor.file().is_current());
        let refused = wait.sleep(&mut Patience::new(&calm));
        assert!(matches!(refused, Err(Error::Syscall { errno: libc::EBADF })));
    }

    #[test]
    fn pipes_work_without_blocking() {
        let mut ends = [0; 2];
        // SAFETY: pipe fills both numbers.
        assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
        let (reader, writer) = (Descriptor::new(ends[0]), Descriptor::new(ends[1]));
        assert_eq!(read(&reader), Transferred::NotReady);
        // SAFETY: a static string of two bytes.
        assert_eq!(unsafe { writer.write(b"hi".as_ptr(), 2) }, Transferred::Some(2));
        assert_eq!(read(&reader), Transferred::Some(2));
        // SAFETY: both are ours and open.
        unsafe { libc::close(ends[1]) };
        assert_eq!(read(&reader), Transferred::End);
        // SAFETY: as above.
        unsafe { libc::close(ends[0]) };
    }

    #[test]
    fn a_signal_runs_the_interrupted_function() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let wait = Descriptor::new(ours.as_raw_fd()).wait(Direction::Read).unwrap();
        let stop = || Err(CallbackError::from("stop"));
        // No byte comes: the slice passes, and the function is asked then, too.
        let stopped = wait.sleep(&mut Patience::new(&stop));
        assert!(matches!(stopped, Err(Error::Callback(_))));
    }
}
