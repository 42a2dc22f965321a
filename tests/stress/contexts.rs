//! What all pairs share: contexts, certificates, keys, stores, sessions.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use openssl_rust::tls::callbacks::{
    AlpnAnswer, CallbackResult, ConnectionState, OcspCallback, ServerNameAnswer, Verification,
};
use openssl_rust::tls::constants::{TLS_METHOD, TLS1_2_VERSION, TLS1_3_VERSION, VERIFY_PEER};
use openssl_rust::tls::pkey::PKey;
use openssl_rust::tls::testing::{context, identity};
use openssl_rust::tls::x509::{Certificate, Store};
use openssl_rust::tls::{Connection, Context, Session};

/// Clients' and servers' contexts: first for TLS 1.2, then for TLS 1.3.
pub(crate) struct Contexts {
    pub(crate) clients: [Context; 2],
    /// With the name that each serves. A server begins with the first, and changes to the one that
    /// the client asks for.
    pub(crate) servers: [[Context; 2]; 2],
    pub(crate) certificate: Certificate,
    pub(crate) key: PKey,
    pub(crate) store: Store,
    /// What clients may resume.
    pub(crate) sessions: [Mutex<Vec<Session>>; 2],
}

/// What a callback needs to know of the connection that runs it.
pub(crate) struct Myself {
    pub(crate) connection: Weak<Connection>,
    /// How many calls of callbacks are left until one fails; `usize::MAX` for never.
    pub(crate) fuse: AtomicUsize,
    /// Whether it fails by a panic.
    pub(crate) panics: bool,
    /// Whether one has failed.
    pub(crate) failed: AtomicBool,
}

/// What a callback panics with.
pub(crate) struct OnPurpose;

impl Contexts {
    pub(crate) fn new() -> Self {
        let (certificate, key) = identity();
        let versions = [TLS1_2_VERSION as i32, TLS1_3_VERSION as i32];
        let clients = versions.map(|version| client(version, &certificate));
        let store = clients[0].settings().certificate_store().unwrap().unwrap();
        let servers = versions.map(|version| {
            let second = server(version, &certificate, &key, None);
            [server(version, &certificate, &key, Some(second.clone())), second]
        });
        let sessions = Default::default();
        Self { clients, servers, certificate, key, store, sessions }
    }
}

fn any(version: i32) -> Context {
    let context = context(TLS_METHOD);
    let settings = context.settings();
    settings.set_min_version(version).unwrap();
    settings.set_max_version(version).unwrap();
    settings.set_session_id_context(b"stress").unwrap();
    settings.set_info_callback(Arc::new(|state, _, _| pass(state))).unwrap();
    settings.set_keylog_callback(Arc::new(|state, _| pass(state))).unwrap();
    drop(settings);
    context
}

fn client(version: i32, trusted: &Certificate) -> Context {
    let context = any(version);
    let settings = context.settings();
    settings.certificate_store().unwrap().unwrap().add_certificate(trusted).unwrap();
    let judge = |state: &ConnectionState, asked: Verification| {
        pass(state)?;
        assert!(asked.certificate.unwrap().subject_name_hash() != 0);
        Ok(asked.ok == 1)
    };
    settings.set_verify(VERIFY_PEER as i32, Some(Arc::new(judge))).unwrap();
    settings.set_alpn_protocols(&[b"one", b"two"]).unwrap();
    let judge = |state: &ConnectionState, _: &[u8]| pass(state).map(|()| true);
    settings.set_ocsp_callback(OcspCallback::Client(Arc::new(judge))).unwrap();
    drop(settings);
    context
}

fn server(version: i32, certificate: &Certificate, key: &PKey, other: Option<Context>) -> Context {
    let context = any(version);
    let settings = context.settings();
    settings.use_certificate(certificate.clone()).unwrap();
    settings.use_private_key(key.clone()).unwrap();
    let choose = |state: &ConnectionState, offered: &[&[u8]]| {
        pass(state)?;
        Ok(AlpnAnswer::Protocol(offered[0].to_vec()))
    };
    settings.set_alpn_select_callback(Arc::new(choose)).unwrap();
    if let Some(other) = other {
        let exchange = move |state: &ConnectionState| {
            pass(state)?;
            let myself: &Arc<Myself> = state.user_data().unwrap();
            if let Some(connection) = myself.connection.upgrade() {
                let step = connection.step();
                if step.server_name().as_deref() == Some(b"two") {
                    step.set_context(&other)?;
                }
            }
            Ok(ServerNameAnswer::Continue)
        };
        settings.set_server_name_callback(Arc::new(exchange)).unwrap();
    }
    drop(settings);
    context
}

/// What every callback does: it calls its own connection, and fails when its fuse has burnt down.
fn pass(state: &ConnectionState) -> CallbackResult<()> {
    let myself: &Arc<Myself> = state.user_data().unwrap();
    // Gone already when it is dropped.
    if let Some(connection) = myself.connection.upgrade() {
        let step = connection.try_step().expect("this thread is in a step");
        let _ = (step.version(), step.state_string(), step.session());
    }
    let burn = |left: usize| (left != usize::MAX).then(|| left.saturating_sub(1));
    match myself.fuse.fetch_update(Ordering::Relaxed, Ordering::Relaxed, burn) {
        Ok(0) => {
            myself.fuse.store(usize::MAX, Ordering::Relaxed);
            myself.failed.store(true, Ordering::Relaxed);
            if myself.panics {
                std::panic::resume_unwind(Box::new(OnPurpose));
            }
            Err("on purpose".into())
        }
        _ => Ok(()),
    }
}
