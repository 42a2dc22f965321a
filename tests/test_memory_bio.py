"""Connections without a socket: the program carries their bytes."""

from __future__ import annotations

import socket

import pytest
from OpenSSL import SSL
from support.tls import CHUNK, Pair, drain, flush, handshake, pair_in_memory, transfer


@pytest.fixture
def fresh(client_context: SSL.Context, server_context: SSL.Context) -> Pair:
    return pair_in_memory(client_context, server_context)


def test_nothing_to_read_is_want_read(fresh: Pair) -> None:
    with pytest.raises(SSL.WantReadError) as nothing:
        fresh.client.bio_read(CHUNK)
    assert nothing.value.args == ()


def test_the_first_flight_waits_to_be_carried(fresh: Pair) -> None:
    with pytest.raises(SSL.WantReadError) as waiting:
        fresh.client.do_handshake()
    assert waiting.value.args == ()
    assert fresh.client.want_read()
    hello = drain(fresh.client)
    assert hello[0] == 22, "a handshake record"
    assert drain(fresh.client) == b""


def test_the_bytes_can_be_read_in_small_pieces(fresh: Pair) -> None:
    with pytest.raises(SSL.WantReadError):
        fresh.client.do_handshake()
    pieces = [fresh.client.bio_read(7) for _ in range(5)]
    assert [len(piece) for piece in pieces] == [7] * 5
    assert drain(fresh.client)


def test_a_handshake_one_byte_at_a_time(fresh: Pair) -> None:
    done = 0
    while done < 2:
        done = 0
        for source, target in (fresh, fresh[::-1]):
            try:
                source.do_handshake()
                done += 1
            except SSL.WantReadError:
                pass
            for byte in drain(source):
                assert target.bio_write(bytes([byte])) == 1
    assert fresh.client.get_finished() == fresh.server.get_peer_finished()


def test_bytes_written_ahead_are_kept_in_order(connected: Pair) -> None:
    for number in range(10):
        connected.client.send(b"%d" % number)
    records = drain(connected.client)
    for start in range(0, len(records), 11):
        connected.server.bio_write(records[start : start + 11])
    received = b""
    while len(received) < 10:
        received += connected.server.recv(CHUNK)
    assert received == b"0123456789"


def test_a_large_transfer_is_byte_for_byte(connected: Pair) -> None:
    data = bytes(range(251)) * 4000
    assert transfer(connected.client, connected.server, data) == data


def test_pending_counts_what_is_decrypted_already(connected: Pair) -> None:
    connected.client.send(b"0123456789")
    flush(*connected)
    assert connected.server.pending() == 0
    assert connected.server.recv(4) == b"0123"
    assert connected.server.pending() == 6
    assert connected.server.recv(CHUNK) == b"456789"
    assert connected.server.pending() == 0


def test_peeking_leaves_the_data_where_it_is(connected: Pair) -> None:
    connected.client.send(b"0123456789")
    flush(*connected)
    buffer = bytearray(4)
    assert connected.server.recv(4, socket.MSG_PEEK) == b"0123"
    assert connected.server.recv_into(buffer, flags=socket.MSG_PEEK) == 4
    assert bytes(buffer) == b"0123"
    assert connected.server.recv(CHUNK) == b"0123456789"


def test_other_flags_are_ignored(connected: Pair) -> None:
    assert connected.client.send(b"01", socket.MSG_OOB) == 2
    assert connected.client.sendall(b"23", socket.MSG_OOB) == 2
    flush(*connected)
    assert connected.server.recv(2, socket.MSG_DONTWAIT) == b"01"
    assert connected.server.recv_into(bytearray(2), None, socket.MSG_DONTWAIT) == 2


def test_the_end_of_the_transport_is_an_unexpected_end(connected: Pair) -> None:
    connected.client.send(b"last words")
    flush(*connected)
    connected.server.bio_shutdown()
    assert connected.server.recv(CHUNK) == b"last words"
    with pytest.raises(SSL.SysCallError) as end:
        connected.server.recv(CHUNK)
    assert end.value.args == (-1, "Unexpected EOF")


def test_the_end_of_the_transport_ends_a_handshake(fresh: Pair) -> None:
    fresh.server.bio_shutdown()
    with pytest.raises(SSL.SysCallError) as end:
        fresh.server.do_handshake()
    assert end.value.args == (-1, "Unexpected EOF")


def test_an_end_can_be_ignored(client_context: SSL.Context, server_context: SSL.Context) -> None:
    server_context.set_options(SSL.OP_IGNORE_UNEXPECTED_EOF)
    pair = handshake(pair_in_memory(client_context, server_context))
    pair.server.bio_shutdown()
    with pytest.raises(SSL.ZeroReturnError):
        pair.server.recv(CHUNK)


def test_what_is_not_there_is_an_attribute_error(fresh: Pair) -> None:
    for name in ("fileno", "close", "getpeername", "imaginary"):
        with pytest.raises(
            AttributeError, match=rf"^'Connection' object has no attribute '{name}'$"
        ):
            getattr(fresh.client, name)


def test_a_connection_on_a_socket_has_no_memory(
    client_context: SSL.Context, sockets: tuple[socket.socket, socket.socket]
) -> None:
    connection = SSL.Connection(client_context, sockets[0])
    for call in (
        lambda: connection.bio_read(1),
        lambda: connection.bio_write(b"1"),
        connection.bio_shutdown,
    ):
        with pytest.raises(TypeError, match=r"^Connection sock was not None$"):
            call()


def test_the_socket_may_be_given_as_none(client_context: SSL.Context) -> None:
    connection = SSL.Connection(client_context, None)
    connection.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    assert drain(SSL.Connection(context=client_context, socket=None)) == b""
