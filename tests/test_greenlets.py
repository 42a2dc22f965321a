"""Greenlets, as gevent and eventlet have them: one thread is in callbacks of several connections at
once, and leaves them in any order.

Each test runs in a process of its own: what goes wrong here may crash.
"""

from __future__ import annotations

import itertools
import socket
import threading
from collections import Counter
from pathlib import Path
from typing import Any, Callable

import pytest
from OpenSSL import SSL
from support import child
from support.callbacks import DECIDING, eager_pair
from support.tls import (
    CHUNK,
    Contexts,
    Pair,
    contexts_of,
    handshake,
    pair_in_memory,
    transfer,
)

greenlet = pytest.importorskip("greenlet")

MANY = 100
CONNECTIONS = 40


def leave_and_come_back(order: str, *files: str) -> list[str]:
    """Each greenlet is left in another one of its callbacks, and goes on to its end."""
    main = greenlet.getcurrent()
    done: list[str] = []

    def connect(number: int) -> None:
        contexts = contexts_of(*files)
        calls = itertools.count()
        for callback in DECIDING.values():

            def answer(*_: Any, value: Any = callback.answer) -> Any:
                if next(calls) == number:
                    main.switch()
                return value

            callback.install(contexts[callback.role], answer)
        pair = handshake(eager_pair(contexts["client"], contexts["server"]))
        data = b"from %d" % number
        done.append(transfer(pair.client, pair.server, data).decode())

    greenlets = [greenlet.greenlet(lambda number=number: connect(number)) for number in range(4)]
    for each in (*greenlets, *greenlets[:: 1 if order == "queue" else -1]):
        each.switch()
    handshake(joined(contexts_of(*files)))
    # The thread gives the interpreter away as before, and others get it.
    thread = threading.Thread(target=lambda: done.append("thread"))
    thread.start()
    thread.join()
    return sorted(done)


def joined(contexts: Contexts) -> Pair:
    return pair_in_memory(contexts["client"], contexts["server"])


@pytest.mark.parametrize("order", ["queue", "stack"])
def test_callbacks_are_left_in_any_order(order: str, files: tuple[Path, ...]) -> None:
    everyone = [f"from {number}" for number in range(4)]
    assert child.run(leave_and_come_back, order, *files) == [*everyone, "thread"]


class Cooperative:
    """A socket that lets other greenlets run while it connects, as gevent's does."""

    def __init__(self, elsewhere: Callable[[], Any]) -> None:
        self._socket = socket.socketpair()[0]
        self._elsewhere = elsewhere

    def fileno(self) -> int:
        return self._socket.fileno()

    def connect(self, address: Any) -> None:
        self._elsewhere()


def leave_a_callback_while_connecting(*files: str) -> list[str]:
    main = greenlet.getcurrent()
    contexts = contexts_of(*files)
    done = []

    def verify(*arguments: Any) -> bool:
        main.switch()
        return bool(arguments[-1])

    contexts["client"].set_verify(SSL.VERIFY_PEER, verify)

    def shake_hands() -> None:
        handshake(joined(contexts))
        done.append("handshake")

    def connect() -> None:
        client = SSL.Connection(SSL.Context(SSL.TLS_METHOD), Cooperative(main.switch))
        client.connect(None)
        done.append("connect")

    greenlets = [greenlet.greenlet(shake_hands), greenlet.greenlet(connect)]
    while left := [each for each in greenlets if not each.dead]:
        for each in left:
            each.switch()
    return sorted(done)


def test_a_callback_is_left_while_another_connection_connects(files: tuple[Path, ...]) -> None:
    assert child.run(leave_a_callback_while_connecting, *files) == ["connect", "handshake"]


def be_in_many_callbacks(*files: str) -> int:
    main = greenlet.getcurrent()
    contexts = contexts_of(*files)
    inside = 0
    most = 0

    def name(connection: SSL.Connection) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        main.switch()
        inside -= 1

    contexts["server"].set_tlsext_servername_callback(name)

    def connect() -> Pair:
        pair = joined(contexts)
        pair.client.set_tlsext_host_name(b"localhost")
        return handshake(pair)

    greenlets = [greenlet.greenlet(connect) for _ in range(MANY)]
    for _ in range(2):
        for each in greenlets:
            each.switch()
    assert all(each.dead for each in greenlets)
    return most


def test_a_thread_is_in_as_many_callbacks_as_it_has_greenlets(files: tuple[Path, ...]) -> None:
    """They are beside one another and not inside of one another."""
    assert child.run(be_in_many_callbacks, *files) == MANY


def serve_with_gevent(*files: str) -> dict[str, int]:
    import gevent
    import gevent.socket

    contexts = contexts_of(*files)
    contexts["server"].set_tlsext_servername_callback(lambda _: gevent.sleep(0.01))
    contexts["server"].set_alpn_select_callback(lambda _, offered: offered[0])
    contexts["client"].set_alpn_protos([b"http/1.1"])
    contexts["client"].set_verify(SSL.VERIFY_PEER, lambda *arguments: bool(arguments[-1]))
    outcomes: Counter[str] = Counter()

    def patiently(end: Any, call: Callable[..., Any], *arguments: Any) -> Any:
        while True:
            try:
                return call(*arguments)
            except SSL.WantReadError:
                gevent.socket.wait_read(end.fileno(), timeout=child.PATIENCE)
            except SSL.WantWriteError:
                gevent.socket.wait_write(end.fileno(), timeout=child.PATIENCE)

    def serve(end: Any) -> None:
        connection = SSL.Connection(contexts["server"], end)
        connection.set_accept_state()
        patiently(end, connection.do_handshake)
        patiently(end, connection.sendall, patiently(end, connection.recv, CHUNK))
        outcomes["served"] += 1
        end.close()

    def ask(number: int) -> None:
        end = gevent.socket.socket()
        connection = SSL.Connection(contexts["client"], end)
        connection.connect(listener.getsockname())
        connection.set_tlsext_host_name(b"localhost")
        patiently(end, connection.do_handshake)
        question = b"question %d" % number
        patiently(end, connection.sendall, question)
        assert patiently(end, connection.recv, CHUNK) == question
        outcomes["answered"] += 1
        end.close()

    listener = gevent.socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(CONNECTIONS)

    def accept() -> None:
        for _ in range(CONNECTIONS):
            gevent.spawn(serve, listener.accept()[0])

    gevent.spawn(accept)
    gevent.joinall([gevent.spawn(ask, number) for number in range(CONNECTIONS)], raise_error=True)
    return outcomes


def test_a_server_of_gevent_sleeps_in_its_callbacks(files: tuple[Path, ...]) -> None:
    pytest.importorskip("gevent")
    assert child.run(serve_with_gevent, *files) == {
        "answered": CONNECTIONS,
        "served": CONNECTIONS,
    }
