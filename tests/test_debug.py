"""`python -m OpenSSL.debug` says what a bug report needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from OpenSSL import SSL, version
from support.implementation import deviation


def printed(**environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "OpenSSL.debug"],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_versions() -> None:
    text = printed()
    assert version.__version__ in text
    assert SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode() in text
    assert sys.version in text


@deviation
def test_trusted_certificates(tmp_path: Path) -> None:
    text = printed(SSL_CERT_FILE=__file__, SSL_CERT_DIR=str(tmp_path / "nowhere"))
    assert f"Trusted certificates (SSL_CERT_FILE): {__file__}, there\n" in text
    assert f"Trusted certificates (SSL_CERT_DIR): {tmp_path / 'nowhere'}, not there\n" in text
    assert "Trusted certificates (well known): /etc/ssl/certs, " in text


@deviation
def test_another_owner_of_the_package(tmp_path: Path) -> None:
    assert "Also installs the package OpenSSL: no other distribution\n" in printed()
    info = tmp_path / "pyOpenSSL-26.4.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pyOpenSSL\nVersion: 26.4.0\n")
    (info / "RECORD").write_text("OpenSSL/__init__.py,,\n")
    path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(tmp_path))))
    assert "Also installs the package OpenSSL: pyOpenSSL 26.4.0" in printed(PYTHONPATH=path)


@deviation
def test_without_cryptography(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['cryptography'] = None\n")
    path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(tmp_path))))
    assert "OpenSSL: OpenSSL " in printed(PYTHONPATH=path)


def test_import_is_quiet(recwarn: pytest.WarningsRecorder) -> None:
    import OpenSSL.debug

    assert version.__version__ in OpenSSL.debug._env_info
    assert not recwarn
