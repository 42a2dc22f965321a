"""What to put into a bug report. ``python -m OpenSSL.debug`` prints it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from OpenSSL import _installation, _rust, version


def _installed(name: str) -> str:
    return _installation.installed(name) or "not installed"


def _python_openssl() -> str:
    """The OpenSSL of the standard library."""
    try:
        import ssl
    except ImportError:
        return "none"
    return ssl.OPENSSL_VERSION


def _files() -> str:
    """Whether the files of this package are those that were installed."""
    wrong = _installation.damage()
    if not wrong:
        return "all there"
    others = [name for name, _, place in _installation.owners() if _installation.overwritten(place)]
    return f"{', '.join(wrong)}; mend it with: {_installation.mend(*others)}"


def _other_owners() -> Iterator[str]:
    """Other distributions with a package OpenSSL, and what that means for this one."""
    for name, installed, place in _installation.owners():
        if _installation.overwritten(place):
            remedy = _installation.mend(name)
            yield f"{name} {installed}, over the same files; keep only one of the two: {remedy}"
        else:
            yield f"{name} {installed}, in {place}, which comes later in sys.path"


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
    yield f"{_installation.DISTRIBUTION}: {_installed(_installation.DISTRIBUTION)}, {_files()}"
    yield f"Distribution pyOpenSSL: {_installed('pyOpenSSL')}"
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
