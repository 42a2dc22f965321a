"""The examples that talk to themselves: what they print is what they promise."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
from support import programs

pytest.importorskip("cryptography")


@pytest.mark.parametrize(
    ("offered", "spoken"),
    [(["h2", "http/1.1"], "h2"), (["http/1.1", "h2"], "h2"), (["smtp", "http/1.1"], "http/1.1")],
)
def test_alpn_agrees(offered: list[str], spoken: str, python: str) -> None:
    done = programs.run("alpn.py", *offered, python=python)
    assert done.stdout == f"server  speaks {spoken}\nclient  speaks {spoken}\n", done.stderr


def test_alpn_refuses(python: str) -> None:
    done = programs.run("alpn.py", "smtp", "imap", python=python)
    assert done.stdout.splitlines() == [
        "server  refused: nothing in common with smtp, imap",
        "client  failed: tlsv1 alert no application protocol",
    ]


def test_each_host_has_its_certificate(python: str) -> None:
    hosts = ["www.example", "www.other.example", "WWW.Other.Example", "localhost"]
    done = programs.run("server_names.py", *hosts, python=python)
    assert done.stdout.splitlines() == [
        "www.example: is there",
        "www.other.example: is there",
        "WWW.Other.Example: is there",
        "localhost: the certificate is for www.example, not for localhost",
    ]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_second_handshake_is_shorter(version: str, python: str) -> None:
    done = programs.run("resumption.py", "--tls", version, python=python)
    first, second = map(int, re.findall(r"(\d+) bytes", done.stdout))
    assert second < first - 400


def test_staples_are_judged(python: str) -> None:
    for status, words in {
        "good": "accepted",
        "revoked": "refused: the certificate is revoked",
        "missing": "refused: there is none",
    }.items():
        done = programs.run("ocsp_stapling.py", status, python=python)
        assert done.stdout == words + "\n", done.stderr
        assert done.returncode == (status != "good")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_memory_bio_talks_and_closes(version: str, python: str) -> None:
    done = programs.run("memory_bio.py", "--tls", version, python=python)
    assert done.returncode == 0, done.stderr
    assert f"TLSv{version}" in done.stdout
    assert "cleanly, by both ends" in done.stdout


def test_keys_are_logged_for_us_alone(pki: Path, tmp_path: Path, python: str) -> None:
    log = tmp_path / "keys.txt"
    cert = ["--cert", pki / "localhost.pem"]
    with programs.serving("echo_server.py", *cert, python=python) as (_, port):
        options = ["--ca", pki / "ca.pem", "--log", log, "--port", port]
        done = programs.run("key_log.py", *options, "hello", python=python)
    assert done.stdout == "hello\n", done.stderr
    labels = [line.split()[0] for line in log.read_text().splitlines()]
    assert "CLIENT_TRAFFIC_SECRET_0" in labels
    assert "SERVER_TRAFFIC_SECRET_0" in labels
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_the_authority_writes_keys_for_us_alone(tmp_path: Path) -> None:
    done = programs.run("private_ca.py", tmp_path / "pki", "localhost")
    assert done.returncode == 0, done.stderr
    assert b"PRIVATE" not in (tmp_path / "pki/ca.pem").read_bytes()
    identity = tmp_path / "pki/localhost.pem"
    assert b"PRIVATE" in identity.read_bytes()
    assert stat.S_IMODE(identity.stat().st_mode) == 0o600
    again = programs.run("private_ca.py", tmp_path / "pki", "localhost")
    assert again.returncode == 1
    assert again.stderr.startswith("Cannot write: ")
