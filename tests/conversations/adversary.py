"""An implementation of TLS, tlslite-ng, that tampers with its own messages before it sends them."""

from __future__ import annotations

import socket
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Callable, Union

from cryptography.hazmat.primitives.asymmetric import rsa

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of asyncore, which it imports
    from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey  # type: ignore[import-untyped]
    from tlslite.constants import AlertDescription  # type: ignore[import-untyped]
    from tlslite.errors import (  # type: ignore[import-untyped]
        BaseTLSException,
        TLSAbruptCloseError,
        TLSError,
        TLSLocalAlert,
        TLSRemoteAlert,
    )
    from tlslite.extensions import TLSExtension  # type: ignore[import-untyped]
    from tlslite.messages import Message  # type: ignore[import-untyped]

# Longer than our end's, so that it is seen to give up.
PATIENCE = 6

CHANGE_CIPHER, ALERT, HANDSHAKE, DATA, HEARTBEAT = 20, 21, 22, 23, 24
QUESTION = b"question"


@dataclass(frozen=True)
class Plain:
    """Bytes for the wire as they are, with no protection."""

    data: bytes


@dataclass(frozen=True)
class Unheard:
    """A handshake message that the adversary does not count among those that it has sent."""

    data: bytes


# What is sent: a message of tlslite-ng, a content type with bytes, or one of the above.
Sent = Union[Any, "tuple[int, bytes]", Plain, Unheard]
# Given the adversary and what it is about to send, says what to send instead.
Tamper = Callable[["Adversary", Any], "list[Sent]"]


def record(kind: int, body: bytes, version: bytes = b"\x03\x03") -> bytes:
    return bytes([kind]) + version + len(body).to_bytes(2, "big") + body


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def extension(number: int, content: bytes) -> TLSExtension:
    return TLSExtension(extType=number).create(number, bytearray(content))


class BrokenPromise(Exception):
    """The other end has done what it must not, and it is not for tlslite-ng to notice."""


def as_message(sent: Sent) -> Any:
    return Message(sent[0], bytearray(sent[1])) if isinstance(sent, tuple) else sent


class Adversary(TLSConnection):  # type: ignore[misc]
    """A client or a server whose messages pass through ``tamper``."""

    def __init__(
        self, end: socket.socket, tamper: Tamper, rsa_key: rsa.RSAPublicNumbers | None = None
    ) -> None:
        super().__init__(end)
        self.end = end
        self.tamper = tamper
        self.closeSocket = False
        # The RSA key of the other end, for those who know what to do with it.
        self.rsa_key = rsa_key
        # How many hellos it has sent, which are two after a HelloRetryRequest.
        self.hellos = 0
        # Messages for one record.
        self._waiting: list[Any] = []

    def _sendMsg(
        self, msg: Any, randomizeFirstBlock: bool = True, update_hashes: bool = True
    ) -> Iterator[Any]:
        self.hellos += type(msg).__name__ == "ClientHello"
        for sent in self.tamper(self, msg) if update_hashes else [msg]:
            if isinstance(sent, Plain):
                self.shout(sent.data)
            elif isinstance(sent, Unheard):
                yield from super()._sendMsg(as_message((HANDSHAKE, sent.data)), False, False)
            else:
                yield from super()._sendMsg(as_message(sent), randomizeFirstBlock, update_hashes)

    def _queue_message(self, msg: Any) -> None:
        for sent in self.tamper(self, msg):
            made = as_message(sent)
            if not isinstance(made, (Plain, Unheard)) and made.contentType == HANDSHAKE:
                self._handshake_hash.update(made.write())
            self._waiting.append(made)

    def _queue_flush(self) -> Iterator[Any]:
        waiting, self._waiting = self._waiting, []
        for sent in waiting:
            if isinstance(sent, Plain):
                self.shout(sent.data)
            else:
                made = as_message((HANDSHAKE, sent.data)) if isinstance(sent, Unheard) else sent
                yield from self._sendMsg(made, update_hashes=False)

    # What can be said after the handshake, and in its middle.

    def say(self, kind: int, content: bytes) -> None:
        """Send a record with this content, protected as the others are."""
        for _ in super()._sendMsg(Message(kind, bytearray(content)), False, False):
            pass

    def shout(self, data: bytes) -> None:
        """Send bytes with no protection."""
        self.sock.flush()
        self.end.sendall(data)

    def sealed(self, inner: bytes, outer: int = DATA) -> bytes:
        """A protected record of TLS 1.3 with this inner plaintext: content, type, padding."""
        return record(outer, bytes(self._recordLayer._encryptThenSeal(bytearray(inner), outer)))


def settings(version: tuple[int, int], **more: Any) -> HandshakeSettings:
    chosen = HandshakeSettings()
    chosen.minVersion = chosen.maxVersion = version
    chosen.certificate_compression_send = chosen.certificate_compression_receive = []
    for name, value in more.items():
        setattr(chosen, name, value)
    return chosen


def understood(act: Callable[[], str]) -> str:
    """What ``act`` says, or what the other end has done, as far as can be told from here."""
    try:
        return act()
    except TLSRemoteAlert as alert:
        name = AlertDescription.toStr(alert.description)
        return "says goodbye" if name == "close_notify" else name
    except (TLSAbruptCloseError, ConnectionError):
        return "closes"
    except socket.timeout:
        return "is silent"
    except TLSLocalAlert as alert:
        return f"sends what earns {AlertDescription.toStr(alert.description)}"
    except BrokenPromise as broken:
        return f"breaks a promise: {broken}"
    except (TLSError, BaseTLSException) as failure:
        return f"sends what is not understood, {type(failure).__name__}"


def reaction(adversary: Adversary, act: Callable[[], Any]) -> str:
    """What the other end does about what happens in ``act``, and whether it still echoes."""

    def ask() -> str:
        act()
        try:
            adversary.write(QUESTION)
        except ConnectionError:
            # tlslite-ng has given up: what there is to be heard, it does not hear.
            return "says more" if adversary.end.recv(1) else "closes"
        answer = bytes(adversary.read(min=len(QUESTION), max=len(QUESTION)))
        if answer == QUESTION:
            return "answers"
        return f"answers {answer!r}" if answer else "says goodbye"

    return understood(ask)


@lru_cache
def identity(chain_file: str, key_file: str) -> dict[str, Any]:
    """A chain, and its key, as tlslite-ng wants them."""
    with open(chain_file) as chain_text, open(key_file) as key_text:
        chain = X509CertChain()
        chain.parsePemList(chain_text.read())
        return {"certChain": chain, "privateKey": parsePEMKey(key_text.read(), private=True)}
