//! The old ciphers and digests, which keys may still be encrypted with.

use std::ptr;
use std::sync::OnceLock;

use openssl::provider::Provider;

use super::error::CleanQueue;
use super::sys::crypto as sys;

/// Makes the algorithms of OpenSSL's legacy provider available to all of the process, for as long
/// as it runs: Blowfish, CAST5, DES, MD4, RC2, RC4, SEED, Whirlpool, PBKDF1. An OpenSSL without
/// that provider stays without them, and so does one that was configured to have no default
/// provider (FIPS).
///
/// OpenSSL: `OSSL_PROVIDER_try_load`.
#[doc(alias = "OSSL_PROVIDER_try_load")]
pub fn enable() {
    static PROVIDERS: OnceLock<[Option<Provider>; 2]> = OnceLock::new();
    if PROVIDERS.get().is_none() {
        // Two threads may both get here: OpenSSL counts. Loading takes too long for `get_or_init`, in
        // which a fork could leave the cell to the child for ever.
        let _ = PROVIDERS.set(load());
    }
}

fn load() -> [Option<Provider>; 2] {
    let _queue = CleanQueue::new();
    // SAFETY: reads a NUL-terminated name; null is the default library context.
    if unsafe { sys::OSSL_PROVIDER_available(ptr::null_mut(), c"default".as_ptr()) } == 0 {
        return [None, None];
    }
    // The legacy provider uses digests of the default one (PBKDF1 does MD5), and finds them only if
    // that was asked for by name.
    ["default", "legacy"].map(|name| Provider::try_load(None, name, true).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::error::queue_is_empty;
    use crate::tls::x509::Certificate;

    #[test]
    fn default_digests_stay() {
        enable();
        enable();
        assert!(queue_is_empty());
        let certificate = Certificate::new().unwrap();
        // Without a digest it would be `Invalid`; an empty certificate has no encoding to digest.
        let refused = certificate.digest(c"sha256").unwrap_err();
        assert!(matches!(refused, crate::tls::Error::Library(_)));
    }
}
