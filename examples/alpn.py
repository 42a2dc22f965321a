"""Agree with the peer on the protocol to speak inside of TLS (ALPN, RFC 7301).

    python alpn.py h2 http/1.1
    python alpn.py smtp

A client in this process offers the protocols that are named, most wanted first, to a
server that speaks those in SPOKEN, and both say what came of it. It needs the package
`cryptography`.
"""

from __future__ import annotations

import argparse

from OpenSSL import SSL

from memory_bio import carry, handshake
from private_ca import Authority
from reports import reason

SPOKEN = [b"h2", b"http/1.1"]  # most wanted first


class NoCommonProtocolError(Exception):
    """The client speaks nothing that we speak."""


def choose(connection: SSL.Connection, offered: list[bytes]) -> bytes:
    """Called on the server: take what it wants most of what is offered."""
    for protocol in SPOKEN:
        if protocol in offered:
            return protocol
    raise NoCommonProtocolError(b", ".join(offered).decode())


def make_server_context(authority: Authority) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    key, certificate = authority.issue("localhost")
    context.use_certificate(certificate)
    context.use_privatekey(key)
    context.set_alpn_select_callback(choose)
    return context


def make_client_context(authority: Authority, offered: list[bytes]) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    authority.make_trusted(context)
    context.set_alpn_protos(offered)
    return context


def main() -> None:
    parser = argparse.ArgumentParser(description="Agree on a protocol.")
    parser.add_argument("protocol", nargs="+", help="what the client offers")
    options = parser.parse_args()

    authority = Authority("private authority")
    offered = [protocol.encode() for protocol in options.protocol]
    client = SSL.Connection(make_client_context(authority, offered))
    client.set_connect_state()
    server = SSL.Connection(make_server_context(authority))
    server.set_accept_state()
    try:
        handshake(client, server)
    except NoCommonProtocolError as error:
        print(f"server  refused: nothing in common with {error}")
        carry(server, client)
        try:
            client.do_handshake()
        except SSL.Error as alert:
            print(f"client  failed: {reason(alert)}")
    else:
        for name, end in (("server", server), ("client", client)):
            print(f"{name}  speaks {end.get_alpn_proto_negotiated().decode()}")


if __name__ == "__main__":
    main()
