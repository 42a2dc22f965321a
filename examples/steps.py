"""Talk over connections that never block, written as if they did.

A connection over a non-blocking socket raises `WantReadError` or `WantWriteError` where
it would have to wait. Here a generator then yields `EVENT_READ` or `EVENT_WRITE`, and
makes the very same call again when whoever runs it (selectors_server.py,
selectors_client.py) finds the socket ready.
"""

from __future__ import annotations

import selectors
from collections.abc import Generator
from functools import partial
from typing import Callable, TypeVar

from OpenSSL import SSL

from messages import Inbox, frame

T = TypeVar("T")

Steps = Generator[int, None, T]


def retry(call: Callable[[], T]) -> Steps[T]:
    """Make a call until it need not wait any more; return what it returns."""
    while True:
        try:
            return call()
        except SSL.WantReadError:
            yield selectors.EVENT_READ
        except SSL.WantWriteError:
            yield selectors.EVENT_WRITE


def send_message(connection: SSL.Connection, message: bytes) -> Steps[None]:
    rest = memoryview(frame(message))
    while rest:
        sent = yield from retry(partial(connection.send, rest))
        rest = rest[sent:]


def receive_messages(connection: SSL.Connection, inbox: Inbox) -> Steps[list[bytes]]:
    """Wait for a message; return all that have come, or none once the peer is done."""
    while True:
        try:
            data = yield from retry(partial(connection.recv, 16 * 1024))
        except SSL.ZeroReturnError:
            return []
        messages = list(inbox.feed(data))
        if messages:
            return messages
