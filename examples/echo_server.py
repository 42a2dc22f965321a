"""A TLS echo server: blocking sockets, and one thread for each client.

    python echo_server.py
    python echo_server.py --cert pki/localhost.pem --client-ca pki/ca.pem
    python echo_server.py --cert server.pem --key server.key --http

Without --cert it makes a certificate for this run and, with --save-cert, writes it to a
file which a client can be told to trust. Ctrl-C ends the server: it hangs up on its
clients and waits for their threads.
"""

from __future__ import annotations

import argparse
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from OpenSSL import SSL, crypto

from mutual_tls import require_client_certificate
from options import network_parser
from reports import reason, report, run
from self_signed import self_signed

# pyOpenSSL would rather have certificates handled by `cryptography`. This program wants
# nothing but OpenSSL itself.
warnings.filterwarnings("ignore", "X509|Passing pyOpenSSL", DeprecationWarning)

MAX_REQUEST = 64 * 1024

Talk = Callable[[SSL.Connection], None]


def make_context(options: argparse.Namespace) -> SSL.Context:
    """Put the settings that all connections share into a context."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    if options.cert:
        context.use_certificate_chain_file(options.cert)
        context.use_privatekey_file(options.key or options.cert)
    else:
        key, certificate = self_signed(options.host)
        context.use_certificate(certificate)
        context.use_privatekey(key)
        if options.save_cert:
            pem = crypto.dump_certificate(crypto.FILETYPE_PEM, certificate)
            Path(options.save_cert).write_bytes(pem)
    context.check_privatekey()
    if options.client_ca:
        require_client_certificate(context, options.client_ca)
    if options.http:
        context.set_alpn_select_callback(select_http)
    return context


def select_http(connection: SSL.Connection, offered: list[bytes]) -> Any:
    """Answer a client's ALPN offer: HTTP/1.1, or none of them."""
    return b"http/1.1" if b"http/1.1" in offered else SSL.NO_OVERLAPPING_PROTOCOLS


def describe(connection: SSL.Connection) -> str:
    """Say in one line what was negotiated, and with whom."""
    certificate = connection.get_peer_certificate()
    name = certificate.get_subject().CN if certificate else None
    facts = [
        connection.get_protocol_version_name(),
        connection.get_cipher_name(),
        connection.get_group_name(),
        connection.get_alpn_proto_negotiated().decode(),
        name and f"client {name}",
    ]
    return ", ".join(fact for fact in facts if fact)


def echo(connection: SSL.Connection) -> None:
    """Send back what comes, until the client says that it is done."""
    while True:
        try:
            data = connection.recv(16 * 1024)
        except SSL.ZeroReturnError:
            return
        connection.sendall(data)


def answer_http(connection: SSL.Connection) -> None:
    """Answer one HTTP request, whatever it asks for, with who is there."""
    request = b""
    while b"\r\n\r\n" not in request and len(request) < MAX_REQUEST:
        try:
            request += connection.recv(4096)
        except SSL.ZeroReturnError:
            return
    body = describe(connection).encode() + b"\n"
    head = (
        "HTTP/1.1 200 OK\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n"
        "\r\n"
    )
    connection.sendall(head.encode() + body)


def serve_client(
    context: SSL.Context, client: socket.socket, name: str, talk: Talk
) -> None:
    """Live one client's life, from the handshake to the last close_notify."""
    with client:
        connection = SSL.Connection(context, client)
        connection.set_accept_state()
        try:
            start = time.perf_counter()
            connection.do_handshake()
            took = time.perf_counter() - start
            report(f"{name}: {describe(connection)}, {1000 * took:.1f} ms")
            talk(connection)
            connection.shutdown()
        except SSL.SysCallError as error:
            report(f"{name}: gone without goodbye ({error.args[-1]})")
        except SSL.Error as error:
            report(f"{name}: {reason(error)}")
        else:
            report(f"{name}: done")


def serve(context: SSL.Context, listener: socket.socket, talk: Talk) -> None:
    """Give each client a thread, until Ctrl-C; then hang up on them all."""
    clients: dict[threading.Thread, socket.socket] = {}
    try:
        while True:
            client, address = listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            name = "{}:{}".format(*address)
            arguments = (context, client, name, talk)
            thread = threading.Thread(target=serve_client, args=arguments)
            clients = {t: c for t, c in clients.items() if t.is_alive()}
            clients[thread] = client
            thread.start()
    except KeyboardInterrupt:
        report("closing")
    finally:
        for thread, client in clients.items():
            hang_up(client)
            thread.join()


def hang_up(client: socket.socket) -> None:
    """Wake the thread of this client: its next read finds the end of the stream."""
    try:
        client.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # closed by now


def parse_arguments() -> argparse.Namespace:
    parser = network_parser("A TLS echo server.")
    parser.add_argument(
        "--cert", metavar="PEM", help="certificate and chain; made if not options"
    )
    parser.add_argument(
        "--key", metavar="PEM", help="private key, if not in the file of --cert"
    )
    parser.add_argument(
        "--save-cert", metavar="PEM", help="where to write a certificate made"
    )
    parser.add_argument(
        "--client-ca", metavar="PEM", help="clients need a certificate of this CA"
    )
    parser.add_argument(
        "--http", action="store_true", help="answer HTTP requests, do not echo"
    )
    return parser.parse_args()


def main() -> None:
    options = parse_arguments()
    context = make_context(options)
    with socket.create_server((options.host, options.port)) as listener:
        report("listening on {}:{}".format(*listener.getsockname()))
        serve(context, listener, answer_http if options.http else echo)


if __name__ == "__main__":
    sys.exit(run(main))
