"""One server, several hosts: the certificate for the name that the client asks for.

    python server_names.py www.example www.other.example localhost

A client in this process asks a server for each of the hosts that are named. The server
has certificates for HOSTS. It needs the package `cryptography`.
"""

from __future__ import annotations

import argparse

from OpenSSL import SSL

from memory_bio import handshake
from private_ca import Authority
from verify_host import CertificateError, check_host

HOSTS = ["www.example", "www.other.example"]


class Hosts:
    """A context for each host, and one to begin with."""

    def __init__(self, authority: Authority, default: str, *others: str) -> None:
        self._contexts = {
            host.encode(): make_server_context(authority, host)
            for host in (default, *others)
        }
        self.default = make_server_context(authority, default)
        self.default.set_tlsext_servername_callback(self._choose)

    def _choose(self, connection: SSL.Connection) -> None:
        """Called in the handshake, when the client's greeting has been read."""
        context = self._contexts.get((connection.get_servername() or b"").lower())
        if context is not None:
            connection.set_context(context)


def make_server_context(authority: Authority, host: str) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    key, certificate = authority.issue(host)
    context.use_certificate(certificate)
    context.use_privatekey(key)
    return context


def make_client_context(authority: Authority) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    authority.make_trusted(context)
    return context


def ask_for(host: str, client_context: SSL.Context, hosts: Hosts) -> None:
    client = SSL.Connection(client_context)
    client.set_tlsext_host_name(host.encode("idna"))
    client.set_connect_state()
    server = SSL.Connection(hosts.default)
    server.set_accept_state()
    handshake(client, server)
    check_host(client.get_peer_certificate(as_cryptography=True), host)


def main() -> None:
    parser = argparse.ArgumentParser(description="Ask a server for several hosts.")
    parser.add_argument("host", nargs="+", help="whom the client asks for")
    options = parser.parse_args()

    authority = Authority("private authority")
    hosts = Hosts(authority, *HOSTS)
    client_context = make_client_context(authority)
    for host in options.host:
        try:
            ask_for(host, client_context, hosts)
        except CertificateError as error:
            print(f"{host}: {error}")
        else:
            print(f"{host}: is there")


if __name__ == "__main__":
    main()
