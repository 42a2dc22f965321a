"""The examples are programs for a reader to keep: each does what its first lines promise."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"

needs_cryptography = pytest.mark.skipif(
    importlib.util.find_spec("cryptography") is None, reason="cryptography is not installed"
)
needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="the openssl program is not installed"
)


def run_example(script: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with warnings as errors."""
    return subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / script), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("script", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_has_a_docstring_and_help(script: str) -> None:
    source = (EXAMPLES / script).read_text()
    assert source.startswith('"""')
    if "argparse" in source:
        done = run_example(script, "--help")
        assert done.returncode == 0, done.stderr
        assert "usage:" in done.stdout


@needs_cryptography
def test_demo_succeeds() -> None:
    done = run_example("demo.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("All of it worked.\n")
    assert done.stderr == ""


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_memory_bio_talks_and_closes(version: str) -> None:
    done = run_example("memory_bio.py", "--tls", version)
    assert done.returncode == 0, done.stderr
    assert f"TLSv{version}" in done.stdout
    assert "cleanly, by both ends" in done.stdout


def test_client_without_a_server_says_so_in_one_line(tmp_path: Path) -> None:
    trust = tmp_path / "trust.pem"
    run_example("self_signed.py", "localhost", str(trust))
    done = run_example("echo_client.py", "--trust", str(trust), "--port", "1", "hello")
    assert done.returncode == 1
    assert done.stderr.startswith("Failed: ")
    assert done.stderr.count("\n") == 1


def test_server_without_its_certificate_says_so_in_one_line(tmp_path: Path) -> None:
    done = run_example("echo_server.py", "--port", "0", "--cert", str(tmp_path / "missing.pem"))
    assert done.returncode == 1
    assert done.stderr.startswith("Cannot ")
    assert done.stderr.count("\n") == 1


@needs_openssl
def test_self_signed_key_is_private_and_certificate_is_the_named_ones(tmp_path: Path) -> None:
    target = tmp_path / "made.pem"
    assert run_example("self_signed.py", "somebody", str(target)).returncode == 0
    if os.name == "posix":
        assert target.stat().st_mode & 0o077 == 0
    command = ["openssl", "x509", "-noout", "-subject", "-in", str(target)]
    subject = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "somebody" in subject

    again = run_example("self_signed.py", "somebody", str(target))
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
def test_https_get_compares_names_strictly(
    monkeypatch: pytest.MonkeyPatch, pattern: str, host: str, expected: bool
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import https_get

    assert https_get.is_match(pattern, host) is expected


def test_readme_server_and_client_run_as_printed(tmp_path: Path) -> None:
    with socket.create_server(("localhost", 0)) as probe:
        port = str(probe.getsockname()[1])
    readme = (ROOT / "README.md").read_text()
    programs = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", readme, re.S))
    assert list(programs) == ["server.py", "client.py"]
    for name, source in programs.items():
        (tmp_path / name).write_text(source.replace("8443", port))
    run_example("self_signed.py", "localhost", str(tmp_path / "server.pem"))

    with subprocess.Popen([sys.executable, "server.py"], cwd=tmp_path) as server:
        try:
            client = run_when_listened_to([sys.executable, "client.py"], tmp_path)
            assert server.wait(30) == 0
        finally:
            server.kill()
    assert client.stdout == "You said: hello over TLSv1.3\n", client.stderr


def run_when_listened_to(command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a client, again and again while there is nobody to connect to."""
    deadline = time.monotonic() + 30
    while True:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=30)
        if "ConnectionRefusedError" not in done.stderr or time.monotonic() > deadline:
            return done
