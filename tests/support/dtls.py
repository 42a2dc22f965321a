"""Loops for connections over datagrams: waiting, and minding the timer when nothing comes."""

from __future__ import annotations

import select
import time
from typing import Callable, TypeVar

from OpenSSL import SSL

from support.tls import CHUNK, Pair, drain

T = TypeVar("T")

PATIENCE = 60


def persist(connection: SSL.Connection, call: Callable[[], T]) -> T:
    """Repeat ``call`` until it succeeds, on a UDP socket that does not block."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            return call()
        except SSL.WantReadError:
            timeout = connection.DTLSv1_get_timeout()
            ready, _, _ = select.select([connection], [], [], 0.5 if timeout is None else timeout)
            if not ready and timeout is not None:
                connection.DTLSv1_handle_timeout()
    raise TimeoutError("the peer did not answer")


def receive(connection: SSL.Connection) -> bytes:
    return persist(connection, lambda: connection.recv(CHUNK))


def records(flight: bytes) -> list[bytes]:
    """The records in what a connection wants to send; each fits into a datagram of its own."""
    header = 13
    cut = []
    while flight:
        size = header + int.from_bytes(flight[header - 2 : header], "big")
        cut.append(flight[:size])
        flight = flight[size:]
    return cut


def deliver(source: SSL.Connection, target: SSL.Connection) -> None:
    for record in records(drain(source)):
        target.bio_write(record)


def listen(pair: Pair) -> None:
    """Let the server, in memory, listen until it has seen a valid cookie."""
    for connection, call in (
        (pair.client, pair.client.do_handshake),
        (pair.server, pair.server.DTLSv1_listen),
        (pair.client, pair.client.do_handshake),
    ):
        try:
            call()
        except SSL.WantReadError:
            pass
        deliver(connection, pair.server if connection is pair.client else pair.client)
    pair.server.DTLSv1_listen()
