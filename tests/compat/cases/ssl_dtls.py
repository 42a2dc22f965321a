"""DTLS: cookies, listening, timeouts, MTU, loss, SRTP; over memory and over UDP."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from observe import Observer, each
from OpenSSL import SSL
from support import (
    DTLS12,
    TLS13,
    Pair,
    background,
    carry,
    client_context,
    context,
    failing_handshake,
    memory_pair,
    server_context,
)


def listener(o: Observer, cookie: Any = b"cookie", verdict: Any = True) -> Pair:
    """A pair whose server asks for a cookie."""
    server = server_context(DTLS12)
    server.set_options(SSL.OP_COOKIE_EXCHANGE or 0)
    server.set_cookie_generate_callback(o.callback("generate", cookie))
    server.set_cookie_verify_callback(o.callback("verify", verdict))
    return memory_pair(o, server, version=DTLS12, handshake=False)


def case_listen(o: Observer) -> None:
    pair = listener(o)
    o.call("nothing yet", pair.server.DTLSv1_listen)
    o.call("hello", pair.client.do_handshake)
    pair.move()
    o.call("without cookie", pair.server.DTLSv1_listen)
    pair.move()
    o.call("hello with cookie", pair.client.do_handshake)
    pair.move()
    o.call("with cookie", pair.server.DTLSv1_listen)
    failing_handshake(o, pair)
    pair.client.send(b"hello")
    pair.move()
    o.call("recv", pair.server.recv, 10)


COOKIES: dict[str, Any] = {
    "one byte": b"c",
    "empty": b"",
    "with NUL": b"a\0b",
    "255 bytes": b"c" * 255,
    "256 bytes": b"c" * 256,
    "large": b"c" * 5000,
    "text": "cookie",
    "bytearray": bytearray(b"cookie"),
    "None": None,
    "number": 5,
    "list of ints": [1, 2, 3],
}


@each(COOKIES)
def case_cookies(o: Observer, cookie: Any) -> None:
    pair = listener(o, cookie)
    for _ in range(2):
        o.call("client", pair.client.do_handshake)
        pair.move()
        o.call("listen", pair.server.DTLSv1_listen)
        pair.move()


@each(
    {
        "False": False,
        "0": 0,
        "None": None,
        "1": 1,
        "2": 2,
        "-1": -1,
        "large": 2**40,
        "text": "yes",
        "empty text": "",
        "float": 1.5,
        "list": [1],
    }
)
def case_cookie_verdicts(o: Observer, verdict: Any) -> None:
    pair = listener(o, verdict=verdict)
    for _ in range(2):
        o.call("client", pair.client.do_handshake)
        pair.move()
        o.call("listen", pair.server.DTLSv1_listen)
        pair.move()


def case_listen_without_callbacks(o: Observer) -> None:
    pair = memory_pair(o, version=DTLS12, handshake=False)
    o.call("nothing", pair.server.DTLSv1_listen)
    stepped = o.call("client", pair.client.do_handshake)
    pair.move()
    o.see("step", stepped)
    o.call("listen", pair.server.DTLSv1_listen)


def case_listen_with_tls(o: Observer) -> None:
    conn = SSL.Connection(server_context(TLS13))
    o.call("no role", conn.DTLSv1_listen)
    conn.set_accept_state()
    o.call("server", conn.DTLSv1_listen)
    client = SSL.Connection(client_context(DTLS12))
    client.set_connect_state()
    o.call("client", client.DTLSv1_listen)


def case_listen_to_garbage(o: Observer) -> None:
    for label, wire in {"text": b"hello", "zeros": bytes(60), "long": b"x" * 2000}.items():
        pair = listener(o)
        pair.server.bio_write(wire)
        o.call(label, pair.server.DTLSv1_listen)
        o.call(f"{label} again", pair.server.DTLSv1_listen)


def case_cookie_callbacks_of_a_handshake(o: Observer) -> None:
    """Without DTLSv1_listen, the option alone asks for cookies."""
    failing_handshake(o, listener(o))


def case_timeouts(o: Observer) -> None:
    client = SSL.Connection(client_context(DTLS12))
    o.call("no role", client.DTLSv1_get_timeout)
    o.call("handle", client.DTLSv1_handle_timeout)
    client.set_connect_state()
    o.call("fresh", client.DTLSv1_get_timeout)
    o.call("hello", client.do_handshake)
    first = client.DTLSv1_get_timeout()
    o.see("type", type(first))
    o.see("within a second", first is not None and 0 < first <= 1)
    o.call("too early", client.DTLSv1_handle_timeout)
    hello = client.bio_read(65536)
    time.sleep(first or 0)
    o.call("due", client.DTLSv1_get_timeout)
    o.call("handle it", client.DTLSv1_handle_timeout)
    o.see("hello again, of the same length", len(client.bio_read(65536)) == len(hello))
    second = client.DTLSv1_get_timeout()
    o.see("twice as long", second is not None and 1 < second <= 2)


def case_timeouts_of_tls(o: Observer) -> None:
    conn = SSL.Connection(client_context(TLS13))
    conn.set_connect_state()
    o.call("get", conn.DTLSv1_get_timeout)
    o.call("handle", conn.DTLSv1_handle_timeout)


def case_timeout_after_the_handshake(o: Observer) -> None:
    pair = memory_pair(o, version=DTLS12)
    for label, end in (("client", pair.client), ("server", pair.server)):
        o.call(f"{label}: get", end.DTLSv1_get_timeout)
        o.call(f"{label}: handle", end.DTLSv1_handle_timeout)


def case_lost_flight(o: Observer) -> None:
    """The server's flight is lost; after its time it comes again."""
    pair = memory_pair(o, version=DTLS12, handshake=False)
    o.call("client", pair.client.do_handshake)
    carry(pair.client, pair.server)
    o.call("server", pair.server.do_handshake)
    lost = len(pair.server.bio_read(65536))
    time.sleep(pair.client.DTLSv1_get_timeout() or 0)
    time.sleep(pair.server.DTLSv1_get_timeout() or 0)
    o.call("server's timeout", pair.server.DTLSv1_handle_timeout)
    o.see("the same again", pair.server.bio_read(65536) != b"" and lost > 0)
    o.call("client's timeout", pair.client.DTLSv1_handle_timeout)


def case_mtu(o: Observer) -> None:
    """The MTU decides the size of the datagrams."""
    server = server_context(DTLS12)
    server.set_options(SSL.OP_NO_QUERY_MTU)
    for mtu in (300, 576, 1500):
        pair = memory_pair(o, server, version=DTLS12, handshake=False)
        o.call(f"{mtu}: set", pair.server.set_ciphertext_mtu, mtu)
        o.call(f"{mtu}: before", pair.server.get_cleartext_mtu)
        pair.handshake()
        o.call(f"{mtu}: after", pair.server.get_cleartext_mtu)
        o.call(f"{mtu}: fits", pair.server.send, b"x" * max(pair.server.get_cleartext_mtu(), 1))


@each(
    {
        "one": (b"SRTP_AES128_CM_SHA1_80", b"SRTP_AES128_CM_SHA1_80"),
        "first of the client's": (
            b"SRTP_AES128_CM_SHA1_32:SRTP_AES128_CM_SHA1_80",
            b"SRTP_AES128_CM_SHA1_80:SRTP_AES128_CM_SHA1_32",
        ),
        "none in common": (b"SRTP_AES128_CM_SHA1_80", b"SRTP_AEAD_AES_128_GCM"),
        "client only": (b"SRTP_AES128_CM_SHA1_80", None),
        "server only": (None, b"SRTP_AES128_CM_SHA1_80"),
    }
)
def case_srtp(o: Observer, profiles: tuple[bytes | None, bytes | None]) -> None:
    client, server = client_context(DTLS12), server_context(DTLS12)
    for ctx, offered in ((client, profiles[0]), (server, profiles[1])):
        if offered is not None:
            ctx.set_tlsext_use_srtp(offered)
    pair = memory_pair(o, server, client)
    o.call("client", pair.client.get_selected_srtp_profile)
    o.call("server", pair.server.get_selected_srtp_profile)
    keys = [end.export_keying_material(b"EXTRACTOR-dtls_srtp", 60) for end in pair]
    o.see("the same keys", keys[0] == keys[1])


@contextmanager
def udp_pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two UDP sockets on loopback, connected to each other."""
    with (
        socket.socket(type=socket.SOCK_DGRAM) as near,
        socket.socket(type=socket.SOCK_DGRAM) as far,
    ):
        near.bind(("127.0.0.1", 0))
        far.bind(("127.0.0.1", 0))
        near.connect(far.getsockname())
        far.connect(near.getsockname())
        yield near, far


def case_udp(o: Observer) -> None:
    with udp_pair() as (near, far):
        client = SSL.Connection(client_context(DTLS12), near)
        server = SSL.Connection(server_context(DTLS12), far)
        client.set_connect_state()
        server.set_accept_state()
        with background(server.do_handshake) as outcome:
            o.call("client", client.do_handshake)
        o.see("server", outcome)
        o.call("send", client.send, b"hello")
        o.call("recv", server.recv, 100)
        o.call("shutdown", client.shutdown)
        o.call("end", server.recv, 100)
        o.call("server's shutdown", server.shutdown)
        o.call("both", client.shutdown)


def case_udp_cookies(o: Observer) -> None:
    with udp_pair() as (near, far):
        ctx = server_context(DTLS12)
        ctx.set_options(SSL.OP_COOKIE_EXCHANGE or 0)
        ctx.set_cookie_generate_callback(lambda conn: b"cookie")
        ctx.set_cookie_verify_callback(lambda conn, cookie: cookie == b"cookie")
        client = SSL.Connection(client_context(DTLS12), near)
        server = SSL.Connection(ctx, far)
        client.set_connect_state()
        server.set_accept_state()
        far.setblocking(False)
        o.call("nothing yet", server.DTLSv1_listen)
        far.setblocking(True)

        def serve() -> str:
            while True:
                try:
                    server.DTLSv1_listen()
                except SSL.WantReadError:
                    continue
                break
            server.do_handshake()
            return server.recv(100).decode()

        with background(serve) as outcome:
            o.call("client", client.do_handshake)
            o.call("send", client.send, b"hello")
        o.see("server", outcome)


def case_udp_nobody_there(o: Observer) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        address = sock.getsockname()
        lonely = socket.socket(type=socket.SOCK_DGRAM)
        lonely.connect(address)
    client = SSL.Connection(client_context(DTLS12), lonely)
    client.set_connect_state()
    o.call("handshake", client.do_handshake)
    lonely.close()


def case_udp_timeouts(o: Observer) -> None:
    with udp_pair() as (near, _far):
        near.setblocking(False)
        client = SSL.Connection(client_context(DTLS12), near)
        client.set_connect_state()
        o.call("hello", client.do_handshake)
        o.see("a timeout", client.DTLSv1_get_timeout() is not None)
        time.sleep(client.DTLSv1_get_timeout() or 0)
        o.call("handle", client.DTLSv1_handle_timeout)
        o.call("handshake", client.do_handshake)


def case_replayed_datagram(o: Observer) -> None:
    pair = memory_pair(o, version=DTLS12)
    pair.client.send(b"hello")
    wire = pair.client.bio_read(65536)
    for label in ("first", "replay"):
        pair.server.bio_write(wire)
        o.call(label, pair.server.recv, 100)


def case_reordered_datagrams(o: Observer) -> None:
    pair = memory_pair(o, version=DTLS12)
    wires = []
    for text in (b"one", b"two", b"three"):
        pair.client.send(text)
        wires.append(pair.client.bio_read(65536))
    for wire in reversed(wires):
        pair.server.bio_write(wire)
    for _ in range(4):
        o.call("recv", pair.server.recv, 100)


def case_methods_on_tls(o: Observer) -> None:
    """The DTLS methods of a connection of TLS."""
    pair = memory_pair(o)
    o.call("ciphertext mtu", pair.client.set_ciphertext_mtu, 1000)
    o.call("srtp", pair.client.get_selected_srtp_profile)
    o.call("timeout", pair.client.DTLSv1_get_timeout)
    o.call("srtp of a fresh one", SSL.Connection(context(DTLS12)).get_selected_srtp_profile)


def case_cleartext_mtu_of_tls(o: Observer) -> None:
    """It asks about the records of DTLS."""
    o.call("mtu", memory_pair(o).client.get_cleartext_mtu)
