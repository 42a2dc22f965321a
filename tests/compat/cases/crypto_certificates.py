"""X509: loading and dumping, what a certificate says, making one, and what changing one does."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

from observe import Observer, each
from OpenSSL import crypto
from support import certificate, private_key, read

CERTIFICATES = (
    "ca",
    "intermediate",
    "leaf",
    "server",
    "server-ec",
    "client",
    "expired",
    "untrusted",
)
DIGESTS = ("md5", "sha1", "sha256", "SHA256", "sha512", "sha3-256", "blake2b512", "shake256")

PEM_BEGIN = b"-----BEGIN CERTIFICATE-----\n"
PEM_END = b"-----END CERTIFICATE-----\n"


def unsigned() -> crypto.X509:
    """A certificate with everything in it but a signature."""
    made = crypto.X509()
    made.set_version(2)
    made.set_serial_number(0x1234567890ABCDEF1234)
    made.get_subject().CN = "subject"
    made.get_issuer().CN = "issuer"
    made.set_notBefore(b"20200101000000Z")
    made.set_notAfter(b"20491231235959Z")
    made.set_pubkey(private_key("server"))
    return made


@each(CERTIFICATES)
def case_what_it_says(o: Observer, name: str) -> None:
    cert = certificate(name)
    for method in (
        "get_extension_count",
        "get_notAfter",
        "get_notBefore",
        "get_serial_number",
        "get_signature_algorithm",
        "get_version",
        "has_expired",
        "subject_name_hash",
    ):
        o.call(method, getattr(cert, method))
    o.see("issuer", repr(o.call("get_issuer", cert.get_issuer)))
    o.see("subject", repr(o.call("get_subject", cert.get_subject)))
    key = o.call("get_pubkey", cert.get_pubkey)
    o.see("kind of key", (key.type(), key.bits()))
    o.see("key", crypto.dump_publickey(crypto.FILETYPE_PEM, key))


@each(CERTIFICATES)
def case_dumps(o: Observer, name: str) -> None:
    cert = certificate(name)
    o.call("pem", crypto.dump_certificate, crypto.FILETYPE_PEM, cert)
    der = o.call("der", crypto.dump_certificate, crypto.FILETYPE_ASN1, cert)
    o.call("text", crypto.dump_certificate, crypto.FILETYPE_TEXT, cert)
    o.call("other", crypto.dump_certificate, 17, cert)
    again = crypto.load_certificate(crypto.FILETYPE_ASN1, der)
    o.see("the same again", crypto.dump_certificate(crypto.FILETYPE_ASN1, again) == der)


@each(DIGESTS)
def case_digest(o: Observer, digest: str) -> None:
    o.call("digest", certificate("server").digest, digest)
    o.call("upper case", certificate("server").digest, digest.upper())


def case_unknown_digests(o: Observer) -> None:
    for name in ("", "no such digest", "sha257", "h\xf6st", "\u2603"):
        o.call(repr(name), certificate("server").digest, name)


BAD: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "one byte": lambda: b"\0",
    "a word": lambda: b"certificate",
    "zeros": lambda: bytes(1000),
    "1 MiB of one byte": lambda: b"0" * 2**20,
    "half": lambda: read("server.der")[:400],
    "without its last byte": lambda: read("server.der")[:-1],
    "a key": lambda: read("server-key.der"),
    "deep": lambda: b"\x30\x80" * 1000,
    "huge length": lambda: b"\x30\x84\xff\xff\xff\xff",
    "PEM of nothing": lambda: PEM_BEGIN + PEM_END,
    "PEM of garbage": lambda: PEM_BEGIN + b"bm90IGEgY2VydGlmaWNhdGU=\n" + PEM_END,
    "PEM, not base64": lambda: PEM_BEGIN + b"!!!!\n" + PEM_END,
    "PEM without an end": lambda: PEM_BEGIN + b"AAAA\n",
    "PEM with another end": lambda: PEM_BEGIN + b"AAAA\n-----END KEY-----\n",
    "PEM of a key": lambda: read("server.key"),
    "PEM with NULs": lambda: read("server.pem").replace(b"A", b"\0"),
}


@each(BAD)
def case_bad(o: Observer, make: Callable[[], bytes]) -> None:
    data = make()
    o.call("PEM", crypto.load_certificate, crypto.FILETYPE_PEM, data)
    o.call("DER", crypto.load_certificate, crypto.FILETYPE_ASN1, data)
    o.call("good after bad", crypto.load_certificate, crypto.FILETYPE_PEM, read("ca.pem"))


GOOD: dict[str, Callable[[], Any]] = {
    "str": lambda: read("ca.pem").decode(),
    "text before": lambda: b"Subject: somebody\n\n" + read("ca.pem"),
    "text after": lambda: read("ca.pem") + b"and more",
    "CRLF": lambda: read("ca.pem").replace(b"\n", b"\r\n"),
    "spaces at the end of lines": lambda: read("ca.pem").replace(b"\n", b"  \n"),
    "key first": lambda: read("server.key") + read("ca.pem"),
    "two": lambda: read("server.pem") + read("ca.pem"),
    "old label": lambda: (
        read("ca.pem")
        .replace(b"BEGIN CERT", b"BEGIN X509 CERT")
        .replace(b"END CERT", b"END X509 CERT")
    ),
    "trusted label": lambda: (
        read("ca.pem")
        .replace(b"BEGIN CERT", b"BEGIN TRUSTED CERT")
        .replace(b"END CERT", b"END TRUSTED CERT")
    ),
    "bytes subclass": lambda: type("Bytes", (bytes,), {})(read("ca.pem")),
}


@each(GOOD)
def case_good_pem(o: Observer, make: Callable[[], Any]) -> None:
    cert = o.call("load", crypto.load_certificate, crypto.FILETYPE_PEM, make())
    if cert is not None:
        o.see("subject", repr(cert.get_subject()))


def case_trailing_data_after_der(o: Observer) -> None:
    o.call("load", crypto.load_certificate, crypto.FILETYPE_ASN1, read("server.der") + b"more")
    o.call("str", crypto.load_certificate, crypto.FILETYPE_ASN1, "0\x03\x02\x01\x00")


def case_ber(o: Observer) -> None:
    """An indefinite length, which DER does not allow."""
    der = read("server.der")
    assert der[:2] == b"\x30\x82"
    cert = o.call(
        "load", crypto.load_certificate, crypto.FILETYPE_ASN1, b"\x30\x80" + der[4:] + b"\0\0"
    )
    if cert is not None:
        o.see("dump", crypto.dump_certificate(crypto.FILETYPE_ASN1, cert) == der)
        o.call("digest", cert.digest, "sha256")


def case_empty(o: Observer) -> None:
    cert = o.call("X509", crypto.X509)
    for method in (
        "get_extension_count",
        "get_notAfter",
        "get_notBefore",
        "get_pubkey",
        "get_serial_number",
        "get_signature_algorithm",
        "get_version",
        "has_expired",
        "subject_name_hash",
        "to_cryptography",
    ):
        o.call(method, getattr(cert, method))
    o.see("subject", repr(cert.get_subject()))
    o.call("digest", cert.digest, "sha256")
    for file_type in (crypto.FILETYPE_PEM, crypto.FILETYPE_ASN1):
        o.call(f"dump {file_type}", crypto.dump_certificate, file_type, cert)


def case_making_one(o: Observer) -> None:
    made = unsigned()
    o.call("dump, unsigned", crypto.dump_certificate, crypto.FILETYPE_ASN1, made)
    o.call("sign", made.sign, private_key("server"), "sha256")
    o.call("algorithm", made.get_signature_algorithm)
    o.see("der", crypto.dump_certificate(crypto.FILETYPE_ASN1, made))
    o.call("again", made.sign, private_key("server"), "sha512")
    o.call("algorithm", made.get_signature_algorithm)


def case_signing(o: Observer) -> None:
    public = certificate("ca").get_pubkey()
    o.call("public key", unsigned().sign, public, "sha256")
    o.call("empty key", unsigned().sign, crypto.PKey(), "sha256")
    o.call("no digest", unsigned().sign, private_key("server"), "no such digest")
    o.call("empty digest", unsigned().sign, private_key("server"), "")
    o.call("elliptic", unsigned().sign, private_key("server-ec"), "sha256")
    o.call("wrong kind", unsigned().sign, private_key("server"), "shake128")
    ed25519 = crypto.load_privatekey(crypto.FILETYPE_PEM, read("keys/ed25519.pem"))
    o.call("Ed25519 with a digest", unsigned().sign, ed25519, "sha256")
    x25519 = crypto.load_privatekey(crypto.FILETYPE_PEM, read("keys/x25519.pem"))
    o.call("X25519", unsigned().sign, x25519, "sha256")


@each({str(n): n for n in (0, 1, 2, 3, 7, -1, -2, 2**31, True)})
def case_version(o: Observer, version: int) -> None:
    cert = crypto.X509()
    o.call("set", cert.set_version, version)
    o.call("get", cert.get_version)


@each({str(n): n for n in (0, 1, 127, 128, 255, 256, 2**64, 2**160, 2**2000, True)})
def case_serial_number(o: Observer, serial: int) -> None:
    cert = crypto.X509()
    o.call("set", cert.set_serial_number, serial)
    o.call("get", cert.get_serial_number)


TIMES = (
    b"20200102030405Z",
    b"200102030405Z",
    b"490102030405Z",
    b"500102030405Z",
    b"00000101000000Z",
    b"99991231235959Z",
    b"20200102030405+0100",
    b"20200102030405-0100",
    b"202001020304Z",
    b"20200102030405",
    b"20200102030405.5Z",
    b"20201302030405Z",
    b"20200230030405Z",
    b"20200102250405Z",
    b"20200102036005Z",
    b"20200102030460Z",
    b"",
    b"Z",
    b"not a time",
    b"20200102030405Z ",
    b"\xff" * 15,
)


@each({repr(time): time for time in TIMES})
def case_time(o: Observer, time: bytes) -> None:
    for end in ("notBefore", "notAfter"):
        cert = crypto.X509()
        o.call(f"set_{end}", getattr(cert, f"set_{end}"), time)
        o.call(f"get_{end}", getattr(cert, f"get_{end}"))
        o.call(f"has_expired by {end}", cert.has_expired)


@each({str(n): n for n in (0, -60, 60, 10**9, -(10**9), 2**40, -(2**40), 2**62)})
def case_time_from_now(o: Observer, amount: int) -> None:
    cert = crypto.X509()
    o.call("notAfter", cert.gmtime_adj_notAfter, amount)
    o.call("notBefore", cert.gmtime_adj_notBefore, amount)
    o.see("set", cert.get_notAfter() is not None)
    for _ in range(10):  # a second may begin between the two
        if cert.get_notAfter() == cert.get_notBefore():
            break
        cert.gmtime_adj_notAfter(amount)
        cert.gmtime_adj_notBefore(amount)
    o.call("equal", lambda: cert.get_notAfter() == cert.get_notBefore())
    if cert.get_notAfter() is not None and amount:
        o.call("has_expired", cert.has_expired)


def case_has_expired_asks_get_not_after(o: Observer) -> None:
    for answer in (
        None,
        b"20000101000000Z",
        b"29990101000000Z",
        b"200001010000Z",
        b"nonsense",
        b"\xff",
        5,
    ):
        cert = certificate("ca")
        cert.get_notAfter = lambda answer=answer: answer
        o.call(repr(answer), cert.has_expired)


def case_changes_without_signing(o: Observer) -> None:
    """The encoding stays what was signed, until something is set that OpenSSL watches."""
    cert = certificate("server")
    der = crypto.dump_certificate(crypto.FILETYPE_ASN1, cert)

    def look(label: str) -> None:
        dumped = crypto.dump_certificate(crypto.FILETYPE_ASN1, cert)
        o.see(f"{label}: same encoding", dumped == der)
        o.see(f"{label}: digest", cert.digest("sha256"))
        o.see(f"{label}: text", crypto.dump_certificate(crypto.FILETYPE_TEXT, cert))

    cert.set_notBefore(b"20000101000000Z")
    look("time")
    cert.get_subject().CN = "changed"
    look("name")
    cert.set_serial_number(99)
    look("serial")
    cert.set_version(0)
    look("version")
    o.call("subject hash", cert.subject_name_hash)


def case_a_certificate_in_use_can_be_changed(o: Observer) -> None:
    store = crypto.X509Store()
    cert = certificate("ca")
    store.add_cert(cert)
    o.call("name", lambda: setattr(cert.get_subject(), "CN", "changed"))
    o.call("serial", cert.set_serial_number, 5)
    o.call("time", cert.set_notAfter, b"20500101000000Z")
    o.call("version", cert.set_version, 1)
    o.see("subject", repr(cert.get_subject()))
    o.call("serial", cert.get_serial_number)
    o.call("notAfter", cert.get_notAfter)
    o.call("version", cert.get_version)


def case_public_keys_are_public(o: Observer) -> None:
    key = certificate("ca").get_pubkey()
    o.see("only public", key._only_public)
    o.see("initialised", key._initialized)
    o.call("check", key.check)
    o.see("to_cryptography_key", type(key.to_cryptography_key()).__name__)


def case_set_pubkey(o: Observer) -> None:
    cert = crypto.X509()
    o.call("set", cert.set_pubkey, certificate("ca").get_pubkey())
    o.see("kind", cert.get_pubkey().type())
    o.call("an empty one", cert.set_pubkey, crypto.PKey())
    o.see("kind", cert.get_pubkey().type())


def case_cryptography(o: Observer) -> None:
    theirs = certificate("server").to_cryptography()
    o.see("serial", theirs.serial_number)
    ours = o.call("from_cryptography", crypto.X509.from_cryptography, theirs)
    o.see("the same", ours.digest("sha256") == certificate("server").digest("sha256"))
    subclass = type("Sub", (crypto.X509,), {})
    o.see("from a subclass", type(subclass.from_cryptography(theirs)) is crypto.X509)
    for value in (None, "text", certificate("server"), private_key("server")):
        o.call(f"from {type(value).__name__}", crypto.X509.from_cryptography, value)


def case_equality_and_hash(o: Observer) -> None:
    cert = certificate("ca")
    o.see("itself", cert == cert)
    o.see("the same again", cert == certificate("ca"))
    o.see("hash", hash(cert) == hash(cert))
    o.see("in a set", len({cert, certificate("ca"), cert}))
    o.see("ordered", cert.__lt__(certificate("ca")))


def case_copies(o: Observer) -> None:
    cert = certificate("ca")
    cert.note = "mine"
    o.see("copy", copy.copy(cert).get_serial_number() == cert.get_serial_number())
    o.see("its attributes", copy.copy(cert).note)
    for function in (copy.deepcopy, pickle.dumps):
        try:
            function(cert)
        except Exception as exc:
            o.see(function.__name__, type(exc))


def case_ordinary_class(o: Observer) -> None:
    class Sub(crypto.X509):
        def __init__(self, note: str) -> None:
            self.note = note
            super().__init__()

        def get_version(self) -> int:
            return 40 + super().get_version()

    sub = o.call("made", Sub, "a note")
    o.see("attribute", sub.note)
    o.call("override", sub.get_version)
    o.call("given", crypto.X509Store().add_cert, sub)
    o.see("module", crypto.X509.__module__)
    o.call("class attribute", setattr, crypto.X509, "added", 5)
    o.see("seen", sub.added)
    o.call("init again", crypto.X509.__init__, sub)
