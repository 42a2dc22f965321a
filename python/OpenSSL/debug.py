"""What to put into a bug report. ``python -m OpenSSL.debug`` prints it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import metadata

from OpenSSL import _rust, version

#: This package, as it is called where packages come from.
_DISTRIBUTION = "pyopenssl-rs"


def _installed(name: str) -> str:
    """The version of a distribution that is installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _python_openssl() -> str:
    """The OpenSSL of the standard library."""
    try:
        import ssl
    except ImportError:
        return "none"
    return ssl.OPENSSL_VERSION


def _other_owners() -> Iterator[str]:
    """Other distributions that installed a package OpenSSL: one overwrote the other's files."""
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        files = {str(file) for file in distribution.files or ()}
        if name != _DISTRIBUTION and "OpenSSL/__init__.py" in files:
            yield f"{name} {distribution.version}: uninstall both, then install the one you want"


def _trust() -> Iterator[tuple[str, str]]:
    """Who names them, and the places where trusted certificates are looked for, in that order."""
    file, directory, files, directories = _rust._trust_locations()
    for variable, default in (("SSL_CERT_FILE", file), ("SSL_CERT_DIR", directory)):
        path = os.environ.get(variable)
        yield ("OpenSSL", default) if path is None else (variable, path)
    for path in files + directories:
        yield "well known", path


def _lines() -> Iterator[str]:
    linked = "compiled in" if _rust._compiled_in() else "the system's"
    yield f"pyOpenSSL: {version.__version__} (its API)"
    yield f"{_DISTRIBUTION}: {_installed(_DISTRIBUTION)}"
    yield f"cryptography: {_installed('cryptography')}"
    yield f"OpenSSL: {_rust.OpenSSL_version(_rust.OPENSSL_VERSION).decode()}, {linked}"
    yield _rust.OpenSSL_version(_rust.OPENSSL_PLATFORM).decode()
    yield _rust.OpenSSL_version(_rust.OPENSSL_DIR).decode()
    for source, path in _trust():
        there = "there" if os.path.exists(path) else "not there"
        yield f"Trusted certificates ({source}): {path}, {there}"
    for owner in list(_other_owners()) or ["no other distribution"]:
        yield f"Also installs the package OpenSSL: {owner}"
    yield f"Python's OpenSSL: {_python_openssl()}"
    yield f"Python executable: {sys.executable}"
    yield f"Python version: {sys.version}"
    yield f"Platform: {sys.platform}"
    yield f"sys.path: {sys.path}"


_env_info = "\n".join(_lines())


if __name__ == "__main__":
    print(_env_info)
