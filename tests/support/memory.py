"""What memory a process holds."""

from __future__ import annotations

import ctypes
import os
import resource
import sys

MEBIBYTE = 1 << 20

# mimalloc gives back what is free after a while, and only when it is called. With this in the
# environment of a process it does so at once, and what is measured there does not depend on when.
PURGES_AT_ONCE = {"MIMALLOC_PURGE_DELAY": "0"}

# AddressSanitizer keeps what is freed, and maps more memory than there is.
SANITIZED = "ASAN_OPTIONS" in os.environ


def resident() -> int:
    """The resident memory of this process, in bytes; 0 where it says nothing about leaks."""
    if SANITIZED:
        return 0
    try:
        with open("/proc/self/statm") as figures:
            return int(figures.read().split()[1]) * resource.getpagesize()
    except FileNotFoundError:  # the peak is all that other systems tell
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def return_free_memory() -> None:
    """Have the allocator give back what is free; only glibc's can."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except AttributeError:
        pass
