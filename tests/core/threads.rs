//! Several threads on one connection.

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use openssl_rust::tls::callbacks::{ConnectionState, ServerNameAnswer};
use openssl_rust::tls::region::Readable;
use openssl_rust::tls::testing::{CALM, contexts, read};
use openssl_rust::tls::transport::Descriptor;
use openssl_rust::tls::{Connection, Context, Transport};

fn over(context: &Context, socket: &UnixStream) -> Arc<Connection> {
    let descriptor = Descriptor::new(socket.as_raw_fd());
    Arc::new(Connection::new(context, Transport::Descriptor(descriptor)).unwrap())
}

/// An established pair over blocking sockets, which the caller keeps open.
fn established() -> ([Arc<Connection>; 2], [UnixStream; 2]) {
    let (client, server) = contexts(0);
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (client, server) = (over(&client, &ours), over(&server, &theirs));
    client.step().set_connect_state().unwrap();
    server.step().set_accept_state().unwrap();
    let serve = thread::spawn({
        let server = Arc::clone(&server);
        move || server.handshake(CALM).unwrap()
    });
    client.handshake(CALM).unwrap();
    serve.join().unwrap();
    ([client, server], [ours, theirs])
}

fn pattern(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|n| (n as u8).wrapping_mul(31).wrapping_add(seed)).collect()
}

#[test]
fn both_directions_at_once_on_blocking_sockets() {
    const LEN: usize = 8 << 20;
    let (ends, _sockets) = established();
    let threads: Vec<_> = ends
        .iter()
        .zip([1, 2])
        .flat_map(|(end, seed)| {
            let (reader, writer) = (Arc::clone(end), Arc::clone(end));
            let write = thread::spawn(move || {
                writer.write_all(Readable::from(&pattern(LEN, seed)[..]), CALM).unwrap();
            });
            let read_all = thread::spawn(move || {
                let mut received = Vec::new();
                while received.len() < LEN {
                    received.extend(read(&reader).unwrap());
                }
                assert_eq!(received, pattern(LEN, 3 - seed));
            });
            [write, read_all]
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_reader_that_waits_does_not_stop_a_writer() {
    let ([client, server], _sockets) = established();
    let (sender, receiver) = mpsc::channel();
    let waiting = thread::spawn({
        let client = Arc::clone(&client);
        move || sender.send(read(&client).unwrap()).unwrap()
    });
    thread::sleep(Duration::from_millis(50));
    client.write_all(Readable::from(&b"question"[..]), CALM).unwrap();
    assert_eq!(read(&server).unwrap(), b"question");
    server.write_all(Readable::from(&b"answer"[..]), CALM).unwrap();
    assert_eq!(receiver.recv_timeout(Duration::from_secs(20)).unwrap(), b"answer");
    waiting.join().unwrap();
}

#[test]
fn writers_take_turns_and_do_not_mix_their_messages() {
    const LEN: usize = 1 << 20;
    let ([client, server], _sockets) = established();
    let writers: Vec<_> = (1..=4_u8)
        .map(|seed| {
            let client = Arc::clone(&client);
            thread::spawn(move || {
                client.write_all(Readable::from(&vec![seed; LEN][..]), CALM).unwrap();
            })
        })
        .collect();
    let mut received = Vec::new();
    while received.len() < 4 * LEN {
        received.extend(read(&server).unwrap());
    }
    for writer in writers {
        writer.join().unwrap();
    }
    let mut seeds: Vec<u8> = received.chunks(LEN).map(|chunk| chunk[0]).collect();
    assert!(received.chunks(LEN).all(|chunk| chunk.iter().all(|byte| *byte == chunk[0])));
    seeds.sort_unstable();
    assert_eq!(seeds, [1, 2, 3, 4]);
}

struct Myself(std::sync::Weak<Connection>);

#[test]
fn a_callback_may_call_its_own_connection() {
    let (client, server) = contexts(0);
    let ask = |state: &ConnectionState| {
        let connection = state.user_data::<Myself>().unwrap().0.upgrade().unwrap();
        assert!(connection.step().server_name().is_some());
        // Writing in the middle of a handshake is refused, and does not wait for itself.
        assert!(connection.write(Readable::from(&b"too early"[..]), CALM).is_err());
        Ok(ServerNameAnswer::Continue)
    };
    server.settings().set_server_name_callback(Arc::new(ask)).unwrap();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (client, server) = (over(&client, &ours), over(&server, &theirs));
    server.set_user_data(Box::new(Myself(Arc::downgrade(&server))));
    server.step().set_accept_state().unwrap();
    client.step().set_connect_state().unwrap();
    client.step().set_server_name(c"localhost").unwrap();
    let connect = thread::spawn(move || {
        let _ = client.handshake(CALM);
        ours
    });
    let _ = server.handshake(CALM);
    drop(theirs);
    connect.join().unwrap();
}
