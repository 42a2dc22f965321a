//! What the core costs beside OpenSSL's own functions, called straight: the same loops over both.
//!
//! `make bench-core` runs this several times over, and says which share of the time is ours.

#![allow(missing_docs, reason = "nobody imports a benchmark")]

mod end;
mod ours;
mod straight;

use std::hint::black_box;
use std::os::unix::net::UnixStream;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use openssl_rust::tls::constants::{TLS1_2_VERSION, TLS1_3_VERSION};

use end::{BULK_WRITE, End, Library, RECORD, ROOM, Served};
use ours::Core;
use straight::LibSsl;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// The two sides of each row, as their names appear in criterion's folders.
const STRAIGHT: &str = "straight";
const CORE: &str = "core";

const TLS12: i32 = TLS1_2_VERSION as i32;
const TLS13: i32 = TLS1_3_VERSION as i32;

fn message<L: Library>(group: &mut Group<'_>, side: &str, size: usize) {
    let ends = L::in_memory(&L::contexts(TLS13));
    let (data, mut room) = (vec![0; size], vec![0; ROOM]);
    end::shake_hands(&ends, &mut room);
    group.bench_function(side, |bencher| {
        bencher.iter(|| end::message(&ends, black_box(&data), &mut room));
    });
}

fn messages(criterion: &mut Criterion) {
    for (name, size) in
        [("message, 64 B", 64), ("message, 1 KiB", 1024), ("message, 16 KiB", RECORD)]
    {
        let mut group = criterion.benchmark_group(name);
        message::<LibSsl>(&mut group, STRAIGHT, size);
        message::<Core>(&mut group, CORE, size);
    }
}

fn over_sockets<L: Library>() -> [L::End; 2] {
    L::over(&L::contexts(TLS13), UnixStream::pair().unwrap().into())
}

fn bulk<L: Library>(group: &mut Group<'_>, side: &str) {
    let served = Served::draining(over_sockets::<L>());
    let data = vec![0; BULK_WRITE];
    group.bench_function(side, |bencher| {
        bencher.iter_custom(|writes| {
            let start = Instant::now();
            served.pour(&data, writes);
            start.elapsed()
        });
    });
}

fn ping_pong<L: Library>(group: &mut Group<'_>, side: &str) {
    let served = Served::echoing(over_sockets::<L>());
    let (data, mut room) = ([0; 64], vec![0; RECORD]);
    group.bench_function(side, |bencher| bencher.iter(|| served.ping(&data, &mut room)));
}

fn sockets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("bulk over sockets, 256 KiB");
    group.throughput(Throughput::Bytes(BULK_WRITE as u64));
    bulk::<LibSsl>(&mut group, STRAIGHT);
    bulk::<Core>(&mut group, CORE);
    group.finish();
    let mut group = criterion.benchmark_group("ping-pong over sockets");
    ping_pong::<LibSsl>(&mut group, STRAIGHT);
    ping_pong::<Core>(&mut group, CORE);
}

fn handshake<L: Library>(group: &mut Group<'_>, side: &str, version: i32) {
    let contexts = L::contexts(version);
    let mut room = vec![0; ROOM];
    group.bench_function(side, |bencher| {
        bencher.iter(|| end::handshake::<L>(&contexts, &mut room));
    });
}

/// On each of two threads, at the same time, half of the handshakes.
fn handshake_on_two_threads<L: Library>(group: &mut Group<'_>, side: &str, version: i32) {
    group.bench_function(side, |bencher| {
        bencher.iter_custom(|handshakes| {
            let ready = Barrier::new(2);
            let half = || {
                let contexts = L::contexts(version);
                let mut room = vec![0; ROOM];
                end::handshake::<L>(&contexts, &mut room);
                ready.wait();
                let start = Instant::now();
                for _ in 0..handshakes.div_ceil(2) {
                    end::handshake::<L>(&contexts, &mut room);
                }
                start.elapsed()
            };
            thread::scope(|scope| {
                let other = scope.spawn(half);
                half().max(other.join().unwrap())
            })
        });
    });
}

fn resumption<L: Library>(group: &mut Group<'_>, side: &str, version: i32) {
    let contexts = L::contexts(version);
    let mut room = vec![0; ROOM];
    let (session, _first) = end::session(L::in_memory(&contexts), &mut room);
    group.bench_function(side, |bencher| {
        bencher.iter(|| end::resumption::<L>(&contexts, &session, &mut room));
    });
}

fn handshakes(criterion: &mut Criterion) {
    for (name, version) in [("1.3", TLS13), ("1.2", TLS12)] {
        let mut group = criterion.benchmark_group(format!("handshake, {name}"));
        handshake::<LibSsl>(&mut group, STRAIGHT, version);
        handshake::<Core>(&mut group, CORE, version);
        group.finish();
        let mut group = criterion.benchmark_group(format!("resumption, {name}"));
        resumption::<LibSsl>(&mut group, STRAIGHT, version);
        resumption::<Core>(&mut group, CORE, version);
    }
    let mut group = criterion.benchmark_group("handshake, 2 threads");
    handshake_on_two_threads::<LibSsl>(&mut group, STRAIGHT, TLS13);
    handshake_on_two_threads::<Core>(&mut group, CORE, TLS13);
}

fn asking<L: Library>(group: &mut Group<'_>, side: &str) {
    let ends = L::in_memory(&L::contexts(TLS13));
    let mut room = vec![0; ROOM];
    end::shake_hands(&ends, &mut room);
    let [client, _server] = ends;
    group.bench_function(side, |bencher| bencher.iter(|| client.pending()));
}

fn reading_nothing<L: Library>(group: &mut Group<'_>, side: &str) {
    let ends = L::in_memory(&L::contexts(TLS13));
    let mut room = vec![0; ROOM];
    end::shake_hands(&ends, &mut room);
    let [client, _server] = ends;
    group.bench_function(side, |bencher| bencher.iter(|| client.read(&mut room)));
}

fn questions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pending");
    asking::<LibSsl>(&mut group, STRAIGHT);
    asking::<Core>(&mut group, CORE);
    group.finish();
    let mut group = criterion.benchmark_group("nothing to read");
    reading_nothing::<LibSsl>(&mut group, STRAIGHT);
    reading_nothing::<Core>(&mut group, CORE);
}

criterion_group!(benches, messages, sockets, handshakes, questions);
criterion_main!(benches);
