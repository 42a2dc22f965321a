"""A context's certificate and key: from files and as objects, with and without a passphrase."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL, crypto
from support.certificates import Authority, Identity
from support.tls import handshake, new_client_context, pair_in_memory

# Certificates and keys


def test_files_are_named_by_text_bytes_or_path(
    server_identity: Identity, authority: Authority
) -> None:
    for spell in (str, os.fsencode, Path):
        context = SSL.Context(SSL.TLS_METHOD)
        context.use_certificate_chain_file(spell(server_identity.chain_file))
        context.use_certificate_file(spell(server_identity.chain_file))
        context.use_privatekey_file(spell(server_identity.key_file), crypto.FILETYPE_PEM)
        context.load_verify_locations(spell(authority.file))
        context.check_privatekey()


def test_certificate_and_key_from_der_files(
    context: SSL.Context, server_identity: Identity, tmp_path: Path
) -> None:
    certificate, key = tmp_path / "certificate.der", tmp_path / "key.der"
    certificate.write_bytes(server_identity.der)
    key.write_bytes(
        server_identity.key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    context.use_certificate_file(certificate, crypto.FILETYPE_ASN1)
    context.use_privatekey_file(key, crypto.FILETYPE_ASN1)
    context.check_privatekey()


@pytest.mark.parametrize(
    "method",
    [
        "use_certificate_file",
        "use_certificate_chain_file",
        "use_privatekey_file",
        "load_verify_locations",
    ],
)
def test_an_absent_file_is_an_error(context: SSL.Context, method: str, tmp_path: Path) -> None:
    with pytest.raises(SSL.Error):
        getattr(context, method)(tmp_path / "absent")


@pytest.mark.parametrize(
    "method",
    [
        "use_certificate_file",
        "use_certificate_chain_file",
        "use_privatekey_file",
        "load_verify_locations",
    ],
)
def test_a_file_of_something_else_is_an_error(
    context: SSL.Context, method: str, tmp_path: Path
) -> None:
    file = tmp_path / "poem"
    file.write_text("It is no certificate, nor is it a key.\n")
    with pytest.raises(SSL.Error) as failure:
        getattr(context, method)(file)
    assert failure.value.args[0], "the reason is told"


def test_a_key_of_another_certificate_does_not_fit(
    context: SSL.Context, server_identity: Identity, client_identity: Identity
) -> None:
    context.use_certificate(server_identity.certificate)
    with pytest.raises(SSL.Error) as failure:
        context.use_privatekey(client_identity.key)
    assert failure.value.args == ([("x509 certificate routines", "", "key values mismatch")],)


def test_a_context_without_a_key_fails_its_check(context: SSL.Context) -> None:
    with pytest.raises(SSL.Error) as failure:
        context.check_privatekey()
    assert failure.value.args == ([("SSL routines", "", "no certificate assigned")],)


def test_own_certificate_and_key_objects_are_taken_with_a_warning(
    context: SSL.Context, server_identity: Identity
) -> None:
    certificate = crypto.X509.from_cryptography(server_identity.certificate)
    key = crypto.PKey.from_cryptography_key(server_identity.key)
    for method, argument in [
        (context.use_certificate, certificate),
        (context.add_extra_chain_cert, certificate),
        (context.add_client_ca, certificate),
        (context.use_privatekey, key),
    ]:
        with pytest.warns(DeprecationWarning, match="^Passing pyOpenSSL .* objects is deprecated"):
            method(argument)
    context.check_privatekey()


def test_the_chain_file_brings_the_intermediates(
    context: SSL.Context, chained_identity: Identity, authority: Authority
) -> None:
    context.use_certificate_chain_file(chained_identity.chain_file)
    context.use_privatekey_file(chained_identity.key_file)
    pair = handshake(pair_in_memory(new_client_context(authority), context))
    chain = pair.client.get_peer_cert_chain(as_cryptography=True)
    assert chain == [chained_identity.certificate, *chained_identity.intermediates]


# Passphrases


def encrypted_key(identity: Identity, file: Path, passphrase: bytes) -> Path:
    file.write_bytes(
        identity.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.BestAvailableEncryption(passphrase),
        )
    )
    return file


def set_passphrase(context: SSL.Context, *arguments: Any) -> None:
    with pytest.warns(DeprecationWarning, match="set_passwd_cb is deprecated") as seen:
        context.set_passwd_cb(*arguments)
    assert [warning.filename for warning in seen] == [__file__]


def test_the_passphrase_callback_opens_an_encrypted_key(
    context: SSL.Context, server_identity: Identity, tmp_path: Path
) -> None:
    calls = []

    def passphrase(size: int, verify: bool, userdata: Any) -> bytes:
        calls.append((size, verify, userdata))
        return b"open sesame"

    userdata = object()
    set_passphrase(context, passphrase, userdata)
    context.use_privatekey_file(encrypted_key(server_identity, tmp_path / "key", b"open sesame"))
    assert calls == [(1024, False, userdata)]


def test_the_userdata_of_the_passphrase_callback_is_optional(
    context: SSL.Context, server_identity: Identity, tmp_path: Path
) -> None:
    calls = []

    def passphrase(*arguments: Any) -> bytes:
        calls.append(arguments[2])
        return b"open sesame"

    set_passphrase(context, passphrase)
    context.use_privatekey_file(encrypted_key(server_identity, tmp_path / "key", b"open sesame"))
    assert calls == [None]


def test_a_passphrase_that_is_too_long_is_cut_off(
    context: SSL.Context, server_identity: Identity, tmp_path: Path
) -> None:
    longest = b"x" * 1024
    file = encrypted_key(server_identity, tmp_path / "key", longest[:1023])
    set_passphrase(context, lambda *_: longest[:1023] + b"y" * 5000)
    with pytest.raises(SSL.Error):
        context.use_privatekey_file(file)  # 1024 bytes were taken


@pytest.mark.parametrize("passphrase", [b"", b"wrong"])
def test_a_passphrase_that_does_not_fit_is_an_error(
    context: SSL.Context, server_identity: Identity, tmp_path: Path, passphrase: bytes
) -> None:
    set_passphrase(context, lambda *_: passphrase)
    with pytest.raises(SSL.Error):
        context.use_privatekey_file(
            encrypted_key(server_identity, tmp_path / "key", b"open sesame")
        )


def test_an_exception_in_the_passphrase_callback_is_raised(
    context: SSL.Context, server_identity: Identity, tmp_path: Path
) -> None:
    failure = RuntimeError("no terminal")

    def passphrase(*_: Any) -> bytes:
        raise failure

    set_passphrase(context, passphrase)
    with pytest.raises(RuntimeError) as raised:
        context.use_privatekey_file(
            encrypted_key(server_identity, tmp_path / "key", b"open sesame")
        )
    assert raised.value is failure


@pytest.mark.parametrize("passphrase", ["open sesame", None, 1])
def test_a_passphrase_must_be_bytes(
    context: SSL.Context, server_identity: Identity, tmp_path: Path, passphrase: Any
) -> None:
    set_passphrase(context, lambda *_: passphrase)
    with pytest.raises(ValueError):
        context.use_privatekey_file(
            encrypted_key(server_identity, tmp_path / "key", b"open sesame")
        )


def test_the_passphrase_callback_must_be_callable(context: SSL.Context) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(TypeError):
            context.set_passwd_cb("secret")  # type: ignore[arg-type]
