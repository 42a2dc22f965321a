"""Threads that hand back what their function returned or raised."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any, Callable, TypeVar

T = TypeVar("T")

PATIENCE = 60


def background(function: Callable[..., T], *args: Any) -> Future[T]:
    """Run ``function`` in a thread that does not keep the interpreter from ending."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            value = function(*args)
        except BaseException as failure:  # result() raises it
            future.set_exception(failure)
        else:
            future.set_result(value)

    threading.Thread(target=run, daemon=True).start()
    return future


def at_once(*functions: Callable[[], T]) -> list[T]:
    """Run the functions in a thread each, started together, and return what they returned."""
    barrier = threading.Barrier(len(functions))

    def run(function: Callable[[], T]) -> T:
        barrier.wait(PATIENCE)
        return function()

    return [each.result(PATIENCE) for each in [background(run, function) for function in functions]]
