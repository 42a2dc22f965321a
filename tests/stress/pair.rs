//! Two connections with each other, and the books about what went between them.

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use openssl_rust::tls::region::{Readable, Writable};
use openssl_rust::tls::testing::{CALM, in_memory};
use openssl_rust::tls::transport::Descriptor;
use openssl_rust::tls::{Connection, Context, Error, Transport};

use crate::chance::Chance;
use crate::contexts::{Contexts, Myself};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Memory,
    Blocking,
    NonBlocking,
}

pub(crate) struct Pair {
    pub(crate) kind: Kind,
    /// Whether it is TLS 1.3.
    pub(crate) is_new: bool,
    pub(crate) ends: [End; 2],
    /// Something was done after which an end may fail, or bytes may be lost.
    pub(crate) disturbed: AtomicBool,
    /// Its numbers may stand for sockets of others: nobody is to use it any more.
    pub(crate) dead: AtomicBool,
    /// How many threads use it.
    pub(crate) users: AtomicUsize,
    /// How many operations are left until it is to be closed.
    life: AtomicUsize,
    /// How many it may take to be closed.
    agony: AtomicUsize,
    /// One thread at a time carries bytes.
    pub(crate) carrying: Mutex<()>,
}

pub(crate) struct End {
    pub(crate) connection: Arc<Connection>,
    books: Mutex<Books>,
    /// What the connection's descriptor belongs to, until it is closed.
    pub(crate) socket: Mutex<Option<UnixStream>>,
    myself: Arc<Myself>,
}

/// What one end has written and read.
#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) established: bool,
    /// How many bytes were written.
    pub(crate) written: usize,
    /// The length of a write that could not be finished: the next one must be as long at least.
    pub(crate) unfinished: usize,
    /// How many bytes were read.
    pub(crate) read: usize,
    /// It was told that the peer has closed.
    pub(crate) told: bool,
    /// Its close_notify has gone out.
    pub(crate) closed: bool,
    /// How often a failure of a callback came out of a call.
    pub(crate) failures: usize,
}

/// Held while descriptors are made, and while one is closed under those who use it: until they have
/// noticed, no other socket is to be given its number, for they would read what is not theirs.
pub(crate) static FILES: Mutex<()> = Mutex::new(());

/// The byte at this place of what an end writes.
pub(crate) fn pattern(side: usize, place: usize) -> u8 {
    (place.wrapping_mul(31) >> 3) as u8 ^ (place >> 11) as u8 ^ (side as u8) << 7
}

impl Pair {
    pub(crate) fn new(contexts: &Contexts, place: usize, chance: &mut Chance) -> Self {
        let _files = FILES.lock().unwrap();
        let kind = [Kind::Memory, Kind::Blocking, Kind::NonBlocking, Kind::Memory][place % 4];
        let is_new = chance.one_in(2);
        let version = usize::from(is_new);
        let both = [&contexts.clients[version], &contexts.servers[version][0]];
        let ends = match kind {
            Kind::Memory => both.map(|context| End::new(in_memory(context), None, chance)),
            Kind::Blocking | Kind::NonBlocking => {
                let (ours, theirs) = UnixStream::pair().unwrap();
                let mut sockets = vec![ours, theirs];
                both.map(|context| End::over(context, sockets.pop().unwrap(), kind, chance))
            }
        };
        let client = ends[0].connection.step();
        client.set_connect_state().unwrap();
        client.set_server_name(if chance.one_in(2) { c"one" } else { c"two" }).unwrap();
        client.request_ocsp().unwrap();
        // Several connections, in several threads, may resume the same session.
        let session = {
            let mut kept = contexts.sessions[version].lock().unwrap();
            if chance.one_in(4) { kept.pop() } else { kept.last().cloned() }
        };
        if let Some(session) = session {
            client.set_session(&session).unwrap();
        }
        drop(client);
        ends[1].connection.step().set_accept_state().unwrap();
        Self {
            kind,
            is_new,
            ends,
            disturbed: AtomicBool::new(false),
            dead: AtomicBool::new(false),
            users: AtomicUsize::new(0),
            life: AtomicUsize::new(50 + chance.below(500)),
            agony: AtomicUsize::new(20_000),
            carrying: Mutex::default(),
        }
    }

    /// Whether it is being closed. Counts operations.
    pub(crate) fn is_closing(&self) -> bool {
        let less = |left: usize| left.checked_sub(1);
        if self.life.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
            return false;
        }
        let left = self.agony.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        assert!(
            left.is_ok() || self.is_disturbed(),
            "a pair does not come to its end: {:?}, {:?}",
            self.kind,
            self.ends.each_ref().map(|end| (
                format!("{:?}", end.books()),
                end.connection.step().state_string(),
                end.connection.step().shutdown_state(),
                end.connection.step().untaken().ok(),
                end.connection.step().pending(),
            ))
        );
        true
    }

    pub(crate) fn is_disturbed(&self) -> bool {
        self.disturbed.load(Ordering::Relaxed)
    }

    /// Something was done after which an end may fail.
    pub(crate) fn disturb(&self) {
        self.disturbed.store(true, Ordering::Relaxed);
    }

    /// An end has failed for good: there is no use in going on for long.
    pub(crate) fn shorten_life(&self) {
        self.life.fetch_min(30, Ordering::Relaxed);
    }

    /// Whether a callback of either end has failed.
    pub(crate) fn has_failed_callback(&self) -> bool {
        self.ends.iter().any(|end| end.myself.failed.load(Ordering::Relaxed))
    }

    /// Whether there is nothing left to be done.
    pub(crate) fn is_over(&self) -> bool {
        if self.dead.load(Ordering::SeqCst) {
            return true;
        }
        let over = self.life.load(Ordering::Relaxed) == 0;
        over && (self.is_disturbed() || self.ends.iter().all(|end| end.books().told))
    }

    /// Carries some of what an end wrote to the other; returns how many bytes.
    pub(crate) fn carry(&self, side: usize, most: usize) -> usize {
        let _turn = self.carrying.lock().unwrap();
        let mut room = vec![0; most];
        let Ok(count) = self.ends[side].connection.step().take(&Writable::from(&mut room[..]))
        else {
            return 0;
        };
        let given = self.ends[1 - side].connection.step().give(Readable::from(&room[..count]));
        assert_eq!(given.unwrap(), count);
        count
    }
}

impl Drop for Pair {
    /// Balances the books, when no thread uses the pair any more.
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        let disturbed = self.is_disturbed();
        let books = self.ends.each_ref().map(|end| end.books());
        for side in 0..2 {
            let (read, written) = (books[side].read, books[1 - side].written);
            assert!(read <= written, "more was read than was written");
            assert!(disturbed || !books[side].told || read == written, "bytes are missing");
        }
        drop(books);
        for end in &self.ends {
            end.expect_failure_told();
        }
    }
}

impl End {
    fn new(connection: Connection, socket: Option<UnixStream>, chance: &mut Chance) -> Self {
        let connection = Arc::new(connection);
        let fuse = if chance.one_in(4) { chance.below(30) } else { usize::MAX };
        let myself = Arc::new(Myself {
            connection: Arc::downgrade(&connection),
            fuse: AtomicUsize::new(fuse),
            panics: chance.one_in(3),
            failed: AtomicBool::new(false),
        });
        connection.set_user_data(Box::new(Arc::clone(&myself)));
        Self { connection, books: Mutex::default(), socket: Mutex::new(socket), myself }
    }

    fn over(context: &Context, socket: UnixStream, kind: Kind, chance: &mut Chance) -> Self {
        // A thread has several ends to look after.
        let patience = Some(Duration::from_millis(1 + chance.below(4) as u64));
        socket.set_read_timeout(patience).unwrap();
        socket.set_write_timeout(patience).unwrap();
        socket.set_nonblocking(kind == Kind::NonBlocking).unwrap();
        let transport = Transport::Descriptor(Descriptor::new(socket.as_raw_fd()));
        Self::new(Connection::new(context, transport).unwrap(), Some(socket), chance)
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    /// What a callback failed with has come out of a call; at the latest, of the next one.
    fn expect_failure_told(&self) {
        let (failed, told) = (self.myself.failed.load(Ordering::Relaxed), self.books().failures);
        assert!(told <= usize::from(failed), "a failure that there was not, or was told before");
        if failed && told == 0 {
            let outcome = self.connection.handshake(CALM);
            let is_told = matches!(outcome, Err(Error::Callback(_) | Error::Panicked(_)));
            assert!(is_told, "a callback's failure is lost: {outcome:?}");
        }
    }
}
