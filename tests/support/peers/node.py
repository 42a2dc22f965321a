"""Node, with the OpenSSL that it brings."""

from __future__ import annotations

from pathlib import Path

from support.peers import ClientPeer, ServerPeer, Task

SCRIPT = Path(__file__).with_name("node_peer.js")


class NodeClient(ClientPeer):
    name = "node client"
    program = "node"
    notices_truncation = False  # to it any end is an end

    def command(self, task: Task) -> list[str]:
        return ["node", str(SCRIPT), "client", *task.arguments()]


class NodeServer(ServerPeer):
    name = "node server"
    program = "node"

    def command(self, task: Task) -> list[str]:
        return ["node", str(SCRIPT), "server", *task.arguments()]
