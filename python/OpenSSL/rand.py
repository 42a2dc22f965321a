"""OpenSSL's random number generator. Deprecated: ``os.urandom`` needs nothing of it."""

from __future__ import annotations

import warnings

from OpenSSL._rust import rand as _rand

warnings.warn(
    "OpenSSL.rand is deprecated - you should use os.urandom instead",
    DeprecationWarning,
    stacklevel=3,
)

add = _rand.add
status = _rand.status

for _function in (add, status):
    _function.__module__ = __name__
del _function
