//! Certificates: parse, ask everything, verify, change, dump.

#![no_main]

use libfuzzer_sys::fuzz_target;
use openssl_rust_fuzz::certificate;

fuzz_target!(|data: &[u8]| certificate::run(data));
