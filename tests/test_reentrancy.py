"""Calls from inside callbacks and handlers of signals, on the connection whose call runs them.

Whatever could crash or hang is run in a process of its own.
"""

from __future__ import annotations

import _thread
import gc
import signal
import socket
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any, Callable

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from OpenSSL import SSL, crypto
from support import child
from support.callbacks import ALL, Recorder, eager_pair
from support.certificates import Authority, Identity
from support.implementation import deviation
from support.network import tcp_pair
from support.threads import PATIENCE, background
from support.tls import (
    CHUNK,
    Contexts,
    Pair,
    contexts_of,
    handshake,
    handshake_over_sockets,
    negotiate,
    pair_in_memory,
    pair_over,
    reasons,
    receive_exactly,
    receive_until_close,
)

pytestmark = deviation

Sockets = tuple[socket.socket, socket.socket]


def verifying_contexts(*files: str, version: int | None = None) -> Contexts:
    contexts = contexts_of(*files, version=version)
    contexts["client"].set_verify(SSL.VERIFY_PEER)
    return contexts


def outcome_of(call: Callable[[], Any]) -> str:
    try:
        call()
    except BaseException as failure:  # an interrupt is an outcome too
        return type(failure).__name__
    return "returned"


def in_main_thread(name: str) -> None:
    """Have the handler of SIGINT run soon, in the main thread."""
    handler: dict[str, Callable[[], Any]] = {
        "sent": lambda: signal.raise_signal(signal.SIGINT),  # received by the thread that sends it
        "simulated": _thread.interrupt_main,
    }
    timer = threading.Timer(0.2, handler[name])
    timer.daemon = True
    timer.start()


# Handshakes.

BEGINNINGS = ["do_handshake", "DTLSv1_listen", "set_connect_state", "set_accept_state"]


def begin_inside(name: str, version: int, *files: str) -> list[str]:
    callback = ALL[name]
    contexts = verifying_contexts(*files, version=version)
    outcomes = set()

    def begin(connection: SSL.Connection, *_: Any) -> Any:
        for method in BEGINNINGS:
            outcomes.add(outcome_of(getattr(connection, method)))
        return callback.answer

    callback.install(contexts[callback.role], begin)
    pair = handshake(eager_pair(contexts["client"], contexts["server"]))
    pair.client.send(b"hello")
    pair.server.bio_write(pair.client.bio_read(CHUNK))
    assert pair.server.recv(5) == b"hello"
    return sorted(outcomes)


@pytest.mark.parametrize("name", ALL)
def test_a_handshake_cannot_begin_in_a_callback(
    name: str, version: int, files: tuple[Path, ...]
) -> None:
    assert child.run(begin_inside, name, version, *files) == ["RuntimeError"]


# Everything else that moves data: it may fail, and it may spoil the handshake, but no more.

MOVING: dict[str, Callable[[SSL.Connection], Any]] = {
    "recv": lambda connection: connection.recv(10),
    "send": lambda connection: connection.send(bytes(20_000)),
    "sendall": lambda connection: connection.sendall(bytes(40_000)),
    "shutdown": lambda connection: connection.shutdown(),
    "bio_read": lambda connection: connection.bio_read(1 << 20),
    "renegotiate": lambda connection: connection.renegotiate(),
}


def move_inside(name: str, version: int, *files: str) -> list[str]:
    callback = ALL[name]
    for move in MOVING.values():
        contexts = verifying_contexts(*files, version=version)
        recorder = Recorder()

        def inside(
            connection: SSL.Connection,
            *_: Any,
            move: Callable[[SSL.Connection], Any] = move,
            recorder: Recorder = recorder,
        ) -> Any:
            recorder(outcome_of(lambda: move(connection)))
            return callback.answer

        callback.install(contexts[callback.role], inside)
        pair = eager_pair(contexts["client"], contexts["server"])
        negotiate(pair)
        for end in pair:
            outcome_of(lambda end=end: end.recv(10))
            outcome_of(lambda end=end: end.send(b"hello"))
            outcome_of(end.shutdown)
        assert recorder.calls
        del pair, contexts
        gc.collect()
    return list(MOVING)


@pytest.mark.parametrize("name", ALL)
def test_nothing_that_a_callback_does_with_its_connection_crashes(
    name: str, version: int, files: tuple[Path, ...]
) -> None:
    assert child.run(move_inside, name, version, *files) == list(MOVING)


def read_inside(stack: int, peek: int, version: int, *files: str) -> list[str]:
    """An info callback that reads, which moves the handshake on, which runs the callback…

    That may spoil the handshake, but no more.
    """
    contexts = verifying_contexts(*files, version=version)
    reported = set()
    sys.unraisablehook = lambda event: reported.add(event.exc_type.__name__)
    for context in contexts.values():
        context.set_info_callback(lambda connection, *_: connection.recv(1, peek))
    pair = eager_pair(contexts["client"], contexts["server"])
    threading.stack_size(stack)
    background(negotiate, pair).result(PATIENCE)
    return sorted(reported)


@pytest.mark.parametrize("peek", [0, socket.MSG_PEEK])
@pytest.mark.parametrize("stack", [256 << 10, 8 << 20], ids=["256 KiB", "8 MiB"])
def test_callbacks_inside_of_callbacks_do_not_use_up_the_stack(
    stack: int, peek: int, version: int, files: tuple[Path, ...]
) -> None:
    assert "RecursionError" in child.run(read_inside, stack, peek, version, *files)


# Writes.

SIZE = 1 << 20


def connect(*files: str) -> tuple[Pair, Sockets]:
    contexts = verifying_contexts(*files)
    ends = tcp_pair()
    return handshake_over_sockets(pair_over(contexts["client"], contexts["server"], ends)), ends


def write_in_a_handler(call: str, *files: str) -> tuple[list[str], list[int]]:
    """The handler writes while sendall waits for the peer, who reads from then on."""
    (client, server), ends = connect(*files)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    may_read = threading.Event()
    outcomes = []

    def read() -> bytes:
        assert may_read.wait(PATIENCE)
        return receive_until_close(server)

    def handle(*_: Any) -> None:
        outcomes.append(outcome_of(lambda: getattr(client, call)(b"B" * 20_000)))
        may_read.set()

    signal.signal(signal.SIGALRM, handle)
    reading = background(read)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    client.sendall(b"A" * (8 * SIZE))
    client.shutdown()
    received = reading.result(PATIENCE)
    return outcomes, [len(received), received.count(b"A")]


@pytest.mark.parametrize("call", ["send", "write", "sendall"])
def test_a_handler_cannot_write_in_the_middle_of_a_write(
    call: str, files: tuple[Path, ...]
) -> None:
    outcomes, received = child.run(write_in_a_handler, call, *files)
    assert outcomes == ["RuntimeError"]
    assert received == [8 * SIZE, 8 * SIZE]


def write_in_a_callback(*files: str) -> tuple[list[str], list[int]]:
    """A thread's sendall waits for the peer; another one's recv runs a callback that writes."""
    (client, server), _ = connect(*files)
    outcomes = []

    def write(connection: SSL.Connection, place: int, _: int) -> None:
        if place == SSL.SSL_CB_READ_ALERT:
            outcomes.append(outcome_of(lambda: connection.send(b"B" * 20_000)))

    client.set_info_callback(write)
    writing = background(client.sendall, b"A" * (8 * SIZE))
    received = receive_exactly(server, 1 << 14)
    time.sleep(0.3)  # for it to fill the socket's buffers; if it has not, nothing fails
    server.shutdown()  # the alert
    assert outcome_of(lambda: client.recv(1)) == "ZeroReturnError"
    received += receive_exactly(server, 8 * SIZE - len(received))
    assert writing.result(PATIENCE) == 8 * SIZE
    return outcomes, [len(received), received.count(b"A")]


def test_a_callback_that_writes_during_a_write_corrupts_nothing(
    files: tuple[Path, ...],
) -> None:
    outcomes, received = child.run(write_in_a_callback, *files)
    assert outcomes == ["WantWriteError"]
    assert received == [8 * SIZE, 8 * SIZE]


def wait_for_another_writer(how: str, *files: str) -> str:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    (client, _), _ = connect(*files)
    background(client.sendall, bytes(64 << 20))  # for which there is no room, and nobody reads
    time.sleep(0.3)  # for it to begin; if it has not, the call below is the one that waits
    in_main_thread(how)
    return outcome_of(lambda: client.sendall(bytes(64 << 20)))


@pytest.mark.parametrize("how", ["sent", "simulated"])
def test_waiting_for_another_writer_can_be_interrupted(how: str, files: tuple[Path, ...]) -> None:
    assert child.run(wait_for_another_writer, how, *files) == "KeyboardInterrupt"


# Signals.


def read_from_a_trickle(how: str) -> str:
    """The peer sends a long record, a byte at a time."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    near, far = socket.socketpair()
    client = SSL.Connection(SSL.Context(SSL.TLS_METHOD), near)
    client.set_connect_state()

    def trickle() -> None:
        far.sendall(b"\x16\x03\x03\x40\x00")
        while True:
            far.sendall(b"\x00")
            time.sleep(0.02)

    background(trickle)
    in_main_thread(how)
    return outcome_of(client.do_handshake)


@pytest.mark.parametrize("how", ["sent", "simulated"])
def test_a_peer_that_trickles_does_not_hold_signals_up(how: str) -> None:
    assert child.run(read_from_a_trickle, how) == "KeyboardInterrupt"


# Failures.


def nested(connection: SSL.Connection) -> None:
    """Calls that look for a callback's failure when they are over."""
    outcome_of(lambda: connection.recv(1))
    outcome_of(lambda: connection.send(b"x"))
    outcome_of(connection.do_handshake)


def test_the_failure_of_a_callback_is_not_taken_by_a_call_in_the_next(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    raised: list[bool] = []
    seen: list[str] = []

    def interrupt(connection: SSL.Connection, place: int, _: int) -> None:
        state = connection.get_state_string().lower()
        if not raised and place & SSL.SSL_CB_LOOP and b"read server hello" in state:
            raised.append(True)
            raise KeyboardInterrupt

    def verify(connection: SSL.Connection, *_: Any) -> bool:
        seen.append(outcome_of(lambda: connection.recv(1)))
        nested(connection)
        return True

    client_context.set_info_callback(interrupt)
    client_context.set_verify(SSL.VERIFY_PEER, verify)
    outcome = negotiate(pair_in_memory(client_context, server_context))
    assert raised == [True]
    assert "KeyboardInterrupt" not in seen
    assert type(outcome.client) is KeyboardInterrupt


def test_the_failure_of_a_callback_survives_calls_in_a_later_one(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    """The handshake fails, and tells of the alert that it sends for it."""
    alerts = []

    def verify(*_: Any) -> bool:
        raise ValueError("mine")

    def call_at_alerts(connection: SSL.Connection, place: int, _: int) -> None:
        if place & SSL.SSL_CB_ALERT:
            alerts.append(outcome_of(lambda: connection.recv(1)))
            nested(connection)

    client_context.set_verify(SSL.VERIFY_PEER, verify)
    client_context.set_info_callback(call_at_alerts)
    outcome = negotiate(pair_in_memory(client_context, server_context))
    assert alerts
    assert "ValueError" not in alerts
    assert type(outcome.client) is ValueError
    assert outcome.client.args == ("mine",)


def _names_of(certificate: crypto.X509) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return certificate.get_subject().CN


QUESTIONS: dict[str, Callable[[SSL.Connection, crypto.X509], Any]] = {
    "none": lambda connection, certificate: None,
    "the names of a certificate": lambda connection, certificate: _names_of(certificate),
    "a failure of a key": lambda connection, certificate: outcome_of(
        lambda: crypto.load_privatekey(crypto.FILETYPE_PEM, b"nonsense")
    ),
    "the session": lambda connection, certificate: connection.get_session(),
    "the authorities": lambda connection, certificate: connection.get_client_ca_list(),
    "the peer's chain": lambda connection, certificate: connection.get_peer_cert_chain(),
    "another connection": lambda connection, certificate: outcome_of(
        SSL.Connection(SSL.Context(SSL.TLS_METHOD), None).do_handshake
    ),
    "a read": lambda connection, certificate: outcome_of(lambda: connection.recv(1)),
    "a handshake": lambda connection, certificate: outcome_of(connection.do_handshake),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS.keys())
def test_the_error_of_a_call_survives_what_a_callback_asks(
    client_context: SSL.Context,
    stranger: Authority,
    question: Callable[[SSL.Connection, crypto.X509], Any],
) -> None:
    certificate = crypto.X509.from_cryptography(stranger.certificate)
    identity = stranger.issue("localhost")
    strange_context = SSL.Context(SSL.TLS_METHOD)
    identity.install(strange_context)
    asked = []

    def ask(connection: SSL.Connection, place: int, _: int) -> None:
        if place & SSL.SSL_CB_ALERT:
            question(connection, certificate)
            asked.append(place)

    client_context.set_info_callback(ask)
    outcome = negotiate(pair_in_memory(client_context, strange_context))
    assert asked
    assert reasons(outcome.client) == ["certificate verify failed"]


# Contexts and connections that are being made.


def freeze_while_loading(how: str, encrypted_key: str) -> str:
    warnings.simplefilter("ignore")
    context = SSL.Context(SSL.TLS_METHOD)
    inside = threading.Event()

    def passphrase(*_: Any) -> bytes:
        inside.set()
        time.sleep(0.3)  # for the main thread to want the context
        return b"secret"

    context.set_passwd_cb(passphrase)
    other = SSL.Connection(SSL.Context(SSL.TLS_METHOD), None)
    loading = background(context.use_privatekey_file, encrypted_key)
    assert inside.wait(PATIENCE)
    if how == "Connection":
        SSL.Connection(context, None)
    else:
        other.set_context(context)
    loading.result(PATIENCE)
    return "done"


@pytest.mark.parametrize("how", ["Connection", "set_context"])
def test_using_a_context_whose_key_another_thread_loads_does_not_hang(
    how: str, server_identity: Identity, tmp_path: Path
) -> None:
    encrypted_key = tmp_path / "encrypted.key"
    encrypted_key.write_bytes(
        server_identity.key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
        )
    )
    assert child.run(freeze_while_loading, how, encrypted_key) == "done"


def test_a_connection_that_is_initialized_while_it_is_keeps_the_first() -> None:
    first, second = (SSL.Context(SSL.TLS_METHOD) for _ in range(2))
    near, far = socket.socketpair()

    class Nosy:
        asked = False

        def fileno(self) -> int:
            if not self.asked:
                self.asked = True
                SSL.Connection.__init__(connection, first, None)
            return near.fileno()

    with near, far:
        connection = SSL.Connection.__new__(SSL.Connection)
        with pytest.raises(RuntimeError):
            connection.__init__(second, Nosy())  # type: ignore[misc]
        assert connection.get_context() is first
        with pytest.raises(AttributeError):
            connection.fileno()
        with pytest.raises(SSL.WantReadError):
            connection.bio_read(1)
        with pytest.raises(RuntimeError):
            connection.__init__(second, None)  # type: ignore[misc]


# Connections that are going away.

ENDINGS: list[str] = []


class Polite(SSL.Connection):
    """Says goodbye when it is collected, which tells the callbacks of an alert."""

    def __del__(self) -> None:
        ENDINGS.append(outcome_of(self.shutdown))


def collect_with(name: str, *files: str) -> tuple[list[str], list[str]]:
    """Returns how the connection ended, and what went wrong where nobody can catch it."""
    callback = ALL[name]
    contexts = verifying_contexts(*files)
    unraisable = []
    recorder = Recorder(callback.answer)
    callback.install(contexts["client"], recorder)
    client = Polite(contexts["client"], None)
    client.set_connect_state()
    server = SSL.Connection(contexts["server"], None)
    server.set_accept_state()
    handshake(Pair(client, server))
    recorder.calls.clear()  # they refer to the connection
    client.itself = client

    sys.unraisablehook = lambda unraised: unraisable.append(repr(unraised.exc_value))
    del client
    gc.collect()
    return ENDINGS, unraisable


@pytest.mark.parametrize("name", ["info of the client", "key log of the client"])
def test_a_connection_with_a_callback_is_finalized_by_the_collector(
    name: str, files: tuple[Path, ...]
) -> None:
    assert child.run(collect_with, name, *files) == [["returned"], []]
