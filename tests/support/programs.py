"""The programs in `examples`, in processes of their own: run to their end, or serving meanwhile."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "examples"
REFERENCE_PYTHON = Path(
    os.environ.get("OPENSSL_REFERENCE_PYTHON") or ROOT / ".venv-reference/bin/python"
)

PATIENCE = 60

Done = subprocess.CompletedProcess[str]


def command(
    script: str, arguments: Iterable[object], python: str = sys.executable, warnings: str = "error"
) -> list[str]:
    return [python, "-W", warnings, str(EXAMPLES / script), *map(str, arguments)]


def run(script: str, *arguments: object, python: str = sys.executable, stdin: str = "") -> Done:
    """Run a program to its end, with warnings as errors."""
    return subprocess.run(
        command(script, arguments, python),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


class Server:
    """A program that serves, and what it says."""

    def __init__(self, command: list[str], cwd: Path | None = None) -> None:
        self._process = subprocess.Popen(
            command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.said: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for line in stdout:
                self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def line(self) -> str | None:
        """The next line it says; ``None`` once it has ended."""
        line = self._lines.get(timeout=PATIENCE)
        if line is not None:
            self.said.append(line)
        return line

    def hear(self, text: str) -> str:
        """Wait until it says a line with ``text`` in it; return the line."""
        while True:
            line = self.line()
            assert line is not None, f"it never said {text!r}, but {self.said}"
            if text in line:
                return line

    def stop(self) -> int:
        """Ask it to end; return its exit status, once all it said is heard.

        Not with the signal of Ctrl-C: it is ignored where the tests run in the background.
        """
        if self._process.poll() is None:
            self._process.terminate()
        return self.wait()

    def wait(self) -> int:
        """Its exit status, once it has ended by itself and all it said is heard."""
        try:
            status = self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._listener.join()
        while self.line() is not None:
            pass
        return status


@contextmanager
def serving(
    script: str, *arguments: object, python: str = sys.executable, warnings: str = "error"
) -> Iterator[tuple[Server, str]]:
    """A server and the port that it took; it must end well when it is asked to."""
    server = Server(command(script, [*arguments, "--port", 0], python, warnings))
    try:
        port = server.hear("listening on ").rpartition(":")[2]
        yield server, port
    finally:
        status = server.stop()
    assert status == 0, server.said
