"""Hellos of clients that are malformed, strange, or not a hello."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conversations.adversary import (
    ALERT,
    CHANGE_CIPHER,
    DATA,
    HANDSHAKE,
    HEARTBEAT,
    Adversary,
    BrokenPromise,
    Plain,
    Tamper,
    extension,
    message,
    record,
)
from conversations.conversation import (
    DECODE,
    ECHO,
    GOODBYE,
    HANDSHAKE_FAILURE,
    ILLEGAL,
    MISSING,
    NAME,
    OVERFLOW,
    PRE_SHARED,
    REFUSAL,
    UNEXPECTED,
    VERSION,
    VERSIONS,
    Conversation,
    Verdict,
    before,
    followed,
    hello,
    in_records,
    leave_alone,
    put,
    rewritten,
    second,
    tampered,
    wanted,
    with_extension,
    with_extensions,
    without_extension,
)

SERVER_NAME, FRAGMENT_LENGTH, STATUS, GROUPS, POINTS, SIGNATURES = 0, 1, 5, 10, 11, 13
HEARTBEATS, ALPN, MAC_LAST, MASTER_SECRET, TICKET = 15, 16, 22, 23, 35
EARLY, SUPPORTED, COOKIE, MODES, KEY_SHARE = 42, 43, 44, 45, 51
RENEGOTIATION = 0xFF01
UNKNOWN = 0x7A7A
P_256, X25519 = 23, 29
FALLBACK = 0x5600


def vector(*items: bytes, size: int = 2) -> bytes:
    listed = b"".join(items)
    return len(listed).to_bytes(size, "big") + listed


def names(*hosts: bytes, kind: int = 0) -> bytes:
    return vector(*(bytes([kind]) + vector(host) for host in hosts))


def protocols(*offered: bytes) -> bytes:
    return vector(*(vector(each, size=1) for each in offered))


def shares(*entries: tuple[int, bytes]) -> bytes:
    return vector(*(group.to_bytes(2, "big") + vector(share) for group, share in entries))


def odd_ciphers(data: bytes) -> bytes:
    """The list of ciphers is said to be a byte shorter than it is."""
    at = 39 + data[38]
    size = int.from_bytes(data[at : at + 2], "big")
    return data[:at] + (size - 1).to_bytes(2, "big") + data[at + 2 :]


FIELDS: dict[str, tuple[Tamper, Verdict]] = {
    "no ciphers": (put("cipher_suites", []), DECODE),
    "unknown ciphers": (put("cipher_suites", [0xFAFA, 0x1A1A]), HANDSHAKE_FAILURE),
    "an odd length of ciphers": (rewritten("ClientHello", odd_ciphers), DECODE),
    "no compression": (put("compression_methods", []), (DECODE, DECODE | ILLEGAL)),
    "another compression only": (
        put("compression_methods", [1]),
        (ILLEGAL | HANDSHAKE_FAILURE, ILLEGAL),
    ),
    "a session identifier of 33 bytes": (put("session_id", bytearray(33)), DECODE),
    # RFC 8446, D.5: never SSL 3.0.
    "the version of SSL 3.0": (put("client_version", (3, 0)), VERSION),
    "the version of SSL 2.0": (put("client_version", (2, 0)), (VERSION, VERSION | ECHO)),
    "the version of TLS 1.0": (put("client_version", (3, 1)), (VERSION, ECHO)),
    "the version of TLS 1.1": (put("client_version", (3, 2)), (VERSION, ECHO)),
    "a version of the future": (put("client_version", (3, 9)), ECHO),
    # RFC 7507.
    "a fallback that was not needed": (
        hello(lambda sent: sent.cipher_suites.append(FALLBACK)),
        (wanted("inappropriate_fallback"), ECHO),
    ),
    "no extensions": (
        put("extensions", None),
        (HANDSHAKE_FAILURE | ECHO, HANDSHAKE_FAILURE | VERSION),
    ),
}

EXTENSIONS: dict[str, tuple[Tamper, Verdict]] = {
    "one twice": (
        hello(lambda sent: sent.extensions.append(sent.extensions[0])),
        (DECODE | ILLEGAL, ILLEGAL),
    ),
    "an unknown one": (with_extension(UNKNOWN, b"unknown"), ECHO),
    "an unknown one that is empty": (with_extension(UNKNOWN, b""), ECHO),
    "500 unknown ones": (
        with_extensions({0x4000 + number: b"x" for number in range(500)}),
        ECHO,
    ),
    "one of 60 KB": (with_extension(UNKNOWN, bytes(60_000)), ECHO),
    # RFC 6066, 3.
    "server_name, empty list": (with_extension(SERVER_NAME, names()), DECODE),
    "server_name, empty name": (with_extension(SERVER_NAME, names(b"")), DECODE),
    "server_name, with NUL": (with_extension(SERVER_NAME, names(b"local\x00host")), NAME | ECHO),
    "server_name, 256 bytes": (with_extension(SERVER_NAME, names(b"x" * 256)), NAME | ECHO),
    "server_name, two hosts": (with_extension(SERVER_NAME, names(b"a", b"b")), DECODE | ILLEGAL),
    "server_name, another kind": (
        with_extension(SERVER_NAME, names(b"a", kind=7)),
        DECODE | ECHO,
    ),
    "server_name, cut": (with_extension(SERVER_NAME, names(b"localhost")[:-2]), DECODE),
    "server_name, lengthened": (with_extension(SERVER_NAME, names(b"localhost") + b"x"), DECODE),
    "max_fragment_length, unknown": (with_extension(FRAGMENT_LENGTH, b"\x09"), ILLEGAL),
    "status_request, malformed": (with_extension(STATUS, b"\x01\xff\xff"), DECODE),
    # RFC 7301. The program lets pass those whose protocols it does not know.
    "ALPN, empty list": (with_extension(ALPN, protocols()), DECODE),
    "ALPN, empty protocol": (with_extension(ALPN, protocols(b"")), DECODE | ILLEGAL),
    "ALPN, cut": (with_extension(ALPN, protocols(b"h2")[:-1]), DECODE),
    "ALPN, unknown protocol": (with_extension(ALPN, protocols(b"imaginary")), ECHO),
    "ALPN, 900 protocols": (
        with_extension(ALPN, protocols(*[b"%d" % number for number in range(900)], b"h2")),
        ECHO,
    ),
    "supported_groups, empty list": (with_extension(GROUPS, vector()), DECODE),
    "supported_groups, odd length": (with_extension(GROUPS, vector(b"\x00\x17\x00")), DECODE),
    "supported_groups, unknown": (
        with_extension(GROUPS, vector(b"\x7f\x7f")),
        (HANDSHAKE_FAILURE | ECHO, HANDSHAKE_FAILURE | ILLEGAL),
    ),
    # RFC 8422, 5.1.2.
    "ec_point_formats, empty list": (with_extension(POINTS, b"\x00"), (DECODE, DECODE | ECHO)),
    "ec_point_formats, compressed only": (
        with_extension(POINTS, b"\x01\x01"),
        (ILLEGAL, ILLEGAL | ECHO),
    ),
    "signature_algorithms, empty list": (with_extension(SIGNATURES, vector()), DECODE),
    "signature_algorithms, odd length": (with_extension(SIGNATURES, vector(b"abc")), DECODE),
    "signature_algorithms, unknown": (
        with_extension(SIGNATURES, vector(b"\x7f\x7f")),
        HANDSHAKE_FAILURE,
    ),
    "heartbeat, of an unknown mode": (with_extension(HEARTBEATS, b"\x03"), ECHO | ILLEGAL),
    # Both are empty, and mean nothing in TLS 1.3.
    "encrypt_then_mac, not empty": (
        with_extension(MAC_LAST, b"x"),
        (DECODE | ILLEGAL, DECODE | ILLEGAL | ECHO),
    ),
    "extended_master_secret, not empty": (
        with_extension(MASTER_SECRET, b"x"),
        (DECODE | ILLEGAL, DECODE | ILLEGAL | ECHO),
    ),
    "session_ticket, of nobody": (with_extension(TICKET, bytes(200)), ECHO),
    # RFC 5746, 3.6.
    "renegotiation_info, not empty": (
        with_extension(RENEGOTIATION, b"\x01x"),
        (HANDSHAKE_FAILURE, HANDSHAKE_FAILURE | ECHO),
    ),
}

KEY = vector(vector(b"keys") + bytes(4))
BINDER = vector(vector(bytes(32), size=1))
DHE = b"\x01\x01"


def shares_twice(sent: Any) -> None:
    (offered,) = (each for each in sent.extensions if each.extType == KEY_SHARE)
    twice = extension(KEY_SHARE, vector(bytes(offered.extData)[2:] * 2))
    sent.extensions = [twice if each is offered else each for each in sent.extensions]


def key_without_modes(sent: Any) -> None:
    others = [each for each in sent.extensions if each.extType != MODES]
    sent.extensions = [*others, extension(PRE_SHARED, KEY + BINDER)]


def key_first(sent: Any) -> None:
    others = [each for each in sent.extensions if each.extType != MODES]
    sent.extensions = [extension(PRE_SHARED, KEY + BINDER), *others, extension(MODES, DHE)]


EXTENSIONS_1_3: dict[str, tuple[Tamper, Verdict]] = {
    "supported_versions, empty list": (with_extension(SUPPORTED, b"\x00"), DECODE),
    "supported_versions, odd length": (with_extension(SUPPORTED, b"\x03\x03\x04\x03"), DECODE),
    "supported_versions, unknown": (with_extension(SUPPORTED, b"\x02\x7f\x7f"), VERSION),
    "supported_versions, drafts": (with_extension(SUPPORTED, b"\x02\x7f\x1c"), VERSION),
    "supported_versions, TLS 1.1 only": (with_extension(SUPPORTED, b"\x02\x03\x02"), VERSION),
    "key_share, one group twice": (
        # RFC 8446, 4.2.8: a server may notice.
        hello(shares_twice),
        ILLEGAL | ECHO,
    ),
    "key_share, of zeros": (with_extension(KEY_SHARE, shares((X25519, bytes(32)))), ILLEGAL),
    "key_share, short": (with_extension(KEY_SHARE, shares((X25519, b"x" * 31))), ILLEGAL),
    "key_share, empty": (with_extension(KEY_SHARE, shares((X25519, b""))), DECODE),
    "key_share, off the curve": (
        with_extension(KEY_SHARE, shares((P_256, b"\x04" + b"x" * 64))),
        ILLEGAL,
    ),
    "key_share, compressed point": (
        with_extension(KEY_SHARE, shares((P_256, b"\x02" + b"x" * 32))),
        ILLEGAL,
    ),
    "key_share, cut": (with_extension(KEY_SHARE, b"\x00\xff"), DECODE),
    "key_share without supported_groups": (without_extension(GROUPS), MISSING),
    "supported_groups without key_share": (without_extension(KEY_SHARE), MISSING),
    "no signature_algorithms": (without_extension(SIGNATURES), MISSING),
    # RFC 8446, 4.2.9 and 4.2.11.
    "pre_shared_key, unknown": (
        with_extensions({MODES: DHE, PRE_SHARED: KEY + BINDER}),
        ECHO,
    ),
    "pre_shared_key without psk_key_exchange_modes": (
        hello(key_without_modes),
        MISSING,
    ),
    "pre_shared_key without binders": (with_extensions({MODES: DHE, PRE_SHARED: KEY}), DECODE),
    "pre_shared_key with two binders": (
        with_extensions({MODES: DHE, PRE_SHARED: KEY + vector(BINDER[2:] * 2)}),
        DECODE | ILLEGAL,
    ),
    "pre_shared_key before others": (hello(key_first), ILLEGAL),
    "psk_key_exchange_modes, unknown": (with_extension(MODES, b"\x01\x7f"), ECHO),
    "psk_key_exchange_modes, empty list": (with_extension(MODES, b"\x00"), DECODE),
    "cookie of nobody": (with_extension(COOKIE, vector(b"cake")), ECHO | ILLEGAL),
    "early_data without a key": (with_extension(EARLY, b""), ECHO | ILLEGAL),
    "early_data without a key, and then data": (
        followed(with_extension(EARLY, b""), "ClientHello", Plain(record(DATA, b"?" * 100))),
        ECHO,
    ),
    "early_data without a key, and then 160 KB": (
        followed(
            with_extension(EARLY, b""), "ClientHello", *[Plain(record(DATA, b"?" * 16_000))] * 10
        ),
        REFUSAL,
    ),
}

# With no key share, which is why there is a second one.
SECOND: dict[str, tuple[Tamper, Verdict]] = {
    "as it was asked for": (leave_alone, ECHO),
    "without a share again": (second(with_extension(KEY_SHARE, shares())), ILLEGAL),
    "with a share of another group": (
        second(with_extension(KEY_SHARE, shares((0x001E, b"x" * 56)))),
        ILLEGAL,
    ),
    "with other ciphers": (second(put("cipher_suites", [0xFAFA])), ILLEGAL | HANDSHAKE_FAILURE),
    "of another version": (second(with_extension(SUPPORTED, b"\x02\x03\x03")), ILLEGAL | VERSION),
    "with a cookie that nobody gave": (
        second(with_extension(COOKIE, vector(b"cake"))),
        ILLEGAL | ECHO,
    ),
    "with early_data": (second(with_extension(EARLY, b"")), ILLEGAL),
}


def first(*others: Plain) -> Tamper:
    return before("ClientHello", *others)


BEFORE: dict[str, tuple[Tamper, Verdict]] = {
    "a hello of zeros": (first(Plain(record(HANDSHAKE, message(1, bytes(50))))), DECODE | VERSION),
    "data": (first(Plain(record(DATA, b"early"))), UNEXPECTED),
    "close_notify": (first(Plain(record(ALERT, b"\x01\x00"))), GOODBYE),
    "a warning": (first(Plain(record(ALERT, b"\x01\x64"))), UNEXPECTED | GOODBYE | ECHO),
    "a fatal alert": (first(Plain(record(ALERT, b"\x02\x28"))), GOODBYE),
    # RFC 8446, 5.
    "ChangeCipherSpec": (first(Plain(record(CHANGE_CIPHER, b"\x01"))), UNEXPECTED),
    "a heartbeat": (first(Plain(record(HEARTBEAT, b"\x01\x40\x00"))), UNEXPECTED),
    "an empty record": (first(Plain(record(HANDSHAKE, b""))), UNEXPECTED),
    "a record of an unknown type": (first(Plain(record(99, b"?"))), UNEXPECTED),
    "HelloRequest": (first(Plain(record(HANDSHAKE, message(0, b"")))), UNEXPECTED),
    "half a hello of SSL 2.0": (first(Plain(b"\x80\x03\x01\x03\x01")), REFUSAL),
    "HTTP": (first(Plain(b"GET / HTTP/1.1\r\n\r\n")), REFUSAL),
    "noise": (first(Plain(bytes(range(200, 256)))), REFUSAL),
    "a record of 2¹⁴ + 1 bytes": (first(Plain(record(HANDSHAKE, bytes((1 << 14) + 1)))), OVERFLOW),
    "a message of 16 MB": (
        first(Plain(record(HANDSHAKE, b"\x01\xff\xff\xff" + bytes(1000)))),
        REFUSAL,
    ),
}

IN_PIECES: dict[str, tuple[Tamper, Verdict]] = {
    "of a byte each": (in_records("ClientHello", 1), ECHO),
    "two": (in_records("ClientHello", 100), ECHO),
    # RFC 8446, 5.1: not interleaved. RFC 5246, 6.2.1, has nothing against it.
    "two, and data between": (
        in_records("ClientHello", 100, Plain(record(DATA, b"between"))),
        UNEXPECTED,
    ),
    "two, and ChangeCipherSpec between": (
        in_records("ClientHello", 100, Plain(record(CHANGE_CIPHER, b"\x01"))),
        UNEXPECTED,
    ),
    "two, and a warning between": (
        in_records("ClientHello", 100, Plain(record(ALERT, b"\x01\x5a"))),
        (UNEXPECTED | ECHO, UNEXPECTED),
    ),
    "two, and an empty record between": (
        in_records("ClientHello", 100, Plain(record(HANDSHAKE, b""))),
        UNEXPECTED,
    ),
}


def no_downgrade(peer: Adversary) -> None:
    """A server that can do better says so in its random bytes (RFC 8446, 4.1.3)."""
    if bytes(peer._serverRandom[-8:]) != b"DOWNGRD\x01":
        raise BrokenPromise("TLS 1.2 without the sign of a server that has TLS 1.3")


def conversations() -> Iterator[Conversation]:
    both = tuple(VERSIONS)
    yield from tampered("client: hello, fields", "client", both, FIELDS)
    yield Conversation(
        "client: hello, fields",
        "TLS 1.2, and the sign of a downgrade",
        "client",
        "TLSv1.2",
        ECHO,
        after=no_downgrade,
    )
    yield from tampered("client: hello, extensions", "client", both, EXTENSIONS)
    yield from tampered("client: hello, extensions", "client", ("TLSv1.3",), EXTENSIONS_1_3)
    yield from tampered(
        "client: hello, the second", "client", ("TLSv1.3",), SECOND, settings={"keyShares": []}
    )
    yield from tampered("client: before the hello", "client", both, BEFORE)
    yield from tampered("client: hello in pieces", "client", both, IN_PIECES)
