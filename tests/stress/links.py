"""Links: two connections joined to each other, what is to become of them, and what has."""

from __future__ import annotations

import os
import random
import socket
import threading
from collections import Counter
from typing import Any

from OpenSSL import SSL
from support.callbacks import PROTOCOL, SERVER_NAME, STAPLE, Planned
from support.certificates import Authority
from support.tls import pin_version

from stress.frames import Account

ALLOW_CLIENT_RENEGOTIATION = 1 << 8
LIFETIME = 150

CALLBACKS = ("verify", "server name", "ALPN", "OCSP of the server", "OCSP of the client")


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
