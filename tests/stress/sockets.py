"""Peers over sockets: one that sends and takes single bytes, one that stops, one that pours.

The peer, or the relay that plays it, is a process of its own, so that it does not wait for us.
"""

from __future__ import annotations

import os
import random
import select
import signal
import socket
import struct
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable

from OpenSSL import SSL
from support.certificates import Authority
from support.memory import MEBIBYTE, PURGES_AT_ONCE, resident, return_free_memory
from support.network import tcp_pair
from support.threads import PATIENCE, background
from support.tls import (
    Pair,
    handshake_over_sockets,
    new_client_context,
    new_server_context,
    pair_over,
    receive_exactly,
    wait_for,
)

from stress import mutations
from stress.documented import is_documented
from stress.floods import PLAIN, ticket
from stress.keys import KeyLog, Protection
from stress.measure import descriptors
from stress.mutations import HANDSHAKE, message
from stress.program import Program

VERSIONS = {"TLSv1.2": SSL.TLS1_2_VERSION, "TLSv1.3": SSL.TLS1_3_VERSION}
# How many seconds of the processor a call may use before it returns or handles a signal, whatever
# the peer does. By the clock it would depend on what else the machine does.
PROMPT = 1.0

Sockets = tuple[socket.socket, socket.socket]


@contextmanager
def other_process(function: Callable[[], None]) -> Iterator[None]:
    """Run ``function`` in a forked process, until it or the block ends."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads about
        process = os.fork()
    if not process:
        try:
            function()
        finally:
            os._exit(0)
    try:
        yield
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def contexts(authority: Authority, version: int | None) -> tuple[SSL.Context, SSL.Context]:
    return (
        new_client_context(authority, version),
        new_server_context(authority.issue("localhost"), version),
    )


def answer_all(pair: Pair, size: int) -> None:
    """A handshake, data both ways, and both goodbyes, with each end in a thread."""
    data = random.Random(size).randbytes(size)

    def persist(connection: SSL.Connection, call: Callable[[], Any]) -> Any:
        while True:
            try:
                return call()
            except (SSL.WantReadError, SSL.WantWriteError) as waiting:
                wait_for(connection, waiting)

    def send(connection: SSL.Connection) -> None:
        view = memoryview(data)
        while view:
            view = view[persist(connection, lambda: connection.send(view)) :]  # noqa: B023

    def serve() -> None:
        persist(pair.server, pair.server.do_handshake)
        assert receive_exactly(pair.server, size) == data
        send(pair.server)
        try:
            persist(pair.server, lambda: pair.server.recv(1))
        except SSL.ZeroReturnError:
            pair.server.shutdown()

    serving = background(serve)
    persist(pair.client, pair.client.do_handshake)
    send(pair.client)
    assert receive_exactly(pair.client, size) == data
    pair.client.shutdown()
    assert persist(pair.client, pair.client.shutdown) is True
    serving.result(PATIENCE)


def byte_by_byte(one: socket.socket, other: socket.socket) -> None:
    """Move single bytes between two sockets until both have ended."""
    targets = {one: other, other: one}
    while targets:
        for source in select.select(list(targets), [], [])[0]:
            byte = source.recv(1)
            if byte:
                targets[source].send(byte)
            else:
                targets.pop(source).shutdown(socket.SHUT_WR)


def single_bytes(authority: Authority, size: int) -> int:
    """Returns how many conversations there were."""
    count = 0
    for version in VERSIONS.values():
        for blocking in (True, False):
            near, far = tcp_pair(), tcp_pair()

            def relay(near: Sockets = near, far: Sockets = far) -> None:
                near[0].close()
                far[0].close()
                byte_by_byte(near[1], far[1])

            with other_process(relay):
                for end in (near[1], far[1]):
                    end.close()
                for end in (near[0], far[0]):
                    end.setblocking(blocking)
                answer_all(pair_over(*contexts(authority, version), (near[0], far[0])), size)
                for end in (near[0], far[0]):
                    end.close()
            count += 1
    return count


# Peers that stop.


def stops_reading(authority: Authority, attempts: int) -> int:
    """What does not fit waits, without memory; and nothing is lost when the peer goes on."""
    bounded = 0
    for version in VERSIONS.values():
        ends = socket.socketpair()  # with buffers that do not grow
        client, server = handshake_over_sockets(pair_over(*contexts(authority, version), ends))
        ends[0].setblocking(False)
        data = random.Random(version).randbytes(MEBIBYTE)
        sent = 0
        try:
            while True:
                sent += client.send(data[sent % MEBIBYTE :])
        except SSL.WantWriteError:
            pass
        rest = data[sent % MEBIBYTE :]
        return_free_memory()
        before = resident()
        for _ in range(attempts):
            try:
                sent += client.send(rest)
                raise AssertionError("there was room after all")
            except SSL.WantWriteError:
                pass
        assert resident() - before < MEBIBYTE, "memory grows while the peer does not read"
        # A socket with a time-out of the system's gives up by itself.
        ends[0].setblocking(True)
        timeout = struct.pack("@ll", 0, 50_000)
        ends[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)
        began = time.monotonic()
        try:
            client.sendall(rest)
            raise AssertionError("there was room after all")
        except SSL.WantWriteError as waiting:
            assert waiting.bytes_sent == 0  # type: ignore[attr-defined]
        assert time.monotonic() - began < PATIENCE
        ends[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", 0, 0))
        sending = background(client.sendall, rest)
        expected = (data * (sent // MEBIBYTE + 1))[:sent] + rest
        assert receive_exactly(server, len(expected)) == expected
        assert sending.result(PATIENCE) == len(rest)
        for end in ends:
            end.close()
        bounded += 1
    return bounded


def never_answers(authority: Authority) -> int:
    """A peer that takes the connection and says nothing, or a part: a time-out ends the wait."""
    count = 0
    hello = mutations.record(HANDSHAKE, b"\x01\x00\x02\x00" + bytes(100))
    for said in (b"", hello[:3], hello[:50], hello):
        for role in ("client", "server"):
            ends = tcp_pair()
            timeout = struct.pack("@ll", 0, 50_000)
            ends[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
            ends[1].sendall(said)
            connection = SSL.Connection(contexts(authority, None)[role == "server"], ends[0])
            if role == "client":
                connection.set_connect_state()
            else:
                connection.set_accept_state()
            began = time.monotonic()
            try:
                connection.do_handshake()
                raise AssertionError("a handshake with nobody")
            except SSL.Error as failure:
                assert is_documented(failure)
            assert time.monotonic() - began < PATIENCE
            for end in ends:
                end.close()
            count += 1
    return count


def streams_without_end(authority: Authority) -> int:
    """Garbage that does not end, before a handshake on a socket that blocks."""
    count = 0
    for name, piece in PLAIN.items():
        for role in ("client", "server"):
            ends = tcp_pair()

            def pour(ends: Sockets = ends, piece: Callable[[int], bytes] = piece) -> None:
                ends[0].close()
                number = 0
                while True:
                    ends[1].sendall(b"".join(piece(number + each) for each in range(100)))
                    number += 100

            with other_process(pour):
                ends[1].close()
                connection = SSL.Connection(contexts(authority, None)[role == "server"], ends[0])
                if role == "client":
                    connection.set_connect_state()
                else:
                    connection.set_accept_state()
                began = time.monotonic()
                try:
                    connection.do_handshake()
                    raise AssertionError("a handshake with nobody")
                except SSL.Error as failure:
                    assert is_documented(failure), f"{name}, to the {role}: {failure!r}"
                assert time.monotonic() - began < PATIENCE
            ends[0].close()
            count += 1
    return count


# Peers that pour what is authentic.


def key_updates(keys: Protection, count: int) -> bytes:
    sealed = []
    for _ in range(count):
        sealed.append(keys.seal(HANDSHAKE, message(24, b"\x00")))
        keys = keys.updated()  # type: ignore[attr-defined]
    return b"".join(sealed)


def tickets(keys: Protection, count: int) -> bytes:
    return b"".join(keys.seal(HANDSHAKE, ticket(32)) for _ in range(count))


def attention(authority: Authority, role: str, blocking: bool, count: int) -> float:
    """The most seconds of the processor that one call to ``role`` uses, or uses without handling a
    signal."""
    ends = tcp_pair()
    log = KeyLog()
    client_context, server_context = contexts(authority, SSL.TLS1_3_VERSION)
    # Of the attacker's end alone: a callback of the victim's would handle signals by itself.
    (server_context if role == "client" else client_context).set_keylog_callback(log)
    pair = handshake_over_sockets(pair_over(client_context, server_context, ends))
    pair.server.send(b"hello")
    assert pair.client.recv(5) == b"hello"
    suite = {"TLS_AES_128_GCM_SHA256": 0x1301, "TLS_AES_256_GCM_SHA384": 0x1302}
    name = pair.client.get_cipher_name()
    assert name is not None
    if role == "client":  # two tickets and the hello have gone before
        keys = log.tls_1_3(suite[name], "SERVER_TRAFFIC_SECRET_0")
        keys.sequence = 3
        victim, ours, theirs, flood = pair.client, ends[0], ends[1], tickets(keys, count)
    else:
        keys = log.tls_1_3(suite[name], "CLIENT_TRAFFIC_SECRET_0")
        victim, ours, theirs, flood = pair.server, ends[1], ends[0], key_updates(keys, count)

    def pour() -> None:
        ours.close()
        theirs.sendall(flood)
        theirs.shutdown(socket.SHUT_WR)
        time.sleep(PATIENCE)

    handled = [time.process_time()]
    longest = 0.0
    before = signal.signal(signal.SIGALRM, lambda *_: handled.append(time.process_time()))
    ours.setblocking(blocking)
    with other_process(pour):
        theirs.close()
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        try:
            while True:
                began = time.process_time()
                try:
                    victim.recv(1)
                except SSL.WantReadError:
                    longest = max(longest, time.process_time() - began)
        except SSL.SysCallError:
            if not blocking:
                longest = max(longest, time.process_time() - began)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    handled.append(time.process_time())
    ours.close()
    return max(longest, *(after - first for first, after in zip(handled, handled[1:])))


def run(seed: int, size: int, attempts: int, pieces: int) -> dict[str, Any]:
    del seed  # nothing here is left to chance
    open_before = descriptors()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as directory:
        authority = Authority(Path(directory), "authority")
        figures["conversations byte by byte"] = single_bytes(authority, size)
        figures["bytes each way in each of them"] = size
        figures["peers that stop reading"] = stops_reading(authority, attempts)
        figures["calls while they do not read"] = attempts * len(VERSIONS)
        figures["peers that do not answer"] = never_answers(authority)
        figures["streams without end"] = streams_without_end(authority)
        slowest = {
            (role, blocking): attention(authority, role, blocking, pieces)
            for role in ("client", "server")
            for blocking in (True, False)
        }
    assert max(slowest.values()) < PROMPT, f"held too long: {slowest}"
    figures["key updates and tickets poured without a pause"] = 4 * pieces
    figures["processor seconds of the longest inattention meanwhile"] = round(
        max(slowest.values()), 2
    )
    assert descriptors().keys() == open_before.keys(), "descriptors are left open"
    return figures


PROGRAM = Program(
    run,
    full={"": {"size": 50_000, "attempts": 100_000, "pieces": 200_000}},
    short={"": {"size": 500, "attempts": 500, "pieces": 2_000}},
    limit=900,
    environment=PURGES_AT_ONCE,
)
