"""Certificates, distinguished names, trust stores and keys.

What is here is written in Rust, but for the few lines of this file. The package cryptography is not
imported until a program asks for one of its objects, with ``X509.to_cryptography`` for example.
"""

from __future__ import annotations

import warnings as _warnings

from OpenSSL import _rust
from OpenSSL._rust import (
    FILETYPE_ASN1,
    FILETYPE_PEM,
    FILETYPE_TEXT,
    TYPE_DSA,
    TYPE_RSA,
    X509,
    PKey,
    X509Name,
    X509Store,
    X509StoreContext,
    X509StoreFlags,
    dump_certificate,
    dump_publickey,
    get_elliptic_curves,
    load_certificate,
    load_privatekey,
    load_publickey,
)
from OpenSSL._rust import CryptoError as Error
from OpenSSL._rust import _EllipticCurve as _EllipticCurve

TYPE_CHECKING = False
if TYPE_CHECKING:
    # See `__getattr__`, and there for the names that are not imported at run time.
    from OpenSSL._aliases import PassphraseCallableT as PassphraseCallableT
    from OpenSSL._aliases import StrOrBytesPath as StrOrBytesPath
    from OpenSSL._rust import dump_privatekey
del TYPE_CHECKING

__all__ = [
    "FILETYPE_ASN1",
    "FILETYPE_PEM",
    "FILETYPE_TEXT",
    "TYPE_DSA",
    "TYPE_RSA",
    "X509",
    "Error",
    "PKey",
    "X509Name",
    "X509Store",
    "X509StoreContext",
    "X509StoreContextError",
    "X509StoreFlags",
    "dump_certificate",
    "dump_privatekey",
    "dump_publickey",
    "get_elliptic_curve",
    "get_elliptic_curves",
    "load_certificate",
    "load_privatekey",
    "load_publickey",
]


TYPE_DH: int = _rust.TYPE_DH
TYPE_EC: int = _rust.TYPE_EC


class X509StoreContextError(Exception):
    """A certificate is not to be trusted.

    :ivar errors: in a list, OpenSSL's number for the reason, the depth in the chain at which it was
        found (0 is the certificate itself), and OpenSSL's words for it.
    :ivar certificate: the :class:`X509` at fault, or ``None`` if OpenSSL names none.

    OpenSSL: ``X509_STORE_CTX_get_error``.
    """

    def __init__(self, message: str, errors: list[object], certificate: X509) -> None:
        super().__init__(message)
        self.errors = errors
        self.certificate = certificate


def get_elliptic_curve(name: str) -> _EllipticCurve:
    """Get the elliptic curve with a name. Deprecated.

    :param str name: OpenSSL's short name, such as ``"prime256v1"``.
    :return: one of the objects of :func:`get_elliptic_curves`.
    :raises ValueError: if there is no such curve.

    OpenSSL: ``EC_get_builtin_curves``.
    """
    _warnings.warn(
        "get_elliptic_curve is deprecated. You should use the APIs in cryptography instead.",
        DeprecationWarning,
        stacklevel=2,
    )
    for curve in get_elliptic_curves():
        if curve.name == name:
            return curve
    raise ValueError("unknown curve name", name)


_dump_privatekey_internal = _rust.dump_privatekey

for _function in (
    dump_certificate,
    _dump_privatekey_internal,
    dump_publickey,
    get_elliptic_curves,
    load_certificate,
    load_privatekey,
    load_publickey,
):
    _function.__module__ = __name__
del _function


def __getattr__(name: str) -> object:
    if name == "dump_privatekey":
        # Who looks it up is warned, and not who calls it.
        _warnings.warn(
            "dump_privatekey is deprecated. You should use the APIs in cryptography.",
            DeprecationWarning,
            stacklevel=2,
        )
        return _dump_privatekey_internal
    if name in ("PassphraseCallableT", "StrOrBytesPath"):
        from OpenSSL import _aliases

        return getattr(_aliases, name)
    if name in ("_Key", "_PrivateKey", "_PublicKey"):
        from OpenSSL import _aliases

        try:
            return _aliases.keys()[name]
        except ImportError:
            return getattr(_aliases, name)
    if name.startswith("_") and not name.startswith("__"):
        from OpenSSL import _util

        names = _util.private_names(Error)
        if name in names:
            globals().update(names)
            return names[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
