"""Sessions: handed out, used again, and refused where they do not belong."""

from __future__ import annotations

import copy
import gc
from contextlib import suppress
from typing import Any

import pytest
from OpenSSL import SSL
from support.certificates import Identity
from support.implementation import deviation
from support.tls import (
    Pair,
    first_flight,
    flush,
    handshake,
    new_server_context,
    pair_in_memory,
    settle,
)


class Resumption:
    """Tells full handshakes from resumed ones: only in a full one is a certificate verified."""

    def __init__(self, client_context: SSL.Context, server_context: SSL.Context) -> None:
        self._contexts = client_context, server_context
        self._verified = 0
        client_context.set_verify(SSL.VERIFY_PEER, self._verify)

    def _verify(self, *call: Any) -> bool:
        self._verified += 1
        return bool(call[-1])

    def connect(self, session: SSL.Session | None = None) -> tuple[Pair, bool]:
        """A connected pair, and whether it resumed a session."""
        pair = pair_in_memory(*self._contexts)
        if session is not None:
            pair.client.set_session(session)
        before = self._verified
        handshake(pair)
        return pair, self._verified == before


@pytest.fixture
def resumption(client_context: SSL.Context, server_context: SSL.Context) -> Resumption:
    server_context.set_session_id(b"tests")
    return Resumption(client_context, server_context)


def session_of(pair: Pair) -> SSL.Session:
    session = pair.client.get_session()
    assert isinstance(session, SSL.Session)
    return session


def test_a_session_is_resumed(resumption: Resumption) -> None:
    first, resumed = resumption.connect()
    assert not resumed
    second, resumed = resumption.connect(session_of(first))
    assert resumed
    for facts in ("get_cipher_name", "get_protocol_version"):
        assert getattr(second.client, facts)() == getattr(first.client, facts)()
    assert second.client.client_random() != first.client.client_random()


def test_a_copy_of_a_session_is_resumed(resumption: Resumption) -> None:
    first, _ = resumption.connect()
    session: Any = session_of(first)
    session.note = "mine"
    copied = copy.copy(session)
    assert copied is not session
    assert copied.note == "mine"
    del session
    _, resumed = resumption.connect(copied)
    assert resumed


def test_a_resumed_connection_knows_its_peer(
    resumption: Resumption, server_identity: Identity
) -> None:
    first, _ = resumption.connect()
    second, _ = resumption.connect(session_of(first))
    peer = second.client.get_peer_certificate(as_cryptography=True)
    assert peer == server_identity.certificate


def test_the_master_key_of_tls_1_2_is_that_of_the_session(
    resumption: Resumption, version: int
) -> None:
    if version != SSL.TLS1_2_VERSION:
        pytest.skip("TLS 1.3 derives a new one")
    first, _ = resumption.connect()
    second, _ = resumption.connect(session_of(first))
    assert second.client.master_key() == first.client.master_key()


def test_a_session_can_be_resumed_after_a_clean_close(resumption: Resumption) -> None:
    pair, _ = resumption.connect()
    session = session_of(pair)
    pair.client.shutdown()
    flush(*pair)
    with pytest.raises(SSL.ZeroReturnError):
        pair.server.recv(1)
    pair.server.shutdown()
    flush(*pair[::-1])
    assert pair.client.shutdown()
    del pair
    gc.collect()
    assert resumption.connect(session)[1]


@deviation
def test_a_session_can_be_resumed_after_its_connection_was_dropped(
    resumption: Resumption,
) -> None:
    """OpenSSL spoils the session of a client that goes without a close_notify."""
    pair, _ = resumption.connect()
    session = session_of(pair)
    del pair
    gc.collect()
    assert resumption.connect(session)[1]


def test_a_session_is_resumed_by_its_id_without_tickets(
    client_context: SSL.Context, server_identity: Identity, version: int
) -> None:
    server_context = new_server_context(server_identity, version)
    server_context.set_session_id(b"tests")
    server_context.set_options(SSL.OP_NO_TICKET)
    server_context.set_session_cache_mode(SSL.SESS_CACHE_BOTH)
    resumption = Resumption(client_context, server_context)
    first, _ = resumption.connect()
    assert resumption.connect(session_of(first))[1]


def test_a_server_without_a_cache_or_tickets_starts_anew(
    client_context: SSL.Context, server_context: SSL.Context, version: int
) -> None:
    if version != SSL.TLS1_2_VERSION:
        pytest.skip("TLS 1.3 sends tickets that name cached sessions")
    server_context.set_options(SSL.OP_NO_TICKET)
    server_context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    resumption = Resumption(client_context, server_context)
    first, _ = resumption.connect()
    _second, resumed = resumption.connect(session_of(first))
    assert not resumed


def test_a_server_with_other_keys_starts_anew(
    client_context: SSL.Context, server_identity: Identity, version: int
) -> None:
    first = handshake(pair_in_memory(client_context, new_server_context(server_identity, version)))
    second = pair_in_memory(client_context, new_server_context(server_identity, version))
    second.client.set_session(session_of(first))
    handshake(second)
    assert second.client.get_verified_chain() is not None


def test_the_server_has_a_session_too(connected: Pair) -> None:
    assert isinstance(connected.server.get_session(), SSL.Session)


def test_every_call_hands_out_a_session_of_its_own(connected: Pair) -> None:
    first, second = session_of(connected), session_of(connected)
    assert first is not second


def test_a_session_of_another_context_is_refused(connected: Pair) -> None:
    other = SSL.Connection(SSL.Context(SSL.TLS_METHOD))
    with pytest.raises(
        ValueError,
        match=r"^session must have been created by a Connection using the same Context",
    ):
        other.set_session(session_of(connected))


def test_the_context_that_counts_is_the_current_one(
    connected: Pair, server_context: SSL.Context
) -> None:
    session = session_of(connected)
    connection = SSL.Connection(connected.client.get_context())
    connection.set_context(server_context)
    with pytest.raises(ValueError, match=r"same Context"):
        connection.set_session(session)


@deviation
def test_a_session_comes_too_late_once_the_handshake_has_begun(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    """OpenSSL would take the handshake's memory away, in the middle of it."""
    session = session_of(handshake(pair_in_memory(client_context, server_context)))
    pair = pair_in_memory(client_context, server_context)
    flight = first_flight(pair)
    for place in range(0, len(flight), 100):
        with pytest.raises(ValueError, match="before the handshake"):
            pair.client.set_session(session)
        pair.client.bio_write(flight[place : place + 100])
        with suppress(SSL.WantReadError):
            pair.client.do_handshake()
    handshake(pair)
    with pytest.raises(ValueError, match="before the handshake"):
        pair.client.set_session(session)
    pair.server.send(b"after the tickets")
    flush(pair.server, pair.client)
    assert pair.client.recv(100) == b"after the tickets"


@pytest.mark.parametrize("session", [None, b"", object()])
def test_only_a_session_can_be_set(client_context: SSL.Context, session: Any) -> None:
    with pytest.raises(TypeError):
        SSL.Connection(client_context).set_session(session)


@deviation
def test_an_empty_session_is_refused(client_context: SSL.Context) -> None:
    """The class can be called, as in pyOpenSSL, but what comes of it holds nothing."""
    connection = SSL.Connection(client_context)
    with pytest.raises(AttributeError):
        connection.set_session(SSL.Session())


def test_a_session_keeps_its_context_alive(resumption: Resumption) -> None:
    first, _ = resumption.connect()
    session = session_of(first)
    context = first.client.get_context()
    identity = id(context)
    first.client.shutdown()
    del first, context
    gc.collect()
    second, resumed = resumption.connect(session)
    assert resumed
    assert id(second.client.get_context()) == identity


def test_tickets_arrive_with_the_first_data(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    pair = handshake(pair_in_memory(client_context, server_context))
    settle(pair)
    assert session_of(pair)
