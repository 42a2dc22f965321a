"""The ``ssl`` module of the standard library, with the OpenSSL that it was built with."""

from __future__ import annotations

import sys
from pathlib import Path

from support.peers import ClientPeer, ServerPeer, Task

SCRIPT = Path(__file__).with_name("ssl_peer.py")


class StandardLibraryClient(ClientPeer):
    name = "ssl client"
    program = sys.executable

    def command(self, task: Task) -> list[str]:
        return [sys.executable, str(SCRIPT), "client", *task.arguments()]


class StandardLibraryServer(ServerPeer):
    name = "ssl server"
    program = sys.executable

    def command(self, task: Task) -> list[str]:
        return [sys.executable, str(SCRIPT), "server", *task.arguments()]
