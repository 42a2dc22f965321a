"""What a process holds: descriptors, objects, and whether its memory grows."""

from __future__ import annotations

import gc
import os
import statistics
from typing import Any

from support.memory import MEBIBYTE, resident, return_free_memory


def descriptors() -> dict[int, str]:
    """The open descriptors, and what they stand for."""
    try:
        numbers = [int(name) for name in os.listdir("/proc/self/fd")]
    except FileNotFoundError:
        numbers = [number for number in range(1024) if _is_open(number)]
        return dict.fromkeys(numbers, "")
    found = {}
    for number in numbers:
        try:
            found[number] = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:  # the one of the list itself
            pass
    return found


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def alive(*kinds: type[Any]) -> int:
    """How many objects of these kinds there are."""
    return sum(isinstance(each, kinds) for each in gc.get_objects())


class Growth:
    """Samples of resident memory over many repetitions of the same.

    Memory grows while caches fill, and then no more. So the first third of the samples does not
    count, and the middle of the second third is compared with the middle of the last. Few samples
    are of a run that is too short to tell.
    """

    ENOUGH = 30

    def __init__(self, allowed: int = MEBIBYTE) -> None:
        self._allowed = allowed
        self._samples: list[int] = []

    def sample(self) -> None:
        gc.collect()
        return_free_memory()
        self._samples.append(resident())

    @property
    def bytes(self) -> int:
        if len(self._samples) < self.ENOUGH:
            return 0
        third = len(self._samples) // 3
        return int(
            statistics.median(self._samples[-third:])
            - statistics.median(self._samples[third : 2 * third])
        )

    def check(self) -> None:
        assert self.bytes <= self._allowed, f"memory grew by {self.bytes} bytes: {self._samples}"

    def figures(self) -> dict[str, int]:
        return {"bytes by which resident memory grew": max(self.bytes, 0)}
