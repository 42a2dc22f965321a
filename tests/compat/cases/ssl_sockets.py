"""A Connection in front of a socket: its attributes, accept and connect, blocking and signals."""

from __future__ import annotations

import errno
import os
import signal
import socket
import threading
import time
from typing import Any

from observe import Observer, each
from OpenSSL import SSL
from support import (
    TLS13,
    TLS_VERSIONS,
    Version,
    background,
    client_context,
    context,
    listening,
    server_context,
    socket_pair,
)


def case_attributes_come_from_the_socket(o: Observer) -> None:
    near, far = socket.socketpair()
    conn = SSL.Connection(context(TLS13), near)
    o.see("fileno", conn.fileno() == near.fileno())
    o.see("bound method of the socket", conn.getsockname.__self__ is near)
    o.call("timeout", conn.gettimeout)
    o.call("family", lambda: conn.family == near.family)
    o.call("missing", lambda: conn.no_such_attribute)
    o.call("missing private", lambda: conn._no_such_attribute)
    o.call("hasattr", hasattr, conn, "no_such_attribute")
    o.call("getattr with default", getattr, conn, "no_such_attribute", 5)
    o.call("setblocking", conn.setblocking, False)
    o.call("getblocking", near.getblocking)
    o.see("no dunder attributes of it", hasattr(conn, "__enter__"))
    far.close()


def case_attributes_without_a_socket(o: Observer) -> None:
    conn = SSL.Connection(context(TLS13))
    for name in ("fileno", "close", "setblocking", "getpeername", "no_such_attribute", "sendto"):
        o.call(name, getattr, conn, name)

    class Derived(SSL.Connection):
        pass

    o.call("of a subclass", getattr, Derived(context(TLS13)), "no_such_attribute")


def case_attributes_set_on_a_connection(o: Observer) -> None:
    near, _far = socket.socketpair()
    conn = SSL.Connection(context(TLS13), near)
    conn.extra = "on the connection"
    o.see("connection has it", conn.extra)
    o.see("socket does not", hasattr(near, "extra"))
    o.call("delete", delattr, conn, "extra")
    o.call("delete again", delattr, conn, "extra")


class Recording:
    """A socket that is not one: it has a descriptor, and tells what is called."""

    def __init__(self, o: Observer, sock: socket.socket) -> None:
        self.o = o
        self.sock = sock

    def fileno(self) -> int:
        self.o.see("fileno", "called")
        return self.sock.fileno()

    def accept(self) -> Any:
        self.o.see("accept", "called")
        return self.sock, "an address"

    def connect(self, *args: Any) -> str:
        self.o.see("connect", args)
        return "connected"

    def connect_ex(self, *args: Any) -> str:
        self.o.see("connect_ex", args)
        return "connected"

    def shutdown(self, *args: Any, **kwargs: Any) -> str:
        self.o.see("shutdown", (args, kwargs))
        return "shut down"


def case_methods_of_the_socket(o: Observer) -> None:
    """accept, connect, connect_ex and sock_shutdown call the object's own methods."""
    near, _far = socket.socketpair()
    conn = SSL.Connection(context(TLS13), Recording(o, near))
    o.call("call connect", conn.connect, "anywhere")
    o.call("state", conn.get_state_string)
    o.call("call connect_ex", conn.connect_ex, ("any", "where"))
    o.call("call sock_shutdown", conn.sock_shutdown, 1, "two", three=3)
    o.call("call accept", conn.accept)
    o.call("connect without address", conn.connect)
    o.call("connect by keyword", conn.connect, addr="anywhere")


def case_method_that_raises(o: Observer) -> None:
    class Raising(Recording):
        def accept(self) -> Any:
            raise BlockingIOError(errno.EAGAIN, "later")

        def connect(self, *args: Any) -> str:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")

    near, _far = socket.socketpair()
    conn = SSL.Connection(context(TLS13), Raising(o, near))
    o.call("accept it", conn.accept)
    o.call("connect it", conn.connect, "anywhere")


def case_no_accept_method(o: Observer) -> None:
    near, _far = socket.socketpair()
    conn = SSL.Connection(context(TLS13), near.fileno())
    o.call("accept", conn.accept)
    o.call("connect", conn.connect, "anywhere")
    o.call("connect_ex", conn.connect_ex, "anywhere")
    o.call("sock_shutdown", conn.sock_shutdown, 1)
    o.call("close", lambda: conn.close)
    o.call("real", lambda: conn.real == near.fileno())


@each(TLS_VERSIONS)
def case_accept_and_connect(o: Observer, version: Version) -> None:
    with listening() as sock:
        server_ctx = o.name("server context", server_context(version))
        listener = SSL.Connection(server_ctx, sock)
        client = SSL.Connection(client_context(version), socket.socket())
        o.call("connect", client.connect, sock.getsockname())
        accepted = o.call("accept", lambda: listener.accept()[0])
        o.see("type", type(accepted))
        o.call("its context", accepted.get_context)
        with background(accepted.do_handshake) as outcome:
            o.call("handshake", client.do_handshake)
        o.see("server", outcome)
        o.call("send", client.send, b"hello")
        o.call("recv", accepted.recv, 10)
        o.see("address", client.getpeername() == sock.getsockname())


def case_accept_in_a_subclass(o: Observer) -> None:
    class Derived(SSL.Connection):
        pass

    with listening() as sock:
        near = socket.create_connection(sock.getsockname())
        listener = Derived(server_context(), sock)
        o.call("accepted", lambda: type(listener.accept()[0]) is SSL.Connection)
        near.close()


def case_accept_would_block(o: Observer) -> None:
    with listening() as sock:
        sock.setblocking(False)
        o.call("accept", SSL.Connection(server_context(), sock).accept)


def case_connect_refused(o: Observer) -> None:
    with listening() as sock:
        address = sock.getsockname()
    client = SSL.Connection(client_context(), socket.socket())
    o.call("connect", client.connect, address)
    client = SSL.Connection(client_context(), socket.socket())
    o.call("connect_ex", client.connect_ex, address)
    o.call("connect to nonsense", client.connect, "nowhere")


def case_unconnected_socket(o: Observer) -> None:
    client = SSL.Connection(client_context(), socket.socket())
    client.set_connect_state()
    o.call("handshake", client.do_handshake)
    o.call("handshake again", client.do_handshake)


def case_connection_over_a_number(o: Observer) -> None:
    """A descriptor instead of a socket."""
    near, far = socket.socketpair()
    client = SSL.Connection(client_context(), near.fileno())
    server = SSL.Connection(server_context(), far.fileno())
    client.set_connect_state()
    server.set_accept_state()
    with background(server.do_handshake):
        o.call("handshake", client.do_handshake)
    o.call("send", client.send, b"hello")
    o.call("recv", server.recv, 10)


def case_connection_over_pipes(o: Observer) -> None:
    """A descriptor that is no socket."""
    reader, writer = os.pipe()
    client = SSL.Connection(client_context(), writer)
    client.set_connect_state()
    o.call("handshake", client.do_handshake)
    os.close(reader)
    os.close(writer)


def case_socket_is_kept(o: Observer) -> None:
    """The connection keeps its socket alive."""
    near, far = socket.socketpair()
    client = SSL.Connection(client_context(), near)
    server = SSL.Connection(server_context(), far)
    del near, far
    client.set_connect_state()
    server.set_accept_state()
    with background(server.do_handshake):
        o.call("handshake", client.do_handshake)


def case_detached_socket(o: Observer) -> None:
    pair = socket_pair(o)
    pair.server.setblocking(False)
    number = pair.client.detach()
    o.see("fileno", pair.client.fileno())
    o.call("send", pair.client.send, b"hello")
    o.call("recv", pair.server.recv, 10)
    os.close(number)


def interrupted(seconds: float, seen: list[str]) -> None:
    """A signal to this thread after a while."""

    def handler(number: int, frame: Any) -> None:
        seen.append("handler")

    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def case_signal_while_reading(o: Observer) -> None:
    pair = socket_pair(o)
    seen: list[str] = []
    interrupted(0.1, seen)

    def answer() -> None:
        time.sleep(0.4)
        pair.server.send(b"hello")

    with background(answer):
        o.call("recv", pair.client.recv, 10)
    o.see("handlers", seen)


def case_signal_whose_handler_raises(o: Observer) -> None:
    pair = socket_pair(o)

    def handler(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    o.call("recv", pair.client.recv, 10)
    pair.server.send(b"hello")
    o.call("recv again", pair.client.recv, 10)


def case_signal_during_a_handshake(o: Observer) -> None:
    near, far = socket.socketpair()
    client = SSL.Connection(client_context(), near)
    server = SSL.Connection(server_context(), far)
    client.set_connect_state()
    server.set_accept_state()
    seen: list[str] = []
    interrupted(0.1, seen)

    def answer() -> None:
        time.sleep(0.4)
        try:
            server.do_handshake()
        except SSL.Error:
            return

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    o.call("handshake", client.do_handshake)
    near.close()
    thread.join()
    o.see("handlers", seen)


def case_set_up_in_any_order(o: Observer) -> None:
    """Settings of the socket after the connection was made."""
    near, far = socket.socketpair()
    client = SSL.Connection(client_context(), near)
    server = SSL.Connection(server_context(), far)
    near.settimeout(5)
    far.settimeout(5)
    client.set_connect_state()
    server.set_accept_state()
    o.call("client", client.do_handshake)
    o.call("server", server.do_handshake)
    o.call("client again", client.do_handshake)
    near.settimeout(0)
    o.call("recv", client.recv, 1)
