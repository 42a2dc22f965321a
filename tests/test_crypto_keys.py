"""Keys of every kind and passphrases, with keys that others encrypted."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from OpenSSL import SSL, crypto
from support.implementation import deviation

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:test_crypto", "ignore:Diffie-Hellman:UserWarning"
)

KEYS = Path(__file__).parent / "compat" / "data" / "keys"
KINDS = sorted(path.stem for path in KEYS.glob("*.pem"))
POST_QUANTUM = [kind for kind in KINDS if kind.startswith("ml-")]
PASSPHRASE = b"secret"


def load(kind: str) -> crypto.PKey:
    if kind in POST_QUANTUM:
        if SSL.OPENSSL_VERSION_NUMBER < 0x30500000:
            pytest.skip("OpenSSL has ML-DSA and ML-KEM from 3.5 on")
        pytest.importorskip(
            f"cryptography.hazmat.primitives.asymmetric.{kind[:6].replace('-', '')}"
        )
    return crypto.load_privatekey(crypto.FILETYPE_PEM, (KEYS / f"{kind}.pem").read_bytes())


def der(key: crypto.PKey) -> bytes:
    return crypto.dump_privatekey(crypto.FILETYPE_ASN1, key)


@pytest.fixture(scope="module")
def encrypted() -> bytes:
    """A P-256 key, encrypted by cryptography."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE))


@pytest.mark.parametrize("kind", KINDS)
def test_dump_and_load(kind: str) -> None:
    key = load(kind)
    pem = crypto.dump_privatekey(crypto.FILETYPE_PEM, key)
    assert der(crypto.load_privatekey(crypto.FILETYPE_PEM, pem)) == der(key)
    locked = crypto.dump_privatekey(crypto.FILETYPE_PEM, key, "aes256", PASSPHRASE)
    assert der(crypto.load_privatekey(crypto.FILETYPE_PEM, locked, PASSPHRASE)) == der(key)
    for file_type in (crypto.FILETYPE_PEM, crypto.FILETYPE_ASN1):
        public = crypto.dump_publickey(file_type, key)
        loaded = crypto.load_publickey(file_type, public)
        assert crypto.dump_publickey(file_type, loaded) == public
        assert (loaded.type(), loaded.bits()) == (key.type(), key.bits())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in POST_QUANTUM])
def test_private_key_for_cryptography(kind: str) -> None:
    theirs = load(kind).to_cryptography_key()
    pkcs8 = theirs.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    assert crypto.load_privatekey(crypto.FILETYPE_ASN1, pkcs8).bits() == load(kind).bits()


@deviation
@pytest.mark.parametrize("kind", POST_QUANTUM)
def test_post_quantum_private_key_for_cryptography(kind: str) -> None:
    key = load(kind)
    theirs = key.to_cryptography_key()
    public = theirs.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert public == crypto.dump_publickey(crypto.FILETYPE_ASN1, key)


@pytest.mark.parametrize("kind", KINDS)
def test_public_key_for_cryptography(kind: str) -> None:
    public = crypto.dump_publickey(crypto.FILETYPE_ASN1, load(kind))
    theirs = crypto.load_publickey(crypto.FILETYPE_ASN1, public).to_cryptography_key()
    back = theirs.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    # Cryptography writes these two in another way.
    assert back == public or kind in ("dh", "rsa-pss")


@pytest.mark.parametrize(
    "arguments",
    [
        "pkcs8 -topk8 -v2 aes-256-cbc",
        "pkcs8 -topk8 -scrypt",
        "pkcs8 -topk8 -v2 des3 -v2prf hmacWithSHA1",
        "pkcs8 -topk8 -v1 PBE-SHA1-3DES",
        "pkcs8 -topk8 -v1 PBE-SHA1-RC2-40 -provider legacy -provider default",
        "pkcs8 -topk8 -v1 PBE-MD5-DES -provider legacy -provider default",
        "rsa -traditional -aes128",
        "rsa -traditional -des3",
        "rsa -traditional -des -provider legacy -provider default",
        "rsa -traditional -camellia128",
        "rsa -traditional -seed -provider legacy -provider default",
    ],
)
def test_keys_that_the_openssl_program_encrypted(arguments: str) -> None:
    plain = (KEYS / "rsa.pem").read_bytes()
    locked = subprocess.run(
        ["openssl", *arguments.split(), "-passout", "pass:secret"],
        input=plain,
        check=True,
        capture_output=True,
    ).stdout
    assert b"ENCRYPTED" in locked
    assert der(crypto.load_privatekey(crypto.FILETYPE_PEM, locked, PASSPHRASE)) == der(load("rsa"))
    with pytest.raises(crypto.Error):
        crypto.load_privatekey(crypto.FILETYPE_PEM, locked, b"wrong")


def test_callable_is_told_why_it_is_asked(encrypted: bytes) -> None:
    asked: list[object] = []

    def answer(*arguments: object) -> bytes:
        asked.append(arguments)
        return PASSPHRASE

    key = crypto.load_privatekey(crypto.FILETYPE_PEM, encrypted, answer)
    crypto.dump_privatekey(crypto.FILETYPE_PEM, key, "aes128", answer)
    assert asked == [(0,), (1,)]


@deviation
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError])
def test_any_exception_of_a_callable_is_raised(encrypted: bytes, kind: type[BaseException]) -> None:
    raised = kind("mine")

    def answer(writing: int) -> bytes:
        raise raised

    with pytest.raises(kind) as caught:
        crypto.load_privatekey(crypto.FILETYPE_PEM, encrypted, answer)
    assert caught.value is raised
    assert caught.traceback[-1].name == "answer"
    key = load("rsa")
    with pytest.raises(kind):
        crypto.dump_privatekey(crypto.FILETYPE_PEM, key, "aes128", answer)


def test_longest_passphrase(encrypted: bytes) -> None:
    key = load("ec-p256")
    longest = b"x" * 1024
    locked = crypto.dump_privatekey(crypto.FILETYPE_PEM, key, "aes128", longest)
    assert der(crypto.load_privatekey(crypto.FILETYPE_PEM, locked, longest)) == der(key)
    for call in (
        lambda: crypto.load_privatekey(crypto.FILETYPE_PEM, encrypted, longest + b"x"),
        lambda: crypto.dump_privatekey(crypto.FILETYPE_PEM, key, "aes128", longest + b"x"),
    ):
        with pytest.raises(ValueError, match="passphrase returned by callback is too long"):
            call()


def test_generated_key_replaces_the_old_one_only_here() -> None:
    key = crypto.PKey()
    key.generate_key(crypto.TYPE_RSA, 1024)
    certificate = crypto.X509()
    certificate.set_pubkey(key)
    before = crypto.dump_publickey(crypto.FILETYPE_ASN1, key)
    key.generate_key(crypto.TYPE_RSA, 1024)
    assert crypto.dump_publickey(crypto.FILETYPE_ASN1, certificate.get_pubkey()) == before
