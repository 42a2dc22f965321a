"""One connection in several threads, and many connections of one context."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from OpenSSL import SSL
from support.certificates import Authority, Identity
from support.implementation import deviation
from support.network import tcp_pair
from support.threads import PATIENCE, at_once, background
from support.tls import (
    CHUNK,
    Pair,
    handshake,
    handshake_in_a_callback,
    handshake_over_sockets,
    negotiate,
    new_client_context,
    new_server_context,
    pair_in_memory,
    pair_over,
    receive_exactly,
    transfer,
    wait_for,
)

MEBIBYTE = 1 << 20
RECORD_AND_OVERHEAD = 16384 + 256 + 5
Sockets = tuple[socket.socket, socket.socket]


def blocks(total: int) -> Iterator[bytes]:
    """``total`` bytes that do not repeat from one block to the next."""
    source = random.Random(total)
    pattern = source.randbytes(CHUNK)
    for number in range(total // CHUNK):
        yield number.to_bytes(8, "big") + pattern[8:]


def send_all(connection: SSL.Connection, total: int) -> bytes:
    """Send ``total`` bytes and return their digest."""
    digest = hashlib.blake2b()
    for block in blocks(total):
        digest.update(block)
        while True:
            try:
                connection.sendall(block)
                break
            except SSL.WantWriteError as waiting:
                sent = waiting.bytes_sent  # type: ignore[attr-defined]
                block = block[sent:]
                wait_for(connection, waiting)
    return digest.digest()


def receive_all(connection: SSL.Connection, total: int) -> bytes:
    """Receive ``total`` bytes and return their digest."""
    digest = hashlib.blake2b()
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    left = total
    while left:
        try:
            size = connection.recv_into(buffer, min(left, CHUNK))
        except (SSL.WantReadError, SSL.WantWriteError) as waiting:
            wait_for(connection, waiting)
            continue
        digest.update(view[:size])
        left -= size
    return digest.digest()


def exchange(pair: Pair, total: int) -> None:
    """Send and receive ``total`` bytes on both ends, all four at once."""
    sent, received, echoed, returned = at_once(
        lambda: send_all(pair.client, total),
        lambda: receive_all(pair.server, total),
        lambda: send_all(pair.server, total),
        lambda: receive_all(pair.client, total),
    )
    assert sent == received
    assert echoed == returned


@deviation
def test_full_duplex_on_a_blocking_socket(connected_over_sockets: Pair) -> None:
    """On both ends one thread reads and one writes, each 100 MiB."""
    exchange(connected_over_sockets, 100 * MEBIBYTE)


@deviation
def test_full_duplex_on_a_socket_that_does_not_block(
    connected_over_sockets: Pair, sockets: Sockets
) -> None:
    for end in sockets:
        end.setblocking(False)
    exchange(connected_over_sockets, 10 * MEBIBYTE)


@deviation
def test_a_reader_that_waits_does_not_stop_a_writer(connected_over_sockets: Pair) -> None:
    client, server = connected_over_sockets
    waiting = background(client.recv, 6)
    for _ in range(100):
        client.sendall(b"question")
        assert receive_exactly(server, 8) == b"question"
    assert not waiting.done()
    server.sendall(b"answer")
    assert waiting.result(PATIENCE) == b"answer"


@deviation
def test_a_reader_that_waits_does_not_stop_questions(connected_over_sockets: Pair) -> None:
    client, server = connected_over_sockets
    waiting = background(client.recv, 6)
    for _ in range(100):
        client.get_cipher_name()
        client.get_peer_certificate()
        client.pending()
        client.get_shutdown()
        client.set_app_data(None)
    server.sendall(b"answer")
    assert waiting.result(PATIENCE) == b"answer"


@deviation
def test_two_readers_share_the_data(connected_over_sockets: Pair) -> None:
    client, server = connected_over_sockets
    readers = [background(receive_exactly, server, MEBIBYTE) for _ in range(2)]
    client.sendall(bytes(2 * MEBIBYTE))
    assert [len(reader.result(PATIENCE)) for reader in readers] == [MEBIBYTE, MEBIBYTE]


@deviation
def test_two_writers_do_not_tear_each_others_records(connected_over_sockets: Pair) -> None:
    """Each send is a record of its own, whole, and in the order of its thread."""
    client, server = connected_over_sockets
    size, rounds = 1000, 2000

    def write(letter: bytes) -> None:
        for number in range(rounds):
            message = b"%s%07d" % (letter, number)
            assert client.send(message * (size // 8)) == size

    reading = background(receive_exactly, server, 2 * rounds * size)
    at_once(lambda: write(b"a"), lambda: write(b"b"))
    received = reading.result(PATIENCE)
    numbers: dict[bytes, list[int]] = {b"a": [], b"b": []}
    for start in range(0, len(received), size):
        message = received[start : start + 8]
        assert received[start : start + size] == message * (size // 8)
        numbers[message[:1]].append(int(message[1:]))
    assert numbers == {b"a": list(range(rounds)), b"b": list(range(rounds))}


@deviation
def test_two_writers_share_a_socket_that_is_full(connected_over_sockets: Pair) -> None:
    """A record that did not fit is finished before another one is begun.

    On a socket that does not block this is up to the callers, who repeat a call that failed.
    """
    client, server = connected_over_sockets
    count = 1 << 19

    def write(letter: bytes) -> None:
        client.sendall(b"".join(b"%s%015d" % (letter, number) for number in range(count)))

    writers = [background(write, letter) for letter in (b"a", b"b")]
    received = receive_exactly(server, 2 * 16 * count)
    for writer in writers:
        writer.result(PATIENCE)
    numbers: dict[bytes, list[int]] = {b"a": [], b"b": []}
    for start in range(0, len(received), 16):
        numbers[received[start : start + 1]].append(int(received[start + 1 : start + 16]))
    assert numbers == {b"a": list(range(count)), b"b": list(range(count))}


@deviation
def test_a_buffer_cannot_be_resized_while_it_is_sent(connected_over_sockets: Pair) -> None:
    client, server = connected_over_sockets
    data = bytearray(64 * MEBIBYTE)
    sending = background(client.sendall, data)
    assert receive_exactly(server, CHUNK) == bytes(CHUNK)
    assert not sending.done()
    with pytest.raises(BufferError):
        data.clear()
    receive_exactly(server, len(data) - CHUNK)
    assert sending.result(PATIENCE) == len(data)
    data.clear()


@deviation
def test_closing_the_connection_elsewhere_does_not_crash_a_reader(
    connected_over_sockets: Pair,
) -> None:
    client, server = connected_over_sockets
    waiting = background(client.recv, 6)
    server.shutdown()
    server.sock_shutdown(socket.SHUT_RDWR)
    server.close()
    with pytest.raises((SSL.ZeroReturnError, SSL.SysCallError)):
        waiting.result(PATIENCE)


@deviation
def test_a_callback_that_takes_its_time_stops_nobody_else(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    """Who asks the connection meanwhile waits for it, but without the interpreter."""
    pair, going_on, shaking = handshake_in_a_callback(client_context, server_context)
    asking = background(pair.client.get_state_string)
    handshake(pair_in_memory(SSL.Context(SSL.TLS_METHOD), server_context))
    assert not shaking.done()
    going_on.set()
    shaking.result(PATIENCE)
    assert asking.result(PATIENCE)


def test_many_handshakes_of_one_context_at_once(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    seen = threading.local()

    def verify(connection: SSL.Connection, *_: Any) -> bool:
        seen.connection = connection
        return True

    client_context.set_verify(SSL.VERIFY_PEER, verify)

    def connect(number: int) -> None:
        for _ in range(50):
            pair = handshake(pair_in_memory(client_context, server_context))
            assert seen.connection is pair.client
            data = b"%d" % number * 1000
            assert transfer(pair.client, pair.server, data) == data

    at_once(*(lambda number=number: connect(number) for number in range(4)))


def test_many_servers_over_sockets_at_once(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    def connect() -> None:
        for _ in range(10):
            ends = tcp_pair()
            pair = handshake_over_sockets(pair_over(client_context, server_context, ends))
            sending = background(pair.server.sendall, bytes(MEBIBYTE))
            assert receive_exactly(pair.client, MEBIBYTE) == bytes(MEBIBYTE)
            sending.result(PATIENCE)
            for end in ends:
                end.close()

    at_once(*[connect] * 4)


def test_a_context_is_shared_while_connections_come_and_go(
    authority: Authority, server_identity: Identity
) -> None:
    """Born, used and dropped in different threads."""
    client_context = new_client_context(authority)
    server_context = new_server_context(server_identity)
    pairs: list[Pair] = []

    def make() -> None:
        for _ in range(100):
            pairs.append(pair_in_memory(client_context, server_context))

    at_once(make, make)
    assert len(pairs) == 200

    def use() -> None:
        while pairs:
            try:
                pair = pairs.pop()
            except IndexError:
                return
            assert negotiate(pair) == (None, None)

    at_once(use, use, use)


@deviation
def test_a_connection_is_used_by_threads_in_turn(connected: Pair) -> None:
    lock = threading.Lock()

    def talk() -> None:
        for _ in range(200):
            with lock:
                assert transfer(connected.client, connected.server, b"question") == b"question"

    at_once(talk, talk, talk)


def test_a_socket_closed_while_it_is_written_to_takes_no_stranger_along(
    connected_over_sockets: Pair, sockets: Sockets
) -> None:
    """Its number is given to another socket at once.

    It is looked at before each record: one may be on its way to the system call, and none after it.
    """
    raw = sockets[1].dup()
    under_way = threading.Event()

    def keep_up() -> None:
        buffer = bytearray(1 << 20)
        try:
            while raw.recv_into(buffer):  # the records themselves, so that nothing ever fills up
                under_way.set()
        except ConnectionResetError:  # the tickets of TLS 1.3 were never read
            pass

    def send_without_end() -> None:
        data = bytes(1 << 27)
        while True:  # it would be through before a busy machine comes to the next line of this test
            connected_over_sockets.client.sendall(data)

    with raw:
        reading = background(keep_up)
        sending = background(send_without_end)
        assert under_way.wait(PATIENCE)
        number = sockets[0].fileno()
        sockets[0].close()
        with_number = socket.socketpair()
        stranger = next((end for end in with_number if end.fileno() == number), None)
        if stranger is None:
            pytest.skip("the number went elsewhere")
        peer = next(end for end in with_number if end is not stranger)
        with pytest.raises(SSL.SysCallError) as failure:
            sending.result(PATIENCE)
        assert failure.value.args == (errno.EBADF, "EBADF")
        peer.setblocking(False)
        try:
            assert len(peer.recv(1 << 20)) <= RECORD_AND_OVERHEAD
        except BlockingIOError:
            pass
        for end in with_number:
            end.close()
        with suppress(OSError):  # it may have been reset
            sockets[1].close()
        with contextlib.suppress(OSError):  # the other end is closed already
            raw.shutdown(socket.SHUT_RDWR)
        reading.result(PATIENCE)
