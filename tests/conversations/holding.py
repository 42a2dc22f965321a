"""Holds conversations with a process that has an implementation of ``OpenSSL``, and watches it."""

from __future__ import annotations

import json
import os
import select
import socket
import ssl
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric import rsa

from conversations import adversary
from conversations.adversary import QUESTION, Adversary
from conversations.conversation import ECHO, VERSIONS, Conversation, leave_alone

# Seconds for the process to say what a connection came to, which it gives up on sooner.
PATIENCE = 20
LOOPBACK = "127.0.0.1"
# Mebibytes. What it takes for a conversation, it has to give back.
MEMORY = 64


@dataclass(frozen=True)
class Files:
    """An authority; chains and keys of the two kinds, ECDSA and RSA; and what the latter holds."""

    authority: str
    identities: list[list[str]]
    rsa_key: rsa.RSAPublicNumbers


@dataclass(frozen=True)
class Result:
    """What the adversary saw, and the exception that ended our end's calls."""

    seen: str
    raised: str


class Lost(Exception):
    """The process is not there any more, or does not answer."""


@dataclass
class Endpoint:
    """The process, started anew when it dies or hangs, which is noted."""

    python: str
    path: str
    files: Files
    # What is wrong with it, conversation by conversation.
    faults: list[str] = field(default_factory=list)
    process: subprocess.Popen[str] = field(init=False)
    ports: list[int] = field(init=False)
    version: str = field(init=False)
    descriptors: int = field(init=False)
    memory: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._start()

    def _start(self) -> None:
        program = str(Path(__file__).parent / "endpoint.py")
        self.process = subprocess.Popen(
            [self.python, program, self.files.authority, json.dumps(self.files.identities)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": self.path},
        )
        self.version, self.ports = self._read()
        self._be_honest()
        self.descriptors = self._state()["descriptors"]

    def _read(self) -> Any:
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
            raise Lost("hangs")
        line = self.process.stdout.readline()
        if not line:
            raise Lost(f"died, with {self.process.wait()}")
        return json.loads(line)

    def _command(self, **command: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def _state(self) -> dict[str, int]:
        self._command(role="state")
        return cast("dict[str, int]", self._read())

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()

    def hold(self, conversation: Conversation) -> Result:
        """Hold it; and then an honest peer is served, and nothing is left behind."""
        session = None
        try:
            if conversation.resumes:
                earlier = replace(conversation, tamper=leave_alone, after=None)
                result, session = self._hold(earlier)
                if result.seen not in ECHO:
                    return result
            result, _ = self._hold(conversation, session)
            self._be_honest()
            now = self._state()
            self.memory.append(now["memory"])
            if now["descriptors"] != self.descriptors:
                self.faults.append(f"{conversation}: descriptors are left open")
                self.descriptors = now["descriptors"]
        except (Lost, OSError) as failure:
            self.faults.append(f"{conversation}: {failure}")
            self.end()
            self._start()
            return Result("dies", str(failure))
        return result

    def growth(self) -> int:
        """Mebibytes, since the first half of the conversations."""
        half = (len(self.memory) + 1) // 2
        return max(self.memory[half:], default=0) - max(self.memory[:half], default=0)

    def _hold(self, conversation: Conversation, session: Any = None) -> tuple[Result, Any]:
        if conversation.role == "client":
            end = socket.create_connection((LOOPBACK, self.ports[conversation.strict]))
            self._command(role="server", strict=conversation.strict)
        else:
            with socket.create_server((LOOPBACK, 0)) as listener:
                self._command(role="client", port=listener.getsockname()[1])
                end, _ = listener.accept()
        end.settimeout(adversary.PATIENCE)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with end:
            peer = Adversary(end, conversation.tamper, self.files.rsa_key)
            seen = self._talk(conversation, peer, session)
        return Result(seen, self._read()), peer.session

    def _talk(self, conversation: Conversation, peer: Adversary, session: Any) -> str:
        chosen = adversary.settings(VERSIONS[conversation.version], **conversation.settings)
        identity = adversary.identity(*self.files.identities[conversation.rsa])

        def act() -> None:
            if conversation.role == "client":
                peer.handshakeClientCert(
                    session=session,
                    settings=chosen,
                    serverName="localhost",
                    alpn=[bytearray(b"h2")],
                    **(identity if conversation.strict else {}),
                )
            else:
                peer.handshakeServer(settings=chosen, alpn=[bytearray(b"h2")], **identity)
                question = bytes(peer.read(min=len(QUESTION), max=len(QUESTION)))
                if question != QUESTION:
                    raise adversary.BrokenPromise(f"asks {question!r}")
                peer.write(question)
            peer.tamper = leave_alone
            if conversation.after is not None:
                conversation.after(peer)

        return adversary.reaction(peer, act)

    def _be_honest(self) -> None:
        """Ask for an echo, with Python's own ``ssl``."""
        self._command(role="server", strict=False)
        trust = ssl.create_default_context(cafile=self.files.authority)
        with (
            socket.create_connection((LOOPBACK, self.ports[False]), timeout=PATIENCE) as end,
            trust.wrap_socket(end, server_hostname="localhost") as honest,
        ):
            honest.sendall(QUESTION)
            answer = honest.recv(len(QUESTION))
        if answer != QUESTION:
            raise Lost(f"answers an honest client with {answer!r}")
        self._read()
