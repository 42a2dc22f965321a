"""Where this project differs from pyOpenSSL on purpose: one section for each row of its list.

What crashes pyOpenSSL runs in a process of its own, so that a crash is a failed test.
"""

from __future__ import annotations

import asyncio
import copy
import errno
import gc
import os
import pickle
import signal
import socket
import threading
from array import array
from pathlib import Path
from typing import Any, Callable

import pytest
from OpenSSL import SSL, crypto
from support import child
from support.callbacks import ALL, DECIDING, Callback, Recorder, eager_pair
from support.certificates import Authority, Identity
from support.implementation import deviation, error_queue_is_empty
from support.network import tcp_pair
from support.threads import PATIENCE, at_once, background
from support.tls import (
    Contexts,
    Pair,
    drain,
    flush,
    handshake,
    handshake_over_sockets,
    negotiate,
    new_client_context,
    new_server_context,
    pair_in_memory,
    pair_over,
    reasons,
    receive_exactly,
)

pytestmark = deviation

Sockets = tuple[socket.socket, socket.socket]

RAISED_BY_THE_CALL = {name: each for name, each in DECIDING.items() if name != "server name"}


# An exception belongs to the connection whose call ran the callback.


@pytest.mark.parametrize("callback", RAISED_BY_THE_CALL.values(), ids=RAISED_BY_THE_CALL.keys())
def test_exceptions_of_threads_stay_with_their_connections(
    contexts: Contexts, client_identity: Identity, callback: Callback
) -> None:
    class Failure(Exception):
        pass

    def fail(connection: SSL.Connection, *_: Any) -> Any:
        raise Failure(connection)

    callback.install(contexts[callback.role], fail)
    first = eager_pair(contexts["client"], contexts["server"], client_identity)

    def run() -> None:
        for _ in range(50):
            pair = pair_in_memory(contexts["client"], contexts["server"])
            pair.client.request_ocsp()
            failure = getattr(negotiate(pair), callback.role)
            assert type(failure) is Failure
            assert failure.args == (getattr(pair, callback.role),)

    at_once(run, run, run, run)
    assert type(getattr(negotiate(first), callback.role)) is Failure


def test_an_exception_stays_with_its_connection_while_another_goes_on(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    """The other connection meets its own end of the network, not a stranger's exception."""
    failure = RuntimeError("of the first")

    def verify(connection: SSL.Connection, *_: Any) -> bool:
        if connection.get_app_data() == "first":
            raise failure
        return True

    client_context.set_verify(SSL.VERIFY_PEER, verify)
    first, second = (pair_in_memory(client_context, server_context) for _ in range(2))
    first.client.set_app_data("first")
    assert negotiate(first).client is failure
    with pytest.raises(SSL.WantReadError):
        second.client.do_handshake()
    handshake(second)


def test_an_exception_of_a_connections_own_verify_is_raised(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    failure = RuntimeError("from the callback")

    def fail(*_: Any) -> bool:
        raise failure

    pair = pair_in_memory(client_context, server_context)
    pair.client.set_verify(SSL.VERIFY_PEER, fail)
    assert negotiate(pair).client is failure


def test_an_exception_is_raised_once(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    def fail(*_: Any) -> bool:
        raise RuntimeError("from the callback")

    client_context.set_verify(SSL.VERIFY_PEER, fail)
    pair = pair_in_memory(client_context, server_context)
    assert isinstance(negotiate(pair).client, RuntimeError)
    with pytest.raises(SSL.Error):
        pair.client.do_handshake()


def test_an_exception_leaves_no_trace_in_the_queue(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    def fail(*_: Any) -> bool:
        raise RuntimeError("from the callback")

    client_context.set_verify(SSL.VERIFY_PEER, fail)
    pair = pair_in_memory(client_context, server_context)
    negotiate(pair)
    assert error_queue_is_empty()


# Interrupts pass through every callback, and no handshake succeeds.


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
@pytest.mark.parametrize("callback", ALL.values(), ids=ALL.keys())
def test_an_interrupt_in_a_callback_is_raised_and_fails_the_handshake(
    contexts: Contexts,
    client_identity: Identity,
    callback: Callback,
    interrupt: type[BaseException],
) -> None:
    raised: list[BaseException] = []

    def stop(*_: Any) -> Any:
        raised.append(interrupt())
        raise raised[-1]

    callback.install(contexts[callback.role], stop)
    pair = eager_pair(contexts["client"], contexts["server"], client_identity)
    failure = getattr(negotiate(pair), callback.role)
    assert failure is raised[0]


def test_an_interrupt_in_the_passphrase_callback_is_raised(server_identity: Identity) -> None:
    from cryptography.hazmat.primitives import serialization

    key = server_identity.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )

    def stop(*_: Any) -> bytes:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crypto.load_privatekey(crypto.FILETYPE_PEM, key, stop)


def test_an_interrupt_in_a_cookie_callback_is_raised(server_identity: Identity) -> None:
    def stop(*_: Any) -> bytes:
        raise KeyboardInterrupt

    context = new_server_context(server_identity, method=SSL.DTLS_METHOD)
    context.set_cookie_generate_callback(stop)
    context.set_cookie_verify_callback(lambda *_: False)
    pair = pair_in_memory(SSL.Context(SSL.DTLS_METHOD), context)
    with pytest.raises(SSL.WantReadError):
        pair.client.do_handshake()
    flush(*pair)
    with pytest.raises(KeyboardInterrupt):
        pair.server.DTLSv1_listen()


# The store of a context outlives it.


def use_an_orphaned_store(ca_file: str) -> int:
    certificate = crypto.load_certificate(crypto.FILETYPE_PEM, Path(ca_file).read_bytes())
    for _ in range(200):
        store = SSL.Context(SSL.TLS_METHOD).get_cert_store()
        gc.collect()
        store.add_cert(certificate)
        store.set_flags(crypto.X509StoreFlags.CRL_CHECK)
    return 1


def test_the_store_of_a_dead_context_can_be_used(authority: Authority) -> None:
    assert child.run(use_an_orphaned_store, authority.file) == 1


# A verify callback without a current certificate.


def verify_without_a_certificate(ca_file: str, chain_file: str, key_file: str) -> list[Any]:
    """An explicit policy is missing: OpenSSL complains about the chain as a whole."""
    calls = []

    def verify(
        connection: SSL.Connection, certificate: Any, error: int, depth: int, ok: int
    ) -> bool:
        calls.append([certificate is None, error, ok])
        return bool(ok)

    client_context = SSL.Context(SSL.TLS_METHOD)
    client_context.load_verify_locations(ca_file)
    client_context.set_verify(SSL.VERIFY_PEER, verify)
    store = client_context.get_cert_store()
    store.set_flags(crypto.X509StoreFlags.POLICY_CHECK | crypto.X509StoreFlags.EXPLICIT_POLICY)
    server_context = SSL.Context(SSL.TLS_METHOD)
    server_context.use_certificate_chain_file(chain_file)
    server_context.use_privatekey_file(key_file)
    outcome = negotiate(pair_in_memory(client_context, server_context))
    assert reasons(outcome.client) == ["certificate verify failed"]
    return calls


def test_a_verify_callback_gets_none_where_there_is_no_certificate(
    authority: Authority, server_identity: Identity
) -> None:
    calls = child.run(
        verify_without_a_certificate,
        authority.file,
        server_identity.chain_file,
        server_identity.key_file,
    )
    assert [True, SSL.X509VerificationCodes.ERR_NO_EXPLICIT_POLICY, 0] in calls


# set_context in the SNI callback, the old context gone, and then a renegotiation.


def renegotiate_after_the_old_context_is_gone(ca_file: str, chain_file: str, key_file: str) -> int:
    verify = Recorder()

    def server_side() -> SSL.Context:
        context = SSL.Context(SSL.TLSv1_2_METHOD)
        context.use_certificate_chain_file(chain_file)
        context.use_privatekey_file(key_file)
        context.load_verify_locations(ca_file)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_options(SSL.OP_NO_TICKET)
        context.set_verify(SSL.VERIFY_PEER, verify)
        return context

    new, old = server_side(), server_side()
    old.set_tlsext_servername_callback(lambda connection: connection.set_context(new))
    old.set_info_callback(lambda *_: None)
    client_context = SSL.Context(SSL.TLS_METHOD)
    client_context.use_certificate_chain_file(chain_file)
    client_context.use_privatekey_file(key_file)
    pair = handshake(pair_in_memory(client_context, old))
    before = len(verify.calls)
    del old
    for _ in range(3):
        gc.collect()
        [SSL.Context(SSL.TLS_METHOD) for _ in range(50)]  # over the memory of the old one
    pair.server.renegotiate()
    for _ in range(10):
        for end in pair:
            for step in (end.do_handshake, lambda end=end: end.recv(1)):
                try:
                    step()
                except SSL.WantReadError:
                    pass
        flush(*pair)
        flush(*pair[::-1])
    assert pair.server.total_renegotiations() == 1
    assert len(verify.calls) > before, "the callbacks live as long as the connection"
    return len(verify.calls)


def test_callbacks_outlive_the_context_they_came_from(
    authority: Authority, server_identity: Identity
) -> None:
    child.run(
        renegotiate_after_the_old_context_is_gone,
        authority.file,
        server_identity.chain_file,
        server_identity.key_file,
    )


# A descriptor that was closed and given to something else.


@pytest.mark.parametrize("method", ["send", "sendall"])
def test_nothing_is_written_into_a_file_that_took_the_descriptor(
    connected_over_sockets: Pair, sockets: Sockets, tmp_path: Path, method: str
) -> None:
    descriptor = sockets[0].fileno()
    sockets[0].close()
    file = tmp_path / "unrelated"
    with file.open("wb") as unrelated:
        os.dup2(unrelated.fileno(), descriptor)
        try:
            with pytest.raises(SSL.SysCallError) as closed:
                getattr(connected_over_sockets.client, method)(b"secret")
        finally:
            os.close(descriptor)
    assert closed.value.args == (errno.EBADF, "EBADF")
    assert file.read_bytes() == b""


@pytest.mark.parametrize("call", ["recv", "shutdown", "do_handshake"])
def test_nothing_is_read_from_a_socket_that_took_the_descriptor(
    client_context: SSL.Context, server_context: SSL.Context, call: str
) -> None:
    ends, others = tcp_pair(), tcp_pair()
    pair = handshake_over_sockets(pair_over(client_context, server_context, ends))
    if call == "do_handshake":
        pair = pair_over(client_context, server_context, ends)
    descriptor = ends[0].fileno()
    ends[0].close()
    os.dup2(others[0].fileno(), descriptor)
    others[1].sendall(b"of another conversation")
    try:
        with pytest.raises(SSL.SysCallError) as closed:
            pair.client.recv(100) if call == "recv" else getattr(pair.client, call)()
    finally:
        os.close(descriptor)
    assert closed.value.args == (errno.EBADF, "EBADF")
    assert others[0].recv(100) == b"of another conversation"
    for end in (*ends, *others):
        end.close()


# Nothing to read or write is no error.


def test_nothing_is_not_an_error_in_memory(connected: Pair) -> None:
    client, server = connected
    client.send(b"waiting")
    flush(client, server)
    for end in connected:
        assert end.recv(0) == b""
        assert end.read(0) == b""
        assert end.recv(0, socket.MSG_PEEK) == b""
        assert end.recv_into(bytearray()) == 0
        assert end.recv_into(bytearray(4), 0) == 0
        assert end.send(b"") == 0
        assert end.write(b"") == 0
        assert end.sendall(b"") == 0
        assert end.bio_read(0) == b""
        assert end.bio_write(b"") == 0
    assert drain(client) == drain(server) == b""
    assert server.recv(100) == b"waiting"


def test_nothing_is_not_an_error_over_sockets(connected_over_sockets: Pair) -> None:
    for end in connected_over_sockets:
        assert end.recv(0) == b""
        assert end.recv_into(bytearray()) == 0
        assert end.send(b"") == 0


# recv_into a buffer that cannot be written to.


@pytest.mark.parametrize("buffer", [b"....", memoryview(b"....")], ids=["bytes", "memoryview"])
def test_a_read_only_buffer_costs_no_data(connected: Pair, buffer: Any) -> None:
    connected.client.send(b"data")
    flush(*connected)
    with pytest.raises(TypeError):
        connected.server.recv_into(buffer)
    assert connected.server.recv(100) == b"data"


# recv_into counts bytes.


def test_recv_into_counts_bytes(connected: Pair) -> None:
    connected.client.send(bytes(range(16)))
    flush(*connected)
    buffer = array("I", [0] * 3)
    assert connected.server.recv_into(buffer) == 12
    assert buffer.tobytes() == bytes(range(12))
    assert connected.server.recv_into(memoryview(buffer), 3) == 3
    assert buffer.tobytes() == bytes([12, 13, 14, *range(3, 12)])


# Signals during blocking calls: see test_signals for those that end them.


@pytest.fixture
def poke() -> Any:
    """Signals the main thread until told to stop, and counts how often its handler ran."""
    handled = threading.Semaphore(0)
    before = signal.signal(signal.SIGUSR1, lambda *_: handled.release())
    yield lambda: (
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1),
        handled.acquire(timeout=PATIENCE),
    )[1]
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("call", ["recv", "recv_into", "peek"])
def test_a_handled_signal_does_not_end_a_read(
    connected_over_sockets: Pair, poke: Callable[[], bool], call: str
) -> None:
    client, server = connected_over_sockets

    def disturb_then_send() -> None:
        assert all(poke() for _ in range(5))
        client.send(b"hello")

    disturbing = background(disturb_then_send)
    if call == "recv":
        assert server.recv(5) == b"hello"
    elif call == "peek":
        assert server.recv(5, socket.MSG_PEEK) == b"hello"
    else:
        assert server.recv_into(bytearray(5)) == 5
    disturbing.result(PATIENCE)


@pytest.mark.parametrize("call", ["send", "sendall"])
def test_a_handled_signal_does_not_end_a_write(
    connected_over_sockets: Pair, poke: Callable[[], bool], call: str
) -> None:
    client, server = connected_over_sockets
    data = bytes(range(256)) * (1 << 16)

    def disturb_then_receive() -> bytes:
        assert all(poke() for _ in range(5))
        return receive_exactly(server, len(data))

    receiving = background(disturb_then_receive)
    if call == "sendall":
        assert client.sendall(data) == len(data)
    else:
        view = memoryview(data)
        while view:
            view = view[client.send(view) :]
    assert receiving.result(PATIENCE) == data


def test_a_handled_signal_does_not_end_a_handshake(
    client_context: SSL.Context,
    server_context: SSL.Context,
    sockets: Sockets,
    poke: Callable[[], bool],
) -> None:
    pair = pair_over(client_context, server_context, sockets)

    def disturb_then_connect() -> None:
        assert all(poke() for _ in range(5))
        pair.client.do_handshake()

    connecting = background(disturb_then_connect)
    pair.server.do_handshake()
    connecting.result(PATIENCE)


# sendall on a socket that does not block.


def test_sendall_says_how_much_it_sent(connected_over_sockets: Pair, sockets: Sockets) -> None:
    client, server = connected_over_sockets
    sockets[0].setblocking(False)
    data = bytes(range(256)) * (1 << 16)
    with pytest.raises(SSL.WantWriteError) as waiting:
        client.sendall(data)
    sent = waiting.value.bytes_sent  # type: ignore[attr-defined]
    assert 0 < sent < len(data)
    assert waiting.value.args == ()
    receiving = background(receive_exactly, server, len(data))
    sockets[0].setblocking(True)
    assert client.sendall(memoryview(data)[sent:]) == len(data) - sent
    assert receiving.result(PATIENCE) == data


# A server name that OpenSSL refuses.


@pytest.mark.parametrize("name", [b"", b"x" * 256])
def test_a_refused_server_name_is_an_error_at_once(
    client_context: SSL.Context, server_context: SSL.Context, name: bytes
) -> None:
    pair = pair_in_memory(client_context, server_context)
    with pytest.raises(SSL.Error) as refusal:
        pair.client.set_tlsext_host_name(name)
    assert "servername" in reasons(refusal.value)[0]
    assert error_queue_is_empty()
    with pytest.raises(SSL.Error) as failure:
        SSL.Context(SSL.TLS_METHOD).set_cipher_list(b"imaginary")
    assert reasons(failure.value) == ["no cipher match"]
    handshake(pair)


# A connection that begins anew takes no plain text for data.


@pytest.mark.parametrize("asks", ["before", "after", "never"])
@pytest.mark.parametrize("side", ["client", "server"])
def test_a_connection_that_begins_anew_takes_no_plain_text_for_data(
    authority: Authority, server_identity: Identity, side: str, asks: str
) -> None:
    server_context = new_server_context(server_identity, SSL.TLS1_2_VERSION)
    pair = handshake(pair_in_memory(new_client_context(authority), server_context))
    end = getattr(pair, side)
    begin = end.set_connect_state if side == "client" else end.set_accept_state
    if asks == "before":
        assert end.renegotiate()
        with pytest.raises(ValueError, match="renegotiation"):
            begin()
    else:
        begin()
    if asks == "after":
        assert end.renegotiate()
    end.bio_write(b"\x17\x03\x03\x00\x05hello")
    for _ in range(3):
        with pytest.raises(SSL.Error):
            end.recv(100)


def test_a_connection_that_has_been_used_can_begin_anew(connected: Pair) -> None:
    connected.client.set_connect_state()
    connected.server.set_accept_state()
    handshake(connected)
    connected.client.sendall(b"again")
    flush(connected.client, connected.server)
    assert connected.server.recv(100) == b"again"


# Two threads on one connection: see test_threads.


def hammer_one_connection(ca_file: str, chain_file: str, key_file: str) -> int:
    server_context = SSL.Context(SSL.TLS_METHOD)
    server_context.use_certificate_chain_file(chain_file)
    server_context.use_privatekey_file(key_file)
    client_context = SSL.Context(SSL.TLS_METHOD)
    client_context.load_verify_locations(ca_file)
    ends = tcp_pair()
    client, server = handshake_over_sockets(pair_over(client_context, server_context, ends))
    data = b"x" * 4096
    rounds = 500

    def send(end: SSL.Connection) -> Callable[[], Any]:
        return lambda: [end.sendall(data) for _ in range(rounds)]

    def receive(end: SSL.Connection) -> Callable[[], Any]:
        return lambda: receive_exactly(end, rounds * len(data))

    def ask(end: SSL.Connection) -> Callable[[], Any]:
        return lambda: [
            (end.get_cipher_name(), end.pending(), end.get_session(), end.get_shutdown())
            for _ in range(rounds)
        ]

    at_once(*(act(end) for end in (client, server) for act in (send, receive, ask)))
    return rounds


def test_threads_on_one_connection_do_not_crash(files: tuple[Path, ...]) -> None:
    assert child.run(hammer_one_connection, *files) == 500


# No copies.


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_connections_and_contexts_have_no_copies(
    connected: Pair, duplicate: Callable[[Any], Any]
) -> None:
    for thing in (connected.client, connected.client.get_context()):
        with pytest.raises(TypeError):
            duplicate(thing)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_connections_over_sockets_have_no_copies(
    connected_over_sockets: Pair, duplicate: Callable[[Any], Any]
) -> None:
    with pytest.raises(TypeError):
        duplicate(connected_over_sockets.client)


# A socket without a usable descriptor.


def test_a_closed_socket_is_a_value_error(client_context: SSL.Context, sockets: Sockets) -> None:
    sockets[0].close()
    with pytest.raises(ValueError, match="descriptor"):
        SSL.Connection(client_context, sockets[0])


@pytest.mark.parametrize("descriptor", [-1, -(2**31)])
def test_a_negative_descriptor_is_a_value_error(
    client_context: SSL.Context, descriptor: int
) -> None:
    with pytest.raises(ValueError, match="descriptor"):
        SSL.Connection(client_context, descriptor)


@pytest.mark.parametrize("descriptor", [2**31, 2**64])
def test_a_descriptor_out_of_range_is_refused(client_context: SSL.Context, descriptor: int) -> None:
    with pytest.raises((OverflowError, ValueError)):
        SSL.Connection(client_context, descriptor)
