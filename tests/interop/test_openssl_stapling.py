"""Stapled OCSP responses, to OpenSSL's own client and from its server."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest
from cryptography.x509 import ocsp
from OpenSSL import SSL
from support.callbacks import Recorder
from support.certificates import Authority, Identity
from support.peers import Process, Task
from support.peers.openssl import OpenSSLClient, OpenSSLServer
from support.threads import PATIENCE, background
from support.tls import new_client_context, new_server_context

pytestmark = pytest.mark.skipif(not OpenSSLClient.installed(), reason="openssl is not installed")

Meet = Callable[..., tuple[SSL.Connection, Process]]


class AskingClient(OpenSSLClient):
    """Asks for a staple, prints it, and leaves."""

    def command(self, task: Task) -> list[str]:
        command = super().command(task)
        command.remove("-quiet")
        return [*command, "-status"]


class StaplingServer(OpenSSLServer):
    """Staples the response that lies beside its payload."""

    def command(self, task: Task) -> list[str]:
        return [*super().command(task), "-status_file", str(task.directory / "response.der")]


@pytest.fixture(params=["good", "revoked"])
def status(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def response(authority: Authority, server_identity: Identity, status: str) -> bytes:
    return authority.ocsp_response(server_identity, revoked=status == "revoked")


def what_their_client_sees(welcome: Meet, identity: Identity, staple: bytes) -> bytes:
    """What OpenSSL's client prints of a server that staples this."""
    context = new_server_context(identity)
    context.set_ocsp_server_callback(lambda connection, data: staple)
    connection, process = welcome(AskingClient(), context)
    connection.do_handshake()
    with pytest.raises(SSL.ZeroReturnError):
        connection.recv(1)
    connection.close()
    assert process.wait() == 0, process.log
    return process.output()


def test_their_client_sees_our_staple(
    welcome: Meet, server_identity: Identity, response: bytes, status: str
) -> None:
    seen = what_their_client_sees(welcome, server_identity, response)
    assert b"OCSP Response Status: successful" in seen
    assert f"Cert Status: {status}".encode() in seen


def test_their_client_sees_that_we_staple_nothing(welcome: Meet, server_identity: Identity) -> None:
    seen = what_their_client_sees(welcome, server_identity, b"")
    assert b"OCSP response: no response sent" in seen


def test_their_server_feeds_ours(
    connect: Meet,
    authority: Authority,
    response: bytes,
    status: str,
    tmp_path: Path,
) -> None:
    seen: list[Any] = []

    def judge(connection: SSL.Connection, staple: bytes, data: Any) -> bool:
        seen.append((staple, data))
        answer = ocsp.load_der_ocsp_response(staple)
        return answer.certificate_status is ocsp.OCSPCertStatus.GOOD

    (tmp_path / "response.der").write_bytes(response)
    context = new_client_context(authority)
    context.set_ocsp_client_callback(judge, "data")
    connection, _ = connect(StaplingServer(), context)
    connection.request_ocsp()
    if status == "good":
        connection.do_handshake()
    else:
        with pytest.raises(SSL.Error):
            connection.do_handshake()
    assert seen == [(response, "data")]


def test_a_response_of_their_responder_is_stapled(
    tmp_path: Path, authority: Authority, server_identity: Identity, version: int
) -> None:
    """As `openssl ocsp` makes it, from a database of what was issued."""
    key = tmp_path / "authority.key"
    key.write_bytes(authority.key_pem())
    serial = f"{server_identity.certificate.serial_number:X}"
    serial = serial if len(serial) % 2 == 0 else f"0{serial}"
    index = tmp_path / "index.txt"
    index.write_text(f"V\t491231235959Z\t\t{serial}\tunknown\t/CN=localhost\n")
    request, answer = tmp_path / "request.der", tmp_path / "response.der"
    certificate = str(server_identity.chain_file)
    for command in (
        ["-issuer", str(authority.file), "-cert", certificate, "-reqout", str(request)],
        [
            *("-index", str(index), "-CA", str(authority.file), "-rsigner", str(authority.file)),
            *("-rkey", str(key), "-reqin", str(request), "-respout", str(answer), "-ndays", "1"),
        ],
    ):
        subprocess.run(["openssl", "ocsp", *command], check=True, capture_output=True)
    response = answer.read_bytes()
    judge = Recorder()
    server_context = new_server_context(server_identity, version)
    server_context.set_ocsp_server_callback(lambda *_: response)
    client_context = new_client_context(authority, version)
    client_context.set_ocsp_client_callback(judge)
    near, far = socket.socketpair()
    client = SSL.Connection(client_context, near)
    client.set_connect_state()
    client.request_ocsp()
    server = SSL.Connection(server_context, far)
    server.set_accept_state()
    serving = background(server.do_handshake)
    client.do_handshake()
    serving.result(PATIENCE)
    assert judge.calls == [(client, response, None)]
    status = ocsp.load_der_ocsp_response(response).certificate_status
    assert status is ocsp.OCSPCertStatus.GOOD
    near.close()
    far.close()
