"""An echo server and its client over UDP: mutual TLS for datagrams (DTLS, RFC 6347).

    python dtls_echo.py serve --ca pki/ca.pem --identity pki/localhost.pem
    python dtls_echo.py talk --ca pki/ca.pem --identity pki/alice.pem hello

The server keeps nothing for a client who has not shown, with a cookie, that datagrams
reach it: whoever forges the address of another one cannot make it work or talk much. It
serves all clients from one socket, each with a connection over memory buffers. Ctrl-C
ends it.
"""

from __future__ import annotations

import hmac
import secrets
import select
import socket
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import Any, Callable, TypeVar

from OpenSSL import SSL

from mutual_tls import make_client_context, make_server_context, peer_name
from options import serve_or_talk
from reports import reason, report, run
from steps import retry
from verify_host import check_host

T = TypeVar("T")

Address = tuple[Any, ...]

MTU = 1200  # bytes of a datagram that any network passes on whole
LARGEST = 1 << 16
RECORD_HEADER = 13  # bytes, of which the last two are the length of what follows
PATIENCE = 20  # seconds for a client who says nothing


class Cookies:
    """Cookies that say who got them, and that nobody but us can have made."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def make(self, connection: SSL.Connection) -> bytes:
        address: Address = connection.get_app_data()
        return hmac.digest(self._key, repr(address).encode(), "sha256")

    def is_good(self, connection: SSL.Connection, cookie: bytes) -> bool:
        return hmac.compare_digest(cookie, self.make(connection))


def make_listening_context(ca: str, identity: str) -> SSL.Context:
    context = make_server_context(ca, identity, SSL.DTLS_SERVER_METHOD)
    cookies = Cookies()
    context.set_cookie_generate_callback(cookies.make)
    context.set_cookie_verify_callback(cookies.is_good)
    return context


def limit_datagrams(connection: SSL.Connection) -> None:
    connection.set_options(SSL.OP_NO_QUERY_MTU)
    connection.set_ciphertext_mtu(MTU)


def outgoing(connection: SSL.Connection) -> Iterator[bytes]:
    """Take what a connection over memory buffers has to send, a datagram at a time."""
    try:
        data = connection.bio_read(LARGEST)
    except SSL.WantReadError:  # nothing
        return
    while data:
        size = RECORD_HEADER + int.from_bytes(
            data[RECORD_HEADER - 2 : RECORD_HEADER], "big"
        )
        yield data[:size]
        data = data[size:]


class Peer:
    """A client whose cookie was good, and the steps of its life."""

    def __init__(self, connection: SSL.Connection, name: str) -> None:
        self.connection = connection
        self.name = name
        self.steps = live(connection, name)
        self.heard = time.monotonic()


def live(connection: SSL.Connection, name: str) -> Iterator[int]:
    yield from retry(connection.do_handshake)
    report(f"{name}: {connection.get_protocol_version_name()}, {peer_name(connection)}")
    while True:
        try:
            message = yield from retry(partial(connection.recv, LARGEST))
        except SSL.ZeroReturnError:
            break
        connection.send(message)
    connection.shutdown()


class Server:
    def __init__(self, context: SSL.Context, sock: socket.socket) -> None:
        self._context = context
        self._socket = sock
        self._peers: dict[Address, Peer] = {}

    def serve(self) -> None:
        """Serve until Ctrl-C."""
        try:
            while True:
                if select.select([self._socket], [], [], self._timeout())[0]:
                    try:
                        datagram, address = self._socket.recvfrom(LARGEST)
                    except OSError:  # what the network says of a datagram sent earlier
                        continue
                    self._take(datagram, address)
                self._mind_timers()
        except KeyboardInterrupt:
            report("closing")

    def _take(self, datagram: bytes, address: Address) -> None:
        peer = self._peers.get(address)
        if peer is None:
            self._welcome(datagram, address)
            return
        peer.heard = time.monotonic()
        peer.connection.bio_write(datagram)
        self._advance(peer, address)

    def _welcome(self, datagram: bytes, address: Address) -> None:
        """Answer a stranger with a cookie, and know it only when it brings one."""
        connection = SSL.Connection(self._context)
        connection.set_accept_state()
        connection.set_app_data(address)
        limit_datagrams(connection)
        connection.bio_write(datagram)
        try:
            connection.DTLSv1_listen()
        except SSL.Error:  # no cookie, a bad one, or no greeting at all
            self._send(connection, address)
        else:
            peer = self._peers[address] = Peer(connection, "{}:{}".format(*address))
            self._advance(peer, address)

    def _advance(self, peer: Peer, address: Address) -> None:
        """Let a peer take a step, up to where it needs another datagram."""
        try:
            next(peer.steps)
        except StopIteration:
            self._forget(address, "done")
        except SSL.Error as error:
            self._forget(address, reason(error))
        self._send(peer.connection, address)

    def _send(self, connection: SSL.Connection, address: Address) -> None:
        for datagram in outgoing(connection):
            try:
                self._socket.sendto(datagram, address)
            except OSError:
                pass  # as good as lost on its way

    def _timeout(self) -> float:
        peers = self._peers.values()
        timeouts = [peer.connection.DTLSv1_get_timeout() for peer in peers]
        return min((each for each in timeouts if each is not None), default=PATIENCE)

    def _mind_timers(self) -> None:
        """Repeat what was not answered, and forget who has not been heard of."""
        for address, peer in list(self._peers.items()):
            if peer.heard + PATIENCE < time.monotonic():
                self._forget(address, "not heard of")
                continue
            try:
                peer.connection.DTLSv1_handle_timeout()
            except SSL.Error as error:
                self._forget(address, reason(error))
            self._send(peer.connection, address)

    def _forget(self, address: Address, why: str) -> None:
        report(f"{self._peers.pop(address).name}: {why}")


def persist(connection: SSL.Connection, call: Callable[[], T], patience: float) -> T:
    """Make a call until it succeeds; repeat what it sent where no answer comes."""
    end = time.monotonic() + patience
    while True:
        try:
            return call()
        except SSL.WantReadError:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("the server does not answer") from None
            timeout = connection.DTLSv1_get_timeout()
            wait = left if timeout is None else min(timeout, left)
            if not select.select([connection], [], [], wait)[0]:
                connection.DTLSv1_handle_timeout()


def ask(connection: SSL.Connection, message: bytes) -> bytes:
    """Send a message until its echo comes: DTLS repeats nothing but handshakes."""
    for patience in (1, 2, 4):
        connection.send(message)
        try:
            return persist(connection, partial(connection.recv, LARGEST), patience)
        except TimeoutError:
            continue
    raise TimeoutError("the server does not answer")


def talk(context: SSL.Context, host: str, port: int, words: list[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((host, port))
        sock.setblocking(False)
        connection = SSL.Connection(context, sock)
        limit_datagrams(connection)
        connection.set_tlsext_host_name(host.encode("idna"))
        connection.set_connect_state()
        persist(connection, connection.do_handshake, PATIENCE)
        check_host(connection.get_peer_certificate(as_cryptography=True), host)
        version = connection.get_protocol_version_name()
        print(f"{version}, {connection.get_cipher_name()}")
        for word in words:
            print(ask(connection, word.encode()).decode())
        connection.shutdown()


def main() -> None:
    options = serve_or_talk("Echo over DTLS.")
    if options.command == "serve":
        context = make_listening_context(options.ca, options.identity)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((options.host, options.port))
            report("listening on {}:{}".format(*sock.getsockname()))
            Server(context, sock).serve()
    else:
        method = SSL.DTLS_CLIENT_METHOD
        context = make_client_context(options.ca, options.identity, method)
        talk(context, options.host, options.port, options.word)


if __name__ == "__main__":
    sys.exit(run(main))
