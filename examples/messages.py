"""Messages in a stream of bytes: each with its length before it, in four bytes.

The highest of the four comes first. TLS hands on a stream: what one end sends at once
may reach the other in parts, and what it sends in parts may arrive at once. Where a
message ends is for the protocol above to say.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

LONGEST = 1 << 20  # bytes; nobody can make us keep more than one message of this size

_LENGTH = struct.Struct("!I")


def frame(message: bytes) -> bytes:
    """Put the length before a message."""
    return _LENGTH.pack(len(message)) + message


class Inbox:
    """What has come of messages; it gives each once all of it is there."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take what has come, and give the messages that are complete.

        :raises ValueError: if a message is longer than `LONGEST`.
        """
        self._data += data
        while len(self._data) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._data)
            if length > LONGEST:
                raise ValueError(f"a message of {length} bytes is too long")
            end = _LENGTH.size + length
            if len(self._data) < end:
                return
            message = bytes(self._data[_LENGTH.size : end])
            del self._data[:end]
            yield message
