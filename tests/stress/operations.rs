//! What a thread does next at one of its ends.

use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;

use openssl_rust::tls::connection::Step;
use openssl_rust::tls::error::queue_is_empty;
use openssl_rust::tls::region::{Readable, Writable};
use openssl_rust::tls::x509::{Limit, Role, verify};
use openssl_rust::tls::{Connection, Error, Result};

use crate::World;
use crate::chance::Chance;
use crate::pair::{End, FILES, Kind, Pair, pattern};

/// The end at hand, and who is at it.
struct Here<'a> {
    world: &'a World,
    pair: &'a Pair,
    side: usize,
    /// Whether this thread may do what only one thread at a time can keep books about: reads (or
    /// writes) that wait, with no lock held meanwhile.
    reads: bool,
    writes: bool,
}

/// Does something at an end that this thread has alone, or shares with another: then the first
/// sharer is the one who reads on blocking sockets, and the second the one who writes.
pub(crate) fn something(
    world: &World,
    pair: &Pair,
    side: usize,
    alone: bool,
    sharer: usize,
    chance: &mut Chance,
) {
    let here =
        Here { world, pair, side, reads: alone || sharer == 0, writes: alone || sharer == 1 };
    pair.users.fetch_add(1, Ordering::SeqCst);
    if pair.dead.load(Ordering::SeqCst) {
    } else if pair.is_closing() {
        here.close(chance);
    } else {
        here.work(chance);
    }
    pair.users.fetch_sub(1, Ordering::SeqCst);
    assert!(queue_is_empty(), "something was left in the error queue");
}

impl Here<'_> {
    fn end(&self) -> &End {
        &self.pair.ends[self.side]
    }

    fn connection(&self) -> &Connection {
        &self.end().connection
    }

    fn step(&self) -> Step<'_> {
        self.connection().step()
    }

    /// What to do when a signal arrives: nothing, until all is over.
    fn interrupted(&self) -> impl Fn() -> Result<(), openssl_rust::tls::error::CallbackError> {
        let over = &self.world.over;
        move || if over.load(Ordering::Relaxed) { Err("over".into()) } else { Ok(()) }
    }

    fn work(&self, chance: &mut Chance) {
        let established = self.end().books().established;
        match chance.below(100) {
            _ if !established && chance.below(4) > 0 => self.shake_hands(chance),
            0..30 => self.write(chance),
            30..60 => self.read(chance),
            60..65 => self.peek(chance),
            65..80 => self.carry(chance),
            80..86 => self.ask(),
            86..88 => self.shake_hands(chance),
            88 if chance.one_in(5) => self.renegotiate(),
            89 => self.exchange_context(chance),
            90..92 => self.keep_session(),
            92 if chance.one_in(10) => self.take_away(chance),
            92..94 => self.ask_certificates(),
            94 => self.ask_keys(),
            95 => self.ask_contexts(chance),
            96 => drop(self.connection().try_step().map(|step| step.pending())),
            97 if chance.one_in(10) => self.shut_down(),
            _ => std::thread::yield_now(),
        }
        if self.pair.kind == Kind::Memory && chance.one_in(3) {
            self.carry(chance);
        }
    }

    /// Counts a failure, and fails for one that has no reason.
    fn note<T>(&self, outcome: Result<T>) -> Option<T> {
        let error = match outcome {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        self.world.tally.note(&error);
        match &error {
            Error::WantRead | Error::WantWrite => {}
            Error::ZeroReturn => self.end().books().told = true,
            Error::Callback(reason) if reason.to_string() == "over" => {}
            Error::Callback(_) | Error::Panicked(_) => {
                // The other end is sent an alert, or is not told at all.
                self.pair.disturb();
                self.pair.shorten_life();
                self.end().books().failures += 1;
            }
            Error::UnexpectedEof | Error::Library(_) | Error::Syscall { .. } => {
                // A callback of the other end may have failed in a call that has not returned yet.
                assert!(
                    self.pair.is_disturbed() || self.pair.has_failed_callback(),
                    "an honest peer, and {error:?} at side {} of {:?}",
                    self.side,
                    self.pair.kind
                );
                self.pair.disturb();
                self.pair.shorten_life();
            }
            other => panic!("nothing here can cause this: {other:?}"),
        }
        None
    }

    fn shake_hands(&self, chance: &mut Chance) {
        let done = if chance.one_in(2) {
            self.note(self.step().handshake())
        } else {
            self.note(self.connection().handshake(&self.interrupted()))
        };
        let mut books = self.end().books();
        if done.is_some() && !books.established {
            books.established = true;
            self.world.tally.handshakes.add(1);
            drop(books);
            if self.step().is_resumed() {
                self.world.tally.resumed_sessions.add(1);
            }
        }
    }

    /// Whether books can be kept about a call that waits.
    fn may_wait(&self) -> bool {
        self.pair.kind == Kind::Blocking
    }

    fn write(&self, chance: &mut Chance) {
        let most = [1, 100, 3_000, 20_000, 60_000][chance.below(5)];
        if self.may_wait() {
            if self.writes {
                self.write_from(most, |data| {
                    if chance.one_in(2) {
                        return done(self.connection().write(data, &self.interrupted()));
                    }
                    match self.connection().write_all(data, &self.interrupted()) {
                        Ok(()) => (data.len(), None),
                        Err((written, error)) => (written, Some(error)),
                    }
                });
            }
        } else {
            let step = self.step();
            self.write_from(most, |data| done(step.write(data)));
        }
    }

    /// Writes what comes next, with a function that says how much of it it wrote and what it failed
    /// with. No other thread writes meanwhile.
    fn write_from(&self, most: usize, write: impl FnOnce(Readable<'_>) -> (usize, Option<Error>)) {
        let (first, len) = {
            let books = self.end().books();
            if books.closed {
                return;
            }
            (books.written, most.max(books.unfinished))
        };
        let data: Vec<u8> = (first..first + len).map(|place| pattern(self.side, place)).collect();
        let (written, error) = write(Readable::from(&data[..]));
        assert!(written <= len);
        let mut books = self.end().books();
        books.written += written;
        books.unfinished = if matches!(error, Some(Error::WantWrite)) { len - written } else { 0 };
        drop(books);
        self.world.tally.bytes_written.add(written);
        let _ = self.note(error.map_or(Ok(()), Err));
    }

    fn read(&self, chance: &mut Chance) {
        let most = [1, 100, 5_000, 40_000][chance.below(4)];
        if self.may_wait() {
            if self.reads {
                self.read_into(most, |room| self.connection().read(room, &self.interrupted()));
            }
        } else {
            let step = self.step();
            self.read_into(most, |room| step.read(room));
        }
    }

    /// Reads what comes next. No other thread reads meanwhile.
    fn read_into(&self, most: usize, read: impl FnOnce(&Writable<'_>) -> Result<usize>) -> usize {
        let mut room = vec![0; most];
        let outcome = read(&Writable::from(&mut room[..]));
        let Some(count) = self.note(outcome) else { return 0 };
        let mut books = self.end().books();
        self.compare(books.read, &room[..count]);
        books.read += count;
        self.world.tally.bytes_read.add(count);
        count
    }

    fn peek(&self, chance: &mut Chance) {
        let mut room = vec![0; 1 + chance.below(3_000)];
        let room = &mut room[..];
        if self.may_wait() && !self.reads {
            return;
        }
        let peeked = if self.may_wait() {
            self.note(self.connection().peek(&Writable::from(&mut *room), &self.interrupted()))
        } else {
            // The books are compared while no other thread can read.
            let step = self.step();
            let peeked = self.note(step.peek(&Writable::from(&mut *room)));
            self.compare(self.end().books().read, &room[..peeked.unwrap_or(0)]);
            peeked
        };
        let count = peeked.unwrap_or(0);
        if self.may_wait() {
            self.compare(self.end().books().read, &room[..count]);
        }
        self.world.tally.bytes_peeked.add(count);
    }

    /// Fails unless these are the bytes that the other end wrote at this place.
    fn compare(&self, first: usize, bytes: &[u8]) {
        for (place, byte) in (first..).zip(bytes) {
            assert_eq!(*byte, pattern(1 - self.side, place), "a byte out of place");
        }
    }

    fn carry(&self, chance: &mut Chance) {
        if self.pair.kind == Kind::Memory {
            let most = [1, 50, 1_000, 100_000][chance.below(4)];
            let carried = self.pair.carry(chance.below(2), most);
            self.world.tally.bytes_carried.add(carried);
        }
    }

    fn ask(&self) {
        let step = self.step();
        let _ = (step.pending(), step.wants_read(), step.wants_write(), step.shutdown_state());
        let _ = (step.state_string(), step.server_name(), step.alpn_protocol());
        let _ = (step.version_name(), step.cipher(), step.cipher_names(), step.group_name());
        let _ = (step.renegotiate_pending(), step.total_renegotiations(), step.is_resumed());
        let _ = (step.client_random(), step.server_random(), step.master_key());
        let _ = (step.finished(), step.peer_finished(), step.verify_mode(), step.client_cas());
        let _ = (step.certificate(), step.peer_certificate(), step.peer_chain());
        let _ = (step.verified_chain(), step.untaken(), step.timeout(), step.data_mtu());
        let _ = step.export_keying_material(b"EXPERIMENTAL stress", 32, None);
        drop(step);
        let _ = (self.connection().descriptor(), self.connection().descriptor_is_same_file());
        self.world.tally.questions.add(1);
    }

    fn renegotiate(&self) {
        // With data on their way it may fail: OpenSSL takes some in a handshake, but not at every
        // place of it.
        self.pair.disturb();
        if self.note(self.step().renegotiate()).is_some() {
            self.world.tally.renegotiations.add(1);
        }
    }

    fn exchange_context(&self, chance: &mut Chance) {
        if self.side == 1 && self.end().books().established {
            let servers = &self.world.contexts.servers[usize::from(self.pair.is_new)];
            self.step().set_context(chance.pick(servers)).unwrap();
            self.world.tally.exchanged_contexts.add(1);
        }
    }

    /// Leaves this client's session for another.
    fn keep_session(&self) {
        if self.side == 0 && self.end().books().established {
            let session = self.step().session().unwrap();
            let mut kept =
                self.world.contexts.sessions[usize::from(self.pair.is_new)].lock().unwrap();
            if kept.len() < 32 {
                kept.extend(session);
            }
        }
    }

    /// Takes the socket away from under everybody who uses it.
    fn take_away(&self, chance: &mut Chance) {
        let Ok(_files) = FILES.try_lock() else { return };
        self.pair.disturb();
        let mut slot = self.end().socket.lock().unwrap();
        let Some(socket) = &*slot else {
            if self.pair.kind == Kind::Memory {
                self.step().end().unwrap();
            }
            return;
        };
        self.world.tally.sockets_taken_away.add(1);
        match chance.below(3) {
            0 => {
                let _ = socket.shutdown(Shutdown::Both);
            }
            1 => {
                // As if it were closed, and another file were opened, which is given its number.
                let (other, _) = UnixStream::pair().unwrap();
                // SAFETY: both numbers are ours and open; the socket goes on to own its number.
                assert_ne!(unsafe { libc::dup2(other.as_raw_fd(), socket.as_raw_fd()) }, -1);
            }
            _ => {
                self.pair.dead.store(true, Ordering::SeqCst);
                *slot = None;
                // The others find out by themselves that the number stands for nothing.
                while self.pair.users.load(Ordering::SeqCst) > 1 {
                    std::thread::yield_now();
                }
            }
        }
    }

    fn ask_certificates(&self) {
        let contexts = &self.world.contexts;
        let certificate = &contexts.certificate;
        let name = certificate.name(Role::Subject).unwrap();
        let _ = (certificate.to_der().unwrap(), certificate.to_text().unwrap(), name.fields());
        let _ = (certificate.digest(c"sha256").unwrap(), certificate.time(Limit::NotAfter));
        let _ = (name.hash(), name.one_line(), name.clone().to_der().unwrap());
        let chain = verify(&contexts.store, certificate, &[]).unwrap();
        assert_eq!(chain.unwrap().len(), 1);
        contexts.store.add_certificate(certificate).unwrap();
        self.world.tally.certificates_asked.add(1);
    }

    fn ask_keys(&self) {
        let contexts = &self.world.contexts;
        let _ = (contexts.key.private_to_der().unwrap(), contexts.key.public_to_pem().unwrap());
        let _ = (contexts.key.bits(), contexts.key.type_name());
        let same = contexts.certificate.public_key().unwrap().public_to_der().unwrap();
        assert_eq!(same, contexts.key.public_to_der().unwrap());
        self.world.tally.keys_asked.add(1);
    }

    fn ask_contexts(&self, chance: &mut Chance) {
        let contexts = &self.world.contexts;
        let version = usize::from(self.pair.is_new);
        let context = if self.side == 0 {
            &contexts.clients[version]
        } else {
            chance.pick(&contexts.servers[version])
        };
        let Some(settings) = context.try_settings() else { return };
        let _ = (settings.timeout(), settings.verify_mode(), settings.certificate_store());
        if settings.check_unused().is_err() {
            assert!(matches!(settings.set_verify_depth(9), Err(Error::ContextInUse)));
            self.world.tally.used_contexts_refused.add(1);
        }
        drop(settings);
        if chance.one_in(4) {
            let renewed = context.renew().unwrap();
            renewed.settings().set_verify_depth(9).unwrap();
            self.world.tally.contexts_renewed.add(1);
        }
    }

    /// Says in the middle of it all that this end has nothing more to say.
    fn shut_down(&self) {
        self.pair.disturb();
        if self.note(self.connection().shutdown(&self.interrupted())).is_some() {
            self.world.tally.shutdowns.add(1);
        }
    }

    /// Brings the connection to its end in the proper way: all that was written is read, and both
    /// ends say that they have closed.
    fn close(&self, chance: &mut Chance) {
        if self.pair.is_disturbed() {
            return;
        }
        if !self.end().books().established {
            self.shake_hands(chance);
            self.carry(chance);
            return;
        }
        // While both ends have more to write than there is room for, one of them has to read.
        self.read(chance);
        if self.end().books().unfinished > 0 {
            self.write(chance);
        } else if self.writes {
            // One of the two who share this end is enough.
            let step = self.step();
            let ready = {
                let books = self.end().books();
                books.unfinished == 0 && !books.closed
            };
            if ready && self.note(step.shutdown()).is_some() {
                self.end().books().closed = true;
                self.world.tally.shutdowns.add(1);
            }
        }
        self.carry(chance);
    }
}

/// The outcome of a write as a number of bytes and a failure.
fn done(outcome: Result<usize>) -> (usize, Option<Error>) {
    match outcome {
        Ok(written) => (written, None),
        Err(error) => (0, Some(error)),
    }
}
