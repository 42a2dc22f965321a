"""The two wheels in environments such as people have: with pip, with uv, beside pyOpenSSL itself.

    make test-shim

Each test makes an environment of its own and does there what a page of the documentation says;
Twisted, pyOpenSSL and cryptography come from PyPI. Not collected by `make test`.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DIST = ROOT / "dist"
SHIM = "26.4.0+rs1"
PYPI = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple")
RETRIES = ("--disable-pip-version-check", "--retries=10")

#: Where OpenSSL comes from.
WHOSE = """
import sys
from OpenSSL import SSL
print("ours" if "OpenSSL._rust" in sys.modules else "pyOpenSSL's")
"""


def run(*command: object, **environment: str) -> str:
    """Run a command to its end. What it prints is in the report of a failure."""
    done = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


class Environment:
    """A virtual environment, empty at first."""

    def __init__(self, place: Path) -> None:
        run(sys.executable, "-m", "venv", "--without-pip", place)
        self.place = place
        self.python = place / ("Scripts" if os.name == "nt" else "bin") / "python"

    def pip(self, *arguments: object, **environment: str) -> str:
        pip = (sys.executable, "-m", "pip", "--python", self.python, *RETRIES)
        return run(*pip, *arguments, **environment)

    def uv(self, *arguments: object) -> str:
        return run(uv(), *arguments, VIRTUAL_ENV=str(self.place))

    def does(self, *arguments: object) -> str:
        return run(self.python, "-P" if sys.version_info >= (3, 11) else "-s", *arguments)

    def refuses(self) -> str:
        """The last line of an import of OpenSSL that fails."""
        command = [str(self.python), "-c", WHOSE]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.place)
        assert done.returncode == 1, done.stdout
        return done.stderr.splitlines()[-1]

    def openssl(self) -> str:
        return self.does("-c", WHOSE).strip()

    def version(self, name: str) -> str:
        """As matrix-synapse looks it up; "" if there is no such distribution."""
        return self.does(
            "-c",
            "import importlib.metadata as m\n"
            f"try: print(m.version({name!r}))\n"
            "except m.PackageNotFoundError: pass",
        ).strip()

    def is_ours(self) -> None:
        """The name is the shim's, the code is ours, and nothing is missing."""
        assert self.version("pyOpenSSL") == SHIM
        assert self.openssl() == "ours"
        assert "No broken requirements" in self.pip("check")
        debug = self.does("-m", "OpenSSL.debug")
        assert ", all there\n" in debug
        assert "Also installs the package OpenSSL: no other distribution\n" in debug


def uv() -> str:
    found = shutil.which("uv", path=os.path.dirname(sys.executable)) or shutil.which("uv")
    assert found is not None, "make test-shim installs uv"
    return found


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path / "environment")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of pyopenssl-rs for this interpreter."""
    place = tmp_path_factory.mktemp("wheel")
    command = ("download", "--no-index", "--no-deps", "--find-links", DIST, "--dest", place)
    run(sys.executable, "-m", "pip", *RETRIES, *command, "pyopenssl-rs")
    (found,) = place.iterdir()
    return DIST / found.name


@pytest.fixture(scope="session")
def shim() -> Path:
    (found,) = DIST.glob("pyopenssl-*.whl")
    return found


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory, wheel: Path, shim: Path) -> Iterator[str]:
    """A private index with the two distributions: directories of wheels, and a web server."""
    place = tmp_path_factory.mktemp("index")
    for name, file in (("pyopenssl-rs", wheel), ("pyopenssl", shim)):
        (place / "simple" / name).mkdir(parents=True)
        shutil.copy(file, place / "simple" / name)
    handler = functools.partial(QuietHandler, directory=str(place))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple/"
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


# The shim, for packages that ask for pyOpenSSL by its name.


def test_twisted_on_the_two_wheels(environment: Environment, wheel: Path, shim: Path) -> None:
    installed = environment.pip("install", wheel, shim, "Twisted[tls]")
    assert "Successfully installed" in installed
    environment.is_ours()
    echo = environment.does(ROOT / "tests/wheel/twisted_echo.py")
    assert "localhost: 220000 bytes came back over TLSv1.3" in echo
    assert "elsewhere.example: refused" in echo


def test_an_upgrade_keeps_the_shim(environment: Environment, wheel: Path, shim: Path) -> None:
    environment.pip("install", wheel, shim)
    upgrade = ("install", "--upgrade", "--upgrade-strategy", "eager")
    environment.pip(*upgrade, "pyOpenSSL", "service-identity")
    environment.pip("install", "pyOpenSSL==26.4.0")
    environment.is_ours()


def test_a_wheel_house(environment: Environment, tmp_path: Path) -> None:
    house = tmp_path / "house"
    download = ("download", "--dest", house, "--find-links", DIST)
    environment.pip(*download, f"pyOpenSSL=={SHIM}", "service-identity", "ndg-httpsclient")
    environment.pip("install", "--no-index", "--find-links", house, "ndg-httpsclient")
    environment.is_ours()


def test_a_private_index_with_pip(environment: Environment, index: str, tmp_path: Path) -> None:
    constraints = tmp_path / "constraints.txt"
    constraints.write_text(f"pyOpenSSL=={SHIM}\n")
    indexes = ("--index-url", index, "--extra-index-url", PYPI)
    environment.pip("install", *indexes, "--constraint", constraints, "ndg-httpsclient")
    environment.is_ours()


def test_a_private_index_with_uv(environment: Environment, index: str) -> None:
    environment.uv("pip", "install", "--index", index, "ndg-httpsclient")
    environment.is_ours()


def test_constraints(environment: Environment, wheel: Path, shim: Path, tmp_path: Path) -> None:
    constraints = tmp_path / "constraints.txt"
    constraints.write_text(
        f"pyOpenSSL @ {shim.as_uri()}\n"
        f"pyopenssl-rs @ {wheel.as_uri()}\n"
    )  # fmt: skip
    environment.pip("install", "ndg-httpsclient", PIP_CONSTRAINT=str(constraints))
    environment.is_ours()
    environment.pip("install", "-U", "pyOpenSSL", PIP_CONSTRAINT=str(constraints))
    environment.is_ours()


def test_overrides_of_uv_pip(environment: Environment, tmp_path: Path) -> None:
    overrides = tmp_path / "overrides.txt"
    overrides.write_text(f"pyopenssl=={SHIM}\n")
    install = ("pip", "install", "--overrides", overrides, "--find-links", DIST)
    # Asks for pyOpenSSL below 24, as old releases of other packages do.
    environment.uv(*install, "ndg-httpsclient", "pyopenssl<24")
    environment.is_ours()


def test_overrides_in_a_project_of_uv(
    environment: Environment, wheel: Path, shim: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(f"""\
[project]
name = "a-project"
version = "1"
requires-python = ">={sys.version_info[0]}.{sys.version_info[1]}"
dependencies = ["ndg-httpsclient", "pyopenssl-rs"]

[tool.uv]
override-dependencies = ["pyopenssl=={SHIM}"]

[tool.uv.sources]
pyopenssl = {{ path = "{shim}" }}
pyopenssl-rs = {{ path = "{wheel}" }}
""")
    environment.uv("sync", "--project", project, "--active", "--python", environment.python)
    environment.is_ours()


# Both distributions in one environment.


def test_pyopenssl_over_ours(environment: Environment, wheel: Path) -> None:
    environment.pip("install", wheel)
    environment.pip("install", "pyOpenSSL")
    assert environment.openssl() == "pyOpenSSL's"
    assert environment.version("pyopenssl-rs")

    environment.pip("uninstall", "--yes", "pyOpenSSL")
    line = environment.refuses()
    assert "has lost its files" in line
    mended(environment, line, wheel)


def test_ours_over_pyopenssl(environment: Environment, wheel: Path) -> None:
    environment.pip("install", "pyOpenSSL")
    environment.pip("install", wheel)
    assert environment.openssl() == "ours"
    debug = environment.does("-m", "OpenSSL.debug")
    assert "Also installs the package OpenSSL: pyOpenSSL " in debug
    assert "over the same files" in debug

    environment.pip("uninstall", "--yes", "pyOpenSSL")
    mended(environment, environment.refuses(), wheel)


def test_ours_removed_from_both(environment: Environment, wheel: Path) -> None:
    environment.pip("install", "pyOpenSSL")
    environment.pip("install", wheel)
    environment.pip("uninstall", "--yes", "pyopenssl-rs")
    assert "cannot import name 'SSL' from 'OpenSSL'" in environment.refuses()
    environment.pip("install", "--force-reinstall", "--no-deps", "pyOpenSSL")
    assert environment.openssl() == "pyOpenSSL's"


def test_the_shim_over_pyopenssl(environment: Environment, wheel: Path, shim: Path) -> None:
    # pip installs what is required before what requires it: ours, and then the shim, for which it
    # removes pyOpenSSL.
    environment.pip("install", "pyOpenSSL")
    environment.pip("install", wheel, shim)
    line = environment.refuses()
    assert "has lost its files" in line
    mended(environment, line, wheel)
    environment.is_ours()


def test_the_shim_over_pyopenssl_with_uv(environment: Environment, wheel: Path, shim: Path) -> None:
    # uv removes everything that has to go, and then installs.
    environment.uv("pip", "install", "pyOpenSSL")
    environment.uv("pip", "install", wheel, shim)
    environment.is_ours()


def test_moving_and_moving_back(environment: Environment, wheel: Path, shim: Path) -> None:
    environment.pip("install", "ndg-httpsclient")
    assert environment.openssl() == "pyOpenSSL's"
    environment.pip("uninstall", "--yes", "pyOpenSSL")
    environment.pip("install", wheel, shim)
    environment.is_ours()
    environment.pip("uninstall", "--yes", "pyopenssl-rs", "pyOpenSSL")
    environment.pip("install", "pyOpenSSL")
    assert environment.openssl() == "pyOpenSSL's"
    assert "No broken requirements" in environment.pip("check")
    assert not environment.version("pyopenssl-rs")
    with contextlib.suppress(StopIteration):
        left = next(environment.place.glob("**/OpenSSL.py"))
        pytest.fail(f"{left} was left behind")


def mended(environment: Environment, line: str, wheel: Path) -> None:
    """The command at the end of a line mends the installation, with the wheel at hand."""
    command = line.rpartition("Mend it with: ")[2].split()
    assert command[:3] == [str(environment.python), "-m", "pip"]
    assert command[-1] == "pyopenssl-rs"
    environment.pip(*command[3:], "--no-index", "--find-links", wheel.parent)
    assert environment.openssl() == "ours"
