//! The fuzz targets (`fuzz/`), with each input that is kept for them, and no fuzzer: what was found
//! once is not found again, and the targets keep up with the core.

// In the crate of the fuzz targets these are for others.
#![allow(dead_code, unreachable_pub)]

use std::fs;
use std::path::Path;

#[path = "../../fuzz/src/answers.rs"]
mod answers;
#[path = "../../fuzz/src/certificate.rs"]
mod certificate;
#[path = "../../fuzz/src/chance.rs"]
mod chance;
#[path = "../../fuzz/src/ends.rs"]
mod ends;
#[path = "../../fuzz/src/input.rs"]
mod input;
#[path = "../../fuzz/src/key.rs"]
mod key;
#[path = "../../fuzz/src/name.rs"]
mod name;
#[path = "../../fuzz/src/peer.rs"]
mod peer;
#[path = "../../fuzz/src/schedule.rs"]
mod schedule;

/// Gives a target every input of its folder; the name of the one it fails on is printed.
fn replay(target: &str, run: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        run(&fs::read(path).unwrap());
        inputs += 1;
    }
    assert_ne!(inputs, 0, "{target} has no corpus");
}

#[test]
fn answers() {
    replay("answers", answers::run);
}

#[test]
fn certificate() {
    replay("certificate", certificate::run);
}

#[test]
fn from_client() {
    replay("from_client", |data| {
        peer::run(true, data);
    });
}

#[test]
fn from_server() {
    replay("from_server", |data| {
        peer::run(false, data);
    });
}

#[test]
fn key() {
    replay("key", key::run);
}

#[test]
fn name() {
    replay("name", name::run);
}

#[test]
fn schedule() {
    replay("schedule", schedule::run);
}
