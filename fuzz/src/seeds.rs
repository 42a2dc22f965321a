//! Writes the seeds of the targets that begin with conversations into `corpus`: those are recorded,
//! and mean something only to the OpenSSL that they were recorded with.
//!
//!     target/fuzz/*/release/seeds fuzz/corpus

use std::path::Path;
use std::{env, fs};

use openssl_rust_fuzz::ends::Configuration as C;
use openssl_rust_fuzz::{answers, peer, schedule};

const ANY: u8 = 0;
const TLS1_2: u8 = 1;
const TLS1_3: u8 = 2;
const DTLS: u8 = 3;

fn main() {
    let corpus = env::args_os().nth(1).expect("where to write");
    let write = |target: &str, name: &str, data: &[u8]| {
        let folder = Path::new(&corpus).join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("seed-{name}")), data).unwrap();
    };

    for (version, protocol) in [(TLS1_2, "tls1.2"), (TLS1_3, "tls1.3"), (DTLS, "dtls")] {
        for (flags, name) in [
            (0, "plain"),
            (C::MUTUAL, "mutual"),
            (C::CALLBACKS | C::MUTUAL, "callbacks"),
            (C::REFUSING | C::MUTUAL, "refused"),
            (C::RESUMING | C::IMPLICIT, "resumed"),
        ] {
            let name = format!("{protocol}-{name}");
            let [from_client, from_server] = peer::record(version | flags);
            write("from_client", &name, &from_client);
            write("from_server", &name, &from_server);
            // Recorded with the same chance, it is understood to the end.
            let expected = flags & C::REFUSING == 0;
            assert_eq!(peer::run(true, &from_client), expected, "{name}");
            assert_eq!(peer::run(false, &from_server), expected, "{name}");
        }
    }

    for (name, script) in schedules() {
        schedule::run(&script);
        write("schedule", name, &script);
    }
    for (name, script) in callback_answers() {
        answers::run(&script);
        write("answers", name, &script);
    }
}

/// The other end's operations have this bit.
const SERVER: u8 = 128;
const HANDSHAKE: u8 = 0;
const WRITE: u8 = 1;
const WRITE_ALL: u8 = 2;
const READ: u8 = 3;
const PEEK: u8 = 5;
const SHUTDOWN: u8 = 6;
const RENEGOTIATE: u8 = 7;
const ASK: u8 = 8;
const SET_CONTEXT: u8 = 9;
const SET_SESSION: u8 = 13;
const CARRY: u8 = 16;
const CARRY_ALL: u8 = 17;
const INSIDE: u8 = 18;
const END: u8 = 19;
const SHAKE_HANDS: u8 = 20;

fn schedules() -> [(&'static str, Vec<u8>); 8] {
    let talk = [
        [SHAKE_HANDS, WRITE_ALL, 0x20, 0].as_slice(),
        &[CARRY_ALL, SERVER | PEEK, 0x10, 0, SERVER | READ, 0x30, 0, SERVER | ASK],
        &[SERVER | WRITE, 1, 0, SERVER | CARRY, 0, 7, READ, 1, 0, SERVER | CARRY_ALL, READ, 1, 0],
    ]
    .concat();
    let close = [SHUTDOWN, CARRY_ALL, SERVER | READ, 0, 9, SERVER | SHUTDOWN, SERVER | CARRY_ALL];
    [
        ("tls1.2", [&[TLS1_2][..], &talk, &close, &[SHUTDOWN]].concat()),
        ("tls1.3", [&[TLS1_3 | C::MUTUAL][..], &talk, &close, &[SHUTDOWN]].concat()),
        ("resumed", [&[TLS1_3 | C::RESUMING][..], &talk, &[END]].concat()),
        (
            "pieces",
            [
                &[ANY, HANDSHAKE, CARRY, 0, 100, SERVER | HANDSHAKE, CARRY_ALL][..],
                &[SERVER | HANDSHAKE, SERVER | CARRY, 0, 5, HANDSHAKE, SERVER | CARRY_ALL],
                &[HANDSHAKE, WRITE_ALL, 0x80, 0, CARRY, 0x40, 0, SERVER | READ, 0x10, 0],
            ]
            .concat(),
        ),
        (
            "renegotiated",
            [&[TLS1_2][..], &talk, &[SERVER | RENEGOTIATE, SHAKE_HANDS], &talk[1..]].concat(),
        ),
        (
            "inside",
            [
                &[TLS1_2 | C::CALLBACKS, INSIDE, 3, ASK, SHUTDOWN, HANDSHAKE][..],
                &[SHAKE_HANDS, INSIDE, 5, WRITE, 0, 9, SET_CONTEXT, 255],
                &talk,
            ]
            .concat(),
        ),
        ("cut", [&[TLS1_3][..], &talk, &[WRITE, 0, 9, END, SERVER | READ, 0, 99]].concat()),
        ("session", [&[TLS1_2][..], &talk, &[SET_SESSION, SERVER | SET_SESSION], &talk].concat()),
    ]
}

const YES: u8 = 0;
const NO: u8 = 1;
const FAIL: u8 = 2;
const PANIC: u8 = 3;

/// Name, offers, and answers for ALPN, server name, staple, judgement of that, verification, info
/// and key log; for DTLS the cookie and its judgement.
fn callback_answers() -> [(&'static str, Vec<u8>); 10] {
    let offers = [2, 2, b'h', b'2', 3, b'a', b'b', b'c'];
    let long = |number: u16| [&[4][..], &number.to_be_bytes(), b"x"].concat();
    [
        ("yes", [&[TLS1_2, YES][..], &offers, &[YES; 7]].concat()),
        ("no-overlap", [&[TLS1_3, YES][..], &offers, &[NO, YES, YES, YES, YES, YES, YES]].concat()),
        ("other", [&[TLS1_3, YES][..], &offers, b"\x07zz", &[YES; 6]].concat()),
        ("long-alpn", [&[TLS1_2, YES][..], &offers, &long(256), &[YES; 6]].concat()),
        ("fail", [&[TLS1_2, YES][..], &offers, &[YES, FAIL, YES, YES, FAIL, YES, YES]].concat()),
        ("panic", [&[TLS1_3, YES][..], &offers, &[YES, YES, PANIC, YES, YES, YES, YES]].concat()),
        ("staple", [&[TLS1_3, YES][..], &offers, &[YES, YES], &long(9000), &[YES; 4]].concat()),
        ("cookie", vec![DTLS, YES, YES]),
        ("long-cookie", [&[DTLS][..], &long(256), &[YES]].concat()),
        ("cookie-refused", vec![DTLS, YES, NO]),
    ]
}
