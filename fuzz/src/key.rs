//! Keys: parse, ask everything, dump.

use openssl_rust::tls::error::{CallbackError, queue_is_empty};
use openssl_rust::tls::pkey::{PKey, base_id};

/// One input.
///
/// # Panics
///
/// If what was parsed does not hold together.
pub fn run(data: &[u8]) {
    // An encrypted key says how much work decryption shall be, without a limit: do not begin.
    let refuse = |_: usize, _: bool| -> Result<Vec<u8>, CallbackError> { Err("no".into()) };
    let parsed = [
        PKey::private_from_der(data),
        PKey::private_from_pem(data, Some(&refuse)),
        PKey::public_from_der(data),
        PKey::public_from_pem(data),
    ];
    assert!(queue_is_empty());
    for key in parsed.into_iter().flatten() {
        look_at(&key);
        assert!(queue_is_empty());
    }
}

fn look_at(key: &PKey) {
    let _ = (base_id(key.id()), key.bits(), key.type_name().len(), key.seed());
    let _ = (key.public_to_der(), key.public_to_pem());
    let _ = key.private_to_pem(None, None);
    // Primes of another size take their time.
    if key.bits() <= 2048 {
        let _ = key.check_rsa();
    }
    let _ = key.rsa_to_text();
    if let Ok(der) = key.private_to_der() {
        let _ = PKey::private_from_der(&der);
    }
}
