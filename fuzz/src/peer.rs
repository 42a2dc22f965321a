//! One end, and a peer that says what the input says.
//!
//! An input is the configuration, how many bytes are delivered at a time (0 for all), and the
//! bytes. For DTLS the bytes come in datagrams, each behind its length.

use openssl_rust::tls::region::{Readable, Writable};
use openssl_rust::tls::testing::CALM;
use openssl_rust::tls::{Connection, Error};

use crate::chance::{Drawer, draw_as, restart};
use crate::ends::{self, Configuration};
use crate::input::Input;

/// More than a handshake and the echo of all input take.
const MAX_OUTPUT: usize = 256 * 1024;

/// What the run has come to know.
struct Watch {
    is_server: bool,
    configuration: Configuration,
    established: bool,
    /// The first error after which nothing may be received any more.
    broken: bool,
    spoke: bool,
}

impl Watch {
    fn new(is_server: bool, configuration: Configuration) -> Self {
        Self { is_server, configuration, established: false, broken: false, spoke: false }
    }
}

/// Feeds a server (a client) with what the input has for it. Returns whether their handshake was
/// completed.
pub fn run(is_server: bool, data: &[u8]) -> bool {
    let mut input = Input::new(data);
    let configuration = Configuration::new(input.byte());
    let piece = match input.byte() {
        0 => usize::MAX,
        len => usize::from(len),
    };
    let end = make(is_server, configuration);
    let mut watch =
        Watch { is_server, configuration, established: false, broken: false, spoke: false };
    drive(&end, &mut watch);
    while !input.is_empty() {
        let len = if configuration.is_dtls() { input.number() } else { piece };
        end.step().give(Readable::from(input.take(len))).unwrap();
        drive(&end, &mut watch);
        take(&end);
    }
    end.step().end().unwrap();
    drive(&end, &mut watch);
    for _ in 0..2 {
        if let Err(error) = end.shutdown(CALM) {
            ends::expect_peers_fault(&error);
        }
    }
    take(&end);
    ends::ask_everything(&end.step());
    watch.established
}

/// An end that has neither said nor heard anything, and draws from the beginning of its sequence.
fn make(is_server: bool, configuration: Configuration) -> Connection {
    let session = ends::earlier_session(configuration);
    restart();
    ends::forget();
    if is_server {
        return ends::server(configuration);
    }
    let client = ends::client(configuration);
    if let Some(session) = session {
        client.step().set_session(&session).unwrap();
    }
    client
}

/// What an honest client and an honest server say to each other: an input for the server, and one
/// for the client, which each understands to its end.
pub fn record(byte: u8) -> [Vec<u8>; 2] {
    let configuration = Configuration::new(byte);
    let session = ends::earlier_session(configuration);
    restart();
    ends::forget();
    let ends = [ends::client(configuration), ends::server(configuration)];
    if let Some(session) = session {
        ends[0].step().set_session(&session).unwrap();
    }
    let mut watches = [false, true].map(|is_server| Watch::new(is_server, configuration));
    let mut inputs = [vec![byte, 0], vec![byte, 0]];
    for round in 0..8 {
        for side in 0..2 {
            let drawer = if side == 0 { Drawer::Client } else { Drawer::Server };
            draw_as(drawer);
            drive(&ends[side], &mut watches[side]);
            if round == 6 {
                let _ = ends[side].shutdown(CALM);
            }
            let mut said = &take(&ends[side])[..];
            while !said.is_empty() {
                let len = if configuration.is_dtls() { datagram(said) } else { said.len() };
                let (sent, rest) = said.split_at(len);
                ends[1 - side].step().give(Readable::from(sent)).unwrap();
                if configuration.is_dtls() {
                    inputs[side].extend(u16::try_from(len).unwrap().to_be_bytes());
                    draw_as(if side == 0 { Drawer::Server } else { Drawer::Client });
                    drive(&ends[1 - side], &mut watches[1 - side]);
                }
                inputs[side].extend(sent);
                said = rest;
            }
        }
    }
    inputs
}

/// Takes the end as far as it goes.
fn drive(end: &Connection, watch: &mut Watch) {
    if watch.configuration.is_dtls() && watch.is_server && !ends::seen().cookie {
        match end.listen(CALM) {
            Ok(()) => assert!(ends::seen().cookie, "a hello passed without its cookie"),
            Err(error) => {
                ends::expect_peers_fault(&error);
                return;
            }
        }
    }
    if !watch.established && !watch.configuration.has(Configuration::IMPLICIT) {
        match end.handshake(CALM) {
            Ok(()) => establish(end, watch),
            Err(error) => fail(&error, watch),
        }
    }
    loop {
        let (mut ahead, mut room) = ([0; 300], [0; 1000]);
        let peeked = end.peek(&Writable::from(&mut ahead[..]), CALM);
        match end.read(&Writable::from(&mut room[..]), CALM) {
            Ok(count) => {
                assert!((1..=room.len()).contains(&count));
                assert!(!watch.broken, "data after a failure");
                establish(end, watch);
                // A failure of a callback may have come between the two.
                if let Ok(peeked) = peeked {
                    assert_eq!(ahead[..peeked], room[..peeked]);
                }
                match end.write(Readable::from(&room[..count]), CALM) {
                    Ok(written) => {
                        assert!((1..=count).contains(&written));
                        watch.spoke = true;
                    }
                    Err(error) => ends::expect_peers_fault(&error),
                }
            }
            Err(error) => {
                fail(&error, watch);
                break;
            }
        }
    }
    let implicit = watch.configuration.has(Configuration::IMPLICIT);
    if (watch.established || implicit) && !watch.spoke {
        match end.write(Readable::from(&b"hello"[..]), CALM) {
            Ok(_) => {
                watch.spoke = true;
                establish(end, watch);
            }
            Err(error) => fail(&error, watch),
        }
    }
    ends::ask_everything(&end.step());
}

fn fail(error: &Error, watch: &mut Watch) {
    ends::expect_peers_fault(error);
    watch.broken |= matches!(error, Error::Library(_));
}

/// A handshake has succeeded: then all that it stands for is there.
fn establish(end: &Connection, watch: &mut Watch) {
    if watch.established {
        return;
    }
    watch.established = true;
    let step = end.step();
    let shows = watch.configuration.has(Configuration::MUTUAL) || !watch.is_server;
    if shows && !step.is_resumed() {
        let seen = ends::seen();
        assert!(
            seen.accepted && !seen.refused,
            "a handshake succeeded though the peer was refused"
        );
        // Whoever sends it, only the owner of its key can have come so far.
        let expected = ends::certificate(!watch.is_server, watch.configuration).to_der().unwrap();
        assert_eq!(step.peer_certificate().unwrap().to_der().unwrap(), expected);
        assert!(step.verified_chain().is_some_and(|chain| chain.len() == 2));
    }
    let agreed = step.alpn_protocol();
    assert!(agreed.is_empty() || ends::PROTOCOLS.contains(&&agreed[..]));
    let version = watch.configuration.version();
    assert!(version == 0 || i64::from(step.version()) == version);
    assert!(step.cipher().is_some());
}

/// The length of the first record (RFC 6347 section 4.1), as if it had come alone: memory buffers do
/// not keep datagrams apart.
fn datagram(bytes: &[u8]) -> usize {
    13 + usize::from(u16::from_be_bytes([bytes[11], bytes[12]]))
}

/// Takes what the end wrote, and fails if it is more than any peer should get out of it.
fn take(end: &Connection) -> Vec<u8> {
    let waiting = end.step().untaken().unwrap();
    assert!(waiting <= MAX_OUTPUT, "{waiting} bytes written");
    let mut room = vec![0; waiting];
    if waiting > 0 {
        assert_eq!(end.step().take(&Writable::from(&mut room[..])).unwrap(), waiting);
    }
    room
}
