"""Wrong types, wrong counts and values out of range, for everything in OpenSSL.crypto.

Each argument in turn is replaced by each junk value, the others staying good, on a fresh object.
"""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Callable
from typing import Any

from observe import Observer, each
from OpenSSL import crypto
from support import certificate, private_key, read

JUNK: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "True": lambda: True,
    "0": lambda: 0,
    "-1": lambda: -1,
    "2**31": lambda: 2**31,
    "2**64": lambda: 2**64,
    "1.5": lambda: 1.5,
    "str": lambda: "text",
    "empty str": lambda: "",
    "str beyond ASCII": lambda: "h\xf6st",
    "lone surrogate": lambda: "\ud800",
    "bytes": lambda: b"bytes",
    "empty bytes": lambda: b"",
    "bytearray": lambda: bytearray(b"array"),
    "memoryview": lambda: memoryview(b"view"),
    "tuple of str": lambda: ("text",),
    "dict": dict,
    "class": lambda: int,
    "object": object,
}


def unfinished() -> crypto.X509:
    """A certificate that can be signed."""
    certificate = crypto.X509()
    certificate.gmtime_adj_notBefore(0)
    certificate.gmtime_adj_notAfter(60)
    certificate.set_pubkey(private_key("server"))
    return certificate


#: What is called, on what, and its good arguments by parameter.
CALLS: dict[str, tuple[Callable[[], Any], dict[str, Callable[[], Any]]]] = {
    "load_certificate": (
        lambda: crypto.load_certificate,
        {"type": lambda: crypto.FILETYPE_PEM, "buffer": lambda: read("ca.pem")},
    ),
    "load_privatekey": (
        lambda: crypto.load_privatekey,
        {
            "type": lambda: crypto.FILETYPE_PEM,
            "buffer": lambda: read("encrypted.key"),
            "passphrase": lambda: b"correct horse",
        },
    ),
    "load_publickey": (
        lambda: crypto.load_publickey,
        {
            "type": lambda: crypto.FILETYPE_PEM,
            "buffer": lambda: crypto.dump_publickey(
                crypto.FILETYPE_PEM, certificate("ca").get_pubkey()
            ),
        },
    ),
    "dump_certificate": (
        lambda: crypto.dump_certificate,
        {"type": lambda: crypto.FILETYPE_ASN1, "cert": lambda: certificate("ca")},
    ),
    "dump_publickey": (
        lambda: crypto.dump_publickey,
        {
            "type": lambda: crypto.FILETYPE_ASN1,
            "pkey": lambda: certificate("ca").get_pubkey(),
        },
    ),
    "dump_privatekey": (
        lambda: dump_privatekey_length,
        {
            "type": lambda: crypto.FILETYPE_PEM,
            "pkey": lambda: private_key("server"),
            "cipher": lambda: "aes-128-cbc",
            "passphrase": lambda: b"secret",
        },
    ),
    "get_elliptic_curve": (
        lambda: crypto.get_elliptic_curve,
        {"name": lambda: "prime256v1"},
    ),
    "PKey.generate_key": (
        lambda: crypto.PKey().generate_key,
        {"type": lambda: crypto.TYPE_RSA, "bits": lambda: 1024},
    ),
    "PKey.from_cryptography_key": (
        lambda: crypto.PKey.from_cryptography_key,
        {"crypto_key": lambda: private_key("server").to_cryptography_key()},
    ),
    "X509.from_cryptography": (
        lambda: crypto.X509.from_cryptography,
        {"crypto_cert": lambda: certificate("ca").to_cryptography()},
    ),
    "X509.set_version": (lambda: crypto.X509().set_version, {"version": lambda: 2}),
    "X509.set_pubkey": (
        lambda: crypto.X509().set_pubkey,
        {"pkey": lambda: private_key("server")},
    ),
    "X509.sign": (
        lambda: unfinished().sign,
        {"pkey": lambda: private_key("server"), "digest": lambda: "sha256"},
    ),
    "X509.digest": (lambda: certificate("ca").digest, {"digest_name": lambda: "sha256"}),
    "X509.gmtime_adj_notAfter": (
        lambda: crypto.X509().gmtime_adj_notAfter,
        {"amount": lambda: 60},
    ),
    "X509.gmtime_adj_notBefore": (
        lambda: crypto.X509().gmtime_adj_notBefore,
        {"amount": lambda: 60},
    ),
    "X509.set_notBefore": (
        lambda: crypto.X509().set_notBefore,
        {"when": lambda: b"20200101000000Z"},
    ),
    "X509.set_notAfter": (
        lambda: crypto.X509().set_notAfter,
        {"when": lambda: b"20200101000000Z"},
    ),
    "X509.set_issuer": (
        lambda: crypto.X509().set_issuer,
        {"issuer": lambda: certificate("ca").get_subject()},
    ),
    "X509.set_subject": (
        lambda: crypto.X509().set_subject,
        {"subject": lambda: certificate("ca").get_subject()},
    ),
    "X509Name": (lambda: crypto.X509Name, {"name": lambda: certificate("ca").get_subject()}),
    "X509Store.add_cert": (
        lambda: crypto.X509Store().add_cert,
        {"cert": lambda: certificate("ca")},
    ),
    "X509Store.set_flags": (
        lambda: crypto.X509Store().set_flags,
        {"flags": lambda: crypto.X509StoreFlags.CRL_CHECK},
    ),
    "X509Store.set_time": (
        lambda: crypto.X509Store().set_time,
        {"vfy_time": lambda: datetime.datetime(2030, 1, 1)},
    ),
    "X509StoreContext": (
        lambda: crypto.X509StoreContext,
        {
            "store": crypto.X509Store,
            "certificate": lambda: certificate("ca"),
            "chain": lambda: [certificate("ca")],
        },
    ),
    "X509StoreContext verifies": (
        lambda: verify,
        {"store": crypto.X509Store, "certificate": lambda: certificate("ca")},
    ),
}


def dump_privatekey_length(**arguments: Any) -> int:
    """How long the dump is: its content is random."""
    return len(crypto.dump_privatekey(**arguments))


def verify(store: Any, certificate: Any) -> None:
    crypto.X509StoreContext(store, certificate).verify_certificate()


@each({f"{name}.{parameter}": (name, parameter) for name in CALLS for parameter in CALLS[name][1]})
def case_junk(o: Observer, row: tuple[str, str]) -> None:
    name, parameter = row
    get, good = CALLS[name]
    for label, junk in JUNK.items():
        arguments = {key: make() for key, make in good.items()}
        arguments[parameter] = junk()
        o.call(label, get(), **arguments)


@each(CALLS)
def case_counts(o: Observer, row: tuple[Any, dict[str, Callable[[], Any]]]) -> None:
    get, good = row
    arguments = {key: make() for key, make in good.items()}
    o.call("by keyword", get(), **arguments)
    o.call("one unknown", kind, get(), **arguments, unknown=1)
    if get() not in (dump_privatekey_length, verify):
        o.call("in order", get(), *arguments.values())
        o.call("too many", kind, get(), *arguments.values(), None)


#: Methods without arguments: on what.
METHODS: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "X509": (
        lambda: certificate("ca"),
        (
            "get_extension_count",
            "get_issuer",
            "get_notAfter",
            "get_notBefore",
            "get_pubkey",
            "get_serial_number",
            "get_signature_algorithm",
            "get_subject",
            "get_version",
            "has_expired",
            "subject_name_hash",
            "to_cryptography",
        ),
    ),
    "X509Name": (lambda: certificate("ca").get_subject(), ("der", "get_components", "hash")),
    "PKey": (lambda: private_key("server"), ("bits", "check", "to_cryptography_key", "type")),
    "X509StoreContext": (
        lambda: crypto.X509StoreContext(crypto.X509Store(), certificate("ca")),
        ("get_verified_chain", "verify_certificate"),
    ),
}


@each(METHODS)
def case_no_arguments_are_taken(
    o: Observer, row: tuple[Callable[[], Any], tuple[str, ...]]
) -> None:
    make, names = row
    for name in names:
        o.call(f"{name}(None)", kind, getattr(make(), name), None)
        o.call(f"{name}(x=None)", kind, getattr(make(), name), x=None)


def kind(function: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """The type of what it raises, without the warnings: what is deprecated in the reference warns
    before it counts its arguments."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            function(*args, **kwargs)
        except Exception as exc:
            return type(exc).__name__
    return "nothing"


@each(
    {
        "X509": (crypto.X509, ("get_version", "get_notAfter", "get_serial_number")),
        "PKey": (crypto.PKey, ("type", "bits", "to_cryptography_key")),
        "X509StoreContext": (crypto.X509StoreContext, ("verify_certificate",)),
    }
)
def case_without_init(o: Observer, row: tuple[type, tuple[str, ...]]) -> None:
    base, methods = row
    subclass = type("Sub", (base,), {"__init__": lambda self, *args, **kwargs: None})
    value = o.call("made", subclass, 1, 2, three=4)
    for method in methods:
        o.call(method, getattr(value, method))
    o.call("given to a function", lambda: crypto.dump_certificate(crypto.FILETYPE_PEM, value))
