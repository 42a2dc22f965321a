"""Arguments for any call, made up by hypothesis: sensible ones, and of every other kind."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from stress.interpreter import GIVEN
from stress.steps import CLASSES, Does, Given, Some

DEEDS = (
    "returns",
    "raises",
    "interrupts",
    "exits",
    "calls back",
    "collects",
    "switches",
    "forgets",
)
NUMBERS = (-(1 << 70), -(1 << 31), -1, 0, 1, 2, 3, 5, 17, 255, 256, 4096, 65_536)
NUMBERS_LARGE = ((1 << 31) - 1, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, 1 << 64, 1 << 200)
BYTES = (
    b"",
    b"\x00",
    b"h2",
    b"localhost",
    b"TLS_AES_128_GCM_SHA256",
    b"ECDHE-ECDSA-AES128-GCM-SHA256",
    b"DEFAULT:@SECLEVEL=0",
    b"SRTP_AES128_CM_SHA1_80",
    b"20300101000000Z",
    b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03",
    b"\x15\x03\x03\x00\x02\x02\x28",
)
TEXTS = ("", "\x00", "sha256", "md5", "nonsense", "aes-256-cbc", "prime256v1", "\ud800", "CN")

somethings = st.builds(Some, st.sampled_from(list(CLASSES)), st.integers(0, 6))
functions = st.builds(Does, st.sampled_from(DEEDS), st.integers(0, 200))
givens = st.builds(Given, st.sampled_from(list(GIVEN)))
numbers = st.sampled_from(NUMBERS) | st.sampled_from(NUMBERS_LARGE) | st.integers(-100, 100)
strings = st.sampled_from(BYTES) | st.binary(max_size=50)
texts = st.sampled_from(TEXTS) | st.text(max_size=10)
lists = st.lists(strings | somethings | numbers, max_size=4)
anything = st.one_of(
    numbers,
    strings,
    texts,
    st.none(),
    st.booleans(),
    st.floats(),
    somethings,
    functions,
    givens,
    lists,
)


def some(kind: str) -> st.SearchStrategy[Any]:
    return st.builds(Some, st.just(kind), st.integers(0, 6))


def given(*names: str) -> st.SearchStrategy[Any]:
    return st.builds(Given, st.sampled_from(names))


# What makes sense for a parameter of this name.
SENSIBLE: dict[str, st.SearchStrategy[Any]] = {
    "context": some("Context"),
    "socket": st.none() | given("socket", "pipe", "descriptor"),
    "method": st.integers(-1, 13),
    "callback": functions,
    "cert": some("X509") | given("certificate of cryptography"),
    "certobj": some("X509") | given("certificate of cryptography"),
    "certificate": some("X509"),
    "certificate_authority": some("X509"),
    "crypto_cert": given("certificate of cryptography"),
    "crypto_key": given("key of cryptography"),
    "pkey": some("PKey"),
    "session": some("Session"),
    "store": some("X509Store"),
    "issuer": some("X509Name"),
    "subject": some("X509Name"),
    "name": st.sampled_from([b"localhost", "CN", "prime256v1"]) | some("X509Name"),
    "crl": given("list of cryptography"),
    "cafile": given("file with authorities", "directory", "file that is missing"),
    "capath": given("directory") | st.none(),
    "certfile": given("file with a chain", "file with a key", "file that is missing"),
    "keyfile": given("file with a key", "file with a chain", "file that is missing"),
    "dhfile": given("file with a key"),
    "filetype": st.integers(0, 3),
    "type": st.sampled_from([1, 2, 6, 116, 408, 0xFFFF]),
    "buffer": given("PEM of a certificate", "PEM of a key", "DER of a certificate", "writable"),
    "buf": strings,
    "bufsiz": numbers,
    "nbytes": numbers,
    "flags": st.sampled_from([0, 2, None, 0x4, 0x20]),
    "mode": st.integers(0, 7),
    "protos": st.lists(st.binary(max_size=20), max_size=4),
    "profiles": st.just(b"SRTP_AES128_CM_SHA1_80"),
    "version": st.sampled_from([0, 0x0301, 0x0303, 0x0304, 0xFEFD, 1, 2]),
    "chain": st.lists(some("X509"), max_size=3),
    "curve": given("curve", "curve of cryptography"),
    "vfy_time": given("time"),
    "digest": st.sampled_from(["sha256", "md5", "nonsense"]),
    "digest_name": st.sampled_from(["sha256", "md5", "nonsense"]),
    "state": st.integers(0, 3),
    "olen": st.sampled_from([0, 1, 32, -1, 1 << 16]),
    "label": st.just(b"EXPORTER-calls"),
    "mtu": st.sampled_from([0, 1, 200, 1200, 1 << 20]),
    "when": st.just(b"20300101000000Z"),
}


def arguments_for(names: list[str]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Sensible ones, more often than not; sometimes too few, too many, or of any kind."""
    sensible = st.tuples(*(SENSIBLE.get(name, anything) for name in names))
    mixed = st.tuples(*(SENSIBLE.get(name, anything) | anything for name in names))
    return st.one_of(sensible, sensible, mixed, st.lists(anything, max_size=4).map(tuple))
