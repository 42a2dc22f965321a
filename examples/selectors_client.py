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
from reports import reason
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


def run(lives: dict[socket.socket, Steps[None]], patience: float) -> None:
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


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Many TLS connections to an echo server."
    )
    parser.add_argument("--host", default="localhost", help="the server (%(default)s)")
    parser.add_argument("--port", default=8443, type=int, help="its port (%(default)s)")
    parser.add_argument(
        "--ca", metavar="PEM", required=True, help="the server's authority"
    )
    parser.add_argument(
        "--identity", metavar="PEM", required=True, help="key and certificate"
    )
    parser.add_argument(
        "--connections", default=10, type=int, help="how many (%(default)s)"
    )
    parser.add_argument(
        "--messages", default=10, type=int, help="on each (%(default)s)"
    )
    parser.add_argument(
        "--largest", default=100_000, type=int, help="in bytes (%(default)s)"
    )
    parser.add_argument(
        "--patience", default=30, type=float, help="in seconds (%(default)s)"
    )
    options = parser.parse_args()

    sockets: list[socket.socket] = []
    try:
        context = make_client_context(options.ca, options.identity)
        family, kind, _, _, address = socket.getaddrinfo(
            options.host, options.port, socket.AF_INET, socket.SOCK_STREAM
        )[0]
        start = time.perf_counter()
        lives = {}
        total = 0
        for _ in range(options.connections):
            sizes = [
                0,
                *(
                    random.randint(1, options.largest)
                    for _ in range(options.messages - 1)
                ),
            ]
            total += sum(sizes)
            sock = socket.socket(family, kind)
            sock.setblocking(False)
            sockets.append(sock)
            connection = SSL.Connection(context, sock)
            messages = [os.urandom(size) for size in sizes]
            lives[sock] = talk(connection, address, options.host, messages)
        run(lives, options.patience)
    except SSL.Error as error:
        print(f"TLS failed: {reason(error)}", file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        print(f"Failed: {error}", file=sys.stderr)
        return 1
    finally:
        for sock in sockets:
            sock.close()
    took = time.perf_counter() - start
    count = options.connections
    print(f"{count} connections, {total} bytes there and back, in {took:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
