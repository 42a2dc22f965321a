"""How fast is it, beside pyOpenSSL and the standard library's `ssl`?

    make bench
    make bench ARGS="--rounds 40 --only handshake"

Each library works in a process of its own (worker.py), one at a time and in turns, so that whatever
else the machine does falls on all of them alike. Shown are medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from worker import CASES

HERE = Path(__file__).resolve().parent
SAMPLE = 0.05  # seconds that one measurement should take at least

Samples = dict[str, list[float]]


class Subject(Protocol):
    """What is measured: seconds for one repetition of a case."""

    def measure(self, case: str) -> float: ...


class Worker:
    """A process with one library in it."""

    def __init__(self, python: str, kind: str, identity: Path) -> None:
        self._process = subprocess.Popen(
            [python, str(HERE / "worker.py"), kind, str(identity)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._numbers: dict[str, int] = {}
        self.version = self._read()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("A worker has ended; what it said is above.")
        return line.strip()

    def _seconds(self, case: str, number: int) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{case}\t{number}\n")
        self._process.stdin.flush()
        return float(self._read())

    def _number(self, case: str) -> int:
        """Find out how many repetitions make one measurement."""
        number = 1
        while (seconds := self._seconds(case, number)) < SAMPLE:
            number = max(2 * number, int(number * SAMPLE / max(seconds, 1e-9)))
        return number

    def measure(self, case: str) -> float:
        if case not in self._numbers:
            self._numbers[case] = self._number(case)
        number = self._numbers[case]
        return self._seconds(case, number) / number


class Import:
    """Fresh interpreters that import a module, beside ones that import nothing."""

    def __init__(self, python: str, module: str) -> None:
        self._python = python
        self._module = module

    def _seconds(self, program: str) -> float:
        start = time.perf_counter()
        subprocess.run([self._python, "-c", program], check=True)
        return time.perf_counter() - start

    def measure(self, case: str) -> float:
        return self._seconds(f"import {self._module}") - self._seconds("pass")


def take_turns(subjects: dict[str, Subject], case: str, rounds: int) -> Samples:
    """Measure a case with each subject in each round; the order turns, too."""
    samples: Samples = {name: [] for name in subjects}
    names = list(subjects)
    for subject in subjects.values():
        subject.measure(case)  # warm up
    for turn in range(rounds):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            samples[name].append(subjects[name].measure(case))
    return samples


def duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.0f} ns"


def line(case: str, cells: list[str]) -> str:
    return f"{case:<26}" + "".join(f"{cell:>18}" for cell in cells)


def row(case: str, samples: Samples) -> str:
    medians = [statistics.median(seconds) for seconds in samples.values()]
    ours, *others = medians
    return line(case, [*map(duration, medians), *(f"{other / ours:.2f}x" for other in others)])


def make_identity(path: Path) -> None:
    """Write an ECDSA P-256 key and a certificate for it, as most servers have today."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )


def compare(options: argparse.Namespace) -> dict[str, Samples]:
    """Run all cases that were asked for, printing each as it is done."""
    results: dict[str, Samples] = {}
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        identity = Path(directory, "identity.pem")
        make_identity(identity)
        workers = {
            "ours": Worker(sys.executable, "OpenSSL", identity),
            "pyOpenSSL": Worker(options.reference, "OpenSSL", identity),
            "ssl": Worker(sys.executable, "ssl", identity),
        }
        for name, worker in workers.items():
            stack.enter_context(worker)
            print(f"{name:<12}{worker.version}")
        print(f"{'Python':<12}{platform.python_version()}, {platform.machine()}\n")

        print(line("", [*workers, "pyOpenSSL / ours", "ssl / ours"]))
        plan: dict[str, dict[str, Subject]] = {case: {**workers} for case in CASES}
        plan["import"] = {
            "ours": Import(sys.executable, "OpenSSL.SSL"),
            "pyOpenSSL": Import(options.reference, "OpenSSL.SSL"),
            "ssl": Import(sys.executable, "ssl"),
        }
        for case, subjects in plan.items():
            if options.only in case:
                results[case] = take_turns(subjects, case, options.rounds)
                print(row(case, results[case]), flush=True)
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare with pyOpenSSL and with ssl.")
    parser.add_argument("--reference", required=True, help="a Python that has pyOpenSSL itself")
    parser.add_argument("--rounds", type=int, default=15, help="(%(default)s)")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="only cases with this in the name"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all measurements here")
    options = parser.parse_args()
    results = compare(options)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    print(
        "\nMedians for one repetition. The last columns say how many times longer the other takes."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
