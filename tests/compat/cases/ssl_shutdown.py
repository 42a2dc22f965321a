"""Closing, and renegotiating, step by step."""

from __future__ import annotations

import socket

from observe import Observer, each
from OpenSSL import SSL
from support import (
    DTLS12,
    TLS12,
    TLS13,
    TLS_VERSIONS,
    VERSIONS,
    Pair,
    Version,
    client_context,
    context,
    memory_pair,
    server_context,
    socket_pair,
)


def states(o: Observer, label: str, pair: Pair) -> None:
    o.see(f"{label}: states", (pair.client.get_shutdown(), pair.server.get_shutdown()))


@each(VERSIONS)
def case_both_sides(o: Observer, version: Version) -> None:
    pair = memory_pair(o, version=version)
    states(o, "fresh", pair)
    o.call("client", pair.client.shutdown)
    states(o, "client", pair)
    o.call("client again", pair.client.shutdown)
    o.call("client sends", pair.client.send, b"data")
    o.call("client reads", pair.client.recv, 10)
    pair.move()
    o.call("server reads", pair.server.recv, 10)
    o.call("server reads again", pair.server.recv, 10)
    o.call("server peeks", pair.server.recv, 10, socket.MSG_PEEK)
    o.call("server reads into", pair.server.recv_into, bytearray(5))
    states(o, "received", pair)
    o.call("server still sends", pair.server.send, b"last words")
    o.call("server", pair.server.shutdown)
    o.call("server again", pair.server.shutdown)
    pair.move()
    o.call("client reads the last words", pair.client.recv, 100)
    o.call("client reads the end", pair.client.recv, 100)
    o.call("client at the end", pair.client.shutdown)
    states(o, "end", pair)


@each(VERSIONS)
def case_at_once(o: Observer, version: Version) -> None:
    pair = memory_pair(o, version=version)
    o.call("client", pair.client.shutdown)
    o.call("server", pair.server.shutdown)
    pair.move()
    o.call("client again", pair.client.shutdown)
    o.call("server again", pair.server.shutdown)
    states(o, "end", pair)


@each(VERSIONS)
def case_data_before_the_end(o: Observer, version: Version) -> None:
    """Unread data and a shutdown."""
    pair = memory_pair(o, version=version)
    pair.server.send(b"data")
    pair.server.shutdown()
    pair.move()
    o.call("client", pair.client.shutdown)
    o.call("client again", pair.client.shutdown)
    o.call("client reads", pair.client.recv, 10)
    o.call("client reads again", pair.client.recv, 10)
    o.call("client at the end", pair.client.shutdown)


@each(VERSIONS)
def case_before_the_handshake(o: Observer, version: Version) -> None:
    o.call("no role", SSL.Connection(context(version)).shutdown)
    pair = memory_pair(o, version=version, handshake=False)
    o.call("client", pair.client.shutdown)
    o.call("client sends its hello", pair.client.do_handshake)
    o.call("client in the handshake", pair.client.shutdown)
    pair.move()
    o.call("server", pair.server.do_handshake)
    o.call("server in the handshake", pair.server.shutdown)


@each(VERSIONS)
def case_set_shutdown(o: Observer, version: Version) -> None:
    for state in (
        0,
        SSL.SENT_SHUTDOWN,
        SSL.RECEIVED_SHUTDOWN,
        SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN,
        4,
        -1,
        1 << 31,
    ):
        pair = memory_pair(o, version=version)
        o.call(f"{state}: set", pair.client.set_shutdown, state)
        o.call(f"{state}: get", pair.client.get_shutdown)
        o.call(f"{state}: send", pair.client.send, b"data")
        o.call(f"{state}: recv", pair.client.recv, 10)
        o.call(f"{state}: shutdown", pair.client.shutdown)
    o.call("text", pair.client.set_shutdown, "1")
    o.call("none", pair.client.set_shutdown, None)
    o.call("keyword", pair.client.set_shutdown, state=0)


def case_shutdown_takes_no_argument(o: Observer) -> None:
    pair = socket_pair(o)
    o.call("argument", pair.client.shutdown, socket.SHUT_RDWR)
    o.call("keyword", pair.client.shutdown, how=1)
    o.call("sock_shutdown without", pair.client.sock_shutdown)
    o.call("sock_shutdown", pair.client.sock_shutdown, socket.SHUT_WR)
    o.call("sock_shutdown keyword", pair.client.sock_shutdown, how=socket.SHUT_WR)
    o.call("server", pair.server.recv, 10)


@each(TLS_VERSIONS)
def case_over_sockets(o: Observer, version: Version) -> None:
    pair = socket_pair(o, version=version)
    o.call("client", pair.client.shutdown)
    o.call("server reads", pair.server.recv, 10)
    o.call("server", pair.server.shutdown)
    o.call("client again", pair.client.shutdown)
    o.call("close", pair.client.close)
    o.call("server's close", pair.server.close)


@each(TLS_VERSIONS)
def case_peer_closed_without_notify(o: Observer, version: Version) -> None:
    pair = socket_pair(o, version=version)
    pair.server.close()
    o.call("client", pair.client.shutdown)
    o.call("client again", pair.client.shutdown)


def case_non_blocking_shutdown(o: Observer) -> None:
    pair = socket_pair(o)
    pair.client.setblocking(False)
    o.call("client", pair.client.shutdown)
    o.call("client waits", pair.client.shutdown)
    o.call("server", pair.server.recv, 1)


# Renegotiation


def renegotiating(o: Observer, pair: Pair, starter: SSL.Connection, rounds: int = 6) -> None:
    other = pair.server if starter is pair.client else pair.client
    o.call("pending before", starter.renegotiate_pending)
    o.call("renegotiate", starter.renegotiate)
    o.call("renegotiate again", starter.renegotiate)
    o.call("pending", starter.renegotiate_pending)
    o.call("total", starter.total_renegotiations)
    for _ in range(rounds):
        o.call("starter", starter.do_handshake)
        pair.move()
        o.call("other", other.recv, 10)
        pair.move()
        o.see("pending now", (starter.renegotiate_pending(), other.renegotiate_pending()))
        o.see("totals", (starter.total_renegotiations(), other.total_renegotiations()))


def allowing(version: Version) -> tuple[SSL.Context, SSL.Context]:
    """Contexts that renegotiate; since OpenSSL 3.0 a server does not by default."""
    allow = getattr(SSL, "OP_ALLOW_CLIENT_RENEGOTIATION", 1 << 8)
    server, client = server_context(version), client_context(version)
    server.set_options(allow)
    return server, client


@each(("client", "server"))
def case_renegotiation(o: Observer, starter: str) -> None:
    pair = memory_pair(o, *allowing(TLS12))
    renegotiating(o, pair, getattr(pair, starter))
    o.call("send", pair.client.send, b"hello")
    pair.move()
    o.call("recv", pair.server.recv, 10)


@each(("client", "server"))
def case_renegotiation_of_dtls(o: Observer, starter: str) -> None:
    pair = memory_pair(o, *allowing(DTLS12))
    renegotiating(o, pair, getattr(pair, starter))


@each(("client", "server"))
def case_renegotiation_not_allowed(o: Observer, starter: str) -> None:
    pair = memory_pair(o, version=TLS12)
    renegotiating(o, pair, getattr(pair, starter), rounds=3)


@each(("client", "server"))
def case_renegotiation_of_tls13(o: Observer, starter: str) -> None:
    pair = memory_pair(o, version=TLS13)
    conn = getattr(pair, starter)
    o.call("renegotiate", conn.renegotiate)
    o.call("pending", conn.renegotiate_pending)
    o.call("total", conn.total_renegotiations)
    o.call("handshake", conn.do_handshake)


def case_renegotiation_before_the_handshake(o: Observer) -> None:
    for label, version in VERSIONS.items():
        conn = SSL.Connection(context(version))
        o.call(f"{label}: no role", conn.renegotiate)
        conn.set_connect_state()
        o.call(f"{label}: client", conn.renegotiate)
        o.call(f"{label}: pending", conn.renegotiate_pending)


def case_renegotiation_changes_keys(o: Observer) -> None:
    pair = memory_pair(o, *allowing(TLS12))
    before = (pair.client.client_random(), pair.client.get_finished())
    pair.client.renegotiate()
    for _ in range(4):
        for end in pair:
            try:
                end.do_handshake()
            except SSL.WantReadError:
                pass
            try:
                end.recv(1)
            except SSL.WantReadError:
                pass
            pair.move()
    after = (pair.client.client_random(), pair.client.get_finished())
    o.see("random changed", before[0] != after[0])
    o.see("finished changed", before[1] != after[1])
    o.see("ends agree", pair.client.get_finished() == pair.server.get_peer_finished())


def case_renegotiation_with_data(o: Observer) -> None:
    """Data on its way while the handshake runs."""
    pair = memory_pair(o, *allowing(TLS12))
    pair.server.send(b"early")
    pair.client.renegotiate()
    o.call("client", pair.client.do_handshake)
    pair.move()
    o.call("server", pair.server.recv, 10)
    pair.move()
    o.call("client reads", pair.client.recv, 10)
    o.call("client sends", pair.client.send, b"late")
    for _ in range(3):
        pair.move()
        o.call("server goes on", pair.server.recv, 10)
        o.call("client goes on", pair.client.recv, 10)


def case_renegotiation_over_sockets(o: Observer) -> None:
    pair = socket_pair(o, *allowing(TLS12))
    pair.server.setblocking(False)
    o.call("renegotiate", pair.server.renegotiate)
    o.call("hello request", pair.server.do_handshake)
    o.call("pending", pair.server.renegotiate_pending)
    o.call("client sends", pair.client.send, b"hello")
    o.call("recv", pair.server.recv, 10)
