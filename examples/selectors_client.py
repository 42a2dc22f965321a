"""Many connections to an echo server at once, in one thread, over `selectors`.

    python selectors_client.py --ca pki/ca.pem --identity pki/alice.pem --connections 50

Each connection sends messages with their length before them (messages.py), of sizes
from nothing to --largest, and checks that they come back as they were.
"""

from __future__ import annotations

import argparse
import os
import random
import selectors
import socket
import sys
import time
from typing import Any

from OpenSSL import SSL

from messages import Inbox
from mutual_tls import make_client_context
from options import mutual_parser
from reports import run
from steps import Steps, receive_messages, retry, send_message
from verify_host import check_host


def talk(
    connection: SSL.Connection, address: Any, host: str, messages: list[bytes]
) -> Steps[None]:
    """Live the life of one connection; fail unless every message comes back."""
    if connection.connect_ex(address):  # as a rule: it is under way
        yield selectors.EVENT_WRITE
    code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))
    connection.set_tlsext_host_name(host.encode())
    yield from retry(connection.do_handshake)
    check_host(connection.get_peer_certificate(as_cryptography=True), host)
    inbox = Inbox()
    for message in messages:
        yield from send_message(connection, message)
        echo = yield from receive_messages(connection, inbox)
        if echo != [message]:
            raise ValueError(f"sent {len(message)} bytes, and other ones came back")
    while not (yield from retry(connection.shutdown)):
        pass  # until the server has said goodbye, too


def live(lives: dict[socket.socket, Steps[None]], patience: float) -> None:
    """Let all connections live, each when its socket is ready for it."""
    with selectors.DefaultSelector() as selector:
        for sock, steps in lives.items():
            selector.register(sock, next(steps), steps)
        while selector.get_map():
            ready = selector.select(patience)
            if not ready:
                raise TimeoutError("the server does not answer")
            for key, _ in ready:
                try:
                    selector.modify(key.fileobj, next(key.data), key.data)
                except StopIteration:
                    selector.unregister(key.fileobj)


def parse_arguments() -> argparse.Namespace:
    parser = mutual_parser("Many TLS connections to an echo server.")
    for name, default, help in (
        ("--connections", 10, "how many"),
        ("--messages", 10, "on each"),
        ("--largest", 100_000, "in bytes"),
        ("--patience", 30, "in seconds"),
    ):
        parser.add_argument(
            name, default=default, type=int, help=f"{help} (%(default)s)"
        )
    return parser.parse_args()


def main() -> None:
    options = parse_arguments()
    context = make_client_context(options.ca, options.identity)
    family, kind, _, _, address = socket.getaddrinfo(
        options.host, options.port, socket.AF_INET, socket.SOCK_STREAM
    )[0]
    start = time.perf_counter()
    total = 0
    lives: dict[socket.socket, Steps[None]] = {}
    try:
        for _ in range(options.connections):
            messages = make_messages(options.messages, options.largest)
            total += sum(map(len, messages))
            sock = socket.socket(family, kind)
            sock.setblocking(False)
            connection = SSL.Connection(context, sock)
            lives[sock] = talk(connection, address, options.host, messages)
        live(lives, options.patience)
    finally:
        for sock in lives:
            sock.close()
    took = time.perf_counter() - start
    count = options.connections
    print(f"{count} connections, {total} bytes there and back, in {took:.2f} s")


def make_messages(count: int, largest: int) -> list[bytes]:
    """Messages of any size; the first one has none."""
    return [b"", *(os.urandom(random.randint(1, largest)) for _ in range(count - 1))]


if __name__ == "__main__":
    sys.exit(run(main))
