"""Make the certificates and keys beside this file.

They are committed: run it only to replace all of them. It needs `cryptography` and the
`openssl` program.

    python tests/compat/data/make.py
"""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path
from typing import NamedTuple, Union

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HERE = Path(__file__).parent
PASSPHRASE = b"correct horse"
START = datetime.datetime(2026, 1, 1)
END = datetime.datetime(2046, 1, 1)

Key = Union[rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey]


class Entity(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def issue(
    name: str,
    serial: int,
    key: Key | None = None,
    issuer: Entity | None = None,
    is_ca: bool = False,
    usage: x509.ObjectIdentifier | None = None,
    end: datetime.datetime = END,
) -> Entity:
    """A certificate for a name; signed by its own key when there is no issuer."""
    key = key or rsa_key()
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Compat"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    signer = issuer.key if issuer else key
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(START)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(is_ca, path_length=None), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(authority, critical=False)
    )
    if is_ca:
        signing = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = builder.add_extension(signing, critical=True)
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if name == "localhost":
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        builder = builder.add_extension(names, critical=False)
    return Entity(builder.sign(signer, hashes.SHA256()), key)


def staple(server: Entity, ca: Entity) -> bytes:
    """An OCSP response that says the server's certificate is good."""
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=server.certificate,
        issuer=ca.certificate,
        algorithm=hashes.SHA256(),
        cert_status=ocsp.OCSPCertStatus.GOOD,
        this_update=START,
        next_update=END,
        revocation_time=None,
        revocation_reason=None,
    )
    signed = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, ca.certificate)
    return signed.sign(ca.key, hashes.SHA256()).public_bytes(Encoding.DER)


def key_bytes(
    key: Key, encoding: Encoding = Encoding.PEM, passphrase: bytes | None = None
) -> bytes:
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(encoding, PrivateFormat.PKCS8, encryption)


def write(name: str, data: bytes) -> None:
    (HERE / name).write_bytes(data)


def main() -> None:
    for_server = ExtendedKeyUsageOID.SERVER_AUTH
    for_client = ExtendedKeyUsageOID.CLIENT_AUTH
    curve_key = ec.generate_private_key(ec.SECP256R1())

    ca = issue("Compat CA", 1, is_ca=True)
    middle = issue("Compat intermediate", 2, issuer=ca, is_ca=True)
    server = issue("localhost", 3, issuer=ca, usage=for_server)
    server_ec = issue("localhost", 4, curve_key, issuer=ca, usage=for_server)
    leaf = issue("localhost", 5, server.key, issuer=middle, usage=for_server)
    client = issue("client", 6, issuer=ca, usage=for_client)
    untrusted = issue("localhost", 7)
    yesterday = START + datetime.timedelta(days=1)
    expired = issue("localhost", 8, server.key, issuer=ca, end=yesterday)

    for name, entity in {
        "ca": ca,
        "server": server,
        "server-ec": server_ec,
        "client": client,
        "untrusted": untrusted,
    }.items():
        write(f"{name}.pem", entity.pem)
        write(f"{name}.key", key_bytes(entity.key))
    write("intermediate.pem", middle.pem)
    write("leaf.pem", leaf.pem)
    write("expired.pem", expired.pem)
    write("chain.pem", leaf.pem + middle.pem)
    write("authorities.pem", ca.pem + middle.pem)
    write("server.der", server.certificate.public_bytes(Encoding.DER))
    write("staple.der", staple(server, ca))
    write("server-key.der", key_bytes(server.key, Encoding.DER))
    write("encrypted.key", key_bytes(server.key, passphrase=PASSPHRASE))

    generate = ["openssl", "genpkey", "-genparam", "-algorithm", "DH"]
    group = ["-pkeyopt", "group:ffdhe2048", "-out", str(HERE / "dh.pem")]
    subprocess.run([*generate, *group], check=True)


if __name__ == "__main__":
    main()
