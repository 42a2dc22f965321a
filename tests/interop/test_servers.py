"""Our client at servers of other implementations."""

from __future__ import annotations

import os
import socket
from typing import Any, Callable

import pytest
from cryptography import x509
from OpenSSL import SSL, crypto
from support.certificates import Authority, Identity
from support.implementation import deviation
from support.peers import UNCLEAN_ENDS, Process, ServerPeer
from support.threads import PATIENCE, background
from support.tls import CHUNK, new_client_context, reasons, receive_exactly

PAYLOAD = os.urandom(10 << 20)

Connect = Callable[..., tuple[SSL.Connection, Process]]


def test_ten_mebibytes_each_way_and_a_clean_close(
    server_peer: ServerPeer,
    connect: Connect,
    server_identity: Identity,
    version_name: str,
) -> None:
    connection, process = connect(server_peer, payload=PAYLOAD)
    connection.do_handshake()
    assert connection.get_protocol_version_name() == version_name
    peer = connection.get_peer_certificate(as_cryptography=True)
    assert peer == server_identity.certificate
    server_peer.converse(connection, PAYLOAD, process)
    connection.shutdown()
    with pytest.raises(SSL.ZeroReturnError):
        connection.recv(CHUNK)
    assert connection.get_shutdown() == SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN


@deviation
def test_ten_mebibytes_each_way_at_once(server_peer: ServerPeer, connect: Connect) -> None:
    """One thread writes while another one reads."""
    if not server_peer.echoes_bytes:
        pytest.skip("this peer does not echo bytes")
    connection, _ = connect(server_peer, payload=PAYLOAD)
    connection.do_handshake()
    sending = background(connection.sendall, PAYLOAD)
    assert receive_exactly(connection, len(PAYLOAD)) == PAYLOAD
    assert sending.result(PATIENCE) == len(PAYLOAD)


def test_an_unclean_end_of_the_peer_is_noticed(server_peer: ServerPeer, connect: Connect) -> None:
    connection, process = connect(server_peer)
    connection.do_handshake()
    process.kill()
    with pytest.raises(SSL.SysCallError) as end:
        receive_exactly(connection, 1)
    assert end.value.args in UNCLEAN_ENDS


def test_our_unclean_end_ends_the_peer_or_its_connection(
    server_peer: ServerPeer,
    connect: Connect,
) -> None:
    connection, _ = connect(server_peer)
    connection.do_handshake()
    connection.sendall(b"half a senten")
    connection.sock_shutdown(socket.SHUT_WR)
    with pytest.raises((SSL.ZeroReturnError, SSL.SysCallError, SSL.Error)):
        receive_exactly(connection, CHUNK)


def verify_host(host: str) -> Callable[..., bool]:
    """A callback that looks for ``host`` among the names of the certificate."""

    def verify(
        connection: SSL.Connection, certificate: crypto.X509, error: int, depth: int, ok: int
    ) -> bool:
        if depth or not ok:
            return bool(ok)
        names = certificate.to_cryptography().extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
        return host in names.value.get_values_for_type(x509.DNSName)

    return verify


@pytest.mark.parametrize("right", [True, False], ids=["right host", "wrong host"])
def test_the_certificate_of_another_host_is_refused(
    server_peer: ServerPeer,
    connect: Connect,
    authority: Authority,
    server_identity: Identity,
    elsewhere_identity: Identity,
    right: bool,
) -> None:
    context = new_client_context(authority)
    context.set_verify(SSL.VERIFY_PEER, verify_host("localhost"))
    identity = server_identity if right else elsewhere_identity
    connection, _ = connect(server_peer, context, identity=identity)
    if right:
        connection.do_handshake()
        return
    with pytest.raises(SSL.Error) as refusal:
        connection.do_handshake()
    assert reasons(refusal.value) == ["certificate verify failed"]


def test_the_certificate_of_a_stranger_is_refused(
    server_peer: ServerPeer,
    connect: Connect,
    stranger: Authority,
) -> None:
    connection, _ = connect(server_peer, identity=stranger.issue("localhost"))
    with pytest.raises(SSL.Error) as refusal:
        connection.do_handshake()
    assert reasons(refusal.value) == ["certificate verify failed"]


def test_a_client_certificate_is_asked_for_and_given(
    server_peer: ServerPeer,
    connect: Connect,
    authority: Authority,
    client_identity: Identity,
) -> None:
    context = new_client_context(authority)
    client_identity.install(context)
    connection, process = connect(
        server_peer, context, require_certificate=True, payload=b"payload"
    )
    connection.do_handshake()
    server_peer.converse(connection, b"payload", process)


def test_a_client_certificate_is_asked_for_and_missing(
    server_peer: ServerPeer,
    connect: Connect,
) -> None:
    connection, _ = connect(server_peer, require_certificate=True)
    refused: Any = None
    try:
        connection.do_handshake()
        receive_exactly(connection, 1)
    except SSL.Error as failure:
        refused = failure
    assert refused is not None
