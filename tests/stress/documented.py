"""The exceptions that the documentation names for a connection's calls, and their shapes."""

from __future__ import annotations

import errno

from OpenSSL import SSL

# Of a peer that is gone, and of a descriptor that is closed here.
ERRNOS = {
    (-1, "Unexpected EOF"),
    *(
        (number, errno.errorcode[number])
        for number in (errno.EBADF, errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN)
    ),
}

WAITING = (SSL.WantReadError, SSL.WantWriteError)


def is_documented(failure: BaseException) -> bool:
    """Whether this is one of the exceptions that a call on a connection may raise, well-formed."""
    kind = type(failure)
    if kind in (SSL.WantReadError, SSL.WantWriteError, SSL.ZeroReturnError):
        return failure.args == ()
    if kind is SSL.SysCallError:
        return failure.args in ERRNOS
    return kind is SSL.Error and len(failure.args) == 1 and is_stack(failure.args[0])


def is_stack(entries: object) -> bool:
    """Whether this is what ``SSL.Error`` carries: triples of library, function and reason."""
    return isinstance(entries, list) and all(
        isinstance(entry, tuple)
        and len(entry) == 3
        and all(isinstance(part, str) for part in entry)
        for entry in entries
    )


def describe(failure: BaseException | None) -> str:
    """A short name of an outcome, to count it by."""
    if failure is None:
        return "success"
    if type(failure) is SSL.Error:
        reasons = [entry[2] for entry in failure.args[0]]
        return f"Error: {reasons[0] if reasons else 'nothing to tell'}"
    if type(failure) is SSL.SysCallError:
        return f"SysCallError: {failure.args[1]}"
    return type(failure).__name__
