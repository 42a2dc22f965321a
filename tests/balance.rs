//! Whatever a connection comes to, its memory comes back: the same rounds of handshakes, messages and
//! failures, again and again, need no more memory than the first ones.
//!
//! `BALANCE_ROUNDS` says how many (10 by default). Under valgrind, which counts every block,
//! `make sanitize` compares what is in use at the end of a short run and of a longer one.

use std::sync::Arc;

use openssl_rust::tls::callbacks::{AlpnAnswer, CallbackResult, OcspCallback, ServerNameAnswer};
use openssl_rust::tls::constants::{
    DTLS_METHOD, OP_NO_QUERY_MTU, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION, VERIFY_PEER,
};
use openssl_rust::tls::error::queue_is_empty;
use openssl_rust::tls::pkey::{Cipher, PKey};
use openssl_rust::tls::region::{Readable, Writable};
use openssl_rust::tls::testing::{CALM, Pair, carry, context, contexts, identity, read};
use openssl_rust::tls::transport::Descriptor;
use openssl_rust::tls::x509::{Certificate, Store, verify};
use openssl_rust::tls::{Connection, Context, Error, Transport};

const VERSIONS: [i32; 2] = [TLS1_2_VERSION as i32, TLS1_3_VERSION as i32];
/// Of a connection that does not fail, each way.
const MESSAGES: usize = 100;

/// What has been done.
#[derive(Debug, Default)]
struct Done {
    handshakes: usize,
    failures: usize,
    messages: usize,
}

#[test]
fn memory_comes_back() {
    let rounds = std::env::var("BALANCE_ROUNDS").map_or(10, |text| text.parse().unwrap());
    let mut done = Done::default();
    // What is made once, and what grows to its size.
    for _ in 0..2 {
        round(&mut Done::default());
    }
    let before = in_use();
    for _ in 0..rounds {
        round(&mut done);
    }
    let after = in_use();
    println!("{rounds} rounds, {done:?}, from {before:?} to {after:?} bytes in use");
    if let (Some(before), Some(after)) = (before, after) {
        // What is freed may stay with the allocator's caches, which count as in use. It is less than
        // 64 bytes for each handshake.
        assert!(after <= before + 100_000, "{} bytes more", after - before);
    }
}

/// How many bytes the allocator has given out; `None` where it does not say.
fn in_use() -> Option<usize> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: takes nothing.
        let numbers = unsafe { libc::mallinfo2() };
        // Parts of the heap, and blocks with a mapping of their own.
        Some(numbers.uordblks + numbers.hblkhd)
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    None
}

/// Everything once.
fn round(done: &mut Done) {
    for version in VERSIONS {
        talk(version, done);
        refuse(version, done);
        go_away(version, done);
        fail_in_callbacks(version, done);
        talk_nonsense(version, done);
        reset(version, done);
    }
    disagree(done);
    listen(done);
    keys();
    certificates();
    assert!(queue_is_empty());
}

/// A failure that there has to be.
fn failed<T>(done: &mut Done, outcome: Result<T, Error>) {
    done.handshakes += 1;
    done.failures += 1;
    assert!(outcome.is_err());
}

fn talk(version: i32, done: &mut Done) {
    let (client, server) = contexts(version);
    let mut session = None;
    for _ in 0..3 {
        let pair = Pair::new(&client, &server);
        if let Some(session) = &session {
            pair.client.step().set_session(session).unwrap();
        }
        pair.handshake().unwrap();
        done.handshakes += 1;
        for number in 0..MESSAGES {
            let data = vec![number as u8; number * 37];
            for (from, to) in [(&pair.client, &pair.server), (&pair.server, &pair.client)] {
                from.write_all(Readable::from(&data[..]), CALM).unwrap();
                carry(from, to);
                let mut got = Vec::new();
                while let Ok(some) = read(to) {
                    got.extend(some);
                }
                assert_eq!(got, data);
                done.messages += 1;
            }
        }
        session = pair.client.step().session().unwrap();
        if version == TLS1_2_VERSION as i32 {
            pair.server.step().renegotiate().unwrap();
            pair.server.handshake(CALM).unwrap();
            for _ in 0..4 {
                pair.carry();
                let _ = (read(&pair.client), pair.carry(), read(&pair.server));
            }
        }
        for _ in 0..2 {
            let _ = pair.client.shutdown(CALM).unwrap();
            pair.carry();
            let _ = pair.server.shutdown(CALM).unwrap();
            pair.carry();
        }
    }
}

/// A certificate that nobody trusts; a key that is not the certificate's.
fn refuse(version: i32, done: &mut Done) {
    let (client, _) = contexts(version);
    let (_, stranger) = contexts(version);
    failed(done, Pair::new(&client, &stranger).handshake());
    let (certificate, _) = identity();
    let (_, key) = identity();
    let context = context(7);
    context.settings().use_certificate(certificate).unwrap();
    assert!(context.settings().use_private_key(key).is_err());
    assert!(context.settings().set_cipher_list(c"no such cipher").is_err());
    assert!(context.settings().use_certificate_chain_file(c"/no/such/file").is_err());
    assert!(context.settings().load_verify_locations(Some(c"/dev/null"), None).is_err());
}

/// The peer is gone after each of its flights, and in the middle of each.
fn go_away(version: i32, done: &mut Done) {
    for gone in 0..2 {
        for flights in 0..3 {
            for part in [1, 2] {
                let (client, server) = contexts(version);
                let pair = Pair::new(&client, &server);
                let ends = [&pair.client, &pair.server];
                for _ in 0..flights {
                    for side in 0..2 {
                        let _ = ends[side].handshake(CALM);
                        carry(ends[side], ends[1 - side]);
                    }
                }
                let (gone, left) = (ends[gone], ends[1 - gone]);
                let _ = gone.handshake(CALM);
                let last = gone.step().untaken().unwrap() / part;
                let mut room = vec![0; last];
                if last > 0 {
                    gone.step().take(&Writable::from(&mut room[..])).unwrap();
                    left.step().give(Readable::from(&room[..])).unwrap();
                }
                left.step().end().unwrap();
                done.handshakes += 1;
                if left.handshake(CALM).is_err() || read(left).is_err() {
                    done.failures += 1;
                }
            }
        }
    }
}

fn fail_in_callbacks(version: i32, done: &mut Done) {
    fn fail<T>(panics: bool) -> CallbackResult<T> {
        if panics {
            std::panic::resume_unwind(Box::new("on purpose".to_owned()));
        }
        Err("on purpose".into())
    }
    type Install = fn(&Context, &Context, bool);
    let installs: [Install; 7] = [
        |client, _, panics| {
            let judge = move |_: &_, _| fail(panics);
            client.settings().set_verify(VERIFY_PEER as i32, Some(Arc::new(judge))).unwrap();
        },
        |_, server, panics| {
            let choose = move |_: &_, _: &[&[u8]]| fail::<AlpnAnswer>(panics);
            server.settings().set_alpn_select_callback(Arc::new(choose)).unwrap();
        },
        |_, server, panics| {
            let see = move |_: &_| fail::<ServerNameAnswer>(panics);
            server.settings().set_server_name_callback(Arc::new(see)).unwrap();
        },
        |_, server, panics| {
            let staple = move |_: &_| fail(panics);
            server.settings().set_ocsp_callback(OcspCallback::Server(Arc::new(staple))).unwrap();
        },
        |client, _, panics| {
            let judge = move |_: &_, _: &[u8]| fail(panics);
            client.settings().set_ocsp_callback(OcspCallback::Client(Arc::new(judge))).unwrap();
        },
        |client, _, panics| {
            let look = move |_: &_, _, _| fail(panics);
            client.settings().set_info_callback(Arc::new(look)).unwrap();
        },
        |_, server, panics| {
            let log = move |_: &_, _: &[u8]| fail(panics);
            server.settings().set_keylog_callback(Arc::new(log)).unwrap();
        },
    ];
    for install in installs {
        for panics in [false, true] {
            let (client, server) = contexts(version);
            client.settings().set_alpn_protocols(&[b"h2"]).unwrap();
            install(&client, &server, panics);
            let pair = Pair::new(&client, &server);
            pair.client.step().set_server_name(c"localhost").unwrap();
            pair.client.step().request_ocsp().unwrap();
            failed(done, pair.handshake());
        }
    }
}

/// What is no TLS, an alert, and records that were damaged on their way.
fn talk_nonsense(version: i32, done: &mut Done) {
    let nonsense: [&[u8]; 4] = [
        b"GET / HTTP/1.0\r\n\r\n",
        b"\x15\x03\x03\0\x02\x02\x28",
        &[0; 100],
        &[0x16, 3, 3, 0x40, 0],
    ];
    for bytes in nonsense {
        let (client, server) = contexts(version);
        let pair = Pair::new(&client, &server);
        for end in [&pair.client, &pair.server] {
            let _ = pair.client.handshake(CALM);
            end.step().give(Readable::from(bytes)).unwrap();
            end.step().end().unwrap();
            failed(done, end.handshake(CALM));
        }
    }
    let (client, server) = contexts(version);
    let pair = Pair::new(&client, &server);
    pair.handshake().unwrap();
    done.handshakes += 1;
    pair.client.write_all(Readable::from(&b"data"[..]), CALM).unwrap();
    let mut room = vec![0; pair.client.step().untaken().unwrap()];
    pair.client.step().take(&Writable::from(&mut room[..])).unwrap();
    *room.last_mut().unwrap() ^= 1;
    pair.server.step().give(Readable::from(&room[..])).unwrap();
    assert!(matches!(read(&pair.server), Err(Error::Library(_))));
}

/// A descriptor that is not open.
fn reset(version: i32, done: &mut Done) {
    let (client, _) = contexts(version);
    let descriptor = Descriptor::new(1_000_000);
    let client = Connection::new(&client, Transport::Descriptor(descriptor)).unwrap();
    client.step().set_connect_state().unwrap();
    failed(done, client.handshake(CALM));
}

/// Two ends without a version in common.
fn disagree(done: &mut Done) {
    let (client, _) = contexts(TLS1_3_VERSION as i32);
    let (_, server) = contexts(TLS1_2_VERSION as i32);
    failed(done, Pair::new(&client, &server).handshake());
    let (client, server) = contexts(0);
    client.settings().set_max_version(TLS1_1_VERSION as i32).unwrap();
    failed(done, Pair::new(&client, &server).handshake());
}

/// DTLS: cookies that are right, wrong, too long, and not made at all.
fn listen(done: &mut Done) {
    for (len, accepted) in [(20, true), (20, false), (256, true), (usize::MAX, true)] {
        let server = context(DTLS_METHOD);
        let settings = server.settings();
        settings.set_options(OP_NO_QUERY_MTU as u64).unwrap();
        let make = move |_: &_| {
            if len == usize::MAX { Err("on purpose".into()) } else { Ok(vec![7; len]) }
        };
        settings.set_cookie_generate_callback(Arc::new(make)).unwrap();
        let judge = move |_: &_, _: &[u8]| Ok(accepted);
        settings.set_cookie_verify_callback(Arc::new(judge)).unwrap();
        drop(settings);
        let pair = Pair::new(&context(DTLS_METHOD), &server);
        for _ in 0..2 {
            let _ = pair.client.handshake(CALM);
            pair.carry();
            let _ = pair.server.listen(CALM);
            pair.carry();
        }
        done.handshakes += 1;
        done.failures += 1;
    }
}

fn keys() {
    let (_, key) = identity();
    let cipher = Some(Cipher::by_name(c"aes-256-cbc").unwrap());
    let pem = key.private_to_pem(cipher, Some(&|_, _| Ok(b"secret".to_vec()))).unwrap();
    assert!(PKey::private_from_pem(&pem, Some(&|_, _| Ok(b"secret".to_vec()))).is_ok());
    assert!(PKey::private_from_pem(&pem, Some(&|_, _| Ok(b"wrong".to_vec()))).is_err());
    assert!(PKey::private_from_pem(&pem, Some(&|_, _| Err("no".into()))).is_err());
    assert!(PKey::private_from_pem(&pem, Some(&|room, _| Ok(vec![0; room + 1]))).is_err());
    assert!(PKey::private_from_pem(&pem[..pem.len() / 2], None).is_err());
    assert!(PKey::private_from_der(&pem).is_err());
}

fn certificates() {
    let (certificate, key) = identity();
    let store = Store::new().unwrap();
    assert!(verify(&store, &certificate, &[]).unwrap().is_err());
    store.add_certificate(&certificate).unwrap();
    assert!(verify(&store, &certificate, &[]).unwrap().is_ok());
    let mut changed = Certificate::from_der(&certificate.to_der().unwrap()).unwrap();
    changed.set_version(0).unwrap();
    changed.sign(&key, c"sha256").unwrap();
    assert!(changed.sign(&key, c"no such digest").is_err());
    assert!(Certificate::from_pem(&certificate.to_der().unwrap()).is_err());
    assert!(Certificate::from_der(&certificate.to_pem().unwrap()).is_err());
    let _ = (changed.to_text().unwrap(), changed.digest(c"sha256").unwrap());
}
