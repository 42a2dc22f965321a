"""Certificates: as files for peers that want files, as objects for everything else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from typing import Union

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import SSL

PrivateKey = Union[ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey]

NOW = datetime.now(timezone.utc)
YEAR = timedelta(days=365)


def elliptic_key() -> PrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def rsa_key() -> PrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _pem(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(*allowed: str) -> x509.KeyUsage:
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


@dataclass(frozen=True)
class Identity:
    """A certificate, the intermediates above it, and its key."""

    certificate: x509.Certificate
    intermediates: tuple[x509.Certificate, ...]
    key: PrivateKey
    chain_file: Path
    key_file: Path

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def install(self, context: SSL.Context) -> None:
        """Make this the identity of every connection of ``context``."""
        context.use_certificate(self.certificate)
        for intermediate in self.intermediates:
            context.add_extra_chain_cert(intermediate)
        context.use_privatekey(self.key)


class Authority:
    """An authority that issues certificates, and writes them and their keys into a directory."""

    def __init__(self, directory: Path, name: str, parent: Authority | None = None) -> None:
        self._directory = directory
        self.parent = parent
        self._key = elliptic_key()
        self._name = _name(name)
        self.certificate = self._sign(
            self._name,
            self._key,
            NOW + YEAR,
            x509.BasicConstraints(ca=True, path_length=None),
            _key_usage("key_cert_sign", "crl_sign", "digital_signature"),
        )
        self.file = directory / f"{name}.pem"
        self.file.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    @property
    def _issuer(self) -> Authority:
        return self.parent or self

    def _sign(
        self,
        subject: x509.Name,
        key: PrivateKey,
        end: datetime,
        *critical: x509.ExtensionType,
        extra: tuple[x509.ExtensionType, ...] = (),
    ) -> x509.Certificate:
        """A certificate for ``key``; this authority's own key is certified by its parent."""
        signer = self._issuer if key is self._key else self
        public = signer._key.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(signer._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - YEAR)
            .not_valid_after(end)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False
            )
        )
        for extension in critical:
            builder = builder.add_extension(extension, critical=True)
        for extension in extra:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(signer._key, hashes.SHA256())

    def subordinate(self, name: str) -> Authority:
        """An authority that this one certifies."""
        return Authority(self._directory, name, parent=self)

    def issue(
        self, *hosts: str, key: PrivateKey | None = None, end: datetime = NOW + YEAR
    ) -> Identity:
        """An identity for ``hosts``, the first of which is its common name."""
        key = key or elliptic_key()
        leaf = self._sign(
            _name(hosts[0]),
            key,
            end,
            x509.BasicConstraints(ca=False, path_length=None),
            _key_usage("digital_signature", "key_encipherment"),
            extra=(
                x509.SubjectAlternativeName(map(_host, hosts)),
                x509.ExtendedKeyUsage(
                    [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
                ),
            ),
        )
        intermediates = (self.certificate,) if self.parent else ()
        chain_file = self._directory / f"{leaf.serial_number:x}.pem"
        chain_file.write_bytes(
            b"".join(each.public_bytes(Encoding.PEM) for each in (leaf, *intermediates))
        )
        key_file = chain_file.with_suffix(".key")
        key_file.write_bytes(_pem(key))
        return Identity(leaf, intermediates, key, chain_file, key_file)

    def key_pem(self) -> bytes:
        return _pem(self._key)

    def ocsp_response(self, identity: Identity, *, revoked: bool = False) -> bytes:
        """What this authority has to say about ``identity``, signed, in DER."""
        status = ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD
        response = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                cert=identity.certificate,
                issuer=self.certificate,
                algorithm=hashes.SHA1(),  # of the issuer's name, as every responder does
                cert_status=status,
                this_update=NOW - timedelta(hours=1),
                next_update=NOW + timedelta(days=1),
                revocation_time=NOW - timedelta(days=1) if revoked else None,
                revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.NAME, self.certificate)
            .sign(self._key, hashes.SHA256())
        )
        return response.public_bytes(Encoding.DER)
