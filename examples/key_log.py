"""Write down the keys of a connection, so that a recording of it can be read.

    python key_log.py --log keys.txt --ca pki/ca.pem "GET / HTTP/1.0"

Connects to a server, sends it a line and prints what it answers first. The keys go to a
file in the format that Wireshark reads: whoever has it can read all that was said. It
needs the package `cryptography`.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import Callable

from OpenSSL import SSL

from options import network_parser
from reports import run
from verify_host import check_host


def log_keys(context: SSL.Context, path: str) -> Callable[[], None]:
    """Have connections of a context append their keys to a file that only we may read.

    Returns the function that closes the file.
    """
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(connection: SSL.Connection, line: bytes) -> None:
        os.write(handle, line + b"\n")  # at once: threads do not mix their lines

    context.set_keylog_callback(write)
    return lambda: os.close(handle)


def ask(context: SSL.Context, host: str, port: int, question: str) -> bytes:
    with socket.create_connection((host, port)) as sock:
        connection = SSL.Connection(context, sock)
        connection.set_tlsext_host_name(host.encode("idna"))
        connection.set_connect_state()
        connection.do_handshake()
        check_host(connection.get_peer_certificate(as_cryptography=True), host)
        connection.sendall(question.encode() + b"\r\n")
        answer = connection.recv(16 * 1024)
        connection.shutdown()
    return answer


def main() -> None:
    parser = network_parser("Write down the keys of a connection.")
    parser.add_argument("--ca", metavar="PEM", required=True, help="whom to trust")
    parser.add_argument("--log", metavar="FILE", required=True, help="for the keys")
    parser.add_argument("question", help="a line to send")
    options = parser.parse_args()
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.load_verify_locations(options.ca)
    context.set_verify(SSL.VERIFY_PEER)
    close = log_keys(context, options.log)
    try:
        answer = ask(context, options.host, options.port, options.question)
    finally:
        close()
    print(answer.decode(errors="replace"), end="")


if __name__ == "__main__":
    sys.exit(run(main))
