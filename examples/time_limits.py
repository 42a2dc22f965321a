"""Calls with a time limit, over a socket that does not block.

    python time_limits.py --ca pki/ca.pem --patience 5 hello

Sends a line to an echo server and waits for it to come back, for each call no longer
than --patience. It needs the package `cryptography`.
"""

from __future__ import annotations

import selectors
import socket
import sys
import time
from functools import partial
from typing import Callable, TypeVar

from OpenSSL import SSL

from options import network_parser
from reports import run
from verify_host import check_host

T = TypeVar("T")


def within(seconds: float, connection: SSL.Connection, call: Callable[[], T]) -> T:
    """Make a call until it need not wait any more; return what it returns.

    :raises TimeoutError: if that takes longer than `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return call()
        except SSL.WantReadError:
            events = selectors.EVENT_READ
        except SSL.WantWriteError:
            events = selectors.EVENT_WRITE
        with selectors.DefaultSelector() as selector:
            selector.register(connection, events)
            if not selector.select(max(0, deadline - time.monotonic())):
                raise TimeoutError("the peer takes too long")


def ask(
    host: str, port: int, context: SSL.Context, line: bytes, patience: float
) -> bytes:
    """Send a line, and wait for an answer of one line."""
    with socket.create_connection((host, port), timeout=patience) as sock:
        connection = SSL.Connection(context, sock)
        connection.set_tlsext_host_name(host.encode("idna"))
        connection.set_connect_state()
        within(patience, connection, connection.do_handshake)
        check_host(connection.get_peer_certificate(as_cryptography=True), host)
        while line:
            sent = within(patience, connection, partial(connection.send, line))
            line = line[sent:]
        answer = b""
        while not answer.endswith(b"\n"):
            answer += within(patience, connection, partial(connection.recv, 4096))
        connection.shutdown()
    return answer


def main() -> None:
    parser = network_parser("Ask an echo server, and do not wait for ever.")
    parser.add_argument("--ca", metavar="PEM", required=True, help="whom to trust")
    parser.add_argument(
        "--patience", default=5, type=float, help="in seconds (%(default)s)"
    )
    parser.add_argument("line", help="what to send")
    options = parser.parse_args()
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.load_verify_locations(options.ca)
    context.set_verify(SSL.VERIFY_PEER)
    line = options.line.encode() + b"\n"
    answer = ask(options.host, options.port, context, line, options.patience)
    print(answer.decode(errors="replace"), end="")


if __name__ == "__main__":
    sys.exit(run(main))
