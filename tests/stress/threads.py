"""Many threads on many connections: everything at once, in any order, and every byte accounted for.

A link is two connections joined to each other. Threads pick links at random, and do with one of the
ends whatever comes to their mind. What they send is numbered, so that each frame is known again at
the other end; every exception has to be one that the documentation names, at a place where there is
a reason for it.
"""

from __future__ import annotations

import gc
import random
import sys
import tempfile
import threading
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from support.callbacks import Planned
from support.certificates import Authority

from stress import frames
from stress.actions import Actions
from stress.links import Link, Side, Stress
from stress.measure import alive, descriptors
from stress.program import Program


class Worker(Actions):
    """One thread, which picks what it does, and with which end."""

    def __init__(self, stress: Stress, number: int, seed: int) -> None:
        super().__init__(stress, number, random.Random(f"{seed}:{number}"))

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


def run(seed: int, seconds: float, threads: int, links: int, sharing: int) -> dict[str, Any]:
    """``links`` at a time, each end of which ``sharing`` threads may use at once."""
    sys.setswitchinterval(1e-4)
    warnings.simplefilter("ignore", ResourceWarning)
    open_before = descriptors()
    alive_before = alive(SSL.Connection)
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
    left = alive(SSL.Connection) - alive_before
    assert left <= 0, f"{left} connections are left"
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
