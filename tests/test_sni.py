"""The server name: what the client asks for, and what the server does about it."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from OpenSSL import SSL
from support.callbacks import Recorder
from support.certificates import Authority, Identity
from support.implementation import deviation
from support.tls import (
    Pair,
    handshake,
    negotiate,
    new_server_context,
    pair_in_memory,
    reasons,
)


@pytest.fixture
def fresh(client_context: SSL.Context, server_context: SSL.Context) -> Pair:
    return pair_in_memory(client_context, server_context)


def test_the_name_arrives(fresh: Pair) -> None:
    fresh.client.set_tlsext_host_name(b"localhost")
    assert fresh.client.get_servername() == b"localhost"
    assert fresh.server.get_servername() is None
    handshake(fresh)
    assert fresh.server.get_servername() == b"localhost"


def test_without_a_name_there_is_none(connected: Pair) -> None:
    assert connected.client.get_servername() is None
    assert connected.server.get_servername() is None


def test_the_callback_is_asked_with_and_without_a_name(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    names = []
    server_context.set_tlsext_servername_callback(
        lambda connection: names.append(connection.get_servername())
    )
    for name in (b"one.example", None, b"two.example"):
        pair = pair_in_memory(client_context, server_context)
        if name is not None:
            pair.client.set_tlsext_host_name(name)
        handshake(pair)
    assert names == [b"one.example", None, b"two.example"]


@pytest.mark.parametrize("name", [b"x", b"x" * 255, b"xn--bcher-kva.example", b"\xff\xfe"])
def test_names_are_bytes_of_any_kind(fresh: Pair, name: bytes) -> None:
    fresh.client.set_tlsext_host_name(name)
    handshake(fresh)
    assert fresh.server.get_servername() == name


def test_the_last_name_set_is_the_one_sent(fresh: Pair) -> None:
    fresh.client.set_tlsext_host_name(b"first.example")
    fresh.client.set_tlsext_host_name(b"second.example")
    handshake(fresh)
    assert fresh.server.get_servername() == b"second.example"


@pytest.mark.parametrize("answer", [None, True, False, 2, "text"])
def test_what_the_callback_answers_does_not_matter(
    client_context: SSL.Context, server_context: SSL.Context, answer: Any
) -> None:
    server_context.set_tlsext_servername_callback(lambda connection: answer)
    pair = pair_in_memory(client_context, server_context)
    pair.client.set_tlsext_host_name(b"localhost")
    handshake(pair)


def test_the_callback_may_switch_the_context(
    client_context: SSL.Context,
    server_context: SSL.Context,
    chained_identity: Identity,
    version: int,
) -> None:
    other = new_server_context(chained_identity, version)
    switched = []

    def switch(connection: SSL.Connection) -> None:
        connection.set_context(other)
        switched.append(connection.get_context())

    server_context.set_tlsext_servername_callback(switch)
    pair = handshake(pair_in_memory(client_context, server_context))
    assert switched == [other]
    assert pair.server.get_context() is other
    peer = pair.client.get_peer_certificate(as_cryptography=True)
    assert peer == chained_identity.certificate
    assert pair.client.get_peer_cert_chain(as_cryptography=True) == [
        chained_identity.certificate,
        *chained_identity.intermediates,
    ]


def test_the_callback_may_set_the_certificate_of_its_connection(
    client_context: SSL.Context, version: int, server_identity: Identity
) -> None:
    server_context = SSL.Context(SSL.TLS_METHOD)

    def certify(connection: SSL.Connection) -> None:
        connection.use_certificate(server_identity.certificate)
        connection.use_privatekey(server_identity.key)

    server_context.set_tlsext_servername_callback(certify)
    if version == SSL.TLS1_3_VERSION:
        # OpenSSL offers TLS 1.3 only to a server that has a certificate when it starts.
        server_identity.install(server_context)
    handshake(pair_in_memory(client_context, server_context))


def test_the_alpn_callback_of_the_new_context_is_asked(
    client_context: SSL.Context,
    server_context: SSL.Context,
    server_identity: Identity,
    version: int,
) -> None:
    other = new_server_context(server_identity, version)
    other.set_alpn_select_callback(lambda connection, protocols: b"of the new one")
    server_context.set_alpn_select_callback(lambda connection, protocols: b"of the old one")
    server_context.set_tlsext_servername_callback(lambda connection: connection.set_context(other))
    client_context.set_alpn_protos([b"of the old one", b"of the new one"])
    pair = handshake(pair_in_memory(client_context, server_context))
    assert pair.client.get_alpn_proto_negotiated() == b"of the new one"


def test_the_verify_mode_stays_that_of_the_old_context(
    client_context: SSL.Context,
    server_context: SSL.Context,
    authority: Authority,
    client_identity: Identity,
    server_identity: Identity,
    version: int,
) -> None:
    """OpenSSL copies it into the connection when that is made."""
    verify = Recorder()
    other = new_server_context(server_identity, version)
    other.set_verify(SSL.VERIFY_NONE)
    server_context.load_verify_locations(authority.file)
    server_context.set_verify(SSL.VERIFY_PEER, verify)
    server_context.set_tlsext_servername_callback(lambda connection: connection.set_context(other))
    client_identity.install(client_context)
    pair = handshake(pair_in_memory(client_context, server_context))
    assert pair.server.get_verify_mode() == SSL.VERIFY_PEER
    assert verify.calls
    assert {id(call[0]) for call in verify.calls} == {id(pair.server)}


def test_an_exception_goes_to_the_excepthook_and_ends_the_handshake(
    client_context: SSL.Context, server_context: SSL.Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = RuntimeError("no such host")
    hooked = []

    def refuse(connection: SSL.Connection) -> None:
        raise failure

    monkeypatch.setattr(sys, "excepthook", lambda *info: hooked.append(info))
    server_context.set_tlsext_servername_callback(refuse)
    outcome = negotiate(pair_in_memory(client_context, server_context))
    assert [(kind, value) for kind, value, _ in hooked] == [(RuntimeError, failure)]
    assert hooked[0][2] is not None
    assert reasons(outcome.server)
    assert reasons(outcome.client) == ["tlsv1 unrecognized name"]


@deviation
@pytest.mark.parametrize("name", [b"", b"x" * 256])
def test_a_name_that_openssl_refuses_is_an_error(fresh: Pair, name: bytes) -> None:
    with pytest.raises(SSL.Error) as failure:
        fresh.client.set_tlsext_host_name(name)
    assert "servername" in reasons(failure.value)[0]
    handshake(fresh)
