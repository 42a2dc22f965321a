"""Exceptions raised in callbacks: which call raises them, and how the handshake ends."""

from __future__ import annotations

import asyncio
import sys

from observe import Observer, each
from OpenSSL import SSL
from support import (
    DTLS12,
    TLS12,
    TLS13,
    TLS_VERSIONS,
    VERSIONS,
    Version,
    client_context,
    context,
    failing_handshake,
    memory_pair,
    path,
    read,
    server_context,
)

EXCEPTIONS: dict[str, BaseException] = {
    "ValueError": ValueError("from a callback", 7),
    "Error": SSL.Error([("one", "two", "three")]),
    "WantReadError": SSL.WantReadError(),
    "interrupt: KeyboardInterrupt": KeyboardInterrupt(),
    "interrupt: SystemExit": SystemExit(3),
    "interrupt: CancelledError": asyncio.CancelledError(),
    "interrupt: GeneratorExit": GeneratorExit(),
}


def quiet(o: Observer) -> None:
    """Observe what is reported to the interpreter's hooks."""
    sys.excepthook = o.callback("excepthook", show=lambda kind, value, trace: (kind, value))
    sys.unraisablehook = o.callback("unraisablehook", show=lambda what: (what.exc_type,))


@each(EXCEPTIONS)
def case_verify(o: Observer, exc: BaseException) -> None:
    quiet(o)
    client = client_context(TLS13)
    client.set_verify(SSL.VERIFY_PEER, o.callback("verify", exc))
    pair = memory_pair(o, client=client, handshake=False)
    failing_handshake(o, pair)
    o.call("handshake again", pair.client.do_handshake)
    o.call("another connection", lambda: memory_pair(o, client=client))


@each(EXCEPTIONS)
def case_verify_of_a_connection(o: Observer, exc: BaseException) -> None:
    quiet(o)
    pair = memory_pair(o, handshake=False)
    pair.client.set_verify(SSL.VERIFY_PEER, o.callback("verify", exc))
    failing_handshake(o, pair)
    o.call("handshake again", pair.client.do_handshake)


@each(EXCEPTIONS)
def case_verify_on_a_server(o: Observer, exc: BaseException) -> None:
    quiet(o)
    server, client = server_context(TLS12), client_context(TLS12)
    server.load_verify_locations(path("ca.pem"))
    server.set_verify(SSL.VERIFY_PEER, o.callback("verify", exc))
    client.use_certificate_file(path("client.pem"))
    client.use_privatekey_file(path("client.key"))
    failing_handshake(o, memory_pair(o, server, client, handshake=False))


@each(EXCEPTIONS)
def case_sni(o: Observer, exc: BaseException) -> None:
    quiet(o)
    server = server_context(TLS13)
    server.set_tlsext_servername_callback(o.callback("sni", exc))
    failing_handshake(o, memory_pair(o, server, handshake=False))


@each(EXCEPTIONS)
def case_alpn(o: Observer, exc: BaseException) -> None:
    quiet(o)
    server, client = server_context(TLS13), client_context(TLS13)
    server.set_alpn_select_callback(o.callback("alpn", exc))
    client.set_alpn_protos([b"h2"])
    pair = memory_pair(o, server, client, handshake=False)
    failing_handshake(o, pair)
    o.call("handshake again", pair.server.do_handshake)


@each(EXCEPTIONS)
def case_info(o: Observer, exc: BaseException) -> None:
    quiet(o)
    client = client_context(TLS12)
    client.set_info_callback(o.callback("info", exc, show=lambda conn, where, ret: where))
    failing_handshake(o, memory_pair(o, server_context(TLS12), client, handshake=False))


@each(EXCEPTIONS)
def case_keylog(o: Observer, exc: BaseException) -> None:
    quiet(o)
    client = client_context(TLS12)
    client.set_keylog_callback(o.callback("keylog", exc, show=lambda conn, line: conn))
    failing_handshake(o, memory_pair(o, server_context(TLS12), client, handshake=False))


@each(EXCEPTIONS)
def case_passphrase(o: Observer, exc: BaseException) -> None:
    quiet(o)
    ctx = context(TLS13)
    ctx.set_passwd_cb(o.callback("passphrase", exc))
    o.call("encrypted key", ctx.use_privatekey_file, path("encrypted.key"))
    o.see("the same object", o.raised is exc)
    o.call("plain key", ctx.use_privatekey_file, path("server.key"))


@each(EXCEPTIONS)
def case_ocsp_server(o: Observer, exc: BaseException) -> None:
    quiet(o)
    server, client = server_context(TLS12), client_context(TLS12)
    server.set_ocsp_server_callback(o.callback("staple", exc))
    client.set_ocsp_client_callback(lambda *args: True)
    pair = memory_pair(o, server, client, handshake=False)
    pair.client.request_ocsp()
    failing_handshake(o, pair)


@each(EXCEPTIONS)
def case_ocsp_client(o: Observer, exc: BaseException) -> None:
    quiet(o)
    server, client = server_context(TLS13), client_context(TLS13)
    server.set_ocsp_server_callback(lambda *args: read("staple.der"))
    client.set_ocsp_client_callback(o.callback("verdict", exc))
    pair = memory_pair(o, server, client, handshake=False)
    pair.client.request_ocsp()
    failing_handshake(o, pair)


@each(EXCEPTIONS)
def case_cookie_generate(o: Observer, exc: BaseException) -> None:
    quiet(o)
    server = server_context(DTLS12)
    server.set_cookie_generate_callback(o.callback("generate", exc))
    server.set_cookie_verify_callback(o.callback("verify", True))
    pair = memory_pair(o, server, version=DTLS12, handshake=False)
    o.call("client", pair.client.do_handshake)
    pair.move()
    o.call("listen", pair.server.DTLSv1_listen)
    o.call("listen again", pair.server.DTLSv1_listen)


@each(EXCEPTIONS)
def case_cookie_verify(o: Observer, exc: BaseException) -> None:
    quiet(o)
    server = server_context(DTLS12)
    server.set_cookie_generate_callback(o.callback("generate", b"cookie"))
    server.set_cookie_verify_callback(o.callback("verify", exc))
    pair = memory_pair(o, server, version=DTLS12, handshake=False)
    for _ in range(2):
        o.call("client", pair.client.do_handshake)
        pair.move()
        o.call("listen", pair.server.DTLSv1_listen)
        pair.move()


@each(TLS_VERSIONS)
def case_the_very_object(o: Observer, version: Version) -> None:
    """The call raises the object that the callback raised, with its traceback."""
    exc = ValueError("one object")
    client = client_context(version)
    client.set_verify(SSL.VERIFY_PEER, o.callback("verify", exc))
    pair = memory_pair(o, server_context(version), client, handshake=False)
    try:
        pair.handshake()
    except ValueError as caught:
        o.see("the same object", caught is exc)
        o.see("context", caught.__context__)
        o.see("cause", caught.__cause__)


@each(VERSIONS)
def case_reading_raises_it(o: Observer, version: Version) -> None:
    """Not only do_handshake runs callbacks."""
    for name, act in {
        "recv": lambda conn: conn.recv(10),
        "recv_into": lambda conn: conn.recv_into(bytearray(5)),
        "send": lambda conn: conn.send(b"data"),
        "sendall": lambda conn: conn.sendall(b"data"),
    }.items():
        client = client_context(version)
        client.set_verify(SSL.VERIFY_PEER, o.callback(f"{name}: verify", ValueError(name)))
        pair = memory_pair(o, server_context(version), client, handshake=False)
        for _ in range(3):
            o.call(f"{name}: client", act, pair.client)
            pair.move()
            o.call(f"{name}: server", pair.server.recv, 10)
            pair.move()


def case_two_connections_of_one_context(o: Observer) -> None:
    """An exception belongs to the connection whose call ran the callback."""
    client = client_context(TLS13)
    client.set_verify(SSL.VERIFY_PEER, lambda conn, *args: 1 // conn.get_app_data())
    bad = memory_pair(o, client=client, handshake=False)
    good = memory_pair(o, client=client, handshake=False)
    bad.client.set_app_data(0)
    good.client.set_app_data(1)
    for _ in range(2):
        for label, pair in (("bad", bad), ("good", good)):
            o.call(f"{label} client", pair.client.do_handshake)
            pair.move()
            o.call(f"{label} server", pair.server.do_handshake)
            pair.move()


def case_verify_wrong_number_of_arguments(o: Observer) -> None:
    client = client_context(TLS13)
    client.set_verify(SSL.VERIFY_PEER, lambda conn: True)
    failing_handshake(o, memory_pair(o, client=client, handshake=False))


def case_nothing_is_left(o: Observer) -> None:
    """After a failed handshake the next call does not meet the leftovers."""
    client = client_context(TLS13)
    client.set_verify(SSL.VERIFY_PEER, lambda *args: 1 // 0)
    failing_handshake(o, memory_pair(o, client=client, handshake=False))
    ctx = context(TLS13)
    o.call("version", ctx.set_min_proto_version, 7)
    o.call("protocols", ctx.set_alpn_protos, [b""])
    fresh = memory_pair(o)
    o.call("recv", fresh.client.recv, 10)
    o.call("send", fresh.client.send, b"data")
