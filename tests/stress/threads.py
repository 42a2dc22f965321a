"""Many threads on many connections: everything at once, in any order, and every byte accounted for.

A link is two connections joined to each other. Threads pick links at random, and do with one of the
ends whatever comes to their mind. What they send is numbered, so that each frame is known again at
the other end; every exception has to be one that the documentation names, at a place where there is
a reason for it.
"""

from __future__ import annotations

import gc
import os
import random
import socket
import sys
import tempfile
import threading
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, Callable

from OpenSSL import SSL
from support.callbacks import PROTOCOL, SERVER_NAME, STAPLE
from support.certificates import Authority
from support.tls import CHUNK, pin_version

from stress import frames
from stress.documented import WAITING, describe, is_documented
from stress.frames import Account
from stress.measure import descriptors
from stress.program import Program

ALLOW_CLIENT_RENEGOTIATION = 1 << 8
# Frames on the way in one direction: more than fits into a small buffer of the system.
WINDOW = 64
# Of one record.
MOST = 32
LIFETIME = 150

CALLBACKS = ("verify", "server name", "ALPN", "OCSP of the server", "OCSP of the client")

QUESTIONS: list[Callable[[SSL.Connection], Any]] = [
    SSL.Connection.get_context,
    SSL.Connection.get_servername,
    SSL.Connection.get_cipher_list,
    SSL.Connection.get_cipher_name,
    SSL.Connection.get_cipher_bits,
    SSL.Connection.get_cipher_version,
    SSL.Connection.get_protocol_version,
    SSL.Connection.get_protocol_version_name,
    SSL.Connection.get_group_name,
    SSL.Connection.get_alpn_proto_negotiated,
    SSL.Connection.get_app_data,
    SSL.Connection.get_certificate,
    SSL.Connection.get_finished,
    SSL.Connection.get_peer_finished,
    SSL.Connection.get_peer_certificate,
    SSL.Connection.get_peer_cert_chain,
    SSL.Connection.get_verified_chain,
    SSL.Connection.get_session,
    SSL.Connection.get_shutdown,
    SSL.Connection.get_state_string,
    SSL.Connection.get_verify_mode,
    SSL.Connection.get_selected_srtp_profile,
    SSL.Connection.client_random,
    SSL.Connection.server_random,
    SSL.Connection.pending,
    SSL.Connection.want_read,
    SSL.Connection.want_write,
    SSL.Connection.renegotiate_pending,
    SSL.Connection.total_renegotiations,
    SSL.Connection.DTLSv1_get_timeout,
    SSL.Connection.get_cleartext_mtu,
    lambda connection: connection.set_options(SSL.OP_NO_COMPRESSION),
    lambda connection: connection.set_verify(
        connection.get_verify_mode(), lambda *call: call[-1] == 1
    ),
    lambda connection: connection.set_info_callback(lambda *_: None),
]


class Planned(Exception):
    """What a callback raises on purpose."""


# What OpenSSL 3.0 says in place of a goodbye, while part of a record has not been sent.
NO_GOODBYE = {"Error: bad write retry", "Error: shutdown while in init"}


class Side:
    """One end of a link."""

    def __init__(self, link: Link, role: str, connection: SSL.Connection, places: int) -> None:
        self.link = link
        self.role = role
        self.connection = connection
        self.socket: socket.socket | None = None
        self.peer: Side
        # How many threads may use it at once.
        self.places = threading.Semaphore(places)
        # To write, where the library leaves the order of writers to its caller.
        self.turn = threading.Lock()
        self.pending: tuple[int, memoryview] | None = None
        self.account: Account
        self.reserved = 0
        self.shaken = False
        # It is saying goodbye, or has said it.
        self.parting = self.goodbye = False
        self.over = ""
        connection.set_app_data(self)


class Link:
    """Two connections that are joined, and what is to become of them."""

    def __init__(self, number: int, stress: Stress, chance: random.Random) -> None:
        self.number = number
        self.lock = threading.Lock()
        self.kind = chance.choice(["memory", "blocking", "not blocking", "not blocking"])
        self.tls_1_2 = chance.random() < 0.5
        self.plan = chance.choice(CALLBACKS) if chance.random() < 0.2 else ""
        self.planned: Planned | None = None
        self.switches = chance.random() < 0.5
        self.wild = self.tls_1_2 and chance.random() < 0.2
        self.broken = self.closing = self.crossed = False
        self.lifetime = chance.randint(1, 2 * LIFETIME)
        client, server = self._connections(stress, chance)
        self.sides = {
            "client": Side(self, "client", client, stress.places),
            "server": Side(self, "server", server, stress.places),
        }
        for index, (role, peer) in enumerate((("client", "server"), ("server", "client"))):
            side = self.sides[role]
            side.peer = self.sides[peer]
            side.account = Account(2 * number + index)
            side.socket = self._sockets[index] if self._sockets else None
        client.set_connect_state()
        client.set_tlsext_host_name(SERVER_NAME)
        client.request_ocsp()
        server.set_accept_state()
        self.pipes = {"client": threading.Lock(), "server": threading.Lock()}

    def _connections(self, stress: Stress, chance: random.Random) -> list[SSL.Connection]:
        contexts = stress.contexts[self.tls_1_2]
        self._sockets: tuple[socket.socket, ...] = ()
        self._traps: list[tuple[int, socket.socket]] = []
        if self.kind != "memory":
            self._sockets = socket.socketpair()
            for end in self._sockets:
                end.setblocking(self.kind == "blocking")
                if chance.random() < 0.5:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        ends = self._sockets or (None, None)
        return [SSL.Connection(contexts[role], end) for role, end in zip(contexts, ends)]

    def __repr__(self) -> str:
        flags = ("tls_1_2", "wild", "plan", "planned", "broken", "closing", "crossed", "switches")
        set_flags = [name for name in flags if getattr(self, name)]
        sides = [
            (
                role,
                [name for name in ("shaken", "goodbye", "pending", "over") if getattr(side, name)],
            )
            for role, side in self.sides.items()
        ]
        return f"link {self.number}, {self.kind}, {set_flags}, {sides}"

    @property
    def healthy(self) -> bool:
        """Whether nothing has happened that could make a call fail."""
        return not (self.broken or self.planned)

    def break_up(self) -> None:
        """Let nobody wait for this link any more."""
        self.broken = True
        for end in self._sockets:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        if not self._sockets:
            for side in self.sides.values():
                side.connection.bio_shutdown()

    def give_away(self, role: str) -> None:
        """Close a socket, whose number stands for something else at once: a trap.

        It stays the trap's until the link is over, so that no other link is given it meanwhile.
        """
        closed = self.sides[role].socket
        if closed is None or closed.fileno() == -1:
            return
        near, trap = socket.socketpair()
        with near:
            os.dup2(near.fileno(), closed.fileno())
        self._traps.append((closed.detach(), trap))

    def close_sockets(self) -> int:
        """Returns how many writes went into traps."""
        caught = 0
        for end in self._sockets:
            end.close()
        for number, trap in self._traps:
            os.close(number)
            caught += bool(trap.recv(1))
            trap.close()
        return caught


class Stress:
    """The links, and what is known of them all."""

    def __init__(self, authority: Authority, seed: int, links: int, places: int) -> None:
        self.places = places
        self.chance = random.Random(seed)
        self.alternatives: dict[bool, list[SSL.Context]] = {}
        identity = authority.issue("localhost")
        self.contexts = {
            tls_1_2: self._contexts(authority, identity, tls_1_2) for tls_1_2 in (False, True)
        }
        self._number = iter(range(1 << 30))
        self.links = [self.new_link(self.chance) for _ in range(links)]
        self.stopping = threading.Event()
        self.counts: Counter[str] = Counter()
        self.frames = 0
        # Calls that were under way when their socket was closed, and wrote into what took its
        # number.
        self.caught = 0
        self.lock = threading.Lock()
        self.failures: list[BaseException] = []
        # How many threads may wait for their peers at a time, so that there are others left.
        self.waiters = threading.Semaphore(1)
        # Exceptions that have nobody to go to, by the hook that got them.
        self.hooked: Counter[str] = Counter()

    def new_link(self, chance: random.Random) -> Link:
        return Link(next(self._number), self, chance)

    # Contexts and their callbacks, which find what to do at their connection.

    def _contexts(
        self, authority: Authority, identity: Any, tls_1_2: bool
    ) -> dict[str, SSL.Context]:
        version = SSL.TLS1_2_VERSION if tls_1_2 else None

        def new_context() -> SSL.Context:
            context = pin_version(SSL.Context(SSL.TLS_METHOD), version)
            context.load_verify_locations(authority.file)
            context.set_session_id(b"threads")
            context.set_info_callback(self._info)
            context.set_keylog_callback(lambda *_: None)
            identity.install(context)
            return context

        def new_server_context() -> SSL.Context:
            server = new_context()
            server.set_options(ALLOW_CLIENT_RENEGOTIATION)
            server.set_tlsext_servername_callback(self._server_name)
            server.set_alpn_select_callback(self._alpn)
            server.set_ocsp_server_callback(self._ocsp_server)
            server.set_verify(SSL.VERIFY_PEER, lambda *call: call[-1] == 1)
            return server

        client, server = new_context(), new_server_context()
        client.set_alpn_protos([PROTOCOL])
        client.set_verify(SSL.VERIFY_PEER, self._verify)
        client.set_ocsp_client_callback(self._ocsp_client)
        self.alternatives[tls_1_2] = [new_server_context() for _ in range(3)]
        for context in self.alternatives[tls_1_2]:
            SSL.Connection(context)  # so that none is changed any more
        return {"client": client, "server": server}

    def _perhaps_raise(self, connection: SSL.Connection, callback: str) -> None:
        link: Link = connection.get_app_data().link
        if link.plan == callback and link.planned is None:
            link.planned = Planned(connection)
            raise link.planned

    def _info(self, connection: SSL.Connection, place: int, _: int) -> None:
        connection.get_state_string()
        if place & SSL.SSL_CB_HANDSHAKE_START and connection.get_app_data().link.number % 9 == 0:
            raise Planned(connection)  # which goes to the unraisable hook

    def _server_name(self, connection: SSL.Connection) -> None:
        link: Link = connection.get_app_data().link
        self._perhaps_raise(connection, "server name")
        if link.switches:
            others = self.alternatives[link.tls_1_2]
            connection.set_context(others[link.number % len(others)])

    def _alpn(self, connection: SSL.Connection, offered: list[bytes]) -> bytes:
        self._perhaps_raise(connection, "ALPN")
        return offered[0]

    def _ocsp_server(self, connection: SSL.Connection, _: Any) -> bytes:
        self._perhaps_raise(connection, "OCSP of the server")
        return STAPLE

    def _ocsp_client(self, connection: SSL.Connection, response: bytes, _: Any) -> bool:
        self._perhaps_raise(connection, "OCSP of the client")
        return response == STAPLE

    def _verify(self, connection: SSL.Connection, *call: Any) -> bool:
        self._perhaps_raise(connection, "verify")
        return bool(call[-1])

    def clear(self) -> None:
        self.links.clear()
        self.contexts.clear()
        self.alternatives.clear()

    # The end of a link.

    def retire(self, index: int, link: Link, chance: random.Random) -> bool:
        """Check a link that is over, and put a new one in its place. Needs all places on it."""
        if not all(side.over for side in link.sides.values()):
            return False
        clean = all(side.over == "closed" for side in link.sides.values())
        if clean:
            ending = "closed by both ends"
        elif link.planned:
            ending = "ended by a callback that raised"
        elif link.crossed:
            ending = "ended by a handshake that data crossed"
        else:
            assert link.broken, f"failed without a reason: {link}"
            ending = "broken off"
        for side in link.sides.values():
            side.account.check(complete=clean)
        received = sum(side.account.frames_received for side in link.sides.values())
        with link.lock:
            caught = link.close_sockets()
        with self.lock:
            self.counts[ending] += 1
            self.frames += received
            self.caught += caught
        self.links[index] = self.new_link(chance)
        return True


class Worker:
    """One thread."""

    def __init__(self, stress: Stress, number: int, seed: int) -> None:
        self.stress = stress
        self.number = number
        self.chance = random.Random(f"{seed}:{number}")
        self.calls: Counter[str] = Counter()
        self.endings: Counter[str] = Counter()

    def run(self) -> None:
        try:
            while not self.stress.stopping.is_set():
                self.turn()
        except BaseException as failure:
            self.stress.failures.append(failure)
            self.stress.stopping.set()

    def turn(self) -> None:
        """One link, one of its ends, and a few things done with it."""
        index = self.chance.randrange(len(self.stress.links))
        link = self.stress.links[index]
        if self.chance.random() < 0.002:
            gc.collect(self.chance.randrange(3))
            self.calls["garbage collections"] += 1
        if self.chance.random() < 0.002:
            self.break_off(link)
        if self.chance.random() < 0.04:
            self.alone(index, link)
            return
        side = link.sides[self.chance.choice(["client", "server"])]
        if not side.places.acquire(blocking=False):
            return
        try:
            for _ in range(self.chance.randint(1, 8)):
                self.act(side)
                if side.over or self.stress.stopping.is_set():
                    break
        finally:
            side.places.release()
        if side.over and side.peer.over:
            self.alone(index, link)

    def alone(self, index: int, link: Link) -> None:
        """What needs both ends, with nobody else at them."""
        taken = []
        try:
            for side in link.sides.values():
                for _ in range(self.stress.places):
                    if not side.places.acquire(blocking=False):
                        return
                    taken.append(side)
            if self.stress.links[index] is not link:
                return
            if self.stress.retire(index, link, self.chance):
                return
            if link.tls_1_2 and link.kind != "blocking":
                self.renegotiate(link)
        finally:
            for side in taken:
                side.places.release()

    def break_off(self, link: Link) -> None:
        """Close a socket that other threads may be using, or let the bytes end."""
        link.broken = True
        self.calls["sockets closed in use"] += 1
        if link.kind != "not blocking" or self.chance.random() < 0.5:
            link.break_up()
        with link.lock:
            link.give_away(self.chance.choice(["client", "server"]))

    # What can be done with an end.

    def act(self, side: Side) -> None:
        link = side.link
        if side.over:
            return
        if not side.shaken:
            self.shake(side)
            return
        if link.closing:
            self.wind_up(side)
            return
        if side.account.frames_sent > link.lifetime:
            link.closing = True
        action = self.chance.choices(
            [self.send, self.receive, self.peek, self.ask, self.switch, self.disturb],
            [30, 40, 5, 10, 1, 2],
        )[0]
        action(side)
        self.carry(link)

    def call(self, side: Side, name: str, function: Callable[..., Any], *call: Any) -> Any:
        """Call the library. Returns ``None`` for a call that has to wait, or ends the side."""
        self.calls[name] += 1
        try:
            return function(*call)
        except WAITING as failure:
            assert side.link.kind != "blocking" or side.link.broken, "a blocking call has to wait"
            assert is_documented(failure)
        except SSL.ZeroReturnError:
            assert side.peer.parting or not side.link.healthy, "nobody said goodbye"
            assert name != "handshake" or not side.link.healthy
            self.end(side, "closed")
        except Planned as failure:
            assert failure is side.link.planned, "an exception of somewhere else"
            assert failure.args == (side.connection,), "an exception of another connection"
            self.end(side, "failed")
        except Exception as failure:
            self.judge(side, name, failure)
        return None

    def judge(self, side: Side, name: str, failure: Exception) -> None:
        """Whether there is a reason for this exception."""
        link = side.link
        assert is_documented(failure), f"{name}: {failure!r}"
        self.endings[describe(failure)] += 1
        if name == "send" and side.parting and isinstance(failure, SSL.Error):
            return  # another thread has closed it for writing
        if name == "shutdown" and side.pending is not None and describe(failure) in NO_GOODBYE:
            return
        if link.healthy:
            assert link.wild, f"{name}, {side.role}: {failure!r} on {link}"
            link.crossed = True
        self.end(side, "failed")

    def end(self, side: Side, how: str) -> None:
        """This side will not go on."""
        if how == "closed" and not side.goodbye:
            side.parting = True
            if self.call(side, "shutdown", side.connection.shutdown) is not None:
                side.goodbye = True
        if side.over:
            return
        side.over = how
        if how == "failed":
            self.carry(side.link)
            side.link.break_up()

    def shake(self, side: Side) -> None:
        link = side.link
        if link.kind == "blocking" and not self.stress.waiters.acquire(blocking=False):
            return
        try:
            self.call(side, "handshake", self.finish_handshake, side)
        finally:
            if link.kind == "blocking":
                self.stress.waiters.release()
        self.carry(link)

    def finish_handshake(self, side: Side) -> None:
        side.connection.do_handshake()
        side.shaken = True

    def carry(self, link: Link) -> None:
        """Move bytes between ends in memory, some of them."""
        if link.kind != "memory" or link.broken:
            return
        for role, side in link.sides.items():
            with link.pipes[role]:
                try:
                    data = side.connection.bio_read(self.chance.choice([1, 100, CHUNK, CHUNK]))
                except SSL.WantReadError:
                    continue
                written = side.peer.connection.bio_write(data)
                assert written == len(data)

    def send(self, side: Side) -> None:
        link, account = side.link, side.account
        outstanding = account.frames_sent - account.frames_received
        if outstanding > WINDOW or side.parting:
            return
        count = self.chance.randint(1, MOST)
        if self.stress.places == 1 and link.kind != "memory":
            count *= self.chance.choice([1, 3])
        if link.kind == "not blocking":
            if side.turn.acquire(blocking=False):
                try:
                    if side.pending is None:
                        side.pending = self.number, memoryview(account.begin(self.number, count))
                    self.send_pending(side)
                finally:
                    side.turn.release()
            return
        if link.kind == "blocking" and not self.stress.waiters.acquire(blocking=False):
            return
        try:
            data = account.begin(self.number, count)
            size = self.call(side, "send", side.connection.sendall, data)
            if size is None:
                if link.healthy and not link.crossed:
                    account.not_sent(self.number)
                return
            assert size == len(data)
            account.sent(self.number)
        finally:
            if link.kind == "blocking":
                self.stress.waiters.release()

    def send_pending(self, side: Side) -> None:
        """Send what is to be sent next, on a socket that may not take it all."""
        assert side.pending is not None
        writer, data = side.pending
        if self.chance.random() < 0.5:
            sent = self.call(side, "send", side.connection.send, data) or 0
        else:
            sent = self.call(side, "send", self.send_all, side.connection, data) or 0
        if sent == len(data):
            side.account.sent(writer)
            side.pending = None
        else:
            side.pending = writer, data[sent:]

    def send_all(self, connection: SSL.Connection, data: memoryview) -> int:
        """How many bytes ``sendall`` has sent when it returns, or has to wait."""
        try:
            return connection.sendall(data)
        except SSL.WantWriteError as waiting:
            sent: int = waiting.bytes_sent  # type: ignore[attr-defined]
            return sent

    def receive(self, side: Side) -> None:
        link, account = side.link, side.peer.account
        if link.kind != "blocking" or side.peer.goodbye:
            if self.stress.places == 1:
                self.read(side, self.chance.choice([1, 500, 5000, CHUNK]))
            else:
                self.read(side, frames.SIZE * self.chance.randint(1, MOST))
            return
        with link.lock:
            there = account.frames_sent > side.reserved
            if not there and self.chance.random() > 0.05:
                return
            if not there and not self.stress.waiters.acquire(blocking=False):
                return
            side.reserved += 1
        try:
            self.read(side, frames.SIZE)
        finally:
            if not there:
                self.stress.waiters.release()

    def read(self, side: Side, size: int) -> None:
        if self.chance.random() < 0.5:
            data = self.call(side, "recv", side.connection.recv, size)
        else:
            buffer = bytearray(size)
            count = self.call(side, "recv_into", side.connection.recv_into, buffer)
            data = None if count is None else bytes(buffer[:count])
        if data is not None:
            assert 0 < len(data) <= size
            reader = 0 if self.stress.places == 1 else self.number
            if self.stress.places > 1:
                assert len(data) % frames.SIZE == 0, "a frame was torn"
            side.peer.account.received(reader, data)

    def peek(self, side: Side) -> None:
        if side.link.kind == "blocking":
            return
        self.call(side, "peek", side.connection.recv, frames.SIZE, socket.MSG_PEEK)

    def ask(self, side: Side) -> None:
        for question in self.chance.sample(QUESTIONS, 3):
            self.calls["questions"] += 1
            try:
                question(side.connection)
            except Exception as failure:
                raise AssertionError(f"{question} on {side.link}") from failure
        # These have no answer before a ticket has come, and between handshakes.
        for secret in (
            side.connection.master_key,
            lambda: side.connection.export_keying_material(b"EXPORTER-threads", 32),
        ):
            try:
                secret()
            except SSL.Error as failure:
                assert is_documented(failure)

    def switch(self, side: Side) -> None:
        if side.role == "server":
            self.calls["set_context"] += 1
            others = self.stress.alternatives[side.link.tls_1_2]
            side.connection.set_context(self.chance.choice(others))

    def disturb(self, side: Side) -> None:
        """Begin another handshake while data are on their way."""
        if side.link.wild and side.link.kind != "blocking" and not side.parting:
            self.call(side, "renegotiate", side.connection.renegotiate)
            self.call(side, "handshake", side.connection.do_handshake)

    def wind_up(self, side: Side) -> None:
        """Finish what was begun, say goodbye, and listen until the peer has said it, too."""
        self.carry(side.link)
        if not side.goodbye:
            with side.turn:
                if side.pending is not None:
                    self.send_pending(side)
                elif not side.over and not side.goodbye:
                    side.parting = True
                    if self.call(side, "shutdown", side.connection.shutdown) is not None:
                        side.goodbye = True
                    self.carry(side.link)
        if not side.over:
            self.receive(side)

    def renegotiate(self, link: Link) -> None:
        """Another handshake, with nothing else going on."""
        sides = link.sides.values()
        if not all(side.shaken and not side.over and not side.parting for side in sides):
            return
        for _ in range(1000):
            for side in sides:
                if side.pending is not None:
                    self.send_pending(side)
                self.read_what_is_there(side)
            self.carry(link)
            outstanding = sum(s.account.frames_sent - s.account.frames_received for s in sides)
            if (
                not link.healthy
                or link.crossed
                or (not outstanding and all(side.pending is None for side in sides))
            ):
                break
        else:
            numbers = [(s.account.frames_sent, s.account.frames_received) for s in sides]
            raise AssertionError(f"what was sent does not arrive: {link} {numbers}")
        if not link.healthy or link.wild or any(side.over for side in sides):
            return
        begins = link.sides[self.chance.choice(["client", "server"])]
        if begins.connection.renegotiate_pending():
            return
        before = begins.connection.total_renegotiations()
        self.call(begins, "renegotiate", begins.connection.renegotiate)
        for _ in range(1000):
            for side in sides:
                self.call(side, "handshake", side.connection.do_handshake)
                self.read_what_is_there(side)
                self.carry(link)
            if any(side.over for side in sides) or not link.healthy:
                return
            done = begins.connection.total_renegotiations() > before
            if done and not any(side.connection.renegotiate_pending() for side in sides):
                self.calls["renegotiations done"] += 1
                return
        states = [side.connection.get_state_string() for side in sides]
        raise AssertionError(f"a renegotiation by the {begins.role} does not end: {link} {states}")

    def read_what_is_there(self, side: Side) -> None:
        while not side.over:
            before = side.peer.account.frames_received
            self.read(side, CHUNK - CHUNK % frames.SIZE)
            if side.peer.account.frames_received == before:
                return


def run(seed: int, seconds: float, threads: int, links: int, sharing: int) -> dict[str, Any]:
    """``links`` at a time, each end of which ``sharing`` threads may use at once."""
    sys.setswitchinterval(1e-4)
    warnings.simplefilter("ignore", ResourceWarning)
    open_before = descriptors()
    alive_before = connections_alive()
    with tempfile.TemporaryDirectory() as directory:
        stress = Stress(Authority(Path(directory), "authority"), seed, links, sharing)
        stress.waiters = threading.Semaphore(max(1, threads // 2 - 1))
        sys.excepthook = lambda kind, value, trace: count_hooked(stress, "excepthook", value)
        sys.unraisablehook = lambda event: count_hooked(stress, "unraisablehook", event.exc_value)
        workers = [Worker(stress, number, seed) for number in range(threads)]
        running = [threading.Thread(target=worker.run, daemon=True) for worker in workers]
        for thread in running:
            thread.start()
        stress.stopping.wait(seconds)
        finish(stress, running)
        figures = summary(stress, workers)
    stress.clear()
    workers.clear()
    gc.collect()
    alive = connections_alive() - alive_before
    assert alive <= 0, f"{alive} connections are left"
    assert descriptors().keys() == open_before.keys(), "descriptors are left open"
    return figures


def count_hooked(stress: Stress, hook: str, value: BaseException | None) -> None:
    if isinstance(value, Planned):
        stress.hooked[hook] += 1
    else:
        stress.failures.append(value or RuntimeError(hook))
        stress.stopping.set()


def finish(stress: Stress, running: list[threading.Thread]) -> None:
    """Have all threads end, and check the links that were at work."""
    stress.stopping.set()
    for link in stress.links:
        link.break_up()
    for thread in running:
        thread.join(30)
    sys.excepthook, sys.unraisablehook = sys.__excepthook__, sys.__unraisablehook__
    if stress.failures:
        raise stress.failures[0]
    assert not any(thread.is_alive() for thread in running), "a thread hangs"
    for link in stress.links:
        for side in link.sides.values():
            side.account.check(complete=False)
            stress.frames += side.account.frames_received
        stress.caught += link.close_sockets()


def summary(stress: Stress, workers: list[Worker]) -> dict[str, Any]:
    calls: Counter[str] = sum((worker.calls for worker in workers), Counter())
    endings: Counter[str] = sum((worker.endings for worker in workers), Counter())
    assert calls["send"] and calls["recv"] and calls["handshake"]
    return {
        "links that lived and ended": sum(stress.counts.values()),
        **{f"links {ending}": count for ending, count in sorted(stress.counts.items())},
        "calls": sum(calls.values()),
        "calls by name": dict(sorted(calls.items())),
        "bytes received and accounted for": stress.frames * frames.SIZE,
        "writes to a descriptor that was closed in the middle of the call": stress.caught,
        "exceptions of dead links": sum(endings.values()),
        "exceptions that went to a hook of sys": sum(stress.hooked.values()),
    }


def connections_alive() -> int:
    return sum(isinstance(each, SSL.Connection) for each in gc.get_objects())


PROGRAM = Program(
    run,
    full={
        "each end used by one thread at a time": {
            "seconds": 60,
            "threads": 16,
            "links": 64,
            "sharing": 1,
        },
        "each end used by two threads at a time": {
            "seconds": 60,
            "threads": 16,
            "links": 64,
            "sharing": 2,
        },
    },
    short={
        "own": {"seconds": 2, "threads": 16, "links": 64, "sharing": 1},
        "shared": {"seconds": 2, "threads": 16, "links": 64, "sharing": 2},
    },
    limit=180,
)
