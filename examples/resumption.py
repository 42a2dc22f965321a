"""Resume a session: a second handshake that is shorter than the first.

    python resumption.py --tls 1.2

A client and a server in this process shake hands twice and count the bytes. It needs
the package `cryptography`.
"""

from __future__ import annotations

import argparse

from OpenSSL import SSL

from memory_bio import carry, close, handshake
from private_ca import Authority

VERSIONS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}


def make_server_context(authority: Authority) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    key, certificate = authority.issue("localhost")
    context.use_certificate(certificate)
    context.use_privatekey(key)
    context.set_session_id(
        b"resumption"
    )  # whose sessions these are, where servers share a cache
    context.set_timeout(3600)  # seconds that a session is good for
    return context


def make_client_context(authority: Authority, version: int) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    authority.make_trusted(context)
    context.set_max_proto_version(version)
    return context


class Sessions:
    """The sessions of a client, by the host that they are with."""

    def __init__(self) -> None:
        self._sessions: dict[str, SSL.Session] = {}

    def offer(self, connection: SSL.Connection, host: str) -> None:
        """Call this before the handshake."""
        session = self._sessions.pop(
            host, None
        )  # TLS 1.3 would have each one used once
        if session is not None:
            connection.set_session(session)

    def keep(self, connection: SSL.Connection, host: str) -> None:
        """Call this once something was received: tickets come late in TLS 1.3."""
        session = connection.get_session()
        if session is not None:
            self._sessions[host] = session


def talk(
    client_context: SSL.Context,
    server_context: SSL.Context,
    sessions: Sessions,
    host: str,
) -> int:
    """Shake hands and say something; return how many bytes the handshake took."""
    client = SSL.Connection(client_context)
    client.set_tlsext_host_name(host.encode())
    client.set_connect_state()
    server = SSL.Connection(server_context)
    server.set_accept_state()
    sessions.offer(client, host)
    total = handshake(client, server)
    server.sendall(b"welcome")
    carry(server, client)
    client.recv(1024)
    sessions.keep(client, host)
    close(client, server)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description="Resume a session.")
    parser.add_argument(
        "--tls", choices=VERSIONS, default="1.3", help="highest version"
    )
    options = parser.parse_args()

    authority = Authority("private authority")
    server_context = make_server_context(authority)
    client_context = make_client_context(authority, VERSIONS[options.tls])
    sessions = Sessions()
    for name in ("first", "second"):
        total = talk(client_context, server_context, sessions, "localhost")
        print(f"{name:<7} {total} bytes")


if __name__ == "__main__":
    main()
