//! Settings that change for later connections, and whom a peer's certificate must name.

use std::thread;

use openssl_rust::tls::Error;
use openssl_rust::tls::constants::{OP_NO_TICKET, TLS1_2_VERSION, TLS1_3_VERSION};
use openssl_rust::tls::testing::{Pair, contexts, in_memory};
use openssl_rust::tls::verification::Identity;

fn host(name: &str) -> Identity {
    Identity::host(Some(name.as_bytes())).unwrap()
}

#[test]
fn a_late_change_is_for_later_connections_alone() {
    let (client, server) = contexts(0);
    let before = Pair::new(&client, &server);
    let settings = server.settings();
    let settings = settings.for_later_connections();
    settings.set_max_version(TLS1_2_VERSION as i32).unwrap();
    settings.set_options(OP_NO_TICKET as u64).unwrap();
    drop(settings);
    before.handshake().unwrap();
    assert_eq!(before.client.step().version_name(), "TLSv1.3");
    let after = Pair::new(&client, &server);
    after.handshake().unwrap();
    assert_eq!(after.client.step().version_name(), "TLSv1.2");
    assert!(matches!(server.settings().set_max_version(0), Err(Error::ContextInUse)));
}

#[test]
fn what_connections_do_not_copy_is_not_changed_late() {
    let (client, _) = contexts(0);
    let _connection = in_memory(&client);
    let settings = client.settings();
    let late = settings.for_later_connections();
    assert!(matches!(late.set_default_verify_paths(), Err(Error::ContextInUse)));
    assert!(matches!(late.set_cipher_list(c"ALL"), Err(Error::ContextInUse)));
}

#[test]
fn late_changes_are_part_of_a_renewed_context() {
    let (client, server) = contexts(0);
    Pair::new(&client, &server).handshake().unwrap();
    {
        let settings = client.settings();
        let settings = settings.for_later_connections();
        for _ in 0..3 {
            // The last of each holds.
            settings.set_identity(host("localhost")).unwrap();
            settings.set_max_version(TLS1_3_VERSION as i32).unwrap();
            settings.set_identity(host("elsewhere")).unwrap();
            settings.set_max_version(TLS1_2_VERSION as i32).unwrap();
        }
    }
    let client = client.renew().unwrap();
    let pair = Pair::new(&client, &server);
    assert!(pair.handshake().is_err());
    assert_eq!(pair.client.step().verify_result(), 62);
    client.settings().for_later_connections().set_identity(host("localhost")).unwrap();
    let pair = Pair::new(&client, &server);
    pair.handshake().unwrap();
    assert_eq!(pair.client.step().version_name(), "TLSv1.2");
}

#[test]
fn a_connection_checks_its_own_identity() {
    let (client, server) = contexts(0);
    client.settings().set_identity(host("elsewhere")).unwrap();
    let pair = Pair::new(&client, &server);
    pair.client.step().set_identity(&host("localhost")).unwrap();
    pair.handshake().unwrap();
    // The certificate names no address.
    let pair = Pair::new(&client, &server);
    pair.client.step().set_identity(&host("localhost")).unwrap();
    let address = Identity::address(Some(&[127, 0, 0, 1])).unwrap();
    pair.client.step().set_identity(&address).unwrap();
    assert!(pair.handshake().is_err());
    assert_eq!(pair.client.step().verify_result(), 64);
}

#[test]
fn changing_a_context_disturbs_nobody_who_begins() {
    // A name that is replaced is freed: who copied it meanwhile would crash.
    let (client, _) = contexts(0);
    let long = ["label".repeat(12), "label".repeat(12), "label".repeat(12)].join(".");
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    in_memory(&client);
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..10_000 {
                let settings = client.settings();
                let settings = settings.for_later_connections();
                settings.set_identity(host(&long)).unwrap();
                settings.set_identity(host("localhost")).unwrap();
                settings.set_groups(c"X25519:P-256").unwrap();
            }
        });
    });
}
