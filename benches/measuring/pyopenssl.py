"""The package `OpenSSL`, whichever is installed: pyOpenSSL or this one."""

from __future__ import annotations

import platform
import socket
from pathlib import Path
from typing import Any

from measuring.library import RECORD, ROOM, Library, Loop


class PyOpenSSL(Library):
    def __init__(self, identities: Path) -> None:
        super().__init__(identities)
        from OpenSSL import SSL

        self.SSL: Any = SSL

    def describe(self) -> dict[str, str]:
        import OpenSSL

        version: bytes = self.SSL.SSLeay_version(self.SSL.SSLEAY_VERSION)
        return {
            "library": "pyopenssl-rs" if hasattr(OpenSSL, "_rust") else "pyOpenSSL",
            "version": OpenSSL.__version__,
            "openssl": version.decode(),
            "python": platform.python_version(),
        }

    def contexts(self, version: str = "1.3", key: str = "ecdsa") -> tuple[Any, Any]:
        """A client's, which verifies, and a server's."""
        SSL = self.SSL
        highest = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}[version]
        server = SSL.Context(SSL.TLS_SERVER_METHOD)
        server.use_certificate_file(self.identity(key))
        server.use_privatekey_file(self.identity(key))
        client = SSL.Context(SSL.TLS_CLIENT_METHOD)
        client.set_max_proto_version(highest)
        client.load_verify_locations(self.identity(key))
        client.set_verify(SSL.VERIFY_PEER)
        return client, server

    def ends(self, contexts: tuple[Any, Any], session: Any = None) -> tuple[Any, Any]:
        client = self.SSL.Connection(contexts[0], None)
        server = self.SSL.Connection(contexts[1], None)
        client.set_connect_state()
        server.set_accept_state()
        if session is not None:
            client.set_session(session)
        return client, server

    def connect(self, contexts: tuple[Any, Any], session: Any = None) -> tuple[Any, Any, int]:
        """Shakes hands; returns both ends and how many bytes the server has written."""
        client, server = self.ends(contexts, session)
        WantReadError = self.SSL.WantReadError
        written = 0
        unfinished = [(client, server), (server, client)]
        while unfinished:
            for end, peer in tuple(unfinished):
                try:
                    end.do_handshake()
                    unfinished.remove((end, peer))
                except WantReadError:
                    pass
                try:
                    data = end.bio_read(ROOM)
                except WantReadError:
                    continue
                if end is server:
                    written += len(data)
                peer.bio_write(data)
        return client, server, written

    def handshake(self, version: str, key: str) -> Loop:
        contexts = self.contexts(version, key)

        def loop(number: int) -> None:
            for _ in range(number):
                self.connect(contexts)

        return loop

    def resumption(self, version: str) -> Loop:
        contexts = self.contexts(version)
        # pyOpenSSL spoils the session of a connection that is dropped without a shutdown.
        closed = self.SSL.SENT_SHUTDOWN | self.SSL.RECEIVED_SHUTDOWN
        client, _server, full = self.connect(contexts)
        try:
            client.recv(1)  # the tickets
        except self.SSL.WantReadError:
            pass
        session = client.get_session()
        client.set_shutdown(closed)

        def loop(number: int) -> None:
            total = 0
            for _ in range(number):
                client, _server, written = self.connect(contexts, session)
                client.set_shutdown(closed)
                total += written
            assert total < number * (full - 300), "the server has shown its certificate again"

        return loop

    def message(self, size: int) -> Loop:
        client, server, _ = self.connect(self.contexts())
        data = bytes(size)

        def loop(number: int) -> None:
            for _ in range(number):
                client.send(data)
                server.bio_write(client.bio_read(ROOM))
                server.recv(RECORD)

        return loop

    def message_into(self, size: int) -> Loop:
        client, server, _ = self.connect(self.contexts())
        data = bytes(size)
        buffer = bytearray(RECORD)

        def loop(number: int) -> None:
            for _ in range(number):
                client.send(data)
                server.bio_write(client.bio_read(ROOM))
                server.recv_into(buffer)

        return loop

    def connected(self) -> tuple[Any, Any]:
        contexts = self.contexts()
        ours, theirs = socket.socketpair()
        client = self.SSL.Connection(contexts[0], ours)
        server = self.SSL.Connection(contexts[1], theirs)
        client.set_connect_state()
        server.set_accept_state()
        return client, server

    def pending(self) -> Loop:
        client, _server, _ = self.connect(self.contexts())

        def loop(number: int) -> None:
            for _ in range(number):
                client.pending()

        return loop

    def nothing_to_read(self) -> Loop:
        client, _server, _ = self.connect(self.contexts())
        WantReadError = self.SSL.WantReadError

        def loop(number: int) -> None:
            for _ in range(number):
                try:
                    client.recv(RECORD)
                except WantReadError:
                    pass

        return loop

    def trust_roots(self) -> Loop:
        SSL = self.SSL
        roots = self.roots()

        def loop(number: int) -> None:
            for _ in range(number):
                SSL.Context(SSL.TLS_CLIENT_METHOD).load_verify_locations(roots)

        return loop

    def pair(self) -> object:
        if not hasattr(self, "_contexts"):
            self._contexts = self.contexts()
        client, server, _ = self.connect(self._contexts)
        client.send(b"ping")
        server.bio_write(client.bio_read(ROOM))
        server.send(server.recv(RECORD))
        client.bio_write(server.bio_read(ROOM))
        client.recv(RECORD)
        return client, server
