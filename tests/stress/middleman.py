"""The one in the middle, who carries records from end to end, and changes some.

With the keys of the session he also changes what is inside of protected records, and protects it
again.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from stress import mutations
from stress.ends import OTHER, End
from stress.keys import TLS_1_2_SUITES, TLS_1_3_SUITES, Protection
from stress.mutations import CHANGE_CIPHER, DATA, HANDSHAKE, Seen

FINISHED = 20
SERVER_HELLO = 2


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

    def __init__(self, source: End, target: End, use_keys: bool) -> None:
        self.source, self.target = source, target
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
            role: Direction(ends[role], ends[OTHER[role]], use_keys) for role in OTHER
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
