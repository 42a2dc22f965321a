//! Connections over descriptors: blocking, non-blocking, closed and reused.

use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::thread;

use openssl_rust::tls::region::Readable;
use openssl_rust::tls::testing::{CALM, contexts, read};
use openssl_rust::tls::transport::Descriptor;
use openssl_rust::tls::{Connection, Context, Error, Transport};

fn over(context: &Context, socket: &UnixStream) -> Connection {
    Connection::new(context, Transport::Descriptor(Descriptor::new(socket.as_raw_fd()))).unwrap()
}

#[test]
fn blocking_sockets_block_until_the_handshake_is_done() {
    let (client, server) = contexts(0);
    let (ours, theirs) = UnixStream::pair().unwrap();
    let serve = thread::spawn(move || {
        let server = over(&server, &theirs);
        server.step().set_accept_state().unwrap();
        server.handshake(CALM).unwrap();
        let got = read(&server).unwrap();
        server.write_all(Readable::from(&got[..]), CALM).unwrap();
        assert!(matches!(read(&server), Err(Error::ZeroReturn)));
        server.shutdown(CALM).unwrap();
    });
    let client = over(&client, &ours);
    client.step().set_connect_state().unwrap();
    client.handshake(CALM).unwrap();
    client.write_all(Readable::from(&b"ping"[..]), CALM).unwrap();
    assert_eq!(read(&client).unwrap(), b"ping");
    assert!(!client.shutdown(CALM).unwrap());
    assert!(client.shutdown(CALM).unwrap());
    serve.join().unwrap();
}

#[test]
fn a_non_blocking_socket_reports_what_it_wants() {
    let (client, _) = contexts(0);
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let client = over(&client, &ours);
    client.step().set_connect_state().unwrap();
    assert!(matches!(client.handshake(CALM), Err(Error::WantRead)));
    assert!(client.step().wants_read());
    drop(theirs);
    assert!(matches!(
        client.handshake(CALM),
        Err(Error::UnexpectedEof | Error::Syscall { errno: libc::ECONNRESET })
    ));
}

#[test]
fn a_peer_that_is_gone_is_a_system_error_and_no_signal() {
    let (client, _) = contexts(0);
    let (ours, theirs) = UnixStream::pair().unwrap();
    drop(theirs);
    let client = over(&client, &ours);
    client.step().set_connect_state().unwrap();
    assert!(matches!(client.handshake(CALM), Err(Error::Syscall { errno: libc::EPIPE })));
}

#[test]
fn a_number_that_is_not_open_is_ebadf() {
    let (client, _) = contexts(0);
    let descriptor = Descriptor::new(1_000_000);
    let client = Connection::new(&client, Transport::Descriptor(descriptor)).unwrap();
    client.step().set_connect_state().unwrap();
    assert!(matches!(client.handshake(CALM), Err(Error::Syscall { errno: libc::EBADF })));
}

#[test]
fn garbage_from_the_peer_is_an_error_of_the_library() {
    let (client, _) = contexts(0);
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n").unwrap();
    let client = over(&client, &ours);
    client.step().set_connect_state().unwrap();
    assert!(matches!(client.handshake(CALM), Err(Error::Library(_))));
}
