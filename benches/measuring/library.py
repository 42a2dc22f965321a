"""What one TLS library has to be able to do, to be measured."""

from __future__ import annotations

import abc
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Does something so many times over.
Loop = Callable[[int], None]

RECORD = 16 * 1024
ROOM = 32 * 1024  # as much as most programs ask `bio_read` for, Twisted among them
BULK_WRITE = 256 * 1024
BULK_READ = 64 * 1024
BULK = 4 * BULK_WRITE  # one repetition
PING = bytes(64)


class Library(abc.ABC):
    """One library; each method prepares some work and returns the loop to be timed.

    Both ends are always of this library, and in this process.
    """

    def __init__(self, identities: Path) -> None:
        """`identities` is a folder that identities.py has filled."""
        self.identities = identities

    def identity(self, key: str) -> str:
        return str(self.identities / f"{key}.pem")

    def roots(self) -> str:
        return str(self.identities / "roots.pem")

    @abc.abstractmethod
    def describe(self) -> dict[str, str]:
        """Which library this is: its name, its version, its OpenSSL."""

    @abc.abstractmethod
    def message(self, size: int) -> Loop:
        """A message from the client to the server through memory buffers."""

    @abc.abstractmethod
    def message_into(self, size: int) -> Loop:
        """The same, received into memory of the caller's."""

    @abc.abstractmethod
    def connected(self) -> tuple[Any, Any]:
        """A client and a server over a pair of sockets, before the handshake.

        Both have `do_handshake`, `send`, `sendall`, `recv` and `recv_into`.
        """

    def bulk(self) -> Loop:
        """As much as `BULK` from this thread to another one, over a pair of sockets."""
        client, server = self.connected()
        data = bytes(BULK_WRITE)

        def receive() -> None:
            server.do_handshake()
            buffer = bytearray(BULK_READ)
            while True:
                left = int.from_bytes(server.recv(8), "big") * BULK
                while left:
                    left -= server.recv_into(buffer)
                server.send(b".")

        threading.Thread(target=receive, daemon=True).start()
        client.do_handshake()

        def loop(number: int) -> None:
            client.send(number.to_bytes(8, "big"))
            for _ in range(number * (BULK // BULK_WRITE)):
                client.sendall(data)
            client.recv(1)

        return loop

    def ping_pong(self) -> Loop:
        """A small message to another thread and back, over a pair of sockets."""
        client, server = self.connected()

        def answer() -> None:
            server.do_handshake()
            while True:
                server.send(server.recv(RECORD))

        threading.Thread(target=answer, daemon=True).start()
        client.do_handshake()

        def loop(number: int) -> None:
            for _ in range(number):
                client.send(PING)
                client.recv(RECORD)

        return loop

    @abc.abstractmethod
    def handshake(self, version: str, key: str) -> Loop:
        """A new client and server in memory, and a full handshake between them."""

    @abc.abstractmethod
    def resumption(self, version: str) -> Loop:
        """The same, with a session that is resumed."""

    def handshake_on_threads(self, threads: int) -> Loop:
        """Full handshakes of TLS 1.3, both ends of each in one of several threads."""
        shake = self.handshake("1.3", "ecdsa")

        def loop(number: int) -> None:
            others = [
                threading.Thread(target=shake, args=(number // threads,)) for _ in range(1, threads)
            ]
            for other in others:
                other.start()
            shake(number - len(others) * (number // threads))
            for other in others:
                other.join()

        return loop

    @abc.abstractmethod
    def pending(self) -> Loop:
        """The cheapest question there is: how much has been decrypted already?"""

    @abc.abstractmethod
    def nothing_to_read(self) -> Loop:
        """A read with nothing there, and the exception that says so."""

    @abc.abstractmethod
    def trust_roots(self) -> Loop:
        """A new context, and the same file of trusted certificates into it."""

    @abc.abstractmethod
    def pair(self) -> object:
        """A client and a server in memory that have shaken hands and exchanged a message."""
