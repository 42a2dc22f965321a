"""Sockets joined to each other, directly or by a relay that loses or reorders datagrams."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Callable

LOOPBACK = "127.0.0.1"
DATAGRAM = 1 << 16

Datagrams = Iterator[bytes]


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Two blocking TCP sockets connected to each other."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    for end in (client, server):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client, server


def udp_socket() -> socket.socket:
    """A UDP socket bound to a free port of the loopback interface."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind((LOOPBACK, 0))
    return bound


def udp_pair() -> tuple[socket.socket, socket.socket]:
    """Two UDP sockets connected to each other."""
    client, server = udp_socket(), udp_socket()
    client.connect(server.getsockname())
    server.connect(client.getsockname())
    return client, server


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


class Faulty:
    """One direction of a relay: what to forward when a datagram arrives, and when none does."""

    def __init__(self) -> None:
        self.seen = 0

    def arrive(self, datagram: bytes) -> Datagrams:
        self.seen += 1
        yield datagram

    def idle(self) -> Datagrams:
        yield from ()


class Lossy(Faulty):
    """Drops every third datagram."""

    dropped = 0

    def arrive(self, datagram: bytes) -> Datagrams:
        self.seen += 1
        if self.seen % 3 == 0:
            self.dropped += 1
        else:
            yield datagram


class Reordering(Faulty):
    """Lets every second datagram overtake the one before it."""

    swapped = 0
    _held: bytes | None = None

    def arrive(self, datagram: bytes) -> Datagrams:
        self.seen += 1
        if self._held is None:
            self._held = datagram
            return
        self.swapped += 1
        held, self._held = self._held, None
        yield datagram
        yield held

    def idle(self) -> Datagrams:
        if self._held is not None:
            held, self._held = self._held, None
            yield held


@contextmanager
def relayed_udp_pair(
    fault: Callable[[], Faulty],
) -> Iterator[tuple[socket.socket, socket.socket, tuple[Faulty, Faulty]]]:
    """Two UDP sockets joined by a relay that has the given fault in each direction."""
    client, server, near, far = (udp_socket() for _ in range(4))
    client.connect(near.getsockname())
    near.connect(client.getsockname())
    server.connect(far.getsockname())
    far.connect(server.getsockname())
    directions = {near: (far, fault()), far: (near, fault())}
    stop = threading.Event()

    def relay() -> None:
        while not stop.is_set():
            ready, _, _ = select.select(list(directions), [], [], 0.02)
            for source, (target, direction) in directions.items():
                datagrams = (
                    direction.arrive(source.recv(DATAGRAM)) if source in ready else direction.idle()
                )
                for datagram in datagrams:
                    try:
                        target.send(datagram)
                    except ConnectionRefusedError:  # that end has closed its socket
                        pass

    thread = threading.Thread(target=relay, daemon=True)
    thread.start()
    try:
        yield client, server, (directions[near][1], directions[far][1])
    finally:
        stop.set()
        thread.join()
        for end in (client, server, near, far):
            end.close()
