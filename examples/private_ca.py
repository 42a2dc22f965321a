"""A certificate authority of your own, for peers that trust nobody else.

    python private_ca.py pki localhost alice

writes the authority's certificate to pki/ca.pem and, for each name, a key with its
certificate to one file: pki/localhost.pem, pki/alice.pem. The authority's own key is
forgotten at the end, so that nobody can issue another certificate. It needs the package
`cryptography`.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import SSL, crypto

Key = ec.EllipticCurvePrivateKey


class Authority:
    """An authority, which issues certificates for servers and clients alike."""

    def __init__(self, name: str, days: int = 30) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self._subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._end = datetime.now(timezone.utc) + timedelta(days=days)
        self.certificate = self._sign(
            self._subject,
            self.key.public_key(),
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (key_usage("key_cert_sign", "crl_sign"), True),
        )

    def issue(self, name: str) -> tuple[Key, x509.Certificate]:
        """Make a key, and a certificate for it with the name of a host or a client."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
            key.public_key(),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (key_usage("digital_signature"), True),
            (x509.SubjectAlternativeName([alternative_name(name)]), False),
            (
                x509.ExtendedKeyUsage(
                    [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
                ),
                False,
            ),
        )
        return key, certificate

    def make_trusted(self, context: SSL.Context) -> None:
        """Have a context trust this authority alone, and insist on it."""
        store = context.get_cert_store()
        assert store is not None
        store.add_cert(crypto.X509.from_cryptography(self.certificate))
        context.set_verify(SSL.VERIFY_PEER)

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        *extensions: tuple[x509.ExtensionType, bool],
    ) -> x509.Certificate:
        authority_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(
            self.key.public_key()
        )
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.now(timezone.utc) - timedelta(minutes=5))
            .not_valid_after(self._end)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key), critical=False
            )
            .add_extension(authority_id, critical=False)
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())


def key_usage(*allowed: str) -> x509.KeyUsage:
    usages = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{usage: usage in allowed for usage in usages})


def alternative_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def to_pem(certificate: x509.Certificate, key: Key | None = None) -> bytes:
    pem = b""
    if key is not None:
        pem += key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem + certificate.public_bytes(Encoding.PEM)


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Make an authority, and certificates from it."
    )
    parser.add_argument(
        "--days", type=int, default=30, help="how long they are good (%(default)s)"
    )
    parser.add_argument(
        "directory", type=Path, help="where to write them; made if need be"
    )
    parser.add_argument("name", nargs="+", help="a host, a client or an IP address")
    options = parser.parse_args()

    authority = Authority("private authority", options.days)
    try:
        options.directory.mkdir(exist_ok=True)
        write(options.directory / "ca.pem", to_pem(authority.certificate), 0o644)
        for name in options.name:
            key, certificate = authority.issue(name)
            write(options.directory / f"{name}.pem", to_pem(certificate, key), 0o600)
    except OSError as error:
        print(f"Cannot write: {error}", file=sys.stderr)
        return 1
    return 0


def write(path: Path, content: bytes, mode: int) -> None:
    """Write a new file. Nobody else may read a private key, not even for a moment."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)


if __name__ == "__main__":
    sys.exit(main())
