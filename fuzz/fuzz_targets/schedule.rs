//! Two honest ends in memory, in any order of calls and deliveries: no byte is lost, added or moved.

#![no_main]

use libfuzzer_sys::fuzz_target;
use openssl_rust_fuzz::schedule;

fuzz_target!(|data: &[u8]| schedule::run(data));
