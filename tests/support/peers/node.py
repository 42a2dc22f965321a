"""Node, with the OpenSSL that it brings."""

from __future__ import annotations

from pathlib import Path

from support.peers import ClientPeer, ServerPeer, Task

SCRIPT = Path(__file__).with_name("node_peer.js")


def _command(role: str, task: Task) -> list[str]:
    identity = task.identity
    return [
        *("node", str(SCRIPT), role, str(task.port), task.version, task.host),
        *(str(task.authority.file), str(task.payload_file)),
        str(identity.chain_file) if identity else "",
        str(identity.key_file) if identity else "",
        "require" if task.require_certificate else "",
    ]


class NodeClient(ClientPeer):
    name = "node client"
    program = "node"
    notices_truncation = False  # to it any end is an end

    def command(self, task: Task) -> list[str]:
        return _command("client", task)


class NodeServer(ServerPeer):
    name = "node server"
    program = "node"

    def command(self, task: Task) -> list[str]:
        return _command("server", task)
