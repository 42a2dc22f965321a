"""Which peers there are, and a word about those that are missing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from OpenSSL import SSL
from support.certificates import Authority, Identity
from support.network import LOOPBACK
from support.peers import ClientPeer, Peer, Process, ServerPeer, Task
from support.peers.curl import Curl
from support.peers.gnutls import GnuTLSClient, GnuTLSServer
from support.peers.node import NodeClient, NodeServer
from support.peers.openssl import OpenSSLClient, OpenSSLServer
from support.peers.standard_library import StandardLibraryClient, StandardLibraryServer
from support.tls import new_client_context, new_server_context

NewTask = Callable[..., Task]
Start = Callable[[Peer, Task], Process]

CLIENTS: list[type[ClientPeer]] = [
    OpenSSLClient,
    Curl,
    StandardLibraryClient,
    NodeClient,
    GnuTLSClient,
]
SERVERS: list[type[ServerPeer]] = [
    OpenSSLServer,
    StandardLibraryServer,
    NodeServer,
    GnuTLSServer,
]

absent: set[str] = set()


def present(kind: type[Peer]) -> Any:
    if not kind.installed():
        absent.add(kind.program)
        pytest.skip(f"{kind.program} is not installed")
    return kind()


@pytest.fixture(params=CLIENTS, ids=lambda kind: kind.name)
def client_peer(request: pytest.FixtureRequest) -> ClientPeer:
    return present(request.param)


@pytest.fixture(params=SERVERS, ids=lambda kind: kind.name)
def server_peer(request: pytest.FixtureRequest) -> ServerPeer:
    return present(request.param)


@pytest.fixture(params=["TLSv1.2", "TLSv1.3"])
def version_name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def new_task(tmp_path: Path, authority: Authority, version_name: str) -> NewTask:
    """Makes a task for a peer that speaks one version and trusts the authority of the tests."""

    def make(**details: Any) -> Task:
        details.setdefault("payload", b"")
        return Task(directory=tmp_path, authority=authority, version=version_name, **details)

    return make


@pytest.fixture
def start(request: pytest.FixtureRequest) -> Start:
    """Starts a peer, and ends it after the test."""

    def run(peer: Peer, task: Task) -> Process:
        process = peer.start(task)
        request.addfinalizer(process.clean_up)
        return process

    return run


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server((LOOPBACK, 0)) as listening:
        listening.settimeout(30)
        yield listening


@pytest.fixture
def welcome(
    new_task: NewTask,
    start: Start,
    listener: socket.socket,
    server_identity: Identity,
    request: pytest.FixtureRequest,
) -> Callable[..., tuple[SSL.Connection, Process]]:
    """Starts a client and accepts it on a blocking socket; the handshake is left to the test."""

    def make(
        peer: Peer, context: SSL.Context | None = None, **details: Any
    ) -> tuple[SSL.Connection, Process]:
        process = start(peer, new_task(port=listener.getsockname()[1], **details))
        end, _ = listener.accept()
        request.addfinalizer(end.close)
        end.setblocking(True)
        connection = SSL.Connection(context or new_server_context(server_identity), end)
        connection.set_accept_state()
        return connection, process

    return make


@pytest.fixture
def connect(
    new_task: NewTask,
    start: Start,
    authority: Authority,
    server_identity: Identity,
    request: pytest.FixtureRequest,
) -> Callable[..., tuple[SSL.Connection, Process]]:
    """Starts a server and connects to it; the handshake is left to the test."""

    def make(
        peer: ServerPeer,
        context: SSL.Context | None = None,
        identity: Identity = server_identity,
        **details: Any,
    ) -> tuple[SSL.Connection, Process]:
        task = new_task(identity=identity, **details)
        process = start(peer, task)
        end = peer.connect(task, process)
        request.addfinalizer(end.close)
        connection = SSL.Connection(context or new_client_context(authority), end)
        connection.set_tlsext_host_name(task.host.encode())
        connection.set_connect_state()
        return connection, process

    return make


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if absent:
        terminalreporter.section("PEERS THAT ARE NOT INSTALLED", red=True, bold=True)
        terminalreporter.line(
            f"no test ran against {', '.join(sorted(absent))}", yellow=True, bold=True
        )
