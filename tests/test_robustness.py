"""What comes from outside and is out of the ordinary harms neither a connection nor the process."""

from __future__ import annotations

import array
import gc
import os
import select
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from OpenSSL import SSL
from support import child
from support.callbacks import STAPLE, Recorder
from support.certificates import Authority, Identity
from support.implementation import deviation
from support.network import udp_pair
from support.threads import PATIENCE, background
from support.tls import (
    Pair,
    flush,
    handshake,
    handshake_over_sockets,
    negotiate,
    new_client_context,
    new_server_context,
    pair_in_memory,
    pair_over,
)

pytestmark = deviation


# Descriptors.


@pytest.fixture
def udp_sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    ends = udp_pair()
    yield ends
    for end in ends:
        end.close()


@pytest.fixture
def datagrams(
    authority: Authority,
    server_identity: Identity,
    udp_sockets: tuple[socket.socket, socket.socket],
) -> Pair:
    """A client and a server on UDP sockets, after their handshake."""
    client_context = new_client_context(authority, method=SSL.DTLS_METHOD)
    server_context = new_server_context(server_identity, method=SSL.DTLS_METHOD)
    return handshake_over_sockets(pair_over(client_context, server_context, udp_sockets))


def test_an_empty_datagram_is_not_the_end(
    datagrams: Pair, udp_sockets: tuple[socket.socket, socket.socket]
) -> None:
    for message in (b"first", b"second"):
        receiving = background(datagrams.server.recv, 100)
        udp_sockets[0].send(b"")
        udp_sockets[0].send(b"")
        datagrams.client.send(message)
        assert receiving.result(PATIENCE) == message


def test_an_empty_datagram_alone_is_nothing_to_read(
    datagrams: Pair, udp_sockets: tuple[socket.socket, socket.socket]
) -> None:
    udp_sockets[1].setblocking(False)
    udp_sockets[0].send(b"")
    for _ in range(3):
        with pytest.raises(SSL.WantReadError):
            datagrams.server.recv(100)
    datagrams.client.send(b"hello")
    select.select([udp_sockets[1]], [], [], PATIENCE)
    assert datagrams.server.recv(100) == b"hello"


def write_to_a_full_pipe() -> str:
    """There is room in the pipe, and more to write than that."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, bytes(select.PIPE_BUF))
    except BlockingIOError:
        pass
    os.set_blocking(writing, True)
    os.read(reading, select.PIPE_BUF)

    context = SSL.Context(SSL.TLS_METHOD)
    context.set_alpn_protos([b"x" * 250] * 60)  # which makes for a long first message
    client = SSL.Connection(context, writing)
    client.set_connect_state()
    background(client.do_handshake)
    while select.select([], [writing], [], 0)[1]:
        time.sleep(0.01)
    state: bytes = background(client.get_state_string).result(PATIENCE / 2)
    return state.decode()


@pytest.mark.skipif(not hasattr(select, "PIPE_BUF"), reason="there is no such limit")
def test_writing_to_a_pipe_keeps_nobody_from_the_connection() -> None:
    assert "client hello" in child.run(write_to_a_full_pipe)


# Sessions.


def test_a_session_is_resumed_again_and_again(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    """Also when the connections that use it end without a goodbye, which spoils sessions."""
    server_context.set_session_id(b"tests")
    server_context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    verified = Recorder()
    client_context.set_verify(SSL.VERIFY_PEER, verified)
    pair = handshake(pair_in_memory(client_context, server_context))
    session = pair.client.get_session()
    assert session is not None
    assert verified.calls, "only a full handshake verifies"
    for _ in range(4):
        del pair
        verified.calls.clear()  # they refer to the connection
        gc.collect()
        pair = pair_in_memory(client_context, server_context)
        pair.client.set_session(session)
        handshake(pair)
        assert verified.calls == []


# Sockets.


def look_up_in_circles(how: str) -> str:
    context = SSL.Context(SSL.TLS_METHOD)
    connection, other = (SSL.Connection(context, None) for _ in range(2))
    if how == "itself":
        connection._socket = connection  # type: ignore[attr-defined]
    elif how == "each other":
        connection._socket, other._socket = other, connection  # type: ignore[attr-defined]
    else:

        class Mirror:
            def __getattr__(self, name: str) -> Any:
                return getattr(connection, name)

        connection._socket = Mirror()  # type: ignore[attr-defined]
    try:
        hasattr(connection, "nothing")
    except RecursionError:
        return "RecursionError"
    return "found"


@pytest.mark.parametrize("how", ["itself", "each other", "a mirror"])
def test_a_socket_that_looks_attributes_up_on_its_connection_does_not_crash(how: str) -> None:
    assert child.run(look_up_in_circles, how) == "RecursionError"


# Memory.


@pytest.mark.parametrize("type_code", ["H", "I", "Q", "d"])
def test_memory_with_gaps_between_large_items_is_refused_before_anything_is_read(
    connected: Pair, type_code: str
) -> None:
    connected.server.send(b"abcdefghij")
    flush(connected.server, connected.client)
    memory = array.array(type_code, [0] * 16)
    before = memory.tobytes()
    with pytest.raises(BufferError):
        connected.client.recv_into(memoryview(memory)[::2])
    assert memory.tobytes() == before
    assert connected.client.recv_into(memory) == 10
    assert memory.tobytes()[:10] == b"abcdefghij"


# OCSP.


def test_a_callback_of_the_server_that_fails_on_a_client_lets_nobody_through(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    def refuse(*_: Any) -> bytes:
        raise ValueError("no")

    client_context.set_ocsp_server_callback(refuse)
    server_context.set_ocsp_server_callback(lambda *_: STAPLE)
    pair = pair_in_memory(client_context, server_context)
    pair.client.request_ocsp()
    outcome = negotiate(pair)
    assert type(outcome.client) is ValueError
    assert outcome.server is not None
    for _ in range(3):
        with pytest.raises(SSL.Error):
            pair.client.do_handshake()
        with pytest.raises(SSL.Error):
            pair.client.send(b"hello")


def test_a_callback_of_the_client_that_fails_on_a_server_lets_nobody_through(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    def refuse(*_: Any) -> bool:
        raise ValueError("no")

    server_context.set_ocsp_client_callback(refuse)
    pair = pair_in_memory(client_context, server_context)
    pair.client.request_ocsp()
    outcome = negotiate(pair)
    assert type(outcome.server) is ValueError
    assert outcome.client is not None
    with pytest.raises(SSL.Error):
        pair.server.do_handshake()
