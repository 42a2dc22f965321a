"""Keys, certificates and trust roots to measure with, made afresh in each run."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Union

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

Key = Union[ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey]
ROOTS = 144


def certificate(name: str, key: Key) -> bytes:
    """A certificate that the key has signed itself, in PEM."""
    subject = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.COUNTRY_NAME, "XX"),
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, f"{name} Trust Services"),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, name),
        ]
    )
    now = datetime.datetime.now(datetime.timezone.utc)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    usage = x509.KeyUsage(
        **dict.fromkeys(NOT_USED, False), digital_signature=True, key_cert_sign=True
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )


NOT_USED = [
    "content_commitment",
    "crl_sign",
    "data_encipherment",
    "decipher_only",
    "encipher_only",
    "key_agreement",
    "key_encipherment",
]


def private(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def make(folder: Path) -> None:
    """Write `ecdsa.pem` (P-256) and `rsa.pem` (2048 bits), each a key and its certificate, and
    `roots.pem`, which has as many authorities as a system's file, with keys as they have."""
    ecdsa, two = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
    (folder / "ecdsa.pem").write_bytes(private(ecdsa) + certificate("ECDSA", ecdsa))
    (folder / "rsa.pem").write_bytes(private(two) + certificate("RSA", two))
    four, p384 = rsa.generate_private_key(65537, 4096), ec.generate_private_key(ec.SECP384R1())
    keys: list[Key] = [four, two, p384, four]
    roots = [certificate(f"Root {n}", keys[n % len(keys)]) for n in range(ROOTS)]
    (folder / "roots.pem").write_bytes(b"".join(roots))
