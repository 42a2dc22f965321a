"""What a connection receives, as a file: for `http.client` and `http.server`."""

from __future__ import annotations

import io
from typing import Any

from OpenSSL import SSL

from reports import reason


class ByteStream(io.RawIOBase):
    """A file to read from, which ends when the peer says goodbye."""

    def __init__(self, connection: SSL.Connection) -> None:
        self._connection = connection

    def makefile(self, mode: str = "rb", buffering: int = -1) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            return self._connection.recv_into(buffer)
        except SSL.ZeroReturnError:
            return 0
        except SSL.Error as error:
            raise ConnectionError(reason(error)) from error
