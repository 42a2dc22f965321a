"""Contexts, connections joined in memory or over sockets, and the loops that move their bytes."""

from __future__ import annotations

import select
import socket
import threading
from concurrent.futures import Future
from typing import Any, NamedTuple

from OpenSSL import SSL

from support.certificates import Authority, Identity
from support.threads import PATIENCE, background

CHUNK = 1 << 16

# By role.
Contexts = dict[str, SSL.Context]

VERSIONS_OF_TLS = (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION)


def pin_version(context: SSL.Context, version: int | None) -> SSL.Context:
    """Let ``context`` speak ``version`` of TLS only; ``None`` leaves it as it is."""
    if version is not None:
        context.set_min_proto_version(version)
        context.set_max_proto_version(version)
    return context


def new_server_context(
    identity: Identity, version: int | None = None, method: int = SSL.TLS_METHOD
) -> SSL.Context:
    context = pin_version(SSL.Context(method), version)
    identity.install(context)
    return context


def new_client_context(
    authority: Authority, version: int | None = None, method: int = SSL.TLS_METHOD
) -> SSL.Context:
    context = pin_version(SSL.Context(method), version)
    context.load_verify_locations(authority.file)
    context.set_verify(SSL.VERIFY_PEER)
    return context


def contexts_of(
    ca_file: str, chain_file: str, key_file: str, *, version: int | None = None
) -> Contexts:
    """Contexts for a child process, made of files: both ends trust and have the same identity."""
    contexts = {}
    for role in ("client", "server"):
        context = pin_version(SSL.Context(SSL.TLS_METHOD), version)
        context.load_verify_locations(ca_file)
        context.use_certificate_chain_file(chain_file)
        context.use_privatekey_file(key_file)
        context.set_session_id(b"tests")
        contexts[role] = context
    return contexts


class Pair(NamedTuple):
    """The two ends of one connection."""

    client: SSL.Connection
    server: SSL.Connection


class Outcome(NamedTuple):
    """How a handshake ended on either side: ``None`` is success."""

    client: BaseException | None
    server: BaseException | None


def pair_in_memory(client_context: SSL.Context, server_context: SSL.Context) -> Pair:
    client = SSL.Connection(client_context)
    client.set_connect_state()
    server = SSL.Connection(server_context)
    server.set_accept_state()
    return Pair(client, server)


def drain(connection: SSL.Connection) -> bytes:
    """Everything that ``connection`` wants to send to its peer."""
    chunks = []
    while True:
        try:
            chunks.append(connection.bio_read(CHUNK))
        except SSL.WantReadError:
            return b"".join(chunks)


def flush(source: SSL.Connection, target: SSL.Connection) -> int:
    """Deliver what ``source`` has to send, and say how many bytes that was."""
    data = drain(source)
    if data:
        assert target.bio_write(data) == len(data)
    return len(data)


def first_flight(pair: Pair) -> bytes:
    """Have a client say hello, and return what the server has to say to that, undelivered."""
    for end in pair:
        try:
            end.do_handshake()
        except SSL.WantReadError:
            flush(pair.client, pair.server)
        else:
            raise AssertionError("nobody has answered yet")
    return drain(pair.server)


def negotiate(pair: Pair) -> Outcome:
    """Run both handshakes until each has ended, or nothing moves any more; say how each ended."""
    endings: dict[str, BaseException | None] = {}
    moved = True
    while moved:
        for name, connection in zip(Pair._fields, pair):
            if name in endings:
                continue
            try:
                connection.do_handshake()
            except SSL.WantReadError:
                continue
            except BaseException as failure:  # an interrupt is an outcome too
                endings[name] = failure
            else:
                endings[name] = None
        moved = bool(flush(pair.client, pair.server) + flush(pair.server, pair.client))
    stalled = SSL.WantReadError()
    return Outcome(endings.get("client", stalled), endings.get("server", stalled))


def handshake(pair: Pair) -> Pair:
    """Shake hands, and deliver the session tickets; a failure of either side is raised."""
    outcome = negotiate(pair)
    for failure in outcome:
        if failure is not None and not isinstance(failure, SSL.WantReadError):
            raise failure
    assert outcome == (None, None)
    settle(pair)
    return pair


def settle(pair: Pair) -> None:
    """Let both ends read what is under way and is no application data, such as session tickets."""
    for source, target in (pair, pair[::-1]):
        flush(source, target)
        try:
            target.recv(1, socket.MSG_PEEK)
        except (SSL.WantReadError, SSL.ZeroReturnError):
            pass
        flush(target, source)


def transfer(source: SSL.Connection, target: SSL.Connection, data: bytes) -> bytes:
    """Send ``data`` from ``source`` and return what ``target`` received."""
    view = memoryview(data)
    received = bytearray()
    while len(received) < len(data):
        if view:
            view = view[source.send(view[:CHUNK]) :]
        flush(source, target)
        try:
            while True:
                received += target.recv(CHUNK)
        except SSL.WantReadError:
            flush(target, source)
    return bytes(received)


def pair_over(
    client_context: SSL.Context,
    server_context: SSL.Context,
    sockets: tuple[socket.socket, socket.socket],
) -> Pair:
    client = SSL.Connection(client_context, sockets[0])
    client.set_connect_state()
    server = SSL.Connection(server_context, sockets[1])
    server.set_accept_state()
    return Pair(client, server)


def handshake_in_a_callback(
    client_context: SSL.Context, server_context: SSL.Context
) -> tuple[Pair, threading.Event, Future[Pair]]:
    """A pair whose handshake, in another thread, is in the client's verify callback until the event
    is set."""
    inside, going_on = threading.Event(), threading.Event()

    def verify(*_: Any) -> bool:
        inside.set()
        return going_on.wait(PATIENCE)

    client_context.set_verify(SSL.VERIFY_PEER, verify)
    pair = pair_in_memory(client_context, server_context)
    shaking = background(handshake, pair)
    assert inside.wait(PATIENCE)
    return pair, going_on, shaking


def handshake_over_sockets(pair: Pair) -> Pair:
    """Shake hands over blocking sockets, the server in a thread of its own."""
    server = background(pair.server.do_handshake)
    pair.client.do_handshake()
    server.result(PATIENCE)
    return pair


def wait_for(
    descriptor: socket.socket | SSL.Connection, failure: SSL.Error, timeout: float = 20
) -> None:
    """Wait until a call that raised ``failure`` is worth repeating."""
    writing = isinstance(failure, SSL.WantWriteError)
    ready = select.select(
        [] if writing else [descriptor], [descriptor] if writing else [], [], timeout
    )
    assert any(ready), "nothing moved"


def receive_exactly(connection: SSL.Connection, size: int) -> bytes:
    """Read ``size`` bytes, waiting where the socket does not block."""
    received = bytearray()
    while len(received) < size:
        try:
            received += connection.recv(size - len(received))
        except (SSL.WantReadError, SSL.WantWriteError) as failure:
            wait_for(connection, failure)
    return bytes(received)


def receive_until_close(connection: SSL.Connection) -> bytes:
    """Read until the peer says that it has nothing more to say."""
    received = bytearray()
    while True:
        try:
            received += connection.recv(CHUNK)
        except SSL.ZeroReturnError:
            return bytes(received)


def reasons(failure: BaseException | None) -> list[str]:
    """The reasons that an ``SSL.Error`` gives."""
    assert type(failure) is SSL.Error, repr(failure)
    (entries,) = failure.args
    assert {function for _, function, _ in entries} == {""}
    return [text for _, _, text in entries]
