"""The two wheels in environments such as people have: with pip, with uv, beside pyOpenSSL itself.

    make test-shim

Each test makes an environment of its own. The commands of docs/moving.md are run as they stand
there. Twisted, pyOpenSSL and cryptography come from PyPI. Not collected by `make test`.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DIST = ROOT / "dist"
SHIM = "26.4.0+rs1"
PAGE = ROOT / "docs/moving.md"
RETRIES = ("--disable-pip-version-check", "--retries=10")

#: Where OpenSSL comes from.
WHOSE = """
import sys
from OpenSSL import SSL
print("ours" if "OpenSSL._rust" in sys.modules else "pyOpenSSL's")
"""


def run(*command: object, cwd: Path | None = None, **environment: str) -> str:
    """Run a command to its end. What it prints is in the report of a failure."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
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
        self.active = {"VIRTUAL_ENV": str(place)}
        self.python = place / ("Scripts" if os.name == "nt" else "bin") / "python"

    def pip(self, *arguments: object) -> str:
        return run(sys.executable, "-m", "pip", "--python", self.python, *RETRIES, *arguments)

    def uv(self, *arguments: object) -> str:
        return run(uv(), *arguments, **self.active)

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


def section(title: str) -> str:
    """The part of the page under a heading."""
    lines: list[str] = []
    found = fenced = False
    for line in PAGE.read_text().splitlines(keepends=True):
        fenced ^= line.startswith("```")
        if line.startswith("#") and not fenced:  # in a block it is a comment
            found = line.strip("# \n") == title
        elif found:
            lines.append(line)
    assert lines, title
    return "".join(lines)


def follow(title: str, environment: Environment, wheel: Path, without: str = "^$") -> None:
    """Do what a section of the page says.

    Its files are written, its commands are run, and what it says that they print is looked for.

    :param without: a pattern of commands that are left out.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    text = section(title).replace("/srv/wheels", str(DIST)).replace("8000", port)
    text = re.sub(r"pyopenssl_rs-\S+\.whl", wheel.name, text)
    text = text.replace('"==3.13.*"', f'"=={sys.version_info[0]}.{sys.version_info[1]}.*"')
    place = environment.place.parent / "work"
    place.mkdir(exist_ok=True)

    run(environment.python, "-m", "ensurepip")
    script = ["set -e", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"]
    expected = []
    for language, content in re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        if language != "console":
            # A file, whose name is in its first line.
            (place / content.partition("\n")[0].removeprefix("# ")).write_text(content)
            continue
        for line in re.sub(r"\\\n *", "", content).splitlines():
            command = line.removeprefix("$ ") if line.startswith("$ ") else ""
            if not command:
                expected.append(line)
            elif not re.search(without, command):
                script.append(command)
                if command.endswith("&"):
                    script.append(f"until (: < /dev/tcp/127.0.0.1/{port}) 2>/dev/null; do :; done")
    assert len(script) > 2, f"no commands under {title}"
    programs = (environment.python.parent, Path(uv()).parent)
    path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
    printed = run("bash", "-c", "\n".join(script), cwd=place, PATH=path, **environment.active)
    for line in expected:
        assert line in printed.splitlines()


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


def test_moving_and_moving_back(environment: Environment, wheel: Path) -> None:
    environment.pip("install", "Twisted[tls]")
    assert environment.openssl() == "pyOpenSSL's"
    follow("Move", environment, wheel)
    environment.is_ours()
    follow("Move back", environment, wheel)
    assert environment.openssl() == "pyOpenSSL's"
    assert "No broken requirements" in environment.pip("check")
    assert not environment.version("pyopenssl-rs")
    left = [path for path in environment.place.glob("**/OpenSSL*") if path.name != "OpenSSL"]
    assert not left


@pytest.mark.parametrize(
    ("title", "without"),
    [
        ("A wheel house", "^$"),
        ("Constraints", "^$"),
        ("A private index", "^uv"),
        ("A private index", "pip install --extra-index-url"),
        ("Overrides of uv", "^uv sync"),
        ("Overrides of uv", "^uv pip"),
    ],
)
def test_a_way_to_stay(environment: Environment, wheel: Path, title: str, without: str) -> None:
    follow(title, environment, wheel, without)
    assert environment.version("Twisted")
    environment.is_ours()


def test_an_override_is_stronger_than_a_requirement(
    environment: Environment, tmp_path: Path
) -> None:
    overrides = tmp_path / "overrides.txt"
    overrides.write_text(f"pyopenssl=={SHIM}\n")
    install = ("pip", "install", "--overrides", overrides, "--find-links", DIST)
    environment.uv(*install, "service-identity", "pyopenssl<25")
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
    assert "has lost its files" in environment.refuses()
    follow("When both are installed", environment, wheel)
    assert environment.openssl() == "ours"


def test_ours_removed_from_both(environment: Environment, wheel: Path) -> None:
    environment.pip("install", "pyOpenSSL")
    environment.pip("install", wheel)
    environment.pip("uninstall", "--yes", "pyopenssl-rs")
    assert "No module named 'OpenSSL'" in environment.refuses()
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


def mended(environment: Environment, line: str, wheel: Path) -> None:
    """The command at the end of a line mends the installation, with the wheel at hand."""
    command = line.rpartition("Mend it with: ")[2].split()
    assert command[:3] == [str(environment.python), "-m", "pip"]
    assert command[-1] == "pyopenssl-rs"
    environment.pip(*command[3:], "--no-index", "--find-links", wheel.parent)
    assert environment.openssl() == "ours"
