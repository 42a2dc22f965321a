"""What became of the files that this distribution installed, and who else installs such files.

pyOpenSSL and pyopenssl-rs install the same package. An installer lets one overwrite the other, and
removes either's files when it removes that one. What can still be said then is said here: for
``python -m OpenSSL.debug``, and for the import that fails. Nothing else imports this module.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import re
import sys
from collections.abc import Iterator
from importlib import machinery, metadata

#: This package, as it is called where packages come from.
DISTRIBUTION = "pyopenssl-rs"

_HERE = os.path.dirname(os.path.abspath(__file__))
# What pyOpenSSL installs, too, and may take away.
_PYTHON = ("SSL.py", "__init__.py", "_util.py", "crypto.py", "debug.py", "rand.py", "version.py")


def installed(name: str) -> str | None:
    """The version of a distribution, or ``None`` if it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def mend(*others: str) -> str:
    """What to run to put every file of this distribution back, after others were removed."""
    pip = f"{sys.executable or 'python'} -m pip"
    removals = [f"{pip} uninstall --yes {other}" for other in others]
    return " and then: ".join(
        [*removals, f"{pip} install --force-reinstall --no-deps {DISTRIBUTION}"]
    )


def damage() -> list[str]:
    """What is wrong with the files of this package, in a few words for each file."""
    return list(_missing()) or list(_unlike_the_record())


def owners() -> list[tuple[str, str, str]]:
    """Other distributions that install a package OpenSSL: name, version, and the directory."""
    found = []
    for distribution in metadata.distributions():
        about = distribution.metadata
        # What a removal left behind has no name.
        name = about["Name"] if about and "Name" in about else ""
        if name and _normalized(name) != DISTRIBUTION and _claims_package(distribution):
            place = os.path.abspath(str(distribution.locate_file("")))
            found.append((name, distribution.version, place))
    return found


def overwritten(place: str) -> bool:
    """Whether a package OpenSSL in a directory is the directory that this one is in."""
    return os.path.normcase(os.path.join(place, "OpenSSL")) == os.path.normcase(_HERE)


def check(cause: ImportError) -> None:
    """Look for damage that explains why the import failed.

    :raises ImportError: names what is wrong and the command that mends it. If nothing is, there is
        no exception, and the cause tells all.
    """
    wrong = damage()
    if not wrong:
        return
    others = [name for name, _, place in owners() if overwritten(place)]
    also = f", and so did {' and '.join(others)}" if others else ""
    raise ImportError(
        f"{DISTRIBUTION} installed the package OpenSSL in {_HERE}{also}, and now"
        f" {', '.join(wrong)}. Mend it with: {mend(*others)}",
        name="OpenSSL",
        path=cause.path,
    ) from cause


def _missing() -> Iterator[str]:
    try:
        there = set(os.listdir(_HERE))
    except OSError:  # In a zip file, or frozen: whoever packed it knows what is in it.
        return
    for name in _PYTHON:
        if name not in there and f"{name}c" not in there:
            yield f"{name} is missing"
    if not any(f"_rust{suffix}" in there for suffix in machinery.EXTENSION_SUFFIXES):
        others = sorted(name for name in there if re.match(r"_rust\..*(so|pyd)$", name))
        instead = f" (there is {', '.join(others)}, for another Python)" if others else ""
        yield f"_rust{machinery.EXTENSION_SUFFIXES[0]} is missing{instead}"


def _unlike_the_record() -> Iterator[str]:
    """Files that are not as the installer wrote them down, where it did."""
    try:
        distribution = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return
    for path, digest in _record(distribution):
        if not path.startswith("OpenSSL/") or not digest:
            continue
        file = str(distribution.locate_file(path))
        name = path.partition("/")[2]
        if not os.path.exists(file):
            yield f"{name} is missing"
        elif _digest(file, digest.partition("=")[0]) != digest:
            yield f"{name} is another one"


def _record(distribution: metadata.Distribution) -> Iterator[tuple[str, str]]:
    """Path and digest of each file. `Distribution.files` leaves out files that are missing."""
    for row in csv.reader((distribution.read_text("RECORD") or "").splitlines()):
        if len(row) > 1:
            yield row[0].replace(os.sep, "/"), row[1]


def _claims_package(distribution: metadata.Distribution) -> bool:
    """Whether a distribution says that it installs a package OpenSSL."""
    if any(path == "OpenSSL/__init__.py" for path, _ in _record(distribution)):
        return True
    # What distributions without a RECORD have, those of Debian for example.
    return "OpenSSL" in (distribution.read_text("top_level.txt") or "").split()


def _digest(file: str, algorithm: str) -> str:
    """The digest of a file as a RECORD has it."""
    with open(file, "rb") as content:
        digest = hashlib.new(algorithm, content.read()).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
