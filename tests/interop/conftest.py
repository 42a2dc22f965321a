"""Which peers there are, and a word about those that are missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest
from support.certificates import Authority
from support.peers import ClientPeer, Peer, Process, ServerPeer, Task
from support.peers.curl import Curl
from support.peers.gnutls import GnuTLSClient, GnuTLSServer
from support.peers.node import NodeClient, NodeServer
from support.peers.openssl import OpenSSLClient, OpenSSLServer
from support.peers.standard_library import StandardLibraryClient, StandardLibraryServer

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
def new_task(tmp_path: Path, authority: Authority, version_name: str) -> Callable[..., Task]:
    """Makes a task for a peer that speaks one version and trusts the authority of the tests."""

    def make(**details: Any) -> Task:
        details.setdefault("payload", b"")
        return Task(directory=tmp_path, authority=authority, version=version_name, **details)

    return make


@pytest.fixture
def start(request: pytest.FixtureRequest) -> Callable[[Peer, Task], Process]:
    """Starts a peer, and ends it after the test."""

    def run(peer: Peer, task: Task) -> Process:
        process = peer.start(task)
        request.addfinalizer(process.clean_up)
        return process

    return run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if absent:
        terminalreporter.section("PEERS THAT ARE NOT INSTALLED", red=True, bold=True)
        terminalreporter.line(
            f"no test ran against {', '.join(sorted(absent))}", yellow=True, bold=True
        )
