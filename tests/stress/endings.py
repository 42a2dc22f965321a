"""Processes that end, or fork, in the middle of everything.

An interpreter ends while its threads read, write, shake hands and run callbacks; a process forks
while its threads do. The end is quiet, the child can work, and the parent's peers notice nothing.
"""

from __future__ import annotations

import contextlib
import gc
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
import warnings
from pathlib import Path
from typing import Any, Callable

from OpenSSL import SSL
from support import child
from support.callbacks import ALL, eager_pair
from support.certificates import Authority
from support.threads import background
from support.tls import (
    CHUNK,
    Pair,
    contexts_of,
    handshake,
    handshake_over_sockets,
    negotiate,
    new_client_context,
    new_server_context,
    pair_in_memory,
    pair_over,
    receive_exactly,
)

from stress.measure import descriptors
from stress.program import Program

PATIENCE = 60

# Kept until there are no modules any more.
kept: list[Any] = []


# Interpreters that end.


def joined(files: list[str]) -> Pair:
    contexts = contexts_of(*files)
    return pair_over(contexts["client"], contexts["server"], socket.socketpair())


def connected(files: list[str]) -> Pair:
    return handshake_over_sockets(joined(files))


def repeat(call: Callable[[], Any]) -> None:
    def for_ever() -> None:
        with contextlib.suppress(SSL.Error):
            while True:
                call()

    kept.append(background(for_ever))


def in_a_callback(files: list[str]) -> None:
    """A thread is inside of a callback, which takes its time."""
    contexts = contexts_of(*files)

    def take_time(*_: Any) -> bool:
        time.sleep(0.001)
        return True

    contexts["client"].set_verify(SSL.VERIFY_PEER, take_time)
    repeat(lambda: negotiate(pair_in_memory(contexts["client"], contexts["server"])))


def in_every_callback(files: list[str]) -> None:
    contexts = contexts_of(*files)
    for callback in ALL.values():

        def answer(*_: Any, value: Any = callback.answer) -> Any:
            return value

        callback.install(contexts[callback.role], answer)
    repeat(lambda: negotiate(eager_pair(contexts["client"], contexts["server"])))


def transferring(files: list[str]) -> None:
    pair = connected(files)
    kept.append(pair)
    repeat(lambda: pair.client.sendall(bytes(100_000)))
    repeat(lambda: pair.server.recv(CHUNK))
    repeat(lambda: pair.client.get_state_string())


def waiting(files: list[str]) -> None:
    pair, fresh = connected(files), joined(files)
    kept.extend([pair, fresh])
    repeat(lambda: pair.client.recv(1))
    repeat(lambda: fresh.server.do_handshake())


def waiting_for_room(files: list[str]) -> None:
    pair = connected(files)
    kept.append(pair)
    repeat(lambda: pair.client.sendall(bytes(1 << 20)))


def coming_and_going(files: list[str]) -> None:
    contexts = contexts_of(*files)
    # Of its own, so that it drops no socket of others that is not closed: until Python 3.13 a
    # thread that is in such a socket's destructor, within a call of ours, when the interpreter
    # ends, is ended by force, which ends the process.
    last: list[Pair] = []
    kept.append(last)

    def connect() -> None:
        pair = handshake(pair_in_memory(contexts["client"], contexts["server"]))
        pair.client.itself = pair  # type: ignore[attr-defined]
        last[:] = [pair]

    repeat(connect)
    repeat(gc.collect)


def speaking_last(files: list[str]) -> None:
    """An object that is destroyed with the last modules says goodbye."""

    class Last:
        def __init__(self, pair: Pair) -> None:
            self.pair = pair

        def __del__(self) -> None:
            self.pair.client.shutdown()

    kept.append(Last(connected(files)))


BUSY: dict[str, Callable[[list[str]], None]] = {
    each.__name__: each
    for each in (
        in_a_callback,
        in_every_callback,
        transferring,
        waiting,
        waiting_for_room,
        coming_and_going,
        speaking_last,
    )
}


def leave(seed: int, files: list[str]) -> str:
    """Be busy with a few things at once, and return at some time, which ends the interpreter."""
    chance = random.Random(seed)
    threading.excepthook = lambda _: None
    for name in chance.sample(list(BUSY), chance.randint(1, 3)):
        BUSY[name](files)
    time.sleep(chance.choice([0, 0.001, 0.01, 0.1]))
    if chance.random() < 0.3:
        sys.exit(0)
    return "done"


def interpreters(seed: int, count: int, files: list[str]) -> int:
    for number in range(count):
        process = child.start(leave, seed + number, files)
        try:
            _, errors = process.communicate(timeout=PATIENCE)
        except BaseException:
            process.kill()
            raise
        name = f"the interpreter of seed {seed + number}"
        assert process.returncode == 0, f"{name} ended with {process.returncode}:\n{errors}"
        for word in ("Traceback", "Fatal", "panicked", "deadlock"):
            assert word not in errors, f"{name} was not quiet:\n{errors}"
    return count


# Processes that fork.


def in_a_fork(function: Callable[[], None]) -> None:
    """Run ``function`` in a fork, which has to succeed, and not to hang."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads about
        process = os.fork()
    if not process:
        status = 1
        try:
            signal.alarm(PATIENCE)
            function()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, status = os.waitpid(process, 0)
    assert not os.WIFSIGNALED(status), f"a fork was ended by signal {os.WTERMSIG(status)}"
    assert os.WEXITSTATUS(status) == 0


def forks_among_threads(authority: Authority, count: int) -> int:
    """Threads talk all the time; forks drop what they were talking over, and talk themselves."""
    identity = authority.issue("localhost")
    contexts = new_client_context(authority), new_server_context(identity)
    ends = [socket.socketpair() for _ in range(3)]
    pairs = [handshake_over_sockets(pair_over(*contexts, each)) for each in ends]
    stopping = threading.Event()
    exchanged = [0] * len(pairs)

    def talk(number: int) -> None:
        pair = pairs[number]
        while not stopping.is_set():
            data = exchanged[number].to_bytes(8, "big") * 500
            assert pair.client.sendall(data) == len(data)
            assert receive_exactly(pair.server, len(data)) == data
            exchanged[number] += 1

    def shake_hands() -> None:
        while not stopping.is_set():
            handshake(pair_in_memory(*contexts))

    talking = [background(talk, number) for number in range(len(pairs))]
    talking.append(background(shake_hands))

    def live() -> None:
        fresh = new_client_context(authority), new_server_context(identity)
        for each in (fresh, contexts):
            pair = handshake(pair_in_memory(*each))
            pair.client.send(b"from a fork")
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(RuntimeError):  # a thread was in the middle of it
                    end.get_cipher_name()
        del end, pair
        pairs.clear()
        gc.collect()

    for _ in range(count):
        in_a_fork(live)
    stopping.set()
    for each in talking:
        each.result(PATIENCE)
    for pair in ends:
        for end in pair:
            end.close()
    assert all(exchanged)
    return count


def forks_of_a_server(authority: Authority, rounds: int) -> int:
    """A server forks at every point of serving; the child, or the parent, goes on."""
    count = 0
    for number in range(rounds):
        version = (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION)[number % 2]
        contexts = (
            new_client_context(authority, version),
            new_server_context(authority.issue("localhost"), version),
        )
        for point in range(6):
            for who in ("child", "parent"):
                ends = socket.socketpair()
                fork_at(point, who, pair_over(*contexts, ends), ends[1])
                for end in ends:
                    end.close()
                count += 1
    return count


def fork_at(point: int, who: str, pair: Pair, socket_of_server: socket.socket) -> None:
    data = bytes(range(256)) * 200
    client, server = pair

    def ask() -> bytes:
        client.do_handshake()
        client.sendall(data)
        answer = receive_exactly(client, len(data))
        try:
            client.recv(1)
        except SSL.ZeroReturnError:
            client.shutdown()
        return answer

    asking = background(ask)
    received = bytearray()
    steps: list[Callable[[], Any]] = [
        lambda: attempt(server, socket_of_server),  # the first flight, and no more
        server.do_handshake,
        lambda: received.extend(receive_exactly(server, 1000)),
        lambda: received.extend(receive_exactly(server, len(data) - 1000)),
        lambda: server.sendall(bytes(received)),
        server.shutdown,
    ]
    for step in steps[:point]:
        step()

    def go_on() -> None:
        for step in steps[point:]:
            step()

    if who == "child":
        in_a_fork(go_on)
    else:

        def drop() -> None:
            nonlocal server, pair
            del server, pair
            gc.collect()

        in_a_fork(drop)
        go_on()
    assert asking.result(PATIENCE) == data


def attempt(server: SSL.Connection, end: socket.socket) -> None:
    end.setblocking(False)
    deadline = time.monotonic() + 0.02
    try:
        while time.monotonic() < deadline:
            try:
                server.do_handshake()
                return
            except SSL.WantReadError:
                time.sleep(0.001)
                if b"write" in server.get_state_string():
                    return
    finally:
        end.setblocking(True)


def run(seed: int, exits: int, forks: int, rounds: int) -> dict[str, Any]:
    open_before = descriptors()
    with tempfile.TemporaryDirectory() as directory:
        authority = Authority(Path(directory), "authority")
        identity = authority.issue("localhost")
        files = [str(authority.file), str(identity.chain_file), str(identity.key_file)]
        figures = {
            "interpreters that ended in the middle of everything": interpreters(seed, exits, files),
            "forks while threads were talking": forks_among_threads(authority, forks),
            "forks of a server while it served": forks_of_a_server(authority, rounds),
        }
    gc.collect()
    assert descriptors().keys() == open_before.keys(), "descriptors are left open"
    return figures


PROGRAM = Program(
    run,
    full={"": {"exits": 300, "forks": 500, "rounds": 20}},
    short={"": {"exits": 3, "forks": 5, "rounds": 1}},
    limit=2_400,
)
