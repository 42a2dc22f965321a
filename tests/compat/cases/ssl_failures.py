"""The classic failures: what each end raises, with its arguments."""

from __future__ import annotations

import os
import socket
import struct

from observe import Observer, each
from OpenSSL import SSL
from support import (
    TLS12,
    TLS13,
    TLS_VERSIONS,
    VERSIONS,
    Version,
    background,
    carry,
    client_context,
    context,
    failing_handshake,
    memory_pair,
    path,
    server_context,
    socket_pair,
    tcp_pair,
)

BOTH = (SSL.TLS_METHOD, None)


@each(VERSIONS)
def case_untrusted(o: Observer, version: Version) -> None:
    pair = memory_pair(o, server_context(version, "untrusted"), version=version, handshake=False)
    failing_handshake(o, pair)
    for label, end in (("client", pair.client), ("server", pair.server)):
        o.call(f"{label} again", end.do_handshake)
        o.call(f"{label} recv", end.recv, 10)
        o.call(f"{label} send", end.send, b"data")
        o.call(f"{label} shutdown", end.shutdown)


@each(("leaf", "expired", "client", "untrusted"))
def case_bad_certificates(o: Observer, name: str) -> None:
    for version in TLS_VERSIONS.values():
        pair = memory_pair(o, server_context(version, name), version=version, handshake=False)
        failing_handshake(o, pair)


@each(VERSIONS)
def case_no_trust_at_all(o: Observer, version: Version) -> None:
    client = context(version)
    client.set_verify(SSL.VERIFY_PEER)
    failing_handshake(o, memory_pair(o, server_context(version), client, handshake=False))


@each(
    {
        "server is older": (TLS13, TLS12),
        "client is older": (TLS12, TLS13),
        "client speaks TLS 1.1": ((SSL.TLS_METHOD, SSL.TLS1_1_VERSION), BOTH),
        "server speaks TLS 1.1": (BOTH, (SSL.TLS_METHOD, SSL.TLS1_1_VERSION)),
        "client of DTLS": ((SSL.DTLS_METHOD, None), BOTH),
        "server of DTLS": (BOTH, (SSL.DTLS_METHOD, None)),
    }
)
def case_version_mismatch(o: Observer, versions: tuple[Version, Version]) -> None:
    client, server = versions
    pair = memory_pair(o, server_context(server), client_context(client), handshake=False)
    failing_handshake(o, pair)


@each(TLS_VERSIONS)
def case_no_shared_cipher(o: Observer, version: Version) -> None:
    server, client = server_context(version), client_context(version)
    server.set_cipher_list(b"ECDHE-RSA-AES128-GCM-SHA256")
    server.set_tls13_ciphersuites(b"TLS_AES_128_GCM_SHA256")
    client.set_cipher_list(b"ECDHE-RSA-AES256-GCM-SHA384")
    client.set_tls13_ciphersuites(b"TLS_AES_256_GCM_SHA384")
    failing_handshake(o, memory_pair(o, server, client, handshake=False))


@each(VERSIONS)
def case_server_without_certificate(o: Observer, version: Version) -> None:
    failing_handshake(o, memory_pair(o, context(version), version=version, handshake=False))


@each(VERSIONS)
def case_client_certificate_missing(o: Observer, version: Version) -> None:
    server = server_context(version)
    server.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    pair = memory_pair(o, server, version=version, handshake=False)
    failing_handshake(o, pair)
    pair.move()
    o.call("client reads the alert", pair.client.recv, 10)
    o.call("client reads again", pair.client.recv, 10)
    o.call("server reads", pair.server.recv, 10)


@each(VERSIONS)
def case_client_certificate_untrusted(o: Observer, version: Version) -> None:
    server, client = server_context(version), client_context(version)
    server.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    client.use_certificate_file(path("client.pem"))
    client.use_privatekey_file(path("client.key"))
    pair = memory_pair(o, server, client, handshake=False)
    failing_handshake(o, pair)
    pair.move()
    o.call("client reads the alert", pair.client.recv, 10)


@each(TLS_VERSIONS)
def case_peer_goes_away(o: Observer, version: Version) -> None:
    """The socket is closed without a close_notify."""
    for label, tcp in (("unix", False), ("tcp", True)):
        pair = socket_pair(o, version=version, tcp=tcp)
        pair.server.sock_shutdown(socket.SHUT_RDWR)
        pair.server.close()
        o.call(f"{label}: recv", pair.client.recv, 10)
        o.call(f"{label}: recv again", pair.client.recv, 10)
        o.call(f"{label}: recv_into", pair.client.recv_into, bytearray(5))
        o.call(f"{label}: peek", pair.client.recv, 10, socket.MSG_PEEK)
        o.call(f"{label}: state", pair.client.get_shutdown)


@each(TLS_VERSIONS)
def case_peer_goes_away_while_writing(o: Observer, version: Version) -> None:
    pair = socket_pair(o, version=version)
    pair.server.close()
    for _ in range(3):
        o.call("send", pair.client.send, b"data")
    o.call("sendall", pair.client.sendall, b"data")
    o.call("shutdown", pair.client.shutdown)


def reset(sock: socket.socket) -> None:
    """Close a TCP socket so that its peer sees a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@each(TLS_VERSIONS)
def case_connection_reset(o: Observer, version: Version) -> None:
    pair = socket_pair(o, version=version, tcp=True)
    reset(pair.server._socket)
    o.call("recv", pair.client.recv, 10)
    o.call("recv again", pair.client.recv, 10)
    o.call("send", pair.client.send, b"data")
    o.call("send again", pair.client.send, b"data")


def case_connection_reset_then_send(o: Observer) -> None:
    pair = socket_pair(o, tcp=True)
    reset(pair.server._socket)
    o.call("send", pair.client.send, b"data")
    o.call("send again", pair.client.send, b"data")
    o.call("recv", pair.client.recv, 10)
    o.call("shutdown", pair.client.shutdown)


@each({"reset": reset, "closed": socket.socket.close})
def case_gone_during_the_handshake(o: Observer, leave: object) -> None:
    for label in ("client", "server"):
        near, far = tcp_pair()
        ctx = client_context() if label == "client" else server_context()
        conn = SSL.Connection(ctx, near)
        conn.set_connect_state() if label == "client" else conn.set_accept_state()
        leave(far)  # type: ignore[operator]
        if label == "client":
            # The hello may still be taken by the kernel, or not.
            near.setblocking(True)
            o.see("hello", _quietly(conn))
        o.call(f"{label}: handshake", conn.do_handshake)


def _quietly(conn: SSL.Connection) -> bool:
    try:
        conn.do_handshake()
    except SSL.Error:
        return True
    return False


def case_closed_during_the_handshake(o: Observer) -> None:
    for label in ("client", "server"):
        near, far = socket.socketpair()
        ctx = client_context() if label == "client" else server_context()
        conn = SSL.Connection(ctx, near)
        conn.set_connect_state() if label == "client" else conn.set_accept_state()
        far.shutdown(socket.SHUT_WR)
        o.call(f"{label}: handshake", conn.do_handshake)
        o.call(f"{label}: handshake again", conn.do_handshake)
        o.call(f"{label}: recv", conn.recv, 10)


def case_broken_pipe(o: Observer) -> None:
    near, far = socket.socketpair()
    client = SSL.Connection(client_context(), near)
    client.set_connect_state()
    far.close()
    o.call("handshake", client.do_handshake)
    o.call("handshake again", client.do_handshake)
    o.call("send", client.send, b"data")


def case_socket_closed_here(o: Observer) -> None:
    """Our own socket was closed before the call."""
    pair = socket_pair(o)
    pair.client.close()
    o.call("recv", pair.client.recv, 10)
    o.call("send", pair.client.send, b"data")
    o.call("fileno", lambda: pair.client.fileno())
    o.call("shutdown", pair.client.shutdown)
    o.call("getpeername", lambda: pair.client.getpeername())


def case_descriptor_reused(o: Observer) -> None:
    """Our socket was closed, and its number belongs to another file by now."""
    pair = socket_pair(o)
    reader, writer = os.pipe()
    number = pair.client.fileno()
    pair.client.close()
    os.dup2(writer, number)
    os.set_blocking(reader, False)
    o.call("send", pair.client.send, b"data")
    try:
        leaked = len(os.read(reader, 1000)) > 0
    except BlockingIOError:
        leaked = False
    o.see("written to another file", leaked)


def case_plain_text_peers(o: Observer) -> None:
    for label, text in {
        "HTTP": b"GET / HTTP/1.0\r\n\r\n",
        "HTTP answer": b"HTTP/1.0 400 Bad Request\r\n\r\n",
        "CONNECT": b"CONNECT host:443 HTTP/1.0\r\n\r\n",
        "SMTP": b"220 mail.example ESMTP\r\n",
        "short": b"hi",
        "one byte": b"\x16",
        "SSL 2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(37),
    }.items():
        for name, ctx in (("client", client_context(BOTH)), ("server", server_context(BOTH))):
            conn = SSL.Connection(ctx)
            conn.set_connect_state() if name == "client" else conn.set_accept_state()
            try:
                conn.do_handshake()
            except SSL.WantReadError:
                pass
            conn.bio_write(text)
            o.call(f"{name}: {label}", conn.do_handshake)
            conn.bio_shutdown()
            o.call(f"{name}: {label}, then the end", conn.do_handshake)


@each(TLS_VERSIONS)
def case_truncated_handshake(o: Observer, version: Version) -> None:
    """The wire ends in the middle of the server's flight."""
    pair = memory_pair(o, version=version, handshake=False)
    for end in (pair.client,):
        o.call("client", end.do_handshake)
    carry(pair.client, pair.server)
    o.call("server", pair.server.do_handshake)
    flight = pair.server.bio_read(65536)
    pair.client.bio_write(flight[: len(flight) // 2])
    o.call("client with a half", pair.client.do_handshake)
    pair.client.bio_shutdown()
    o.call("client at the end", pair.client.do_handshake)
    o.call("client again", pair.client.do_handshake)


@each(TLS_VERSIONS)
def case_record_after_shutdown(o: Observer, version: Version) -> None:
    pair = memory_pair(o, version=version)
    pair.client.shutdown()
    o.call("send", pair.client.send, b"data")
    o.call("sendall", pair.client.sendall, b"data")
    pair.move()
    o.call("server recv", pair.server.recv, 10)
    o.call("server send", pair.server.send, b"data")


@each(TLS_VERSIONS)
def case_write_of_another_length(o: Observer, version: Version) -> None:
    """A write that must be repeated, with something else."""
    pair = socket_pair(o, version=version)
    pair.client.setblocking(False)
    try:
        while True:
            pair.client.send(b"x" * 16384)
    except SSL.WantWriteError:
        o.call("shorter", pair.client.send, b"y")
        o.call("other content", pair.client.send, b"y" * 16384)


def case_renegotiation_refused(o: Observer) -> None:
    server = server_context(TLS12)
    server.set_options(SSL.OP_NO_RENEGOTIATION)
    pair = memory_pair(o, server, version=TLS12)
    o.call("renegotiate", pair.client.renegotiate)
    for _ in range(3):
        o.call("client", pair.client.do_handshake)
        pair.move()
        o.call("server", pair.server.recv, 10)
        pair.move()


def case_blocking_peer_leaves(o: Observer) -> None:
    """A reader that waits sees the end."""
    pair = socket_pair(o)
    with background(pair.client.recv, 10) as outcome:
        pair.server.shutdown()
    o.see("reader", outcome)
    pair = socket_pair(o)
    with background(pair.client.recv, 10) as outcome:
        pair.server.sock_shutdown(socket.SHUT_WR)
    o.see("reader without close_notify", outcome)
