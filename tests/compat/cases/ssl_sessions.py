"""Sessions: taking, giving, resuming, refusing."""

from __future__ import annotations

import gc
from typing import Any

from observe import Observer, each
from OpenSSL import SSL
from support import (
    DTLS12,
    TLS12,
    TLS13,
    VERSIONS,
    Pair,
    Version,
    client_context,
    context,
    failing_handshake,
    memory_pair,
    server_context,
    stepped,
)

WITH_TICKETS = {
    "TLS 1.2, tickets": (TLS12, True),
    "TLS 1.2, cache": (TLS12, False),
    "TLS 1.3, tickets": (TLS13, True),
    "TLS 1.3, cache": (TLS13, False),
    "DTLS 1.2": (DTLS12, True),
}


def contexts(version: Version, tickets: bool = True) -> tuple[SSL.Context, SSL.Context]:
    server, client = server_context(version), client_context(version)
    server.set_session_id(b"compat")
    if not tickets:
        server.set_options(SSL.OP_NO_TICKET)
    return server, client


def finished(pair: Pair) -> SSL.Session | None:
    """Let the client read the tickets; its session then."""
    try:
        pair.client.recv(1)
    except SSL.WantReadError:
        pass
    return pair.client.get_session()


@each(WITH_TICKETS)
def case_resumption(o: Observer, row: tuple[Version, bool]) -> None:
    """The verify callback is not called for a resumed session."""
    server, client = contexts(*row)
    client.set_verify(SSL.VERIFY_PEER, o.callback("verify", True))
    first = memory_pair(o, server, client)
    session = finished(first)
    o.see("session", session)
    second = memory_pair(o, server, client, handshake=False)
    o.call("set", second.client.set_session, session)
    second.handshake()
    o.call("the same secret", lambda: first.client.master_key() == second.client.master_key())
    o.call("peer", second.client.get_peer_certificate)
    o.call("chain", second.client.get_peer_cert_chain)
    o.call("verified chain", second.client.get_verified_chain)


@each(WITH_TICKETS)
def case_no_resumption(o: Observer, row: tuple[Version, bool]) -> None:
    """A server that does not know the session starts afresh."""
    server, client = contexts(*row)
    client.set_verify(SSL.VERIFY_PEER, o.callback("verify", True))
    session = finished(memory_pair(o, server, client))
    other = memory_pair(o, contexts(*row)[0], client, handshake=False)
    o.call("set", other.client.set_session, session)
    failing_handshake(o, other)


@each({"off": SSL.SESS_CACHE_OFF, "server": SSL.SESS_CACHE_SERVER, "both": SSL.SESS_CACHE_BOTH})
def case_cache_modes(o: Observer, mode: int) -> None:
    server, client = contexts(TLS12, tickets=False)
    server.set_session_cache_mode(mode)
    client.set_verify(SSL.VERIFY_PEER, o.callback("verify", True))
    session = finished(memory_pair(o, server, client))
    second = memory_pair(o, server, client, handshake=False)
    o.call("set", second.client.set_session, session)
    failing_handshake(o, second)


@each(VERSIONS)
def case_get_session(o: Observer, version: Version) -> None:
    """There is a session at which moment."""
    pair = memory_pair(o, version=version, handshake=False)
    o.call("client before", pair.client.get_session)
    o.call("server before", pair.server.get_session)
    stepped(pair.client)
    o.call("client after its hello", pair.client.get_session)
    pair.move()
    stepped(pair.server)
    o.call("server after the hello", pair.server.get_session)
    pair.handshake()
    o.call("client after", pair.client.get_session)
    o.call("server after", pair.server.get_session)
    first, second = pair.client.get_session(), pair.client.get_session()
    o.see("a new object each time", first is second)
    o.see("equal", first == second)


def case_set_session_arguments(o: Observer) -> None:
    conn = SSL.Connection(client_context())
    for label, value in {
        "None": None,
        "text": "session",
        "class": SSL.Session,
        "object": object(),
    }.items():
        o.call(label, conn.set_session, value)


def case_session_of_another_context(o: Observer) -> None:
    server, client = contexts(TLS12)
    session = finished(memory_pair(o, server, client))
    o.call("another context", SSL.Connection(client_context(TLS12)).set_session, session)
    o.call("the same context", SSL.Connection(client).set_session, session)


def case_session_and_set_context(o: Observer) -> None:
    """What counts is the context of the moment."""
    server, client = contexts(TLS12)
    session = finished(memory_pair(o, server, client))
    conn = SSL.Connection(client)
    conn.set_context(client_context(TLS12))
    o.call("after set_context", conn.set_session, session)
    conn = SSL.Connection(client_context(TLS12))
    conn.set_context(client)
    o.call("after set_context to its context", conn.set_session, session)


def case_bare_session(o: Observer) -> None:
    """A Session that no connection made."""
    bare = o.call("make", SSL.Session)
    o.call("set", SSL.Connection(client_context()).set_session, bare)
    o.call("arguments", SSL.Session, 1)
    o.see("attributes", [name for name in dir(SSL.Session) if not name.startswith("_")])


def case_session_outlives_its_connection(o: Observer) -> None:
    server, client = contexts(TLS12)
    pair = memory_pair(o, server, client)
    key = pair.client.master_key()
    session = finished(pair)
    pair.client.shutdown()
    pair.move()
    del pair
    gc.collect()
    second = memory_pair(o, server, client, handshake=False)
    second.client.set_session(session)
    second.handshake()
    o.see("resumed", second.client.master_key() == key)


def case_session_of_a_connection_without_shutdown(o: Observer) -> None:
    """A connection that is dropped without a close_notify, and its session."""
    server, client = server_context(TLS12), client_context(TLS12)
    server.set_session_id(b"compat")
    keys: list[Any] = []

    def first() -> SSL.Session | None:
        pair = Pair(SSL.Connection(client), SSL.Connection(server))
        pair.handshake()
        keys.append(pair.client.master_key())
        return finished(pair)

    session = first()
    gc.collect()
    second = memory_pair(o, server, client, handshake=False)
    o.call("set", second.client.set_session, session)
    failing_handshake(o, second)
    o.see("resumed", second.client.master_key() == keys[0])


def case_session_of_another_version(o: Observer) -> None:
    """A session of TLS 1.2 in a client that speaks both, with a server of TLS 1.3."""
    client = client_context((SSL.TLS_METHOD, None))
    session = finished(memory_pair(o, contexts(TLS12)[0], client))
    pair = memory_pair(o, contexts(TLS13)[0], client, handshake=False)
    o.call("set", pair.client.set_session, session)
    failing_handshake(o, pair)
    o.call("version", pair.client.get_protocol_version_name)


def case_session_set_twice(o: Observer) -> None:
    server, client = contexts(TLS12)
    one, two = (finished(memory_pair(o, server, client)) for _ in range(2))
    conn = SSL.Connection(client)
    o.call("one", conn.set_session, one)
    o.call("two", conn.set_session, two)
    o.call("one again", conn.set_session, session=one)


def case_session_after_the_handshake(o: Observer) -> None:
    server, client = contexts(TLS12)
    session = finished(memory_pair(o, server, client))
    pair = memory_pair(o, server, client)
    o.call("set", pair.client.set_session, session)
    o.call("send", pair.client.send, b"data")
    o.call("key", lambda: len(pair.client.master_key() or b""))


def case_server_without_session_id(o: Observer) -> None:
    """A server that verifies needs a session id context."""
    server, client = server_context(TLS12), client_context(TLS12)
    server.set_verify(SSL.VERIFY_PEER, lambda *args: True)
    session = finished(memory_pair(o, server, client))
    pair = memory_pair(o, server, client, handshake=False)
    pair.client.set_session(session)
    failing_handshake(o, pair)


def case_timeout_of_sessions(o: Observer) -> None:
    server, client = contexts(TLS12, tickets=False)
    server.set_timeout(0)
    session = finished(memory_pair(o, server, client))
    pair = memory_pair(o, server, client, handshake=False)
    pair.client.set_session(session)
    failing_handshake(o, pair)


def case_sessions_of_dead_contexts(o: Observer) -> None:
    def make() -> SSL.Session | None:
        return finished(Pair(SSL.Connection(context(TLS12)), SSL.Connection(server_context(TLS12))))

    o.see("none was made", make())
