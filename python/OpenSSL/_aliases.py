"""Names for annotations that pyOpenSSL has in ``OpenSSL.crypto``.

They are looked up there, and this module, which needs ``typing``, is imported then.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable, Union, get_type_hints

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

PassphraseCallableT = Union[bytes, Callable[..., bytes]]
StrOrBytesPath = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]

_PrivateKey = Union[
    "dsa.DSAPrivateKey",
    "ec.EllipticCurvePrivateKey",
    "ed25519.Ed25519PrivateKey",
    "ed448.Ed448PrivateKey",
    "rsa.RSAPrivateKey",
]
_PublicKey = Union[
    "dsa.DSAPublicKey",
    "ec.EllipticCurvePublicKey",
    "ed25519.Ed25519PublicKey",
    "ed448.Ed448PublicKey",
    "rsa.RSAPublicKey",
]
_Key = Union[_PrivateKey, _PublicKey]


class _Keys:
    _Key: _Key
    _PrivateKey: _PrivateKey
    _PublicKey: _PublicKey


def keys() -> dict[str, object]:
    """The aliases for keys, with cryptography's classes in them and not only their names.

    :raises ImportError: if cryptography is not installed.
    """
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

    names = {"dsa": dsa, "ec": ec, "ed448": ed448, "ed25519": ed25519, "rsa": rsa}
    return get_type_hints(_Keys, globals(), names)
