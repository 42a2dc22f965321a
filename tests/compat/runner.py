"""Run the cases of modules in this interpreter and print one line of JSON for each.

    python tests/compat/runner.py [--list] [--case NAME] [--timeout S] MODULE.py ...

The first line says which implementation ran. The line of a case holds what it observed,
in order. Each case has a process of its own, forked after the imports: a case that
crashes or hangs ends with the observation `crash` or `hang`, and the next one starts
from a clean state.
"""

from __future__ import annotations

import argparse
import faulthandler
import importlib.util
import json
import os
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from observe import Observer, cases_of

Case = Callable[[Observer], None]


def main() -> None:
    parser = argparse.ArgumentParser(description="Run compatibility cases in this interpreter.")
    parser.add_argument("modules", nargs="+", type=Path)
    parser.add_argument("--list", action="store_true", help="print the names of the cases only")
    parser.add_argument("--case", action="append", help="run this case only; may be repeated")
    parser.add_argument("--timeout", type=float, default=20.0, help="seconds for one case")
    options = parser.parse_args()

    emit(implementation())
    for path in options.modules:
        for name, case in cases_of(load(path)).items():
            if options.case and name not in options.case:
                continue
            result: dict[str, Any] = {"module": path.stem, "case": name}
            if not options.list:
                result.update(run(case, options.timeout))
            emit(result)


def emit(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


def implementation() -> dict[str, Any]:
    """Which implementation this is."""
    import OpenSSL
    from OpenSSL import SSL

    return {
        "package": os.path.dirname(OpenSSL.__file__),
        "version": OpenSSL.__version__,
        "library": SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode(),
    }


def load(path: Path) -> Any:
    """Import a module of cases from its file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(case: Case, timeout: float) -> dict[str, Any]:
    """Run one case in a child process and collect what it reports."""
    with tempfile.TemporaryFile() as noise:
        reader, writer = os.pipe()
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os.close(reader)
            run_child(case, writer, noise.fileno())
        os.close(writer)
        observations: list[dict[str, Any]] = []
        result: dict[str, Any] = {"observations": observations}
        ended = False
        try:
            for line in lines_until(reader, time.monotonic() + timeout):
                if "label" in line:
                    observations.append(line)
                elif "error" in line:
                    result.update(line)
                ended = "ended" in line
        except TimeoutError:
            observations.append({"label": "hang", "value": f"no end after {timeout:g} seconds"})
            os.kill(child, signal.SIGKILL)
            ended = True
        os.close(reader)
        status = os.waitpid(child, 0)[1]
        if not ended:
            observations.append(describe_end(status))
        noise.seek(0)
        if text := noise.read().decode(errors="replace"):
            result["stderr"] = text
    return result


def run_child(case: Case, writer: int, noise: int) -> None:
    """The child's part: run the case, write what it observes as it comes, and end."""
    os.setsid()  # OpenSSL would ask the terminal for a passphrase.
    os.dup2(noise, 1)
    os.dup2(noise, 2)
    faulthandler.enable()
    with os.fdopen(writer, "w") as pipe:
        try:
            case(Observer(lambda seen: report(pipe, seen)))
        except BaseException:
            report(pipe, {"error": traceback.format_exc()})
        report(pipe, {"ended": True})
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def report(pipe: TextIO, line: dict[str, Any]) -> None:
    pipe.write(json.dumps(line) + "\n")
    pipe.flush()


def lines_until(reader: int, deadline: float) -> Iterator[dict[str, Any]]:
    """The lines from a pipe, until its other end is closed; or TimeoutError."""
    pending = b""
    while True:
        if not select.select([reader], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise TimeoutError
        chunk = os.read(reader, 65536)
        if not chunk:
            return
        *complete, pending = (pending + chunk).split(b"\n")
        for line in complete:
            yield json.loads(line)


def describe_end(status: int) -> dict[str, str]:
    """How a child ended that did not come to its end; which signal it was may vary."""
    if os.WIFSIGNALED(status):
        signal_name = signal.Signals(os.WTERMSIG(status)).name
        return {"label": "crash", "value": "killed by a signal", "signal": signal_name}
    return {"label": "crash", "value": f"exited with {os.WEXITSTATUS(status)}"}


if __name__ == "__main__":
    main()
