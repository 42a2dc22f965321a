"""What the programs beside this one say, above all when something fails."""

from __future__ import annotations

import signal
import sys
from typing import Callable

from OpenSSL import SSL, crypto


def report(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)


def reason(error: SSL.Error) -> str:
    """Take OpenSSL's own words out of an exception."""
    if isinstance(error, SSL.SysCallError):
        return str(error.args[-1])
    entries = error.args[0] if error.args else []
    return (
        "; ".join(entry[-1] for entry in entries if entry[-1]) or type(error).__name__
    )


def run(work: Callable[[], None]) -> int:
    """Do a program's work, say in one line if it failed, and return the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends it as Ctrl-C does
    try:
        work()
    except SSL.Error as error:
        print(f"TLS failed: {reason(error)}", file=sys.stderr)
    except (OSError, ValueError) as error:
        print(f"Failed: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        pass
    else:
        return 0
    return 1


class Verifier:
    """A verify callback: lets OpenSSL decide, and remembers why it said no.

    It is called for each certificate of the peer's chain, and for each thing that is
    wrong with it.
    """

    def __init__(self) -> None:
        self.complaint = ""

    def __call__(
        self,
        connection: SSL.Connection,
        certificate: crypto.X509 | None,
        error: int,
        depth: int,
        ok: int,
    ) -> bool:
        if not ok:
            codes = vars(SSL.X509VerificationCodes).items()
            name = next(
                (name for name, code in codes if code == error), f"error {error}"
            )
            self.complaint = f"{name} at depth {depth}"
        return bool(ok)
