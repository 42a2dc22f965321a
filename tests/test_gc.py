"""What is no longer reachable goes away, whatever refers to what."""

from __future__ import annotations

import gc
import socket
import weakref
from typing import Any, Callable

import pytest
from OpenSSL import SSL
from support.callbacks import ALL, Callback, Recorder, eager_pair
from support.certificates import Authority, Identity
from support.implementation import deviation
from support.tls import (
    CHUNK,
    flush,
    handshake,
    handshake_over_sockets,
    negotiate,
    new_client_context,
    new_server_context,
    pair_in_memory,
    pair_over,
)

References = list[Callable[[], Any]]


class Witness:
    """Something whose end can be observed."""


def assert_collected(references: References) -> None:
    for _ in range(3):
        gc.collect()
    assert [reference() for reference in references] == [None] * len(references)


def alive() -> int:
    """How many objects of this library exist."""
    gc.collect()
    kinds = (SSL.Connection, SSL.Context, SSL.Session)
    return sum(isinstance(each, kinds) for each in gc.get_objects())


@pytest.mark.parametrize("callback", ALL.values(), ids=ALL.keys())
def test_a_callback_that_refers_to_its_context_is_collected(callback: Callback) -> None:
    def build() -> References:
        context = SSL.Context(SSL.TLS_METHOD)
        witness = Witness()
        callback.install(context, lambda *_: (context, witness))
        return [weakref.ref(context), weakref.ref(witness)]

    assert_collected(build())


@pytest.mark.parametrize("callback", ALL.values(), ids=ALL.keys())
def test_a_callback_that_refers_to_its_connection_is_collected(
    authority: Authority, server_identity: Identity, callback: Callback
) -> None:
    def build() -> References:
        contexts = {
            "client": new_client_context(authority),
            "server": new_server_context(server_identity),
        }
        witness = Witness()
        kept: list[Any] = []

        def keep(*call: Any) -> Any:
            kept.append((call, witness))
            return callback.answer

        callback.install(contexts[callback.role], keep)
        pair = handshake(eager_pair(contexts["client"], contexts["server"], server_identity))
        for end in pair:
            end.set_app_data(kept)
        assert kept
        return [weakref.ref(each) for each in (witness, *pair, *contexts.values())]

    assert_collected(build())


class Stop(BaseException):
    pass


@deviation
def test_what_a_callback_raised_while_data_came_is_collected(
    authority: Authority, server_identity: Identity
) -> None:
    """It waits for the connection's next call, which may not come; its frames know all ends."""

    def build() -> References:
        client_context = new_client_context(authority, SSL.TLS1_2_VERSION)

        def stop(connection: SSL.Connection, where: int, _: int) -> None:
            if where & SSL.SSL_CB_HANDSHAKE_DONE:
                raise Stop

        client_context.set_info_callback(stop)
        server_context = new_server_context(server_identity, SSL.TLS1_2_VERSION)
        pair = pair_in_memory(client_context, server_context)
        while True:
            try:
                assert pair.client.recv(CHUNK) == b"data"
                break
            except SSL.WantReadError:
                flush(*pair)
            try:
                pair.server.do_handshake()
                pair.server.send(b"data")
            except SSL.WantReadError:
                pass
            flush(*pair[::-1])
        return [weakref.ref(each) for each in (*pair, client_context)]

    assert_collected(build())


def cycle_of_everything(authority: Authority, identity: Identity) -> References:
    """A context, its callbacks, connections, sessions and data that all refer to each other."""
    client_context, server_context = new_client_context(authority), new_server_context(identity)
    contexts = {"client": client_context, "server": server_context}
    witness = Witness()
    everything: list[Any] = [witness, contexts]
    for callback in ALL.values():

        def answer(*call: Any, callback: Callback = callback) -> Any:
            everything.append(call)
            return callback.answer

        callback.install(contexts[callback.role], answer)
    client_context.set_app_data(everything)
    server_context.set_app_data(everything)
    pair = eager_pair(client_context, server_context, identity)
    everything.append(pair)
    for end in pair:
        end.set_app_data(everything)
        end.note = everything
        end.set_verify(SSL.VERIFY_PEER, Recorder(everything))
    handshake(pair)
    everything += [pair.client.get_session(), pair.client.get_peer_certificate()]
    return [weakref.ref(each) for each in (witness, client_context, server_context, *pair)]


def test_a_cycle_of_everything_is_collected(
    authority: Authority, server_identity: Identity
) -> None:
    assert_collected(cycle_of_everything(authority, server_identity))


def test_the_ocsp_data_is_collected() -> None:
    def build() -> References:
        context = SSL.Context(SSL.TLS_METHOD)
        witness = Witness()
        context.set_ocsp_server_callback(lambda *_: b"", (witness, context))
        return [weakref.ref(context), weakref.ref(witness)]

    assert_collected(build())


@pytest.mark.filterwarnings("ignore:.*set_passwd_cb:DeprecationWarning")
def test_the_passphrase_callback_and_its_data_are_collected() -> None:
    def build() -> References:
        context = SSL.Context(SSL.TLS_METHOD)
        witness = Witness()
        context.set_passwd_cb(lambda *_: bytes(id(context)), (witness, context))
        return [weakref.ref(context), weakref.ref(witness)]

    assert_collected(build())


def test_the_cookie_callbacks_are_collected() -> None:
    def build() -> References:
        context = SSL.Context(SSL.DTLS_METHOD)
        witness = Witness()
        context.set_cookie_generate_callback(lambda *_: bytes(id(context) + id(witness)))
        context.set_cookie_verify_callback(lambda *_: bool(context and witness))
        SSL.Connection(context)
        return [weakref.ref(context), weakref.ref(witness)]

    assert_collected(build())


def test_a_replaced_callback_is_let_go(authority: Authority) -> None:
    context = new_client_context(authority)
    witness = Witness()
    reference = weakref.ref(witness)
    for callback in ALL.values():
        callback.install(context, lambda *_, witness=witness: witness)
    del witness
    for callback in ALL.values():
        callback.install(context, lambda *_: None)
    assert_collected([reference])


def test_a_socket_that_refers_to_its_connection_is_collected(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    class Remembering(socket.socket):
        connection: Any

    def build() -> References:
        near, far = [Remembering(fileno=end.detach()) for end in socket.socketpair()]
        pair = handshake_over_sockets(pair_over(client_context, server_context, (near, far)))
        near.connection, far.connection = pair
        near.close()
        far.close()
        return [weakref.ref(each) for each in (near, far, *pair)]

    assert_collected(build())


def test_the_app_data_goes_with_its_connection(client_context: SSL.Context) -> None:
    witness = Witness()
    connection = SSL.Connection(client_context)
    connection.set_app_data((witness, connection))
    reference = weakref.ref(witness)
    del connection, witness
    assert_collected([reference])


def test_app_data_is_let_go_when_replaced(client_context: SSL.Context) -> None:
    witness = Witness()
    connection = SSL.Connection(client_context)
    connection.set_app_data(witness)
    reference = weakref.ref(witness)
    del witness
    assert reference() is not None
    connection.set_app_data(None)
    assert reference() is None


def test_without_a_cycle_no_collector_is_needed(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    gc.collect()
    gc.disable()
    try:
        pair = handshake(pair_in_memory(client_context, server_context))
        references = [weakref.ref(end) for end in pair]
        del pair
        assert [reference() for reference in references] == [None, None]
    finally:
        gc.enable()


def test_a_context_lives_as_long_as_its_connections(server_identity: Identity) -> None:
    context = new_server_context(server_identity)
    reference = weakref.ref(context)
    connection = SSL.Connection(context)
    del context
    gc.collect()
    assert connection.get_context() is reference()
    del connection
    assert_collected([reference])


def test_a_context_that_was_left_goes_with_the_connection(server_context: SSL.Context) -> None:
    """Until then its callbacks may still be called."""
    left = SSL.Context(SSL.TLS_METHOD)
    left.set_app_data(left)
    reference = weakref.ref(left)
    connection = SSL.Connection(left)
    connection.set_context(server_context)
    del left, connection
    assert_collected([reference])


def test_a_failed_callback_keeps_nothing_alive(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    references = []

    def fail(connection: SSL.Connection, *_: Any) -> bool:
        witness = Witness()
        references.append(weakref.ref(witness))
        references.append(weakref.ref(connection))
        raise RuntimeError(witness)

    client_context.set_verify(SSL.VERIFY_PEER, fail)
    outcome = negotiate(pair_in_memory(client_context, server_context))
    assert isinstance(outcome.client, RuntimeError)
    del outcome
    assert_collected(references)


def test_a_failed_handshake_keeps_nothing_alive(
    stranger: Authority, server_context: SSL.Context, version: int
) -> None:
    pair = pair_in_memory(new_client_context(stranger, version), server_context)
    assert isinstance(negotiate(pair).client, SSL.Error)
    references = [weakref.ref(end) for end in pair]
    del pair
    assert_collected(references)


def test_the_collector_may_run_inside_a_callback(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    def verify(*_: Any) -> bool:
        cycle = SSL.Context(SSL.TLS_METHOD)
        cycle.set_app_data((cycle, SSL.Connection(SSL.Context(SSL.TLS_METHOD))))
        del cycle
        gc.collect()
        return True

    client_context.set_verify(SSL.VERIFY_PEER, verify)
    for _ in range(20):
        handshake(pair_in_memory(client_context, server_context))


def test_finalizers_may_use_the_library(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    ran = []

    class Final:
        def __del__(self) -> None:
            handshake(pair_in_memory(client_context, server_context))
            ran.append(True)

    connection = SSL.Connection(client_context)
    connection.set_app_data((Final(), connection))
    del connection
    gc.collect()
    assert ran == [True]


@deviation
def test_of_thousands_none_survives(authority: Authority, server_identity: Identity) -> None:
    before = alive()
    references: References = []
    for _ in range(2_000):
        context = SSL.Context(SSL.TLS_METHOD)
        connection = SSL.Connection(context)
        context.note = connection
        connection.set_app_data((context, connection))
        references.append(weakref.ref(connection))
    for _ in range(100):
        references += cycle_of_everything(authority, server_identity)
    del context, connection
    gc.collect()
    gc.collect()
    assert sum(reference() is not None for reference in references) == 0
    assert alive() == before


@deviation
@pytest.mark.parametrize("kind", [SSL.Connection, SSL.Context, SSL.Session])
def test_every_class_takes_part_in_the_collection(kind: type) -> None:
    assert kind.__flags__ & (1 << 14), "Py_TPFLAGS_HAVE_GC"


def test_a_pair_can_be_made_and_dropped_many_times(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    references: References = []
    for _ in range(300):
        pair = handshake(pair_in_memory(client_context, server_context))
        references += [weakref.ref(pair.client), weakref.ref(pair.server)]
    del pair
    assert_collected(references)
