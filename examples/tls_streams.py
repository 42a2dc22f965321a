"""TLS for asyncio: a connection over memory buffers between two of asyncio's streams.

A Connection without a socket takes what came from the peer with `bio_write` and gives
what is to go there with `bio_read`. Whatever moves the bytes in between, here asyncio,
may wait in its own way.
"""

from __future__ import annotations

import asyncio
from typing import Callable, TypeVar

from OpenSSL import SSL

T = TypeVar("T")

CHUNK = 64 * 1024


class TLSStream:
    """One end of a connection. One task may read while another one writes."""

    def __init__(
        self,
        connection: SSL.Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.connection = connection
        self._reader = reader
        self._writer = writer
        self._receiving = asyncio.Lock()
        self._received = 0

    async def handshake(self) -> None:
        await self._run(self.connection.do_handshake)

    async def recv(self, size: int) -> bytes:
        """Wait for data; return at most `size` bytes, none once the peer is done."""
        try:
            return await self._run(lambda: self.connection.recv(size))
        except SSL.ZeroReturnError:
            return b""

    async def sendall(self, data: bytes) -> None:
        await self._run(lambda: self.connection.sendall(data))

    async def close(self) -> None:
        """Say that we are done, and hang up."""
        try:
            await self._run(self.connection.shutdown)
        finally:
            self._writer.close()

    def abort(self) -> None:
        """Hang up without a word."""
        self._writer.transport.abort()

    async def _run(self, call: Callable[[], T]) -> T:
        """Make a call until it has all that it needs from the peer."""
        while True:
            seen = self._received
            try:
                result = call()
            except SSL.WantReadError:
                await self._flush()
                await self._receive(seen)
            except SSL.Error:
                await self._flush()  # the peer is told why, in an alert
                raise
            else:
                await self._flush()
                return result

    async def _flush(self) -> None:
        """Pass on what the connection has for the peer."""
        try:
            while True:
                self._writer.write(self.connection.bio_read(CHUNK))
        except SSL.WantReadError:  # nothing more
            await self._writer.drain()

    async def _receive(self, seen: int) -> None:
        """Give the connection what comes, unless another task did since `seen`."""
        async with self._receiving:
            if self._received != seen:
                return
            data = await self._reader.read(CHUNK)
            self._received += 1
            if data:
                self.connection.bio_write(data)
            else:
                self.connection.bio_shutdown()
