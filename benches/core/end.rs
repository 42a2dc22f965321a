//! What the benchmarks need of a TLS library, and the loops, which are the same for all.

use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};

/// The size of a buffer that holds the longest record.
pub(crate) const ROOM: usize = 32 * 1024;
/// The largest amount that a record carries.
pub(crate) const RECORD: usize = 16 * 1024;
/// What is written in one call, and read in one, where a lot is to be moved.
pub(crate) const BULK_WRITE: usize = 256 * 1024;
const BULK_READ: usize = 64 * 1024;

/// A TLS library: it makes pairs of a client and a server, in that order.
pub(crate) trait Library {
    /// What connections have in common.
    type Contexts;
    /// One connection.
    type End: End;

    /// Contexts for one version of the protocol, with OpenSSL's defaults; the client verifies.
    fn contexts(version: i32) -> Self::Contexts;
    /// Two ends with memory buffers.
    fn in_memory(contexts: &Self::Contexts) -> [Self::End; 2];
    /// Two ends over the sockets.
    fn over(contexts: &Self::Contexts, sockets: [UnixStream; 2]) -> [Self::End; 2];
}

/// One end of a connection. What should not happen in a benchmark panics.
pub(crate) trait End: Send + 'static {
    /// What resumes a session.
    type Session;

    /// Takes the handshake further; returns whether it is done.
    fn handshake(&self) -> bool;
    /// Writes all of `data`.
    fn write(&self, data: &[u8]);
    /// Reads what there is, over a socket at least one byte; 0 when the peer is gone, or, in memory,
    /// when there is nothing.
    fn read(&self, room: &mut [u8]) -> usize;
    /// Takes what is to be sent; 0 when there is nothing.
    fn take(&self, room: &mut [u8]) -> usize;
    /// Gives what has come.
    fn give(&self, data: &[u8]);
    /// The session.
    fn session(&self) -> Self::Session;
    /// Has the session resumed.
    fn set_session(&self, session: &Self::Session);
    /// Whether one was.
    fn is_resumed(&self) -> bool;
    /// How much can be read at once.
    fn pending(&self) -> usize;
}

/// Shakes hands in memory, and carries the tickets.
pub(crate) fn shake_hands<E: End>([client, server]: &[E; 2], room: &mut [u8]) {
    let (mut client_done, mut server_done) = (false, false);
    loop {
        client_done = client_done || client.handshake();
        carry(client, server, room);
        server_done = server_done || server.handshake();
        carry(server, client, room);
        if client_done && server_done {
            return;
        }
    }
}

fn carry<E: End>(from: &E, to: &E, room: &mut [u8]) {
    let count = from.take(room);
    if count > 0 {
        to.give(&room[..count]);
    }
}

/// A full handshake between new connections.
pub(crate) fn handshake<L: Library>(contexts: &L::Contexts, room: &mut [u8]) {
    shake_hands(&L::in_memory(contexts), room);
}

/// A session, and the client that it came from, which has to live as long.
pub(crate) fn session<E: End>(ends: [E; 2], room: &mut [u8]) -> (E::Session, [E; 2]) {
    shake_hands(&ends, room);
    assert_eq!(ends[0].read(room), 0, "there are tickets, and no data");
    (ends[0].session(), ends)
}

/// A handshake between new connections that resumes a session.
pub(crate) fn resumption<L: Library>(
    contexts: &L::Contexts,
    session: &<L::End as End>::Session,
    room: &mut [u8],
) {
    let ends = L::in_memory(contexts);
    ends[0].set_session(session);
    shake_hands(&ends, room);
    assert!(ends[0].is_resumed());
}

/// A message from the client to the server, in memory.
pub(crate) fn message<E: End>([client, server]: &[E; 2], data: &[u8], room: &mut [u8]) {
    client.write(data);
    carry(client, server, room);
    assert_eq!(server.read(room), data.len());
}

/// A server in a thread of its own, which ends when its client is gone.
pub(crate) struct Served<E> {
    client: Option<E>,
    thread: Option<JoinHandle<()>>,
}

impl<E: End> Served<E> {
    fn new([client, server]: [E; 2], serve: impl FnOnce(E) + Send + 'static) -> Self {
        let thread = thread::spawn(move || {
            assert!(server.handshake());
            serve(server);
        });
        assert!(client.handshake());
        Self { client: Some(client), thread: Some(thread) }
    }

    fn client(&self) -> &E {
        self.client.as_ref().unwrap()
    }

    /// A server that sends back what it gets.
    pub(crate) fn echoing(ends: [E; 2]) -> Self {
        Self::new(ends, |server| {
            let mut room = [0; RECORD];
            loop {
                match server.read(&mut room) {
                    0 => return,
                    count => server.write(&room[..count]),
                }
            }
        })
    }

    /// A small message there and back.
    pub(crate) fn ping(&self, data: &[u8], room: &mut [u8]) {
        self.client().write(data);
        assert_eq!(self.client().read(room), data.len());
    }

    /// A server that takes what it gets, and answers with a byte when it has as much as it was told.
    pub(crate) fn draining(ends: [E; 2]) -> Self {
        Self::new(ends, |server| {
            let mut room = vec![0; BULK_READ];
            loop {
                let mut count = [0; 8];
                if server.read(&mut count) == 0 {
                    return;
                }
                let mut left = u64::from_be_bytes(count);
                while left > 0 {
                    let count = server.read(&mut room) as u64;
                    assert_ne!(count, 0, "the client is gone");
                    left -= count;
                }
                server.write(b".");
            }
        })
    }

    /// So many writes of `data`, until the server has them all.
    pub(crate) fn pour(&self, data: &[u8], writes: u64) {
        self.client().write(&(writes * data.len() as u64).to_be_bytes());
        for _ in 0..writes {
            self.client().write(data);
        }
        assert_eq!(self.client().read(&mut [0]), 1);
    }
}

impl<E> Drop for Served<E> {
    fn drop(&mut self) {
        drop(self.client.take());
        if let Some(thread) = self.thread.take() {
            // It has panicked when the benchmark has.
            let _ = thread.join();
        }
    }
}
