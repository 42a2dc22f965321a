"""The servers among the examples, with clients that they should serve and others."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import struct
import subprocess
from pathlib import Path

import pytest
from support import programs
from support.network import LOOPBACK, udp_socket

pytest.importorskip("cryptography")

# Each echoes what it is sent, and refuses clients without a certificate of its authority.
ECHO_SERVERS = {
    "threads": ["echo_server.py"],
    "asyncio": ["asyncio_echo.py", "serve"],
}


def trusting(pki: Path, who: str) -> list[object]:
    return ["--ca", pki / "ca.pem", "--identity", pki / f"{who}.pem"]


def server_options(name: str, pki: Path) -> list[object]:
    if name == "threads":
        return ["--client-ca", pki / "ca.pem", "--cert", pki / "localhost.pem"]
    return trusting(pki, "localhost")


@pytest.mark.parametrize("name", ECHO_SERVERS)
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_echo(name: str, version: str, pki: Path, python: str) -> None:
    lines = "".join(f"line {number}\n" for number in range(1000))
    options = server_options(name, pki)
    with programs.serving(*ECHO_SERVERS[name], *options, python=python) as (server, port):
        client = ["--ca", pki / "ca.pem", "--cert", pki / "alice.pem", "--tls", version]
        done = programs.run("echo_client.py", *client, "--port", port, stdin=lines, python=python)
        assert done.returncode == 0, done.stderr
        assert done.stdout == lines
        assert "alice" in server.hear(f"TLSv{version}")
        server.hear("done")


@pytest.mark.parametrize("name", ECHO_SERVERS)
def test_clients_of_no_or_another_authority_are_refused(
    name: str, pki: Path, strangers: Path, python: str
) -> None:
    options = server_options(name, pki)
    with programs.serving(*ECHO_SERVERS[name], *options, python=python) as (server, port):
        client = ["--ca", pki / "ca.pem", "--port", port]
        done = programs.run("echo_client.py", *client, "hello", python=python)
        assert (done.returncode, done.stdout) == (1, "")
        server.hear("peer did not return a certificate")
        stranger = ["--cert", strangers / "alice.pem"]
        done = programs.run("echo_client.py", *client, *stranger, "hello", python=python)
        assert (done.returncode, done.stdout) == (1, "")
        server.hear("certificate verify failed")


@pytest.mark.parametrize("name", ECHO_SERVERS)
def test_clients_refuse_servers_of_another_authority_or_name(
    name: str, pki: Path, strangers: Path
) -> None:
    with programs.serving(*ECHO_SERVERS[name], *server_options(name, pki)) as (_, port):
        client = ["--cert", pki / "alice.pem", "--port", port]
        done = programs.run("echo_client.py", *client, "--ca", strangers / "ca.pem", "hello")
        assert (done.returncode, done.stdout) == (1, "")
        assert "certificate verify failed" in done.stderr
        client += ["--ca", pki / "ca.pem", "--host", LOOPBACK]
        done = programs.run("echo_client.py", *client, "hello")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "Failed: the certificate is for localhost, not for 127.0.0.1\n"


def test_asyncio_sends_while_it_receives(pki: Path, python: str) -> None:
    """More than what fits into the buffers on the way: a server that does not read stalls."""
    words = [str(number) * 1000 for number in range(1, 90)]
    options = trusting(pki, "localhost")
    with programs.serving("asyncio_echo.py", "serve", *options, python=python) as (_, port):
        client = ["talk", *trusting(pki, "alice"), "--port", port]
        done = programs.run("asyncio_echo.py", *client, *words, python=python)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == words


# Selectors


def test_selectors_serve_many_clients_at_once(pki: Path, python: str) -> None:
    options = trusting(pki, "localhost")
    with programs.serving("selectors_server.py", *options, python=python) as (server, port):
        client = [*trusting(pki, "alice"), "--port", port, "--connections", 50]
        done = programs.run("selectors_client.py", *client, python=python)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("50 connections, ")
    assert sum(line.endswith("CN=alice") for line in server.said) == 50
    assert sum(line.endswith(": done") for line in server.said) == 50


def test_selectors_drop_who_is_too_slow(pki: Path) -> None:
    options = [*trusting(pki, "localhost"), "--patience", 0.2]
    with programs.serving("selectors_server.py", *options) as (server, port):
        with socket.create_connection(("localhost", int(port))) as idle:
            idle.settimeout(programs.PATIENCE)
            assert idle.recv(1) == b""
        server.hear("too slow")
        client = [*trusting(pki, "alice"), "--port", port, "--connections", 1]
        assert programs.run("selectors_client.py", *client).returncode == 0


def test_selectors_refuse_a_message_that_is_too_long(pki: Path) -> None:
    from OpenSSL import SSL

    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.use_certificate_chain_file(pki / "alice.pem")
    context.use_privatekey_file(pki / "alice.pem")
    serving = programs.serving("selectors_server.py", *trusting(pki, "localhost"))
    with serving as (server, port), socket.create_connection(("localhost", int(port))) as sock:
        connection = SSL.Connection(context, sock)
        connection.set_connect_state()
        connection.sendall(struct.pack("!I", 1 << 30))
        server.hear("a message of 1073741824 bytes is too long")


# Datagrams


def test_dtls_echo(pki: Path, python: str) -> None:
    options = trusting(pki, "localhost")
    with programs.serving("dtls_echo.py", "serve", *options, python=python) as (server, port):
        client = ["talk", *trusting(pki, "alice"), "--port", port]
        for words in (["one", "two"], ["x" * 5000]):
            done = programs.run("dtls_echo.py", *client, *words, python=python)
            assert done.returncode == 0, done.stderr
            assert done.stdout.splitlines()[1:] == words
            server.hear("CN=alice")
            server.hear("done")


def test_dtls_says_little_to_strangers(pki: Path) -> None:
    """Nothing to nonsense, and to a greeting less than it is long: nobody can use the server to
    flood somebody else."""
    from OpenSSL import SSL

    client = SSL.Connection(SSL.Context(SSL.DTLS_CLIENT_METHOD))
    client.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        client.do_handshake()
    greeting = client.bio_read(1 << 16)

    with programs.serving("dtls_echo.py", "serve", *trusting(pki, "localhost")) as (server, port):
        with udp_socket() as stranger:
            stranger.settimeout(programs.PATIENCE)
            for nonsense in (b"x", b"\x16\xfe\xfd" + bytes(100), bytes(2000), greeting):
                stranger.sendto(nonsense, (LOOPBACK, int(port)))
            answer = stranger.recv(1 << 16)
            stranger.setblocking(False)
            with pytest.raises(BlockingIOError):
                stranger.recv(1)
        assert answer[13] == 3, "not a HelloVerifyRequest"
        assert len(answer) < len(greeting)
        options = ["talk", *trusting(pki, "alice"), "--port", port, "hello"]
        assert programs.run("dtls_echo.py", *options).returncode == 0
    assert sum("CN=" in line for line in server.said) == 1


def test_dtls_refuses_clients_of_another_authority(pki: Path, strangers: Path) -> None:
    with programs.serving("dtls_echo.py", "serve", *trusting(pki, "localhost")) as (server, port):
        identity = ["--ca", pki / "ca.pem", "--identity", strangers / "alice.pem"]
        done = programs.run("dtls_echo.py", "talk", *identity, "--port", port, "hello")
        assert done.returncode == 1
        server.hear("certificate verify failed")


# Over the TLS of others' servers


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_werkzeug_serves_an_application(pki: Path) -> None:
    pytest.importorskip("werkzeug")
    with programs.serving("werkzeug_app.py", *trusting(pki, "localhost")) as (server, port):
        curl = ["curl", "--silent", "--noproxy", "*", "--cacert", str(pki / "ca.pem")]
        url = f"https://localhost:{port}/"
        command = [*curl, "--cert", str(pki / "alice.pem"), url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.stdout == "Hello CN=alice, this is TLSv1.3.\n"
        assert subprocess.run([*curl, url], capture_output=True, timeout=60).returncode != 0
        server.hear("peer did not return a certificate")


def test_twisted_echoes(pki: Path) -> None:
    pytest.importorskip("twisted")
    pytest.importorskip("service_identity")
    if importlib.util.find_spec("OpenSSL._util") is None:
        pytest.skip("Twisted imports OpenSSL._util")
    # Twisted uses what is deprecated.
    serving = programs.serving(
        "twisted_echo.py", "serve", *trusting(pki, "localhost"), warnings="ignore"
    )
    with serving as (server, port):
        options = ["talk", *trusting(pki, "alice"), "--port", port, "one", "two"]
        done = subprocess.run(
            programs.command("twisted_echo.py", options, warnings="ignore"),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stdout == "one\ntwo\n", done.stderr
        server.hear("TLSv1.3, CN=alice")
        server.hear("done")
        options = ["talk", *trusting(pki, "alice"), "--port", port, "--host", LOOPBACK, "one"]
        done = subprocess.run(
            programs.command("twisted_echo.py", options, warnings="ignore"),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode, done.stdout) == (1, "")
