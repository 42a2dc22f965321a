"""The standard library's `ssl`."""

from __future__ import annotations

import platform
import socket
import ssl
from pathlib import Path
from typing import Any

from measuring.library import RECORD, ROOM, Library, Loop

Contexts = tuple[ssl.SSLContext, ssl.SSLContext]


class Stdlib(Library):
    def __init__(self, identities: Path) -> None:
        super().__init__(identities)

    def describe(self) -> dict[str, str]:
        return {
            "library": "ssl",
            "version": platform.python_version(),
            "openssl": ssl.OPENSSL_VERSION,
            "python": platform.python_version(),
        }

    def contexts(self, version: str = "1.3", key: str = "ecdsa") -> Contexts:
        """A client's, which verifies, and a server's."""
        highest = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(self.identity(key))
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.maximum_version = highest
        client.check_hostname = False
        client.load_verify_locations(self.identity(key))
        return client, server

    def connect(self, contexts: Contexts, session: Any = None) -> tuple[Any, ...]:
        """Shakes hands; returns both ends and the buffers, to the server and to the client."""
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = contexts[0].wrap_bio(down, up, session=session)
        server = contexts[1].wrap_bio(up, down, server_side=True)
        client_done = server_done = False
        while not (client_done and server_done):
            if not client_done:
                try:
                    client.do_handshake()
                    client_done = True
                except ssl.SSLWantReadError:
                    pass
            if not server_done:
                try:
                    server.do_handshake()
                    server_done = True
                except ssl.SSLWantReadError:
                    pass
        return client, server, up, down

    def handshake(self, version: str, key: str) -> Loop:
        contexts = self.contexts(version, key)

        def loop(number: int) -> None:
            for _ in range(number):
                self.connect(contexts)

        return loop

    def resumption(self, version: str) -> Loop:
        contexts = self.contexts(version)
        first = self.connect(contexts)
        try:
            first[0].read(1)  # the tickets
        except ssl.SSLWantReadError:
            pass
        session = first[0].session
        assert self.connect(contexts, session)[0].session_reused

        def loop(number: int) -> None:
            for _ in range(number):
                self.connect(contexts, session)

        return loop

    def message(self, size: int) -> Loop:
        client, server, up, _ = self.connect(self.contexts())
        data = bytes(size)

        def loop(number: int) -> None:
            for _ in range(number):
                client.write(data)
                up.write(up.read(ROOM))  # as much copying as with buffers of two owners
                server.read(RECORD)

        return loop

    def message_into(self, size: int) -> Loop:
        client, server, up, _ = self.connect(self.contexts())
        data = bytes(size)
        buffer = bytearray(RECORD)

        def loop(number: int) -> None:
            for _ in range(number):
                client.write(data)
                up.write(up.read(ROOM))
                server.read(RECORD, buffer)

        return loop

    def connected(self) -> tuple[Any, Any]:
        contexts = self.contexts()
        ours, theirs = socket.socketpair()
        client = contexts[0].wrap_socket(ours, do_handshake_on_connect=False)
        server = contexts[1].wrap_socket(theirs, server_side=True, do_handshake_on_connect=False)
        return client, server

    def pending(self) -> Loop:
        client = self.connect(self.contexts())[0]

        def loop(number: int) -> None:
            for _ in range(number):
                client.pending()

        return loop

    def nothing_to_read(self) -> Loop:
        client = self.connect(self.contexts())[0]
        WantReadError = ssl.SSLWantReadError

        def loop(number: int) -> None:
            for _ in range(number):
                try:
                    client.read(RECORD)
                except WantReadError:
                    pass

        return loop

    def trust_roots(self) -> Loop:
        roots = self.roots()

        def loop(number: int) -> None:
            for _ in range(number):
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(roots)

        return loop

    def pair(self) -> object:
        if not hasattr(self, "_contexts"):
            self._contexts = self.contexts()
        client, server, up, down = self.connect(self._contexts)
        client.write(b"ping")
        server.write(server.read(RECORD))
        client.read(RECORD)
        return client, server, up, down
