"""Clients of other implementations at our server."""

from __future__ import annotations

import os
import socket
import struct
from typing import Callable

import pytest
from OpenSSL import SSL
from support.certificates import Authority, Identity
from support.peers import UNCLEAN_ENDS, ClientPeer, Process
from support.peers.curl import Curl
from support.tls import new_server_context, receive_exactly

PAYLOAD = os.urandom(10 << 20)

Welcome = Callable[..., tuple[SSL.Connection, Process]]


def close_cleanly(connection: SSL.Connection) -> None:
    """Say goodbye and wait for the peer to go, with a goodbye of its own or without."""
    connection.shutdown()
    try:
        while connection.recv(1 << 16):
            pass
    except (SSL.ZeroReturnError, SSL.SysCallError):
        pass


def test_ten_mebibytes_each_way_and_a_clean_close(
    client_peer: ClientPeer,
    welcome: Welcome,
    version_name: str,
) -> None:
    connection, process = welcome(client_peer, payload=PAYLOAD)
    connection.do_handshake()
    assert connection.get_protocol_version_name() == version_name
    assert connection.get_servername() == b"localhost"
    client_peer.converse(connection, PAYLOAD)
    close_cleanly(connection)
    connection.close()
    assert process.wait() == 0, process.log
    assert process.output() == PAYLOAD


def test_our_unclean_end_is_noticed(client_peer: ClientPeer, welcome: Welcome) -> None:
    if not client_peer.notices_truncation:
        pytest.skip("this peer takes any end for an end")
    connection, process = welcome(client_peer, payload=b"payload")
    connection.do_handshake()
    client_peer.converse(connection, b"payload")
    connection.sock_shutdown(socket.SHUT_WR)
    assert process.wait() != 0
    assert process.log


@pytest.mark.skipif(not Curl.installed(), reason="curl is not installed")
def test_curl_notices_that_a_body_is_too_short(welcome: Welcome) -> None:
    connection, process = welcome(Curl(), payload=b"payload")
    connection.do_handshake()
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot quite")
    connection.sock_shutdown(socket.SHUT_WR)
    assert process.wait() in (18, 56), "a partial file, or a failure to receive"


def test_an_unclean_end_of_the_peer_is_noticed(client_peer: ClientPeer, welcome: Welcome) -> None:
    connection, process = welcome(client_peer, payload=PAYLOAD)
    connection.do_handshake()
    receive_exactly(connection, 100)
    process.kill()
    with pytest.raises(SSL.SysCallError) as end:
        receive_exactly(connection, 2 * len(PAYLOAD))
    assert end.value.args in UNCLEAN_ENDS


def test_a_reset_does_no_harm(client_peer: ClientPeer, welcome: Welcome) -> None:
    connection, process = welcome(client_peer, payload=PAYLOAD)
    connection.do_handshake()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    assert process.wait() != 0


def test_the_certificate_of_another_host_is_refused(
    client_peer: ClientPeer,
    welcome: Welcome,
    elsewhere_identity: Identity,
) -> None:
    context = new_server_context(elsewhere_identity)
    connection, process = welcome(client_peer, context, payload=b"secret")
    with pytest.raises(SSL.Error):
        connection.recv(1 << 16)
    connection.close()
    assert process.wait() != 0
    assert process.output() == b""


def test_the_certificate_of_a_stranger_is_refused(
    client_peer: ClientPeer,
    welcome: Welcome,
    stranger: Authority,
) -> None:
    context = new_server_context(stranger.issue("localhost"))
    connection, process = welcome(client_peer, context, payload=b"secret")
    with pytest.raises(SSL.Error):
        connection.recv(1 << 16)
    connection.close()
    assert process.wait() != 0


def require_certificates(context: SSL.Context, authority: Authority) -> SSL.Context:
    context.load_verify_locations(authority.file)
    context.add_client_ca(authority.certificate)
    context.set_session_id(b"interop")
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    return context


def test_a_client_certificate_is_asked_for_and_given(
    client_peer: ClientPeer,
    welcome: Welcome,
    authority: Authority,
    server_identity: Identity,
    client_identity: Identity,
) -> None:
    context = require_certificates(new_server_context(server_identity), authority)
    connection, process = welcome(
        client_peer,
        context,
        payload=b"payload",
        identity=client_identity,
    )
    connection.do_handshake()
    peer = connection.get_peer_certificate(as_cryptography=True)
    assert peer == client_identity.certificate
    client_peer.converse(connection, b"payload")
    close_cleanly(connection)
    connection.close()
    assert process.wait() == 0, process.log
    assert process.output() == b"payload"


def test_a_client_certificate_is_asked_for_and_missing(
    client_peer: ClientPeer,
    welcome: Welcome,
    authority: Authority,
    server_identity: Identity,
) -> None:
    context = require_certificates(new_server_context(server_identity), authority)
    connection, process = welcome(
        client_peer,
        context,
        payload=b"payload",
    )
    with pytest.raises(SSL.Error) as refusal:
        connection.do_handshake()
    (entries,) = refusal.value.args
    assert entries[-1][2] == "peer did not return a certificate"
    connection.close()
    assert process.wait() != 0


def test_a_client_certificate_of_a_stranger_is_refused(
    client_peer: ClientPeer,
    welcome: Welcome,
    authority: Authority,
    stranger: Authority,
    server_identity: Identity,
) -> None:
    identity = stranger.issue("client.example")
    context = require_certificates(new_server_context(server_identity), authority)
    connection, process = welcome(client_peer, context, payload=b"payload", identity=identity)
    with pytest.raises(SSL.Error):
        connection.do_handshake()
    connection.close()
    assert process.wait() != 0
