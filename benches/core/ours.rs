//! The core of this project.

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use openssl_rust::tls::region::{Readable, Writable};
use openssl_rust::tls::testing::{self, CALM};
use openssl_rust::tls::transport::Descriptor;
use openssl_rust::tls::{Connection, Context, Error, Session, Transport};

use crate::end::{End, Library};

pub(crate) enum Core {}

impl Library for Core {
    type Contexts = (Context, Context);
    type End = Ours;

    fn contexts(version: i32) -> Self::Contexts {
        testing::contexts(version)
    }

    fn in_memory((client, server): &Self::Contexts) -> [Ours; 2] {
        let end = |context| Ours { connection: testing::in_memory(context), socket: None };
        joined(end(client), end(server))
    }

    fn over((client, server): &Self::Contexts, [ours, theirs]: [UnixStream; 2]) -> [Ours; 2] {
        let end = |context, socket: UnixStream| {
            let transport = Transport::Descriptor(Descriptor::new(socket.as_raw_fd()));
            let connection = Connection::new(context, transport).unwrap();
            Ours { connection, socket: Some(socket) }
        };
        joined(end(client, ours), end(server, theirs))
    }
}

fn joined(client: Ours, server: Ours) -> [Ours; 2] {
    client.connection.step().set_connect_state().unwrap();
    server.connection.step().set_accept_state().unwrap();
    [client, server]
}

pub(crate) struct Ours {
    connection: Connection,
    /// Closed after the connection.
    socket: Option<UnixStream>,
}

impl End for Ours {
    type Session = Session;

    fn handshake(&self) -> bool {
        match self.connection.handshake(CALM) {
            Ok(()) => true,
            Err(Error::WantRead) => false,
            Err(error) => panic!("{error}"),
        }
    }

    fn write(&self, data: &[u8]) {
        self.connection.write_all(Readable::from(data), CALM).unwrap();
    }

    fn read(&self, room: &mut [u8]) -> usize {
        match self.connection.read(&Writable::from(room), CALM) {
            Ok(count) => count,
            Err(Error::WantRead) => 0,
            Err(Error::UnexpectedEof | Error::Syscall { .. }) if self.socket.is_some() => 0,
            Err(error) => panic!("{error}"),
        }
    }

    fn take(&self, room: &mut [u8]) -> usize {
        match self.connection.step().take(&Writable::from(room)) {
            Ok(count) => count,
            Err(Error::WantRead) => 0,
            Err(error) => panic!("{error}"),
        }
    }

    fn give(&self, data: &[u8]) {
        self.connection.step().give(Readable::from(data)).unwrap();
    }

    fn session(&self) -> Session {
        self.connection.step().session().unwrap().unwrap()
    }

    fn set_session(&self, session: &Session) {
        self.connection.step().set_session(session).unwrap();
    }

    fn is_resumed(&self) -> bool {
        self.connection.step().is_resumed()
    }

    fn pending(&self) -> usize {
        self.connection.step().pending() as usize
    }
}
