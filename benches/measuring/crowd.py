"""A process that holds many connections open: `python -m measuring.crowd KIND IDENTITIES SOCKET`.

`memory` connections are pairs with memory buffers, both ends in this process. `sockets` are servers
of clients in another process (crowd_clients.py), which it listens for at the path SOCKET. scale.py
asks, in lines of JSON: to grow to so many, to pass a message over each, how much memory they take.
"""

from __future__ import annotations

import abc
import gc
import json
import resource
import selectors
import socket
import sys
from pathlib import Path
from typing import Any

from measuring.library import RECORD, ROOM
from measuring.meters import resident, timed
from measuring.pyopenssl import PyOpenSSL

MESSAGE = bytes(64)


class Crowd(abc.ABC):
    def __init__(self, library: PyOpenSSL) -> None:
        self._library = library
        self._contexts = library.contexts()
        self._warm = library.connect(self._contexts)[:2]
        self.members: list[Any] = []

    def warm_up(self) -> None:
        """Pass messages that do not count, over a connection that does not, either.

        The processor has just done something else, and finds its caches cold: with one connection
        that would be most of what is measured, with thousands next to nothing.
        """
        for _ in range(50):
            exchange(*self._warm)

    @abc.abstractmethod
    def add(self) -> None:
        """One more connection, with its handshake done."""

    def grow(self, size: int) -> None:
        while len(self.members) < size:
            self.add()

    @abc.abstractmethod
    def pass_messages(self, number: int) -> None:
        """So many messages over each."""


class MemoryCrowd(Crowd):
    """Pairs; a message goes from the client to the server and is answered."""

    def add(self) -> None:
        client, server, _ = self._library.connect(self._contexts)
        self.members.append((client, server))

    def pass_messages(self, number: int) -> None:
        for _ in range(number):
            for client, server in self.members:
                exchange(client, server)


def exchange(client: Any, server: Any) -> None:
    """A message and its answer, in memory."""
    client.send(MESSAGE)
    server.bio_write(client.bio_read(ROOM))
    server.send(server.recv(RECORD))
    client.bio_write(server.bio_read(ROOM))
    client.recv(RECORD)


class SocketCrowd(Crowd):
    """Servers; a message that has arrived is read and answered."""

    def __init__(self, library: PyOpenSSL, path: str) -> None:
        super().__init__(library)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()

    def add(self) -> None:
        accepted, _ = self._listener.accept()
        accepted.setblocking(False)
        connection = self._library.SSL.Connection(self._contexts[1], accepted)
        connection.set_accept_state()
        with selectors.DefaultSelector() as selector:
            selector.register(accepted, selectors.EVENT_READ)
            while True:
                try:
                    connection.do_handshake()
                    break
                except self._library.SSL.WantReadError:
                    selector.select()
        self.members.append(connection)

    def pass_messages(self, number: int) -> None:
        for _ in range(number):
            for connection in self.members:
                connection.send(connection.recv(RECORD))


def allow_descriptors() -> int:
    """Allow as many descriptors as may be allowed; returns how many."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def main() -> None:
    kind, identities, path = sys.argv[1:]
    library = PyOpenSSL(Path(identities))
    crowd: Crowd = MemoryCrowd(library) if kind == "memory" else SocketCrowd(library, path)
    print(json.dumps({"descriptors": allow_descriptors()}), flush=True)
    gc.collect()
    start = resident()
    for line in sys.stdin:
        request = json.loads(line)
        answer: dict[str, float]
        if "grow" in request:
            answer = timed(crowd.grow, request["grow"])
        elif "memory" in request:
            gc.collect()
            answer = {"memory": resident() - start}
        else:
            crowd.warm_up()
            answer = timed(crowd.pass_messages, request["message"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
