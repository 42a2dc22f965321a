"""Constants, module functions and exceptions of OpenSSL.SSL."""

from __future__ import annotations

from observe import Observer
from OpenSSL import SSL, crypto


def case_constants(o: Observer) -> None:
    for name in sorted(SSL.__all__):
        value = getattr(SSL, name)
        if isinstance(value, int):
            o.see(name, value)


def case_verification_codes(o: Observer) -> None:
    codes = SSL.X509VerificationCodes
    for name in sorted(vars(codes)):
        if not name.startswith("_"):
            o.see(name, getattr(codes, name))
    o.see("class", codes)


def case_all(o: Observer) -> None:
    o.see("names", sorted(SSL.__all__))


def case_library_version(o: Observer) -> None:
    o.call("version", SSL.OpenSSL_version, SSL.OPENSSL_VERSION)
    o.call("version by keyword", SSL.OpenSSL_version, type=SSL.OPENSSL_VERSION)
    o.call("old name", SSL.SSLeay_version, SSL.SSLEAY_VERSION)
    o.call("unknown", SSL.OpenSSL_version, 1000)
    o.call("negative", SSL.OpenSSL_version, -1)
    o.call("too large", SSL.OpenSSL_version, 2**40)
    o.call("text", SSL.OpenSSL_version, "0")
    o.call("none", SSL.OpenSSL_version, None)
    o.call("nothing", SSL.OpenSSL_version)
    o.see("same function", SSL.SSLeay_version is SSL.OpenSSL_version)


def case_exception_classes(o: Observer) -> None:
    for name in (
        "Error",
        "SysCallError",
        "WantReadError",
        "WantWriteError",
        "WantX509LookupError",
        "ZeroReturnError",
    ):
        kind = getattr(SSL, name)
        o.see(name, kind)
        o.see(f"{name} ancestors", list(kind.__mro__))
        o.see(f"{name}()", kind().args)
        o.see(f"{name}(1, 2)", kind(1, "two").args)
        o.see(f"str of {name}", str(kind([("lib", "", "reason")])))
    o.see("crypto.Error is another one", SSL.Error is crypto.Error)


def case_sentinel(o: Observer) -> None:
    o.see("type", type(SSL.NO_OVERLAPPING_PROTOCOLS).__name__)
    o.see("one object", SSL.NO_OVERLAPPING_PROTOCOLS is SSL.NO_OVERLAPPING_PROTOCOLS)
    o.see("bytes", isinstance(SSL.NO_OVERLAPPING_PROTOCOLS, bytes))
