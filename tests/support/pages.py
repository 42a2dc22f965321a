"""The code in the pages, and how it is run.

A page is run from its top to its end, in a directory of its own with a copy of `examples` in it:

- ``console``: a line that begins with ``$`` is a command for bash, and what follows is what it
  prints, where ``...`` stands for anything. Where nothing follows, the command has only to succeed.
- ``python``: run, all of a page in one namespace. A block whose first line is a comment with the
  name of a file in `examples` is that file.
- ``text``, ``toml``: nothing to run; the latter is parsed.
- ``{literalinclude}`` shows a file that has tests of its own.

Nothing else may be called code. A comment before a block says what is special about it, with
semicolons between if that is more than one thing::

    <!-- in the background -->      its last command goes on until the page ends
    <!-- after Ctrl-C -->           what goes on in the background is ended first
    <!-- needs: openssl -->         left out where that is missing: see PROBES
    <!-- not run: builds the package -->    shown only, for one of the REASONS

The port 8443 that pages and examples use is another one in each run.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from support.network import LOOPBACK, free_port
from support.programs import EXAMPLES, PATIENCE, ROOT

PORT = "8443"

REASONS = {
    "builds the package": "`make test-wheel` and `make test-sdist` do that",
    "measures": "numbers are taken on a machine that does nothing else",
    "installs packages": "`make test-shim` does that, as the page says",
    "makes this tree's environments": "they are what the tests run in",
    "needs the internet": "the tests do without",
    "runs the tests": "which run this",
    "belongs to another system": "a command of Windows or macOS",
}

MARKS = {"in the background", "after Ctrl-C", "needs", "not run"}
LANGUAGES = {"console", "python", "text", "toml"}
DIRECTIVES = {"code-block", "eval-rst", "include", "literalinclude", "raw", "toctree"}


def has_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def may_capture() -> bool:
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except (AttributeError, OSError):
        return False
    return True


PROBES: dict[str, Callable[[], bool]] = {
    "curl": lambda: shutil.which("curl") is not None,
    "openssl": lambda: shutil.which("openssl") is not None,
    "tshark": lambda: shutil.which("tshark") is not None and may_capture(),
    "twisted": lambda: all(map(has_module, ("twisted", "service_identity", "OpenSSL._util"))),
    "werkzeug": lambda: has_module("werkzeug"),
}

_BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]*?) -->\n)?"
    r"^(?P<indent> *)```(?P<language>[^\n`]*)\n"
    r"(?P<body>.*?)"
    r"^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: what it is, what it says, what is special, and where it stands."""

    language: str
    body: str
    marks: dict[str, str]
    line: int

    def commands(self) -> Iterator[tuple[str, str]]:
        """The commands of a console, each with what it prints."""
        for part in re.split(r"^\$ ", self.body, flags=re.MULTILINE)[1:]:
            command, _, output = re.sub(r"\\\n", "", part).partition("\n")
            yield command, output


def blocks(page: Path, text: str | None = None) -> list[Block]:
    text = page.read_text(encoding="utf-8") if text is None else text
    return [
        Block(
            found["language"].strip(),
            textwrap.dedent(found["body"]),
            dict(mark.partition(": ")[::2] for mark in (found["mark"] or "").split("; ") if mark),
            text.count("\n", 0, found.start("language")) + 1,
        )
        for found in _BLOCK.finditer(text)
    ]


def matches(shown: str, printed: str) -> bool:
    """Whether that is what was printed, where ``...`` stands for anything."""
    pattern = re.escape(shown.strip()).replace(r"\.\.\.", ".*?")
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


class Run:
    """A page while it is run, in a directory of its own."""

    def __init__(self, page: Path, directory: Path) -> None:
        self.missing: set[str] = set()
        self._page = page
        self._directory = directory
        self._port = free_port()
        self._namespace: dict[str, Any] = {"__name__": "__main__"}
        self._servers: list[tuple[subprocess.Popen[str], Path, str]] = []
        self._prepare()

    def _ported(self, text: str) -> str:
        return text.replace(PORT, str(self._port))

    def _prepare(self) -> None:
        examples = self._directory / "examples"
        examples.mkdir()
        for source in EXAMPLES.glob("*.py"):
            (examples / source.name).write_text(self._ported(source.read_text()))
        programs = self._directory / "bin"
        programs.mkdir()
        python = programs / "python"
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
        self._environment = dict(
            os.environ,
            PATH=f"{programs}{os.pathsep}{os.environ['PATH']}",
            LC_ALL="C.UTF-8",
            no_proxy="*",
        )

    def run(self) -> None:
        """Run the page, and fail where it does not do what it says."""
        text = self._ported(self._page.read_text(encoding="utf-8"))
        try:
            for block in blocks(self._page, text):
                if "not run" in block.marks:
                    continue
                need = block.marks.get("needs")
                if need and not PROBES[need]():
                    self.missing.add(need)
                    continue
                if "after Ctrl-C" in block.marks:
                    self._stop_servers()
                if block.language == "console":
                    self._run_console(block)
                elif block.language == "python":
                    self._run_python(block)
        finally:
            self._stop_servers()

    def _where(self, block: Block) -> str:
        return f"{self._page.relative_to(ROOT)}:{block.line}"

    def _run_python(self, block: Block) -> None:
        name = re.match(r"# examples/(\w+\.py)\n+", block.body)
        if name:
            source = (self._directory / "examples" / name[1]).read_text()
            assert block.body[name.end() :] == source, f"{self._where(block)}: not that file"
        else:
            lines = "\n" * block.line + block.body
            exec(compile(lines, str(self._page), "exec"), self._namespace)

    def _run_console(self, block: Block) -> None:
        commands = list(block.commands())
        assert commands, f"{self._where(block)}: no command"
        for command, shown in commands[:-1] if "in the background" in block.marks else commands:
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=PATIENCE,
            )
            assert done.returncode == 0, f"{self._where(block)}: $ {command}\n{done.stdout}"
            assert not shown or matches(shown, done.stdout), (
                f"{self._where(block)}: $ {command}\nshows\n{shown}\nbut said\n{done.stdout}"
            )
        if "in the background" in block.marks:
            self._start(*commands[-1], block.line)

    def _start(self, command: str, shown: str, line: int) -> None:
        """Start a server, and wait until it says so, or until it has taken its port."""
        output = self._directory / f"output-{line}"
        with output.open("w") as file:
            server = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self._servers.append((server, output, shown))
        greeting = next((part for part in re.split(r"\.\.\.|\n", shown) if part), "")
        end = time.monotonic() + PATIENCE
        while not (greeting in output.read_text() if greeting else self._is_port_taken()):
            assert server.poll() is None, f"$ {command}\n{output.read_text()}"
            assert time.monotonic() < end, f"$ {command}\nsays nothing"
            time.sleep(0.02)

    def _is_port_taken(self) -> bool:
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, self._port))
            except OSError:
                return True
        return False

    def _stop_servers(self) -> None:
        """End all servers, the last one first, and look at what they said.

        Not with the signal of Ctrl-C: it is ignored where the tests run in the background.
        """
        servers, self._servers = self._servers[::-1], []
        said = []
        for server, output, shown in servers:
            try:
                if server.poll() is None:
                    server.terminate()
                status = server.wait(PATIENCE)
            finally:
                server.kill()
            said.append((status, shown, output.read_text()))
        for status, shown, printed in said:
            assert status in (0, -signal.SIGTERM), printed
            assert not shown or matches(shown, printed), f"shows\n{shown}\nbut said\n{printed}"
