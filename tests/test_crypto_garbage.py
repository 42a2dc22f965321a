"""Whatever is loaded, the answer is an object or `crypto.Error`, and the error queue is clean."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from OpenSSL import crypto
from support.implementation import error_queue_is_empty

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

DATA = Path(__file__).parent / "compat" / "data"
CERTIFICATE = (DATA / "server.der").read_bytes()
KEY = (DATA / "server-key.der").read_bytes()
LOADERS: list[Callable[[int, bytes], Any]] = [
    crypto.load_certificate,
    crypto.load_publickey,
    lambda file_type, data: crypto.load_privatekey(
        file_type, data, b"secret" if file_type == crypto.FILETYPE_PEM else None
    ),
]


def load_everything(data: bytes) -> list[Any]:
    """What each loader makes of it."""
    loaded = []
    for load in LOADERS:
        for file_type in (crypto.FILETYPE_PEM, crypto.FILETYPE_ASN1):
            with contextlib.suppress(crypto.Error):
                loaded.append(load(file_type, data))
            assert error_queue_is_empty()
    return loaded


def look_at(certificate: crypto.X509) -> None:
    """Every question a certificate answers."""
    for question in (
        certificate.get_subject().get_components,
        certificate.get_issuer().der,
        lambda: repr(certificate.get_subject()),
        lambda: certificate.get_subject().CN,
        certificate.get_notBefore,
        certificate.get_notAfter,
        certificate.get_serial_number,
        certificate.get_signature_algorithm,
        certificate.get_pubkey,
        certificate.has_expired,
        lambda: certificate.digest("sha1"),
        lambda: crypto.dump_certificate(crypto.FILETYPE_TEXT, certificate),
        lambda: crypto.X509Store().add_cert(certificate),
        crypto.X509StoreContext(crypto.X509Store(), certificate).verify_certificate,
    ):
        try:
            question()
        except (crypto.Error, crypto.X509StoreContextError, ValueError):
            pass
        assert error_queue_is_empty()


@given(st.binary(max_size=200))
@example(b"")
@example(b"\x30\x80" * 5000)
@example(bytes(2**20))
@example(b"-" * 2**20)
@example(b"-----BEGIN CERTIFICATE-----\n" * 1000)
@example(b"-----BEGIN PRIVATE KEY-----\n" + b"A" * 2**20)
def test_garbage(data: bytes) -> None:
    assert load_everything(data) == []


@settings(max_examples=300)
@given(st.sampled_from([CERTIFICATE, KEY]), st.data())
def test_changed_bytes(der: bytes, data: st.DataObject) -> None:
    changed = bytearray(der)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for loaded in load_everything(bytes(changed)):
            if isinstance(loaded, crypto.X509):
                look_at(loaded)


@pytest.mark.parametrize("der", [CERTIFICATE, KEY], ids=["certificate", "key"])
def test_truncated(der: bytes) -> None:
    for length in range(len(der)):
        assert load_everything(der[:length]) == []


@given(st.text(max_size=70))
def test_any_text_is_a_field_or_refused(text: str) -> None:
    name = crypto.X509Name(crypto.X509().get_subject())
    try:
        name.CN = text
    except (crypto.Error, UnicodeEncodeError):
        assert name.CN is None
    else:
        assert text == name.CN
        assert name.get_components()[0][0] == b"CN"
    assert error_queue_is_empty()


@given(st.text(max_size=30).filter(lambda text: not text.startswith("_")))
def test_any_text_is_an_attribute_or_none(text: str) -> None:
    name = crypto.X509().get_subject()
    try:
        assert getattr(name, text) is None or callable(getattr(name, text))
    except (AttributeError, UnicodeEncodeError):
        pass
    assert error_queue_is_empty()
