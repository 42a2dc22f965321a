"""OpenSSL's own client and server, of whatever version the system has."""

from __future__ import annotations

from OpenSSL import SSL

from support.network import LOOPBACK
from support.peers import ClientPeer, Process, ServerPeer, Task
from support.tls import receive_exactly

VERSIONS = {"TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}


def _identity(task: Task) -> list[str]:
    if task.identity is None:
        return []
    chain, key = str(task.identity.chain_file), str(task.identity.key_file)
    return ["-cert", chain, "-cert_chain", chain, "-key", key]


class OpenSSLClient(ClientPeer):
    name = "openssl s_client"
    program = "openssl"

    def command(self, task: Task) -> list[str]:
        return [
            *("openssl", "s_client", "-quiet", VERSIONS[task.version]),
            *("-connect", f"{LOOPBACK}:{task.port}", "-servername", task.host),
            *("-CAfile", str(task.authority.file), "-verify_return_error"),
            *("-verify_hostname", task.host),
            *_identity(task),
        ]

    def start(self, task: Task) -> Process:
        with task.payload_file.open("rb") as payload:
            return Process(task, self.command(task), payload.fileno())


class OpenSSLServer(ServerPeer):
    """It sends its standard input to the client, and writes what the client says to its output."""

    echoes_bytes = False
    name = "openssl s_server"
    program = "openssl"

    def command(self, task: Task) -> list[str]:
        require = ["-Verify", "2", "-verify_return_error", "-CAfile", str(task.authority.file)]
        return [
            *("openssl", "s_server", "-quiet", VERSIONS[task.version], "-naccept", "1"),
            *("-accept", f"{LOOPBACK}:{task.port}"),
            *_identity(task),
            *(require if task.require_certificate else []),
        ]

    def start(self, task: Task) -> Process:
        return Process(task, self.command(task))

    def converse(self, connection: SSL.Connection, payload: bytes, process: Process) -> None:
        process.feed(payload)
        assert receive_exactly(connection, len(payload)) == payload
        connection.sendall(payload)
        connection.shutdown()
        process.wait()
        assert process.output() == payload
