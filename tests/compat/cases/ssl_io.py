"""Reading and writing, over memory BIOs and over sockets."""

from __future__ import annotations

import array
import ctypes
import mmap
import socket
from collections.abc import Callable
from typing import Any

from observe import Observer, each
from OpenSSL import SSL
from support import (
    DTLS12,
    TLS12,
    TLS13,
    TLS_VERSIONS,
    VERSIONS,
    Version,
    background,
    client_context,
    context,
    memory_pair,
    server_context,
    socket_pair,
)


@each(VERSIONS)
def case_echo(o: Observer, version: Version) -> None:
    pair = memory_pair(o, version=version)
    o.call("send", pair.client.send, b"hello")
    o.call("nothing yet", pair.server.recv, 100)
    pair.move()
    o.call("pending before", pair.server.pending)
    o.call("two bytes", pair.server.recv, 2)
    o.call("pending", pair.server.pending)
    o.call("rest", pair.server.recv, 100)
    o.call("empty", pair.server.recv, 100)
    o.call("back", pair.server.write, b"world")
    pair.move()
    o.call("read", pair.client.read, 100)


@each(VERSIONS)
def case_echo_over_sockets(o: Observer, version: Version) -> None:
    pair = socket_pair(o, version=version)
    o.call("send", pair.client.send, b"hello")
    o.call("recv", pair.server.recv, 100)
    o.call("sendall", pair.server.sendall, b"x" * 1000)
    o.call("read", pair.client.read, 10)
    o.call("pending", pair.client.pending)
    o.call("fileno", lambda: pair.client.fileno() == pair.client._socket.fileno())


@each(VERSIONS)
def case_peek(o: Observer, version: Version) -> None:
    pair = memory_pair(o, version=version)
    pair.client.send(b"hello")
    pair.move()
    o.call("peek", pair.server.recv, 3, socket.MSG_PEEK)
    o.call("peek again", pair.server.recv, bufsiz=100, flags=socket.MSG_PEEK)
    o.call("pending", pair.server.pending)
    buffer = bytearray(8)
    o.call("peek into", pair.server.recv_into, buffer, flags=socket.MSG_PEEK)
    o.see("buffer", buffer)
    o.call("other flags", pair.server.recv, 100, socket.MSG_OOB)
    o.call("nothing", pair.server.recv, 100, socket.MSG_PEEK)


BUFFERS: dict[str, Callable[[], Any]] = {
    "bytearray": lambda: bytearray(10),
    "short bytearray": lambda: bytearray(2),
    "empty bytearray": lambda: bytearray(),
    "memoryview": lambda: memoryview(bytearray(10)),
    "slice of a memoryview": lambda: memoryview(bytearray(10))[3:7],
    "array of bytes": lambda: array.array("B", bytes(10)),
    "array of ints": lambda: array.array("I", [0] * 3),
    "ctypes": lambda: (ctypes.c_char * 10)(),
    "mmap": lambda: mmap.mmap(-1, 10),
    "list": lambda: [0] * 10,
    "bytes": lambda: bytes(10),
    "read-only memoryview": lambda: memoryview(bytes(10)),
    "strided memoryview": lambda: memoryview(bytearray(10))[::2],
    "memoryview of ints": lambda: memoryview(array.array("I", [0] * 3)),
    "two dimensions": lambda: memoryview(bytearray(12)).cast("B", (3, 4)),
    "None": lambda: None,
    "text": lambda: "text",
    "int": lambda: 10,
}


@each(BUFFERS)
def case_recv_into(o: Observer, make: Callable[[], Any]) -> None:
    """Every kind of buffer; and what is still there afterwards."""
    pair = memory_pair(o)
    pair.client.send(b"hello")
    pair.move()
    buffer = make()
    o.call("recv_into", pair.server.recv_into, buffer)
    o.call("content", bytes, buffer)
    o.call("the rest", pair.server.recv, 100)


def case_recv_into_counts(o: Observer) -> None:
    pair = memory_pair(o)
    pair.client.send(b"0123456789")
    pair.move()
    buffer = bytearray(4)
    o.call("two", pair.server.recv_into, buffer, 2)
    o.see("after two", buffer)
    o.call("more than fits", pair.server.recv_into, buffer, 100)
    o.see("after more than fits", buffer)
    o.call("None", pair.server.recv_into, buffer, None)
    o.see("after None", buffer)
    o.call("negative", pair.server.recv_into, buffer, -1)
    o.call("huge", pair.server.recv_into, buffer, 2**70)
    o.call("text", pair.server.recv_into, buffer, "2")
    o.call("by keyword", pair.server.recv_into, buffer=buffer, nbytes=1, flags=0)


SENDABLE: dict[str, Any] = {
    "bytes": b"data",
    "bytearray": bytearray(b"data"),
    "memoryview": memoryview(b"data"),
    "slice of a memoryview": memoryview(b"0data0")[1:-1],
    "array of bytes": array.array("B", b"data"),
    "array of ints": array.array("I", [1, 2]),
    "ctypes": (ctypes.c_char * 4)(*b"data"),
    "strided memoryview": memoryview(b"d0a0t0a0")[::2],
    "two dimensions": memoryview(b"datadata").cast("B", (2, 4)),
    "text": "data",
    "text beyond ASCII": "d\xe4ta",
    "int": 4,
    "None": None,
    "list": [1, 2, 3],
    "list of bytes": [b"data"],
}


@each(SENDABLE)
def case_send(o: Observer, data: Any) -> None:
    """Every kind of data in every method that takes some."""
    for method in ("send", "write", "sendall"):
        pair = memory_pair(o)
        o.call(method, getattr(pair.client, method), data)
        pair.move()
        o.call(f"{method} arrived", pair.server.recv, 100)
    o.call("bio_write", SSL.Connection(context(TLS13)).bio_write, data)


@each(TLS_VERSIONS)
def case_sizes(o: Observer, version: Version) -> None:
    """Records hold at most 16384 bytes."""
    for size in (1, 16384, 16385, 40000):
        pair = memory_pair(o, version=version)
        o.call(f"send {size}", pair.client.send, b"x" * size)
        pair.move()
        parts = []
        while True:
            try:
                parts.append(len(pair.server.recv(65536)))
            except SSL.WantReadError:
                break
        o.see(f"parts of {size}", parts)


@each(TLS_VERSIONS)
def case_sendall_sizes(o: Observer, version: Version) -> None:
    pair = memory_pair(o, version=version)
    for size in (0, 1, 16385, 100000):
        o.call(f"sendall {size}", pair.client.sendall, b"x" * size)
    o.call("flags", pair.client.sendall, b"data", 0)
    o.call("flags by keyword", pair.client.send, buf=b"data", flags=99)


@each(VERSIONS)
def case_zero_length(o: Observer, version: Version) -> None:
    pair = memory_pair(o, version=version)
    o.call("recv(0)", pair.client.recv, 0)
    o.call("recv(0), peek", pair.client.recv, 0, socket.MSG_PEEK)
    o.call("recv_into(b'')", pair.client.recv_into, bytearray())
    o.call("recv_into(buffer, 0)", pair.client.recv_into, bytearray(5), 0)
    o.call("send(b'')", pair.client.send, b"")
    o.call("sendall(b'')", pair.client.sendall, b"")
    o.call("bio_read(0)", pair.client.bio_read, 0)
    o.call("bio_write(b'')", pair.client.bio_write, b"")


@each(VERSIONS)
def case_zero_length_over_sockets(o: Observer, version: Version) -> None:
    pair = socket_pair(o, version=version)
    pair.client.setblocking(False)
    o.call("recv(0)", pair.client.recv, 0)
    o.call("recv_into(b'')", pair.client.recv_into, bytearray())
    o.call("send(b'')", pair.client.send, b"")
    o.call("still alive", pair.client.send, b"hello")
    o.call("arrived", pair.server.recv, 10)


def case_odd_sizes(o: Observer) -> None:
    pair = memory_pair(o)
    for size in (-1, -(2**31), 2**63, 2**64, 1.5, "1", None):
        o.call(f"recv({size!r})", pair.client.recv, size)
        o.call(f"bio_read({size!r})", pair.client.bio_read, size)


@each(VERSIONS)
def case_before_a_handshake(o: Observer, version: Version) -> None:
    """Reading and writing start the handshake, once there is a role."""
    conn = SSL.Connection(context(version))
    o.call("no role: send", conn.send, b"data")
    o.call("no role: recv", conn.recv, 10)
    o.call("no role: sendall", conn.sendall, b"data")
    o.call("no role: bio_read", conn.bio_read, 10)
    o.call("no role: shutdown", conn.shutdown)
    pair = memory_pair(o, version=version, handshake=False)
    o.call("client: recv", pair.client.recv, 10)
    o.call("client: send", pair.client.send, b"data")
    o.see("client: hello is there", len(pair.client.bio_read(65536)) > 50)
    o.call("client: peek", pair.client.recv, 10, socket.MSG_PEEK)
    o.call("server: recv", pair.server.recv, 10)


def case_handshake_by_reading(o: Observer) -> None:
    pair = memory_pair(o, handshake=False)
    for _ in range(4):
        o.call("client", pair.client.send, b"hello")
        pair.move()
        o.call("server", pair.server.recv, 10)
        pair.move()


@each(TLS_VERSIONS)
def case_memory_in_pieces(o: Observer, version: Version) -> None:
    """One byte at a time, both ways."""
    pair = memory_pair(o, version=version)
    pair.client.send(b"hello")
    wire = pair.client.bio_read(65536)
    for place in range(len(wire)):
        pair.server.bio_write(wire[place : place + 1])
        if place + 1 < len(wire):
            try:
                o.see("too early", pair.server.recv(10))
            except SSL.WantReadError:
                pass
    o.call("whole", pair.server.recv, 10)


def case_bio_read_in_pieces(o: Observer) -> None:
    conn = SSL.Connection(client_context())
    o.call("nothing", conn.bio_read, 10)
    conn.set_connect_state()
    o.call("handshake", conn.do_handshake)
    o.call("record header", conn.bio_read, 3)
    o.see("length of the next", len(conn.bio_read(2)))
    o.see("there is more", len(conn.bio_read(65536)) > 0)
    o.call("nothing left", conn.bio_read, 10)
    o.call("keyword", conn.bio_read, bufsiz=10)


def case_bio_write_kinds(o: Observer) -> None:
    conn = SSL.Connection(context(TLS13))
    o.call("bytes", conn.bio_write, b"data")
    o.call("large", conn.bio_write, bytes(1 << 20))
    o.call("keyword", conn.bio_write, buf=b"data")


@each(VERSIONS)
def case_garbage(o: Observer, version: Version) -> None:
    """Bytes that are no record, before and after the handshake."""
    for label, wire in (
        ("text", b"GET / HTTP/1.0\r\n\r\n"),
        ("zeros", bytes(20)),
        ("ones", b"\xff" * 20),
    ):
        conn = SSL.Connection(server_context(version))
        conn.set_accept_state()
        conn.bio_write(wire)
        o.call(f"server: {label}", conn.do_handshake)
        pair = memory_pair(o, version=version)
        pair.client.bio_write(wire)
        o.call(f"client: {label}", pair.client.recv, 10)
        o.call(f"client again: {label}", pair.client.recv, 10)
        pair.move()
        o.call(f"its server: {label}", pair.server.recv, 10)


@each(VERSIONS)
def case_changed_record(o: Observer, version: Version) -> None:
    pair = memory_pair(o, version=version)
    pair.client.send(b"hello")
    wire = bytearray(pair.client.bio_read(65536))
    wire[-1] ^= 1
    pair.server.bio_write(wire)
    o.call("server", pair.server.recv, 10)
    o.call("server sends", pair.server.send, b"data")
    pair.move()
    o.call("client", pair.client.recv, 10)


@each(VERSIONS)
def case_memory_ends(o: Observer, version: Version) -> None:
    """`bio_shutdown`: the end of what arrives, at every stage."""
    conn = SSL.Connection(client_context(version))
    conn.set_connect_state()
    o.call("before: bio_shutdown", conn.bio_shutdown)
    o.call("before: handshake", conn.do_handshake)
    o.call("before: state", conn.get_state_string)
    pair = memory_pair(o, version=version)
    pair.client.send(b"hello")
    pair.move()
    o.call("after: bio_shutdown", pair.server.bio_shutdown)
    o.call("after: data that was there", pair.server.recv, 10)
    o.call("after: end", pair.server.recv, 10)
    o.call("after: end again", pair.server.recv, 10)
    o.call("after: peek", pair.server.recv, 10, socket.MSG_PEEK)
    o.call("after: recv_into", pair.server.recv_into, bytearray(5))
    o.call("after: send", pair.server.send, b"data")
    o.call("after: shutdown", pair.server.shutdown)


@each(TLS_VERSIONS)
def case_end_ignored(o: Observer, version: Version) -> None:
    client = client_context(version)
    client.set_options(SSL.OP_IGNORE_UNEXPECTED_EOF)
    pair = memory_pair(o, client=client, version=version)
    pair.client.bio_shutdown()
    o.call("recv", pair.client.recv, 10)
    o.call("shutdown state", pair.client.get_shutdown)


def case_want_flags(o: Observer) -> None:
    pair = memory_pair(o)
    o.call("read before", pair.client.want_read)
    o.call("write before", pair.client.want_write)
    o.call("recv", pair.client.recv, 10)
    o.call("read", pair.client.want_read)
    o.call("write", pair.client.want_write)


def filled(o: Observer, version: Version) -> tuple[Any, int]:
    """A client over a non-blocking socket that is full, and how many calls it took to notice."""
    pair = socket_pair(o, version=version)
    pair.client._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    pair.client.setblocking(False)
    pair.server.setblocking(False)
    sent = 0
    while True:
        try:
            sent += pair.client.send(b"x" * 1000)
        except SSL.WantWriteError:
            return pair, sent


@each(TLS_VERSIONS)
def case_full_socket(o: Observer, version: Version) -> None:
    pair, sent = filled(o, version)
    o.see("something went", sent > 0)
    o.call("send again", pair.client.send, b"x" * 1000)
    o.call("sendall", pair.client.sendall, b"x" * 1000)
    o.call("want_write", pair.client.want_write)
    o.call("want_read", pair.client.want_read)
    o.call("another buffer of this length", pair.client.send, bytearray(b"x" * 1000))
    o.call("a shorter buffer", pair.client.send, b"x" * 10)


@each(TLS_VERSIONS)
def case_retry_after_full(o: Observer, version: Version) -> None:
    """The same data again, in another buffer, once there is room."""
    pair, sent = filled(o, version)
    received = 0
    while received < sent:
        try:
            received += len(pair.server.recv(65536))
        except SSL.WantReadError:
            o.call("retry", pair.client.send, bytes(bytearray(b"x" * 1000)))
            break
    o.call("afterwards", pair.client.send, b"done")


def case_sendall_on_a_full_socket(o: Observer) -> None:
    """How much was sent is known only here."""
    pair = socket_pair(o)
    pair.client.setblocking(False)
    o.call("sendall", pair.client.sendall, b"x" * (1 << 24))
    o.see("bytes_sent is known", hasattr(o.raised, "bytes_sent"))


@each(VERSIONS)
def case_non_blocking(o: Observer, version: Version) -> None:
    pair = socket_pair(o, version=version)
    pair.client.setblocking(False)
    o.call("recv", pair.client.recv, 10)
    o.call("recv_into", pair.client.recv_into, bytearray(10))
    o.call("peek", pair.client.recv, 10, socket.MSG_PEEK)
    o.call("send", pair.client.send, b"hello")
    o.call("arrives", pair.server.recv, 10)


@each({"one second": 1.0, "a moment": 0.01})
def case_timeout(o: Observer, seconds: float) -> None:
    """A socket with a timeout behaves as one that does not block."""
    pair = socket_pair(o)
    o.call("settimeout", pair.client.settimeout, seconds)
    o.call("gettimeout", pair.client.gettimeout)
    o.call("recv", pair.client.recv, 10)
    o.call("recv_into", pair.client.recv_into, bytearray(10))
    o.call("handshake", pair.client.do_handshake)
    o.call("back to blocking", pair.client.settimeout, None)
    with background(pair.server.send, b"hello"):
        o.call("blocking recv", pair.client.recv, 10)


def case_non_blocking_handshake(o: Observer) -> None:
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    client = SSL.Connection(client_context(), near)
    server = SSL.Connection(server_context(), far)
    client.set_connect_state()
    server.set_accept_state()
    for _ in range(4):
        o.call("client", client.do_handshake)
        o.call("server", server.do_handshake)
    o.call("send", client.send, b"hello")
    o.call("recv", server.recv, 10)


@each({"TLS 1.2": TLS12, "TLS 1.3": TLS13})
def case_blocking_large(o: Observer, version: Version) -> None:
    """More than a socket holds, both ends blocking."""
    pair = socket_pair(o, version=version)
    data = bytes(range(256)) * 8192

    def drain() -> bytes:
        got = b""
        while len(got) < len(data):
            got += pair.server.recv(100000)
        return got

    with background(drain) as outcome:
        o.call("sendall", pair.client.sendall, data)
    o.see("the same", outcome[0] == data)


def case_datagrams_keep_their_borders(o: Observer) -> None:
    pair = socket_pair(o, version=DTLS12)
    pair.client.send(b"one")
    pair.client.send(b"two")
    o.call("first", pair.server.recv, 100)
    o.call("second", pair.server.recv, 100)
    pair.client.send(b"long datagram")
    o.call("a part", pair.server.recv, 4)
    o.call("the rest", pair.server.recv, 100)
    o.call("too long", pair.client.send, b"x" * 20000)
