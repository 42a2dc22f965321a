"""The loops that are measured, for one TLS library: `OpenSSL`, whichever is installed, or `ssl`.

compare.py starts one worker for each library and asks it for one measurement at a time: a line with
the name of a case and a number of repetitions in, the seconds it took out.
"""

from __future__ import annotations

import abc
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

Loop = Callable[[int], None]

RECORD = 16 * 1024
MEBIBYTE = bytes(1024 * 1024)


class Library(abc.ABC):
    """One library; each method prepares a case and returns the loop to be timed."""

    def __init__(self, identity: str) -> None:
        self.identity = identity

    @abc.abstractmethod
    def version(self) -> str: ...

    @abc.abstractmethod
    def handshake(self, version: str) -> Loop:
        """A new pair of connections in memory, and a full handshake between them."""

    @abc.abstractmethod
    def message(self, size: int) -> Loop:
        """One message from the client to the server, through memory buffers."""

    @abc.abstractmethod
    def bulk(self) -> Loop:
        """One MiB from a client to a server in another thread, through a pair of sockets."""

    @abc.abstractmethod
    def pending(self) -> Loop:
        """The cheapest question there is: how much has been decrypted already?"""

    @abc.abstractmethod
    def want_read(self) -> Loop:
        """A read with nothing there, and the exception that says so."""


class PyOpenSSL(Library):
    def __init__(self, identity: str) -> None:
        super().__init__(identity)
        from OpenSSL import SSL

        self.SSL: Any = SSL

    def version(self) -> str:
        text: bytes = self.SSL.SSLeay_version(self.SSL.SSLEAY_VERSION)
        return text.decode()

    def contexts(self, version: str = "1.3") -> tuple[Any, Any]:
        SSL = self.SSL
        highest = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}[version]
        server = SSL.Context(SSL.TLS_SERVER_METHOD)
        server.use_certificate_file(self.identity)
        server.use_privatekey_file(self.identity)
        client = SSL.Context(SSL.TLS_CLIENT_METHOD)
        client.set_max_proto_version(highest)
        client.load_verify_locations(self.identity)
        client.set_verify(SSL.VERIFY_PEER)
        return client, server

    def connect(self, contexts: tuple[Any, Any]) -> tuple[Any, Any]:
        client = self.SSL.Connection(contexts[0], None)
        server = self.SSL.Connection(contexts[1], None)
        client.set_connect_state()
        server.set_accept_state()
        WantReadError = self.SSL.WantReadError
        ends = [(client, server), (server, client)]
        unfinished = {client, server}
        while unfinished:
            for end, peer in ends:
                try:
                    end.do_handshake()
                    unfinished.discard(end)
                except WantReadError:
                    pass
                try:
                    peer.bio_write(end.bio_read(RECORD))
                except WantReadError:
                    pass
        return client, server

    def handshake(self, version: str) -> Loop:
        contexts = self.contexts(version)

        def loop(number: int) -> None:
            for _ in range(number):
                self.connect(contexts)

        return loop

    def message(self, size: int) -> Loop:
        client, server = self.connect(self.contexts())
        data = bytes(size)

        def loop(number: int) -> None:
            for _ in range(number):
                client.send(data)
                server.bio_write(client.bio_read(2 * RECORD))
                server.recv(RECORD)

        return loop

    def bulk(self) -> Loop:
        contexts = self.contexts()
        ours, theirs = socket.socketpair()
        client = self.SSL.Connection(contexts[0], ours)
        server = self.SSL.Connection(contexts[1], theirs)
        client.set_connect_state()
        server.set_accept_state()
        return bulk_loop(client, server)

    def pending(self) -> Loop:
        client, _ = self.connect(self.contexts())

        def loop(number: int) -> None:
            for _ in range(number):
                client.pending()

        return loop

    def want_read(self) -> Loop:
        client, _ = self.connect(self.contexts("1.2"))
        WantReadError = self.SSL.WantReadError

        def loop(number: int) -> None:
            for _ in range(number):
                try:
                    client.recv(RECORD)
                except WantReadError:
                    pass

        return loop


class Stdlib(Library):
    def version(self) -> str:
        return ssl.OPENSSL_VERSION

    def contexts(self, version: str = "1.3") -> tuple[ssl.SSLContext, ssl.SSLContext]:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(self.identity)
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[
            version
        ]
        client.check_hostname = False
        client.load_verify_locations(self.identity)
        return client, server

    def connect(self, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> tuple[Any, ...]:
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = contexts[0].wrap_bio(down, up)
        server = contexts[1].wrap_bio(up, down, server_side=True)
        unfinished = {client, server}
        while unfinished:
            for end in (client, server):
                try:
                    end.do_handshake()
                    unfinished.discard(end)
                except ssl.SSLWantReadError:
                    pass
        return client, server, up, down

    def handshake(self, version: str) -> Loop:
        contexts = self.contexts(version)

        def loop(number: int) -> None:
            for _ in range(number):
                self.connect(contexts)

        return loop

    def message(self, size: int) -> Loop:
        client, server, up, _ = self.connect(self.contexts())
        data = bytes(size)

        def loop(number: int) -> None:
            for _ in range(number):
                client.write(data)
                up.write(up.read(2 * RECORD))  # as much copying as with buffers of two owners
                server.read(RECORD)

        return loop

    def bulk(self) -> Loop:
        contexts = self.contexts()
        ours, theirs = socket.socketpair()
        client = contexts[0].wrap_socket(ours, do_handshake_on_connect=False)
        server = contexts[1].wrap_socket(theirs, server_side=True, do_handshake_on_connect=False)
        return bulk_loop(client, server)

    def pending(self) -> Loop:
        client = self.connect(self.contexts())[0]

        def loop(number: int) -> None:
            for _ in range(number):
                client.pending()

        return loop

    def want_read(self) -> Loop:
        client = self.connect(self.contexts("1.2"))[0]
        WantReadError = ssl.SSLWantReadError

        def loop(number: int) -> None:
            for _ in range(number):
                try:
                    client.read(RECORD)
                except WantReadError:
                    pass

        return loop


CASES: dict[str, Callable[[Library], Loop]] = {
    "handshake, TLS 1.2": lambda library: library.handshake("1.2"),
    "handshake, TLS 1.3": lambda library: library.handshake("1.3"),
    "message, 64 B": lambda library: library.message(64),
    "message, 1 KiB": lambda library: library.message(1024),
    "message, 16 KiB": lambda library: library.message(RECORD),
    "bulk over sockets, 1 MiB": lambda library: library.bulk(),
    "pending()": lambda library: library.pending(),
    "nothing to read": lambda library: library.want_read(),
}


def bulk_loop(client: Any, server: Any) -> Loop:
    """Send from this thread, receive in another, which answers when it has all of it."""

    def receive() -> None:
        server.do_handshake()
        buffer = bytearray(RECORD)
        while True:
            left = len(MEBIBYTE)
            while left:
                left -= server.recv_into(buffer, min(left, RECORD))
            server.sendall(b".")

    threading.Thread(target=receive, daemon=True).start()
    client.do_handshake()

    def loop(number: int) -> None:
        for _ in range(number):
            client.sendall(MEBIBYTE)
            client.recv(1)

    return loop


def main() -> None:
    kind, identity = sys.argv[1:]
    library: Library = PyOpenSSL(identity) if kind == "OpenSSL" else Stdlib(identity)
    print(library.version(), flush=True)
    loops: dict[str, Loop] = {}
    for line in sys.stdin:
        name, _, number = line.strip().rpartition("\t")
        if name not in loops:
            loops[name] = CASES[name](library)
        loop = loops[name]
        start = time.perf_counter()
        loop(int(number))
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
