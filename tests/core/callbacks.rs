//! What callbacks are asked, what their answers do, and where their failures go.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use openssl_rust::tls::callbacks::{
    AlpnAnswer, ConnectionState, OcspCallback, ServerNameAnswer, Verification,
};
use openssl_rust::tls::constants::{DTLS_METHOD, TLS1_2_VERSION, TLS1_3_VERSION, VERIFY_PEER};
use openssl_rust::tls::region::Writable;
use openssl_rust::tls::testing::{CALM, Pair, carry, context, contexts, identity, in_memory};
use openssl_rust::tls::{Connection, Error, error};

const VERSIONS: [i32; 2] = [TLS1_2_VERSION as i32, TLS1_3_VERSION as i32];

fn text(error: Error) -> String {
    match error {
        Error::Callback(error) => error.to_string(),
        other => panic!("not a callback's failure: {other}"),
    }
}

#[test]
fn the_verify_callback_overrules_openssl() {
    for version in VERSIONS {
        let (client, _) = contexts(version);
        let (_, stranger) = contexts(version);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let accept = move |_: &ConnectionState, asked: Verification| {
            log.lock().unwrap().push((asked.error, asked.depth, asked.ok));
            assert!(asked.certificate.is_some());
            Ok(true)
        };
        client.settings().set_verify(VERIFY_PEER as i32, Some(Arc::new(accept))).unwrap();
        let pair = Pair::new(&client, &stranger);
        pair.handshake().unwrap();
        assert_eq!(*seen.lock().unwrap(), [(18, 0, 0), (0, 0, 1)]);
    }
}

#[test]
fn a_failure_belongs_to_the_connection_whose_call_ran_the_callback() {
    for version in VERSIONS {
        let (client, server) = contexts(version);
        let count = AtomicUsize::new(0);
        let fail = move |_: &ConnectionState, _: Verification| {
            Err(format!("failure {}", count.fetch_add(1, Ordering::Relaxed)).into())
        };
        client.settings().set_verify(VERIFY_PEER as i32, Some(Arc::new(fail))).unwrap();
        for n in 0..2 {
            let pair = Pair::new(&client, &server);
            assert_eq!(text(pair.handshake().unwrap_err()), format!("failure {n}"));
            assert!(error::queue_is_empty());
        }
    }
}

#[test]
fn a_panic_in_a_callback_comes_out_of_the_call() {
    let (client, server) = contexts(0);
    client
        .settings()
        .set_verify(VERIFY_PEER as i32, Some(Arc::new(|_, _| panic!("on purpose"))))
        .unwrap();
    assert!(matches!(Pair::new(&client, &server).handshake(), Err(Error::Panicked(_))));
}

#[test]
fn alpn_is_chosen_declined_or_failed() {
    for version in VERSIONS {
        for (answer, expected) in [
            (Ok(AlpnAnswer::Protocol(b"h2".to_vec())), Some(&b"h2"[..])),
            (Ok(AlpnAnswer::NoOverlap), Some(&b""[..])),
            (Ok(AlpnAnswer::Protocol(vec![0; 256])), None),
            (Err("no"), None),
        ] {
            let (client, server) = contexts(version);
            client.settings().set_alpn_protocols(&[b"spdy", b"h2"]).unwrap();
            let choose = move |_: &ConnectionState, offered: &[&[u8]]| {
                assert_eq!(offered, [&b"spdy"[..], b"h2"]);
                answer.clone().map_err(Into::into)
            };
            server.settings().set_alpn_select_callback(Arc::new(choose)).unwrap();
            let pair = Pair::new(&client, &server);
            let outcome = pair.handshake();
            match expected {
                Some(protocol) => {
                    outcome.unwrap();
                    assert_eq!(pair.client.step().alpn_protocol(), protocol);
                    assert_eq!(pair.server.step().alpn_protocol(), protocol);
                }
                None => drop(text(outcome.unwrap_err())),
            }
        }
    }
}

/// What the server name callback needs of the connection that runs it.
struct Myself(std::sync::Weak<Connection>);

#[test]
fn the_server_name_callback_exchanges_the_context_of_its_own_connection() {
    for version in VERSIONS {
        let (client, first) = contexts(version);
        let (certificate, key) = identity();
        let second = context(openssl_rust::tls::constants::TLS_METHOD);
        second.settings().use_certificate(certificate.clone()).unwrap();
        second.settings().use_private_key(key).unwrap();
        second
            .settings()
            .set_alpn_select_callback(Arc::new(|_, _| Ok(AlpnAnswer::Protocol(b"two".to_vec()))))
            .unwrap();
        first
            .settings()
            .set_alpn_select_callback(Arc::new(|_, _| Ok(AlpnAnswer::Protocol(b"one".to_vec()))))
            .unwrap();
        let exchange = move |state: &ConnectionState| {
            let connection = state.user_data::<Myself>().unwrap().0.upgrade().unwrap();
            let step = connection.step();
            assert_eq!(step.server_name().as_deref(), Some(&b"localhost"[..]));
            step.set_context(&second)?;
            Ok(ServerNameAnswer::Continue)
        };
        first.settings().set_server_name_callback(Arc::new(exchange)).unwrap();
        client
            .settings()
            .certificate_store()
            .unwrap()
            .unwrap()
            .add_certificate(&certificate)
            .unwrap();
        client.settings().set_alpn_protocols(&[b"one", b"two"]).unwrap();

        let server = Arc::new(in_memory(&first));
        server.set_user_data(Box::new(Myself(Arc::downgrade(&server))));
        server.step().set_accept_state().unwrap();
        drop(first);
        let client = in_memory(&client);
        client.step().set_connect_state().unwrap();
        client.step().set_server_name(c"localhost").unwrap();
        for _ in 0..3 {
            let _ = client.handshake(CALM);
            carry(&client, &server);
            let _ = server.handshake(CALM);
            carry(&server, &client);
        }
        client.handshake(CALM).unwrap();
        server.handshake(CALM).unwrap();
        let shown = client.step().peer_certificate().unwrap().to_der().unwrap();
        assert_eq!(shown, certificate.to_der().unwrap());
        assert_eq!(client.step().alpn_protocol(), b"two");
    }
}

#[test]
fn a_refused_server_name_ends_the_handshake_with_an_alert() {
    for version in VERSIONS {
        let (client, server) = contexts(version);
        server
            .settings()
            .set_server_name_callback(Arc::new(|_| Ok(ServerNameAnswer::Refuse)))
            .unwrap();
        let pair = Pair::new(&client, &server);
        pair.client.step().set_server_name(c"localhost").unwrap();
        assert!(matches!(pair.handshake(), Err(Error::Library(_))));
    }
}

#[test]
fn info_and_keylog_callbacks_follow_the_handshake() {
    for version in VERSIONS {
        let (client, server) = contexts(version);
        let places = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (places_log, lines_log) = (Arc::clone(&places), Arc::clone(&lines));
        let info = move |_: &ConnectionState, place, _| {
            places_log.lock().unwrap().push(place);
            Ok(())
        };
        let keylog = move |_: &ConnectionState, line: &[u8]| {
            lines_log.lock().unwrap().push(line.to_vec());
            Ok(())
        };
        client.settings().set_info_callback(Arc::new(info)).unwrap();
        client.settings().set_keylog_callback(Arc::new(keylog)).unwrap();
        Pair::new(&client, &server).handshake().unwrap();
        let places = places.lock().unwrap();
        assert_eq!((places[0], places.contains(&0x20)), (0x10, true));
        assert!(lines.lock().unwrap()[0].contains(&b' '));
    }
}

#[test]
fn ocsp_responses_are_stapled_and_judged() {
    for version in VERSIONS {
        // An OCSPResponse that only says "try later" (RFC 6960 section 4.2.1).
        let later = &b"\x30\x03\x0a\x01\x03"[..];
        for (response, verdict) in [(later, true), (later, false), (b"", true)] {
            let (client, server) = contexts(version);
            let staple = OcspCallback::Server(Arc::new(move |_| Ok(response.to_vec())));
            server.settings().set_ocsp_callback(staple).unwrap();
            let judge = move |_: &ConnectionState, got: &[u8]| {
                // OpenSSL staples nothing to a certificate that has signed itself, from 3.6 on.
                assert!(got == response || got.is_empty());
                Ok(verdict)
            };
            client.settings().set_ocsp_callback(OcspCallback::Client(Arc::new(judge))).unwrap();
            let pair = Pair::new(&client, &server);
            pair.client.step().request_ocsp().unwrap();
            assert_eq!(pair.handshake().is_ok(), verdict);
        }
    }
}

#[test]
fn a_dtls_cookie_that_is_too_long_is_never_written() {
    for (len, expected) in [(20, true), (256, false)] {
        let server = context(DTLS_METHOD);
        let (certificate, key) = identity();
        server.settings().use_certificate(certificate).unwrap();
        server.settings().use_private_key(key).unwrap();
        server
            .settings()
            .set_cookie_generate_callback(Arc::new(move |_| Ok(vec![7; len])))
            .unwrap();
        server
            .settings()
            .set_cookie_verify_callback(Arc::new(|_, cookie| Ok(cookie == [7; 20])))
            .unwrap();
        let pair = Pair::new(&context(DTLS_METHOD), &server);
        assert!(matches!(pair.client.handshake(CALM), Err(Error::WantRead)));
        pair.carry();
        let first = pair.server.listen(CALM);
        if !expected {
            assert!(text(first.unwrap_err()).contains("255"));
            continue;
        }
        assert!(matches!(first, Err(Error::WantRead)));
        pair.carry();
        assert!(matches!(pair.client.handshake(CALM), Err(Error::WantRead)));
        pair.carry();
        pair.server.listen(CALM).unwrap();
    }
}

#[test]
fn a_failed_callback_does_not_cost_data() {
    let (client, server) = contexts(0);
    let pair = Pair::new(&client, &server);
    pair.handshake().unwrap();
    let mut room = [0; 1];
    assert!(matches!(
        pair.client.step().read(&Writable::from(&mut room[..])),
        Err(Error::WantRead)
    ));
}
