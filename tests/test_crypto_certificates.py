"""Certificates made by others: they load, verify, and dump to the bytes they came from."""

from __future__ import annotations

import datetime
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from OpenSSL import crypto

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:test_crypto")

#: The certificates of a chain in PEM, the root first.
Chain = list[bytes]


def openssl_chain(directory: Path) -> Chain:
    """A root, an authority and a certificate made by `openssl req` and `openssl x509`."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)

    (directory / "ca.cnf").write_text("basicConstraints=critical,CA:TRUE\n")
    (directory / "leaf.cnf").write_text("subjectAltName=DNS:localhost\n")
    openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/O=Test/CN=root"),
        *("-keyout", "root.key", "-out", "root.pem", "-days", "30"),
    )
    for name, issuer, extensions in (("middle", "root", "ca.cnf"), ("leaf", "middle", "leaf.cnf")):
        openssl(
            *("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-subj", f"/O=Test/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr"),
        )
        openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", f"{issuer}.pem"),
            *("-CAkey", f"{issuer}.key", "-CAcreateserial", "-out", f"{name}.pem"),
            *("-days", "30", "-extfile", extensions),
        )
    return [(directory / f"{name}.pem").read_bytes() for name in ("root", "middle", "leaf")]


def cryptography_chain(directory: Path) -> Chain:
    """A chain of three kinds of keys made by cryptography."""
    keys = (
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
    )
    names = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Nam\xe9 {number} \u2603")])
        for number in range(3)
    ]
    now = datetime.datetime.now(datetime.timezone.utc)
    chain = []
    for number, key in enumerate(keys):
        issuer = max(number - 1, 0)
        builder = (
            x509.CertificateBuilder()
            .subject_name(names[number])
            .issuer_name(names[issuer])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(number < 2, None), critical=True)
        )
        certificate = builder.sign(keys[issuer], hashes.SHA256())
        chain.append(certificate.public_bytes(Encoding.PEM))
    return chain


def trustme_chain(directory: Path) -> Chain:
    root = trustme.CA()
    middle = root.create_child_ca()
    leaf = middle.issue_cert("localhost")
    return [root.cert_pem.bytes(), middle.cert_pem.bytes(), leaf.cert_chain_pems[0].bytes()]


@pytest.fixture(
    scope="module",
    params=[openssl_chain, cryptography_chain, trustme_chain],
    ids=lambda f: f.__name__,
)
def chain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    make: Callable[[Path], Chain] = request.param
    return make(tmp_path_factory.mktemp(make.__name__))


def load(pem: bytes) -> crypto.X509:
    return crypto.load_certificate(crypto.FILETYPE_PEM, pem)


def dump(certificate: crypto.X509) -> bytes:
    return crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)


def test_dump_gives_back_what_was_loaded(chain: Chain) -> None:
    for pem in chain:
        theirs = x509.load_pem_x509_certificate(pem)
        der = theirs.public_bytes(Encoding.DER)
        assert dump(load(pem)) == der
        assert dump(crypto.load_certificate(crypto.FILETYPE_ASN1, der)) == der
        assert (
            load(crypto.dump_certificate(crypto.FILETYPE_PEM, load(pem))).to_cryptography()
            == theirs
        )
        assert dump(crypto.X509.from_cryptography(theirs)) == der


def test_what_it_says_is_what_cryptography_says(chain: Chain) -> None:
    for pem in chain:
        ours, theirs = load(pem), x509.load_pem_x509_certificate(pem)
        assert ours.get_serial_number() == theirs.serial_number
        assert ours.get_version() == theirs.version.value
        assert ours.get_extension_count() == len(theirs.extensions)
        assert ours.get_subject().der() == theirs.subject.public_bytes()
        assert ours.get_issuer().der() == theirs.issuer.public_bytes()
        assert ours.digest("sha256").replace(b":", b"").lower() == (
            theirs.fingerprint(hashes.SHA256()).hex().encode()
        )
        for ours_time, theirs_time in (
            (ours.get_notBefore(), theirs.not_valid_before_utc),
            (ours.get_notAfter(), theirs.not_valid_after_utc),
        ):
            assert ours_time == theirs_time.strftime("%Y%m%d%H%M%SZ").encode()
        assert ours.get_pubkey().to_cryptography_key() == theirs.public_key()


def test_chain_verifies(chain: Chain) -> None:
    root, middle, leaf = map(load, chain)
    store = crypto.X509Store()
    with pytest.raises(crypto.X509StoreContextError):
        crypto.X509StoreContext(store, leaf, [middle]).verify_certificate()
    store.add_cert(root)
    context = crypto.X509StoreContext(store, leaf, [middle])
    context.verify_certificate()
    assert [dump(each) for each in context.get_verified_chain()] == [
        *map(dump, (leaf, middle, root))
    ]
    with pytest.raises(crypto.X509StoreContextError) as caught:
        crypto.X509StoreContext(store, leaf).verify_certificate()
    assert dump(caught.value.certificate) == dump(leaf)
    assert caught.value.errors[:2] == [20, 0]


def test_every_certificate_of_a_file_is_trusted(chain: Chain, tmp_path: Path) -> None:
    bundle = tmp_path / "b\u00fcndel.pem"
    bundle.write_bytes(b"a comment\n" + b"\n".join(chain[:2]))
    for name in (bundle, str(bundle), bytes(bundle)):
        store = crypto.X509Store()
        store.load_locations(name)
        crypto.X509StoreContext(store, load(chain[2])).verify_certificate()


def test_ber_is_read() -> None:
    """OpenSSL is not as strict as cryptography, and neither is `load_certificate`."""
    der = trustme.CA().cert_pem.bytes()
    der = dump(load(der))
    indefinite = b"\x30\x80" + der[4:] + b"\0\0"
    certificate = crypto.load_certificate(crypto.FILETYPE_ASN1, indefinite)
    assert (
        certificate.get_subject()
        == crypto.load_certificate(crypto.FILETYPE_ASN1, der).get_subject()
    )


def test_a_name_with_nul_is_kept() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "good.example\0.evil.example")])
    now = datetime.datetime.now(datetime.timezone.utc)
    theirs = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now)
        .sign(key, hashes.SHA256())
    )
    subject = crypto.X509.from_cryptography(theirs).get_subject()
    assert subject.CN == "good.example\0.evil.example"
    assert subject.get_components() == [(b"CN", b"good.example\0.evil.example")]


def test_what_was_handed_out_does_not_change() -> None:
    """Somebody else, another thread even, may be using it."""
    authority = trustme.CA()
    certificate = load(authority.cert_pem.bytes())
    store = crypto.X509Store()
    store.add_cert(certificate)
    certificate.get_subject().CN = "changed"
    certificate.set_notAfter(b"20000101000000Z")
    certificate.set_version(0)
    leaf = authority.issue_cert("localhost").cert_chain_pems[0].bytes()
    crypto.X509StoreContext(store, load(leaf)).verify_certificate()
    assert certificate.get_subject().CN == "changed"
    assert certificate.has_expired()


def test_certificate_made_here_is_accepted_there() -> None:
    key = crypto.PKey()
    key.generate_key(crypto.TYPE_RSA, 2048)
    made = crypto.X509()
    made.set_version(2)
    made.set_serial_number(2**100)
    made.get_subject().CN = "made here"
    made.set_issuer(made.get_subject())
    made.gmtime_adj_notBefore(-60)
    made.gmtime_adj_notAfter(3600)
    made.set_pubkey(key)
    made.sign(key, "sha256")
    theirs = made.to_cryptography()
    theirs.verify_directly_issued_by(theirs)
    assert theirs.serial_number == 2**100
    assert not made.has_expired()


def test_negative_serial_number() -> None:
    """The reference ends in a segmentation fault."""
    certificate = crypto.X509()
    certificate.set_serial_number(-5)
    assert certificate.get_serial_number() == -5


def test_an_unfinished_certificate_can_be_handed_out_and_changed() -> None:
    made = crypto.X509()
    made.get_subject().CN = "unfinished"
    with pytest.raises(crypto.Error):
        made.to_cryptography()
    crypto.X509Store().add_cert(made)
    made.get_subject().CN = "changed"
    made.set_version(2)
    assert (made.get_subject().CN, made.get_version()) == ("changed", 2)
