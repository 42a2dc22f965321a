"""curl, which speaks HTTP."""

from __future__ import annotations

from OpenSSL import SSL

from support.network import LOOPBACK
from support.peers import ClientPeer, Task
from support.tls import receive_exactly

VERSIONS = {
    "TLSv1.2": ["--tlsv1.2", "--tls-max", "1.2"],
    "TLSv1.3": ["--tlsv1.3"],
}


class Curl(ClientPeer):
    """It posts its payload, and writes the body of the answer to its output."""

    name = "curl"
    notices_truncation = False  # see test_clients for how it notices that a body is too short
    program = "curl"

    def command(self, task: Task) -> list[str]:
        identity = task.identity
        return [
            *("curl", "--silent", "--show-error", "--http1.1", *VERSIONS[task.version]),
            *("--cacert", str(task.authority.file)),
            *("--connect-to", f"{task.host}:{task.port}:{LOOPBACK}:{task.port}"),
            *("--data-binary", f"@{task.payload_file}", "--header", "Expect:"),
            *(["--cert", str(identity.chain_file)] if identity else []),
            *(["--key", str(identity.key_file)] if identity else []),
            f"https://{task.host}:{task.port}/",
        ]

    def converse(self, connection: SSL.Connection, payload: bytes) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += connection.recv(1)
        assert request.startswith(b"POST / HTTP/1.1\r\n")
        assert receive_exactly(connection, len(payload)) == payload
        # Without a length the body ends where the connection does.
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + payload)
