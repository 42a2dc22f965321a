"""Signals during calls that block: handlers run, their exceptions are raised, Ctrl-C works.

That a handler which returns lets the call go on is tested among the deviations.
"""

from __future__ import annotations

import mmap
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from OpenSSL import SSL
from support import child
from support.implementation import deviation
from support.network import tcp_pair
from support.threads import PATIENCE, background
from support.tls import Pair, handshake_over_sockets, pair_over

pytestmark = deviation


def connect(ca_file: str, chain_file: str, key_file: str) -> tuple[Pair, Pair]:
    """Two pairs on blocking sockets, of which the first has shaken hands."""
    server_context = SSL.Context(SSL.TLS_METHOD)
    server_context.use_certificate_chain_file(chain_file)
    server_context.use_privatekey_file(key_file)
    client_context = SSL.Context(SSL.TLS_METHOD)
    client_context.load_verify_locations(ca_file)
    connected, fresh = (pair_over(client_context, server_context, tcp_pair()) for _ in range(2))
    return handshake_over_sockets(connected), fresh


def send_to_a_peer_that_keeps_up(client: SSL.Connection, server: SSL.Connection) -> None:
    """Nothing ever blocks for long, but there is enough to send for a good while."""

    def receive_for_ever() -> None:
        buffer = bytearray(1 << 20)
        while True:
            server.recv_into(buffer)

    background(receive_for_ever)
    zeros = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS  # which take up no memory
    client.sendall(mmap.mmap(-1, 1 << 35, flags=zeros, prot=mmap.PROT_READ))


def ask_while_a_callback_of_another_thread_runs() -> None:
    inside, leave = threading.Event(), threading.Event()

    def stay(*_: Any) -> None:
        inside.set()
        leave.wait()

    context = SSL.Context(SSL.TLS_METHOD)
    context.set_info_callback(stay)
    connection = SSL.Connection(context)
    connection.set_connect_state()
    background(connection.do_handshake)
    inside.wait()
    try:
        connection.get_shutdown()
    finally:
        leave.set()


BLOCKING: dict[str, Callable[[Pair, Pair], Any]] = {
    "recv": lambda connected, fresh: connected.server.recv(1),
    "recv_into": lambda connected, fresh: connected.server.recv_into(bytearray(1)),
    "sendall": lambda connected, fresh: connected.client.sendall(bytes(64 << 20)),
    "sendall to a peer that keeps up": lambda connected, fresh: send_to_a_peer_that_keeps_up(
        *connected
    ),
    "the server's handshake": lambda connected, fresh: fresh.server.do_handshake(),
    "the client's handshake": lambda connected, fresh: fresh.client.do_handshake(),
    "the handshake in recv": lambda connected, fresh: fresh.server.recv(1),
    "shutdown": lambda connected, fresh: connected.client.shutdown() or connected.client.shutdown(),
    "a question": lambda connected, fresh: ask_while_a_callback_of_another_thread_runs(),
}


def block_until_interrupted(call: str, *files: str) -> str:
    connected, fresh = connect(*files)
    print("ready", flush=True)
    try:
        BLOCKING[call](connected, fresh)
    except KeyboardInterrupt:
        return "interrupted"
    return "returned"


def interrupt_when_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.2)  # it needs a moment to block; if it has not, the test is only easier to pass
    process.send_signal(signal.SIGINT)


@pytest.mark.parametrize("call", BLOCKING)
def test_ctrl_c_ends(call: str, files: tuple[Path, ...]) -> None:
    process = child.start(block_until_interrupted, call, *files)
    interrupt_when_ready(process)
    assert child.finish(process, timeout=10) == "interrupted"


def block_in_a_thread(*files: str) -> str:
    """A thread waits in recv; the main thread, waiting for it, is who receives the signal."""
    connected, _ = connect(*files)
    receiving = background(connected.server.recv, 5)
    print("ready", flush=True)
    try:
        while not receiving.done():
            time.sleep(0.05)
    except KeyboardInterrupt:
        connected.client.send(b"hello")
        return receiving.result(PATIENCE).decode()
    return "returned"


def test_ctrl_c_reaches_the_main_thread_while_another_one_blocks(files: tuple[Path, ...]) -> None:
    process = child.start(block_in_a_thread, *files)
    interrupt_when_ready(process)
    assert child.finish(process, timeout=10) == "hello"


class Alarm(Exception):
    pass


@pytest.fixture
def alarm() -> Any:
    """A handler that raises; the value is what makes it run soon, in the main thread."""

    def raise_alarm(*_: Any) -> None:
        raise Alarm

    def soon() -> None:
        main = threading.main_thread().ident
        assert main is not None
        timer = threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGUSR1))
        timer.daemon = True
        timer.start()

    before = signal.signal(signal.SIGUSR1, raise_alarm)
    yield soon
    signal.signal(signal.SIGUSR1, before)


def test_the_exception_of_a_handler_ends_a_read(
    connected_over_sockets: Pair, alarm: Callable[[], None]
) -> None:
    client, server = connected_over_sockets
    alarm()
    with pytest.raises(Alarm):
        server.recv(1)
    client.send(b"hello")
    assert server.recv(5) == b"hello", "and the connection can be used further"


def test_the_exception_of_a_handler_ends_a_handshake(
    client_context: SSL.Context,
    server_context: SSL.Context,
    sockets: tuple[socket.socket, socket.socket],
    alarm: Callable[[], None],
) -> None:
    pair = pair_over(client_context, server_context, sockets)
    alarm()
    with pytest.raises(Alarm):
        pair.server.do_handshake()
    handshake_over_sockets(pair)


def test_the_exception_of_a_handler_in_sendall_says_nothing_of_bytes(
    connected_over_sockets: Pair, alarm: Callable[[], None]
) -> None:
    alarm()
    with pytest.raises(Alarm) as raised:
        connected_over_sockets.client.sendall(bytes(64 << 20))
    assert raised.value.args == ()
