"""Whose ``OpenSSL`` is under test: this project's, or pyOpenSSL itself."""

from __future__ import annotations

import importlib.util
from typing import Callable

import pytest

REFERENCE = importlib.util.find_spec("OpenSSL._rust") is None

deviation = pytest.mark.skipif(
    REFERENCE, reason="pyOpenSSL does otherwise here, on purpose we do not"
)


def error_queue_is_empty() -> bool:
    """Whether this thread's error queue is empty, as far as anyone can tell."""
    if REFERENCE:
        return True
    from OpenSSL import _rust

    probe: Callable[[], bool] = getattr(_rust, "_error_queue_is_empty", lambda: True)
    return probe()
