"""Both ends of a conversation in memory, each of which says its lines and notes what it hears."""

from __future__ import annotations

import random
from typing import Any

from OpenSSL import SSL
from support.tls import drain

from stress.documented import WAITING, is_documented
from stress.keys import KeyLog

EXPORTER = b"EXPORTER-stress"
OTHER = {"client": "server", "server": "client"}
# More turns of both ends than any conversation takes.
ROUNDS = 5_000


def line(role: str, number: int, size: int) -> bytes:
    """What ``role`` says: no two lines are alike, and a part of one is like no part of another."""
    return random.Random(f"{role}:{number}").randbytes(size)


class End:
    """A connection that shakes hands, says its lines, listens to the peer's, and says goodbye."""

    def __init__(self, connection: SSL.Connection, role: str, chance: random.Random) -> None:
        self.connection = connection
        self.role = role
        self.keys = KeyLog()
        self.shaken = False
        # What both ends have to have in common. An end that is asked to renegotiate begins anew.
        self.agreed: dict[str, Any] = {}
        self.failure: BaseException | None = None
        self.closed = False
        self.sent: list[bytes] = []
        self.heard = bytearray()
        self.pieces: list[bytes] = []
        self._chance = chance
        self._said_goodbye = False
        self._sizes = [1, 100, 1 << 14, 1 << 16]
        sizes = (chance.randint(1, 40), chance.randint(1, 5000), chance.randint(1, 20_000))
        self._unsaid = [line(role, number, size) for number, size in enumerate(sizes)]
        # How many bytes it means to say.
        self.plan = sum(sizes)
        connection.set_app_data(self)

    @property
    def said(self) -> bytes:
        return b"".join(self.sent)

    @property
    def finished(self) -> bool:
        return self.failure is not None or (self.closed and self._said_goodbye)

    def step(self, everything: int) -> None:
        """Do what can be done now. ``everything`` is how many bytes the peer has to say."""
        if self.failure is not None:
            return
        try:
            self._advance(everything)
        except WAITING:
            pass
        except BaseException as failure:  # an interrupt would be an outcome too
            self.failure = failure

    def _advance(self, everything: int) -> None:
        if not self.shaken:
            self.connection.do_handshake()
            self.agreed = self._agreement()
            self.shaken = True
        while self._unsaid and not self._said_goodbye:
            data = self._unsaid[0]
            method = self._chance.choice([self.connection.send, self.connection.sendall])
            count = method(data)
            assert 0 < count <= len(data)
            self.sent.append(data[:count])
            self._unsaid[:1] = [data[count:]] if data[count:] else []
        self._listen()
        if len(self.heard) >= everything or self.closed:
            self.say_goodbye()

    def _listen(self) -> None:
        while not self.closed:
            size = self._chance.choice(self._sizes)
            try:
                piece = self.connection.recv(size)
            except WAITING:
                return
            except SSL.ZeroReturnError:
                self.closed = True
                return
            assert 0 < len(piece) <= size
            self.heard += piece
            self.pieces.append(piece)

    def say_goodbye(self) -> None:
        if not self._said_goodbye:
            self._said_goodbye = True
            self.connection.shutdown()
        self._listen()

    def datagrams(self) -> None:
        """Say lines that fit into small datagrams, and hear each datagram as a whole."""
        self._sizes = [1 << 16]
        self._unsaid = [line(self.role, number, 150 + number) for number in range(3)]
        self.plan = sum(map(len, self._unsaid))

    def output(self) -> bytes:
        return drain(self.connection)

    def _agreement(self) -> dict[str, Any]:
        connection = self.connection
        return {
            "version": connection.get_protocol_version(),
            "cipher": connection.get_cipher_name(),
            "group": connection.get_group_name(),
            "client random": connection.client_random(),
            "server random": connection.server_random(),
            "protocol": connection.get_alpn_proto_negotiated(),
            "exporter": connection.export_keying_material(EXPORTER, 32),
            "finished": {connection.get_finished(), connection.get_peer_finished()},
        }

    def check_failure(self) -> None:
        """A failure is one that the documentation names, and it stays."""
        if self.failure is None:
            return
        assert is_documented(self.failure), f"{self.role}: {self.failure!r}"
        if isinstance(self.failure, SSL.ZeroReturnError):
            return
        for again in (self.connection.do_handshake, lambda: self.connection.recv(1)):
            if again == self.connection.do_handshake and self.shaken:
                continue
            try:
                again()
            except Exception as failure:
                assert is_documented(failure), f"{self.role}, again: {failure!r}"
            else:
                raise AssertionError(f"{self.role}: went on after {self.failure!r}")

    def check_heard(self, said: bytes) -> None:
        """What it heard is what the peer has ``said``; all of that, if it was told of the end."""
        heard = bytes(self.heard)
        assert said.startswith(heard), f"the {self.role} heard what nobody said"
        if self.closed and self.shaken:
            assert heard == said, f"the {self.role} was told of the end too early"


def check_success(ends: dict[str, End]) -> None:
    for role, end in ends.items():
        assert end.failure is None, f"{role}: {end.failure!r}"
        assert end.shaken and end.closed
        assert bytes(ends[OTHER[role]].heard) == end.said
    check_agreement(ends)


def check_agreement(ends: dict[str, End]) -> None:
    client, server = (end.agreed for end in ends.values())
    assert client == server, f"the ends disagree: {client} {server}"
