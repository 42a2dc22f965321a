"""GnuTLS."""

from __future__ import annotations

import base64

from OpenSSL import SSL

from support.network import LOOPBACK
from support.peers import ClientPeer, Process, ServerPeer, Task
from support.tls import receive_exactly

VERSIONS = {
    "TLSv1.2": "NORMAL:-VERS-ALL:+VERS-TLS1.2",
    "TLSv1.3": "NORMAL:-VERS-ALL:+VERS-TLS1.3",
}


def _identity(task: Task) -> list[str]:
    if task.identity is None:
        return []
    return [
        *("--x509certfile", str(task.identity.chain_file)),
        *("--x509keyfile", str(task.identity.key_file)),
    ]


class GnuTLSClient(ClientPeer):
    name = "gnutls-cli"
    program = "gnutls-cli"

    def command(self, task: Task) -> list[str]:
        return [
            *("gnutls-cli", "--logfile", "messages", "--priority", VERSIONS[task.version]),
            *("--port", str(task.port), "--x509cafile", str(task.authority.file)),
            *("--sni-hostname", task.host, "--verify-hostname", task.host),
            *_identity(task),
            LOOPBACK,
        ]

    def start(self, task: Task) -> Process:
        """Its input stays open: at the end of it, it would close the connection."""
        process = Process(task, self.command(task))
        process.feed(task.payload)
        return process


class GnuTLSServer(ServerPeer):
    """It echoes lines of text, and only these."""

    echoes_bytes = False
    name = "gnutls-serv"
    program = "gnutls-serv"

    def command(self, task: Task) -> list[str]:
        require = ["--require-client-cert", "--verify-client-cert"]
        return [
            *("gnutls-serv", "--quiet", "--echo", "--priority", VERSIONS[task.version]),
            *("--port", str(task.port), "--x509cafile", str(task.authority.file)),
            *(require if task.require_certificate else ["--disable-client-cert"]),
            *_identity(task),
        ]

    def converse(self, connection: SSL.Connection, payload: bytes, process: Process) -> None:
        size = 12_000  # of which base64 makes a line that fits into a record
        lines = (
            base64.b64encode(payload[start : start + size]) + b"\n"
            for start in range(0, len(payload), size)
        )
        for line in lines:
            connection.sendall(line)
            assert receive_exactly(connection, len(line)) == line
