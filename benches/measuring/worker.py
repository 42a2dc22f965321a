"""The process in which one library is measured: `python -m measuring.worker LIBRARY IDENTITIES`.

turns.py asks for one measurement at a time: the name of a row and a number of repetitions in;
seconds of time and of processor, or bytes of memory, for all of them out.
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path

from measuring.library import Library, Loop
from measuring.meters import resident, timed
from measuring.rows import BY_NAME, MEMORY


def library(kind: str, identities: Path) -> Library:
    if kind == "OpenSSL":
        from measuring.pyopenssl import PyOpenSSL

        return PyOpenSSL(identities)
    from measuring.stdlib import Stdlib

    return Stdlib(identities)


def memory(subject: Library, number: int) -> dict[str, float]:
    """What so many pairs, all alive, take."""
    kept = [subject.pair() for _ in range(20)]
    gc.collect()
    before = resident()
    kept += [subject.pair() for _ in range(number)]
    gc.collect()
    return {"cost": float(resident() - before)}


def main() -> None:
    kind, identities = sys.argv[1:]
    subject = library(kind, Path(identities))
    print(json.dumps(subject.describe()), flush=True)
    loops: dict[str, Loop] = {}
    for line in sys.stdin:
        request = json.loads(line)
        row, number = BY_NAME[request["row"]], request["number"]
        if row is MEMORY:
            result = memory(subject, number)
        else:
            assert row.loop is not None
            if row.name not in loops:
                loops[row.name] = row.loop(subject)
            result = timed(loops[row.name], number)
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
