"""Certificates made once, contexts for each version of TLS, and a watch on the error queue."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from OpenSSL import SSL
from support.certificates import NOW, YEAR, Authority, Identity, rsa_key
from support.implementation import error_queue_is_empty
from support.network import tcp_pair
from support.tls import (
    Contexts,
    Pair,
    handshake,
    handshake_over_sockets,
    new_client_context,
    new_server_context,
    pair_in_memory,
    pair_over,
)

# A command that a shell starts in the background ignores Ctrl-C, and so do all that it starts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

VERSIONS = {"TLSv1.2": SSL.TLS1_2_VERSION, "TLSv1.3": SSL.TLS1_3_VERSION}


@pytest.fixture(autouse=True)
def clean_error_queue() -> Iterator[None]:
    """A leftover would appear in some later, unrelated error: no test may find or leave one."""
    assert error_queue_is_empty()
    yield
    assert error_queue_is_empty()


@pytest.fixture
def forgetful() -> Iterator[None]:
    """What a function of `lib` leaves in the queue is its caller's to take, or a later call's to
    forget."""
    yield
    SSL._lib.ERR_clear_error()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that holds every certificate and key as a file."""
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="session")
def authority(certificates: Path) -> Authority:
    """The authority that both ends trust."""
    return Authority(certificates, "authority")


@pytest.fixture(scope="session")
def stranger(certificates: Path) -> Authority:
    """An authority that nobody trusts."""
    return Authority(certificates, "stranger")


@pytest.fixture(scope="session")
def server_identity(authority: Authority) -> Identity:
    return authority.issue("localhost", "127.0.0.1", "::1")


@pytest.fixture(scope="session")
def client_identity(authority: Authority) -> Identity:
    return authority.issue("client.example")


@pytest.fixture(scope="session")
def elsewhere_identity(authority: Authority) -> Identity:
    """A trusted certificate of another host."""
    return authority.issue("elsewhere.example")


@pytest.fixture(scope="session")
def expired_identity(authority: Authority) -> Identity:
    return authority.issue("localhost", end=NOW - YEAR / 2)


@pytest.fixture(scope="session")
def chained_identity(authority: Authority) -> Identity:
    """A certificate that an intermediate authority issued."""
    return authority.subordinate("intermediate").issue("localhost")


@pytest.fixture(scope="session")
def rsa_identity(authority: Authority) -> Identity:
    return authority.issue("localhost", key=rsa_key())


@pytest.fixture
def files(authority: Authority, server_identity: Identity) -> tuple[Path, Path, Path]:
    """What a child process makes its contexts of."""
    return authority.file, server_identity.chain_file, server_identity.key_file


@pytest.fixture(params=VERSIONS.values(), ids=VERSIONS.keys())
def version(request: pytest.FixtureRequest) -> int:
    """A test that takes this, or anything built on it, runs once for each version of TLS."""
    chosen: int = request.param
    return chosen


@pytest.fixture
def context() -> SSL.Context:
    """A context with nothing set."""
    return SSL.Context(SSL.TLS_METHOD)


@pytest.fixture
def server_context(server_identity: Identity, version: int) -> SSL.Context:
    return new_server_context(server_identity, version)


@pytest.fixture
def client_context(authority: Authority, version: int) -> SSL.Context:
    return new_client_context(authority, version)


@pytest.fixture
def contexts(client_context: SSL.Context, server_context: SSL.Context) -> Contexts:
    return {"client": client_context, "server": server_context}


@pytest.fixture
def mutual_contexts(contexts: Contexts, authority: Authority) -> Contexts:
    """The server can ask for a certificate, too, and resume a session then."""
    contexts["server"].load_verify_locations(authority.file)
    contexts["server"].set_session_id(b"tests")
    return contexts


@pytest.fixture
def connected(client_context: SSL.Context, server_context: SSL.Context) -> Pair:
    """A client and a server joined in memory, after their handshake."""
    return handshake(pair_in_memory(client_context, server_context))


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two blocking TCP sockets connected to each other."""
    pair = tcp_pair()
    yield pair
    for end in pair:
        end.close()


@pytest.fixture
def connected_over_sockets(
    client_context: SSL.Context,
    server_context: SSL.Context,
    sockets: tuple[socket.socket, socket.socket],
) -> Pair:
    """A client and a server on blocking sockets, after their handshake."""
    return handshake_over_sockets(pair_over(client_context, server_context, sockets))
