"""X509Store and X509StoreContext: what is trusted, and how it is verified."""

from __future__ import annotations

import copy
import datetime
import gc
import tempfile
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from observe import Observer, each
from OpenSSL import crypto
from support import certificate, path, private_key, read

NO_EXPLICIT_POLICY = 43  # not the fault of one certificate
THEN = datetime.datetime(2027, 1, 1)


def store(*names: str) -> crypto.X509Store:
    made = crypto.X509Store()
    for name in names:
        made.add_cert(certificate(name))
    made.set_time(THEN)
    return made


def verify(o: Observer, label: str, context: crypto.X509StoreContext) -> None:
    """Both ways to verify, and all that the exception says."""
    o.call(f"{label}: verify", context.verify_certificate)
    o.raised = None
    chain = o.call(f"{label}: chain", context.get_verified_chain)
    if chain is not None:
        o.see(f"{label}: names", [repr(cert.get_subject()) for cert in chain])
    elif isinstance(o.raised, crypto.X509StoreContextError):
        o.see(f"{label}: errors", o.raised.errors)
        # The reference would read the certificate at address 0.
        if o.raised.errors[0] != NO_EXPLICIT_POLICY:
            o.see(f"{label}: certificate", o.raised.certificate.digest("sha256"))
        o.see(f"{label}: text", str(o.raised))


#: The trusted, the verified, the chain.
CHAINS: dict[str, tuple[tuple[str, ...], str, Any]] = {
    "itself": (("ca",), "ca", None),
    "nothing trusted": ((), "ca", None),
    "issued": (("ca",), "server", None),
    "issued, nothing trusted": ((), "server", None),
    "issued by another": (("untrusted",), "server", None),
    "only itself trusted": (("server",), "server", None),
    "intermediate missing": (("ca",), "leaf", None),
    "intermediate given": (("ca",), "leaf", ("intermediate",)),
    "intermediate trusted": (("ca", "intermediate"), "leaf", None),
    "only the intermediate trusted": (("intermediate",), "leaf", None),
    "root given, not trusted": ((), "leaf", ("intermediate", "ca")),
    "too many given": (("ca",), "leaf", ("server", "intermediate", "ca", "untrusted")),
    "given twice": (("ca",), "leaf", ("intermediate", "intermediate")),
    "none given": (("ca",), "server", ()),
    "expired": (("ca",), "expired", None),
}


@each(CHAINS)
def case_chain(o: Observer, row: tuple[tuple[str, ...], str, Any]) -> None:
    trusted, name, given = row
    chain = None if given is None else [certificate(each) for each in given]
    context = crypto.X509StoreContext(store(*trusted), certificate(name), chain)
    verify(o, "first", context)
    verify(o, "again", context)


FLAGS = (
    "ALLOW_PROXY_CERTS",
    "CHECK_SS_SIGNATURE",
    "CRL_CHECK",
    "CRL_CHECK_ALL",
    "EXPLICIT_POLICY",
    "IGNORE_CRITICAL",
    "INHIBIT_MAP",
    "PARTIAL_CHAIN",
    "POLICY_CHECK",
    "X509_STRICT",
)


@each(FLAGS)
def case_flag(o: Observer, flag: str) -> None:
    for trusted in ("ca", "intermediate"):
        made = store(trusted)
        o.call("set", made.set_flags, getattr(crypto.X509StoreFlags, flag))
        given = [certificate("intermediate")]
        verify(o, trusted, crypto.X509StoreContext(made, certificate("leaf"), given))


def case_flags_add_up(o: Observer) -> None:
    made = store("ca")
    flags = crypto.X509StoreFlags
    o.call("CRL check", made.set_flags, flags.CRL_CHECK)
    o.call("nothing", made.set_flags, 0)
    o.call("another", made.set_flags, flags.X509_STRICT | flags.PARTIAL_CHAIN)
    verify(o, "then", crypto.X509StoreContext(made, certificate("server")))


TIMES: dict[str, Any] = {
    "before": datetime.datetime(2000, 1, 1),
    "epoch": datetime.datetime(1970, 1, 1),
    "before the epoch": datetime.datetime(1900, 1, 1),
    "within": datetime.datetime(2027, 6, 1, 12, 30, 15),
    "after": datetime.datetime(2100, 1, 1),
    "last": datetime.datetime.max,
    "first": datetime.datetime.min,
    "aware": datetime.datetime(2027, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=5))),
    "date": datetime.date(2027, 1, 1),
    "a number": 1800000000,
}


@each(TIMES)
def case_time(o: Observer, time: Any) -> None:
    made = crypto.X509Store()
    made.add_cert(certificate("ca"))
    o.call("set", made.set_time, time)
    verify(o, "server", crypto.X509StoreContext(made, certificate("server")))


def case_time_twice(o: Observer) -> None:
    made = store("ca")
    o.call("set", made.set_time, TIMES["after"])
    verify(o, "server", crypto.X509StoreContext(made, certificate("server")))


def case_adding(o: Observer) -> None:
    made = crypto.X509Store()
    o.call("one", made.add_cert, certificate("ca"))
    o.call("twice", made.add_cert, certificate("ca"))
    o.call("keyword", made.add_cert, cert=certificate("server"))
    for value in (None, "text", certificate("ca").to_cryptography(), crypto.X509):
        o.call(f"a {type(value).__name__}", made.add_cert, value)
    o.call("an empty one", made.add_cert, crypto.X509())


def crl(
    *revoked: int, next_update: datetime.datetime | None = None
) -> x509.CertificateRevocationList:
    """A list by `ca`."""
    theirs = certificate("ca").to_cryptography()
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(theirs.subject)
        .last_update(datetime.datetime(2026, 6, 1))
        .next_update(next_update or datetime.datetime(2040, 1, 1))
    )
    for number in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(number)
            .revocation_date(datetime.datetime(2026, 6, 1))
            .build()
        )
    return builder.sign(private_key("ca").to_cryptography_key(), hashes.SHA256())


def case_revocation(o: Observer) -> None:
    serial = certificate("server").get_serial_number()
    lists = {
        "empty list": crl(),
        "another revoked": crl(serial + 1000),
        "revoked": crl(serial),
        "old list": crl(next_update=datetime.datetime(2026, 7, 1)),
    }
    for label, listed in lists.items():
        made = store("ca")
        o.call(f"{label}: add", made.add_crl, listed)
        verify(o, f"{label}, not checked", crypto.X509StoreContext(made, certificate("server")))
        made.set_flags(crypto.X509StoreFlags.CRL_CHECK)
        verify(o, label, crypto.X509StoreContext(made, certificate("server")))
        o.call(f"{label}: add twice", made.add_crl, listed)
    for value in (None, "text", b"bytes", certificate("ca")):
        o.call(f"a {type(value).__name__}", crypto.X509Store().add_crl, value)


def case_locations(o: Observer) -> None:
    made = crypto.X509Store()
    o.call("str", made.load_locations, path("ca.pem"))
    o.call("bytes", made.load_locations, path("ca.pem").encode())
    o.call("path", made.load_locations, Path(path("ca.pem")))
    o.call("keywords", made.load_locations, cafile=path("ca.pem"), capath=None)
    made.set_time(THEN)
    verify(o, "server", crypto.X509StoreContext(made, certificate("server")))
    for label, arguments in {
        "nothing": (None,),
        "nothing twice": (None, None),
        "no file": ("/no/such/file",),
        "no directory": (None, "/no/such/directory"),
        "empty file name": ("",),
        "empty directory name": (None, ""),
        "a directory as file": ("/",),
        "a file as directory": (None, path("ca.pem")),
        "a key": (path("server.key"),),
        "a number": (5,),
        "a list": ([path("ca.pem")],),
        "bytearray": (bytearray(b"/no"),),
        "no arguments": (),
    }.items():
        o.call(label, crypto.X509Store().load_locations, *arguments)


def case_directory(o: Observer) -> None:
    with tempfile.TemporaryDirectory() as directory:
        ca = certificate("ca")
        hashed = Path(directory) / f"{ca.subject_name_hash():08x}.0"
        hashed.write_bytes(read("ca.pem"))
        made = crypto.X509Store()
        o.call("directory", made.load_locations, None, directory)
        made.set_time(THEN)
        verify(o, "server", crypto.X509StoreContext(made, certificate("server")))
        empty = crypto.X509Store()
        o.call("both", empty.load_locations, path("untrusted.pem"), directory)
        empty.set_time(THEN)
        verify(o, "both", crypto.X509StoreContext(empty, certificate("server")))


def case_set_store(o: Observer) -> None:
    context = crypto.X509StoreContext(crypto.X509Store(), certificate("server"))
    verify(o, "empty", context)
    o.call("set", context.set_store, store("ca"))
    verify(o, "trusting", context)
    for value in (None, "text", certificate("ca")):
        o.call(f"set a {type(value).__name__}", context.set_store, value)
        o.call("verify", context.verify_certificate)


def case_store_changed_later(o: Observer) -> None:
    made = store()
    context = crypto.X509StoreContext(made, certificate("server"))
    verify(o, "before", context)
    made.add_cert(certificate("ca"))
    verify(o, "after", context)


def case_certificate_changed_later(o: Observer) -> None:
    cert = certificate("server")
    context = crypto.X509StoreContext(store("ca"), cert)
    verify(o, "before", context)
    cert.get_issuer().CN = "somebody else"
    verify(o, "after", context)


def case_chain_is_kept(o: Observer) -> None:
    chain = [certificate("intermediate")]
    context = crypto.X509StoreContext(store("ca"), certificate("leaf"), chain)
    chain.clear()
    gc.collect()
    verify(o, "later", context)


def case_chain_arguments(o: Observer) -> None:
    leaf, intermediate = certificate("leaf"), certificate("intermediate")
    for label, chain in {
        "tuple": (intermediate,),
        "empty list": [],
        "empty dict": {},
        "set": {intermediate},
        "text": "text",
        "empty text": "",
        "None in it": [intermediate, None],
        "cryptography's": [intermediate.to_cryptography()],
        "one": intermediate,
        "iterator": iter([intermediate]),
        "number": 5,
    }.items():
        context = o.call(label, crypto.X509StoreContext, store("ca"), leaf, chain)
        if context is not None:
            o.call(f"{label}: verify", context.verify_certificate)
    o.call("keywords", crypto.X509StoreContext, store=store(), certificate=leaf, chain=None)
    o.call("too few", crypto.X509StoreContext, store())
    o.call("too many", crypto.X509StoreContext, store(), leaf, None, None)


def case_unfinished_certificate(o: Observer) -> None:
    context = crypto.X509StoreContext(store("ca"), crypto.X509())
    try:
        context.verify_certificate()
    except crypto.X509StoreContextError as exc:
        o.see("errors", exc.errors)


def case_results_are_apart(o: Observer) -> None:
    """What is done to a verified certificate is not done to the one that was given."""
    server = certificate("server")
    chain = crypto.X509StoreContext(store("ca"), server).get_verified_chain()
    o.see("other objects", [cert is server for cert in chain])
    o.see("equal", chain[0].digest("sha256") == server.digest("sha256"))


def case_many_times(o: Observer) -> None:
    context = crypto.X509StoreContext(store("ca"), certificate("server"))
    for _ in range(100):
        context.verify_certificate()
    o.see("still", len(context.get_verified_chain()))


def case_copy(o: Observer) -> None:
    made = store()
    copied = copy.copy(made)
    copied.add_cert(certificate("ca"))
    verify(o, "shared", crypto.X509StoreContext(made, certificate("server")))


def case_copy_of_a_context(o: Observer) -> None:
    made = store()
    context = crypto.X509StoreContext(made, certificate("server"))
    context.note = "a note"
    copied = copy.copy(context)
    o.see("its attributes", copied.note)
    context.set_store(store("ca"))
    verify(o, "the context", context)
    verify(o, "the copy", copied)
    o.call("uninitialised", lambda: type(copy.copy(type(context).__new__(type(context)))).__name__)


def case_ordinary_classes(o: Observer) -> None:
    class Store(crypto.X509Store):
        def __init__(self, note: str) -> None:
            super().__init__()
            self.note = note

    class Context(crypto.X509StoreContext):
        def verify_certificate(self) -> None:
            raise RuntimeError("overridden")

    made = o.call("store", Store, "a note")
    made.add_cert(certificate("ca"))
    made.set_time(THEN)
    context = o.call("context", Context, made, certificate("server"))
    o.call("overridden", context.verify_certificate)
    o.call("not overridden", lambda: len(context.get_verified_chain()))
