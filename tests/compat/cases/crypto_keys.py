"""PKey: keys of every kind, passphrases, generation, curves."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

from observe import Observer, each
from OpenSSL import crypto
from support import DATA, PASSPHRASE, private_key, read

KINDS = sorted(path.stem for path in (DATA / "keys").glob("*.pem"))
CIPHERS = ("aes-128-cbc", "aes256", "AES-256-CBC", "des-ede3-cbc", "camellia-128-cbc")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    dump_privatekey = crypto.dump_privatekey


def key(kind: str) -> crypto.PKey:
    return crypto.load_privatekey(crypto.FILETYPE_PEM, read(f"keys/{kind}.pem"))


@each(KINDS)
def case_kind(o: Observer, kind: str) -> None:
    loaded = o.call("load", crypto.load_privatekey, crypto.FILETYPE_PEM, read(f"keys/{kind}.pem"))
    o.call("type", loaded.type)
    o.call("bits", loaded.bits)
    o.call("check", loaded.check)
    pem = o.call("PEM", dump_privatekey, crypto.FILETYPE_PEM, loaded)
    der = o.call("DER", dump_privatekey, crypto.FILETYPE_ASN1, loaded)
    o.call("text", dump_privatekey, crypto.FILETYPE_TEXT, loaded)
    again = o.call("from DER", crypto.load_privatekey, crypto.FILETYPE_ASN1, der)
    o.see("the same", dump_privatekey(crypto.FILETYPE_PEM, again) == pem)


@each(KINDS)
def case_public_half(o: Observer, kind: str) -> None:
    loaded = key(kind)
    pem = o.call("PEM", crypto.dump_publickey, crypto.FILETYPE_PEM, loaded)
    der = o.call("DER", crypto.dump_publickey, crypto.FILETYPE_ASN1, loaded)
    for file_type, data in ((crypto.FILETYPE_PEM, pem), (crypto.FILETYPE_ASN1, der)):
        public = o.call(f"load {file_type}", crypto.load_publickey, file_type, data)
        o.see("kind", (public.type(), public.bits(), public._only_public))
        o.call("check", public.check)
        o.call("private PEM", dump_privatekey, crypto.FILETYPE_PEM, public)
        o.call("private DER", dump_privatekey, crypto.FILETYPE_ASN1, public)
        o.see("to cryptography", type(public.to_cryptography_key()).__name__)
    o.call("as a private key", crypto.load_privatekey, crypto.FILETYPE_PEM, pem)
    o.call("as a private key, DER", crypto.load_privatekey, crypto.FILETYPE_ASN1, der)
    o.call(
        "a private key as public",
        crypto.load_publickey,
        crypto.FILETYPE_PEM,
        dump_privatekey(crypto.FILETYPE_PEM, loaded),
    )


@each(KINDS)
def case_cryptography(o: Observer, kind: str) -> None:
    loaded = key(kind)
    warnings.simplefilter("ignore")  # cryptography's own, about Diffie-Hellman
    try:
        theirs = loaded.to_cryptography_key()
    except ValueError as exc:
        o.see("to", type(exc))
        return
    o.see("to", type(theirs).__name__)
    ours = o.call("from", crypto.PKey.from_cryptography_key, theirs)
    if ours is not None:
        o.see("kind", (ours.type(), ours.bits(), ours._only_public, ours._initialized))
        same = dump_privatekey(crypto.FILETYPE_PEM, ours) == read(f"keys/{kind}.pem")
        o.see("the same", same)
    public = theirs.public_key()
    half = o.call("from public", crypto.PKey.from_cryptography_key, public)
    if half is not None:
        o.see("half", (half.type(), half._only_public, half._initialized))
        o.see("back", type(half.to_cryptography_key()).__name__)


@each(KINDS)
def case_truncated(o: Observer, kind: str) -> None:
    der = dump_privatekey(crypto.FILETYPE_ASN1, key(kind))
    for length in (1, 5, len(der) // 2, len(der) - 1):
        o.call(f"{length}", crypto.load_privatekey, crypto.FILETYPE_ASN1, der[:length])
    der = crypto.dump_publickey(crypto.FILETYPE_ASN1, key(kind))
    for length in (1, 5, len(der) // 2, len(der) - 1):
        o.call(f"public {length}", crypto.load_publickey, crypto.FILETYPE_ASN1, der[:length])


BAD: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "one byte": lambda: b"\0",
    "a word": lambda: b"key",
    "1 MiB of one byte": lambda: b"0" * 2**20,
    "deep": lambda: b"\x30\x80" * 1000,
    "a certificate": lambda: read("ca.pem"),
    "a certificate in DER": lambda: read("server.der"),
    "PEM without an end": lambda: read("server.key")[:200],
    "PEM of garbage": lambda: b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    "old PEM of garbage": lambda: (
        b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"
    ),
    "bad cipher": lambda: (
        b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: NONE-1,00\n\n"
        b"AAAA\n-----END RSA PRIVATE KEY-----\n"
    ),
}


@each(BAD)
def case_bad(o: Observer, make: Callable[[], bytes]) -> None:
    data = make()
    for file_type in (crypto.FILETYPE_PEM, crypto.FILETYPE_ASN1):
        o.call(f"private {file_type}", crypto.load_privatekey, file_type, data)
        o.call(f"public {file_type}", crypto.load_publickey, file_type, data)
    o.call("with a passphrase", crypto.load_privatekey, crypto.FILETYPE_PEM, data, b"secret")
    o.call("good after bad", crypto.load_privatekey, crypto.FILETYPE_PEM, read("server.key"))


GOOD: dict[str, Callable[[], Any]] = {
    "str": lambda: read("server.key").decode(),
    "text before": lambda: b"some text\n" + read("server.key"),
    "text after": lambda: read("server.key") + b"some text\n",
    "CRLF": lambda: read("server.key").replace(b"\n", b"\r\n"),
    "certificate first": lambda: read("ca.pem") + read("server.key"),
    "two": lambda: read("server.key") + read("server-ec.key"),
}


@each(GOOD)
def case_good_pem(o: Observer, make: Callable[[], Any]) -> None:
    loaded = o.call("load", crypto.load_privatekey, crypto.FILETYPE_PEM, make())
    if loaded is not None:
        o.see("kind", (loaded.type(), loaded.bits()))


def case_empty(o: Observer) -> None:
    empty = o.call("PKey", crypto.PKey)
    o.call("type", empty.type)
    o.call("check", empty.check)
    o.see("flags", (empty._only_public, empty._initialized))
    for file_type in (crypto.FILETYPE_PEM, crypto.FILETYPE_ASN1, crypto.FILETYPE_TEXT, 99):
        o.call(f"dump {file_type}", dump_privatekey, file_type, empty)
        o.call(f"dump public {file_type}", crypto.dump_publickey, file_type, empty)
    o.call("bits", empty.bits)


@each({f"{kind}, {bits}": (kind, bits) for kind in ("RSA", "DSA") for bits in (512, 1024, 1536)})
def case_generate(o: Observer, row: tuple[str, int]) -> None:
    kind, bits = row
    made = crypto.PKey()
    o.call("generate", made.generate_key, getattr(crypto, f"TYPE_{kind}"), bits)
    o.see("kind", (made.type(), made.bits(), made._initialized))
    o.call("again", made.generate_key, crypto.TYPE_RSA, 1024)
    o.see("kind", (made.type(), made.bits()))
    o.call("check", made.check)
    o.see("to cryptography", type(made.to_cryptography_key()).__name__)


def case_generate_refused(o: Observer) -> None:
    made = crypto.PKey()
    for bits in (0, -1, -(2**70), 1, 100, 511, 2**31, 2**70):
        o.call(f"RSA {bits}", made.generate_key, crypto.TYPE_RSA, bits)
    for bits in (-5, 2**31, 2**70):
        o.call(f"DSA {bits}", made.generate_key, crypto.TYPE_DSA, bits)
    for kind in (0, -1, crypto.TYPE_DH, crypto.TYPE_EC, 2**70, False):
        o.call(f"kind {kind}", made.generate_key, kind, 1024)
    o.see("still empty", (made.type(), made._initialized))


def case_check_asks_type(o: Observer) -> None:
    class Liar(crypto.PKey):
        def type(self) -> int:
            return crypto.TYPE_DSA

    liar = Liar()
    liar.generate_key(crypto.TYPE_RSA, 1024)
    o.call("check", liar.check)


def case_inconsistent(o: Observer) -> None:
    """A key whose numbers do not belong together."""
    der = bytearray(dump_privatekey(crypto.FILETYPE_ASN1, key("rsa")))
    der[-1] ^= 1
    o.call("check", crypto.load_privatekey(crypto.FILETYPE_ASN1, bytes(der)).check)


PASSPHRASES: dict[str, Any] = {
    "right": PASSPHRASE,
    "wrong": b"wrong",
    "empty": b"",
    "with NUL": PASSPHRASE + b"\0",
    "1024 bytes": b"x" * 1024,
    "1025 bytes": b"x" * 1025,
    "1 MiB": b"x" * 2**20,
    "bytes subclass": type("Bytes", (bytes,), {})(PASSPHRASE),
}


@each(PASSPHRASES)
def case_passphrase(o: Observer, passphrase: bytes) -> None:
    data = read("encrypted.key")
    o.call("bytes", crypto.load_privatekey, crypto.FILETYPE_PEM, data, passphrase)
    answer = o.callback("asked", passphrase)
    o.call("callable", crypto.load_privatekey, crypto.FILETYPE_PEM, data, answer)
    o.call("not encrypted", crypto.load_privatekey, crypto.FILETYPE_PEM, read("server.key"), answer)
    for cipher in CIPHERS[:2]:
        dumped = o.call(
            f"dump {cipher}",
            lambda cipher=cipher: dumped_beginning(cipher, passphrase),
        )
        if dumped:
            o.call(f"dump {cipher}, callable", dumped_beginning, cipher, answer)


def dumped_beginning(cipher: str | None, passphrase: Any) -> bytes:
    return dump_privatekey(crypto.FILETYPE_PEM, private_key("server"), cipher, passphrase)[:40]


class Interrupt(Exception):
    pass


ANSWERS: dict[str, Any] = {
    "None": None,
    "str": "text",
    "int": 5,
    "bytearray": bytearray(PASSPHRASE),
    "Exception": Interrupt("mine"),
    "ValueError": ValueError("mine too"),
}


@each(ANSWERS)
def case_bad_answer(o: Observer, answer: Any) -> None:
    ask = o.callback("asked", answer)
    o.call("load", crypto.load_privatekey, crypto.FILETYPE_PEM, read("encrypted.key"), ask)
    if isinstance(answer, BaseException):
        o.see("the same object", o.raised is answer)
    o.call("dump", dumped_beginning, "aes128", ask)
    o.call("afterwards", crypto.load_privatekey, crypto.FILETYPE_PEM, read("server.key"))


@each(CIPHERS)
def case_cipher(o: Observer, cipher: str) -> None:
    dumped = dump_privatekey(crypto.FILETYPE_PEM, private_key("server"), cipher, b"secret")
    loaded = o.call("load", crypto.load_privatekey, crypto.FILETYPE_PEM, dumped, b"secret")
    o.see("the same", dump_privatekey(2, loaded) == dump_privatekey(2, private_key("server")))


def case_encryption_arguments(o: Observer) -> None:
    server = private_key("server")
    pem, der = crypto.FILETYPE_PEM, crypto.FILETYPE_ASN1
    o.call("no passphrase", dump_privatekey, pem, server, "aes128")
    o.call("no cipher", lambda: len(dump_privatekey(pem, server, None, b"secret")))
    o.call("unknown cipher", dump_privatekey, pem, server, "no such cipher", b"secret")
    o.call("empty cipher", dump_privatekey, pem, server, "", b"secret")
    o.call("cipher in bytes", dump_privatekey, pem, server, b"aes128", b"secret")
    o.call("an AEAD cipher", dump_privatekey, pem, server, "aes-128-gcm", b"secret")
    o.call("an ECB cipher", lambda: dumped_beginning("aes-128-ecb", b"secret"))
    o.call("DER", dump_privatekey, der, server, "aes128", b"secret")
    o.call("DER, no cipher", dump_privatekey, der, server, None, b"secret")
    o.call("text", dump_privatekey, crypto.FILETYPE_TEXT, server, "aes128", b"secret")
    o.call("unknown type", dump_privatekey, 99, server, "aes128", b"secret")
    o.call("passphrase is a str", dump_privatekey, pem, server, "aes128", "secret")
    o.call("load DER with one", crypto.load_privatekey, der, read("server-key.der"), b"secret")
    o.call("load a str", crypto.load_privatekey, pem, read("encrypted.key"), "secret")
    o.call("load a list", crypto.load_privatekey, pem, read("server.key"), [b"secret"])
    o.call("load DER, bad one", crypto.load_privatekey, der, read("server-key.der"), 5)
    o.call("keywords", crypto.load_privatekey, type=pem, buffer=read("server.key"), passphrase=None)


def case_callable_that_takes_nothing(o: Observer) -> None:
    o.call("load", crypto.load_privatekey, 1, read("encrypted.key"), lambda: b"x")
    o.call("class", crypto.load_privatekey, 1, read("encrypted.key"), bytes)


def case_callable_that_loads(o: Observer) -> None:
    """A passphrase may be found by loading another key."""

    def ask(writing: int) -> bytes:
        o.call("inner", crypto.load_privatekey, crypto.FILETYPE_PEM, b"garbage")
        o.call("inner good", crypto.load_privatekey, 1, read("encrypted.key"), PASSPHRASE)
        return PASSPHRASE

    o.call("outer", crypto.load_privatekey, crypto.FILETYPE_PEM, read("encrypted.key"), ask)


def case_from_cryptography_refused(o: Observer) -> None:
    for value in (None, "text", private_key("server"), b"bytes", int):
        o.call(f"from {value!r:.20}", crypto.PKey.from_cryptography_key, value)


def case_copy(o: Observer) -> None:
    server = private_key("server")
    server.note = 5
    copied = copy.copy(server)
    o.see("kind", (copied.type(), copied.bits(), copied.note))


def case_curves(o: Observer) -> None:
    curves = o.call("all", lambda: len(crypto.get_elliptic_curves()))
    o.see("number", curves)
    every = crypto.get_elliptic_curves()
    o.see("the same set", every is crypto.get_elliptic_curves())
    o.see("kind", type(every))
    o.see("names", sorted(curve.name for curve in every))
    o.see("reprs", sorted(map(repr, every)))
    p256 = o.call("one", crypto.get_elliptic_curve, "prime256v1")
    o.see("in the set", p256 in every)
    o.see("equal", p256 == crypto.get_elliptic_curve("prime256v1"))
    o.see("other", p256 == crypto.get_elliptic_curve("secp384r1"))
    o.see("not equal", p256 != crypto.get_elliptic_curve("secp384r1"))
    o.see("hash", hash(p256) == hash(crypto.get_elliptic_curve("prime256v1")))
    o.see("!= str", p256 != "prime256v1")
    o.see("__ne__ str", p256.__ne__("prime256v1"))
    for name in ("", "no such curve", "P-256", "PRIME256V1", b"prime256v1", None, 5):
        o.call(f"unknown {name!r}", crypto.get_elliptic_curve, name)
