"""Shaking hands once more on a connection of TLS 1.2, and being refused with TLS 1.3."""

from __future__ import annotations

import pytest
from OpenSSL import SSL
from support.callbacks import Recorder
from support.certificates import Authority, Identity
from support.tls import (
    CHUNK,
    Pair,
    flush,
    handshake,
    new_client_context,
    new_server_context,
    pair_in_memory,
    reasons,
    transfer,
)

# SSL_OP_ALLOW_CLIENT_RENEGOTIATION, which pyOpenSSL gives no name.
ALLOW_CLIENT = 1 << 8


@pytest.fixture
def tls_1_2(authority: Authority, server_identity: Identity) -> Pair:
    server_context = new_server_context(server_identity, SSL.TLS1_2_VERSION)
    server_context.set_options(ALLOW_CLIENT)
    return handshake(pair_in_memory(new_client_context(authority), server_context))


def run_renegotiation(pair: Pair) -> None:
    """Move bytes, and let both sides read, until nothing moves any more."""
    moved = 1
    while moved:
        for end in pair:
            for step in (end.do_handshake, lambda end=end: end.recv(CHUNK)):
                try:
                    step()
                except SSL.WantReadError:
                    pass
        moved = flush(pair.client, pair.server) + flush(pair.server, pair.client)


@pytest.mark.parametrize("role", ["client", "server"])
def test_either_side_may_begin(tls_1_2: Pair, role: str) -> None:
    randoms = tls_1_2.client.client_random()
    begins = getattr(tls_1_2, role)
    assert begins.total_renegotiations() == 0
    assert not begins.renegotiate_pending()
    assert begins.renegotiate() is True
    assert begins.renegotiate_pending()
    assert begins.renegotiate() is False, "one is on its way already"
    run_renegotiation(tls_1_2)
    assert not begins.renegotiate_pending()
    assert begins.total_renegotiations() == 1
    assert tls_1_2.client.client_random() != randoms
    assert tls_1_2.client.get_finished() == tls_1_2.server.get_peer_finished()
    assert transfer(tls_1_2.client, tls_1_2.server, b"and on we go") == b"and on we go"
    assert transfer(tls_1_2.server, tls_1_2.client, b"and back") == b"and back"


def test_the_counter_counts(tls_1_2: Pair) -> None:
    for expected in (1, 2, 3):
        tls_1_2.client.renegotiate()
        run_renegotiation(tls_1_2)
        assert tls_1_2.client.total_renegotiations() == expected


def test_data_on_the_way_survives(tls_1_2: Pair) -> None:
    tls_1_2.server.renegotiate()
    tls_1_2.server.do_handshake()
    tls_1_2.client.send(b"before the client heard of it")
    flush(*tls_1_2)
    assert tls_1_2.server.recv(CHUNK) == b"before the client heard of it"
    run_renegotiation(tls_1_2)
    assert tls_1_2.server.total_renegotiations() == 1


def test_the_server_may_ask_for_a_certificate_then(
    authority: Authority, server_identity: Identity, client_identity: Identity
) -> None:
    client_context = new_client_context(authority)
    client_identity.install(client_context)
    server_context = new_server_context(server_identity, SSL.TLS1_2_VERSION)
    server_context.load_verify_locations(authority.file)
    server_context.set_options(SSL.OP_NO_TICKET)  # a resumed session would need no certificate
    server_context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    pair = handshake(pair_in_memory(client_context, server_context))
    assert pair.server.get_peer_certificate() is None
    pair.server.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    pair.server.renegotiate()
    run_renegotiation(pair)
    peer = pair.server.get_peer_certificate(as_cryptography=True)
    assert peer == client_identity.certificate


def test_a_server_does_not_let_clients_begin_unless_told_to(
    authority: Authority, server_identity: Identity
) -> None:
    server_context = new_server_context(server_identity, SSL.TLS1_2_VERSION)
    pair = handshake(pair_in_memory(new_client_context(authority), server_context))
    pair.client.renegotiate()
    with pytest.raises(SSL.Error) as refusal:
        run_renegotiation(pair)
    assert reasons(refusal.value) == ["no renegotiation"]


def test_a_side_that_wants_none_says_so(authority: Authority, server_identity: Identity) -> None:
    client_context = new_client_context(authority)
    client_context.set_options(SSL.OP_NO_RENEGOTIATION)
    server_context = new_server_context(server_identity, SSL.TLS1_2_VERSION)
    pair = handshake(pair_in_memory(client_context, server_context))
    with pytest.raises(SSL.Error):
        pair.client.renegotiate()
    pair.server.renegotiate()
    with pytest.raises(SSL.Error) as refusal:
        run_renegotiation(pair)
    assert reasons(refusal.value) == ["no renegotiation"]


def test_tls_1_3_has_no_renegotiation(authority: Authority, server_identity: Identity) -> None:
    pair = handshake(
        pair_in_memory(
            new_client_context(authority, SSL.TLS1_3_VERSION), new_server_context(server_identity)
        )
    )
    for end in pair:
        with pytest.raises(SSL.Error) as refusal:
            end.renegotiate()
        assert reasons(refusal.value) == ["wrong ssl version"]
        assert not end.renegotiate_pending()
        assert end.total_renegotiations() == 0
    assert transfer(pair.client, pair.server, b"still there") == b"still there"


def test_callbacks_run_again(
    authority: Authority, server_identity: Identity, client_identity: Identity
) -> None:
    verify, name = Recorder(), Recorder()
    client_context = new_client_context(authority)
    client_context.set_verify(SSL.VERIFY_PEER, verify)
    server_context = new_server_context(server_identity, SSL.TLS1_2_VERSION)
    server_context.set_options(ALLOW_CLIENT | SSL.OP_NO_TICKET)
    server_context.set_tlsext_servername_callback(name)
    pair = handshake(pair_in_memory(client_context, server_context))
    assert (len(name.calls), len(verify.calls)) == (1, 2)
    pair.client.renegotiate()
    run_renegotiation(pair)
    assert (len(name.calls), len(verify.calls)) == (2, 4)


def test_the_verify_callback_may_refuse_the_second_time(
    authority: Authority, server_identity: Identity
) -> None:
    failure = RuntimeError("enough")
    first = [True]

    def verify(*_: object) -> bool:
        if not first:
            raise failure
        return True

    client_context = new_client_context(authority)
    client_context.set_verify(SSL.VERIFY_PEER, verify)
    server_context = new_server_context(server_identity, SSL.TLS1_2_VERSION)
    server_context.set_options(ALLOW_CLIENT)
    pair = handshake(pair_in_memory(client_context, server_context))
    first.clear()
    pair.client.renegotiate()
    with pytest.raises(RuntimeError) as raised:
        run_renegotiation(pair)
    assert raised.value is failure
