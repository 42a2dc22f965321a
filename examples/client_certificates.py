"""A server that knows its users by their certificates, and lets others in as guests.

    python client_certificates.py alice
    python client_certificates.py --revoked alice
    python client_certificates.py --stranger alice
    python client_certificates.py --guest

A client in this process shows a certificate with the name that is given, and the server
says what it makes of it. It needs the package `cryptography`.
"""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from OpenSSL import SSL, crypto

from memory_bio import handshake
from mutual_tls import peer_name
from private_ca import Authority, Key
from reports import Verifier, reason


def make_server_context(authority: Authority, verifier: Verifier) -> SSL.Context:
    """A context for a server that asks for a certificate, and can do without."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    key, certificate = authority.issue("localhost")
    context.use_certificate(certificate)
    context.use_privatekey(key)
    authority.make_trusted(context)
    context.add_client_ca(authority.certificate)
    context.set_verify(SSL.VERIFY_PEER, verifier)
    context.set_session_id(b"client certificates")
    return context


def refuse_revoked(
    context: SSL.Context, revoked: x509.CertificateRevocationList
) -> None:
    """Look every certificate up in the authority's list of those that are void."""
    store = context.get_cert_store()
    assert store is not None
    store.add_crl(revoked)
    store.set_flags(crypto.X509StoreFlags.CRL_CHECK)


def make_client_context(
    authority: Authority, identity: tuple[Key, x509.Certificate] | None
) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    authority.make_trusted(context)
    if identity is not None:
        key, certificate = identity
        context.use_certificate(certificate)
        context.use_privatekey(key)
    return context


def make_revocation_list(
    authority: Authority, revoked: list[x509.Certificate]
) -> x509.CertificateRevocationList:
    """Do what an authority does every day, or every hour."""
    now = datetime.now(timezone.utc)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now - timedelta(hours=1))
        .next_update(now + timedelta(days=1))
    )
    for certificate in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(
            certificate.serial_number
        )
        builder = builder.add_revoked_certificate(entry.revocation_date(now).build())
    return builder.sign(authority.key, hashes.SHA256())


def main() -> int:
    parser = argparse.ArgumentParser(description="Show a certificate to a server.")
    parser.add_argument("--guest", action="store_true", help="show none")
    parser.add_argument("--revoked", action="store_true", help="show one that is void")
    parser.add_argument(
        "--stranger", action="store_true", help="show one of another authority"
    )
    parser.add_argument(
        "name", nargs="?", default="alice", help="the name in it (%(default)s)"
    )
    options = parser.parse_args()

    authority = Authority("private authority")
    issuer = Authority("another authority") if options.stranger else authority
    identity = issuer.issue(options.name)
    verifier = Verifier()
    server_context = make_server_context(authority, verifier)
    revoked = [identity[1]] if options.revoked else []
    refuse_revoked(server_context, make_revocation_list(authority, revoked))
    server = SSL.Connection(server_context)
    server.set_accept_state()
    client = SSL.Connection(
        make_client_context(authority, None if options.guest else identity)
    )
    client.set_connect_state()
    try:
        handshake(client, server)
    except SSL.Error as error:
        print(f"refused: {reason(error)} ({verifier.complaint})")
        return 1
    print(f"welcome, {peer_name(server)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
