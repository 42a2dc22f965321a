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
from pathlib import Path
from typing import Any

from stress import mutations
from stress.datagrams import one_of_datagrams
from stress.documented import describe
from stress.ends import OTHER, ROUNDS, End, check_agreement, check_success
from stress.handshakes import Setting, Workshop
from stress.measure import Growth
from stress.middleman import Change, Relay
from stress.program import Program
from stress.truncations import truncate_everywhere


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


def choose_changes(profile: dict[str, dict[str, int]], chance: random.Random) -> list[Change]:
    changes = []
    for _ in range(chance.choice([1, 1, 1, 1, 2, 3, 5])):
        level = chance.choice(["record", "message"])
        source = chance.choice(list(OTHER))
        # Where there are none, it is a change at no position.
        ordinal = chance.randint(1, max(1, profile[source][level]))
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


def check(ends: dict[str, End], relay: Relay) -> str:
    """Whether all is as it must be. Returns a short name of the outcome."""
    for role, end in ends.items():
        end.check_failure()
        if not relay.directions[role].use_keys:
            end.check_heard(ends[OTHER[role]].said)
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
    changes = choose_changes(profile, chance)
    ends = workshop.ends(setting, chance)
    relay = Relay(ends, changes, chance, use_keys)
    try:
        converse(ends, relay, chance)
        outcome = check(ends, relay)
    except BaseException as failure:
        raise AssertionError(f"run {number}: {setting}, keys: {use_keys}, {changes}") from failure
    report["outcomes"][outcome] += 1
    for end in ends.values():
        report["endings"][describe(end.failure)] += 1
    for change in relay.done:
        report["positions"][setting.version, setting.shape, use_keys, change] += 1


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
