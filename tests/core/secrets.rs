//! What is left in memory of passphrases and keys: nothing that can be found.
//!
//! The tests read all of their own process's writable memory. They know what they look for by its
//! mask only, so as not to find what they know.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::thread;

use openssl_rust::tls::Error;
use openssl_rust::tls::constants::{OP_NO_TICKET, TLS1_2_VERSION, TLS1_3_VERSION};
use openssl_rust::tls::passphrase::PassphraseCallback;
use openssl_rust::tls::pkey::{Cipher, PKey};
use openssl_rust::tls::testing::{Pair, contexts, identity, read};

const MASK: u8 = 0xa5;

/// Something to look for, masked.
struct Needle(Vec<u8>);

impl Needle {
    /// So many bytes by chance, which have never been anywhere.
    fn random(len: usize) -> Self {
        let mut masked = vec![0; len];
        File::open("/dev/urandom").unwrap().read_exact_at(&mut masked, 0).unwrap();
        // A passphrase is text.
        masked.iter_mut().for_each(|byte| *byte = (*byte % 26 + b'a') ^ MASK);
        Self(masked)
    }

    /// What these bytes are; they are still there.
    fn of(bytes: &[u8]) -> Self {
        Self(bytes.iter().map(|byte| byte ^ MASK).collect())
    }

    /// The bytes themselves.
    fn bytes(&self) -> Vec<u8> {
        self.0.iter().map(|byte| byte ^ MASK).collect()
    }

    /// Where in the process's memory the bytes are.
    fn places(&self) -> Vec<String> {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let memory = File::open("/proc/self/mem").unwrap();
        let mut window = vec![0; 1 << 16];
        let own = window.as_ptr().addr()..window.as_ptr().addr() + window.len();
        let mut places = Vec::new();
        for line in maps.lines() {
            let mut fields = line.split_whitespace();
            let (range, rights) = (fields.next().unwrap(), fields.next().unwrap());
            if !rights.starts_with("rw") {
                continue;
            }
            let (start, end) = range.split_once('-').unwrap();
            let [start, end] = [start, end].map(|text| usize::from_str_radix(text, 16).unwrap());
            let step = window.len() - self.0.len();
            for from in (start..end).step_by(step) {
                let len = window.len().min(end - from);
                // Parts of a mapping may not be readable.
                let Ok(len) = memory.read_at(&mut window[..len], from as u64) else { continue };
                places.extend(
                    window[..len]
                        .windows(self.0.len())
                        .enumerate()
                        .filter(|(_, there)| self.is(there))
                        .map(|(offset, _)| from + offset)
                        .filter(|place| !own.contains(place))
                        .map(|place| format!("{place:#x} in {line}")),
                );
                window.fill(0);
            }
        }
        places
    }

    /// Compared byte by byte, so that the bytes are never put together again.
    fn is(&self, bytes: &[u8]) -> bool {
        bytes.iter().zip(&self.0).all(|(byte, masked)| byte ^ MASK == *masked)
    }

    fn expect_gone(&self, what: &str) {
        let places = self.places();
        assert!(places.is_empty(), "{what} is still at {places:#?}");
    }
}

/// Runs this with a stack of its own, which is gone afterwards.
fn elsewhere<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(run).join().unwrap())
}

/// Answers with these bytes when OpenSSL asks for a passphrase.
fn answer(needle: &Needle) -> Box<PassphraseCallback> {
    let masked = Needle(needle.0.clone());
    Box::new(move |_, _| Ok(masked.bytes()))
}

/// The bytes that make a key of these tests private: the scalar of its curve (RFC 5915).
fn scalar(key: &PKey) -> Needle {
    let der = key.private_to_der().unwrap();
    assert_eq!(der[..7], [0x30, 0x77, 2, 1, 1, 4, 32]);
    Needle::of(&der[7..39])
}

#[test]
fn what_is_there_is_found() {
    let needle = Needle::random(24);
    needle.expect_gone("what has never been there");
    let mut copy = needle.bytes();
    assert_eq!(needle.places().len(), 1);
    copy.fill(0);
    std::hint::black_box(&copy);
    needle.expect_gone("what was overwritten");
}

#[test]
fn a_passphrase_is_gone_when_the_key_has_been_written_or_read() {
    let passphrase = Needle::random(24);
    let pem = elsewhere(|| {
        let (_, key) = identity();
        let cipher = Some(Cipher::by_name(c"aes-256-cbc").unwrap());
        key.private_to_pem(cipher, Some(&*answer(&passphrase))).unwrap()
    });
    passphrase.expect_gone("the passphrase of a key that was written");
    elsewhere(|| PKey::private_from_pem(&pem, Some(&*answer(&passphrase))).unwrap());
    passphrase.expect_gone("the passphrase of a key that was read");
    // One that is too long, and one that is not the right one.
    let long = Needle::random(2000);
    elsewhere(|| {
        PKey::private_from_pem(&pem, Some(&*answer(&long))).unwrap_err();
    });
    long.expect_gone("a passphrase that is too long");
    let wrong = Needle::random(24);
    elsewhere(|| {
        PKey::private_from_pem(&pem, Some(&*answer(&wrong))).unwrap_err();
    });
    wrong.expect_gone("a wrong passphrase");
}

#[test]
fn a_private_key_is_gone_when_its_owners_are() {
    // OpenSSL's own decoders leave what they have decoded from PEM where it was: such keys are not
    // looked for.
    let scalar = elsewhere(|| {
        let (certificate, key) = identity();
        let context = openssl_rust::tls::testing::context(7);
        context.settings().use_certificate(certificate).unwrap();
        context.settings().use_private_key(key.clone()).unwrap();
        let pair = Pair::new(&openssl_rust::tls::testing::context(7), &context);
        pair.handshake().unwrap();
        let renewed = context.renew().unwrap();
        key.private_to_pem(None, None).unwrap();
        PKey::private_from_der(&key.private_to_der().unwrap()).unwrap();
        drop(renewed);
        scalar(&key)
    });
    scalar.expect_gone("a private key");
}

#[test]
fn the_secrets_of_a_session_are_gone_with_it() {
    for version in [TLS1_2_VERSION, TLS1_3_VERSION] {
        let secrets = elsewhere(|| {
            let (client, server) = contexts(version as i32);
            // OpenSSL leaves what it has encrypted into a ticket where it was.
            server.settings().set_options(OP_NO_TICKET as u64).unwrap();
            let pair = Pair::new(&client, &server);
            pair.handshake().unwrap();
            // TLS 1.3 has a master secret for resumption once there is a ticket.
            assert!(matches!(read(&pair.client), Err(Error::WantRead)));
            let step = pair.client.step();
            let exported = step.export_keying_material(b"EXPERIMENTAL test", 48, None).unwrap();
            let session = step.session().unwrap();
            assert_eq!(step.master_key().unwrap().unwrap(), step.master_key().unwrap().unwrap());
            drop(session);
            [Needle::of(&step.master_key().unwrap().unwrap()), Needle::of(&exported)]
        });
        secrets[0].expect_gone("a master key");
        secrets[1].expect_gone("exported key material");
    }
}

#[test]
fn shakes_hands() {
    let (client, server) = contexts(0);
    Pair::new(&client, &server).handshake().unwrap();
}

/// OpenSSL can be compiled to write the keys of all connections to a file that the environment names.
/// Ours is not.
#[cfg(openssl_compiled_in)]
#[test]
fn no_variable_of_the_environment_gets_the_keys() {
    let path = std::env::temp_dir().join(format!("keys-{}", std::process::id()));
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "secrets::shakes_hands"])
        .env("SSLKEYLOGFILE", &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
    assert!(!path.exists());
}
