//! OpenSSL takes its memory from mimalloc where it should, and works with it on many threads.
//!
//! One test in a process of its own: OpenSSL takes an allocator only before its first block.

use std::sync::Barrier;
use std::thread;

use openssl_rust::tls::constants::{TLS1_2_VERSION, TLS1_3_VERSION};
use openssl_rust::tls::error::queue_is_empty;
use openssl_rust::tls::region::Readable;
use openssl_rust::tls::testing::{CALM, Pair, carry, contexts, read};
use openssl_rust::tls::{allocator, version};

/// More than have a heap of their own.
const THREADS: usize = 40;

#[test]
fn connections_work_with_the_allocator_that_openssl_has_agreed_to() {
    let expected = cfg!(feature = "mimalloc") && version::COMPILED_IN;
    assert_eq!(allocator::install(), expected);

    // What one thread has made is used, made larger and freed by another.
    let made: Vec<_> =
        [TLS1_2_VERSION, TLS1_3_VERSION].map(|number| contexts(number as i32)).into();
    let all_there = Barrier::new(THREADS);
    let pairs: Vec<Pair> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let (made, all_there) = (&made, &all_there);
                scope.spawn(move || {
                    let (client, server) = &made[number % made.len()];
                    let pair = Pair::new(client, server);
                    pair.handshake().unwrap();
                    all_there.wait();
                    pair
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    thread::scope(|scope| {
        for pair in pairs {
            scope.spawn(move || exchange(&pair));
        }
    });
    drop(made);
    assert!(queue_is_empty());
}

fn exchange(pair: &Pair) {
    let data: Vec<u8> = (0..100_000_u32).map(|number| number as u8).collect();
    pair.client.write_all(Readable::from(&data[..]), CALM).unwrap();
    carry(&pair.client, &pair.server);
    let mut got = Vec::new();
    while let Ok(some) = read(&pair.server) {
        got.extend(some);
    }
    assert!(got == data);
}
