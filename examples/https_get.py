"""Fetch a page over HTTPS, and believe nothing that was not verified.

    python https_get.py https://example.org/
    python https_get.py --cafile private-ca.pem https://localhost:8443/

OpenSSL checks that a trusted authority stands behind the server's certificate. That the
certificate is for *this* host is checked by verify_host.py, before a single byte is
sent. The page goes to standard output, the rest to standard error. It needs the package
`cryptography`.
"""

from __future__ import annotations

import argparse
import http.client
import socket
import sys
import time
import urllib.parse

from OpenSSL import SSL

from byte_stream import ByteStream
from reports import Verifier
from verify_host import CertificateError, check_host, parse_address


def make_context(cafile: str | None, verifier: Verifier) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_verify(SSL.VERIFY_PEER, verifier)
    context.set_alpn_protos([b"http/1.1"])
    if cafile:
        context.load_verify_locations(cafile)
    else:
        context.set_default_verify_paths()
    return context


def get(url: str, cafile: str | None) -> tuple[http.client.HTTPResponse, bytes]:
    """Fetch `url`; return the response and the whole body."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("the URL should look like https://host/path")
    host = parts.hostname
    if not parse_address(host):
        host = host.encode("idna").decode()
    path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
    verifier = Verifier()
    with socket.create_connection((host, parts.port or 443)) as sock:
        connection = SSL.Connection(make_context(cafile, verifier), sock)
        if not parse_address(host):
            connection.set_tlsext_host_name(host.encode())
        connection.set_connect_state()
        start = time.perf_counter()
        try:
            connection.do_handshake()
        except SSL.Error:
            if verifier.complaint:
                raise CertificateError(verifier.complaint) from None
            raise
        check_host(connection.get_peer_certificate(as_cryptography=True), host)
        report(connection, time.perf_counter() - start)
        request = (
            f"GET {path} HTTP/1.1\r\n"
            f"Host: {parts.netloc.rpartition('@')[2]}\r\n"
            "Accept: */*\r\n"
            "Connection: close\r\n"
            "\r\n"
        )
        connection.sendall(request.encode("ascii"))
        response = http.client.HTTPResponse(ByteStream(connection))  # type: ignore[arg-type]
        response.begin()
        body = response.read()
        connection.shutdown()
    return response, body


def report(connection: SSL.Connection, seconds: float) -> None:
    chain = connection.get_peer_cert_chain(as_cryptography=True) or []
    facts = [
        connection.get_protocol_version_name(),
        connection.get_cipher_name(),
        connection.get_group_name(),
        connection.get_alpn_proto_negotiated().decode(),
        f"{1000 * seconds:.1f} ms",
    ]
    print(", ".join(fact for fact in facts if fact), file=sys.stderr)
    for certificate in chain:
        print(f"  {certificate.subject.rfc4514_string()}", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description="Fetch a page over HTTPS.")
    parser.add_argument(
        "--cafile", metavar="PEM", help="trust these, not the system's authorities"
    )
    parser.add_argument("url")
    options = parser.parse_args()
    try:
        response, body = get(options.url, options.cafile)
    except CertificateError as error:
        print(f"Not trusted: {error}", file=sys.stderr)
        return 2
    except SSL.Error as error:
        print(f"TLS failed: {error!r}", file=sys.stderr)
        return 1
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(f"Failed: {error}", file=sys.stderr)
        return 1
    print(f"{response.status} {response.reason}", file=sys.stderr)
    sys.stdout.buffer.write(body)
    return 0 if response.status < 400 else 1


if __name__ == "__main__":
    sys.exit(main())
