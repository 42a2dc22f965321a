//! What contexts remember, and when they stop being changed.

use std::ffi::CString;
use std::sync::Arc;

use openssl_rust::tls::callbacks::AlpnAnswer;
use openssl_rust::tls::constants::{
    OP_NO_TICKET, SESS_CACHE_OFF, TLS_METHOD, TLS1_2_VERSION, VERIFY_PEER,
};
use openssl_rust::tls::testing::{Pair, context, contexts, in_memory};
use openssl_rust::tls::{Context, Error};

#[test]
fn a_context_with_a_connection_is_not_changed_any_more() {
    let context = context(TLS_METHOD);
    context.settings().set_timeout(7).unwrap();
    let _connection = in_memory(&context);
    assert!(matches!(context.settings().set_timeout(8), Err(Error::ContextInUse)));
    assert_eq!(context.settings().timeout(), 7);
    // The store stays open.
    assert!(context.settings().certificate_store().unwrap().is_some());
}

#[test]
fn a_refused_setting_is_not_recorded() {
    let context = context(TLS_METHOD);
    assert!(matches!(context.settings().set_cipher_list(c"nonsense"), Err(Error::Library(_))));
    context.renew().unwrap();
}

#[test]
fn every_setting_applies_again_to_a_fresh_context() {
    let (client, server) = contexts(TLS1_2_VERSION as i32);
    let cipher = CString::new("ECDHE-ECDSA-AES256-GCM-SHA384").unwrap();
    {
        let settings = client.settings();
        settings.set_cipher_list(&cipher).unwrap();
        settings.set_alpn_protocols(&[b"one", b"two"]).unwrap();
        settings.set_timeout(1234).unwrap();
        settings.set_verify_depth(5).unwrap();
        settings.set_session_cache_mode(SESS_CACHE_OFF).unwrap();
        let settings = server.settings();
        settings.set_options(OP_NO_TICKET as u64).unwrap();
        settings
            .set_alpn_select_callback(Arc::new(|_, _| Ok(AlpnAnswer::Protocol(b"two".to_vec()))))
            .unwrap();
    }
    // In use, so that nothing could still be changed in the old ones.
    Pair::new(&client, &server).handshake().unwrap();
    let renewed: [Context; 2] = [client.renew().unwrap(), server.renew().unwrap()];
    drop((client, server));
    let settings = renewed[0].settings();
    assert_eq!(settings.timeout(), 1234);
    assert_eq!(settings.verify_depth(), 5);
    assert_eq!(i64::from(settings.verify_mode()), VERIFY_PEER);
    assert_eq!(settings.session_cache_mode(), SESS_CACHE_OFF);
    drop(settings);
    renewed[1].settings().set_timeout(1).unwrap();
    let pair = Pair::new(&renewed[0], &renewed[1]);
    pair.handshake().unwrap();
    assert_eq!(pair.client.step().version_name(), "TLSv1.2");
    assert_eq!(pair.client.step().cipher().unwrap().name, "ECDHE-ECDSA-AES256-GCM-SHA384");
    assert_eq!(pair.client.step().alpn_protocol(), b"two");
}

#[test]
fn a_context_outlives_its_own_handle_through_its_store() {
    let context = context(TLS_METHOD);
    let store = context.settings().certificate_store().unwrap().unwrap();
    drop(context);
    store.set_flags(0).unwrap();
}
