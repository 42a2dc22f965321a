"""Connections and contexts as other projects use them: ordinary Python classes."""

from __future__ import annotations

import dis
import gc
import io
import socket
import sys
import threading
import weakref
from typing import Any, Callable
from unittest import mock

import pytest
from OpenSSL import SSL, crypto
from support.certificates import Identity
from support.implementation import deviation
from support.tls import (
    Pair,
    drain,
    flush,
    handshake,
    handshake_over_sockets,
    pair_in_memory,
    pair_over,
    receive_exactly,
    wait_for,
)

Sockets = tuple[socket.socket, socket.socket]


@pytest.fixture
def fresh(client_context: SSL.Context, server_context: SSL.Context) -> Pair:
    return pair_in_memory(client_context, server_context)


@pytest.mark.parametrize("kind", [SSL.Connection, SSL.Context, SSL.Session])
def test_they_are_classes_of_the_module(kind: type) -> None:
    assert type(kind) is type
    assert kind.__module__ == "OpenSSL.SSL"
    assert kind.__qualname__ == kind.__name__
    assert getattr(SSL, kind.__name__) is kind


# Other arguments, other attributes


class Watched(SSL.Connection):
    """As a database driver does it: other arguments, and attributes before those of the base."""

    def __init__(
        self, context: SSL.Context, sock: Any, ragged_ends: bool, *, label: str = "plain"
    ) -> None:
        self.label = label
        self.ragged_ends = ragged_ends
        self.waited = 0
        super().__init__(context, sock)

    def _call(self, function: Callable[..., Any], *args: Any) -> Any:
        while True:
            try:
                return function(*args)
            except (SSL.WantReadError, SSL.WantWriteError) as waiting:
                self.waited += 1
                wait_for(self, waiting)

    def do_handshake(self) -> None:
        return self._call(super().do_handshake)

    def recv(self, *args: Any) -> bytes:
        try:
            return self._call(super().recv, *args)
        except SSL.SysCallError as end:
            if self.ragged_ends and end.args == (-1, "Unexpected EOF"):
                return b""
            raise

    def sendall(self, buf: Any, flags: int = 0) -> int:
        view = memoryview(buf)
        sent = 0
        while sent < len(view):
            sent += self._call(super().send, view[sent:], flags)
        return sent


def test_a_subclass_with_other_arguments(
    client_context: SSL.Context, server_context: SSL.Context, sockets: Sockets
) -> None:
    for end in sockets:
        end.settimeout(30)
    client = Watched(client_context, sockets[0], True, label="client")
    server = Watched(server_context, sockets[1], ragged_ends=False)
    client.set_connect_state()
    server.set_accept_state()
    handshake_over_sockets(Pair(client, server))
    assert (client.label, server.label) == ("client", "plain")
    assert client.waited + server.waited > 0
    data = bytes(range(256)) * 4096
    sender = threading.Thread(target=client.sendall, args=(data,))
    sender.start()
    received = bytearray()
    while len(received) < len(data):
        received += server.recv(1 << 20)
    sender.join()
    assert received == data
    sockets[1].shutdown(socket.SHUT_WR)
    assert client.recv(1) == b""


def test_a_subclass_of_context(server_identity: Identity, fresh: Pair) -> None:
    class Named(SSL.Context):
        def __init__(self, *, name: str) -> None:
            self.name = name
            super().__init__(SSL.TLS_METHOD)
            self.set_info_callback(lambda *_: None)

    context = Named(name="mine")
    server_identity.install(context)
    connection = SSL.Connection(context)
    assert connection.get_context() is context
    assert connection.get_context().name == "mine"


def test_new_accepts_anything() -> None:
    for kind in (SSL.Connection, SSL.Context):
        assert type(kind.__new__(kind)) is kind
        assert type(kind.__new__(kind, 1, "two", three=3)) is kind


@deviation
@pytest.mark.parametrize(
    "call",
    [
        lambda: SSL.Connection.__new__(SSL.Connection).do_handshake(),
        lambda: SSL.Connection.__new__(SSL.Connection).recv(1),
        lambda: SSL.Connection.__new__(SSL.Connection).send(b"x"),
        lambda: SSL.Connection.__new__(SSL.Connection).get_context(),
        lambda: SSL.Connection.__new__(SSL.Connection).get_session(),
        lambda: SSL.Context.__new__(SSL.Context).set_options(0),
        lambda: SSL.Context.__new__(SSL.Context).get_cert_store(),
        lambda: SSL.Connection(SSL.Context.__new__(SSL.Context)),
    ],
)
def test_an_object_that_was_never_initialised_says_so(call: Callable[[], Any]) -> None:
    """Which error it is matters less than that it is one: pyOpenSSL may recurse or crash."""
    with pytest.raises((RuntimeError, ValueError, TypeError, AttributeError)) as failure:
        call()
    assert not isinstance(failure.value, RecursionError)
    assert "__init__" in str(failure.value) or "initiali" in str(failure.value)


def test_several_bases(fresh: Pair, client_context: SSL.Context) -> None:
    class Counter:
        count = 0

        def __init__(self, *args: Any) -> None:
            self.count = 7
            super().__init__(*args)

        def send(self, *args: Any) -> Any:
            self.count += 1
            return super().send(*args)  # type: ignore[misc]

    class Both(Counter, SSL.Connection):
        pass

    class Other(SSL.Connection, Counter):
        pass

    both = Both(client_context)
    assert both.count == 7
    both.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        both.send(b"x")
    assert both.count == 8
    assert Other(client_context).count == 0


def test_cooperative_bases_with_slots(client_context: SSL.Context) -> None:
    class Slotted(SSL.Connection):
        __slots__ = ("mine",)

    connection = Slotted(client_context)
    connection.mine = 1
    connection.other = 2
    assert (connection.mine, connection.other) == (1, 2)


# Attributes


def test_attributes_of_instances(fresh: Pair) -> None:
    fresh.client.note = "mine"
    assert fresh.client.note == "mine"
    assert fresh.client.__dict__["note"] == "mine"
    del fresh.client.note
    with pytest.raises(AttributeError):
        fresh.client.note  # noqa: B018
    context = fresh.client.get_context()
    context.note = "of the context"
    assert fresh.client.get_context().note == "of the context"


def test_attributes_of_the_classes(fresh: Pair) -> None:
    SSL.Connection.note = "everyone's"
    try:
        assert fresh.client.note == "everyone's"
        assert fresh.server.note == "everyone's"
    finally:
        del SSL.Connection.note
    assert not hasattr(fresh.client, "note")


def test_own_attributes_come_before_those_of_the_socket(
    client_context: SSL.Context, sockets: Sockets
) -> None:
    class Mine(SSL.Connection):
        def getpeername(self) -> str:
            return "mine"

        @property
        def family(self) -> str:
            return "none"

    connection = Mine(client_context, sockets[0])
    assert connection.getpeername() == "mine"
    assert connection.family == "none"
    connection.gettimeout = lambda: 42
    assert connection.gettimeout() == 42


@pytest.mark.parametrize("over_socket", [True, False])
@pytest.mark.parametrize("style", ["super", "by name"])
def test_an_override_of_getattr_asks_the_base(
    client_context: SSL.Context, sockets: Sockets, over_socket: bool, style: str
) -> None:
    class Mine(SSL.Connection):
        def __getattr__(self, name: str) -> Any:
            if name == "mine":
                return 5
            if style == "super":
                return super().__getattr__(name)
            return SSL.Connection.__getattr__(self, name)

    connection = Mine(client_context, sockets[0] if over_socket else None)
    assert connection.mine == 5
    owner = "socket" if over_socket else "Mine"
    with pytest.raises(AttributeError, match=f"^'{owner}' object has no attribute 'absent'$"):
        connection.absent  # noqa: B018
    assert getattr(connection, "family", None) == (sockets[0].family if over_socket else None)


@pytest.mark.parametrize("over_socket", [True, False])
def test_a_connection_is_made_one_of_another_class(
    client_context: SSL.Context, sockets: Sockets, over_socket: bool
) -> None:
    class Mine(SSL.Connection):
        def mine(self) -> int:
            return 5

    connection = SSL.Connection(client_context, sockets[0] if over_socket else None)
    for _ in range(2):
        connection.__class__ = Mine
        assert type(connection) is connection.__class__ is Mine
        assert connection.mine() == 5  # type: ignore[attr-defined]
        assert hasattr(connection, "family") == over_socket
        connection.__class__ = SSL.Connection
        assert connection.__class__ is SSL.Connection
        assert not hasattr(connection, "mine")
        assert hasattr(connection, "family") == over_socket
    for no_class_for_it in (int, socket.socket, "text"):
        with pytest.raises(TypeError):
            connection.__class__ = no_class_for_it  # type: ignore[assignment]
    assert connection.__class__ is SSL.Connection


@deviation
@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the names of 3.11's instructions")
def test_a_call_of_a_method_makes_no_bound_method(fresh: Pair) -> None:
    """CPython finds the method without one only if the class has no hook for attributes."""

    def calls() -> None:
        for _ in range(1000):
            fresh.client.pending()

    calls()
    text = io.StringIO()
    dis.dis(calls, adaptive=True, file=text)
    assert "LOAD_METHOD_WITH_DICT" in text.getvalue()


KINDS: list[type] = [
    SSL.Connection,
    SSL.Context,
    SSL.Session,
    SSL.X509VerificationCodes,
    SSL.Error,
    crypto.PKey,
    crypto.X509,
    crypto.X509Name,
    crypto.X509Store,
    crypto.X509StoreContext,
    crypto.X509StoreFlags,
    crypto.Error,
]


# The other two look their attributes up somewhere else, too.
@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind not in (SSL.Connection, crypto.X509Name)]
)
def test_a_missing_attribute_is_told_with_the_name_of_the_class(kind: type) -> None:
    with pytest.raises(AttributeError, match=f"^'{kind.__name__}' object has no attribute 'no'$"):
        kind.__new__(kind).no  # noqa: B018


@pytest.mark.filterwarnings("ignore:X509Name:DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_objects_take_attributes_and_weak_references(kind: type) -> None:
    plain: Any = kind.__new__(kind)
    vars(plain)["note"] = "mine"
    assert plain.note == "mine"
    assert weakref.ref(plain)() is plain


def test_weak_references(client_context: SSL.Context) -> None:
    connection = SSL.Connection(client_context)
    context = SSL.Context(SSL.TLS_METHOD)
    died: list[Any] = []
    references = [
        weakref.ref(connection, died.append),
        weakref.ref(context, died.append),
    ]
    assert [reference() for reference in references] == [connection, context]
    weak = weakref.WeakKeyDictionary({connection: 1, context: 2})
    assert weak[connection] == 1
    del connection, context
    gc.collect()
    assert len(died) == 2
    assert not weak


def test_identity_is_equality(fresh: Pair) -> None:
    assert fresh.client == fresh.client
    assert fresh.client != fresh.server
    assert len({fresh.client, fresh.server, fresh.client}) == 2
    assert "Connection" in repr(fresh.client)


# Patches


def test_a_method_is_patched_on_the_class(fresh: Pair) -> None:
    with mock.patch.object(SSL.Connection, "recv", return_value=b"patched"):
        assert fresh.client.recv(1) == b"patched"
    with pytest.raises(SSL.WantReadError):
        fresh.client.recv(1)


def test_a_method_is_patched_on_the_object(fresh: Pair) -> None:
    with mock.patch.object(fresh.client, "do_handshake", side_effect=SSL.ZeroReturnError):
        with pytest.raises(SSL.ZeroReturnError):
            fresh.client.do_handshake()
        assert fresh.client.do_handshake.call_count == 1
    with pytest.raises(SSL.WantReadError):
        fresh.client.do_handshake()


def test_a_patched_method_may_call_the_real_one(fresh: Pair) -> None:
    real = SSL.Connection.bio_read
    sizes = []

    def spy(self: SSL.Connection, size: int) -> bytes:
        sizes.append(size)
        return real(self, size)

    with mock.patch.object(SSL.Connection, "bio_read", spy):
        handshake(fresh)
    assert len(sizes) > 2
    assert SSL.Connection.bio_read is real


def test_a_class_is_patched_in_the_module(client_context: SSL.Context) -> None:
    with mock.patch("OpenSSL.SSL.Connection", autospec=True) as stand_in:
        SSL.Connection(client_context).do_handshake()
    stand_in.assert_called_once_with(client_context)
    assert isinstance(SSL.Connection(client_context), SSL.Connection)


def test_constants_can_be_assigned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SSL, "OP_NO_TLSv1_3", 0)
    context = SSL.Context(SSL.TLS_METHOD)
    assert context.set_options(SSL.OP_NO_TLSv1_3) == context.set_options(0)


def test_a_mock_stands_in_for_a_connection() -> None:
    stand_in = mock.create_autospec(SSL.Connection, instance=True)
    stand_in.recv.return_value = b"data"
    assert stand_in.recv(4) == b"data"
    assert isinstance(stand_in, SSL.Connection)
    with pytest.raises(AttributeError):
        stand_in.imaginary()


# As they are used


def test_the_methods_of_a_connection_can_be_wrapped_one_by_one(
    client_context: SSL.Context, server_context: SSL.Context, sockets: Sockets
) -> None:
    """As a web server does it: a proxy class whose methods take a lock first."""

    def locked(name: str) -> Callable[..., Any]:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            with self._lock:
                return getattr(self._ssl_conn, name)(*args, **kwargs)

        return method

    class Proxy:
        def __init__(self, *args: Any) -> None:
            self._ssl_conn = SSL.Connection(*args)
            self._lock = threading.RLock()

    for name in ("recv", "send", "sendall", "do_handshake", "pending", "close", "shutdown"):
        setattr(Proxy, name, locked(name))
    pair = pair_over(client_context, server_context, sockets)
    proxy = Proxy(client_context, pair.client)  # a connection is an object with fileno
    assert proxy._ssl_conn.fileno() == sockets[0].fileno()
    handshake_over_sockets(pair)
    wrapped = Proxy.__new__(Proxy)
    wrapped._ssl_conn, wrapped._lock = pair.client, threading.RLock()
    assert wrapped.send(b"hello") == 5  # type: ignore[attr-defined]
    assert receive_exactly(pair.server, 5) == b"hello"


def test_the_socket_of_a_cooperative_scheduler(
    client_context: SSL.Context, server_context: SSL.Context, sockets: Sockets
) -> None:
    """As a green-thread library does it: a wrapper that waits by yielding, around the real one."""

    class Green:
        def __init__(self, context: SSL.Context, sock: socket.socket) -> None:
            sock.setblocking(False)
            self.fd = SSL.Connection(context, sock)
            self.yielded = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(self.fd, name)

        def steps(self, function: Callable[..., Any], *args: Any) -> Any:
            while True:
                try:
                    return function(*args)
                except (SSL.WantReadError, SSL.WantWriteError):
                    self.yielded += 1
                    yield

    client, server = Green(client_context, sockets[0]), Green(server_context, sockets[1])
    client.set_connect_state()
    server.set_accept_state()
    tasks = [client.steps(client.do_handshake), server.steps(server.do_handshake)]
    while tasks:
        for task in list(tasks):
            try:
                next(task)
            except StopIteration:
                tasks.remove(task)
    assert client.yielded
    assert client.get_finished() == server.get_peer_finished()


def test_an_event_driven_protocol_keeps_itself_in_the_app_data(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    """As Twisted does it: memory, app data, and an info callback that sets names and checks."""
    events: list[Any] = []

    class Protocol:
        def __init__(self, context: SSL.Context) -> None:
            self.connection = SSL.Connection(context, None)
            self.connection.set_app_data(self)

        def verify(self, connection: SSL.Connection) -> None:
            certificate = connection.get_peer_certificate()
            assert certificate is not None
            events.append(("verified", certificate.to_cryptography().subject))

    def info(connection: SSL.Connection, where: int, code: int) -> None:
        if where & SSL.SSL_CB_HANDSHAKE_START:
            connection.set_tlsext_host_name(b"localhost")
            events.append("named")
        elif where & SSL.SSL_CB_HANDSHAKE_DONE:
            connection.get_app_data().verify(connection)

    client_context.set_info_callback(info)
    protocol = Protocol(client_context)
    protocol.connection.set_connect_state()
    server = SSL.Connection(server_context, None)
    server.set_accept_state()
    handshake(Pair(protocol.connection, server))
    assert events[0] == "named"
    assert events[1][0] == "verified"
    assert server.get_servername() == b"localhost"


def test_a_connection_is_an_object_to_wait_for(connected_over_sockets: Pair) -> None:
    """Its fileno is that of an override, where there is one."""

    class Elsewhere(SSL.Connection):
        def fileno(self) -> int:
            return -7

    client, _ = connected_over_sockets
    assert client.fileno() > 0
    assert Elsewhere(client.get_context(), client).fileno() == -7


def test_an_override_of_send_does_not_change_sendall(connected: Pair) -> None:
    """Nor does the reference's sendall call send."""

    class Deaf(SSL.Connection):
        def send(self, buf: Any, flags: int = 0) -> int:
            raise AssertionError("not called")

        write = send

    deaf = Deaf(connected.client.get_context())
    deaf.set_connect_state()
    server = SSL.Connection(connected.server.get_context())
    server.set_accept_state()
    handshake(Pair(deaf, server))
    assert deaf.sendall(b"hello") == 5
    flush(deaf, server)
    assert server.recv(5) == b"hello"


def test_set_connect_state_may_be_overridden(client_context: SSL.Context, sockets: Sockets) -> None:
    """connect_ex calls it, as the reference does."""
    called = []

    class Noted(SSL.Connection):
        def set_connect_state(self) -> None:
            called.append(self)
            super().set_connect_state()

    connection = Noted(client_context, mock.Mock(fileno=sockets[0].fileno, connect_ex=lambda _: 0))
    assert connection.connect_ex(("host", 1)) == 0
    assert called == [connection]


def test_accept_makes_plain_connections(server_context: SSL.Context, sockets: Sockets) -> None:
    class Mine(SSL.Connection):
        pass

    listener = mock.Mock(fileno=sockets[0].fileno, accept=lambda: (sockets[1], "address"))
    connection, address = Mine(server_context, listener).accept()
    assert connection.__class__ is SSL.Connection
    assert address == "address"


def test_text_for_a_connection_without_a_socket_is_kept(fresh: Pair) -> None:
    with pytest.raises(SSL.WantReadError):
        fresh.client.do_handshake()
    assert drain(fresh.client)
    assert fresh.client.__class__ is SSL.Connection
