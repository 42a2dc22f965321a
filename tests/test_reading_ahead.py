"""Reading several records at once: nothing is taken out of the socket that was not read.

A program that polls its sockets reads when there is something in them, or when pending() says so.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import select
import socket
import struct
import termios
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from OpenSSL import SSL
from support.certificates import Authority, Identity
from support.network import tcp_pair
from support.tls import (
    VERSIONS_OF_TLS as VERSIONS,
)
from support.tls import drain, new_client_context, new_server_context, reasons

RECORD = 16384


class Ends(NamedTuple):
    """A client in memory, the socket that takes its records, and the server that reads them."""

    client: SSL.Connection
    wire: socket.socket
    server: SSL.Connection
    sock: socket.socket

    def send(self, data: bytes) -> None:
        """Put ``data`` on the wire."""
        while data:
            data = data[self.client.send(data) :]
        self.post()

    def post(self) -> None:
        """Put on the wire what the client has for the server, and wait until it has arrived."""
        records = drain(self.client)
        awaited = self.unread() + len(records)
        self.wire.sendall(records)
        while self.unread() < awaited:
            time.sleep(0.001)

    def unread(self) -> int:
        """How many bytes are in the server's socket."""
        number: int = struct.unpack("i", fcntl.ioctl(self.sock, termios.FIONREAD, bytes(4)))[0]
        return number

    def is_readable(self, timeout: float = 0) -> bool:
        return bool(select.select([self.sock], [], [], timeout)[0])


def join(client_context: SSL.Context, server_context: SSL.Context, unix: bool) -> Ends:
    wire, sock = socket.socketpair() if unix else tcp_pair()
    for end in (wire, sock):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.setblocking(False)
    client, server = SSL.Connection(client_context), SSL.Connection(server_context, sock)
    client.set_connect_state()
    server.set_accept_state()
    ends = Ends(client, wire, server, sock)
    unfinished = [client, server]
    while unfinished:
        for end in list(unfinished):
            try:
                end.do_handshake()
                unfinished.remove(end)
            except SSL.WantReadError:
                pass
        ends.post()
        select.select([], [], [], 0.001)
        while select.select([wire], [], [], 0)[0]:
            client.bio_write(wire.recv(1 << 16))
    with pytest.raises(SSL.WantReadError):
        client.recv(1)
    with pytest.raises(SSL.WantReadError):
        server.recv(1)
    return ends


@pytest.fixture(params=[False, True], ids=["tcp", "unix"])
def ends(
    request: pytest.FixtureRequest, client_context: SSL.Context, server_context: SSL.Context
) -> Iterator[Ends]:
    joined = join(client_context, server_context, request.param)
    yield joined
    joined.wire.close()
    joined.sock.close()


def test_what_has_come_is_read_in_one_call(ends: Ends) -> None:
    messages = [bytes([n]) * (n + 1) for n in range(50)]
    for message in messages:
        ends.send(message)
    assert ends.is_readable(5)
    assert ends.server.recv(RECORD) == b"".join(messages)
    assert not ends.is_readable()
    with pytest.raises(SSL.WantReadError):
        ends.server.recv(1)


def test_large_records_fill_a_large_buffer(ends: Ends) -> None:
    data = bytes(range(256)) * 256
    ends.send(data)
    assert ends.is_readable(5)
    buffer = bytearray(len(data) + 1)
    received = ends.server.recv_into(buffer)
    assert received == len(data) - RECORD, "the last one waits, as it could be a failure"
    assert ends.is_readable()
    received += ends.server.recv_into(memoryview(buffer)[received:])
    assert received == len(data)
    assert buffer[:-1] == data
    assert not ends.is_readable()


def test_what_does_not_fit_stays_in_the_socket(ends: Ends) -> None:
    ends.send(b"a" * 600)
    ends.send(b"b" * 600)
    assert ends.is_readable(5)
    assert ends.server.recv(1000) == b"a" * 600
    assert ends.server.pending() == 0
    assert ends.is_readable()
    assert ends.server.recv(1000) == b"b" * 600


def test_what_is_left_of_a_record_is_pending(ends: Ends) -> None:
    ends.send(b"a" * 600)
    ends.send(b"b" * 10)
    assert ends.is_readable(5)
    assert ends.server.recv(500) == b"a" * 500
    assert ends.server.pending() == 100
    assert ends.is_readable()
    received = ends.server.recv(500)
    if received == b"a" * 100:
        received += ends.server.recv(500)
    assert received == b"a" * 100 + b"b" * 10


def test_peeking_leaves_what_was_seen(ends: Ends) -> None:
    ends.send(b"first")
    ends.send(b"second")
    assert ends.is_readable(5)
    assert ends.server.recv(100, socket.MSG_PEEK) == b"first"
    assert ends.server.pending() == 5
    received = ends.server.recv(100)
    while len(received) < 11:
        received += ends.server.recv(100)
    assert received == b"firstsecond"


def test_a_close_behind_data_is_seen_by_whoever_polls(ends: Ends) -> None:
    ends.send(b"last words")
    ends.client.shutdown()
    ends.post()
    assert ends.is_readable(5)
    assert ends.server.recv(RECORD) == b"last words"
    # The peer keeps the TCP connection open: nothing else wakes the program.
    assert ends.is_readable()
    with pytest.raises(SSL.ZeroReturnError):
        ends.server.recv(RECORD)
    assert not ends.is_readable()
    assert ends.server.shutdown()


def test_a_close_behind_data_waits_for_a_read(ends: Ends) -> None:
    """Whatever else is called in between, as if its record had not been looked at."""
    ends.send(b"last words")
    ends.client.shutdown()
    ends.post()
    assert ends.is_readable(5)
    assert ends.server.recv(RECORD) == b"last words"
    assert ends.server.get_shutdown() == 0
    assert ends.server.send(b"answer") == 6
    assert ends.is_readable(), "the close has not been reported"
    assert not ends.server.shutdown()
    assert ends.server.get_shutdown() == SSL.SENT_SHUTDOWN
    assert ends.is_readable()
    with pytest.raises(SSL.ZeroReturnError):
        ends.server.recv(RECORD, socket.MSG_PEEK)
    assert ends.server.get_shutdown() == SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN
    assert not ends.is_readable()


def test_a_close_behind_data_is_reported_by_a_second_shutdown(ends: Ends) -> None:
    ends.send(b"last words")
    ends.client.shutdown()
    ends.wire.sendall(drain(ends.client) + b"in the clear")
    assert ends.is_readable(5)
    assert ends.server.recv(RECORD) == b"last words"
    assert not ends.server.shutdown()
    assert ends.server.shutdown()
    assert ends.server.get_shutdown() == SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN
    assert ends.sock.recv(100) == b"in the clear"


def test_a_close_behind_data_is_not_lost_by_set_shutdown(ends: Ends) -> None:
    ends.send(b"last words")
    ends.client.shutdown()
    ends.post()
    assert ends.is_readable(5)
    assert ends.server.recv(RECORD) == b"last words"
    ends.server.set_shutdown(SSL.SENT_SHUTDOWN)
    assert ends.server.get_shutdown() == SSL.SENT_SHUTDOWN
    with pytest.raises(SSL.ZeroReturnError):
        ends.server.recv(RECORD)


def test_what_follows_the_close_is_not_touched(ends: Ends) -> None:
    ends.send(b"last words")
    ends.client.shutdown()
    ends.wire.sendall(drain(ends.client) + b"in the clear")
    assert ends.is_readable(5)
    assert ends.server.recv(RECORD) == b"last words"
    with pytest.raises(SSL.ZeroReturnError):
        ends.server.recv(RECORD)
    assert ends.sock.recv(100) == b"in the clear"


def forge(client: SSL.Connection, size: int) -> bytes:
    """A record of so many bytes of plaintext that cannot be decrypted."""
    client.send(bytes(size))
    record = bytearray(drain(client))
    record[-1] ^= 1
    return bytes(record)


@pytest.mark.parametrize("next_call", ["recv", "send", "shutdown"])
def test_a_failure_behind_data_is_raised_by_the_next_call(ends: Ends, next_call: str) -> None:
    ends.send(b"good")
    ends.wire.sendall(forge(ends.client, 3))
    assert ends.is_readable(5)
    assert ends.server.recv(RECORD) == b"good"
    assert ends.is_readable(), "the failure is to be seen by whoever polls"
    with pytest.raises(SSL.Error) as failure:
        {
            "recv": lambda: ends.server.recv(RECORD),
            "send": lambda: ends.server.send(b"answer"),
            "shutdown": ends.server.shutdown,
        }[next_call]()
    assert "decryption failed or bad record mac" in reasons(failure.value)
    assert not ends.is_readable()


@pytest.mark.parametrize("first", [1, 4092, 9000])
@pytest.mark.parametrize("bad", [1, 4092, 9000, RECORD])
@pytest.mark.parametrize("behind", [b"", b"more"])
def test_a_failure_behind_data_is_seen_by_whoever_polls(
    ends: Ends, first: int, bad: int, behind: bytes
) -> None:
    ends.client.send(bytes(first))
    ends.wire.sendall(drain(ends.client) + forge(ends.client, bad) + behind)
    time.sleep(0.01)
    assert ends.server.recv_into(bytearray(4 * RECORD)) == first
    assert not ends.server.pending()
    assert ends.is_readable()
    with pytest.raises(SSL.Error) as failure:
        ends.server.recv(RECORD)
    assert "decryption failed or bad record mac" in reasons(failure.value)


@pytest.mark.parametrize("calls_back", [False, True])
def test_a_failure_behind_a_record_without_data_is_seen_by_whoever_polls(
    authority: Authority, server_identity: Identity, calls_back: bool
) -> None:
    """A greeting in the middle is refused with an alert, and OpenSSL reads the next record."""
    server_context = new_server_context(server_identity, SSL.TLS1_2_VERSION)
    stepped: list[bool] = []
    if calls_back:

        def inform(connection: SSL.Connection, where: int, code: int) -> None:
            if where & SSL.SSL_CB_WRITE and not stepped:
                stepped.append(True)
                with contextlib.suppress(SSL.Error):
                    connection.send(b"a step inside of the step")

        server_context.set_info_callback(inform)
    ends = join(new_client_context(authority, SSL.TLS1_2_VERSION), server_context, unix=True)
    with ends.wire, ends.sock:
        ends.client.send(b"data")
        stream = drain(ends.client)
        assert ends.client.renegotiate()
        with pytest.raises(SSL.WantReadError):
            ends.client.do_handshake()
        stream += drain(ends.client)
        ends.wire.sendall(stream + b"\x17\x03\x03" + (9000).to_bytes(2, "big") + bytes(9000))
        assert ends.server.recv_into(bytearray(4 * RECORD)) == 4
        assert bool(stepped) is calls_back
        assert not ends.server.pending()
        assert ends.is_readable()
        with pytest.raises(SSL.Error) as failure:
            ends.server.recv(RECORD)
        assert "decryption failed or bad record mac" in reasons(failure.value)


@pytest.mark.parametrize("size", [1, 4092, 9000])
def test_a_reset_behind_data_is_raised_by_the_next_call(
    client_context: SSL.Context, server_context: SSL.Context, size: int
) -> None:
    ends = join(client_context, server_context, unix=False)
    with ends.sock:
        ends.send(bytes(size))
        ends.wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        ends.wire.close()
        time.sleep(0.01)
        assert ends.server.recv_into(bytearray(4 * RECORD)) == size
        assert ends.is_readable()
        with pytest.raises(SSL.SysCallError) as failure:
            ends.server.recv(RECORD)
        assert failure.value.args == (errno.ECONNRESET, "ECONNRESET")


def test_an_end_of_file_behind_data_is_raised_by_the_next_call(ends: Ends) -> None:
    ends.send(b"data")
    ends.wire.shutdown(socket.SHUT_WR)
    assert ends.is_readable(5)
    assert ends.server.recv(RECORD) == b"data"
    assert ends.is_readable()
    with pytest.raises(SSL.SysCallError) as failure:
        ends.server.recv(RECORD)
    assert failure.value.args == (-1, "Unexpected EOF")


@pytest.mark.parametrize("size", [1, 4000, RECORD])
def test_a_record_that_comes_in_pieces(ends: Ends, size: int) -> None:
    ends.client.send(b"x" * size)
    first = drain(ends.client)
    ends.client.send(b"y" * size)
    stream = first + drain(ends.client)
    received = b""
    for n in range(0, len(stream), max(1, len(stream) // 50)):
        ends.wire.sendall(stream[n : n + max(1, len(stream) // 50)])
        while ends.is_readable(0.2):
            try:
                received += ends.server.recv(2 * RECORD)
            except SSL.WantReadError:
                break
    assert received == b"x" * size + b"y" * size


def test_blocking_reads_do_not_wait_for_more(ends: Ends) -> None:
    ends.sock.setblocking(True)
    for size in (1, 5000, RECORD, 3):
        ends.send(b"z" * size)
        assert ends.is_readable(5)
        buffer = bytearray(1 << 17)
        assert ends.server.recv_into(buffer) == size


@pytest.fixture(scope="module", params=VERSIONS)
def kept(
    request: pytest.FixtureRequest, authority: Authority, server_identity: Identity
) -> Iterator[Ends]:
    joined = join(
        new_client_context(authority, request.param),
        new_server_context(server_identity, request.param),
        unix=False,
    )
    yield joined
    joined.wire.close()
    joined.sock.close()


SIZES = st.one_of(st.integers(1, 64), st.integers(1, 5000), st.integers(RECORD - 2, RECORD + 2))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(SIZES, st.one_of(st.just(0), SIZES, st.just(4 * RECORD))), max_size=12))
def test_whoever_polls_and_asks_is_never_stranded(kept: Ends, plan: list[tuple[int, int]]) -> None:
    """After each read, unread data are announced by the socket or by pending().

    With room for a whole record, they are announced by the socket alone.
    """
    sent = received = 0
    for size, room in plan:
        kept.send(bytes(size))
        sent += size
        if room and kept.is_readable(5):
            buffer = bytearray(room)
            received += kept.server.recv_into(buffer)
            if received < sent:
                assert kept.server.pending() or kept.is_readable(5)
            if room >= RECORD:
                assert not kept.server.pending()
    while received < sent:
        assert kept.server.pending() or kept.is_readable(5)
        received += len(kept.server.recv(4 * RECORD))
    assert not kept.server.pending()
    assert not kept.is_readable()


class Ending(NamedTuple):
    """What comes behind the data: the peer's close, or a record that is damaged."""

    damaged: int | None  # the size of that record
    answers: bool  # whether the server sends something after each read

    def follow(self, ends: Ends) -> None:
        if self.damaged is None:
            ends.client.shutdown()
        else:
            ends.wire.sendall(forge(ends.client, self.damaged))
        ends.post()


ENDINGS = st.builds(Ending, st.one_of(st.none(), SIZES), st.booleans())
ROOMS = st.one_of(SIZES, st.just(RECORD), st.just(4 * RECORD))


@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
@settings(max_examples=75, deadline=None, suppress_health_check=list(HealthCheck))
@given(sizes=st.lists(SIZES, min_size=1, max_size=6), room=ROOMS, ending=ENDINGS)
def test_whoever_polls_and_asks_is_told_of_the_end(
    client_context: SSL.Context,
    server_context: SSL.Context,
    unix: bool,
    sizes: list[int],
    room: int,
    ending: Ending,
) -> None:
    ends = join(client_context, server_context, unix)
    with ends.wire, ends.sock:
        for size in sizes:
            ends.send(bytes(size))
        ending.follow(ends)
        received = 0
        told: SSL.Error | None = None
        while told is None:
            assert (ends.server.pending() and room < RECORD) or ends.is_readable(5)
            try:
                received += ends.server.recv_into(bytearray(room))
                if ending.answers:
                    ends.server.send(b"answer")
            except (SSL.WantReadError, SSL.WantWriteError):
                continue
            except SSL.Error as end:
                told = end
        assert isinstance(told, SSL.ZeroReturnError) is (ending.damaged is None)
        assert received == sum(sizes)
        assert not ends.is_readable()
