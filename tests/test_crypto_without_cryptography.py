"""The package cryptography is optional, and is imported when one of its objects is asked for."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from support.implementation import REFERENCE

pytestmark = pytest.mark.skipif(REFERENCE, reason="pyOpenSSL needs cryptography")

DATA = Path(__file__).parent / "compat" / "data"


def run(program: str) -> str:
    """What a program prints. `ca` is the path of a certificate, `encrypted` of a key."""
    start = f"""
        import sys, warnings
        warnings.simplefilter("ignore")
        ca, encrypted = {str(DATA / "ca.pem")!r}, {str(DATA / "encrypted.key")!r}
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(start) + textwrap.dedent(program)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_is_imported_that_is_not_needed() -> None:
    printed = run(
        """
        before = set(sys.modules)
        from OpenSSL import crypto
        print(*sorted(set(sys.modules) - before))
        """
    )
    imported = {name.partition(".")[0] for name in printed.split()}
    assert not imported & {
        *("cryptography", "cffi", "_cffi_backend", "ssl", "typing", "typing_extensions"),
        *("datetime", "calendar", "base64", "functools", "importlib.metadata"),
    }


def test_everything_else_works_without_cryptography() -> None:
    printed = run(
        """
        sys.modules["cryptography"] = None
        from OpenSSL import crypto, rand
        cert = crypto.load_certificate(crypto.FILETYPE_PEM, open(ca, "rb").read())
        key = crypto.load_privatekey(
            crypto.FILETYPE_PEM, open(encrypted, "rb").read(), b"correct horse"
        )
        store = crypto.X509Store()
        store.add_cert(cert)
        crypto.X509StoreContext(store, cert).verify_certificate()
        for file_type in (1, 2, 65535):
            crypto.dump_certificate(file_type, cert)
            crypto.dump_privatekey(file_type, key)
        crypto.dump_publickey(1, cert.get_pubkey())
        new = crypto.PKey()
        new.generate_key(crypto.TYPE_RSA, 1024)
        cert.set_pubkey(new)
        cert.sign(new, "sha256")
        crypto.get_elliptic_curve("prime256v1")
        crypto.PassphraseCallableT, crypto.StrOrBytesPath
        rand.add(b"bytes", 1)
        print(cert.get_subject().CN)
        """
    )
    assert printed == "Compat CA\n"


@pytest.mark.parametrize(
    "call",
    [
        "cert.to_cryptography()",
        "crypto.X509.from_cryptography(cert)",
        "key.to_cryptography_key()",
        "crypto.PKey.from_cryptography_key(key)",
        "crypto.X509Store().add_crl(cert)",
    ],
)
def test_what_names_it_says_what_to_install(call: str) -> None:
    printed = run(
        f"""
        sys.modules["cryptography"] = None
        from OpenSSL import crypto
        cert = crypto.load_certificate(crypto.FILETYPE_PEM, open(ca, "rb").read())
        key = crypto.load_privatekey(
            crypto.FILETYPE_PEM, open(encrypted, "rb").read(), b"correct horse"
        )
        try:
            {call}
        except ImportError as exc:
            print(exc)
        """
    )
    assert "pip install pyopenssl-rs[cryptography]" in printed


def test_it_is_imported_when_it_is_asked_for() -> None:
    printed = run(
        """
        from OpenSSL import crypto
        cert = crypto.load_certificate(crypto.FILETYPE_PEM, open(ca, "rb").read())
        print("cryptography" in sys.modules)
        cert.to_cryptography()
        print("cryptography" in sys.modules)
        """
    )
    assert printed.split() == ["False", "True"]
