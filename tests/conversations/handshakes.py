"""What comes in the middle of a handshake, from clients and from servers; and servers' hellos."""

from __future__ import annotations

from collections.abc import Iterator

from conversations.adversary import (
    ALERT,
    CHANGE_CIPHER,
    DATA,
    HANDSHAKE,
    Plain,
    Tamper,
    message,
    record,
)
from conversations.conversation import (
    BAD_MAC,
    CLOSE,
    DECODE,
    ECHO,
    GOODBYE,
    HANDSHAKE_FAILURE,
    ILLEGAL,
    MISSING,
    REFUSAL,
    UNEXPECTED,
    UNSUPPORTED,
    VERSION,
    VERSIONS,
    Conversation,
    Verdict,
    before,
    hello,
    in_records,
    instead,
    put,
    rewritten,
    sealed_before,
    tampered,
    with_extension,
    without_extension,
)
from conversations.hellos import ALPN, KEY_SHARE, SUPPORTED, UNKNOWN, protocols, vector

HELLO_REQUEST, TICKET, END_OF_EARLY_DATA, CERTIFICATE, REQUEST = 0, 4, 5, 11, 13
PROOF, KEY_EXCHANGE, FINISHED, STATUS, KEY_UPDATE = 15, 16, 20, 22, 24

CLIENT_1_2: dict[str, tuple[Tamper, Verdict]] = {
    "ClientKeyExchange with an empty point": (
        instead("ClientKeyExchange", (HANDSHAKE, message(KEY_EXCHANGE, b"\x00"))),
        DECODE,
    ),
    "ClientKeyExchange with the point at infinity": (
        instead("ClientKeyExchange", (HANDSHAKE, message(KEY_EXCHANGE, b"\x01\x00"))),
        DECODE | ILLEGAL,
    ),
    "ClientKeyExchange with a point of another size": (
        instead("ClientKeyExchange", (HANDSHAKE, message(KEY_EXCHANGE, b"\x41\x04" + b"x" * 64))),
        DECODE | ILLEGAL,
    ),
    "Certificate that nobody asked for": (
        before("ClientKeyExchange", (HANDSHAKE, message(CERTIFICATE, b"\x00\x00\x00"))),
        UNEXPECTED,
    ),
    "CertificateVerify that nobody asked for": (
        before("ChangeCipherSpec", (HANDSHAKE, message(PROOF, b"\x04\x03\x00\x04sign"))),
        UNEXPECTED,
    ),
    "Finished in the clear": (
        instead("ChangeCipherSpec", (HANDSHAKE, message(FINISHED, bytes(12)))),
        UNEXPECTED,
    ),
    "ChangeCipherSpec before ClientKeyExchange": (
        before("ClientKeyExchange", (CHANGE_CIPHER, b"\x01")),
        UNEXPECTED,
    ),
    "data before ClientKeyExchange": (before("ClientKeyExchange", (DATA, b"early")), UNEXPECTED),
    "data before Finished": (before("Finished", (DATA, b"early")), UNEXPECTED),
    "HelloRequest": (
        before("ClientKeyExchange", (HANDSHAKE, message(HELLO_REQUEST, b""))),
        UNEXPECTED,
    ),
    "a warning": (before("ClientKeyExchange", (ALERT, b"\x01\x5a")), ECHO),
    "a fatal alert": (before("ClientKeyExchange", (ALERT, b"\x02\x28")), CLOSE),
    "close_notify": (before("ClientKeyExchange", (ALERT, b"\x01\x00")), GOODBYE),
}
CLIENT_1_3: dict[str, tuple[Tamper, Verdict]] = {
    "Finished in the clear": (
        instead("Finished", Plain(record(HANDSHAKE, message(FINISHED, bytes(48))))),
        UNEXPECTED | BAD_MAC,
    ),
    "EndOfEarlyData that there was not": (
        before("Finished", (HANDSHAKE, message(END_OF_EARLY_DATA, b""))),
        UNEXPECTED,
    ),
    "KeyUpdate before Finished": (
        before("Finished", (HANDSHAKE, message(KEY_UPDATE, b"\x00"))),
        UNEXPECTED,
    ),
    "Certificate that nobody asked for": (
        before("Finished", (HANDSHAKE, message(CERTIFICATE, bytes(4)))),
        UNEXPECTED,
    ),
    "data before Finished": (before("Finished", (DATA, b"early")), UNEXPECTED),
    "a fatal alert": (before("Finished", (ALERT, b"\x02\x28")), CLOSE),
    "close_notify": (before("Finished", (ALERT, b"\x01\x00")), GOODBYE),
    # RFC 8446, 5.
    "ChangeCipherSpec, of another value": (
        instead("ChangeCipherSpec", Plain(record(CHANGE_CIPHER, b"\x02"))),
        UNEXPECTED,
    ),
    "ChangeCipherSpec, protected": (
        sealed_before("Finished", b"\x01" + bytes([CHANGE_CIPHER])),
        UNEXPECTED,
    ),
    "an empty record, protected": (sealed_before("Finished", bytes([HANDSHAKE])), UNEXPECTED),
}


def sign_of_downgrade(last: int) -> Tamper:
    sign = bytearray(b"DOWNGRD" + bytes([last]))
    return hello(
        lambda sent: setattr(sent, "random", sent.random[:24] + sign),
        "ServerHello",
    )


SERVER: dict[str, tuple[Tamper, Verdict]] = {
    "ServerHello with a cipher that was not offered": (
        put("cipher_suite", 0x0005, "ServerHello"),
        ILLEGAL,
    ),
    "ServerHello with an unknown cipher": (put("cipher_suite", 0xFAFA, "ServerHello"), ILLEGAL),
    "ServerHello with a compression": (put("compression_method", 1, "ServerHello"), ILLEGAL),
    "ServerHello with an unknown extension": (
        with_extension(UNKNOWN, b"?", "ServerHello"),
        UNSUPPORTED,
    ),
    "ServerHello with an extension twice": (
        hello(lambda sent: sent.extensions.append(sent.extensions[0]), "ServerHello"),
        ILLEGAL | DECODE,
    ),
    # RFC 8446, D.5: never SSL 3.0.
    "ServerHello with the version of SSL 3.0": (
        put("server_version", (3, 0), "ServerHello"),
        VERSION,
    ),
    "ServerHello with a version of the future": (
        put("server_version", (3, 9), "ServerHello"),
        (VERSION, ECHO),
    ),
    "ServerHello in pieces of a byte each": (in_records("ServerHello", 1), ECHO),
    "ServerHello in two pieces, and data between": (
        in_records("ServerHello", 40, Plain(record(DATA, b"between"))),
        UNEXPECTED,
    ),
    "Certificate of zeros": (
        rewritten("Certificate", lambda data: data[:4] + bytes(len(data) - 4)),
        DECODE,
    ),
    "data before ServerHello": (
        before("ServerHello", Plain(record(DATA, b"early"))),
        UNEXPECTED,
    ),
    "a fatal alert before ServerHello": (
        before("ServerHello", Plain(record(ALERT, b"\x02\x28"))),
        CLOSE,
    ),
    "close_notify before ServerHello": (
        before("ServerHello", Plain(record(ALERT, b"\x01\x00"))),
        GOODBYE,
    ),
    "an empty record before ServerHello": (
        before("ServerHello", Plain(record(HANDSHAKE, b""))),
        UNEXPECTED,
    ),
    "ClientHello before ServerHello": (
        before("ServerHello", Plain(record(HANDSHAKE, message(1, bytes(50))))),
        UNEXPECTED,
    ),
    "HTTP before ServerHello": (
        before("ServerHello", Plain(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
        REFUSAL,
    ),
}
SERVER_1_2: dict[str, tuple[Tamper, Verdict]] = {
    "ServerHello with the sign of a downgrade from TLS 1.3": (sign_of_downgrade(1), ILLEGAL),
    "ServerHello with the sign of a downgrade from TLS 1.2": (sign_of_downgrade(0), ILLEGAL),
    "ALPN, not offered": (
        with_extension(ALPN, protocols(b"imaginary"), "ServerHello"),
        DECODE | ILLEGAL,
    ),
    "ALPN, two protocols": (
        with_extension(ALPN, protocols(b"h2", b"http/1.1"), "ServerHello"),
        DECODE | ILLEGAL,
    ),
    # RFC 5246, 7.4.1.1: ignored in the middle of a handshake.
    "HelloRequest": (
        before("ServerKeyExchange", Plain(record(HANDSHAKE, message(HELLO_REQUEST, b"")))),
        ECHO,
    ),
    "NewSessionTicket that was not announced": (
        before("ChangeCipherSpec", (HANDSHAKE, message(TICKET, bytes(5) + b"\x04tick"))),
        UNEXPECTED,
    ),
    "CertificateStatus that was not announced": (
        before("ServerKeyExchange", (HANDSHAKE, message(STATUS, b"\x01\x00\x00\x01x"))),
        UNEXPECTED,
    ),
    "ChangeCipherSpec before ServerHelloDone": (
        before("ServerHelloDone", (CHANGE_CIPHER, b"\x01")),
        UNEXPECTED,
    ),
    "data before Finished": (before("Finished", (DATA, b"early")), UNEXPECTED),
}
RETRY = bytes.fromhex("CF21AD74E59A6111BE1D8C021E65B891C2A211167ABB8C5E079E09E2C8A8339C")
SERVER_1_3: dict[str, tuple[Tamper, Verdict]] = {
    "ServerHello with another session identifier": (
        put("session_id", bytearray(32), "ServerHello"),
        ILLEGAL,
    ),
    "ServerHello with a version that was not offered": (
        with_extension(SUPPORTED, b"\x03\x05", "ServerHello"),
        ILLEGAL | VERSION,
    ),
    "ServerHello with TLS 1.2 in supported_versions": (
        with_extension(SUPPORTED, b"\x03\x03", "ServerHello"),
        ILLEGAL,
    ),
    "ServerHello with a share of another group": (
        with_extension(KEY_SHARE, b"\x00\x1e\x00\x04keys", "ServerHello"),
        ILLEGAL,
    ),
    "ServerHello with a share of zeros": (
        with_extension(KEY_SHARE, b"\x00\x1d\x00\x20" + bytes(32), "ServerHello"),
        ILLEGAL,
    ),
    "ServerHello without a share": (
        without_extension(KEY_SHARE, "ServerHello"),
        ILLEGAL | MISSING | HANDSHAKE_FAILURE,
    ),
    "ServerHello as a malformed HelloRetryRequest": (
        put("random", bytearray(RETRY), "ServerHello"),
        DECODE | ILLEGAL,
    ),
    "ALPN, not offered": (
        with_extension(ALPN, protocols(b"imaginary"), "EncryptedExtensions"),
        DECODE | ILLEGAL,
    ),
    "ALPN, two protocols": (
        with_extension(ALPN, protocols(b"h2", b"http/1.1"), "EncryptedExtensions"),
        DECODE | ILLEGAL,
    ),
    "EncryptedExtensions with key_share": (
        with_extension(KEY_SHARE, b"\x00\x1d", "EncryptedExtensions"),
        ILLEGAL,
    ),
    "EncryptedExtensions with an unknown extension": (
        with_extension(UNKNOWN, b"?", "EncryptedExtensions"),
        UNSUPPORTED,
    ),
    "CertificateRequest without signature_algorithms": (
        before("Certificate", (HANDSHAKE, message(REQUEST, b"\x00" + vector()))),
        MISSING | DECODE,
    ),
    "KeyUpdate before Finished": (
        before("Finished", (HANDSHAKE, message(KEY_UPDATE, b"\x00"))),
        UNEXPECTED,
    ),
    "NewSessionTicket before Finished": (
        before("Finished", (HANDSHAKE, message(TICKET, bytes(20)))),
        UNEXPECTED,
    ),
    "data before Finished": (before("Finished", (DATA, b"early")), UNEXPECTED),
}


def conversations() -> Iterator[Conversation]:
    both = tuple(VERSIONS)
    yield from tampered("client: in the middle", "client", ("TLSv1.2",), CLIENT_1_2)
    yield from tampered("client: in the middle", "client", ("TLSv1.3",), CLIENT_1_3)
    yield from tampered("server: handshake", "server", both, SERVER)
    yield from tampered("server: handshake", "server", ("TLSv1.2",), SERVER_1_2)
    yield from tampered("server: handshake", "server", ("TLSv1.3",), SERVER_1_3)
