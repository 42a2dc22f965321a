"""DTLS with OpenSSL's own client and server, over UDP."""

from __future__ import annotations

import errno
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest
from OpenSSL import SSL
from support.certificates import Authority, Identity
from support.dtls import persist, receive
from support.network import LOOPBACK, free_port, udp_socket
from support.peers import PATIENCE, Process, Task
from support.peers.openssl import OpenSSLClient
from support.tls import new_client_context, new_server_context

pytestmark = pytest.mark.skipif(not OpenSSLClient.installed(), reason="openssl is not installed")

PROFILE = "SRTP_AES128_CM_SHA1_80"
KEYS = ["-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", "60"]

Run = Callable[..., Process]


@pytest.fixture
def run(tmp_path: Path, authority: Authority, request: pytest.FixtureRequest) -> Run:
    """Runs an ``openssl`` command whose standard input stays open."""

    def start(*command: str) -> Process:
        task = Task(tmp_path, authority, "DTLSv1.2", b"")
        process = Process(task, ["openssl", *command])
        request.addfinalizer(process.clean_up)
        return process

    return start


@pytest.fixture
def server_context(server_identity: Identity) -> SSL.Context:
    context = new_server_context(server_identity, method=SSL.DTLS_METHOD)
    context.set_cookie_generate_callback(lambda connection: b"cookie")
    context.set_cookie_verify_callback(lambda connection, cookie: cookie == b"cookie")
    return context


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with udp_socket() as listening:
        listening.settimeout(PATIENCE)
        yield listening


def accept(context: SSL.Context, listener: socket.socket) -> SSL.Connection:
    """Wait for a client, exchange a cookie, and shake hands."""
    _, address = listener.recvfrom(1, socket.MSG_PEEK)
    listener.connect(address)
    listener.setblocking(False)
    connection = SSL.Connection(context, listener)
    connection.set_accept_state()
    persist(connection, connection.DTLSv1_listen)
    persist(connection, connection.do_handshake)
    return connection


def wait_for_output(process: Process, pattern: bytes) -> re.Match[bytes]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = re.search(pattern, process.output())
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(process.output() + process.log.encode())


def call(
    run: Run, authority: Authority, listener: socket.socket, *options: str, host: str = "localhost"
) -> Process:
    return run(
        *("s_client", "-dtls1_2", "-connect", f"{LOOPBACK}:{listener.getsockname()[1]}"),
        *("-CAfile", str(authority.file), "-verify_return_error", "-verify_hostname", host),
        *options,
    )


def test_their_client_at_our_server(
    run: Run, authority: Authority, server_context: SSL.Context, listener: socket.socket
) -> None:
    process = call(run, authority, listener, "-quiet")
    connection = accept(server_context, listener)
    assert connection.get_protocol_version_name() == "DTLSv1.2"
    process.feed(b"question\n")
    assert receive(connection) == b"question\n"
    connection.send(b"answer\n")
    wait_for_output(process, b"answer\n")
    connection.shutdown()
    assert process.wait() == 0, process.log


def test_their_client_refuses_another_host(
    run: Run, authority: Authority, server_context: SSL.Context, listener: socket.socket
) -> None:
    process = call(run, authority, listener, "-quiet", host="other.name")
    with pytest.raises(SSL.Error):
        accept(server_context, listener)
    assert process.wait() != 0


def test_their_client_exports_the_same_srtp_keys(
    run: Run, authority: Authority, server_context: SSL.Context, listener: socket.socket
) -> None:
    server_context.set_tlsext_use_srtp(PROFILE.encode())
    process = call(run, authority, listener, "-use_srtp", PROFILE, *KEYS)
    connection = accept(server_context, listener)
    assert connection.get_selected_srtp_profile() == PROFILE.encode()
    keys = connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 60)
    printed = wait_for_output(process, rb"Keying material: ([0-9A-F]{120})")
    assert bytes.fromhex(printed[1].decode()) == keys


def connect(context: SSL.Context, port: int) -> SSL.Connection:
    """Shake hands with a server that may need a moment until it listens."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        end = udp_socket()
        end.connect((LOOPBACK, port))
        end.setblocking(False)
        connection = SSL.Connection(context, end)
        connection.set_connect_state()
        try:
            persist(connection, connection.do_handshake)
            return connection
        except SSL.Error as failure:
            end.close()
            if failure.args != (errno.ECONNREFUSED, "ECONNREFUSED"):
                raise
        time.sleep(0.02)
    raise AssertionError("the peer does not listen")


def serve(run: Run, identity: Identity, port: int, *options: str) -> Process:
    return run(
        *("s_server", "-dtls1_2", "-accept", f"{LOOPBACK}:{port}"),
        *("-cert", str(identity.chain_file), "-key", str(identity.key_file), *options),
    )


@pytest.mark.parametrize("options", [[], ["-listen"]], ids=["at once", "with a cookie"])
def test_our_client_at_their_server(
    run: Run, authority: Authority, server_identity: Identity, options: list[str]
) -> None:
    port = free_port(socket.SOCK_DGRAM)
    process = serve(run, server_identity, port, "-quiet", *options)
    connection = connect(new_client_context(authority, method=SSL.DTLS_METHOD), port)
    assert connection.get_protocol_version_name() == "DTLSv1.2"
    connection.send(b"question\n")
    wait_for_output(process, b"question\n")
    process.feed(b"answer\n")
    assert receive(connection) == b"answer\n"
    connection.shutdown()
    connection.close()


def test_our_client_exports_the_same_srtp_keys(
    run: Run, authority: Authority, server_identity: Identity
) -> None:
    port = free_port(socket.SOCK_DGRAM)
    process = serve(run, server_identity, port, "-use_srtp", PROFILE, *KEYS)
    context = new_client_context(authority, method=SSL.DTLS_METHOD)
    context.set_tlsext_use_srtp(PROFILE.encode())
    connection = connect(context, port)
    assert connection.get_selected_srtp_profile() == PROFILE.encode()
    keys = connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 60)
    printed = wait_for_output(process, rb"Keying material: ([0-9A-F]{120})")
    assert bytes.fromhex(printed[1].decode()) == keys
    connection.close()


def test_our_client_refuses_a_stranger(run: Run, authority: Authority, stranger: Authority) -> None:
    port = free_port(socket.SOCK_DGRAM)
    serve(run, stranger.issue("localhost"), port, "-quiet")
    with pytest.raises(SSL.Error) as refusal:
        connect(new_client_context(authority, method=SSL.DTLS_METHOD), port)
    assert type(refusal.value) is SSL.Error
