"""Whatever the callback for a passphrase does that it should not: the key stays closed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from OpenSSL import SSL, crypto
from support.certificates import Identity
from support.misdeeds import RAISING, answering, each_answer, once

# set_passwd_cb is deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PASSPHRASE = b"open sesame"


@pytest.fixture
def encrypted_key(server_identity: Identity, tmp_path: Path) -> Path:
    path = tmp_path / "encrypted.key"
    path.write_bytes(
        server_identity.key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE)
        )
    )
    return path


@each_answer
def test_only_the_passphrase_opens_a_key(
    server_identity: Identity, encrypted_key: Path, answer: Any
) -> None:
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_certificate(server_identity.certificate)
    context.set_passwd_cb(answering(answer))
    with pytest.raises((SSL.Error, ValueError, TypeError)):
        context.use_privatekey_file(encrypted_key)
    with pytest.raises(SSL.Error):
        context.check_privatekey()
    with pytest.raises((crypto.Error, ValueError, TypeError)):
        crypto.load_privatekey(crypto.FILETYPE_PEM, encrypted_key.read_bytes(), answering(answer))
    context.set_passwd_cb(answering(PASSPHRASE))
    context.use_privatekey_file(encrypted_key)
    context.check_privatekey()


@pytest.mark.parametrize("kind", RAISING)
def test_a_passphrase_callback_that_raises_opens_nothing(
    server_identity: Identity, encrypted_key: Path, kind: type[BaseException]
) -> None:
    failure = kind("no")
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_certificate(server_identity.certificate)
    context.set_passwd_cb(once(failure))
    with pytest.raises(kind) as raised:
        context.use_privatekey_file(encrypted_key)
    assert raised.value is failure
    with pytest.raises(SSL.Error):
        context.check_privatekey()
    with pytest.raises(kind) as raised:
        crypto.load_privatekey(crypto.FILETYPE_PEM, encrypted_key.read_bytes(), once(failure))
    assert raised.value is failure
