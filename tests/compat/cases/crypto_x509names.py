"""X509Name: fields, comparison, and the tie to a certificate."""

from __future__ import annotations

import copy
import gc
import warnings
from typing import Any

from observe import Observer, each
from OpenSSL import crypto
from support import certificate

FIELDS = (
    "C",
    "countryName",
    "ST",
    "L",
    "localityName",
    "O",
    "OU",
    "CN",
    "commonName",
    "emailAddress",
    "DC",
    "serialNumber",
    "SN",
    "GN",
    "title",
    "UID",
    "dnQualifier",
    "street",
    "postalCode",
    "2.5.4.3",
    "jurisdictionC",
    "rsaEncryption",
)
VALUES: dict[str, Any] = {
    "text": "text",
    "two letters": "SE",
    "empty": "",
    "empty bytes": b"",
    "bytes": b"bytes",
    "latin": "h\xf6st",
    "snowman": "\u2603",
    "astral": "\U0001f512",
    "lone surrogate": "\ud800",
    "NUL": "a\0b",
    "only NUL": "\0",
    "bytes with NUL": b"a\0b",
    "invalid UTF-8": b"\xff\xfe",
    "64 characters": "x" * 64,
    "65 characters": "x" * 65,
    "200 characters": "x" * 200,
    "100,000 characters": "x" * 100_000,
    "slash": "a/b=c",
    "newline": "a\nb",
    "an asterisk": "*",
    "leading space": " a ",
}


def name(**fields: str) -> crypto.X509Name:
    """A name by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = crypto.X509Name(crypto.X509().get_subject())
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def look(o: Observer, label: str, value: crypto.X509Name) -> None:
    o.call(f"{label}: repr", repr, value)
    o.call(f"{label}: components", value.get_components)
    o.call(f"{label}: der", value.der)
    o.call(f"{label}: hash", value.hash)


@each(FIELDS)
def case_field(o: Observer, field: str) -> None:
    value = name()
    o.call("before", getattr, value, field)
    o.call("set", setattr, value, field, "SE")
    o.call("after", getattr, value, field)
    o.call("other case", getattr, value, field.swapcase())
    o.call("delete", delattr, value, field)
    o.call("still", getattr, value, field)
    look(o, "name", value)


@each(VALUES)
def case_value(o: Observer, value: Any) -> None:
    for field in ("CN", "C", "O", "emailAddress", "serialNumber"):
        made = name(OU="first")
        o.call(f"set {field}", setattr, made, field, value)
        o.call(f"get {field}", getattr, made, field)
        if not isinstance(value, str) or len(value) < 1000:
            look(o, field, made)


def case_replacing(o: Observer) -> None:
    value = name(C="SE", O="first", CN="name")
    value.O = "second"
    look(o, "replaced", value)
    o.call("refused", setattr, value, "C", "Sweden")
    look(o, "after the refusal", value)


def case_no_such_attributes(o: Observer) -> None:
    value = name(CN="name")
    for attribute in ("foo", "", " ", "CN ", "1", "1.2", "9.9.9.9", "1.2.3.4.5", "__len__", "_x"):
        o.call(f"get {attribute!r}", getattr, value, attribute)
        o.call(f"default {attribute!r}", getattr, value, attribute, "default")
        if not attribute.startswith("_"):
            o.call(f"set {attribute!r}", setattr, value, attribute, "value")
    o.call("beyond latin", getattr, value, "\u2603")
    o.call("set beyond latin", setattr, value, "\u2603", "x")
    for attribute in (None, 30, b"CN"):
        o.call(f"set {attribute!r}", setattr, value, attribute, "value")


def case_private_attributes(o: Observer) -> None:
    value = name(CN="name")
    o.call("set", setattr, value, "_note", [1])
    o.see("get", value._note)
    o.call("delete", delattr, value, "_note")
    o.call("get", getattr, value, "_note")
    o.call("delete again", delattr, value, "_note")
    text = type("Text", (str,), {})
    o.call("subclass of str", setattr, value, text("CN"), 5)


def case_embedded_nul(o: Observer) -> None:
    value = name(CN="good.example\0.evil.example")
    o.see("field", value.CN)
    o.see("components", value.get_components())
    o.see("copied", name_copy(value).CN)


def name_copy(value: crypto.X509Name) -> crypto.X509Name:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return crypto.X509Name(value)


PAIRS = {
    "equal": ({"CN": "a"}, {"CN": "a"}),
    "case": ({"CN": "name"}, {"CN": "NAME"}),
    "spaces": ({"CN": "a b"}, {"CN": " a  b "}),
    "other value": ({"CN": "a"}, {"CN": "b"}),
    "other field": ({"CN": "a"}, {"OU": "a"}),
    "more": ({"CN": "a"}, {"CN": "a", "OU": "b"}),
    "order": ({"CN": "a", "OU": "b"}, {"OU": "b", "CN": "a"}),
    "empty": ({}, {"CN": "a"}),
    "both empty": ({}, {}),
    "longer": ({"CN": "aa"}, {"CN": "b"}),
}


@each(PAIRS)
def case_comparison(o: Observer, pair: tuple[dict[str, str], dict[str, str]]) -> None:
    left, right = name(**pair[0]), name(**pair[1])
    for a, b, label in ((left, right, ""), (right, left, " turned")):
        o.see(f"=={label}", a == b)
        o.see(f"!={label}", a != b)
        o.see(f"<{label}", a < b)
        o.see(f"<={label}", a <= b)
        o.see(f">{label}", a > b)
        o.see(f">={label}", a >= b)


def case_comparison_with_others(o: Observer) -> None:
    value = name(CN="a")
    for other in (None, "a", 5, object()):
        o.see(f"== {type(other).__name__}", value == other)
        o.see(f"!= {type(other).__name__}", value != other)
        o.see(f"< {type(other).__name__}", value.__lt__(other))
    o.call("hash()", hash, value)
    o.see("__eq__", value.__eq__(5))
    o.see("__lt__", value.__lt__(5))


@each(("ca", "leaf", "server"))
def case_of_certificate(o: Observer, which: str) -> None:
    cert = certificate(which)
    look(o, "subject", cert.get_subject())
    look(o, "issuer", cert.get_issuer())
    o.see("equal", cert.get_subject() == cert.get_issuer())
    o.see("the same object", cert.get_subject() is cert.get_subject())


def case_writes_through(o: Observer) -> None:
    cert = crypto.X509()
    subject = cert.get_subject()
    subject.CN = "one"
    o.see("seen in the certificate", repr(cert.get_subject()))
    another = cert.get_subject()
    another.CN = "two"
    o.see("seen in the first", subject.CN)
    o.see("issuer", repr(cert.get_issuer()))
    copied = name_copy(subject)
    copied.CN = "three"
    o.see("a copy is apart", subject.CN)


def case_replaced_in_the_certificate(o: Observer) -> None:
    cert = certificate("leaf")
    old = cert.get_subject()
    issuer = cert.get_issuer()
    o.call("set_subject", cert.set_subject, name(CN="new"))
    o.see("new", repr(cert.get_subject()))
    o.call("old field", getattr, old, "CN")
    o.call("old set", setattr, old, "CN", "x")
    look(o, "old", old)
    o.call("old equal", lambda: old == cert.get_subject())
    o.call("old as argument", cert.set_subject, old)
    o.call("old copied", crypto.X509Name, old)
    o.see("issuer is untouched", repr(issuer))
    o.call("set_issuer", cert.set_issuer, name(CN="authority"))
    o.call("old issuer", repr, issuer)


def case_set_subject_copies(o: Observer) -> None:
    cert = crypto.X509()
    value = name(CN="one")
    cert.set_subject(value)
    value.CN = "two"
    o.see("the certificate's", repr(cert.get_subject()))
    o.see("the name", repr(value))
    o.call("its own", cert.set_issuer, cert.get_subject())
    o.see("issuer", repr(cert.get_issuer()))


def case_outlives_the_certificate(o: Observer) -> None:
    subject = certificate("leaf").get_subject()
    gc.collect()
    o.see("alive", repr(subject))
    subject.CN = "changed"
    o.see("changed", subject.CN)


def case_class(o: Observer) -> None:
    value = name(CN="a")
    o.call("nothing", crypto.X509Name)
    o.call("keyword", crypto.X509Name, name=value)
    o.call("subclassing", type, "Sub", (crypto.X509Name,), {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sub = type("Sub", (crypto.X509Name,), {})
    o.call("subclass", lambda: type(sub(value)).__name__)
    o.call("new alone", lambda: repr(crypto.X509Name.__new__(crypto.X509Name)))
    o.see("deprecated", crypto.X509Name.__deprecated__)
    o.call("isinstance", isinstance, certificate("ca").get_subject(), crypto.X509Name)


def case_copy(o: Observer) -> None:
    value = name(CN="a")
    value._note = 5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copied = copy.copy(value)
    o.see("copy", (repr(copied), copied._note))


def case_long_repr(o: Observer) -> None:
    value = name()
    for number in range(30):
        value.OU = f"unit {number} " + "x" * 40
        value.CN = "y" * 60
    for field in ("O", "L", "ST", "title", "street", "DC", "GN", "SN", "postalCode"):
        setattr(value, field, "z" * 20)
    o.see("repr", repr(value))
    value.O = "\u2603" * 60
    o.see("repr", repr(value))
    value.L = "\U0001f512" * 60
    o.see("repr", repr(value))
