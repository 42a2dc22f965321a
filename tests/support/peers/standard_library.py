"""The ``ssl`` module of the standard library, with the OpenSSL that it was built with."""

from __future__ import annotations

import sys
from pathlib import Path

from support.peers import ClientPeer, ServerPeer, Task

SCRIPT = Path(__file__).with_name("ssl_peer.py")


def _command(role: str, task: Task) -> list[str]:
    identity = task.identity
    return [
        *(sys.executable, str(SCRIPT), role, str(task.port), task.version, task.host),
        *(str(task.authority.file), str(task.payload_file)),
        str(identity.chain_file) if identity else "",
        str(identity.key_file) if identity else "",
        "require" if task.require_certificate else "",
    ]


class StandardLibraryClient(ClientPeer):
    name = "ssl client"
    program = sys.executable

    def command(self, task: Task) -> list[str]:
        return _command("client", task)


class StandardLibraryServer(ServerPeer):
    name = "ssl server"
    program = sys.executable

    def command(self, task: Task) -> list[str]:
        return _command("server", task)
