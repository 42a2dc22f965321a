"""OpenSSL's random number generator. Deprecated: ``os.urandom`` needs nothing of it."""

from __future__ import annotations

import warnings

from OpenSSL._rust import rand_add as _add
from OpenSSL._rust import rand_status as _status

warnings.warn(
    "OpenSSL.rand is deprecated - you should use os.urandom instead",
    DeprecationWarning,
    stacklevel=3,
)


def add(buffer: bytes, entropy: int) -> None:
    """Mix bytes into the state of the generator, which also seeds itself.

    :param bytes buffer: the bytes.
    :param int entropy: how much randomness is in them at least, in bytes.
    :raises TypeError: if ``buffer`` is not :class:`bytes` or ``entropy`` is not an integer.

    OpenSSL: ``RAND_add``.
    """
    _add(buffer, entropy)


def status() -> int:
    """Whether the generator is seeded.

    :return: 1 if it is, 0 if not.

    OpenSSL: ``RAND_status``.
    """
    return _status()
