"""A relay of datagrams: each record travels alone, and may be lost, late, doubled or forged."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any, Callable

from OpenSSL import SSL
from support.dtls import records as split_datagrams

from stress import mutations
from stress.ends import OTHER, ROUNDS, End, check_agreement
from stress.handshakes import Setting, Workshop

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
