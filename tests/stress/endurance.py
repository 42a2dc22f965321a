"""Handshakes and messages in great numbers: memory stays what it is, and no descriptor stays open.

Every second handshake fails, in each way in turn in which one can be made to.
"""

from __future__ import annotations

import gc
import random
import socket
import struct
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Callable

from OpenSSL import SSL
from support.callbacks import ALL, PROTOCOL, SERVER_NAME, Function, Planned
from support.certificates import NOW, Authority
from support.memory import PURGES_AT_ONCE
from support.network import tcp_pair
from support.tls import CHUNK, Pair, flush, handshake, negotiate, pair_in_memory, pin_version

from stress import mutations
from stress.documented import describe, is_documented
from stress.measure import Growth, alive, descriptors
from stress.program import Program

VERSIONS = {"TLSv1.2": SSL.TLS1_2_VERSION, "TLSv1.3": SSL.TLS1_3_VERSION}
SAMPLES = 60


class Fleet:
    """Contexts of every kind that is needed, made once."""

    def __init__(self, directory: Path) -> None:
        self.authority = Authority(directory, "authority")
        stranger = Authority(directory, "stranger")
        hosts = ("localhost",)
        self.identities = {
            "good": self.authority.issue(*hosts),
            "expired": self.authority.issue(*hosts, end=NOW - timedelta(days=1)),
            "strange": stranger.issue(*hosts),
            "bare": self.authority.subordinate("intermediate").issue(*hosts),
        }
        self.client_identity = self.authority.issue("client.example")
        self.plain = {name: self.contexts(version) for name, version in VERSIONS.items()}
        self.with_callbacks = {
            name: self.contexts(version, every_callback=True) for name, version in VERSIONS.items()
        }
        self.failing = self._failing()

    def contexts(
        self,
        version: int | None,
        identity: str = "good",
        client_identity: str = "",
        every_callback: bool = False,
    ) -> dict[str, SSL.Context]:
        client = pin_version(SSL.Context(SSL.TLS_METHOD), version)
        client.load_verify_locations(self.authority.file)
        client.set_verify(SSL.VERIFY_PEER)
        server = pin_version(SSL.Context(SSL.TLS_METHOD), version)
        server.load_verify_locations(self.authority.file)
        self.identities[identity].install(server)
        server.set_session_id(b"endurance")
        contexts = {"client": client, "server": server}
        if every_callback:
            client.set_alpn_protos([PROTOCOL])
            self.client_identity.install(client)
            for callback in ALL.values():
                answer: Function = lambda *_, value=callback.answer: value  # noqa: E731
                callback.install(contexts[callback.role], answer)
        elif client_identity:
            self.identities[client_identity].install(client)
        return contexts

    def _failing(self) -> dict[str, dict[str, SSL.Context]]:
        """Contexts whose handshakes cannot succeed, by what is wrong with them."""
        failing = {}
        for name, version in VERSIONS.items():
            for identity in ("expired", "strange"):
                failing[f"{identity} certificate, {name}"] = self.contexts(version, identity)
            bare = self.contexts(version, "strange")
            bare["server"] = pin_version(SSL.Context(SSL.TLS_METHOD), version)
            bare["server"].use_certificate(self.identities["bare"].certificate)
            bare["server"].use_privatekey(self.identities["bare"].key)
            failing[f"missing intermediate, {name}"] = bare
            for client_identity in ("", "expired", "strange"):
                strict = self.contexts(version, client_identity=client_identity)
                strict["server"].set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
                failing[f"client certificate {client_identity or 'missing'}, {name}"] = strict
            for callback_name, callback in ALL.items():
                if "key log" in callback_name or "info" in callback_name:
                    continue  # they only watch
                raising = self.contexts(version, every_callback=True)
                callback.install(raising[callback.role], raise_planned)
                failing[f"callback raising: {callback_name}, {name}"] = raising
            for callback_name, answer in (
                ("verify the server", False),
                ("verify the client", False),
                ("OCSP of the client", False),
                ("ALPN", "h2"),
                ("OCSP of the server", "text"),
            ):
                refusing = self.contexts(version, every_callback=True)
                callback = ALL[callback_name]
                wrong: Function = lambda *_, value=answer: value  # noqa: E731
                callback.install(refusing[callback.role], wrong)
                failing[f"callback refusing: {callback_name}, {name}"] = refusing
        one, other = (self.contexts(version) for version in VERSIONS.values())
        failing["wrong version, of the client"] = {**one, "server": other["server"]}
        failing["wrong version, of the server"] = {**other, "server": one["server"]}
        choosy = self.contexts(SSL.TLS1_2_VERSION)
        choosy["client"].set_cipher_list(b"ECDHE-ECDSA-AES128-GCM-SHA256")
        choosy["server"].set_cipher_list(b"ECDHE-ECDSA-AES256-GCM-SHA384")
        failing["no cipher in common"] = choosy
        return failing


def raise_planned(*_: Any) -> Any:
    raise Planned


def pair_of(contexts: dict[str, SSL.Context]) -> Pair:
    pair = pair_in_memory(contexts["client"], contexts["server"])
    pair.client.set_tlsext_host_name(SERVER_NAME)
    pair.client.request_ocsp()
    for end in pair:
        end.set_app_data(pair)  # a cycle, as applications have them
    return pair


# Ways to fail. Each returns the exceptions of both ends.

Outcome = list["BaseException | None"]
Failure = Callable[[Fleet, random.Random], Outcome]


def step(end: SSL.Connection) -> BaseException | None:
    """One attempt at a handshake: ``None`` if it is over, or what it raised."""
    try:
        end.do_handshake()
    except SSL.Error as failure:
        return failure
    return None


def fate(end: SSL.Connection) -> BaseException | None:
    """How it ends for a connection: in its handshake, or in the first thing after it."""
    failure = step(end)
    if failure is None:
        try:
            end.recv(1)
        except SSL.Error as later:
            return later
    return failure


def exchange(pair: Pair, flights: int) -> None:
    """Let the first flights of a handshake pass, and lose the next."""
    ends = list(pair)
    for number in range(flights):
        step(ends[number % 2])
        flush(ends[number % 2], ends[(number + 1) % 2])


def peer_gone(fleet: Fleet, chance: random.Random) -> Outcome:
    """The bytes end after some flight, or in the middle of one."""
    pair = pair_of(chance.choice(list(fleet.plain.values())))
    exchange(pair, chance.randrange(4))
    for end in pair:
        if chance.random() < 0.5:
            end.bio_write(mutations.record(22, bytes(100))[: chance.randint(1, 50)])
        end.bio_shutdown()
    return [fate(end) for end in pair]


def dropped(fleet: Fleet, chance: random.Random) -> Outcome:
    """Nobody goes on with it, and it is collected as it is."""
    pair = pair_of(chance.choice(list(fleet.with_callbacks.values())))
    exchange(pair, chance.randrange(1, 4))
    return [SSL.WantReadError(), SSL.WantReadError()]


def alert(fleet: Fleet, chance: random.Random) -> Outcome:
    """An alert comes, of any kind, and then the bytes end."""
    pair = pair_of(chance.choice(list(fleet.plain.values())))
    exchange(pair, chance.randrange(2))
    kinds = [
        0,
        10,
        20,
        22,
        40,
        42,
        43,
        44,
        45,
        46,
        47,
        48,
        49,
        50,
        51,
        70,
        71,
        80,
        86,
        90,
        112,
        120,
    ]
    for end in pair:
        end.bio_write(mutations.record(21, bytes([chance.choice([1, 2]), chance.choice(kinds)])))
        end.bio_shutdown()
    return [fate(end) for end in pair]


def garbage(fleet: Fleet, chance: random.Random) -> Outcome:
    pair = pair_of(chance.choice(list(fleet.plain.values())))
    exchange(pair, chance.randrange(3))
    for end in pair:
        end.bio_write(mutations.strange_record(chance))
        end.bio_shutdown()
    return [fate(end) for end in pair]


def socket_closed(fleet: Fleet, chance: random.Random) -> Outcome:
    """Over sockets, the peer closes after some flight, in the proper way or with a reset."""
    contexts = chance.choice(list(fleet.plain.values()))
    ends = tcp_pair() if chance.random() < 0.5 else socket.socketpair()
    for end in ends:
        end.setblocking(False)
    client = SSL.Connection(contexts["client"], ends[0])
    client.set_connect_state()
    server = SSL.Connection(contexts["server"], ends[1])
    server.set_accept_state()
    for number in range(chance.randrange(4)):
        step((client, server)[number % 2])
    if chance.random() < 0.3 and ends[0].family == socket.AF_INET:
        linger_not = struct.pack("ii", 1, 0)
        ends[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
    if chance.random() < 0.5:
        client.close()
    else:
        ends[0].close()
    outcomes = [step(client)]
    ends[1].settimeout(5)
    try:
        ends[1].recv(1, socket.MSG_PEEK)
    except ConnectionResetError:
        pass
    ends[1].setblocking(False)
    while isinstance(last := fate(server), SSL.WantReadError):
        pass
    ends[1].close()
    return [*outcomes, last]


def of_contexts(name: str) -> Failure:
    def fail(fleet: Fleet, chance: random.Random) -> Outcome:
        pair = pair_of(fleet.failing[name])
        outcome = negotiate(pair)
        if outcome.server is None or outcome.client is None:
            # In TLS 1.3 a client is done before its certificate is looked at.
            flush(pair.server, pair.client)
            try:
                pair.client.recv(1)
            except SSL.Error as failure:
                return [failure, outcome.server]
        return list(outcome)

    return fail


OTHER_FAILURES: dict[str, Failure] = {
    "peer gone": peer_gone,
    "dropped": dropped,
    "alert": alert,
    "garbage": garbage,
    "socket closed": socket_closed,
}


def succeed(fleet: Fleet, chance: random.Random, sessions: list[Any]) -> None:
    """A handshake with a little conversation, closed in the proper way or not."""
    choice = chance.randrange(3)
    contexts = (fleet.with_callbacks if choice == 0 else fleet.plain)[chance.choice(list(VERSIONS))]
    pair = pair_of(contexts)
    if sessions and chance.random() < 0.2:
        context, session = sessions[0]
        if context is contexts["client"]:
            pair.client.set_session(session)
    handshake(pair)
    pair.client.send(b"question")
    flush(*pair)
    assert pair.server.recv(CHUNK) == b"question"
    for end in pair:
        end.get_peer_certificate()
        end.get_peer_cert_chain()
        end.get_verified_chain()
        end.get_session()
        end.export_keying_material(b"EXPORTER-endurance", 32)
    sessions[:] = [(contexts["client"], pair.client.get_session())]
    if chance.random() < 0.5:
        pair.client.shutdown()
        flush(*pair)
        try:
            pair.server.recv(1)
        except SSL.ZeroReturnError:
            pair.server.shutdown()


def over_sockets(fleet: Fleet, chance: random.Random) -> None:
    """A whole handshake in one thread, over sockets that do not block."""
    contexts = chance.choice(list(fleet.plain.values()))
    ends = socket.socketpair()
    for end in ends:
        end.setblocking(False)
    client = SSL.Connection(contexts["client"], ends[0])
    client.set_connect_state()
    server = SSL.Connection(contexts["server"], ends[1])
    server.set_accept_state()
    while any([isinstance(step(end), SSL.WantReadError) for end in (client, server)]):  # noqa: C419
        pass
    client.send(b"question")
    assert server.recv(CHUNK) == b"question"
    client.shutdown()
    client.close()
    server.close()


def shake_hands(seed: int, count: int, fleet: Fleet, counts: Counter[str]) -> dict[str, Any]:
    """Half of them fail; every way comes in turn."""
    ways = {**{name: of_contexts(name) for name in fleet.failing}, **OTHER_FAILURES}
    turns = _in_turn(list(ways))
    growth = Growth()
    sessions: list[Any] = []
    failed: Counter[str] = Counter()
    for number in range(count):
        chance = random.Random(f"{seed}:{number}")
        if number % 2:
            name = next(turns)
            outcome = ways[name](fleet, chance)
            for failure in outcome:
                right = isinstance(failure, (Planned, TypeError)) or (
                    failure is not None and is_documented(failure)
                )
                assert right, f"handshake {number}, {name}: {outcome!r}"
                counts[describe(failure)] += 1
            failed[name] += 1
        elif number % 50 == 0:
            over_sockets(fleet, chance)
        else:
            succeed(fleet, chance, sessions)
        if number % max(1, count // SAMPLES) == 0:
            growth.sample()
    gc.collect()
    growth.check()
    assert len(failed) == len(ways) or count < 2 * len(ways)
    return {
        "handshakes": count,
        "handshakes that failed": sum(failed.values()),
        "ways in which they failed": len(failed),
        "bytes by which memory grew over the handshakes": max(growth.bytes, 0),
    }


def _in_turn(names: list[str]) -> Iterator[str]:
    while True:
        yield from names


def send_messages(seed: int, count: int, fleet: Fleet) -> dict[str, Any]:
    """Both ways, in memory and over sockets, of all sizes; each is compared."""
    growth = Growth()
    chance = random.Random(seed)
    noise = chance.randbytes(1 << 16)
    contexts = fleet.plain["TLSv1.3"], fleet.plain["TLSv1.2"]
    memory = [handshake(pair_of(each)) for each in contexts]
    ends = [socket.socketpair() for _ in contexts]
    sockets = [connected(each, pair) for each, pair in zip(contexts, ends)]
    total = 0
    for number in range(count):
        carried = number % 4 < 2
        pair = (memory if carried else sockets)[number % 2]
        source, target = pair if chance.random() < 0.5 else pair[::-1]
        size = chance.choice([1, 16, 100, 1000, 1000, 16_384])
        start = chance.randrange(1 << 15)
        data = noise[start : start + size]
        assert source.send(data) == size
        if carried:
            flush(source, target)
        if number % 3:
            received = target.recv(CHUNK)
        else:
            buffer = bytearray(size)
            received = bytes(buffer[: target.recv_into(buffer)])
        assert received == data, f"message {number}"
        total += size
        if number % max(1, count // SAMPLES) == 0:
            growth.sample()
    growth.check()
    for pair_of_sockets in ends:
        for end in pair_of_sockets:
            end.close()
    return {
        "messages": count,
        "bytes of messages": total,
        "bytes by which memory grew over the messages": max(growth.bytes, 0),
    }


def connected(contexts: dict[str, SSL.Context], ends: Any) -> Pair:
    for end in ends:
        end.setblocking(False)
    client = SSL.Connection(contexts["client"], ends[0])
    client.set_connect_state()
    server = SSL.Connection(contexts["server"], ends[1])
    server.set_accept_state()
    while any([isinstance(step(end), SSL.WantReadError) for end in (client, server)]):  # noqa: C419
        pass
    try:  # the tickets
        client.recv(1)
    except SSL.WantReadError:
        pass
    return Pair(client, server)


def run(seed: int, handshakes: int, messages: int) -> dict[str, Any]:
    before = descriptors()
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as directory:
        fleet = Fleet(Path(directory))
        sys.excepthook = lambda *_: None  # where exceptions of the server name callback go
        try:
            figures = shake_hands(seed, handshakes, fleet, counts)
        finally:
            sys.excepthook = sys.__excepthook__
        figures["different exceptions"] = len(counts)
        figures.update(send_messages(seed, messages, fleet))
    del fleet
    gc.collect()
    left = alive(SSL.Connection, SSL.Context, SSL.Session)
    assert not left, f"{left} objects are left"
    assert descriptors().keys() == before.keys(), "descriptors are left open"
    figures["descriptors left open"] = len(descriptors()) - len(before)
    return figures


PROGRAM = Program(
    run,
    full={"": {"handshakes": 100_000, "messages": 1_000_000}},
    short={"": {"handshakes": 400, "messages": 2_000}},
    limit=3_000,
    environment=PURGES_AT_ONCE,
)
