//! Many threads on many connections, in any order, for as long as `STRESS_SECONDS` says (2 seconds
//! by default): each byte is accounted for, each failure is one that has a reason.
//!
//! `STRESS_SEED` makes the choices of a run again; when threads meet is up to the system.

mod chance;
mod contexts;
mod operations;
mod pair;
mod tally;

use std::env;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use chance::Chance;
use contexts::Contexts;
use pair::Pair;
use tally::Tally;

const THREADS: usize = 16;
/// Of two connections each.
const PAIRS: usize = 32;
/// Without any progress for so long, threads wait for each other.
const PATIENCE: Duration = Duration::from_secs(90);

/// What the threads share.
struct World {
    pairs: Vec<RwLock<Arc<Pair>>>,
    contexts: Contexts,
    tally: Tally,
    over: AtomicBool,
}

impl World {
    fn pair(&self, place: usize) -> Arc<Pair> {
        Arc::clone(&self.pairs[place].read().unwrap())
    }

    /// Puts a new pair where the old one was, unless another thread has done so.
    fn replace(&self, place: usize, old: &Arc<Pair>, chance: &mut Chance) {
        let mut slot = self.pairs[place].write().unwrap();
        if Arc::ptr_eq(&slot, old) {
            *slot = Arc::new(Pair::new(&self.contexts, place, chance));
            self.tally.pairs.add(1);
            self.tally.complete_pairs.add(usize::from(!old.is_disturbed()));
        }
    }
}

#[test]
fn each_connection_has_a_thread() {
    stress(1);
}

#[test]
fn each_connection_has_two_threads() {
    stress(2);
}

/// Has each connection used by so many threads at once.
fn stress(sharers: usize) {
    let seconds = number("STRESS_SECONDS").unwrap_or(2);
    let seed = number("STRESS_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let mut chance = Chance::new(seed);
    let contexts = Contexts::new();
    let pairs = (0..PAIRS)
        .map(|place| RwLock::new(Arc::new(Pair::new(&contexts, place, &mut chance))))
        .collect();
    let world = World { pairs, contexts, tally: Tally::default(), over: AtomicBool::new(false) };
    let end = Instant::now() + Duration::from_secs(seconds);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS)
            .map(|number| {
                let (world, chance) = (&world, Chance::new(seed ^ (number as u64 + 1) << 32));
                scope.spawn(move || work(world, number, sharers, chance))
            })
            .collect();
        watch(&world, end, || workers.iter().any(|worker| worker.is_finished()));
        world.over.store(true, Ordering::Relaxed);
    });
    // Dropping a pair balances its books.
    let World { pairs, tally, .. } = world;
    drop(pairs);
    println!("seed {seed}, {seconds} s, {sharers} thread(s) to a connection: {tally}");
    tally.expect_all_kinds();
}

fn number(variable: &str) -> Option<u64> {
    Some(env::var(variable).ok()?.parse().expect("a number"))
}

/// Ends the process when nothing moves any more: a thread that waits for another cannot be joined.
fn watch(world: &World, end: Instant, failed: impl Fn() -> bool) {
    let (mut last, mut since) = (0, Instant::now());
    while Instant::now() < end && !failed() {
        thread::sleep(Duration::from_millis(50));
        let now = world.tally.operations.get();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        if since.elapsed() > PATIENCE {
            eprintln!("no thread has done anything for {PATIENCE:?}");
            std::process::abort();
        }
    }
}

/// What one thread does until it is over: something, at one of its ends.
fn work(world: &World, number: usize, sharers: usize, mut chance: Chance) {
    // If this thread fails the others have to end, too.
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            if thread::panicking() {
                self.0.store(true, Ordering::Relaxed);
            }
        }
    }
    let _over = Over(&world.over);
    let ends: Vec<(usize, usize)> = (0..2 * PAIRS)
        .filter_map(|end| {
            let sharer = (number + THREADS - end % THREADS) % THREADS;
            (sharer < sharers).then_some((end, sharer))
        })
        .collect();
    while !world.over.load(Ordering::Relaxed) {
        let (end, sharer) = *chance.pick(&ends);
        let pair = world.pair(end / 2);
        let alone = sharers == 1;
        operations::something(world, &pair, end % 2, alone, sharer, &mut chance);
        world.tally.operations.add(1);
        if pair.is_over() {
            world.replace(end / 2, &pair, &mut chance);
        }
    }
}
