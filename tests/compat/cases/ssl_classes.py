"""Context, Connection and Session as Python classes: subclasses, attributes, copies, patches."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from functools import partial
from typing import Any
from unittest import mock

from observe import Observer, each
from OpenSSL import SSL
from support import (
    TLS13,
    Pair,
    client_context,
    context,
    failing_handshake,
    memory_pair,
    server_context,
)

CLASSES = {"Context": SSL.Context, "Connection": SSL.Connection, "Session": SSL.Session}


def case_names(o: Observer) -> None:
    for name, kind in CLASSES.items():
        o.see(f"{name}: module", kind.__module__)
        o.see(f"{name}: qualified name", kind.__qualname__)
        o.see(f"{name}: bases", list(kind.__bases__))
        o.see(f"{name}: metaclass", type(kind))


def case_other_init(o: Observer) -> None:
    """Subclasses whose __init__ takes other arguments and calls ours later."""

    class Ctx(SSL.Context):
        def __init__(self, name: str, *, strict: bool = False) -> None:
            self.name = name
            super().__init__(SSL.TLS_METHOD)
            self.strict = strict

    class Conn(SSL.Connection):
        def __init__(self, ctx: Ctx, *args: Any, **kwargs: Any) -> None:
            self.early = kwargs
            super().__init__(ctx)

    ctx = o.call("context", Ctx, "a name", strict=True)
    o.see("attributes", (ctx.name, ctx.strict))
    conn = o.call("connection", Conn, ctx, 1, 2, extra=3)
    o.see("its attributes", conn.early)
    o.call("works", conn.get_state_string)
    o.call("wrong arguments", Ctx)


def case_several_bases(o: Observer) -> None:
    class Mixin:
        def __init__(self, *args: Any) -> None:
            self.mixed = args
            super().__init__(*args)

    class Ctx(Mixin, SSL.Context):
        pass

    class Other(SSL.Context, Mixin):
        pass

    o.call("mixin first", Ctx, SSL.TLS_METHOD)
    o.see("its arguments", Ctx(SSL.TLS_METHOD).mixed)
    o.call("mixin last", Other, SSL.TLS_METHOD)


def case_two_of_our_bases(o: Observer) -> None:
    o.call("both", type, "Both", (SSL.Context, SSL.Connection), {})


def case_attributes(o: Observer) -> None:
    for name, thing in {
        "context": context(TLS13),
        "connection": SSL.Connection(context(TLS13)),
        "session": SSL.Session(),
    }.items():
        thing.extra = 5
        o.see(f"{name}: attribute", thing.extra)
        o.see(f"{name}: in __dict__", "extra" in vars(thing))
        o.see(f"{name}: weak reference", weakref.ref(thing)() is thing)
        o.see(f"{name}: hash", hash(thing) == hash(thing))
        o.see(f"{name}: equal to itself", thing == thing)
        o.see(f"{name}: starts like", repr(thing).split(" at ")[0])
    o.see("two contexts", context(TLS13) == context(TLS13))
    o.call("order", lambda: context(TLS13) < context(TLS13))


def case_attributes_of_classes(o: Observer) -> None:
    """Attributes set on the classes; constants assigned in the module."""
    SSL.Connection.extra = "class"
    o.see("through an instance", SSL.Connection(context(TLS13)).extra)
    del SSL.Connection.extra
    o.call("gone", lambda: SSL.Connection(context(TLS13)).extra)
    SSL.OP_NO_TLSv1_3 = 0
    o.see("constant", SSL.OP_NO_TLSv1_3)


def case_patched_methods(o: Observer) -> None:
    with mock.patch.object(SSL.Connection, "send", return_value="patched"):
        o.see("send", SSL.Connection(context(TLS13)).send(b"data"))
        o.call("write", SSL.Connection(context(TLS13)).write, b"data")
    with mock.patch.object(SSL.Context, "set_cipher_list") as patched:
        context(TLS13).set_cipher_list(b"ciphers")
        o.see("called", patched.called)
    o.call("send again", SSL.Connection(context(TLS13)).send, b"data")


def case_overridden_methods(o: Observer) -> None:
    """Which methods call which others."""

    class Conn(SSL.Connection):
        def send(self, *args: Any, **kwargs: Any) -> Any:
            o.see("send is called", args)
            return super().send(*args, **kwargs)

        def recv(self, *args: Any, **kwargs: Any) -> Any:
            o.see("recv is called", args)
            return super().recv(*args, **kwargs)

        def renegotiate_pending(self) -> Any:
            o.see("renegotiate_pending is called", True)
            return super().renegotiate_pending()

        def set_connect_state(self) -> None:
            o.see("set_connect_state is called", True)
            super().set_connect_state()

        def fileno(self) -> int:
            o.see("fileno is called", True)
            return 0

    pair = Pair(Conn(client_context()), SSL.Connection(server_context()))
    pair.handshake()
    o.call("sendall", pair.client.sendall, b"data")
    o.call("write", pair.client.write, b"data")
    pair.server.send(b"data")
    pair.move()
    o.call("read", pair.client.read, 2)
    o.call("recv_into", pair.client.recv_into, bytearray(2))
    o.call("renegotiate", pair.client.renegotiate)

    class Ctx(SSL.Context):
        def set_mode(self, mode: int) -> int:
            o.see("set_mode is called", mode)
            return super().set_mode(mode)

        def set_min_proto_version(self, version: int) -> None:
            o.see("set_min_proto_version is called", version)
            super().set_min_proto_version(version)

    o.call("context", Ctx, SSL.TLSv1_2_METHOD)


def case_callbacks_of_subclasses(o: Observer) -> None:
    """A callback gets the very object, of its class."""

    class Conn(SSL.Connection):
        pass

    client = client_context()
    client.set_verify(SSL.VERIFY_PEER, o.callback("verify", True))
    pair = Pair(o.name("client", Conn(client)), SSL.Connection(server_context()))
    failing_handshake(o, pair)


def case_socket_attribute(o: Observer) -> None:
    """Programs read and replace `_socket`."""
    import socket

    near, far = socket.socketpair()
    conn = SSL.Connection(context(TLS13), near)
    o.see("it is the socket", conn._socket is near)
    o.see("none for memory", SSL.Connection(context(TLS13))._socket)
    conn._socket = far
    o.see("attributes come from the new one", conn.fileno() == far.fileno())
    conn._socket = None
    o.call("from none", lambda: conn.fileno())


COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": pickle.dumps,
}


@each(COPIES)
def case_copies(o: Observer, make: Any) -> None:
    o.call("connection", make, SSL.Connection(context(TLS13)))
    o.call("context", make, context(TLS13))


def case_uninitialised(o: Observer) -> None:
    """Objects whose __init__ never ran."""
    ctx = SSL.Context.__new__(SSL.Context)
    o.call("context: get", ctx.get_timeout)
    o.call("context: set", ctx.set_timeout, 5)
    o.call("context: check", ctx.check_privatekey)
    o.call("connection of it", SSL.Connection, ctx)
    conn = SSL.Connection.__new__(SSL.Connection)
    o.call("connection: state", conn.get_state_string)
    o.call("connection: send", conn.send, b"data")
    o.call("connection: app data", conn.get_app_data)
    o.call("connection: context", conn.get_context)


def case_app_data_before_init(o: Observer) -> None:
    """`__init__` begins afresh."""
    conn = SSL.Connection.__new__(SSL.Connection)
    o.call("set", conn.set_app_data, "early")
    o.call("get", conn.get_app_data)
    conn.__init__(context(TLS13))
    o.call("get after __init__", conn.get_app_data)


def case_uninitialised_attribute(o: Observer) -> None:
    """`__getattr__` of a connection that has no socket yet."""
    conn = SSL.Connection.__new__(SSL.Connection)
    o.call("missing", lambda: conn.no_such_attribute)


def case_new_takes_anything(o: Observer) -> None:
    """`__new__` alone."""
    for name, kind in CLASSES.items():
        o.call(name, kind.__new__, kind)


def case_init_again(o: Observer) -> None:
    ctx = context(TLS13)
    o.call("context", ctx.__init__, SSL.DTLS_METHOD)
    o.call("bad argument", ctx.__init__, "text")
    o.call("version", SSL.Connection(ctx).get_protocol_version)


def case_failed_init(o: Observer) -> None:
    class Keeps(SSL.Context):
        kept: Any = None

        def __init__(self, method: Any) -> None:
            type(self).kept = self
            super().__init__(method)

    o.call("make", Keeps, "text")
    o.call("use", lambda: Keeps.kept.get_app_data())


def case_garbage(o: Observer) -> None:
    """Cycles of callbacks and connections are collected."""
    ctx = client_context()
    conn = SSL.Connection(ctx)
    ctx_ref, conn_ref = weakref.ref(ctx), weakref.ref(conn)
    conn.set_app_data(conn)
    conn.set_verify(SSL.VERIFY_PEER, partial(isinstance, conn))
    del ctx, conn
    gc.collect()
    o.see("connection is gone", conn_ref() is None)
    o.see("context is gone", ctx_ref() is None)


def case_connection_keeps_its_context(o: Observer) -> None:
    pair = memory_pair(o)
    reference = weakref.ref(pair.client.get_context())
    gc.collect()
    o.see("alive", reference() is not None)


def case_isinstance_of_methods(o: Observer) -> None:
    for name in ("send", "recv", "do_handshake"):
        bound = getattr(SSL.Connection(context(TLS13)), name)
        o.see(f"{name}: name", bound.__name__)
        o.see(f"{name}: bound to it", isinstance(bound.__self__, SSL.Connection))
        o.see(f"{name}: callable on the class", callable(getattr(SSL.Connection, name)))
    o.see("write is send", SSL.Connection.write is SSL.Connection.send)
    o.see("read is recv", SSL.Connection.read is SSL.Connection.recv)
    o.call("unbound", SSL.Connection.get_state_string)
    o.call("unbound on another object", SSL.Connection.get_state_string, object())
