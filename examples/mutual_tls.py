"""Contexts for servers and clients that both show a certificate.

The programs beside this one import it. `ca` names a file with the authority's
certificate and `identity` one with a private key and its certificate, as private_ca.py
writes them.
"""

from __future__ import annotations

from OpenSSL import SSL


def make_server_context(
    ca: str, identity: str, method: int = SSL.TLS_SERVER_METHOD
) -> SSL.Context:
    """Make a context for servers whose clients need a certificate of the authority."""
    context = make_context(identity, method)
    require_client_certificate(context, ca)
    return context


def make_client_context(
    ca: str, identity: str, method: int = SSL.TLS_CLIENT_METHOD
) -> SSL.Context:
    """Make a context for clients. The host's name is not compared by it."""
    context = make_context(identity, method)
    context.load_verify_locations(ca)
    context.set_verify(SSL.VERIFY_PEER)
    return context


def make_context(identity: str, method: int) -> SSL.Context:
    context = SSL.Context(method)
    if method in (SSL.TLS_SERVER_METHOD, SSL.TLS_CLIENT_METHOD):
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.use_certificate_chain_file(identity)
    context.use_privatekey_file(identity)
    context.check_privatekey()
    return context


def require_client_certificate(context: SSL.Context, ca: str) -> None:
    """Have a server refuse clients without a certificate of the authority."""
    context.load_verify_locations(ca)
    context.load_client_ca(
        ca.encode()
    )  # what a client is told, to choose a certificate by
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    context.set_session_id(
        b"mutual TLS"
    )  # without it, OpenSSL refuses to resume sessions


def peer_name(connection: SSL.Connection) -> str:
    """Say who the peer is, in the words of the certificate that was verified."""
    certificate = connection.get_peer_certificate(as_cryptography=True)
    return certificate.subject.rfc4514_string() if certificate else "nobody"
