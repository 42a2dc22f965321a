"""Streams that end early, after each of their bytes."""

from __future__ import annotations

import random

from stress.ends import OTHER, check_success
from stress.handshakes import Setting, Workshop


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
        end.check_heard(ends[OTHER[each]].said)
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
