//! Keys: parse, ask everything, dump.

#![no_main]

use libfuzzer_sys::fuzz_target;
use openssl_rust_fuzz::key;

fuzz_target!(|data: &[u8]| key::run(data));
