"""Where another distribution took or replaced files of this package, an import says what to do.

Each test has a package of its own: the files of the one under test, installed in a directory with a
RECORD, as an installer leaves them.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import OpenSSL
import pytest
from support.implementation import deviation

pytestmark = deviation

PACKAGE = Path(OpenSSL.__file__).parent
GUARD = PACKAGE.parent / "OpenSSL.py"
COMPILED = next(
    file.name for file in PACKAGE.iterdir() if re.match(r"_rust\..*(so|pyd)$", file.name)
)
MEND = "-m pip install --force-reinstall --no-deps pyopenssl-rs"


class Installation:
    """A directory with this package in it, as if it were installed there."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.package = place / "OpenSSL"
        self.package.mkdir(parents=True)
        for file in PACKAGE.iterdir():
            if file.is_file():
                # A link to the compiled module, which is large.
                os.symlink(file, self.package / file.name)
        (place / "OpenSSL.py").write_bytes(GUARD.read_bytes())
        self.record("pyopenssl-rs", *(file.name for file in self.package.iterdir()))

    def record(self, name: str, *files: str, version: str = "26.4.0.1") -> None:
        """Write down that a distribution installed files of the package."""
        info = self.place / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        rows = []
        for file in files:
            digest = hashlib.sha256((self.package / file).read_bytes()).digest()
            text = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            rows.append(f"OpenSSL/{file},sha256={text},")
        (info / "RECORD").write_text("\n".join([*rows, f"{info.name}/RECORD,,", ""]))

    def overwrite(self, file: str, content: str = "") -> None:
        (self.package / file).unlink()
        (self.package / file).write_text(content)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, "PYTHONPATH": str(self.place), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
        )

    def refusal(self, program: str = "from OpenSSL import SSL") -> str:
        """The last line of an import that fails."""
        done = self.run("-c", program)
        assert done.returncode == 1
        line = done.stderr.splitlines()[-1]
        assert line.startswith("ImportError: ")
        return line

    def debug(self, line: str) -> str:
        """One line of `python -m OpenSSL.debug`."""
        done = self.run("-m", "OpenSSL.debug")
        assert done.returncode == 0, done.stderr
        found = re.search(f"^{line}: (.*)$", done.stdout, re.MULTILINE)
        assert found is not None, done.stdout
        return found[1]


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "site-packages")


def test_a_whole_package_is_imported(installation: Installation) -> None:
    done = installation.run("-W", "error", "-c", "import OpenSSL.SSL; print(OpenSSL.__file__)")
    assert done.stdout.strip() == str(installation.package / "__init__.py"), done.stderr
    assert installation.debug("pyopenssl-rs") == "26.4.0.1, all there"
    assert installation.debug("Distribution pyOpenSSL") == "not installed"
    assert installation.debug("Also installs the package OpenSSL") == "no other distribution"


@pytest.mark.parametrize(
    "program", ["import OpenSSL", "import OpenSSL.SSL", "from OpenSSL import crypto"]
)
def test_another_one_was_removed(installation: Installation, program: str) -> None:
    # What `pip uninstall pyOpenSSL` leaves of us.
    for file in ("SSL", "__init__", "_util", "crypto", "debug", "rand", "version"):
        (installation.package / f"{file}.py").unlink()
    line = installation.refusal(program)
    assert str(installation.package) in line
    assert "has lost its files" in line
    assert line.endswith(MEND)


@pytest.mark.parametrize("file", ["SSL.py", "crypto.py", "version.py", COMPILED])
def test_a_file_is_missing(installation: Installation, file: str) -> None:
    (installation.package / file).unlink()
    line = installation.refusal()
    assert f"{file} is missing" in line
    assert line.endswith(MEND)


@pytest.mark.parametrize("file", ["debug.py", "rand.py"])
def test_what_is_not_needed_is_not_missed(installation: Installation, file: str) -> None:
    (installation.package / file).unlink()
    assert installation.run("-c", "import OpenSSL.SSL").returncode == 0


def test_a_compiled_module_of_another_python(installation: Installation) -> None:
    (installation.package / COMPILED).rename(installation.package / "_rust.cpython-36m.so")
    line = installation.refusal()
    assert f"{COMPILED} is missing (there is _rust.cpython-36m.so, for another Python)" in line


@pytest.mark.parametrize(
    "content",
    ["from OpenSSL.crypto import _PassphraseHelper", "class Context:\n    pass"],
    ids=["not importable", "importable"],
)
def test_a_file_is_another_one(installation: Installation, content: str) -> None:
    installation.overwrite("SSL.py", content)
    line = installation.refusal()
    assert "now SSL.py is another one. Mend it with: " in line
    assert line.endswith(MEND)


def test_another_owner_is_named_and_removed_first(installation: Installation) -> None:
    installation.overwrite("SSL.py", "class Context:\n    pass")
    installation.record("pyOpenSSL", "__init__.py", "SSL.py", version="26.4.0")
    line = installation.refusal()
    assert ", and so did pyOpenSSL, and now SSL.py is another one" in line
    assert "-m pip uninstall --yes pyOpenSSL and then: " in line
    assert line.endswith(MEND)


def test_an_import_error_without_damage_is_raised_as_it_is(installation: Installation) -> None:
    # Such as a C library that is too old for the compiled module.
    program = "import sys; sys.modules['OpenSSL._rust'] = None; import OpenSSL"
    done = installation.run("-c", program)
    assert "pip" not in done.stderr
    assert "OpenSSL._rust" in done.stderr.splitlines()[-1]


def test_debug_tells_of_files_that_nobody_missed(installation: Installation) -> None:
    installation.overwrite("rand.py")
    (installation.package / "py.typed").unlink()
    line = installation.debug("pyopenssl-rs")
    assert line.startswith("26.4.0.1, ")
    assert "rand.py is another one" in line
    assert "py.typed is missing" in line
    assert line.endswith(MEND)


def test_debug_tells_of_another_owner(installation: Installation) -> None:
    installation.record("pyOpenSSL", "__init__.py", "SSL.py", version="26.4.0")
    # From Python 3.12 on, `Distribution.files` does not tell of files that are not there.
    record = installation.place / "pyOpenSSL-26.4.0.dist-info/RECORD"
    record.write_text(f"OpenSSL/_util.py,sha256=x,1\n{record.read_text()}")
    assert installation.debug("Distribution pyOpenSSL") == "26.4.0"
    line = installation.debug("Also installs the package OpenSSL")
    assert line.startswith("pyOpenSSL 26.4.0, over the same files; keep only one of the two: ")
    assert "-m pip uninstall --yes pyOpenSSL and then: " in line


@pytest.mark.parametrize("written", ["RECORD", "top_level.txt"])
def test_debug_tells_of_another_package_elsewhere(
    installation: Installation, tmp_path: Path, written: str
) -> None:
    # Of Debian, for example: it has no RECORD.
    elsewhere = tmp_path / "dist-packages"
    info = elsewhere / "pyOpenSSL-23.0.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pyOpenSSL\nVersion: 23.0.0\n")
    content = {"RECORD": "OpenSSL/__init__.py,,\n", "top_level.txt": "OpenSSL\n"}
    (info / written).write_text(content[written])
    program = f"import sys; sys.path.append({str(elsewhere)!r}); import OpenSSL.debug as d; "
    done = installation.run("-c", f"{program}print(d._env_info)")
    expected = f"OpenSSL: pyOpenSSL 23.0.0, in {elsewhere}, which comes later in sys.path\n"
    assert expected in done.stdout, done.stderr


def test_a_distribution_of_that_name_alone_is_no_owner(installation: Installation) -> None:
    installation.record("pyOpenSSL", version="26.4.0+rs1")
    assert installation.debug("Distribution pyOpenSSL") == "26.4.0+rs1"
    assert installation.debug("Also installs the package OpenSSL") == "no other distribution"


def test_leftovers_of_a_removal_are_passed_over(installation: Installation) -> None:
    (installation.place / "~yopenssl-26.4.0.dist-info").mkdir()
    (installation.place / "gone-1.0.egg-info").mkdir()
    done = installation.run("-W", "error", "-m", "OpenSSL.debug")
    assert "Also installs the package OpenSSL: no other distribution\n" in done.stdout, done.stderr


def test_an_import_looks_at_nothing_of_this(installation: Installation) -> None:
    program = "import sys, OpenSSL.SSL, OpenSSL.crypto; print(*sys.modules)"
    loaded = installation.run("-S", "-c", program).stdout.split()
    assert "OpenSSL.SSL" in loaded
    assert not {"OpenSSL._installation", "importlib.metadata", "hashlib", "csv"} & set(loaded)
