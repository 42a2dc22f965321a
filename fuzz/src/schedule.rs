//! Both ends are honest, and so is what carries their bytes; the input says who does what, when, and
//! how many bytes are carried at a time. Operations can also be done inside callbacks, by the
//! connection that runs them.
//!
//! An input is the configuration, and then operations: a byte that says which and at which end, and
//! what that one takes.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use openssl_rust::tls::callbacks::{AlpnAnswer, CallbackResult, ConnectionState, ServerNameAnswer};
use openssl_rust::tls::constants::VERIFY_PEER;
use openssl_rust::tls::region::{Readable, Writable};
use openssl_rust::tls::testing::{CALM, in_memory};
use openssl_rust::tls::{Connection, Context, Error, Result};

use crate::chance::{Drawer, draw_as, restart};
use crate::ends::{self, Configuration};
use crate::input::Input;

/// Enough to fill several records.
const MAX_WRITE: usize = 40_000;

/// What one end has done, and what of it the other end must notice.
#[derive(Default)]
struct Side {
    /// How many bytes were written.
    sent: usize,
    /// How many bytes were read.
    received: usize,
    /// It is not known any more what was written: a write was done inside a write.
    unknown: bool,
    /// It has been shut down.
    closed: bool,
    /// Nothing more can come from the other end: it was declared so.
    cut: bool,
}

/// A run: what the two ends have done. In a thread-local, because callbacks get there too.
#[derive(Default)]
struct Run {
    sides: [Side; 2],
    /// Something has been done after which an end may fail although its peer is honest.
    strained: bool,
    /// Operations for the next callbacks.
    inside: Vec<u8>,
    depth: usize,
}

thread_local! {
    static RUN: RefCell<Run> = RefCell::default();
    static OTHER: RefCell<Option<Context>> = const { RefCell::new(None) };
}

fn with<T>(look: impl FnOnce(&mut Run) -> T) -> T {
    RUN.with_borrow_mut(look)
}

/// What a callback needs to know of the connection that runs it.
struct Myself {
    connection: Weak<Connection>,
    side: usize,
}

/// The byte at this place of what an end sends.
fn pattern(side: usize, place: usize) -> u8 {
    (place.wrapping_mul(31) >> 3) as u8 ^ (place >> 11) as u8 ^ (side as u8) << 7
}

/// Does what the input says.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let configuration = Configuration::new(input.byte());
    // Datagrams are not kept apart by memory buffers.
    if configuration.is_dtls() {
        return;
    }
    let session = ends::earlier_session(configuration);
    RUN.take();
    with(|run| run.strained = configuration.refuses());
    restart();
    ends::forget();
    let ends = [false, true].map(|is_server| end(is_server, configuration));
    if let Some(session) = session {
        ends[0].step().set_session(&session).unwrap();
    }
    while !input.is_empty() {
        operation(&ends, &mut input);
        ends::expect_clean_queue();
    }
    finish(&ends);
}

fn end(is_server: bool, configuration: Configuration) -> Arc<Connection> {
    let connection = if configuration.has(Configuration::CALLBACKS) {
        // Callbacks that do what the input says.
        let context = ends::make(is_server, configuration);
        install_callbacks(&context);
        in_memory(&context)
    } else if is_server {
        ends::server(configuration)
    } else {
        ends::client(configuration)
    };
    if configuration.has(Configuration::CALLBACKS) {
        if is_server {
            connection.step().set_accept_state().unwrap();
        } else {
            connection.step().set_connect_state().unwrap();
            connection.step().set_server_name(ends::NAME).unwrap();
        }
    }
    let connection = Arc::new(connection);
    let myself = Myself { connection: Arc::downgrade(&connection), side: usize::from(is_server) };
    connection.set_user_data(Box::new(myself));
    connection
}

fn install_callbacks(context: &Context) {
    let settings = context.settings();
    settings.set_info_callback(Arc::new(|state, _, _| inside(state))).unwrap();
    settings.set_keylog_callback(Arc::new(|state, _| inside(state))).unwrap();
    let name = |state: &ConnectionState| {
        inside(state)?;
        Ok(ServerNameAnswer::Continue)
    };
    settings.set_server_name_callback(Arc::new(name)).unwrap();
    let choose = |state: &ConnectionState, offered: &[&[u8]]| {
        let before = offered.concat();
        inside(state)?;
        assert_eq!(before, offered.concat());
        Ok(offered.first().map_or(AlpnAnswer::NoOverlap, |n| AlpnAnswer::Protocol(n.to_vec())))
    };
    settings.set_alpn_select_callback(Arc::new(choose)).unwrap();
    if settings.verify_mode() & VERIFY_PEER as i32 != 0 {
        let mode = settings.verify_mode();
        let judge = |state: &ConnectionState, asked: openssl_rust::tls::callbacks::Verification| {
            inside(state)?;
            Ok(asked.ok == 1)
        };
        settings.set_verify(mode, Some(Arc::new(judge))).unwrap();
    }
}

/// In a callback: the operations that the input had for it, on the connection that runs it.
fn inside(state: &ConnectionState) -> CallbackResult<()> {
    let myself: &Myself = state.user_data().unwrap();
    let Some(connection) = myself.connection.upgrade() else { return Ok(()) };
    // A callback inside a callback has enough to do.
    let script =
        with(|run| if run.depth > 1 { Vec::new() } else { std::mem::take(&mut run.inside) });
    if script.is_empty() {
        return Ok(());
    }
    with(|run| {
        run.depth += 1;
        run.strained = true;
    });
    let mut input = Input::new(&script);
    let mut failed = false;
    while !input.is_empty() {
        let byte = input.byte();
        failed |= byte == 255;
        act(&connection, myself.side, byte & 15, &mut input);
    }
    with(|run| run.depth -= 1);
    if failed { Err("as the input says".into()) } else { Ok(()) }
}

/// One operation.
fn operation(ends: &[Arc<Connection>; 2], input: &mut Input<'_>) {
    let byte = input.byte();
    let side = usize::from(byte >> 7);
    match byte & 31 {
        16 => carry(ends, side, input.number()),
        17 => carry(ends, side, usize::MAX),
        18 => {
            let len = usize::from(input.byte() & 31);
            let script = input.take(len).to_vec();
            with(|run| run.inside = script);
        }
        19 => {
            // Nobody says any more; what has been said is carried first.
            carry(ends, side, usize::MAX);
            with(|run| {
                run.sides[1 - side].cut = true;
                // The end that fails of it says so to the other.
                run.strained = true;
            });
            ends[1 - side].step().end().unwrap();
        }
        20 => {
            for _ in 0..4 {
                for side in 0..2 {
                    act(&ends[side], side, 0, input);
                    carry(ends, side, usize::MAX);
                }
            }
        }
        action => act(&ends[side], side, action & 15, input),
    }
}

/// Something that one end can do.
fn act(end: &Arc<Connection>, side: usize, action: u8, input: &mut Input<'_>) {
    draw_as(if side == 0 { Drawer::Client } else { Drawer::Server });
    match action {
        0 => {
            let _ = note(end.handshake(CALM));
        }
        1 | 2 => write(end, side, input.number() % MAX_WRITE, action == 2),
        3 | 4 => read(end, side, input.number()),
        5 => peek(end, side, input.number()),
        6 => {
            with(|run| run.sides[side].closed = true);
            // Before the handshake is done it is refused.
            with(|run| run.strained = true);
            let _ = note(end.shutdown(CALM));
        }
        7 => {
            with(|run| run.strained = true);
            let _ = note(end.step().renegotiate());
        }
        8 => ends::ask_everything(&end.step()),
        9 => {
            with(|run| run.strained = true);
            let other = OTHER.with_borrow_mut(|other| {
                other.get_or_insert_with(|| ends::make(true, Configuration::new(8))).clone()
            });
            draw_as(if side == 0 { Drawer::Client } else { Drawer::Server });
            let _ = note(end.step().set_context(&other));
        }
        10 => {
            with(|run| run.strained = true);
            let options = u64::try_from(input.number()).unwrap() << (input.byte() % 40);
            end.step().set_options(options);
        }
        11 => {
            with(|run| run.strained = true);
            end.step().set_shutdown_state(i32::from(input.byte() & 3));
        }
        12 => {
            with(|run| run.strained = true);
            let step = end.step();
            let name = std::ffi::CString::new(vec![b'a'; usize::from(input.byte())]).unwrap();
            let _ = note(step.set_server_name(&name));
            let _ = note(step.set_alpn_protocols(&[b"a", name.as_bytes()]));
            let _ = note(step.request_ocsp());
        }
        13 => {
            let step = end.step();
            if let Ok(Some(session)) = step.session() {
                with(|run| run.strained = true);
                match step.set_session(&session) {
                    Err(Error::Invalid(_)) => {} // the handshake has begun
                    set => drop(note(set)),
                }
            }
        }
        14 => {
            with(|run| run.strained = true);
            let step = end.step();
            let _ =
                note(step.use_certificate(&ends::certificate(side == 1, Configuration::new(0))));
            step.set_verify(i32::from(input.byte() & 7), None);
        }
        _ => {
            // What is on its way to an end that begins anew is lost.
            with(|run| {
                run.strained = true;
                run.sides[0].unknown = true;
                run.sides[1].unknown = true;
            });
            let step = end.step();
            let begun = if input.byte() & 1 == 0 {
                step.set_connect_state()
            } else {
                step.set_accept_state()
            };
            match begun {
                Err(Error::Invalid(_)) => assert!(step.renegotiate_pending()),
                begun => drop(note(begun)),
            }
        }
    }
}

/// Judges an outcome: honest ends over an honest transport fail only when they were asked for what
/// cannot be done.
fn note<T>(outcome: Result<T>) -> Option<T> {
    let error = match outcome {
        Ok(value) => return Some(value),
        Err(error) => error,
    };
    let (strained, inside) = with(|run| (run.strained, run.depth > 0));
    match error {
        Error::WantRead => {}
        Error::ZeroReturn | Error::UnexpectedEof | Error::Library(_) => {
            assert!(strained, "{error:?}");
        }
        Error::WantWrite | Error::Reentrant(_) => assert!(inside, "{error:?}"),
        Error::Callback(_) => assert!(strained),
        other => panic!("nothing here can cause this: {other:?}"),
    }
    None
}

fn write(end: &Connection, side: usize, len: usize, all: bool) {
    let first = with(|run| run.sides[side].sent);
    let bytes: Vec<u8> = (first..first + len).map(|place| pattern(side, place)).collect();
    let data = Readable::from(&bytes[..]);
    let written = if all {
        match end.write_all(data, CALM) {
            Ok(()) => len,
            Err((written, error)) => {
                let _ = note::<()>(Err(error));
                written
            }
        }
    } else {
        note(end.write(data, CALM)).unwrap_or(0)
    };
    assert!(written <= len);
    with(|run| {
        let side = &mut run.sides[side];
        // Written inside a callback of this very write, or of one that did not succeed.
        side.unknown |= side.sent != first;
        side.sent += written;
    });
}

fn read(end: &Connection, side: usize, len: usize) {
    let mut room = vec![0; len];
    let before = with(|run| run.sides[side].received);
    let count = note(end.read(&Writable::from(&mut room[..]), CALM));
    if let Some(count) = count {
        assert!(count > 0 || len == 0);
        check(side, before, &room[..count]);
        with(|run| run.sides[side].received += count);
    }
}

fn peek(end: &Connection, side: usize, len: usize) {
    let mut room = vec![0; len];
    let before = with(|run| run.sides[side].received);
    if let Some(count) = note(end.peek(&Writable::from(&mut room[..]), CALM)) {
        check(side, before, &room[..count]);
    }
}

/// Every byte is the one that was sent at this place.
fn check(side: usize, before: usize, bytes: &[u8]) {
    let known = with(|run| {
        // Read inside a callback of this very read.
        let moved = run.sides[side].received != before;
        run.sides[1 - side].unknown |= moved;
        !run.sides[1 - side].unknown
    });
    if !known {
        return;
    }
    assert!(before + bytes.len() <= with(|run| run.sides[1 - side].sent), "more than was sent");
    for (place, byte) in bytes.iter().enumerate() {
        assert_eq!(*byte, pattern(1 - side, before + place), "a byte out of place");
    }
}

/// Carries up to `len` bytes from an end to the other.
fn carry(ends: &[Arc<Connection>; 2], side: usize, len: usize) {
    let len = len.min(ends[side].step().untaken().unwrap());
    let mut room = vec![0; len];
    if len == 0 || with(|run| run.sides[1 - side].cut) {
        return;
    }
    assert_eq!(ends[side].step().take(&Writable::from(&mut room[..])).unwrap(), len);
    assert_eq!(ends[1 - side].step().give(Readable::from(&room[..])).unwrap(), len);
}

/// Lets the ends come to an end: whatever was sent has then been received.
fn finish(ends: &[Arc<Connection>; 2]) {
    let calm = with(|run| {
        run.inside.clear();
        !run.strained && run.sides.iter().all(|side| !side.cut && !side.closed)
    });
    if !calm {
        return;
    }
    for _ in 0..6 {
        for side in 0..2 {
            draw_as(if side == 0 { Drawer::Client } else { Drawer::Server });
            let _ = note(ends[side].handshake(CALM));
            loop {
                let before = with(|run| run.sides[side].received);
                read(&ends[side], side, 20_000);
                if with(|run| run.sides[side].received) == before {
                    break;
                }
            }
            carry(ends, side, usize::MAX);
        }
    }
    for side in 0..2 {
        let (received, sent) = with(|run| (run.sides[side].received, run.sides[1 - side].sent));
        assert_eq!(received, sent, "bytes are missing");
    }
}
