"""A relay between two ends that changes what passes, at every position of every kind of handshake.

Both ends are ours and in memory, so that a run is repeated by its number. Whatever the relay does,
each end finishes, or fails with an exception that the documentation names; two ends that finish
agree on everything; and what an end hears is what the other one said, from the beginning and
without a gap.

In half of the runs the relay knows the keys of the session. It then also changes what is inside of
protected records, and protects it again.
"""

from __future__ import annotations

import gc
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from support.callbacks import PROTOCOL, SERVER_NAME, STAPLE
from support.certificates import Authority, Identity, rsa_key
from support.dtls import records as split_datagrams
from support.tls import handshake, pair_in_memory, pin_version

from stress import mutations
from stress.documented import describe
from stress.ends import End
from stress.keys import TLS_1_2_SUITES, TLS_1_3_SUITES, Protection
from stress.measure import Growth
from stress.mutations import CHANGE_CIPHER, DATA, HANDSHAKE, Seen
from stress.program import Program

ROUNDS = 5_000
OTHER = {"client": "server", "server": "client"}
FINISHED = 20
SERVER_HELLO = 2

TLS_1_2_CIPHERS = {
    "GCM": b"ECDHE-ECDSA-AES128-GCM-SHA256",
    "GCM, SHA-384": b"ECDHE-ECDSA-AES256-GCM-SHA384",
    "ChaCha20": b"ECDHE-ECDSA-CHACHA20-POLY1305",
    "CBC": b"ECDHE-ECDSA-AES128-SHA256",
    "RSA": b"AES128-GCM-SHA256",
}
SHAPES = ("plain", "everything", "client certificate", "resumption", "retry", "chain")


@dataclass(frozen=True)
class Setting:
    """What kind of handshake it is."""

    version: str
    shape: str
    cipher: str

    @classmethod
    def choose(cls, chance: random.Random) -> Setting:
        version = chance.choice(["TLSv1.2", "TLSv1.3", "TLSv1.3", "any"])
        shape = chance.choice(SHAPES)
        cipher = chance.choice(list(TLS_1_2_CIPHERS)) if version == "TLSv1.2" else ""
        return cls(version, shape, cipher)


class Workshop:
    """Makes contexts for each setting once."""

    def __init__(self, directory: Path) -> None:
        self.authority = Authority(directory, "authority")
        self.elliptic = self.authority.issue("localhost")
        self.rsa = self.authority.issue("localhost", key=rsa_key())
        self.chained = self.authority.subordinate("intermediate").issue("localhost")
        self.client = self.authority.issue("client.example")
        self._contexts: dict[Setting, tuple[SSL.Context, SSL.Context]] = {}
        self._sessions: dict[Setting, SSL.Session] = {}
        self.profiles: dict[tuple[Setting, bool], dict[str, dict[str, int]]] = {}

    def _identity(self, setting: Setting) -> Identity:
        if setting.cipher == "RSA":
            return self.rsa
        return self.chained if setting.shape == "chain" else self.elliptic

    def contexts(self, setting: Setting) -> tuple[SSL.Context, SSL.Context]:
        if setting not in self._contexts:
            self._contexts[setting] = self._client_context(setting), self._server_context(setting)
        return self._contexts[setting]

    def _context(self, setting: Setting) -> SSL.Context:
        if setting.version.startswith("DTLS"):
            context = SSL.Context(SSL.DTLS_METHOD)
        else:
            context = SSL.Context(SSL.TLS_METHOD)
            versions = {"TLSv1.2": SSL.TLS1_2_VERSION, "TLSv1.3": SSL.TLS1_3_VERSION, "any": None}
            pin_version(context, versions[setting.version])
        if setting.cipher:
            context.set_cipher_list(TLS_1_2_CIPHERS[setting.cipher])
        context.load_verify_locations(self.authority.file)
        context.set_keylog_callback(lambda end, log: end.get_app_data().keys(end, log))
        context.set_session_id(b"stress")
        return context

    def _client_context(self, setting: Setting) -> SSL.Context:
        context = self._context(setting)
        context.set_verify(SSL.VERIFY_PEER, lambda end, certificate, error, depth, ok: bool(ok))
        if setting.shape == "everything":
            context.set_alpn_protos([PROTOCOL, b"http/1.1"])
            context.set_ocsp_client_callback(lambda end, response, data: response == STAPLE)
        if setting.shape in ("everything", "client certificate"):
            self.client.install(context)
        return context

    def _server_context(self, setting: Setting) -> SSL.Context:
        context = self._context(setting)
        self._identity(setting).install(context)
        if setting.shape == "everything":
            context.set_tlsext_servername_callback(lambda end: None)
            context.set_alpn_select_callback(lambda end, offered: PROTOCOL)
            context.set_ocsp_server_callback(lambda end, data: STAPLE)
        if setting.shape in ("everything", "client certificate"):
            context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
        if setting.shape == "retry":  # clients guess another group, and have to try again
            context.set_tmp_ecdh(ec.SECP384R1())
        return context

    def ends(self, setting: Setting, chance: random.Random) -> dict[str, End]:
        client, server = pair_in_memory(*self.contexts(setting))
        if setting.shape == "everything":
            client.set_tlsext_host_name(SERVER_NAME)
            client.request_ocsp()
        if setting.shape == "resumption":
            client.set_session(self._session(setting))
        return {"client": End(client, "client", chance), "server": End(server, "server", chance)}

    def _session(self, setting: Setting) -> SSL.Session:
        if setting not in self._sessions:
            pair = pair_in_memory(*self.contexts(setting))
            for role, connection in zip(("client", "server"), pair):
                End(connection, role, random.Random(0))
            session = handshake(pair).client.get_session()
            assert session is not None
            self._sessions[setting] = session
        return self._sessions[setting]


@dataclass(frozen=True)
class Change:
    """One thing that the relay does: to the n-th record, or message, that ``source`` sends."""

    level: str
    source: str
    ordinal: int
    name: str


@dataclass
class Item:
    """A record on its way: as it came, or its content, to be protected under the epoch's keys."""

    raw: bytes = b""
    kind: int = 0
    content: bytes = b""
    epoch: str = ""


class Direction:
    """From one end to the other."""

    def __init__(self, source: End, target: End, chance: random.Random, use_keys: bool) -> None:
        self.source, self.target = source, target
        self.chance = chance
        self.use_keys = use_keys
        self.queue: list[Item] = []
        self.held: list[bytes] = []
        self.ended = False
        self.records = self.messages = 0
        self.seen_records, self.seen_messages = Seen(), Seen()
        self.epoch = ""
        self.openers: dict[str, Protection] = {}
        self.sealers: dict[str, Protection] = {}


class Relay:
    """Carries records both ways, and makes its changes."""

    def __init__(
        self, ends: dict[str, End], changes: list[Change], chance: random.Random, use_keys: bool
    ) -> None:
        self._ends = ends
        self._chance = chance
        self._records = {(c.source, c.ordinal): c for c in changes if c.level == "record"}
        self._messages = {(c.source, c.ordinal): c for c in changes if c.level == "message"}
        self._suite = 0
        self._tls_1_3 = False
        self._randoms: dict[str, bytes] = {}
        self.done: list[Change] = []
        # Whether the two ends cannot have seen the same handshake.
        self.tampered = False
        self.directions = {
            role: Direction(ends[role], ends[OTHER[role]], chance, use_keys) for role in OTHER
        }
        for role, direction in self.directions.items():
            other = self.directions[OTHER[role]]
            direction.seen_records.other = other.seen_records.same
            direction.seen_messages.other = other.seen_messages.same

    # What comes in.

    def take(self, role: str, data: bytes) -> None:
        direction = self.directions[role]
        whole, rest = mutations.split_records(data)
        assert not rest, "an end writes whole records"
        for raw in whole:
            direction.queue += self._received(role, direction, raw)

    def _received(self, role: str, direction: Direction, raw: bytes) -> list[Item]:
        kind, content, epoch = self._opened(role, direction, raw)
        if kind is None:
            return [Item(raw)]
        if kind != HANDSHAKE:
            if kind == CHANGE_CIPHER and not epoch:
                direction.epoch = "" if self._tls_1_3 else "TLS 1.2"
                return [Item(raw)]
            return [Item(kind=kind, content=content, epoch=epoch)] if epoch else [Item(raw)]
        pieces: list[bytes] = []
        changed = False
        for message in mutations.split_messages(content):
            self._learn(role, direction, message, epoch)
            pieces += self._change_message(role, direction, message)
            changed = changed or pieces[-1:] != [message]
        if not changed and b"".join(pieces) == content:
            pieces = [content]
        return [
            Item(kind=HANDSHAKE, content=piece, epoch=epoch)
            if epoch
            else Item(mutations.record(HANDSHAKE, piece, raw[1:3]))
            for whole in pieces
            for piece in _fitting(whole)
        ]

    def _opened(self, role: str, direction: Direction, raw: bytes) -> tuple[int | None, bytes, str]:
        """A record's type and content, if the relay can read it, and its epoch."""
        kind, body = raw[0], raw[mutations.HEADER :]
        if self._tls_1_3 and kind == DATA:
            direction.epoch = direction.epoch or "HANDSHAKE_TRAFFIC_SECRET"
        elif not direction.epoch or (self._tls_1_3 and kind != DATA):
            return kind, body, ""
        epoch = direction.epoch
        if not direction.use_keys:
            return None, b"", epoch
        if epoch not in direction.openers:
            protection = self.protection(role, direction.source, epoch)
            if protection is None:
                return None, b"", epoch
            direction.openers[epoch] = protection
        opened = direction.openers[epoch].open(raw)
        if opened is None:  # its keys are not the ones that the key log tells of
            return None, b"", epoch
        return *opened, epoch

    def protection(self, role: str, knows: End, epoch: str) -> Protection | None:
        """The protection of what ``role`` sends, with the secrets that ``knows`` has."""
        if epoch == "TLS 1.2":
            if self._suite not in TLS_1_2_SUITES or "CLIENT_RANDOM" not in knows.keys.secrets:
                return None
            randoms = self._randoms["client"], self._randoms["server"]
            return knows.keys.tls_1_2(self._suite, *randoms)[role]
        label = f"{role.upper()}_{epoch}"
        if self._suite not in TLS_1_3_SUITES or label not in knows.keys.secrets:
            return None
        return knows.keys.tls_1_3(self._suite, label)

    def _learn(self, role: str, direction: Direction, message: bytes, epoch: str) -> None:
        """Take note of what concerns the keys."""
        kind = message[0]
        if kind == 1 and not epoch:
            self._randoms["client"] = message[6:38]
        elif kind == SERVER_HELLO and not epoch:
            self._randoms["server"] = message[6:38]
            start = 39 + message[38]
            self._suite = int.from_bytes(message[start : start + 2], "big")
            self._tls_1_3 = self._suite in TLS_1_3_SUITES
        elif kind == FINISHED and epoch == "HANDSHAKE_TRAFFIC_SECRET":
            direction.epoch = "TRAFFIC_SECRET_0"

    def _change_message(self, role: str, direction: Direction, message: bytes) -> list[bytes]:
        direction.messages += 1
        change = self._messages.get((role, direction.messages))
        result = [message]
        if change is not None:
            self.done.append(change)
            if change.name == "fragment":
                first, second = mutations.cut(message, self._chance)
                result = [part for part in (first, second) if part]
            elif change.name == "fragment into single bytes":
                result = [message[at : at + 1] for at in range(min(len(message), 64))]
                result += [message[64:]] if message[64:] else []
            else:
                of_messages = mutations.OF_MESSAGES[change.name]
                result = of_messages(message, self._chance, direction.seen_messages)
                self.tampered = self.tampered or self._is_tampering(message, result)
        direction.seen_messages.same.append(message)
        return result

    def _is_tampering(self, message: bytes, result: list[bytes]) -> bool:
        """Whether the change is one to what the messages called Finished vouch for."""
        if self._tls_1_3 and message[0] == mutations.NEW_SESSION_TICKET:
            return False
        request = mutations.message(mutations.HELLO_REQUEST, b"")
        result = [each for each in result if each != request]
        if message[0] == FINISHED:  # what follows it is not part of the handshake
            result = result[:1]
        return result != [message]

    # What goes out.

    def deliver(self, role: str, patient: bool) -> bytes:
        """What the relay has for the peer of ``role`` now.

        A relay that is patient waits until the target has the keys for what is to be sealed.
        """
        direction = self.directions[role]
        output = b""
        while direction.queue and not direction.ended:
            raw = self._sealed(role, direction, direction.queue[0], patient)
            if raw is None:
                break
            direction.queue.pop(0)
            output += b"".join(self._change_record(role, direction, raw))
        return output

    def _sealed(self, role: str, direction: Direction, item: Item, patient: bool) -> bytes | None:
        if not item.epoch:
            return item.raw
        if item.epoch not in direction.sealers:
            protection = self.protection(role, direction.target, item.epoch)
            if protection is None:
                if patient:
                    return None
                protection = self.protection(role, direction.source, item.epoch)
            assert protection is not None, "it was opened with these"
            direction.sealers[item.epoch] = protection
        return direction.sealers[item.epoch].seal(item.kind, item.content)

    def _change_record(self, role: str, direction: Direction, raw: bytes) -> list[bytes]:
        direction.records += 1
        change = self._records.get((role, direction.records))
        result = [raw]
        if change is not None:
            self.done.append(change)
            if change.name in ("swap", "delay"):
                direction.held.append(raw)
                direction.seen_records.same.append(raw)
                return []
            if change.name == "end":
                direction.ended = True
                return [mutations.cut(raw, self._chance)[0]]
            result = mutations.OF_RECORDS[change.name](raw, self._chance, direction.seen_records)
        direction.seen_records.same.append(raw)
        if direction.held and self._records.get((role, direction.records - 1)):
            last = self._records[role, direction.records - 1]
            if last.name == "swap":
                result += direction.held
                direction.held = []
        return result

    def release(self, role: str) -> bytes:
        """What was held back."""
        direction = self.directions[role]
        held, direction.held = b"".join(direction.held), []
        return b"" if direction.ended else held


def _fitting(content: bytes) -> list[bytes]:
    """Cut into pieces that a record can carry."""
    largest = mutations.LARGEST
    return [content[at : at + largest] for at in range(0, len(content), largest)]


def converse(ends: dict[str, End], relay: Relay, chance: random.Random) -> None:
    """Let both ends do what they can until nothing moves, and then let the streams end."""
    stages = ["patient", "held", "impatient", "end"]
    stage = 0
    for _ in range(ROUNDS):
        moved = False
        roles = list(OTHER)
        chance.shuffle(roles)
        for role in roles:
            end = ends[role]
            end.step(ends[OTHER[role]].plan)
            relay.take(role, end.output())
            data = relay.deliver(role, patient=stage < 2)
            if stages[stage] == "held":
                data += relay.release(role)
            moved |= _feed(ends[OTHER[role]], data, chance)
            if relay.directions[role].ended:
                ends[OTHER[role]].connection.bio_shutdown()
        if moved:
            stage = min(stage, 2)
        elif (all(end.finished for end in ends.values()) and stage > 0) or stage == len(stages) - 1:
            return
        else:
            stage += 1
            if stages[stage] == "end":
                for end in ends.values():
                    end.connection.bio_shutdown()
    raise AssertionError("the conversation does not end")


def _feed(end: End, data: bytes, chance: random.Random) -> bool:
    """Hand ``data`` to an end in pieces of any size."""
    moved = bool(data)
    size = chance.choice([1, 7, 100, 1 << 20, 1 << 20])
    if size < 100:
        data, rest = data[: 100 * size], data[100 * size :]
    else:
        rest = b""
    for at in range(0, len(data), size):
        piece = data[at : at + size]
        assert end.connection.bio_write(piece) == len(piece)
    if rest:
        assert end.connection.bio_write(rest) == len(rest)
    return moved


# A run.


def choose_changes(
    profile: dict[str, dict[str, int]], chance: random.Random, use_keys: bool
) -> list[Change]:
    changes = []
    for _ in range(chance.choice([1, 1, 1, 1, 2, 3, 5])):
        level = chance.choice(["record", "message"])
        source = chance.choice(list(OTHER))
        most = profile[source][level]
        # One more than there are is none, which is a change at no position.
        ordinal = chance.randint(1, max(1, most))
        names: list[str]
        if level == "record":
            names = [*mutations.OF_RECORDS, *mutations.OF_STREAMS]
        else:
            names = [*mutations.OF_MESSAGES, *mutations.HARMLESS]
        changes.append(Change(level, source, ordinal, chance.choice(names)))
    return changes


def measure_profile(workshop: Workshop, setting: Setting, use_keys: bool) -> dict[str, Any]:
    """How many records and messages each end sends when nobody interferes."""
    key = (setting, use_keys)
    if key not in workshop.profiles:
        chance = random.Random(0)
        ends = workshop.ends(setting, chance)
        relay = Relay(ends, [], chance, use_keys)
        converse(ends, relay, chance)
        check_success(ends)
        workshop.profiles[key] = {
            role: {"record": direction.records, "message": direction.messages}
            for role, direction in relay.directions.items()
        }
    return workshop.profiles[key]


def check_success(ends: dict[str, End]) -> None:
    for role, end in ends.items():
        assert end.failure is None, f"{role}: {end.failure!r}"
        assert end.shaken and end.closed
        assert bytes(ends[OTHER[role]].heard) == end.said
    check_agreement(ends)


def check_agreement(ends: dict[str, End]) -> None:
    client, server = (end.agreed for end in ends.values())
    assert client == server, f"the ends disagree: {client} {server}"


def check(ends: dict[str, End], relay: Relay, changes: list[Change]) -> str:
    """Whether all is as it must be. Returns a short name of the outcome."""
    for role, end in ends.items():
        said = ends[OTHER[role]].said
        heard = bytes(end.heard)
        end.check_failure()
        if not relay.directions[role].use_keys:
            assert said.startswith(heard), f"the {role} heard what nobody said"
            if end.closed and end.shaken:
                assert heard == said, f"the {role} was told of the end too early"
    both = all(end.shaken for end in ends.values())
    if both:
        # Of several changes one may undo another.
        assert not relay.tampered or len(relay.done) > 1, "both finished different handshakes"
        check_agreement(ends)
    if not relay.done or all(change.name in mutations.HARMLESS for change in relay.done):
        check_success(ends)
    return "both" if both else next((role for role in OTHER if ends[role].shaken), "neither")


def one(workshop: Workshop, seed: int, number: int, report: dict[str, Counter[Any]]) -> None:
    chance = random.Random(f"{seed}:{number}")
    setting = Setting.choose(chance)
    use_keys = chance.random() < 0.5
    profile = measure_profile(workshop, setting, use_keys)
    changes = choose_changes(profile, chance, use_keys)
    ends = workshop.ends(setting, chance)
    relay = Relay(ends, changes, chance, use_keys)
    try:
        converse(ends, relay, chance)
        outcome = check(ends, relay, changes)
    except BaseException as failure:
        raise AssertionError(f"run {number}: {setting}, keys: {use_keys}, {changes}") from failure
    report["outcomes"][outcome] += 1
    for end in ends.values():
        report["endings"][describe(end.failure)] += 1
    for change in relay.done:
        report["positions"][setting.version, setting.shape, use_keys, change] += 1


# Datagrams: each record travels alone, and may be lost, late, doubled or forged.

DATAGRAM_CHANGES = ("drop", "repeat", "swap", "flip", "cut", "noise", "replay", "reflect")


def one_of_datagrams(
    workshop: Workshop, seed: int, number: int, report: dict[str, Counter[Any]]
) -> None:
    chance = random.Random(f"{seed}:{number}:datagrams")
    setting = Setting("DTLSv1.2", chance.choice(["plain", "everything", "chain"]), "")
    ends = workshop.ends(setting, chance)
    for end in ends.values():
        end.connection.set_options(SSL.OP_NO_QUERY_MTU)
        end.connection.set_ciphertext_mtu(chance.choice([300, 1200, 1500]))
    targets = {
        (chance.choice(list(OTHER)), chance.randint(1, 14)): chance.choice(DATAGRAM_CHANGES)
        for _ in range(chance.randint(1, 4))
    }
    try:
        done = _exchange_datagrams(ends, targets, chance)
        for role, end in ends.items():
            end.check_failure()
            # Each datagram is one message, whole, and is heard once; it may also never arrive.
            spoken = ends[OTHER[role]].sent
            assert all(spoken.count(piece) for piece in end.pieces), f"the {role} heard a forgery"
            assert len(set(end.pieces)) == len(end.pieces), f"the {role} heard a replay"
        both = all(end.shaken for end in ends.values())
        if both:
            check_agreement(ends)
        assert both or done, "nothing was done to it, and yet it failed"
    except BaseException as failure:
        raise AssertionError(f"run {number} of datagrams: {setting}, {targets}") from failure
    report["outcomes"]["both" if both else "not both, over datagrams"] += 1
    for change in done:
        report["positions"][setting.version, setting.shape, change] += 1


def _exchange_datagrams(
    ends: dict[str, End], targets: dict[tuple[str, int], str], chance: random.Random
) -> list[tuple[str, int, str]]:
    counts: Counter[str] = Counter()
    held: dict[str, list[bytes]] = {role: [] for role in OTHER}
    seen: dict[str, list[bytes]] = {role: [] for role in OTHER}
    done = []
    idle = 0
    for end in ends.values():
        end.datagrams()
    for _ in range(ROUNDS):
        moved = 0
        for role, end in ends.items():
            end.step(1 << 30)
            for datagram in split_datagrams(end.output()):
                counts[role] += 1
                deliver = [datagram]
                change = targets.get((role, counts[role]))
                if change is not None:
                    done.append((role, counts[role], change))
                    deliver = _change_datagram(
                        change, datagram, chance, seen[role], seen[OTHER[role]], held[role]
                    )
                elif held[role]:
                    deliver = [datagram, *held[role]]
                    held[role] = []
                seen[role].append(datagram)
                for each in deliver:
                    if each:
                        ends[OTHER[role]].connection.bio_write(each)
                        ends[OTHER[role]].step(1 << 30)
                        moved += 1
        idle = 0 if moved else idle + 1
        if idle == 2:
            return done
    raise AssertionError("the conversation does not end")


def _change_datagram(
    change: str,
    datagram: bytes,
    chance: random.Random,
    seen: list[bytes],
    other: list[bytes],
    held: list[bytes],
) -> list[bytes]:
    if change == "swap":
        held.append(datagram)
        return []
    changes: dict[str, Callable[[], list[bytes]]] = {
        "drop": list,
        "repeat": lambda: [datagram] * 3,
        "flip": lambda: [mutations.flipped(datagram, range(len(datagram)), chance)],
        "cut": lambda: [mutations.cut(datagram, chance)[0]],
        "noise": lambda: [chance.randbytes(chance.randint(1, 200)), datagram],
        "replay": lambda: [chance.choice(seen or [datagram]), datagram],
        "reflect": lambda: [chance.choice(other or [datagram]), datagram],
    }
    return changes[change]()


# Streams that end early, after each of their bytes.


def truncated(workshop: Workshop, setting: Setting, role: str, size: int) -> int:
    """Let what ``role`` sends end after ``size`` bytes. Returns how many it sent."""
    chance = random.Random(size)
    ends = workshop.ends(setting, chance)
    for end in ends.values():
        end.datagrams()  # a short conversation will do
    left = {role: size, OTHER[role]: 1 << 30}
    idle = 0
    while idle < 3:
        moved = 0
        for source, end in ends.items():
            end.step(end.plan)
            data = end.output()
            passed, left[source] = data[: left[source]], max(0, left[source] - len(data))
            moved += len(data)
            if passed:
                ends[OTHER[source]].connection.bio_write(passed)
        idle = 0 if moved else idle + 1
    for source in OTHER:
        ends[OTHER[source]].connection.bio_shutdown()
        ends[OTHER[source]].step(1 << 30)
    total = size - left[role]
    for each, end in ends.items():
        end.check_failure()
        said = ends[OTHER[each]].said
        assert said.startswith(bytes(end.heard))
        if end.closed and end.shaken:
            assert bytes(end.heard) == said, f"the {each} was told of the end too early"
        assert end.finished, f"the {each} did not notice the end"
    if left[role]:
        check_success(ends)
    return total


def truncate_everywhere(workshop: Workshop, every: int) -> int:
    """Returns how many runs that were."""
    runs = 0
    for version in ("TLSv1.2", "TLSv1.3"):
        setting = Setting(version, "client certificate", "GCM" if version == "TLSv1.2" else "")
        for role in OTHER:
            total = truncated(workshop, setting, role, 1 << 29)
            for size in range(0, total, every):
                truncated(workshop, setting, role, size)
                runs += 1
    return runs


def run(seed: int, runs: int, datagrams: int, every: int, first: int = 0) -> dict[str, Any]:
    report: dict[str, Counter[Any]] = {
        name: Counter() for name in ("outcomes", "endings", "positions")
    }
    growth = Growth()
    slowest = 0.0
    with tempfile.TemporaryDirectory() as directory:
        workshop = Workshop(Path(directory))
        for each, count in ((one, runs), (one_of_datagrams, datagrams)):
            for number in range(first, first + count):
                began = time.perf_counter()
                each(workshop, seed, number, report)
                slowest = max(slowest, time.perf_counter() - began)
                if number % 500 == 0:
                    growth.sample()
        truncations = truncate_everywhere(workshop, every) if not first else 0
    gc.collect()
    growth.check()
    outcomes = report["outcomes"]
    return {
        "runs over streams": runs,
        "runs over datagrams": datagrams,
        "runs in which a stream ended early": truncations,
        "both ends finished their handshake, and agree": outcomes["both"],
        "one end finished, and the other failed": outcomes["client"] + outcomes["server"],
        "neither end finished": outcomes["neither"] + outcomes["not both, over datagrams"],
        "changes at different positions": len(report["positions"]),
        "different endings": len(report["endings"]),
        "milliseconds of the slowest run": round(1000 * slowest),
        **growth.figures(),
    }


PROGRAM = Program(
    run,
    full={"": {"runs": 45_000, "datagrams": 5_000, "every": 1}},
    short={"": {"runs": 250, "datagrams": 50, "every": 97}},
    limit=3_000,
)
