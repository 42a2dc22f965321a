//! What callbacks give back to C: names of protocols, cookies, OCSP responses, verdicts.

#![no_main]

use libfuzzer_sys::fuzz_target;
use openssl_rust_fuzz::answers;

fuzz_target!(|data: &[u8]| answers::run(data));
