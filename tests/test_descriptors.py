"""Descriptors that are no connected sockets, or no longer: an answer or an exception, at once."""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from OpenSSL import SSL
from support.implementation import deviation
from support.network import LOOPBACK, tcp_pair, udp_socket
from support.tls import Pair, handshake_over_sockets, pair_over

pytestmark = [deviation, pytest.mark.timeout(30)]

# Opens something in a directory, and returns its descriptor.
Opener = Callable[[Path], int]


def file_with(flags: int) -> Opener:
    def opener(directory: Path) -> int:
        path = directory / "file"
        path.write_bytes(b"\x16\x03\x01" + bytes(100))
        return os.open(path, flags)

    return opener


def pipe_end(number: int, keep_other: bool = True) -> Opener:
    def opener(directory: Path) -> int:
        ends = os.pipe()
        os.set_blocking(ends[number], False)
        if keep_other:
            OTHERS.append(ends[1 - number])
        else:
            os.close(ends[1 - number])
        return ends[number]

    return opener


def detached(make: Callable[[], socket.socket]) -> Opener:
    def opener(directory: Path) -> int:
        made = make()
        made.setblocking(False)
        return made.detach()

    return opener


def listening() -> socket.socket:
    return socket.create_server((LOOPBACK, 0))


def half_of_a_pair(kind: int) -> socket.socket:
    near, far = socket.socketpair(socket.AF_UNIX, kind)
    OTHERS.append(far.detach())
    return near


def shut_down(how: int) -> Callable[[], socket.socket]:
    def make() -> socket.socket:
        near = half_of_a_pair(socket.SOCK_STREAM)
        near.shutdown(how)
        return near

    return make


def reset_by_the_peer() -> socket.socket:
    near, far = tcp_pair()
    linger_not = struct.pack("ii", 1, 0)
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
    far.close()
    return near


OTHERS: list[int] = []

KINDS: dict[str, Opener] = {
    "a file": file_with(os.O_RDWR),
    "a file to read": file_with(os.O_RDONLY),
    "a file to write": file_with(os.O_WRONLY),
    "a directory": lambda directory: os.open(directory, os.O_RDONLY),
    "null": lambda _: os.open(os.devnull, os.O_RDWR),
    "zeros": lambda _: os.open("/dev/zero", os.O_RDWR),
    "a full device": lambda _: os.open("/dev/full", os.O_RDWR),
    "a pipe to read": pipe_end(0),
    "a pipe to write": pipe_end(1),
    "a pipe without a writer": pipe_end(0, keep_other=False),
    "a pipe without a reader": pipe_end(1, keep_other=False),
    "a listening socket": detached(listening),
    "a socket without a peer": detached(socket.socket),
    "a datagram socket without a peer": detached(udp_socket),
    "a pair of datagrams": detached(lambda: half_of_a_pair(socket.SOCK_DGRAM)),
    "a pair of packets": detached(lambda: half_of_a_pair(socket.SOCK_SEQPACKET)),
    "a socket that is shut to read": detached(shut_down(socket.SHUT_RD)),
    "a socket that is shut to write": detached(shut_down(socket.SHUT_WR)),
    "a socket that is shut": detached(shut_down(socket.SHUT_RDWR)),
    "a socket that was reset": detached(reset_by_the_peer),
}
if sys.platform == "linux":
    KINDS["memory"] = lambda _: os.memfd_create("memory")

METHODS: dict[str, Callable[[SSL.Connection], Any]] = {
    "do_handshake": SSL.Connection.do_handshake,
    "recv": lambda connection: connection.recv(100),
    "recv_into": lambda connection: connection.recv_into(bytearray(100)),
    "send": lambda connection: connection.send(b"hello"),
    "sendall": lambda connection: connection.sendall(bytes(100_000)),
    "shutdown": SSL.Connection.shutdown,
}


@pytest.fixture
def descriptor(kind: str, tmp_path: Path) -> Iterator[int]:
    number = KINDS[kind](tmp_path)
    yield number
    os.close(number)
    while OTHERS:
        os.close(OTHERS.pop())


def assert_documented(failure: SSL.Error) -> None:
    """A failure of the transport has a number and its name; one of TLS tells of itself."""
    if isinstance(failure, SSL.SysCallError):
        number, name = failure.args
        assert (number, name) == (-1, "Unexpected EOF") or errno.errorcode[number] == name


@pytest.mark.parametrize("role", ["client", "server"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_the_descriptor_stands_for_a_call_returns(
    kind: str, method: str, role: str, descriptor: int
) -> None:
    context = SSL.Context(SSL.TLS_METHOD)
    connection = SSL.Connection(context, descriptor)
    if role == "client":
        connection.set_connect_state()
    else:
        connection.set_accept_state()
    for _ in range(3):
        with pytest.raises(SSL.Error) as failure:
            METHODS[method](connection)
        assert_documented(failure.value)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("when", ["new", "connected"])
def test_a_socket_that_was_closed_is_a_bad_descriptor(
    client_context: SSL.Context, server_context: SSL.Context, method: str, when: str
) -> None:
    ends = tcp_pair()
    pair = pair_over(client_context, server_context, ends)
    if when == "connected":
        handshake_over_sockets(pair)
    ends[0].close()
    for _ in range(2):
        with pytest.raises(SSL.SysCallError) as closed:
            METHODS[method](pair.client)
        assert closed.value.args == (errno.EBADF, "EBADF")
    ends[1].close()


@pytest.mark.parametrize("number", [-1, -2, -(2**31), 2**31, 2**63, -(2**63), 2**200])
def test_no_descriptor_has_this_number(client_context: SSL.Context, number: int) -> None:
    with pytest.raises((ValueError, OverflowError)):
        SSL.Connection(client_context, number)

    class Odd:
        def fileno(self) -> int:
            return number

    with pytest.raises((ValueError, OverflowError)):
        SSL.Connection(client_context, Odd())


@pytest.mark.parametrize("method", METHODS)
def test_a_number_that_is_not_open_is_a_bad_descriptor(
    client_context: SSL.Context, method: str
) -> None:
    number = os.dup(0)
    os.close(number)
    connection = SSL.Connection(client_context, number)
    connection.set_connect_state()
    with pytest.raises(SSL.SysCallError) as closed:
        METHODS[method](connection)
    assert closed.value.args == (errno.EBADF, "EBADF")


@pytest.mark.parametrize("given", ["socket", "number"])
@pytest.mark.parametrize("method", METHODS)
def test_a_socket_that_took_the_number_is_left_alone(
    client_context: SSL.Context, server_context: SSL.Context, method: str, given: str
) -> None:
    ends, others = tcp_pair(), tcp_pair()
    client = SSL.Connection(client_context, ends[0] if given == "socket" else ends[0].fileno())
    client.set_connect_state()
    server = SSL.Connection(server_context, ends[1])
    server.set_accept_state()
    handshake_over_sockets(Pair(client, server))
    number = ends[0].detach()
    os.dup2(others[0].fileno(), number)
    for _ in range(2):
        with pytest.raises(SSL.SysCallError) as closed:
            METHODS[method](client)
        assert closed.value.args == (errno.EBADF, "EBADF")
    others[1].setblocking(False)
    with pytest.raises(BlockingIOError):
        others[1].recv(1)
    os.close(number)
    for end in (ends[1], *others):
        end.close()


def test_the_same_descriptor_may_serve_two_connections(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    """Their records get mixed up, and that is all."""
    ends = socket.socketpair()
    for end in ends:
        end.setblocking(False)
    pairs = [pair_over(client_context, server_context, ends) for _ in range(2)]
    for _ in range(10):
        for pair in pairs:
            for end in pair:
                for method in METHODS.values():
                    try:
                        method(end)
                    except SSL.Error as failure:
                        assert_documented(failure)
    for each in ends:
        each.close()
