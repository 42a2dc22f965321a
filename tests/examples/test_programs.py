"""The examples are programs for a reader to keep: each does what its first lines promise."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.programs import EXAMPLES, run

needs_cryptography = pytest.mark.skipif(
    importlib.util.find_spec("cryptography") is None, reason="cryptography is not installed"
)
needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="the openssl program is not installed"
)

#: Packages of others that an example is about, and what those import of ours.
IMPORTS = {
    "twisted_echo.py": ("twisted", "service_identity", "OpenSSL._util"),
    "werkzeug_app.py": ("werkzeug",),
}


#: Those of the README say what they are there.
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("*.py") if not path.match("first_*.py"))


@pytest.mark.parametrize("script", SCRIPTS)
def test_has_a_docstring_and_help(script: str) -> None:
    source = (EXAMPLES / script).read_text()
    assert source.startswith('"""')
    for module in IMPORTS.get(script, ()):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"there is no {module}")
    if "__main__" in source and script != "demo.py":
        done = run(script, "--help")
        assert done.returncode == 0, done.stderr
        assert "usage:" in done.stdout


@needs_cryptography
def test_demo_succeeds() -> None:
    done = run("demo.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("All of it worked.\n")
    assert done.stderr == ""


def test_client_without_a_server_says_so_in_one_line(tmp_path: Path) -> None:
    trust = tmp_path / "trust.pem"
    run("self_signed.py", "localhost", str(trust))
    done = run("echo_client.py", "--trust", str(trust), "--port", "1", "hello")
    assert done.returncode == 1
    assert done.stderr.startswith("Failed: ")
    assert done.stderr.count("\n") == 1


def test_server_without_its_certificate_says_so_in_one_line(tmp_path: Path) -> None:
    done = run("echo_server.py", "--port", "0", "--cert", str(tmp_path / "missing.pem"))
    assert done.returncode == 1
    assert done.stderr.startswith("TLS failed: ")
    assert done.stderr.count("\n") == 1


@needs_openssl
def test_self_signed_key_is_private_and_certificate_is_the_named_ones(tmp_path: Path) -> None:
    target = tmp_path / "made.pem"
    assert run("self_signed.py", "somebody", str(target)).returncode == 0
    if os.name == "posix":
        assert target.stat().st_mode & 0o077 == 0
    command = ["openssl", "x509", "-noout", "-subject", "-in", str(target)]
    subject = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "somebody" in subject

    again = run("self_signed.py", "somebody", str(target))
    assert again.returncode == 1
    assert again.stderr.startswith("Cannot write: ")


@needs_cryptography
@pytest.mark.parametrize(
    ("pattern", "host", "expected"),
    [
        ("example.org", "example.org", True),
        ("EXAMPLE.org", "example.ORG", True),
        ("example.org", "example.org.", True),
        ("example.org", "www.example.org", False),
        ("*.example.org", "www.example.org", True),
        ("*.example.org", "example.org", False),
        ("*.example.org", "a.b.example.org", False),
        ("w*.example.org", "www.example.org", False),
        ("*.org", "example.org", False),
        ("*", "localhost", False),
    ],
)
def test_names_of_hosts_are_compared_strictly(
    monkeypatch: pytest.MonkeyPatch, pattern: str, host: str, expected: bool
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import verify_host

    assert verify_host.is_match(pattern, host) is expected
