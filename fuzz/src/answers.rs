//! What callbacks give back to C: names of protocols, cookies, OCSP responses, verdicts, failures,
//! of any length and in any combination.
//!
//! An input is the configuration, then what the client asks for and what each callback answers.

use std::cell::RefCell;
use std::ffi::CString;
use std::sync::Arc;

use openssl_rust::tls::callbacks::{
    AlpnAnswer, CallbackResult, ConnectionState, OcspCallback, ServerNameAnswer, Verification,
};
use openssl_rust::tls::constants::VERIFY_PEER;
use openssl_rust::tls::testing::{CALM, Pair, in_memory};
use openssl_rust::tls::{Connection, Error};

use crate::chance::{Drawer, draw_as, restart};
use crate::ends::{self, Configuration};
use crate::input::Input;

/// How a callback ends.
#[derive(Clone, Debug)]
enum Answer {
    Bytes(Vec<u8>),
    Yes,
    No,
    Fail,
    Panic,
}

impl Answer {
    fn read(input: &mut Input<'_>) -> Self {
        match input.byte() {
            0 => Self::Yes,
            1 => Self::No,
            2 => Self::Fail,
            3 => Self::Panic,
            4 => {
                // Some lengths matter more than others.
                let len = input.number();
                Self::Bytes(vec![input.byte(); len])
            }
            len => Self::Bytes(input.take(usize::from(len) - 5).to_vec()),
        }
    }

    /// Runs the callback to its end.
    fn give(&self) -> CallbackResult<&[u8]> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Yes => Ok(b"yes"),
            Self::No => Ok(b""),
            Self::Fail => Err("as the input says".into()),
            Self::Panic => std::panic::panic_any(OnPurpose),
        }
    }

    fn is_failure(&self) -> bool {
        matches!(self, Self::Fail | Self::Panic)
    }
}

/// What callbacks panic with.
struct OnPurpose;

/// What was asked for and answered in this run.
#[derive(Default)]
struct Seen {
    name: Option<Vec<u8>>,
    offered: Option<Vec<Vec<u8>>>,
    /// One per callback that was run, if it failed.
    failed: Vec<&'static str>,
    judged: Option<Vec<u8>>,
    refused: bool,
}

thread_local! {
    static SEEN: RefCell<Seen> = RefCell::default();
}

fn note(look: impl FnOnce(&mut Seen)) {
    SEEN.with_borrow_mut(look);
}

/// Runs a callback that ends as the input says.
fn end<'a>(which: &'static str, answer: &'a Answer) -> CallbackResult<&'a [u8]> {
    if answer.is_failure() {
        note(|seen| seen.failed.push(which));
    }
    answer.give()
}

/// Shakes hands with callbacks that answer as the input says.
pub fn run(data: &[u8]) {
    quiet_panics();
    let mut input = Input::new(data);
    let configuration = Configuration::new(input.byte() & (3 | Configuration::MUTUAL));
    SEEN.take();
    restart();
    ends::forget();
    if configuration.is_dtls() {
        cookies(configuration, &mut input);
    } else {
        handshakes(configuration, &mut input);
    }
    ends::expect_clean_queue();
}

/// The panics of these callbacks are expected, and libFuzzer's hook ends the process.
fn quiet_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info.payload().is::<OnPurpose>() {
                usual(info);
            }
        }));
    });
}

fn handshakes(configuration: Configuration, input: &mut Input<'_>) {
    let name = match Answer::read(input) {
        Answer::Bytes(bytes) => CString::new(bytes).ok(),
        Answer::Yes => Some(ends::NAME.into()),
        _ => None,
    };
    let offers: Vec<&[u8]> = (0..input.byte() & 7)
        .map(|_| {
            let len = usize::from(input.byte());
            input.take(len)
        })
        .collect();
    let [alpn, server_name, staple, judge, verify, info, keylog] =
        std::array::from_fn(|_| Answer::read(input));

    let server = ends::make(true, configuration);
    let client = ends::make(false, configuration);
    let settings = server.settings();
    let choose = {
        let answer = alpn.clone();
        move |_: &ConnectionState, offered: &[&[u8]]| {
            note(|seen| seen.offered = Some(offered.iter().map(|name| name.to_vec()).collect()));
            Ok(match (&answer, end("alpn", &answer)?) {
                (Answer::Yes, _) => AlpnAnswer::Protocol(offered.last().unwrap().to_vec()),
                (Answer::No, _) => AlpnAnswer::NoOverlap,
                (_, name) => AlpnAnswer::Protocol(name.to_vec()),
            })
        }
    };
    settings.set_alpn_select_callback(Arc::new(choose)).unwrap();
    let see_name = {
        let answer = server_name.clone();
        move |_: &ConnectionState| {
            Ok(match end("server name", &answer)? {
                b"" => ServerNameAnswer::Refuse,
                _ => ServerNameAnswer::Continue,
            })
        }
    };
    settings.set_server_name_callback(Arc::new(see_name)).unwrap();
    let respond = {
        let answer = staple.clone();
        move |_: &ConnectionState| end("staple", &answer).map(<[u8]>::to_vec)
    };
    settings.set_ocsp_callback(OcspCallback::Server(Arc::new(respond))).unwrap();
    let look = {
        let answer = info.clone();
        move |_: &ConnectionState, _, _| end("info", &answer).map(drop)
    };
    settings.set_info_callback(Arc::new(look)).unwrap();
    let log = {
        let answer = keylog.clone();
        move |_: &ConnectionState, _: &[u8]| end("keylog", &answer).map(drop)
    };
    settings.set_keylog_callback(Arc::new(log)).unwrap();
    drop(settings);

    let settings = client.settings();
    let judge_response = {
        let answer = judge.clone();
        move |_: &ConnectionState, response: &[u8]| {
            note(|seen| seen.judged = Some(response.to_vec()));
            let accept = !end("judge", &answer)?.is_empty();
            note(|seen| seen.refused |= !accept);
            Ok(accept)
        }
    };
    settings.set_ocsp_callback(OcspCallback::Client(Arc::new(judge_response))).unwrap();
    let judge_certificate = {
        let answer = verify.clone();
        move |_: &ConnectionState, _: Verification| {
            let accept = !end("verify", &answer)?.is_empty();
            note(|seen| seen.refused |= !accept);
            Ok(accept)
        }
    };
    settings.set_verify(VERIFY_PEER as i32, Some(Arc::new(judge_certificate))).unwrap();
    drop(settings);

    let pair = Pair { client: in_memory(&client), server: in_memory(&server) };
    pair.server.step().set_accept_state().unwrap();
    pair.client.step().set_connect_state().unwrap();
    pair.client.step().request_ocsp().unwrap();
    let asked = name.filter(|name| match pair.client.step().set_server_name(name) {
        Ok(()) => {
            assert!((1..=255).contains(&name.count_bytes()));
            true
        }
        Err(error) => {
            assert!(matches!(error, Error::Library(_)));
            false
        }
    });
    let offered = match pair.client.step().set_alpn_protocols(&offers) {
        Ok(()) => offers,
        Err(error) => {
            assert!(matches!(error, Error::Library(_) | Error::Invalid(_)));
            ends::PROTOCOLS.to_vec()
        }
    };

    let outcomes = shake_hands(&pair);
    let succeeded = outcomes.iter().all(Option::is_none);
    let seen = SEEN.take();

    // Whoever was told no says no.
    if seen.failed.contains(&"verify") || seen.failed.contains(&"judge") || seen.refused {
        assert!(outcomes[0].is_some(), "the client went on in spite of a refusal");
    }
    for (which, side) in
        [("alpn", 1), ("server name", 1), ("staple", 1), ("info", 1), ("keylog", 1)]
    {
        if seen.failed.contains(&which) {
            assert!(outcomes[side].is_some(), "the server went on in spite of a failure: {which}");
        }
    }
    for (side, outcome) in outcomes.iter().enumerate() {
        let callbacks: [&str; 2] = ["verify", "judge"];
        let ours = |which: &&str| (side == 0) == callbacks.contains(which);
        match outcome {
            Some(Error::Callback(error)) => {
                let text = error.to_string();
                let known = text == "as the input says" || text.contains("255 bytes");
                assert!(known || text.contains("response is too long"), "{text}");
            }
            Some(Error::Panicked(_)) => assert!(seen.failed.iter().any(ours)),
            Some(error) => ends::expect_peers_fault(error),
            None => assert!(!seen.failed.iter().any(ours), "{:?} did not count", seen.failed),
        }
    }
    if let Some(list) = &seen.offered {
        assert_eq!(*list, offered);
    }
    if let Some(response) = &seen.judged {
        let stapled: &[u8] = match &staple {
            Answer::Bytes(bytes) => bytes,
            Answer::Yes => b"yes",
            _ => b"",
        };
        assert!(response.is_empty() || response == stapled);
    }
    if !succeeded {
        return;
    }
    let (client, server) = (pair.client.step(), pair.server.step());
    let agreed = client.alpn_protocol();
    assert_eq!(agreed, server.alpn_protocol());
    assert!(agreed.is_empty() || offered.contains(&&agreed[..]), "not offered: {agreed:?}");
    if let (Answer::Bytes(bytes), Some(_)) = (&alpn, &seen.offered) {
        assert_eq!(agreed, *bytes);
        assert!(bytes.len() <= 255);
    }
    assert_eq!(server.server_name().as_deref(), asked.as_deref().map(|name| name.to_bytes()));
    let _ = seen.name;
    ends::ask_everything(&client);
    ends::ask_everything(&server);
}

/// Shakes hands until neither end goes on, and returns what each failed with.
fn shake_hands(pair: &Pair) -> [Option<Error>; 2] {
    let mut outcomes = [None, None];
    let mut done = [false; 2];
    for _ in 0..8 {
        for (side, end) in [&pair.client, &pair.server].into_iter().enumerate() {
            draw_as(if side == 0 { Drawer::Client } else { Drawer::Server });
            if outcomes[side].is_some() {
                continue;
            }
            match end.handshake(CALM) {
                Ok(()) => done[side] = true,
                Err(Error::WantRead) => done[side] = false,
                Err(error) => outcomes[side] = Some(error),
            }
            pair.carry();
        }
    }
    for side in 0..2 {
        if !done[side] && outcomes[side].is_none() {
            outcomes[side] = Some(Error::WantRead);
        }
    }
    outcomes
}

fn cookies(configuration: Configuration, input: &mut Input<'_>) {
    let [make, judge] = std::array::from_fn(|_| Answer::read(input));
    let context = ends::make(true, configuration);
    let settings = context.settings();
    let generate = {
        let answer = make.clone();
        move |_: &ConnectionState| end("make", &answer).map(<[u8]>::to_vec)
    };
    settings.set_cookie_generate_callback(Arc::new(generate)).unwrap();
    let check = {
        let answer = judge.clone();
        move |_: &ConnectionState, cookie: &[u8]| {
            note(|seen| seen.judged = Some(cookie.to_vec()));
            end("judge", &answer).map(|answer| !answer.is_empty())
        }
    };
    settings.set_cookie_verify_callback(Arc::new(check)).unwrap();
    drop(settings);

    let pair = Pair { client: ends::client(configuration), server: in_memory(&context) };
    pair.server.step().set_accept_state().unwrap();
    let mut passed = false;
    for _ in 0..3 {
        draw_as(Drawer::Client);
        match pair.client.handshake(CALM) {
            Err(Error::WantRead | Error::Library(_)) => {}
            other => panic!("a client alone: {other:?}"),
        }
        pair.carry();
        draw_as(Drawer::Server);
        match pair.server.listen(CALM) {
            Ok(()) => {
                passed = true;
                break;
            }
            Err(Error::Callback(error)) => {
                let text = error.to_string();
                assert!(text == "as the input says" || text.contains("255 bytes"));
            }
            Err(Error::Panicked(_)) => {}
            Err(error) => ends::expect_peers_fault(&error),
        }
        carry_back(&pair.server, &pair.client);
    }
    let seen = SEEN.take();
    let made = match &make {
        Answer::Bytes(bytes) => &bytes[..],
        Answer::Yes => b"yes",
        _ => b"",
    };
    assert!(made.len() <= 255 || (!passed && seen.judged.is_none()), "too long a cookie went out");
    if let Some(cookie) = &seen.judged {
        assert_eq!(cookie, made);
    }
    let accepts = matches!(&judge, Answer::Yes)
        || matches!(&judge, Answer::Bytes(bytes) if !bytes.is_empty());
    assert_eq!(passed, accepts && seen.judged.is_some());
    ends::ask_everything(&pair.server.step());
}

fn carry_back(from: &Connection, to: &Connection) {
    openssl_rust::tls::testing::carry(from, to);
}
