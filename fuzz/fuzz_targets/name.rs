//! Distinguished names: parse, ask everything, compare, change.

#![no_main]

use libfuzzer_sys::fuzz_target;
use openssl_rust_fuzz::name;

fuzz_target!(|data: &[u8]| name::run(data));
