//! A client, and a server that says anything.

#![no_main]

use libfuzzer_sys::fuzz_target;
use openssl_rust_fuzz::peer;

fuzz_target!(|data: &[u8]| {
    peer::run(false, data);
});
