"""How a connection ends: said by one side, by both, or not at all."""

from __future__ import annotations

import socket

import pytest
from OpenSSL import SSL
from support.threads import PATIENCE, background
from support.tls import CHUNK, Pair, drain, flush, reasons

BOTH = SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN


def test_nothing_is_shut_at_first(connected: Pair) -> None:
    assert [end.get_shutdown() for end in connected] == [0, 0]


def test_both_sides_say_goodbye(connected: Pair) -> None:
    client, server = connected
    assert client.shutdown() is False
    assert client.get_shutdown() == SSL.SENT_SHUTDOWN
    flush(client, server)
    with pytest.raises(SSL.ZeroReturnError) as goodbye:
        server.recv(1)
    assert goodbye.value.args == ()
    assert server.get_shutdown() == SSL.RECEIVED_SHUTDOWN
    assert server.shutdown() is True
    assert server.get_shutdown() == BOTH
    flush(server, client)
    assert client.shutdown() is True
    assert client.get_shutdown() == BOTH


def test_the_second_call_waits_for_the_peer(connected: Pair) -> None:
    assert connected.client.shutdown() is False
    with pytest.raises(SSL.WantReadError):
        connected.client.shutdown()
    flush(*connected)
    assert connected.server.shutdown() is False
    assert connected.server.shutdown() is True
    flush(*connected[::-1])
    assert connected.client.shutdown() is True


def test_reading_goes_on_after_shutdown(connected: Pair) -> None:
    client, server = connected
    client.shutdown()
    flush(client, server)
    with pytest.raises(SSL.ZeroReturnError):
        server.recv(1)
    assert server.send(b"one more thing") == 14
    server.shutdown()
    flush(server, client)
    assert client.recv(CHUNK) == b"one more thing"
    with pytest.raises(SSL.ZeroReturnError):
        client.recv(CHUNK)


def test_data_before_the_goodbye_is_read_first(connected: Pair) -> None:
    connected.client.send(b"data")
    connected.client.shutdown()
    flush(*connected)
    assert connected.server.recv(CHUNK) == b"data"
    for _ in range(2):
        with pytest.raises(SSL.ZeroReturnError):
            connected.server.recv(CHUNK)


@pytest.mark.parametrize("method", ["send", "sendall"])
def test_nothing_can_be_sent_after_shutdown(connected: Pair, method: str) -> None:
    connected.client.shutdown()
    with pytest.raises(SSL.Error) as failure:
        getattr(connected.client, method)(b"too late")
    assert reasons(failure.value) == ["protocol is shutdown"]


def test_shutdown_during_the_handshake_is_an_error(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    connection = SSL.Connection(client_context)
    connection.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    with pytest.raises(SSL.Error) as failure:
        connection.shutdown()
    assert reasons(failure.value) == ["shutdown while in init"]


def test_data_in_the_way_of_the_goodbye_is_an_error(connected: Pair) -> None:
    client, server = connected
    client.shutdown()
    server.send(b"unread")
    flush(server, client)
    with pytest.raises(SSL.Error) as failure:
        client.shutdown()
    assert reasons(failure.value) == ["application data after close notify"]


@pytest.mark.parametrize("state", [0, SSL.SENT_SHUTDOWN, SSL.RECEIVED_SHUTDOWN, BOTH])
def test_the_state_can_be_set(connected: Pair, state: int) -> None:
    connected.client.set_shutdown(state)
    assert connected.client.get_shutdown() == state


def test_a_connection_declared_shut_says_no_goodbye(connected: Pair) -> None:
    connected.client.set_shutdown(BOTH)
    assert connected.client.shutdown() is True
    assert drain(connected.client) == b""
    with pytest.raises(SSL.ZeroReturnError):
        connected.client.recv(1)
    connected.client.set_shutdown(0)
    assert connected.client.send(b"x") == 1


def test_over_sockets_both_sides_say_goodbye(connected_over_sockets: Pair) -> None:
    client, server = connected_over_sockets
    assert client.shutdown() is False
    with pytest.raises(SSL.ZeroReturnError):
        server.recv(1)
    assert server.shutdown() is True
    assert client.shutdown() is True
    assert client.get_shutdown() == server.get_shutdown() == BOTH


def test_over_blocking_sockets_shutdown_waits_for_the_peer(connected_over_sockets: Pair) -> None:
    client, server = connected_over_sockets
    assert client.shutdown() is False
    waiting = background(client.shutdown)
    with pytest.raises(SSL.ZeroReturnError):
        server.recv(1)
    assert server.shutdown() is True
    assert waiting.result(PATIENCE) is True


def test_a_socket_that_just_ends_is_an_unexpected_end(
    connected_over_sockets: Pair, sockets: tuple[socket.socket, socket.socket]
) -> None:
    sockets[0].shutdown(socket.SHUT_WR)
    with pytest.raises(SSL.SysCallError) as end:
        connected_over_sockets.server.recv(1)
    assert end.value.args == (-1, "Unexpected EOF")


def test_sock_shutdown_is_that_of_the_socket(connected_over_sockets: Pair) -> None:
    client, server = connected_over_sockets
    assert client.sock_shutdown(socket.SHUT_WR) is None
    with pytest.raises(SSL.SysCallError) as end:
        server.recv(1)
    assert end.value.args == (-1, "Unexpected EOF")
