"""After a fork: the child talks to whom it likes, and leaves the parent's connections alone."""

from __future__ import annotations

import contextlib
import functools
import operator
import os
import signal
import socket
import sys
import threading
import time
import traceback
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
from support.certificates import Authority, Identity
from support.implementation import deviation
from support.threads import PATIENCE, background
from support.tls import (
    Pair,
    contexts_of,
    handshake,
    handshake_in_a_callback,
    handshake_over_sockets,
    new_client_context,
    new_server_context,
    pair_in_memory,
    pair_over,
    receive_exactly,
    transfer,
)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")


def in_a_fork(function: Callable[[], Any]) -> None:
    """Run ``function`` in a forked child and require that it succeeds."""
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads about
        process = os.fork()
    if not process:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(20)
        status = 1
        try:
            function()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, status = os.waitpid(process, 0)
    assert os.WIFEXITED(status), f"the child was ended by signal {os.WTERMSIG(status)}"
    assert os.WEXITSTATUS(status) == 0


def test_the_child_opens_new_connections(
    authority: Authority, server_identity: Identity, connected: Pair
) -> None:
    def connect_anew() -> None:
        pair = handshake(
            pair_in_memory(new_client_context(authority), new_server_context(server_identity))
        )
        assert transfer(pair.client, pair.server, b"from the child") == b"from the child"

    in_a_fork(connect_anew)
    assert transfer(connected.client, connected.server, b"still fine") == b"still fine"


def test_the_child_may_use_the_contexts_of_the_parent(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    handshake(pair_in_memory(client_context, server_context))
    in_a_fork(lambda: handshake(pair_in_memory(client_context, server_context)))
    handshake(pair_in_memory(client_context, server_context))


def test_dropping_connections_in_the_child_says_nothing_to_the_peers(
    connected_over_sockets: Pair,
) -> None:
    client, server = connected_over_sockets
    pairs = [client, server]

    def drop() -> None:
        pairs.clear()

    in_a_fork(drop)
    client.sendall(b"still fine")
    assert receive_exactly(server, 10) == b"still fine"
    server.sendall(b"both ways")
    assert receive_exactly(client, 9) == b"both ways"


def test_the_child_may_go_on_with_a_connection_that_the_parent_leaves(
    client_context: SSL.Context, server_context: SSL.Context, sockets: Any
) -> None:
    """As a server does that forks for each client."""
    pair = handshake_over_sockets(pair_over(client_context, server_context, sockets))

    def serve() -> None:
        assert receive_exactly(pair.server, 8) == b"question"
        pair.server.sendall(b"answer")
        pair.server.shutdown()

    pair.client.sendall(b"question")
    in_a_fork(serve)
    assert receive_exactly(pair.client, 6) == b"answer"


def test_the_randoms_of_parent_and_child_differ(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    handshake(pair_in_memory(client_context, server_context))
    reading, writing = os.pipe()

    def tell() -> None:
        pair = handshake(pair_in_memory(client_context, server_context))
        os.write(writing, pair.client.client_random() or b"")

    in_a_fork(tell)
    pair = handshake(pair_in_memory(client_context, server_context))
    assert os.read(reading, 32) != pair.client.client_random()
    os.close(reading)
    os.close(writing)


def test_the_child_is_not_held_up_by_a_thread_of_the_parent(
    connected_over_sockets: Pair, client_context: SSL.Context, server_context: SSL.Context
) -> None:
    """A thread that waits in recv while the process forks does not exist in the child."""
    client, server = connected_over_sockets
    waiting = background(client.recv, 5)
    in_a_fork(lambda: handshake(pair_in_memory(client_context, server_context)))
    server.sendall(b"hello")
    assert waiting.result(10) == b"hello"


def fork_in_the_first(name: str, *files: str) -> None:
    """Fork while another thread calls something that this process has not called before."""
    context = contexts_of(*files)["client"]
    arguments = {"do_handshake": (), "sendall": (b"too early",)}
    kept = []

    def prepare() -> Callable[[], Any]:
        ends = socket.socketpair()
        kept.extend(ends)
        ends[0].setblocking(False)
        if name == "Connection":
            return functools.partial(SSL.Connection, context, ends[0])
        connection = SSL.Connection(context, ends[0])
        connection.set_connect_state()
        return functools.partial(getattr(connection, name), *arguments[name])

    def call(*functions: Callable[[], Any]) -> None:
        with contextlib.suppress(SSL.WantReadError):
            list(map(operator.methodcaller("__call__"), functions))

    ours, theirs = prepare(), prepare()

    def linger() -> None:
        until = time.monotonic() + 0.05
        while time.monotonic() < until:
            pass

    os.register_at_fork(before=linger)  # to let the thread get as far as it can by itself
    # None of this runs Python code: from the start of the thread, `start` waits for the interpreter
    # until the last function gives it away, and keeps it in the middle of that.
    long = functools.partial(sum, range(5_000_000))
    keep = functools.partial(sys.setswitchinterval, 60)
    threading.Thread(target=call, args=(long, keep, ours), daemon=True).start()
    in_a_fork(lambda: call(theirs))


@pytest.mark.parametrize("name", ["Connection", "do_handshake", "sendall"])
def test_the_child_may_call_what_a_thread_was_calling_for_the_first_time(
    name: str, authority: Authority, server_identity: Identity
) -> None:
    files = (authority.file, server_identity.chain_file, server_identity.key_file)
    child.run(fork_in_the_first, name, *files)


REFUSED = "in use by another thread when the process forked"


@deviation
def test_the_child_cannot_use_a_connection_that_a_thread_was_in_the_middle_of(
    client_context: SSL.Context, server_context: SSL.Context, authority: Authority
) -> None:
    pair, going_on, shaking = handshake_in_a_callback(client_context, server_context)
    calls: list[Callable[[], Any]] = [
        pair.client.do_handshake,
        pair.client.get_cipher_name,
        functools.partial(pair.client.send, b"data"),
        functools.partial(pair.client.bio_read, 1),
    ]

    def use() -> None:
        nonlocal pair
        for call in calls:
            with pytest.raises(RuntimeError, match=REFUSED):
                call()
        calls.clear()
        del call, pair
        handshake(pair_in_memory(new_client_context(authority), server_context))

    in_a_fork(use)
    going_on.set()
    shaking.result(PATIENCE)
    assert pair.client.get_cipher_name()


@deviation
def test_the_child_cannot_write_where_a_thread_was_writing(connected_over_sockets: Pair) -> None:
    client, server = connected_over_sockets
    data = bytes(1 << 24)
    writing = background(client.sendall, data)
    receive_exactly(server, 1)
    time.sleep(0.2)  # until it waits for somebody to read

    def use() -> None:
        assert client.get_cipher_name()
        with pytest.raises(RuntimeError, match=REFUSED):
            client.send(b"data")

    in_a_fork(use)
    receive_exactly(server, len(data) - 1)
    assert writing.result(PATIENCE) == len(data)


@deviation
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_child_cannot_use_a_context_that_a_thread_was_in_the_middle_of(
    tmp_path: Path, server_identity: Identity
) -> None:
    inside, going_on = threading.Event(), threading.Event()

    def passphrase(*_: Any) -> bytes:
        inside.set()
        going_on.wait(PATIENCE)
        return b"secret"

    file = tmp_path / "key.pem"
    file.write_bytes(
        server_identity.key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
        )
    )
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_passwd_cb(passphrase)
    loading = background(context.use_privatekey_file, str(file))
    assert inside.wait(PATIENCE)

    def use() -> None:
        for call in (context.get_timeout, functools.partial(SSL.Connection, context)):
            with pytest.raises(RuntimeError, match=REFUSED):
                call()

    in_a_fork(use)
    going_on.set()
    loading.result(PATIENCE)
    SSL.Connection(context)


def test_a_callback_may_fork(client_context: SSL.Context, server_context: SSL.Context) -> None:
    """The thread that is in the middle of its connection is there in the child, too."""

    def verify(connection: SSL.Connection, *_: Any) -> bool:
        in_a_fork(connection.get_state_string)
        return True

    client_context.set_verify(SSL.VERIFY_PEER, verify)
    handshake(pair_in_memory(client_context, server_context))


def test_the_child_may_use_stores_while_a_thread_reads_a_file(tmp_path: Path) -> None:
    fifo = tmp_path / "authorities.pem"
    os.mkfifo(fifo)
    store = crypto.X509Store()
    loading = background(store.load_locations, str(fifo))
    time.sleep(0.1)  # until it waits for somebody to write

    in_a_fork(lambda: store.set_flags(crypto.X509StoreFlags.CRL_CHECK))
    fifo.write_bytes(b"nothing")
    with pytest.raises(crypto.Error):
        loading.result(PATIENCE)


@deviation
def test_those_who_wait_for_a_connection_are_not_in_the_child(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    """A callback forks while others wait for its connection, which the child goes on with."""
    forked = threading.Event()

    def ask_again_and_again() -> None:
        while not forked.is_set():
            pair.client.get_state_string()

    def use() -> None:
        for _ in range(100):
            pair.client.get_state_string()
        others = [background(ask, pair.client) for _ in range(4)]
        time.sleep(0.1)
        handshake(pair_in_memory(client_context, server_context))
        assert not any(each.done() for each in others), "the callback has the connection"

    def ask(connection: SSL.Connection) -> str:
        return connection.get_cipher_name() or ""

    def verify(*_: Any) -> bool:
        waiting = [background(ask_again_and_again) for _ in range(8)]
        time.sleep(0.1)  # until they wait
        in_a_fork(use)
        forked.set()
        assert not any(each.done() and each.exception() for each in waiting)
        return True

    pair = pair_in_memory(client_context, server_context)
    pair.client.set_verify(SSL.VERIFY_PEER, verify)
    handshake(pair)
    assert pair.client.get_cipher_name()
