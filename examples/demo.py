"""Everything at once: our server and client, with each other and with other programs.

`make demo` runs this. Each step is one real program talking to another over a real
socket; the demonstration ends with status 0 only if every step did what it should.
"""

from __future__ import annotations

import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import OpenSSL
from OpenSSL import SSL

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
PATIENCE = 30  # seconds, for anything that should take milliseconds

Command = list[str]


class DemoError(Exception):
    """A step did not do what it should."""


class Server:
    """echo_server.py in a process of its own, and what it has to say."""

    def __init__(self, *options: str) -> None:
        self._process = subprocess.Popen(
            python("echo_server.py", "--port", "0", *options),
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        greeting = self.line()
        self.port = greeting.rpartition(":")[2]
        if not self.port.isdigit():
            raise DemoError(greeting)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for line in stdout:
                self._lines.put(line.strip())
        self._lines.put("the server has ended")

    def line(self) -> str:
        """Wait for the next line that it prints."""
        try:
            return self._lines.get(timeout=PATIENCE)
        except queue.Empty:
            raise DemoError("the server says nothing") from None

    def client_line(self) -> str:
        """Wait for the next line about a client, and leave out its address."""
        return self.line().partition(": ")[2]

    def stop(self) -> None:
        self._process.terminate()  # Ctrl-C is ignored by what runs in the background
        try:
            status = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise DemoError("the server does not stop") from None
        self._listener.join()
        if status:
            raise DemoError(f"the server ended with status {status}")


@contextmanager
def running(*options: str) -> Iterator[Server]:
    server = Server(*options)
    try:
        yield server
    finally:
        server.stop()


def python(script: str, *arguments: str) -> Command:
    return [sys.executable, str(HERE / script), *arguments]


def run(command: Command, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, which has to be `status`."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    if done.returncode != status:
        program = Path(command[0]).name
        raise DemoError(f"{program} ended with {done.returncode}: {done.stderr}")
    return done


def expect(what: str, found: str, wanted: str) -> None:
    if wanted not in found:
        raise DemoError(f"{what}: no {wanted!r} in {found!r}")


def title(text: str) -> None:
    print(f"\n{text}", flush=True)


def show(who: str, text: str) -> None:
    print(f"  {who:<8}{text}", flush=True)


def echo_pair(server: Server, trust: str, identity: str, version: str) -> None:
    title(f"echo_client.py and echo_server.py, mutual TLS {version}")
    options = ["--port", server.port, "--trust", trust, "--cert", identity]
    options += ["--tls", version]
    done = run(python("echo_client.py", *options, "one", "two", "three"))
    expect("the echo", done.stdout, "one\ntwo\nthree\n")
    negotiated, summary = done.stderr.splitlines()
    show("client", negotiated)
    show("server", server.client_line())
    show("echo", summary)
    expect("the goodbye", server.client_line(), "done")
    expect("the version", negotiated, f"TLSv{version}")


def refused_pair(server: Server, stranger: str, identity: str) -> None:
    title("echo_client.py, told to trust somebody else")
    options = ["--port", server.port, "--trust", stranger, "--cert", identity, "hello"]
    done = run(python("echo_client.py", *options), status=1)
    expect("the client", done.stderr, "certificate verify failed")
    show("client", done.stderr.strip())
    show("server", server.client_line())


def openssl_client(server: Server, trust: str, identity: str, version: str) -> None:
    title(f"openssl s_client and echo_server.py, mutual TLS {version}")
    command = ["openssl", "s_client", "-connect", f"localhost:{server.port}"]
    command += ["-CAfile", trust, "-verify_return_error"]
    command += ["-cert", identity, "-key", identity]
    command += [f"-tls{version.replace('.', '_')}", "-quiet", "-no_ign_eof"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as client:
        watchdog = threading.Timer(PATIENCE, client.kill)
        watchdog.start()
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write("hello from another maker\n")
        client.stdin.flush()
        answer = client.stdout.readline()
        client.communicate()
        watchdog.cancel()
    expect("the echo", answer, "hello from another maker\n")
    negotiated = server.client_line()
    show("server", negotiated)
    show("echo", answer.strip())
    expect("the goodbye", server.client_line(), "done")
    expect("the version", negotiated, f"TLSv{version}")


def curl(server: Server, trust: str, version: str) -> None:
    title(f"curl and echo_server.py --http, TLS {version}")
    command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--cacert", trust]
    command += ["--tls-max", version, "--write-out", "%{http_code} in %{time_total} s"]
    done = run([*command, f"https://localhost:{server.port}/"])
    body, status = done.stdout.splitlines()
    expect("the version", body, f"TLSv{version}")
    expect("the status", status, "200")
    show("server", server.client_line())
    show("curl", f"{status}: {body}")
    server.line()


def https_get(server: Server, trust: str) -> None:
    title("https_get.py and echo_server.py --http")
    url = f"https://localhost:{server.port}/"
    done = run(python("https_get.py", "--cafile", trust, url))
    expect("the status", done.stderr, "200 OK")
    for line in done.stderr.splitlines():
        show("client", line.strip())
    show("server", server.client_line())
    server.line()


def wrong_host(server: Server, trust: str) -> None:
    title("https_get.py, asked for a host that the certificate does not name")
    url = f"https://127.0.0.1:{server.port}/"
    done = run(python("https_get.py", "--cafile", trust, url), status=2)
    expect("the client", done.stderr, "Not trusted")
    show("client", done.stderr.strip())
    server.line()


def make_web_certificate(directory: Path) -> tuple[str, str]:
    """Have openssl make a certificate that names its host as web clients want it."""
    certificate, key = str(directory / "web.pem"), str(directory / "web.key")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    command += ["-subj", "/CN=demo", "-addext", "subjectAltName=DNS:localhost"]
    run([*command, "-keyout", key, "-out", certificate])
    return certificate, key


def demonstrate(directory: Path) -> None:
    trust, identity = str(directory / "server.pem"), str(directory / "alice.pem")
    run(python("self_signed.py", "alice", identity))
    has_openssl, has_curl = shutil.which("openssl"), shutil.which("curl")

    with running("--save-cert", trust, "--client-ca", identity) as server:
        echo_pair(server, trust, identity, "1.3")
        echo_pair(server, trust, identity, "1.2")
        refused_pair(server, identity, identity)
        if has_openssl:
            openssl_client(server, trust, identity, "1.3")
            openssl_client(server, trust, identity, "1.2")
        else:
            title("Left out: openssl is not installed")

    if has_openssl:
        certificate, key = make_web_certificate(directory)
        with running("--cert", certificate, "--key", key, "--http") as server:
            if has_curl:
                curl(server, certificate, "1.3")
                curl(server, certificate, "1.2")
            else:
                title("Left out: curl is not installed")
            https_get(server, certificate)
            wrong_host(server, certificate)

    title("memory_bio.py: no socket at all")
    for line in run(python("memory_bio.py")).stdout.splitlines():
        show("", line)


def main() -> int:
    version = SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode()
    print(f"{OpenSSL.__title__} API {OpenSSL.__version__}, {version}")
    try:
        with tempfile.TemporaryDirectory() as directory:
            demonstrate(Path(directory))
    except (DemoError, subprocess.TimeoutExpired) as error:
        print(f"\nFailed: {error}", file=sys.stderr)
        return 1
    print("\nAll of it worked.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
