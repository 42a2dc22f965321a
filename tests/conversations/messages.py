"""Each message of each handshake: left out, twice, renamed, emptied, cut, lengthened, falsified."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable

from conversations.adversary import HANDSHAKE, Adversary, Sent, Tamper, Unheard
from conversations.conversation import (
    BAD_MAC,
    CLOSE,
    DECODE,
    DECRYPT,
    ECHO,
    ILLEGAL,
    REFUSAL,
    UNEXPECTED,
    Conversation,
    Wanted,
    bytes_of,
    handshake_message,
    name_of,
    wanted,
)

Edit = Callable[[bytes], "list[bytes]"]

EDITS: dict[str, tuple[Edit, Wanted]] = {
    "left out": (lambda data: [], UNEXPECTED),
    "twice": (lambda data: [data, data], UNEXPECTED),
    "under another name": (lambda data: [bytes([data[0] ^ 0x40]) + data[1:]], UNEXPECTED),
    "emptied": (lambda data: [data[:4]], DECODE),
    "cut": (lambda data: [data[:-1]], DECODE),
    "lengthened": (lambda data: [data + b"\x00"], DECODE),
    "falsified": (lambda data: [data[:-1] + bytes([data[-1] ^ 1])], DECRYPT),
}


def edited(kind: str, edit: Edit) -> Tamper:
    def tamper(peer: Adversary, sent: Any) -> list[Sent]:
        if name_of(sent) != kind:
            return [sent]
        data = bytes_of(sent)
        if sent.contentType != HANDSHAKE:  # which has no header
            return [(sent.contentType, each[4:]) for each in edit(bytes(4) + data)]
        edits = [handshake_message(each) for each in edit(data)]
        return [*((HANDSHAKE, each) for each in edits[:1]), *map(Unheard, edits[1:])]

    return tamper


# The messages that each role sends, by version, and whether there is a client certificate.
MESSAGES: dict[tuple[str, str, bool], list[str]] = {
    ("client", "TLSv1.2", False): [
        "ClientHello",
        "ClientKeyExchange",
        "ChangeCipherSpec",
        "Finished",
    ],
    ("client", "TLSv1.2", True): ["Certificate", "CertificateVerify"],
    ("client", "TLSv1.3", False): ["ClientHello", "ChangeCipherSpec", "Finished"],
    ("client", "TLSv1.3", True): ["Certificate", "CertificateVerify", "Finished"],
    ("server", "TLSv1.2", False): [
        "ServerHello",
        "Certificate",
        "ServerKeyExchange",
        "ServerHelloDone",
        "ChangeCipherSpec",
        "Finished",
    ],
    ("server", "TLSv1.3", False): [
        "ServerHello",
        "ChangeCipherSpec",
        "EncryptedExtensions",
        "Certificate",
        "CertificateVerify",
        "Finished",
    ],
}

# Nothing follows it before the other end has spoken: both wait, until one gives up.
LAST = {
    ("client", "TLSv1.2", "ClientHello"),
    ("client", "TLSv1.3", "ClientHello"),
    ("client", "TLSv1.2", "Finished"),
    ("server", "TLSv1.2", "ServerHelloDone"),
    ("server", "TLSv1.2", "Finished"),
    ("server", "TLSv1.3", "Finished"),
}

# Other than what EDITS says; by message, version (or none), edit.
EXCEPTIONS: dict[tuple[str, str, str], Wanted] = {
    # Keys change at these, and what comes next is under others.
    ("ChangeCipherSpec", "TLSv1.2", "left out"): UNEXPECTED | DECODE,
    ("ChangeCipherSpec", "TLSv1.2", "twice"): UNEXPECTED | BAD_MAC,
    ("Finished", "TLSv1.3", "left out"): BAD_MAC,
    ("Finished", "TLSv1.3", "twice"): BAD_MAC,
    # In TLS 1.3 it means nothing, and may be missing, or come more often (RFC 8446, D.4). With any
    # other content it is an unexpected message (RFC 8446, 5).
    ("ChangeCipherSpec", "TLSv1.3", "left out"): ECHO,
    ("ChangeCipherSpec", "TLSv1.3", "twice"): ECHO,
    ("ChangeCipherSpec", "TLSv1.3", "emptied"): UNEXPECTED,
    ("ChangeCipherSpec", "TLSv1.3", "lengthened"): UNEXPECTED,
    ("ChangeCipherSpec", "TLSv1.3", "falsified"): UNEXPECTED,
    ("ChangeCipherSpec", "TLSv1.2", "emptied"): UNEXPECTED | DECODE,
    ("ChangeCipherSpec", "TLSv1.2", "lengthened"): UNEXPECTED | DECODE | ILLEGAL,
    ("ChangeCipherSpec", "TLSv1.2", "falsified"): UNEXPECTED | DECODE | ILLEGAL,
    # The last byte is that of some extension.
    ("ClientHello", "", "falsified"): ECHO | REFUSAL,
    ("ServerHello", "TLSv1.2", "falsified"): ECHO | REFUSAL,
    ("ServerHello", "TLSv1.3", "falsified"): REFUSAL,
    ("EncryptedExtensions", "", "falsified"): REFUSAL,
    # The keys are others.
    ("ClientKeyExchange", "", "falsified"): BAD_MAC | DECRYPT,
    # A certificate's signature (RFC 5246, 7.2.2), and the length of the extensions behind it.
    ("Certificate", "TLSv1.2", "falsified"): DECRYPT | wanted("bad_certificate"),
    ("Certificate", "TLSv1.3", "falsified"): DECODE,
}


def makes_sense(name: str, edit: str) -> bool:
    if name == "ChangeCipherSpec":  # one byte, with no name
        return edit not in ("under another name", "cut")
    # It is empty.
    return name != "ServerHelloDone" or edit not in ("emptied", "cut", "falsified")


def expected(role: str, version: str, name: str, edit: str) -> Wanted:
    if edit == "left out" and (role, version, name) in LAST:
        return CLOSE
    default = EXCEPTIONS.get((name, "", edit), EDITS[edit][1])
    return EXCEPTIONS.get((name, version, edit), default)


def conversations() -> Iterator[Conversation]:
    for (role, version, strict), names in MESSAGES.items():
        for name in names:
            for edit_name, (edit, _) in EDITS.items():
                if makes_sense(name, edit_name):
                    yield Conversation(
                        f"{role}: messages",
                        f"{name} {edit_name}",
                        role,
                        version,
                        expected(role, version, name, edit_name),
                        edited(name, edit),
                        strict=strict,
                    )
