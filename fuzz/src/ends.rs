//! Contexts for the targets, and what a connection is asked and must obey whatever its peer sends.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use openssl_rust::tls::callbacks::{
    AlpnAnswer, CallbackResult, ConnectionState, OcspCallback, ServerNameAnswer, Verification,
};
use openssl_rust::tls::connection::Step;
use openssl_rust::tls::constants::{
    DTLS_METHOD, OP_NO_QUERY_MTU, SESS_CACHE_OFF, TLS_METHOD, TLS1_2_VERSION, TLS1_3_VERSION,
    VERIFY_FAIL_IF_NO_PEER_CERT, VERIFY_PEER,
};
use openssl_rust::tls::error::queue_is_empty;
use openssl_rust::tls::pkey::PKey;
use openssl_rust::tls::testing::{Pair, context, in_memory, read};
use openssl_rust::tls::x509::Certificate;
use openssl_rust::tls::{Connection, Context, Error, Session};

use crate::chance::{Drawer, draw_as, restart};

macro_rules! data {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/compat/data/", $name))
    };
}

/// The protocols that clients offer and servers choose from.
pub const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// The name that clients ask for.
pub const NAME: &std::ffi::CStr = c"localhost";
/// The size of datagrams.
const MTU: i64 = 1400;

/// What the two ends speak, from one byte of the input.
#[derive(Clone, Copy, Debug)]
pub struct Configuration(u8);

impl Configuration {
    /// Both ends show a certificate.
    pub const MUTUAL: u8 = 4;
    /// Every callback is there.
    pub const CALLBACKS: u8 = 8;
    /// Handshakes are done by reading, and not asked for.
    pub const IMPLICIT: u8 = 16;
    /// The callbacks for verification refuse everything.
    pub const REFUSING: u8 = 32;
    /// The client knows a session from before.
    pub const RESUMING: u8 = 64;

    /// What a byte says.
    pub fn new(byte: u8) -> Self {
        Self(byte)
    }

    /// Whether one of the flags above is set.
    pub fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    /// The one version of TLS that is spoken; 0 for any.
    pub fn version(self) -> i64 {
        [0, TLS1_2_VERSION, TLS1_3_VERSION, 0][usize::from(self.0 & 3)]
    }

    /// Whether it is DTLS that is spoken.
    pub fn is_dtls(self) -> bool {
        self.0 & 3 == 3
    }

    /// What of it is a matter of contexts.
    fn of_context(self) -> u8 {
        self.0 & (3 | Self::MUTUAL | Self::CALLBACKS | Self::REFUSING)
    }

    /// Whether a handshake must not succeed.
    pub fn refuses(self) -> bool {
        self.has(Self::REFUSING)
    }
}

thread_local! {
    static CONTEXTS: RefCell<HashMap<(bool, u8), Context>> = RefCell::default();
    static IDENTITIES: RefCell<HashMap<Who, (Certificate, Option<PKey>)>> = RefCell::default();
    static SESSIONS: RefCell<HashMap<u8, Option<Session>>> = RefCell::default();
    /// What the callbacks saw since [`forget`].
    static SEEN: RefCell<Seen> = RefCell::default();
}

/// What the callbacks saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// A certificate was accepted.
    pub accepted: bool,
    /// A certificate was refused.
    pub refused: bool,
    /// A DTLS cookie came back as it was made.
    pub cookie: bool,
}

/// Forgets what the callbacks saw.
pub fn forget() {
    SEEN.take();
}

/// What the callbacks saw.
pub fn seen() -> Seen {
    SEEN.with_borrow(Seen::clone)
}

/// A client that has not said anything yet.
pub fn client(configuration: Configuration) -> Connection {
    let connection = in_memory(&cached(false, configuration));
    draw_as(Drawer::Client);
    connection.step().set_mtu(MTU);
    connection.step().set_connect_state().unwrap();
    connection.step().set_server_name(NAME).unwrap();
    if configuration.has(Configuration::CALLBACKS) {
        connection.step().request_ocsp().unwrap();
    }
    connection
}

/// A server that has not heard anything yet.
pub fn server(configuration: Configuration) -> Connection {
    let connection = in_memory(&cached(true, configuration));
    draw_as(Drawer::Server);
    connection.step().set_mtu(MTU);
    connection.step().set_accept_state().unwrap();
    connection
}

/// A session that a client and a server of this configuration have had before, if it says so;
/// `None` where their handshake fails, and for DTLS.
pub fn earlier_session(configuration: Configuration) -> Option<Session> {
    if !configuration.has(Configuration::RESUMING) || configuration.is_dtls() {
        return None;
    }
    let key = configuration.of_context();
    if let Some(known) = SESSIONS.with_borrow(|all| all.get(&key).cloned()) {
        return known;
    }
    restart();
    let pair = Pair { client: client(configuration), server: server(configuration) };
    let session = match pair.handshake() {
        Ok(()) => {
            // TLS 1.3 sends its tickets after the handshake: reading takes them in.
            assert!(matches!(read(&pair.client), Err(Error::WantRead)));
            pair.client.step().session().unwrap()
        }
        Err(_) => None,
    };
    SESSIONS.with_borrow_mut(|all| all.insert(key, session.clone()));
    session
}

/// Making a context costs more than a handshake.
fn cached(is_server: bool, configuration: Configuration) -> Context {
    let bits = configuration.of_context();
    CONTEXTS.with_borrow_mut(|all| {
        all.entry((is_server, bits)).or_insert_with(|| make(is_server, configuration)).clone()
    })
}

/// A context that no connection has yet.
pub fn make(is_server: bool, configuration: Configuration) -> Context {
    draw_as(Drawer::Context);
    let made = context(if configuration.is_dtls() { DTLS_METHOD } else { TLS_METHOD });
    let settings = made.settings();
    settings.set_min_version(configuration.version() as i32).unwrap();
    settings.set_max_version(configuration.version() as i32).unwrap();
    // Sessions in the cache would tie one input to another; tickets do not.
    settings.set_session_cache_mode(SESS_CACHE_OFF as _).unwrap();
    settings.set_session_id_context(b"fuzz").unwrap();
    settings.set_timeout(1 << 30).unwrap();

    settings
        .certificate_store()
        .unwrap()
        .unwrap()
        .add_certificate(&identity(Who::Authority).0)
        .unwrap();
    let who = Who::of(is_server, configuration);
    if is_server || configuration.has(Configuration::MUTUAL) {
        let (certificate, key) = identity(who);
        settings.use_certificate(certificate).unwrap();
        settings.use_private_key(key.unwrap()).unwrap();
    }
    if !is_server || configuration.has(Configuration::MUTUAL) {
        let refuse = configuration.refuses();
        let judge = move |_: &ConnectionState, asked: Verification| {
            let accept = asked.ok == 1 && !refuse;
            SEEN.with_borrow_mut(|seen| {
                seen.accepted |= accept;
                seen.refused |= !accept;
            });
            Ok(accept)
        };
        let mode = (VERIFY_PEER | VERIFY_FAIL_IF_NO_PEER_CERT) as i32;
        settings.set_verify(mode, Some(Arc::new(judge))).unwrap();
    }
    if !is_server {
        settings.set_alpn_protocols(&PROTOCOLS).unwrap();
    }
    if configuration.has(Configuration::CALLBACKS) {
        install_callbacks(&made, is_server);
    }
    // A first hello in several datagrams would not be listened to.
    settings.set_options(OP_NO_QUERY_MTU as u64).unwrap();
    if configuration.is_dtls() && is_server {
        settings.set_cookie_generate_callback(Arc::new(|_| Ok(b"a cookie".to_vec()))).unwrap();
        let compare = |_: &ConnectionState, cookie: &[u8]| {
            let same = cookie == b"a cookie";
            SEEN.with_borrow_mut(|seen| seen.cookie |= same);
            Ok(same)
        };
        settings.set_cookie_verify_callback(Arc::new(compare)).unwrap();
    }
    drop(settings);
    made
}

/// The certificate of the server, or of the client.
pub fn certificate(of_server: bool, configuration: Configuration) -> Certificate {
    identity(Who::of(of_server, configuration)).0
}

/// Who a certificate is about.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
enum Who {
    Authority,
    Client,
    Server,
    /// What the OCSP response is about; OpenSSL sends no other.
    StapledServer,
}

impl Who {
    fn of(is_server: bool, configuration: Configuration) -> Self {
        match is_server {
            false => Self::Client,
            true if configuration.has(Configuration::CALLBACKS) => Self::StapledServer,
            true => Self::Server,
        }
    }
}

/// A certificate and its key. Reading them takes longer than a handshake.
fn identity(who: Who) -> (Certificate, Option<PKey>) {
    let read = || {
        let (certificate, key): (&[u8], &[u8]) = match who {
            Who::Authority => (data!("ca.pem"), b""),
            Who::Client => (data!("client.pem"), data!("client.key")),
            Who::Server => (data!("server-ec.pem"), data!("server-ec.key")),
            Who::StapledServer => (data!("server.pem"), data!("server.key")),
        };
        let certificate = Certificate::from_pem(certificate).unwrap();
        (certificate, PKey::private_from_pem(key, None).ok())
    };
    IDENTITIES.with_borrow_mut(|all| all.entry(who).or_insert_with(read).clone())
}

fn install_callbacks(context: &Context, is_server: bool) {
    let settings = context.settings();
    let look = |state: &ConnectionState| -> CallbackResult<()> {
        assert!(state.user_data::<()>().is_none());
        Ok(())
    };
    settings.set_info_callback(Arc::new(move |state, _, _| look(state))).unwrap();
    let keylog = |_: &ConnectionState, line: &[u8]| {
        assert!(line.iter().all(u8::is_ascii_graphic) || line.contains(&b' '));
        Ok(())
    };
    settings.set_keylog_callback(Arc::new(keylog)).unwrap();
    if is_server {
        settings.set_server_name_callback(Arc::new(|_| Ok(ServerNameAnswer::Continue))).unwrap();
        let choose = |_: &ConnectionState, offered: &[&[u8]]| {
            let chosen = PROTOCOLS.iter().find(|name| offered.contains(name));
            Ok(chosen.map_or(AlpnAnswer::NoOverlap, |name| AlpnAnswer::Protocol(name.to_vec())))
        };
        settings.set_alpn_select_callback(Arc::new(choose)).unwrap();
        let staple = |_: &ConnectionState| Ok(data!("staple.der").to_vec());
        settings.set_ocsp_callback(OcspCallback::Server(Arc::new(staple))).unwrap();
    } else {
        let judge = |_: &ConnectionState, _: &[u8]| Ok(true);
        settings.set_ocsp_callback(OcspCallback::Client(Arc::new(judge))).unwrap();
    }
}

/// Fails unless this is an error that a peer can cause.
pub fn expect_peers_fault(error: &Error) {
    match error {
        Error::WantRead | Error::ZeroReturn | Error::UnexpectedEof | Error::Library(_) => {}
        other => panic!("no peer can cause this: {other:?}"),
    }
    expect_clean_queue();
}

/// Fails if a call has left something in the error queue.
pub fn expect_clean_queue() {
    assert!(queue_is_empty());
}

/// Asks a connection everything that can be asked at any time.
pub fn ask_everything(step: &Step<'_>) {
    let _ = (step.pending(), step.wants_read(), step.wants_write(), step.shutdown_state());
    let _ = (step.state_string(), step.server_name(), step.alpn_protocol(), step.srtp_profile());
    let _ = (step.version_name(), step.version(), step.cipher(), step.cipher_names());
    let _ = (step.group_name(), step.renegotiate_pending(), step.total_renegotiations());
    let _ = (step.session(), step.is_resumed(), step.client_random(), step.server_random());
    let _ = (step.master_key(), step.finished(), step.peer_finished(), step.verify_mode());
    let _ = (step.certificate(), step.peer_certificate(), step.peer_chain());
    let _ = (step.verified_chain(), step.client_cas(), step.data_mtu(), step.timeout());
    let _ = step.export_keying_material(b"EXPERIMENTAL fuzz", 32, None);
    let _ = step.export_keying_material(b"EXPERIMENTAL fuzz", 32, Some(b"context"));
    let _ = step.untaken();
    expect_clean_queue();
}
