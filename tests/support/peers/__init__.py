"""Other implementations of TLS, each as a client and as a server, in processes of their own.

A client sends what it was given and keeps what it receives; a server echoes what it hears, or says
what it was given. They take their input from files and put their output into files where they can,
so that no pipe fills up and no peer waits for us while we wait for it.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from OpenSSL import SSL

from support.certificates import Authority, Identity
from support.network import LOOPBACK, free_port
from support.threads import background
from support.tls import CHUNK, receive_exactly

PATIENCE = 60

# What `SysCallError` says of a peer that went without a close_notify.
UNCLEAN_ENDS = {(-1, "Unexpected EOF"), (104, "ECONNRESET"), (32, "EPIPE")}


@dataclass(frozen=True)
class Task:
    """What a peer is to do, and the directory that is all its own."""

    directory: Path
    authority: Authority
    version: str
    payload: bytes
    host: str = "localhost"
    identity: Identity | None = None
    require_certificate: bool = False
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.payload_file.write_bytes(self.payload)

    @property
    def payload_file(self) -> Path:
        return self.directory / "payload"

    def arguments(self) -> list[str]:
        """The task in the words that a peer of our own writing takes."""
        identity = self.identity
        return [
            *(str(self.port), self.version, self.host),
            *(str(self.authority.file), str(self.payload_file)),
            str(identity.chain_file) if identity else "",
            str(identity.key_file) if identity else "",
            "require" if self.require_certificate else "",
        ]


class Process:
    """A peer at work."""

    def __init__(self, task: Task, command: list[str], stdin: int = subprocess.PIPE) -> None:
        self._output = task.directory / "output"
        self._log = task.directory / "log"
        with self._output.open("wb") as output, self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=stdin, stdout=output, stderr=log, cwd=task.directory
            )

    def feed(self, data: bytes) -> None:
        """Give ``data`` to its standard input, which stays open, without waiting."""
        pipe = self._process.stdin
        assert pipe is not None

        def write() -> None:
            pipe.write(data)
            pipe.flush()

        background(write)

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait(self) -> int:
        """Its exit status, once it has ended by itself."""
        return self._process.wait(PATIENCE)

    def output(self) -> bytes:
        return self._output.read_bytes()

    def kill(self) -> None:
        """End it before it can say goodbye."""
        self._process.kill()
        self._process.wait()

    def clean_up(self) -> None:
        self.kill()
        if self._process.stdin is not None:
            try:
                self._process.stdin.close()
            except BrokenPipeError:
                pass


class Peer:
    """Another implementation in one role."""

    name: ClassVar[str]
    program: ClassVar[str]

    @classmethod
    def installed(cls) -> bool:
        return shutil.which(cls.program) is not None

    def command(self, task: Task) -> list[str]:
        raise NotImplementedError

    def start(self, task: Task) -> Process:
        return Process(task, self.command(task), subprocess.DEVNULL)


class ClientPeer(Peer):
    """A client: it says its payload, and after that it listens until we close."""

    # Whether it fails when the connection ends without a close_notify.
    notices_truncation: ClassVar[bool] = True

    def converse(self, connection: SSL.Connection, payload: bytes) -> None:
        """Our side: hear all of ``payload``, then say it back."""
        assert receive_exactly(connection, len(payload)) == payload
        connection.sendall(payload)


class ServerPeer(Peer):
    """A server for one connection: it echoes what it hears."""

    echoes_bytes: ClassVar[bool] = True

    def converse(self, connection: SSL.Connection, payload: bytes, process: Process) -> None:
        """Our side: say ``payload`` piece by piece, and hear each again."""
        for start in range(0, len(payload), CHUNK):
            piece = payload[start : start + CHUNK]
            connection.sendall(piece)
            assert receive_exactly(connection, len(piece)) == piece

    def connect(self, task: Task, process: Process) -> socket.socket:
        """A connection to the peer, which may need a moment until it listens."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                end = socket.create_connection((LOOPBACK, task.port))
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return end
            except ConnectionRefusedError:
                assert process.running, process.log
                assert time.monotonic() < deadline, "the peer does not listen"
                time.sleep(0.02)
