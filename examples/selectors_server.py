"""A mutual-TLS echo server for many clients in one thread, over `selectors`.

    python selectors_server.py --ca pki/ca.pem --identity pki/localhost.pem

Clients send messages with their length before them (messages.py) and get each one back.
A client who keeps the server waiting for longer than --patience is dropped, in its
handshake as at any other time, and one who does not read what it gets back is not read
from either: nobody can make the server hold more than a message or two for them. Ctrl-C
ends it.
"""

from __future__ import annotations

import selectors
import socket
import sys
import time
from collections.abc import Iterator

from OpenSSL import SSL

from messages import Inbox
from mutual_tls import make_server_context, peer_name
from options import mutual_parser
from reports import reason, report, run
from steps import receive_messages, retry, send_message


class Client:
    """One client: its socket, the steps of its life, and the time for the next."""

    def __init__(self, context: SSL.Context, sock: socket.socket, name: str) -> None:
        sock.setblocking(False)
        connection = SSL.Connection(context, sock)
        connection.set_accept_state()
        self.socket = sock
        self.name = name
        self.steps = live(connection, name)
        self.deadline = 0.0


def live(connection: SSL.Connection, name: str) -> Iterator[int]:
    """Live one client's life, from the handshake to the last close_notify."""
    yield from retry(connection.do_handshake)
    report(f"{name}: {connection.get_protocol_version_name()}, {peer_name(connection)}")
    inbox = Inbox()
    while True:
        messages = yield from receive_messages(connection, inbox)
        if not messages:
            break
        for message in messages:
            yield from send_message(connection, message)
    yield from retry(connection.shutdown)


class Server:
    def __init__(
        self, context: SSL.Context, listener: socket.socket, patience: float
    ) -> None:
        listener.setblocking(False)
        self._context = context
        self._listener = listener
        self._patience = patience
        self._clients: set[Client] = set()
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)

    def serve(self) -> None:
        """Serve until Ctrl-C; then hang up."""
        try:
            while True:
                for key, _ in self._selector.select(timeout=1):
                    if key.fileobj is self._listener:
                        self._accept()
                    else:
                        self._advance(key.data)
                now = time.monotonic()
                for client in [each for each in self._clients if each.deadline < now]:
                    self._drop(client, "too slow")
        except KeyboardInterrupt:
            report("closing")
        finally:
            for client in list(self._clients):
                self._drop(client, "hung up on")
            self._selector.close()

    def _accept(self) -> None:
        try:
            sock, address = self._listener.accept()
        except OSError:  # gone again, or there are too many
            return
        client = Client(self._context, sock, "{}:{}".format(*address))
        self._clients.add(client)
        self._selector.register(sock, selectors.EVENT_READ, client)
        self._advance(client)

    def _advance(self, client: Client) -> None:
        """Let a client take a step, up to where it has to wait again."""
        try:
            events = next(client.steps)
        except StopIteration:
            self._drop(client, "done")
        except SSL.SysCallError as error:
            self._drop(client, f"gone without goodbye ({error.args[-1]})")
        except SSL.Error as error:
            self._drop(client, reason(error))
        except ValueError as error:
            self._drop(client, str(error))
        else:
            client.deadline = time.monotonic() + self._patience
            self._selector.modify(client.socket, events, client)

    def _drop(self, client: Client, why: str) -> None:
        report(f"{client.name}: {why}")
        self._clients.remove(client)
        self._selector.unregister(client.socket)
        client.socket.close()


def main() -> None:
    parser = mutual_parser("A mutual-TLS echo server over selectors.")
    parser.add_argument(
        "--patience", default=30, type=float, help="in seconds (%(default)s)"
    )
    options = parser.parse_args()
    context = make_server_context(options.ca, options.identity)
    with socket.create_server((options.host, options.port)) as listener:
        report("listening on {}:{}".format(*listener.getsockname()))
        Server(context, listener, options.patience).serve()


if __name__ == "__main__":
    sys.exit(run(main))
