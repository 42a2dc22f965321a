"""Signals at every moment: handlers that return disturb nothing, and those that raise are heeded.

The clock interrupts the process every half millisecond, and with it every system call that waits.
"""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Callable

from OpenSSL import SSL
from support.certificates import Authority
from support.network import tcp_pair
from support.threads import PATIENCE, background
from support.tls import (
    CHUNK,
    Pair,
    handshake_over_sockets,
    new_client_context,
    new_server_context,
    pair_over,
    receive_exactly,
)

from stress.documented import is_documented
from stress.measure import descriptors
from stress.program import Program

VERSIONS = (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION)
INTERVAL = 0.0005


class Alarm(Exception):
    """What a handler raises."""


@contextlib.contextmanager
def storm(handled: list[int]) -> Iterator[None]:
    """Signals all the time, whose handler only counts."""

    def count(*_: Any) -> None:
        handled[0] += 1

    before = signal.signal(signal.SIGALRM, count)
    signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Fleet:
    def __init__(self, authority: Authority) -> None:
        identity = authority.issue("localhost")
        self.contexts = {
            version: (new_client_context(authority, version), new_server_context(identity, version))
            for version in VERSIONS
        }

    def pair(self, version: int, ends: tuple[socket.socket, socket.socket]) -> Pair:
        return pair_over(*self.contexts[version], ends)


def converse(pair: Pair, ours: str, data: bytes) -> None:
    """A whole conversation in which the main thread is one end, and another thread the other."""
    mine: SSL.Connection = getattr(pair, ours)
    theirs = pair.server if ours == "client" else pair.client

    def answer() -> None:
        theirs.do_handshake()
        assert receive_exactly(theirs, len(data)) == data
        time.sleep(0.01)  # so that the other end has to wait
        assert theirs.sendall(data) == len(data)
        try:
            theirs.recv(1)
            raise AssertionError("there is more than was sent")
        except SSL.ZeroReturnError:
            theirs.shutdown()

    answering = background(answer)
    mine.do_handshake()
    assert mine.sendall(data) == len(data)
    assert mine.recv(1, socket.MSG_PEEK) == data[:1]
    buffer = bytearray(len(data))
    view = memoryview(buffer)
    while view:
        view = view[mine.recv_into(view) :]
    assert buffer == data
    assert mine.shutdown() is False
    assert mine.shutdown() is True
    answering.result(PATIENCE)


def undisturbed(fleet: Fleet, conversations: int, size: int) -> int:
    """Returns how many signals were handled meanwhile."""
    handled = [0]
    for number in range(conversations):
        ends = tcp_pair() if number % 2 else socket.socketpair()
        data = random.Random(number).randbytes(size)
        with storm(handled):
            converse(
                fleet.pair(VERSIONS[number % 2], ends), ("client", "server")[number // 2 % 2], data
            )
        for end in ends:
            end.close()
    assert handled[0]
    return handled[0]


# Calls that wait for ever, unless a handler raises.

Wait = Callable[[Pair, Pair], Any]

WAITING: dict[str, Wait] = {
    "recv": lambda connected, fresh: connected.server.recv(CHUNK),
    "recv_into": lambda connected, fresh: connected.server.recv_into(bytearray(10)),
    "peek": lambda connected, fresh: connected.client.recv(1, socket.MSG_PEEK),
    "sendall": lambda connected, fresh: connected.client.sendall(bytes(1 << 26)),
    "send": lambda connected, fresh: send_for_ever(connected.server),
    "handshake of a client": lambda connected, fresh: fresh.client.do_handshake(),
    "handshake of a server": lambda connected, fresh: fresh.server.do_handshake(),
    "handshake in recv": lambda connected, fresh: fresh.server.recv(1),
    "shutdown": lambda connected, fresh: (
        connected.client.shutdown(),
        connected.client.shutdown(),
    ),
}


def send_for_ever(connection: SSL.Connection) -> None:
    while True:
        connection.send(bytes(CHUNK))


def heeded(fleet: Fleet, chance: random.Random, rounds: int) -> float:
    """Returns the longest time from a signal to the end of the call, in seconds."""
    slowest = 0.0

    def ring(*_: Any) -> None:
        raise Alarm

    before = signal.signal(signal.SIGALRM, ring)
    try:
        for number in range(rounds):
            ends, others = socket.socketpair(), socket.socketpair()
            connected = handshake_over_sockets(fleet.pair(VERSIONS[number % 2], ends))
            fresh = fleet.pair(VERSIONS[number % 2], others)
            name = list(WAITING)[number % len(WAITING)]
            delay = chance.choice([0.0001, 0.001, 0.02])
            sent = time.monotonic() + delay
            try:
                signal.setitimer(signal.ITIMER_REAL, delay)
                WAITING[name](connected, fresh)
                raise AssertionError(f"{name} returned")
            except Alarm:
                slowest = max(slowest, time.monotonic() - sent)
            for end in (*connected, *fresh):
                try:  # what was interrupted may go on, or fail, but it may not hang
                    end.setblocking(False)
                    end.do_handshake()
                    end.recv(CHUNK)
                except SSL.Error as failure:
                    assert is_documented(failure)
            for each in (*ends, *others):
                each.close()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return slowest


def from_other_threads(fleet: Fleet, rounds: int) -> int:
    """A thread other than the main one waits; the signals are handled by the main thread."""
    handled = [0]
    for number in range(rounds):
        ends = socket.socketpair()
        pair = handshake_over_sockets(fleet.pair(VERSIONS[number % 2], ends))
        waiting = background(pair.server.recv, 5)
        with storm(handled):
            deadline = time.monotonic() + 0.02
            while time.monotonic() < deadline:
                time.sleep(0.001)
        pair.client.send(b"hello")
        assert waiting.result(PATIENCE) == b"hello"
        for end in ends:
            end.close()
    return handled[0]


def broken_pipes(fleet: Fleet, chance: random.Random, rounds: int) -> int:
    """Peers vanish at any time, in a program in which SIGPIPE ends it, as in C."""
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        for number in range(rounds):
            ends = tcp_pair() if number % 2 else socket.socketpair()
            pair = fleet.pair(VERSIONS[number // 2 % 2], ends)
            if number % 3:
                handshake_over_sockets(pair)
            if number % 2 and chance.random() < 0.5:
                linger_not = struct.pack("ii", 1, 0)
                ends[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
            ends[0].close()
            calls: list[Callable[[], Any]] = [
                pair.server.do_handshake,
                partial(pair.server.send, bytes(100)),
                partial(pair.server.sendall, bytes(100_000)),
                partial(pair.server.recv, 100),
                pair.server.shutdown,
            ]
            for call in chance.sample(calls, len(calls)):
                try:
                    call()
                except SSL.Error as failure:
                    assert is_documented(failure)
            ends[1].close()
    finally:
        signal.signal(signal.SIGPIPE, before)
    return rounds


def run(seed: int, conversations: int, size: int, rounds: int) -> dict[str, Any]:
    assert threading.current_thread() is threading.main_thread()
    chance = random.Random(seed)
    open_before = descriptors()
    with tempfile.TemporaryDirectory() as directory:
        fleet = Fleet(Authority(Path(directory), "authority"))
        figures = {
            "conversations in a storm of signals": conversations,
            "bytes each way in each of them": size,
            "signals handled meanwhile": undisturbed(fleet, conversations, size),
            "calls that an exception of a handler ended": rounds,
            "milliseconds from a signal to the end of the call, at most": round(
                1000 * heeded(fleet, chance, rounds)
            ),
            "signals handled while other threads waited": from_other_threads(fleet, rounds // 4),
            "peers that vanished where SIGPIPE kills": broken_pipes(fleet, chance, rounds),
        }
    assert descriptors().keys() == open_before.keys(), "descriptors are left open"
    return figures


PROGRAM = Program(
    run,
    full={"": {"conversations": 200, "size": 1 << 21, "rounds": 2_000}},
    short={"": {"conversations": 4, "size": 1 << 18, "rounds": 36}},
    limit=1_200,
)
