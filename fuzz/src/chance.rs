//! Numbers in place of OpenSSL's random ones, the same in every run: a recorded conversation can be
//! replayed against one end, keys and all, and an input found once is found again.
//!
//! Each end draws from a sequence of its own, so that it does not matter what the other end does.

use std::cell::Cell;
use std::ffi::{c_int, c_uchar, c_void};
use std::sync::Once;

/// Who draws.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Drawer {
    /// Contexts, when they are made.
    Context,
    /// A client.
    Client,
    /// A server.
    Server,
}

thread_local! {
    static DRAWER: Cell<usize> = const { Cell::new(0) };
    static STATES: Cell<[u64; 3]> = const { Cell::new(SEEDS) };
}

const SEEDS: [u64; 3] = [0x5eed_0001, 0x5eed_0002, 0x5eed_0003];

/// Begins all sequences anew. To be called before each input.
pub fn restart() {
    install();
    STATES.set(SEEDS);
}

/// Says who draws from now on. Every context draws the same.
pub fn draw_as(drawer: Drawer) {
    install();
    DRAWER.set(drawer as usize);
    if drawer == Drawer::Context {
        let mut states = STATES.get();
        states[drawer as usize] = SEEDS[drawer as usize];
        STATES.set(states);
    }
}

/// `rand.h`
#[repr(C)]
struct Method {
    seed: Option<extern "C" fn(*const c_void, c_int) -> c_int>,
    bytes: Option<extern "C" fn(*mut c_uchar, c_int) -> c_int>,
    cleanup: Option<extern "C" fn()>,
    add: Option<extern "C" fn(*const c_void, c_int, f64) -> c_int>,
    pseudorand: Option<extern "C" fn(*mut c_uchar, c_int) -> c_int>,
    status: Option<extern "C" fn() -> c_int>,
}

unsafe extern "C" {
    fn RAND_set_rand_method(method: *const Method) -> c_int;
}

fn install() {
    static INSTALLED: Once = Once::new();
    static METHOD: Method = Method {
        seed: None,
        bytes: Some(bytes),
        cleanup: None,
        add: None,
        pseudorand: Some(bytes),
        status: Some(status),
    };
    // SAFETY: the table is static.
    INSTALLED.call_once(|| assert_eq!(unsafe { RAND_set_rand_method(&METHOD) }, 1));
}

extern "C" fn bytes(room: *mut c_uchar, len: c_int) -> c_int {
    let drawer = DRAWER.get();
    let mut states = STATES.get();
    for n in 0..usize::try_from(len).unwrap_or(0) {
        // SplitMix64.
        states[drawer] = states[drawer].wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = states[drawer];
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // SAFETY: OpenSSL has room for `len` bytes.
        unsafe { *room.add(n) = (mixed ^ (mixed >> 31)) as c_uchar };
    }
    STATES.set(states);
    1
}

extern "C" fn status() -> c_int {
    1
}
