//! Two ends joined in memory, over each protocol version.

use openssl_rust::tls::constants::{TLS1_2_VERSION, TLS1_3_VERSION};
use openssl_rust::tls::region::Readable;
use openssl_rust::tls::testing::{CALM, Pair, contexts, read};
use openssl_rust::tls::{Error, error};

const VERSIONS: [(i64, &str); 2] = [(TLS1_2_VERSION, "TLSv1.2"), (TLS1_3_VERSION, "TLSv1.3")];

/// An established pair for each version.
fn pairs() -> impl Iterator<Item = (Pair, &'static str)> {
    VERSIONS.into_iter().map(|(version, name)| {
        let (client, server) = contexts(version as i32);
        let pair = Pair::new(&client, &server);
        pair.handshake().unwrap();
        (pair, name)
    })
}

#[test]
fn both_ends_agree_on_what_was_negotiated() {
    for (pair, version) in pairs() {
        let (client, server) = (pair.client.step(), pair.server.step());
        assert_eq!(client.version_name(), version);
        assert_eq!(server.version_name(), version);
        assert_eq!(client.cipher(), server.cipher());
        assert_eq!(client.group_name(), server.group_name());
        assert!(client.group_name().is_some());
        assert_eq!(client.client_random(), server.client_random());
        if version == "TLSv1.2" {
            assert_eq!(client.master_key().unwrap(), server.master_key().unwrap());
        }
        assert_eq!(client.finished(), server.peer_finished());
        assert_eq!(
            client.export_keying_material(b"EXPERIMENTAL test", 32, None).unwrap(),
            server.export_keying_material(b"EXPERIMENTAL test", 32, None).unwrap(),
        );
        assert_eq!(
            client.peer_certificate().unwrap().to_der().unwrap(),
            server.certificate().unwrap().to_der().unwrap(),
        );
        assert_eq!(client.verified_chain().unwrap().len(), 1);
        assert!(server.peer_certificate().is_none());
    }
}

#[test]
fn data_arrive_as_they_were_sent_and_can_be_peeked_at() {
    for (pair, _) in pairs() {
        let data: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
        pair.client.write_all(Readable::from(&data[..]), CALM).unwrap();
        pair.carry();
        let mut received = Vec::new();
        while let Ok(chunk) = read(&pair.server) {
            received.extend(chunk);
        }
        assert_eq!(received, data);
        assert!(matches!(read(&pair.server), Err(Error::WantRead)));
        assert!(error::queue_is_empty());
    }
}

#[test]
fn nothing_is_read_or_written_where_there_is_no_room() {
    for (pair, _) in pairs() {
        assert_eq!(pair.client.write(Readable::from(&[][..]), CALM).unwrap(), 0);
        assert_eq!(pair.client.step().give(Readable::from(&[][..])).unwrap(), 0);
        let mut none = [0; 0];
        assert_eq!(pair.server.read(&(&mut none[..]).into(), CALM).unwrap(), 0);
        assert_eq!(pair.server.step().take(&(&mut none[..]).into()).unwrap(), 0);
    }
}

#[test]
fn a_proper_close_is_told_from_a_cut_off_one() {
    for (pair, _) in pairs() {
        assert!(!pair.client.shutdown(CALM).unwrap());
        pair.carry();
        assert!(matches!(read(&pair.server), Err(Error::ZeroReturn)));
        assert!(!pair.server.shutdown(CALM).unwrap() || pair.server.shutdown(CALM).unwrap());
        pair.carry();
        assert!(pair.client.shutdown(CALM).unwrap());
    }
    for (pair, _) in pairs() {
        pair.server.step().end().unwrap();
        assert!(matches!(read(&pair.server), Err(Error::UnexpectedEof)));
        assert!(error::queue_is_empty());
    }
}

#[test]
fn a_certificate_that_is_not_trusted_ends_the_handshake() {
    for (version, _) in VERSIONS {
        let (client, _) = contexts(version as i32);
        let (_, stranger) = contexts(version as i32);
        let refused = Pair::new(&client, &stranger).handshake().unwrap_err();
        let Error::Library(stack) = refused else { panic!("{refused}") };
        assert_eq!(stack.entries()[0].reason, "certificate verify failed");
        assert!(error::queue_is_empty());
    }
}

#[test]
fn a_session_is_resumed_though_its_connection_was_dropped_without_a_close() {
    for (version, _) in VERSIONS {
        let (client, server) = contexts(version as i32);
        let first = Pair::new(&client, &server);
        first.handshake().unwrap();
        // TLS 1.3 sends its tickets after the handshake: reading takes them in.
        assert!(matches!(read(&first.client), Err(Error::WantRead)));
        let session = first.client.step().session().unwrap().unwrap();
        let random = first.client.step().finished().unwrap();
        drop(first);
        let second = Pair::new(&client, &server);
        second.client.step().set_session(&session).unwrap();
        second.handshake().unwrap();
        assert!(second.client.step().is_resumed());
        assert!(matches!(second.client.step().set_session(&session), Err(Error::Invalid(_))));
        assert_ne!(second.client.step().finished().unwrap(), random);
    }
}

#[test]
fn renegotiation_is_counted_and_keeps_data_flowing() {
    let (client, server) = contexts(TLS1_2_VERSION as i32);
    let pair = Pair::new(&client, &server);
    pair.handshake().unwrap();
    let before = pair.client.step().finished();
    pair.server.step().renegotiate().unwrap();
    assert!(pair.server.step().renegotiate_pending());
    pair.server.handshake(CALM).unwrap();
    for _ in 0..4 {
        pair.carry();
        assert!(matches!(read(&pair.client), Err(Error::WantRead)));
        pair.carry();
        assert!(matches!(read(&pair.server), Err(Error::WantRead)));
    }
    assert!(!pair.server.step().renegotiate_pending());
    assert_eq!(pair.client.step().total_renegotiations(), 1);
    assert_ne!(pair.client.step().finished(), before);
    pair.client.write_all(Readable::from(&b"after"[..]), CALM).unwrap();
    pair.carry();
    assert_eq!(read(&pair.server).unwrap(), b"after");
}

/// OpenSSL returned the plain text as data: it remembered that there had been a handshake, but no
/// longer how to decrypt.
#[test]
fn a_connection_that_begins_anew_takes_no_plain_text_for_data() {
    const PLAIN: &[u8] = b"\x17\x03\x03\x00\x05hello";
    for (version, asks_before, asks_after) in [
        (TLS1_2_VERSION, false, false),
        (TLS1_2_VERSION, true, false),
        (TLS1_2_VERSION, false, true),
        (TLS1_3_VERSION, false, false),
    ] {
        for side in 0..2 {
            let (client, server) = contexts(version as i32);
            let pair = Pair::new(&client, &server);
            pair.handshake().unwrap();
            assert!(matches!(read(&pair.client), Err(Error::WantRead)));
            let end = [&pair.client, &pair.server][side];
            if asks_before {
                end.step().renegotiate().unwrap();
            }
            let begun = match side {
                0 => end.step().set_connect_state(),
                _ => end.step().set_accept_state(),
            };
            if asks_before {
                assert!(matches!(begun, Err(Error::Invalid(_))));
            } else {
                begun.unwrap();
            }
            if asks_after {
                end.step().renegotiate().unwrap();
            }
            end.step().give(Readable::from(PLAIN)).unwrap();
            for _ in 0..3 {
                // How it is refused is for OpenSSL to say: 3.0 calls it the end.
                let refused = read(end).unwrap_err();
                let is_refusal =
                    matches!(refused, Error::Library(_) | Error::WantRead | Error::UnexpectedEof);
                assert!(is_refusal, "{refused}");
            }
            assert!(error::queue_is_empty());
        }
    }
}

#[test]
fn a_connection_that_has_been_used_can_begin_anew() {
    for (pair, version) in pairs() {
        assert!(matches!(read(&pair.client), Err(Error::WantRead)));
        let before = pair.client.step().finished();
        pair.client.step().set_connect_state().unwrap();
        pair.server.step().set_accept_state().unwrap();
        pair.handshake().unwrap();
        assert_ne!(pair.client.step().finished(), before);
        assert_eq!(pair.client.step().version_name(), version);
        pair.server.write_all(Readable::from(&b"again"[..]), CALM).unwrap();
        pair.carry();
        assert_eq!(read(&pair.client).unwrap(), b"again");
    }
}
