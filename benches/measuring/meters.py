"""What a process can find out about itself: time, processor, memory."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path


def timed(work: Callable[[int], object], number: int = 1) -> dict[str, float]:
    """The seconds of time, and of processor in all threads, that `work(number)` takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    work(number)
    return {"cost": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def resident() -> int:
    """The bytes of memory in use; where the system does not tell, the most there ever were."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except FileNotFoundError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return pages * os.sysconf("SC_PAGE_SIZE")
