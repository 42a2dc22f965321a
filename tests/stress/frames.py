"""Numbered frames: whose each received byte is, which one it is, and whether all of them came."""

from __future__ import annotations

import random
import struct
import threading
import zlib
from collections import defaultdict

SIZE = 512
HEADER = struct.Struct(">IIII")
_BODY = SIZE - HEADER.size
_NOISE = random.Random("noise").randbytes((1 << 16) + _BODY)


def frame(stream: int, writer: int, number: int) -> bytes:
    """The ``number``-th frame of ``writer`` in ``stream``: no other has the same bytes."""
    header = HEADER.pack(stream, writer, number, 0)
    start = zlib.crc32(header) & 0xFFFF
    return header + _NOISE[start : start + _BODY]


class Account:
    """The frames of one stream: what was sent into it, and what came out.

    A stream may have several writers, and several readers, at once. What a writer's frames are
    numbered by is their order; between writers there is none.
    """

    def __init__(self, stream: int) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        # By writer. Begun is what may have been sent, done is what was.
        self._begun: dict[int, int] = defaultdict(int)
        self._done: dict[int, int] = defaultdict(int)
        self._received: dict[int, set[int]] = defaultdict(set)
        # Of each reader and writer, the last frame that the one saw of the other.
        self._last: dict[tuple[int, int], int] = {}
        self._rest = b""

    def begin(self, writer: int, count: int) -> bytes:
        """The next ``count`` frames of ``writer``, to be sent."""
        with self._lock:
            first = self._begun[writer]
            self._begun[writer] += count
        return b"".join(
            frame(self._stream, writer, number) for number in range(first, first + count)
        )

    def sent(self, writer: int) -> None:
        """All frames that ``writer`` has begun were sent."""
        with self._lock:
            self._done[writer] = self._begun[writer]

    def not_sent(self, writer: int) -> None:
        """None of the frames that ``writer`` has begun since the last that were sent, was."""
        with self._lock:
            self._begun[writer] = self._done[writer]

    def received(self, reader: int, data: bytes) -> None:
        """Check what came out. With one reader at a time it may come in any pieces."""
        with self._lock:
            if len(data) % SIZE or self._rest:
                data = self._rest + data
                whole = len(data) - len(data) % SIZE
                data, self._rest = data[:whole], data[whole:]
            for at in range(0, len(data), SIZE):
                self._one(reader, data[at : at + SIZE])

    def _one(self, reader: int, data: bytes) -> None:
        stream, writer, number, _ = HEADER.unpack_from(data)
        assert stream == self._stream, f"a frame of stream {stream} in stream {self._stream}"
        assert data == frame(stream, writer, number), f"frame {number} of {writer} is corrupt"
        assert number < self._begun[writer], f"frame {number} of {writer} was never sent"
        seen = self._received[writer]
        assert number not in seen, f"frame {number} of {writer} came twice"
        assert number > self._last.get((reader, writer), -1), "frames came out of order"
        self._last[reader, writer] = number
        seen.add(number)

    @property
    def frames_sent(self) -> int:
        with self._lock:
            return sum(self._done.values())

    @property
    def frames_received(self) -> int:
        with self._lock:
            return sum(map(len, self._received.values()))

    def check(self, complete: bool) -> None:
        """No writer's frames have a gap, and none are missing if the stream is ``complete``."""
        with self._lock:
            for writer, seen in self._received.items():
                assert seen == set(range(len(seen))), f"frames of {writer} are missing"
            if complete:
                assert not self._rest, "the last frame was cut"
                for writer, begun in self._begun.items():
                    done, came = self._done[writer], len(self._received[writer])
                    # They differ where the peer said goodbye in the middle of a write: what of it
                    # was in a record goes out before the goodbye that answers.
                    assert done <= came <= begun, (
                        f"{done} frames of {writer} were sent, of {begun}, and {came} came"
                    )
