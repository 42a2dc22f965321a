"""Methods and versions of contexts, what they remember, and that they do not change once used."""

from __future__ import annotations

import os
from typing import Any, Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL, crypto
from support.certificates import Authority, Identity
from support.implementation import deviation
from support.tls import handshake, negotiate, new_client_context, new_server_context, pair_in_memory

USED = "Context has already been used to create a Connection, it cannot be mutated again"


# Methods and versions


@pytest.mark.parametrize(
    "method",
    [
        SSL.SSLv23_METHOD,
        SSL.TLSv1_METHOD,
        SSL.TLSv1_1_METHOD,
        SSL.TLSv1_2_METHOD,
        SSL.TLS_METHOD,
        SSL.TLS_SERVER_METHOD,
        SSL.TLS_CLIENT_METHOD,
        SSL.DTLS_METHOD,
        SSL.DTLS_SERVER_METHOD,
        SSL.DTLS_CLIENT_METHOD,
    ],
)
def test_every_method_makes_a_context(method: int) -> None:
    assert isinstance(SSL.Context(method), SSL.Context)


@pytest.mark.parametrize("method", [-1, 0, 13, 1000, 2**31, 2**63, 2**200])
def test_unknown_method_is_refused(method: int) -> None:
    with pytest.raises(ValueError, match=r"^No such protocol$"):
        SSL.Context(method)


@pytest.mark.parametrize("method", ["7", b"7", 7.0, None])
def test_method_must_be_an_integer(method: Any) -> None:
    with pytest.raises(TypeError):
        SSL.Context(method)


@deviation
@pytest.mark.parametrize(("name", "value"), [("SSLv2_METHOD", 1), ("SSLv3_METHOD", 2)])
def test_methods_long_gone_still_have_a_name(name: str, value: int) -> None:
    assert getattr(SSL, name) == value
    with pytest.raises(ValueError, match=r"^No such protocol$"):
        SSL.Context(value)


@deviation
def test_old_aliases_of_the_classes_are_kept() -> None:
    assert SSL.ContextType is SSL.Context
    assert SSL.ConnectionType is SSL.Connection


def test_a_versioned_method_speaks_only_its_version(
    server_identity: Identity, authority: Authority
) -> None:
    pair = pair_in_memory(
        new_client_context(authority),
        new_server_context(server_identity, method=SSL.TLSv1_2_METHOD),
    )
    assert handshake(pair).client.get_protocol_version_name() == "TLSv1.2"


def test_a_method_for_one_role_serves_that_role(
    server_identity: Identity, authority: Authority
) -> None:
    handshake(
        pair_in_memory(
            new_client_context(authority, method=SSL.TLS_CLIENT_METHOD),
            new_server_context(server_identity, method=SSL.TLS_SERVER_METHOD),
        )
    )


def test_the_highest_common_version_is_chosen(
    server_identity: Identity, authority: Authority
) -> None:
    pair = pair_in_memory(new_client_context(authority), new_server_context(server_identity))
    assert handshake(pair).server.get_protocol_version() == SSL.TLS1_3_VERSION


def test_options_exclude_a_version(server_identity: Identity, authority: Authority) -> None:
    server = new_server_context(server_identity)
    server.set_options(SSL.OP_NO_TLSv1_3)
    pair = handshake(pair_in_memory(new_client_context(authority), server))
    assert pair.client.get_protocol_version() == SSL.TLS1_2_VERSION


def test_no_common_version_is_an_error_on_both_sides(
    server_identity: Identity, authority: Authority
) -> None:
    outcome = negotiate(
        pair_in_memory(
            new_client_context(authority, SSL.TLS1_2_VERSION),
            new_server_context(server_identity, SSL.TLS1_3_VERSION),
        )
    )
    assert isinstance(outcome.server, SSL.Error)
    assert outcome.server.args == ([("SSL routines", "", "unsupported protocol")],)
    assert isinstance(outcome.client, SSL.Error)
    assert outcome.client.args == ([("SSL routines", "", "tlsv1 alert protocol version")],)


def test_zero_lifts_the_bounds_of_the_versions(
    context: SSL.Context, server_identity: Identity, authority: Authority
) -> None:
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.set_min_proto_version(0)
    context.set_max_proto_version(0)
    server_identity.install(context)
    pair = handshake(pair_in_memory(new_client_context(authority), context))
    assert pair.client.get_protocol_version() == SSL.TLS1_3_VERSION


def test_a_version_that_openssl_does_not_know_is_an_error(context: SSL.Context) -> None:
    with pytest.raises(SSL.Error):
        context.set_min_proto_version(1)


# A used context


def _callback(*_: Any) -> bool:
    return True


MUTATIONS: dict[str, Callable[[SSL.Context, Identity, Authority], Any]] = {
    "add_client_ca": lambda c, i, a: c.add_client_ca(a.certificate),
    "add_extra_chain_cert": lambda c, i, a: c.add_extra_chain_cert(a.certificate),
    "clear_mode": lambda c, i, a: c.clear_mode(SSL.MODE_RELEASE_BUFFERS),
    "load_client_ca": lambda c, i, a: c.load_client_ca(os.fsencode(a.file)),
    "load_tmp_dh": lambda c, i, a: c.load_tmp_dh("absent"),
    "load_verify_locations": lambda c, i, a: c.load_verify_locations(a.file),
    "set_alpn_protos": lambda c, i, a: c.set_alpn_protos([b"h2"]),
    "set_alpn_select_callback": lambda c, i, a: c.set_alpn_select_callback(_callback),
    "set_app_data": lambda c, i, a: c.set_app_data(None),
    "set_cipher_list": lambda c, i, a: c.set_cipher_list(b"ALL"),
    "set_client_ca_list": lambda c, i, a: c.set_client_ca_list([]),
    "set_cookie_generate_callback": lambda c, i, a: c.set_cookie_generate_callback(_callback),
    "set_cookie_verify_callback": lambda c, i, a: c.set_cookie_verify_callback(_callback),
    "set_default_verify_paths": lambda c, i, a: c.set_default_verify_paths(),
    "set_info_callback": lambda c, i, a: c.set_info_callback(_callback),
    "set_keylog_callback": lambda c, i, a: c.set_keylog_callback(_callback),
    "set_max_proto_version": lambda c, i, a: c.set_max_proto_version(0),
    "set_min_proto_version": lambda c, i, a: c.set_min_proto_version(0),
    "set_mode": lambda c, i, a: c.set_mode(SSL.MODE_RELEASE_BUFFERS),
    "set_ocsp_client_callback": lambda c, i, a: c.set_ocsp_client_callback(_callback),
    "set_ocsp_server_callback": lambda c, i, a: c.set_ocsp_server_callback(_callback),
    "set_options": lambda c, i, a: c.set_options(SSL.OP_ALL),
    "set_passwd_cb": lambda c, i, a: c.set_passwd_cb(_callback),
    "set_session_cache_mode": lambda c, i, a: c.set_session_cache_mode(SSL.SESS_CACHE_OFF),
    "set_session_id": lambda c, i, a: c.set_session_id(b"id"),
    "set_timeout": lambda c, i, a: c.set_timeout(1),
    "set_tls13_ciphersuites": lambda c, i, a: c.set_tls13_ciphersuites(b"TLS_AES_128_GCM_SHA256"),
    "set_tlsext_servername_callback": lambda c, i, a: c.set_tlsext_servername_callback(_callback),
    "set_tlsext_use_srtp": lambda c, i, a: c.set_tlsext_use_srtp(b"SRTP_AES128_CM_SHA1_80"),
    "set_tmp_ecdh": lambda c, i, a: c.set_tmp_ecdh(ec.SECP256R1()),
    "set_verify": lambda c, i, a: c.set_verify(SSL.VERIFY_NONE),
    "set_verify_depth": lambda c, i, a: c.set_verify_depth(1),
    "use_certificate": lambda c, i, a: c.use_certificate(i.certificate),
    "use_certificate_chain_file": lambda c, i, a: c.use_certificate_chain_file(i.chain_file),
    "use_certificate_file": lambda c, i, a: c.use_certificate_file(i.chain_file),
    "use_privatekey": lambda c, i, a: c.use_privatekey(i.key),
    "use_privatekey_file": lambda c, i, a: c.use_privatekey_file(i.key_file),
}


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS.keys())
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_used_context_cannot_be_changed(
    mutation: Callable[[SSL.Context, Identity, Authority], Any],
    context: SSL.Context,
    server_identity: Identity,
    authority: Authority,
) -> None:
    SSL.Connection(context)
    with pytest.raises(ValueError) as refusal:
        mutation(context, server_identity, authority)
    assert refusal.value.args == (USED,)


def test_set_context_uses_a_context_up(context: SSL.Context) -> None:
    SSL.Connection(SSL.Context(SSL.TLS_METHOD)).set_context(context)
    with pytest.raises(ValueError, match=f"^{USED}$"):
        context.set_timeout(1)


def test_a_used_context_can_still_be_asked(context: SSL.Context, server_identity: Identity) -> None:
    server_identity.install(context)
    SSL.Connection(context)
    context.check_privatekey()
    assert context.get_app_data() is None
    assert context.get_verify_mode() == SSL.VERIFY_NONE
    assert context.get_verify_depth() == -1
    assert context.get_session_cache_mode() == SSL.SESS_CACHE_SERVER
    assert context.get_timeout() > 0


def test_the_store_of_a_used_context_stays_open(
    server_identity: Identity, authority: Authority, version: int
) -> None:
    server_context = new_server_context(server_identity, version)
    client_context = SSL.Context(SSL.TLS_METHOD)
    client_context.set_verify(SSL.VERIFY_PEER)
    assert isinstance(negotiate(pair_in_memory(client_context, server_context)).client, SSL.Error)
    store = client_context.get_cert_store()
    assert store is not None
    store.add_cert(crypto.X509.from_cryptography(authority.certificate))
    handshake(pair_in_memory(client_context, server_context))


# Settings that can be read back


def test_app_data_is_any_object(context: SSL.Context) -> None:
    assert context.get_app_data() is None
    data = object()
    context.set_app_data(data)
    assert context.get_app_data() is data


def test_options_are_added_and_reported(context: SSL.Context) -> None:
    before = context.set_options(0)
    assert before & SSL.OP_NO_TICKET == 0
    assert context.set_options(SSL.OP_NO_TICKET) == before | SSL.OP_NO_TICKET
    assert context.set_options(0) == before | SSL.OP_NO_TICKET


def test_modes_are_added_and_cleared(context: SSL.Context) -> None:
    before = context.set_mode(0)
    assert before & SSL.MODE_RELEASE_BUFFERS == 0
    assert context.set_mode(SSL.MODE_RELEASE_BUFFERS) == before | SSL.MODE_RELEASE_BUFFERS
    assert context.clear_mode(SSL.MODE_RELEASE_BUFFERS) == before
    assert context.set_mode(0) == before


def test_timeout_setter_answers_the_previous_one(context: SSL.Context) -> None:
    default = context.get_timeout()
    assert context.set_timeout(1234) == default
    assert context.get_timeout() == 1234


def test_session_cache_mode_setter_answers_the_previous_one(context: SSL.Context) -> None:
    assert context.set_session_cache_mode(SSL.SESS_CACHE_BOTH) == SSL.SESS_CACHE_SERVER
    assert context.get_session_cache_mode() == SSL.SESS_CACHE_BOTH


def test_verify_mode_and_depth_are_kept(context: SSL.Context) -> None:
    mode = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT | SSL.VERIFY_CLIENT_ONCE
    context.set_verify(mode)
    context.set_verify_depth(11)
    assert (context.get_verify_mode(), context.get_verify_depth()) == (mode, 11)
    assert SSL.Connection(context).get_verify_mode() == mode


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("set_options", ("1",)),
        ("set_mode", (None,)),
        ("set_timeout", (1.5,)),
        ("set_session_cache_mode", ("server",)),
        ("set_verify", ("peer",)),
        ("set_verify", (SSL.VERIFY_PEER, "no callback")),
        ("set_verify_depth", ("1",)),
        ("set_cipher_list", (1,)),
        ("set_tls13_ciphersuites", ("TLS_AES_128_GCM_SHA256",)),
        ("set_tlsext_use_srtp", ("SRTP_AES128_CM_SHA1_80",)),
        ("use_certificate_file", ("absent", "pem")),
        ("use_privatekey_file", ("absent", "pem")),
        ("use_certificate", ("certificate",)),
        ("use_privatekey", ("key",)),
        ("add_extra_chain_cert", (None,)),
        ("load_verify_locations", (1,)),
    ],
)
def test_arguments_of_the_wrong_type_are_refused(
    context: SSL.Context, method: str, arguments: tuple[Any, ...]
) -> None:
    with pytest.raises(TypeError):
        getattr(context, method)(*arguments)
