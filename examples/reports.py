"""What the programs beside this one print."""

from __future__ import annotations

from OpenSSL import SSL


def report(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)


def reason(error: SSL.Error) -> str:
    """Take OpenSSL's own words out of an exception."""
    if isinstance(error, SSL.SysCallError):
        return str(error.args[-1])
    entries = error.args[0] if error.args else []
    return "; ".join(entry[-1] for entry in entries) or type(error).__name__
