"""Objects that outlive others. Several of these end the process with pyOpenSSL."""

from __future__ import annotations

import gc
import signal
from typing import Any

from observe import Observer
from OpenSSL import SSL, crypto
from support import (
    TLS12,
    TLS13,
    Pair,
    certificate,
    client_context,
    context,
    failing_handshake,
    memory_pair,
    server_context,
)


def case_store_outlives_its_context(o: Observer) -> None:
    signal.alarm(5)  # pyOpenSSL may wait for a lock that was freed.
    store = context(TLS13).get_cert_store()
    gc.collect()
    o.call("add", store.add_cert, certificate("ca"))
    o.call("verify", crypto.X509StoreContext(store, certificate("server")).verify_certificate)


def case_verify_without_certificate(o: Observer) -> None:
    """A failure of policies is about the chain, not about one certificate."""
    client = client_context(TLS12)
    client.set_verify(SSL.VERIFY_PEER, o.callback("verify", True))
    flags = crypto.X509StoreFlags
    client.get_cert_store().set_flags(flags.POLICY_CHECK | flags.EXPLICIT_POLICY)
    pair = memory_pair(o, server_context(TLS12), client, handshake=False)
    failing_handshake(o, pair)


def case_set_context_then_renegotiate(o: Observer) -> None:
    """The first context of a connection dies, then its callbacks are wanted again."""
    server = server_context(TLS12)
    server.set_options(1 << 8)  # SSL_OP_ALLOW_CLIENT_RENEGOTIATION
    server.set_verify(SSL.VERIFY_PEER, o.callback("first's verify", True))
    server.set_alpn_select_callback(o.callback("first's alpn", b"h2"))
    second = server_context(TLS12)
    server.set_tlsext_servername_callback(lambda conn: conn.set_context(second))
    client = client_context(TLS12)
    client.set_alpn_protos([b"h2"])
    pair = memory_pair(o, server, client, handshake=False)
    failing_handshake(o, pair)
    del server
    gc.collect()
    o.call("renegotiate", pair.client.renegotiate)
    for _ in range(4):
        o.call("client", pair.client.do_handshake)
        pair.move()
        o.call("server", pair.server.recv, 10)
        pair.move()


def case_certificates_outlive_connections(o: Observer) -> None:
    def certificates() -> list[Any]:
        pair = Pair(SSL.Connection(client_context()), SSL.Connection(server_context()))
        pair.handshake()
        return [
            pair.client.get_peer_certificate(),
            pair.client.get_peer_cert_chain(),
            pair.client.get_verified_chain(),
            pair.server.get_certificate(),
        ]

    kept = certificates()
    gc.collect()
    o.see("certificates", kept)


def case_connection_dies_first(o: Observer) -> None:
    """Making and dropping, in all orders."""
    for order in ("connection", "context", "socket"):
        ctx = client_context()
        conn = SSL.Connection(ctx)
        conn.set_connect_state()
        if order == "connection":
            del conn
        elif order == "context":
            del ctx
        gc.collect()
        o.see(order, "alive")


def case_verify_callback_drops_itself(o: Observer) -> None:
    client = client_context()
    pair = memory_pair(o, client=client, handshake=False)

    def verify(conn: SSL.Connection, *args: Any) -> bool:
        conn.set_verify(SSL.VERIFY_NONE)
        gc.collect()
        return True

    pair.client.set_verify(SSL.VERIFY_PEER, verify)
    del verify
    failing_handshake(o, pair)


def case_info_callback_replaced_while_it_runs(o: Observer) -> None:
    pair = memory_pair(o, handshake=False)
    show: Any = lambda conn, where, ret: where  # noqa: E731

    def first(conn: SSL.Connection, where: int, ret: int) -> None:
        conn.set_info_callback(o.callback("second", show=show))

    pair.client.set_info_callback(o.callback("first", first, show=show))
    del first
    failing_handshake(o, pair)


def case_alpn_answer_is_kept(o: Observer) -> None:
    """The bytes of the answer live as long as OpenSSL needs them."""
    server, client = server_context(), client_context()
    server.set_alpn_select_callback(lambda conn, offered: bytes(bytearray(b"h2")))
    client.set_alpn_protos([b"h2"])
    pair = memory_pair(o, server, client)
    gc.collect()
    o.call("server", pair.server.get_alpn_proto_negotiated)
    o.call("client", pair.client.get_alpn_proto_negotiated)
