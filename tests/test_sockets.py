"""Connections on descriptors of every kind: what blocks, and whose methods are called."""

from __future__ import annotations

import errno
import gc
import os
import select
import signal
import socket
import struct
import time
import tty
from typing import Any, NoReturn

import pytest
from OpenSSL import SSL
from support.implementation import deviation
from support.network import LOOPBACK, free_port, tcp_pair
from support.threads import PATIENCE, background
from support.tls import (
    CHUNK,
    Pair,
    drain,
    handshake_over_sockets,
    pair_over,
    receive_exactly,
    wait_for,
)

Sockets = tuple[socket.socket, socket.socket]

MEBIBYTE = bytes(range(256)) * 4096


class Wrapper:
    """A socket object of someone else's making."""

    def __init__(self, inner: socket.socket) -> None:
        self.inner = inner
        self.label = "wrapped"

    def fileno(self) -> int:
        return self.inner.fileno()


# Kinds of descriptors


@pytest.mark.parametrize(
    "wrap",
    [lambda end: end, lambda end: end.fileno(), Wrapper],
    ids=["socket", "int", "object with fileno"],
)
def test_a_connection_takes(
    wrap: Any, client_context: SSL.Context, server_context: SSL.Context, sockets: Sockets
) -> None:
    client = SSL.Connection(client_context, wrap(sockets[0]))
    client.set_connect_state()
    server = SSL.Connection(server_context, wrap(sockets[1]))
    server.set_accept_state()
    handshake_over_sockets(Pair(client, server))
    assert client.send(b"hello") == 5
    assert server.recv(CHUNK) == b"hello"


def test_a_unix_socket_will_do(client_context: SSL.Context, server_context: SSL.Context) -> None:
    ends = socket.socketpair()
    pair = handshake_over_sockets(pair_over(client_context, server_context, ends))
    sending = background(pair.client.sendall, MEBIBYTE)
    assert receive_exactly(pair.server, len(MEBIBYTE)) == MEBIBYTE
    assert sending.result(PATIENCE) == len(MEBIBYTE)
    for end in ends:
        end.close()


def test_a_terminal_will_do(client_context: SSL.Context, server_context: SSL.Context) -> None:
    """It is no socket, so only read and write work on it."""
    descriptors = os.openpty()
    tty.setraw(descriptors[1])
    client = SSL.Connection(client_context, descriptors[0])
    client.set_connect_state()
    server = SSL.Connection(server_context, descriptors[1])
    server.set_accept_state()
    handshake_over_sockets(Pair(client, server))
    data = MEBIBYTE[:100_000]
    sending = background(client.sendall, data)
    assert receive_exactly(server, len(data)) == data
    assert sending.result(PATIENCE) == len(data)
    for descriptor in descriptors:
        os.close(descriptor)


def test_a_pipe_that_ends_is_an_unexpected_end(client_context: SSL.Context) -> None:
    reading, writing = os.pipe()
    connection = SSL.Connection(client_context, reading)
    connection.set_accept_state()
    os.close(writing)
    with pytest.raises(SSL.SysCallError) as end:
        connection.do_handshake()
    assert end.value.args == (-1, "Unexpected EOF")
    os.close(reading)


@pytest.mark.parametrize("thing", [object(), "3", 3.0, b""])
def test_what_has_no_descriptor_is_refused(client_context: SSL.Context, thing: Any) -> None:
    with pytest.raises(TypeError):
        SSL.Connection(client_context, thing)


def test_a_fileno_of_the_wrong_type_is_refused(client_context: SSL.Context) -> None:
    class Odd:
        def fileno(self) -> str:
            return "3"

    with pytest.raises(TypeError):
        SSL.Connection(client_context, Odd())  # type: ignore[arg-type]


def test_an_exception_from_fileno_is_passed_on(client_context: SSL.Context) -> None:
    failure = RuntimeError("no descriptor today")

    class Odd:
        def fileno(self) -> int:
            raise failure

    with pytest.raises(RuntimeError) as raised:
        SSL.Connection(client_context, Odd())
    assert raised.value is failure


# What belongs to the socket


def test_attributes_come_from_the_socket(client_context: SSL.Context, sockets: Sockets) -> None:
    connection = SSL.Connection(client_context, sockets[0])
    assert connection.fileno() == sockets[0].fileno()
    assert connection.getpeername() == sockets[1].getsockname()
    assert connection.gettimeout() is None
    connection.settimeout(3)
    assert sockets[0].gettimeout() == 3
    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    wrapper = Wrapper(sockets[1])
    assert SSL.Connection(client_context, wrapper).label == "wrapped"
    with pytest.raises(AttributeError):
        connection.imaginary  # noqa: B018


def test_the_socket_is_kept_alive(client_context: SSL.Context, sockets: Sockets) -> None:
    duplicate = sockets[0].dup()
    descriptor = duplicate.fileno()
    connection = SSL.Connection(client_context, duplicate)
    del duplicate
    gc.collect()
    assert connection.fileno() == descriptor
    os.fstat(descriptor)
    connection.close()


def test_closing_is_closing_the_socket(connected_over_sockets: Pair) -> None:
    client, server = connected_over_sockets
    client.close()
    assert client.fileno() == -1
    with pytest.raises(SSL.SysCallError) as end:
        server.recv(1)
    assert end.value.args in [(-1, "Unexpected EOF"), (errno.ECONNRESET, "ECONNRESET")]
    with pytest.raises(SSL.SysCallError) as closed:
        client.send(b"x")
    assert closed.value.args == (errno.EBADF, "EBADF")


def test_accept_and_connect_are_those_of_the_socket(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        listening = SSL.Connection(server_context, listener)

        def serve() -> tuple[SSL.Connection, Any, bytes]:
            connection, address = listening.accept()
            return connection, address, connection.recv(CHUNK)

        serving = background(serve)
        client = SSL.Connection(client_context, socket.socket())
        assert client.connect(listener.getsockname()) is None
        assert client.send(b"hello") == 5
        connection, address, received = serving.result(PATIENCE)
    assert connection.__class__ is SSL.Connection
    assert connection.get_context() is server_context
    assert address == client.getsockname()
    assert received == b"hello"
    client.close()
    connection.close()


def test_connect_ex_answers_what_the_socket_answers(client_context: SSL.Context) -> None:
    with socket.create_server((LOOPBACK, 0)) as listener, socket.socket() as end:
        connection = SSL.Connection(client_context, end)
        assert connection.connect_ex(listener.getsockname()) == 0
    with socket.socket() as end:
        connection = SSL.Connection(client_context, end)
        assert connection.connect_ex((LOOPBACK, free_port())) != 0


def test_connect_raises_what_the_socket_raises(client_context: SSL.Context) -> None:
    with socket.socket() as end, pytest.raises(ConnectionRefusedError):
        SSL.Connection(client_context, end).connect((LOOPBACK, free_port()))


def test_without_a_socket_its_methods_are_missing(client_context: SSL.Context) -> None:
    connection = SSL.Connection(client_context)
    for call in (
        lambda: connection.connect((LOOPBACK, 1)),
        lambda: connection.connect_ex((LOOPBACK, 1)),
        lambda: connection.accept(),
        lambda: connection.sock_shutdown(2),
    ):
        with pytest.raises(AttributeError):
            call()


def test_makefile_is_not_implemented(connected_over_sockets: Pair) -> None:
    for arguments in ((), ("rb",), ("rb", 1)):
        with pytest.raises(NotImplementedError):
            connected_over_sockets.client.makefile(*arguments)


# Blocking and not


def test_a_blocking_socket_blocks(connected_over_sockets: Pair) -> None:
    client, server = connected_over_sockets
    waiting = background(server.recv, 5)
    client.send(b"hello")
    assert waiting.result(PATIENCE) == b"hello"


@pytest.mark.parametrize("timeout", [0, 30])
def test_a_socket_with_a_timeout_wants_to_read_at_once(
    connected_over_sockets: Pair, sockets: Sockets, timeout: float
) -> None:
    """The caller polls, with the timeout that it knows, and tries again."""
    client, server = connected_over_sockets
    sockets[1].settimeout(timeout)
    for call in (lambda: server.recv(1), lambda: server.recv_into(bytearray(1))):
        with pytest.raises(SSL.WantReadError) as waiting:
            call()
        assert waiting.value.args == ()
    client.send(b"hello")
    assert receive_exactly(server, 5) == b"hello"


@pytest.mark.parametrize("timeout", [0, 30])
def test_a_handshake_with_a_timeout_wants_to_read_at_once(
    client_context: SSL.Context, server_context: SSL.Context, sockets: Sockets, timeout: float
) -> None:
    for end in sockets:
        end.settimeout(timeout)
    pair = pair_over(client_context, server_context, sockets)
    with pytest.raises(SSL.WantReadError):
        pair.server.do_handshake()
    waiting = list(pair)
    while waiting:
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except SSL.WantReadError:
                continue
    assert pair.client.get_finished() == pair.server.get_peer_finished()


def test_blocking_may_change_at_any_time(connected_over_sockets: Pair, sockets: Sockets) -> None:
    client, server = connected_over_sockets
    sockets[1].setblocking(False)
    with pytest.raises(SSL.WantReadError):
        server.recv(1)
    sockets[1].setblocking(True)
    waiting = background(server.recv, 5)
    client.send(b"hello")
    assert waiting.result(PATIENCE) == b"hello"


def test_a_receive_timeout_of_the_descriptor_is_want_read(
    connected_over_sockets: Pair, sockets: Sockets
) -> None:
    """The socket blocks as far as Python knows; the kernel is who gives up."""
    client, server = connected_over_sockets
    sockets[1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 0, 50_000))
    with pytest.raises(SSL.WantReadError):
        server.recv(1)
    client.send(b"hello")
    assert receive_exactly(server, 5) == b"hello"


def test_a_send_timeout_of_the_descriptor_is_want_write(
    connected_over_sockets: Pair, sockets: Sockets
) -> None:
    sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", 0, 50_000))
    with pytest.raises(SSL.WantWriteError):
        connected_over_sockets.client.sendall(bytes(64 << 20))


TIMEOUT, PAUSE = 0.4, 0.1


def set_timeouts(end: socket.socket) -> None:
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        end.setsockopt(socket.SOL_SOCKET, option, struct.pack("@ll", 0, int(TIMEOUT * 1e6)))


def test_a_receive_timeout_is_not_that_of_a_whole_handshake(
    client_context: SSL.Context, server_context: SSL.Context, sockets: Sockets
) -> None:
    """A peer that sends a little now and then is slow, and not silent."""
    set_timeouts(sockets[0])
    sockets[1].settimeout(5)
    client = SSL.Connection(client_context, sockets[0])
    server = SSL.Connection(server_context)
    client.set_connect_state()
    server.set_accept_state()
    shaking = background(lambda: [time.monotonic(), client.do_handshake(), time.monotonic()])
    server.bio_write(sockets[1].recv(1 << 16))
    with pytest.raises(SSL.WantReadError):
        server.do_handshake()
    flight = drain(server)
    piece = len(flight) // 8 + 1
    for start in range(0, len(flight), piece):
        time.sleep(PAUSE)
        sockets[1].sendall(flight[start : start + piece])
    server.bio_write(sockets[1].recv(1 << 16))
    server.do_handshake()
    sockets[1].sendall(drain(server))
    began, _, ended = shaking.result(PATIENCE)
    assert ended - began > TIMEOUT


def test_a_send_timeout_is_not_that_of_a_whole_record(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    """A peer that takes a little now and then is slow, and not away."""
    sockets = socket.socketpair()  # with buffers that do not grow
    sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
    client, _ = handshake_over_sockets(pair_over(client_context, server_context, sockets))
    set_timeouts(sockets[0])
    record = bytes(16384)
    sending = background(lambda: [time.monotonic(), client.send(record), time.monotonic()])
    while not sending.done():
        time.sleep(PAUSE)
        sockets[1].recv(2048, socket.MSG_DONTWAIT)
    began, sent, ended = sending.result(PATIENCE)
    assert sent == len(record)
    assert ended - began > TIMEOUT
    for end in sockets:
        end.close()


def fill(connection: SSL.Connection, data: bytes) -> int:
    """Send ``data`` over and over until the socket takes no more; say how much it took."""
    sent = 0
    while True:
        try:
            sent += connection.send(data)
        except SSL.WantWriteError:
            return sent


def send_forever(connection: SSL.Connection) -> NoReturn:
    while True:
        connection.send(MEBIBYTE)


def test_a_full_socket_wants_to_write(connected_over_sockets: Pair, sockets: Sockets) -> None:
    client, server = connected_over_sockets
    sockets[0].setblocking(False)
    block = MEBIBYTE[:CHUNK]
    sent = fill(client, block)
    assert client.want_write()
    # The record that did not fit is finished by the next call, from a buffer that may have moved.
    sending = background(
        lambda: [wait_for(client, SSL.WantWriteError()), client.send(bytes(block))]
    )
    first = receive_exactly(server, sent)
    assert sending.result(PATIENCE)[1]
    assert first[:CHUNK] == block[:CHUNK][: len(first)]


def test_partial_sends_lose_nothing(connected_over_sockets: Pair, sockets: Sockets) -> None:
    client, server = connected_over_sockets
    sockets[0].setblocking(False)

    def send() -> None:
        view = memoryview(MEBIBYTE * 8)
        while view:
            try:
                view = view[client.send(view) :]
            except (SSL.WantWriteError, SSL.WantReadError) as waiting:
                wait_for(client, waiting)

    sending = background(send)
    assert receive_exactly(server, 8 * len(MEBIBYTE)) == MEBIBYTE * 8
    sending.result(PATIENCE)


def test_send_takes_a_part_and_sendall_takes_all(connected_over_sockets: Pair) -> None:
    client, server = connected_over_sockets
    receiving = background(receive_exactly, server, len(MEBIBYTE))
    part = client.send(MEBIBYTE)
    assert 0 < part <= len(MEBIBYTE)
    assert client.sendall(memoryview(MEBIBYTE)[part:]) == len(MEBIBYTE) - part
    assert receiving.result(PATIENCE) == MEBIBYTE


def test_select_says_when_to_read(connected_over_sockets: Pair, sockets: Sockets) -> None:
    client, server = connected_over_sockets
    sockets[1].setblocking(False)
    with pytest.raises(SSL.WantReadError):
        server.recv(1)
    assert select.select([server], [], [], 0) == ([], [], [])
    client.send(b"hello")
    assert select.select([server], [], [], PATIENCE)[0] == [server]
    assert receive_exactly(server, 5) == b"hello"


# Errors of the transport


def test_a_reset_is_told_with_its_number_and_name(
    connected_over_sockets: Pair, sockets: Sockets
) -> None:
    linger_not = struct.pack("ii", 1, 0)
    sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
    sockets[0].close()
    with pytest.raises(SSL.SysCallError) as reset:
        connected_over_sockets.server.recv(1)
    assert reset.value.args == (errno.ECONNRESET, "ECONNRESET")


def test_writing_to_nobody_is_a_broken_pipe(connected_over_sockets: Pair, sockets: Sockets) -> None:
    """And no SIGPIPE."""
    sockets[0].close()
    with pytest.raises(SSL.SysCallError) as broken:
        send_forever(connected_over_sockets.server)
    assert broken.value.args in [(errno.EPIPE, "EPIPE"), (errno.ECONNRESET, "ECONNRESET")]


def test_the_peer_vanishing_in_the_handshake_is_an_unexpected_end(
    client_context: SSL.Context, sockets: Sockets
) -> None:
    client = SSL.Connection(client_context, sockets[0])
    client.set_connect_state()
    sockets[1].shutdown(socket.SHUT_WR)
    with pytest.raises(SSL.SysCallError) as end:
        client.do_handshake()
    assert end.value.args == (-1, "Unexpected EOF")


def test_a_socket_that_never_connected_is_an_error(client_context: SSL.Context) -> None:
    with socket.socket() as end:
        client = SSL.Connection(client_context, end)
        client.set_connect_state()
        with pytest.raises(SSL.SysCallError) as failure:
            client.do_handshake()
    assert failure.value.args in [(errno.ENOTCONN, "ENOTCONN"), (errno.EPIPE, "EPIPE")]


@deviation
def test_no_broken_pipe_signal_is_ever_sent(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    """Python ignores SIGPIPE; a program that restores its default must live on."""
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        ends = tcp_pair()
        pair = handshake_over_sockets(pair_over(client_context, server_context, ends))
        ends[0].close()
        with pytest.raises(SSL.SysCallError):
            send_forever(pair.server)
        ends[1].close()
    finally:
        signal.signal(signal.SIGPIPE, before)
