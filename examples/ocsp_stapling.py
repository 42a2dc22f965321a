"""Send along what the authority says of the certificate today (OCSP stapling).

    python ocsp_stapling.py good
    python ocsp_stapling.py revoked

A server in this process staples a response, and a client judges it. It needs the
package `cryptography`.
"""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from OpenSSL import SSL

from memory_bio import handshake
from private_ca import Authority


class StapleError(Exception):
    """The response does not say that the certificate is good."""


def staple(connection: SSL.Connection, response: bytes | None) -> bytes:
    """Called on the server when a client asks; `response` is the context's."""
    return response or b""


def judge(
    connection: SSL.Connection, response: bytes, authority: x509.Certificate | None
) -> bool:
    """Called on the client, whether the server has stapled anything or not."""
    if not response:
        raise StapleError("there is none")
    certificate = connection.get_peer_certificate(as_cryptography=True)
    if certificate is None or authority is None:
        raise StapleError("there is no certificate to judge")
    check_response(ocsp.load_der_ocsp_response(response), certificate, authority)
    return True


def check_response(
    response: ocsp.OCSPResponse,
    certificate: x509.Certificate,
    authority: x509.Certificate,
) -> None:
    """Raise StapleError unless the authority says that the certificate is good."""
    if response.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise StapleError(
            f"the authority did not answer: {response.response_status.name}"
        )
    key = authority.public_key()
    algorithm = response.signature_hash_algorithm
    if not isinstance(key, ec.EllipticCurvePublicKey) or algorithm is None:
        raise StapleError("this client expects a signature with ECDSA")
    try:
        key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(algorithm))
    except InvalidSignature:
        raise StapleError("it is signed by somebody else") from None
    if response.serial_number != certificate.serial_number:
        raise StapleError("it is about another certificate")
    now = datetime.now(timezone.utc)
    end = response.next_update_utc
    if not (response.this_update_utc <= now and (end is None or now <= end)):
        raise StapleError("it is not for today")
    if response.certificate_status != ocsp.OCSPCertStatus.GOOD:
        raise StapleError(
            f"the certificate is {response.certificate_status.name.lower()}"
        )


def make_response(
    authority: Authority, certificate: x509.Certificate, revoked: bool
) -> bytes:
    """Do what an authority's responder does, to have something to staple."""
    now = datetime.now(timezone.utc)
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=certificate,
        issuer=authority.certificate,
        algorithm=hashes.SHA256(),
        cert_status=ocsp.OCSPCertStatus.REVOKED
        if revoked
        else ocsp.OCSPCertStatus.GOOD,
        this_update=now - timedelta(hours=1),
        next_update=now + timedelta(days=1),
        revocation_time=now - timedelta(hours=2) if revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
    )
    builder = builder.responder_id(
        ocsp.OCSPResponderEncoding.HASH, authority.certificate
    )
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.DER)


def make_server_context(authority: Authority, status: str) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    key, certificate = authority.issue("localhost")
    context.use_certificate(certificate)
    context.use_privatekey(key)
    if status != "missing":
        response = make_response(authority, certificate, revoked=status == "revoked")
        context.set_ocsp_server_callback(staple, response)
    return context


def make_client_context(authority: Authority) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    authority.make_trusted(context)
    context.set_ocsp_client_callback(judge, authority.certificate)
    return context


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Staple an OCSP response, and judge it."
    )
    parser.add_argument(
        "status", choices=["good", "revoked", "missing"], help="what it says"
    )
    options = parser.parse_args()

    authority = Authority("private authority")
    server = SSL.Connection(make_server_context(authority, options.status))
    server.set_accept_state()
    client = SSL.Connection(make_client_context(authority))
    client.request_ocsp()
    client.set_connect_state()
    try:
        handshake(client, server)
    except StapleError as error:
        print(f"refused: {error}")
        return 1
    print("accepted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
