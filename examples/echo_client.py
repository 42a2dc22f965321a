"""A TLS echo client: sends lines, checks that they come back, says how long that took.

    python echo_client.py --trust server.pem hello
    python echo_client.py --ca pki/ca.pem --cert pki/alice.pem < poem.txt

--trust names a file with the server's own certificate: whoever has its key is the
server. --ca names one with the certificate of an authority, which may have certified
others, too: then the server's certificate has to name the host (verify_host.py, which
needs the package `cryptography`).
"""

from __future__ import annotations

import argparse
import socket
import sys
import time
import warnings
from collections.abc import Iterable

from OpenSSL import SSL

from options import network_parser
from reports import run

# pyOpenSSL would rather have certificates read by `cryptography`. This program wants
# nothing but OpenSSL itself.
warnings.filterwarnings("ignore", "X509", DeprecationWarning)


def make_context(options: argparse.Namespace) -> SSL.Context:
    """Put the settings that all connections share into a context."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_verify(SSL.VERIFY_PEER)
    context.load_verify_locations(options.ca or options.trust)
    if options.cert:
        context.use_certificate_chain_file(options.cert)
        context.use_privatekey_file(options.key or options.cert)
        context.check_privatekey()
    if options.tls == "1.2":
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
    return context


def describe(connection: SSL.Connection) -> str:
    """Say in one line what was negotiated, and with whom."""
    certificate = connection.get_peer_certificate()
    name = certificate.get_subject().CN if certificate else None
    facts = [
        connection.get_protocol_version_name(),
        connection.get_cipher_name(),
        connection.get_group_name(),
        name and f"server {name}",
    ]
    return ", ".join(fact for fact in facts if fact)


def recv_exactly(connection: SSL.Connection, size: int) -> bytes:
    """Read `size` bytes: one `recv` gives what has come, which may be less."""
    chunks = []
    while size:
        chunk = connection.recv(min(size, 16 * 1024))
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)


def exchange(connection: SSL.Connection, lines: Iterable[bytes]) -> int:
    """Send each line and wait for its echo; return how many bytes went each way."""
    total = 0
    for line in lines:
        connection.sendall(line)
        answer = recv_exactly(connection, len(line))
        if answer != line:
            raise ValueError(f"sent {line!r}, got {answer!r}")
        print(answer.decode(errors="replace"), end="")
        total += len(line)
    return total


def close(connection: SSL.Connection) -> None:
    """Say that we are done, and wait until the server has said so, too."""
    while not connection.shutdown():
        pass


def run_client(options: argparse.Namespace) -> None:
    context = make_context(options)
    with socket.create_connection((options.host, options.port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = SSL.Connection(context, sock)
        connection.set_tlsext_host_name(options.host.encode("idna"))
        connection.set_connect_state()
        start = time.perf_counter()
        connection.do_handshake()
        took = time.perf_counter() - start
        if options.ca:
            from verify_host import check_host

            check_host(
                connection.get_peer_certificate(as_cryptography=True), options.host
            )
        print(f"{describe(connection)}, {1000 * took:.1f} ms", file=sys.stderr)
        start = time.perf_counter()
        words = [word.encode() + b"\n" for word in options.message]
        total = exchange(connection, words or sys.stdin.buffer)
        took = time.perf_counter() - start
        close(connection)
    print(f"{total} bytes there and back in {1000 * took:.1f} ms", file=sys.stderr)


def parse_arguments() -> argparse.Namespace:
    parser = network_parser("A TLS echo client.")
    server = parser.add_mutually_exclusive_group(required=True)
    server.add_argument("--trust", metavar="PEM", help="the server's own certificate")
    server.add_argument(
        "--ca", metavar="PEM", help="an authority, who says which host it is"
    )
    parser.add_argument(
        "--cert", metavar="PEM", help="our certificate, if the server asks for one"
    )
    parser.add_argument(
        "--key", metavar="PEM", help="our key, if not in the file of --cert"
    )
    parser.add_argument(
        "--tls", choices=["1.2", "1.3"], default="1.3", help="highest version"
    )
    parser.add_argument(
        "message", nargs="*", help="lines to send; without any, standard input"
    )
    return parser.parse_args()


def main() -> None:
    run_client(parse_arguments())


if __name__ == "__main__":
    sys.exit(run(main))
