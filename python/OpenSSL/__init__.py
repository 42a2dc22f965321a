"""pyOpenSSL's API over OpenSSL's own `SSL_CTX` and `SSL`, written in Rust."""

try:
    from OpenSSL import SSL, _rust, crypto
    from OpenSSL.version import (
        __author__,
        __copyright__,
        __email__,
        __license__,
        __summary__,
        __title__,
        __uri__,
        __version__,
    )

    if SSL.Context is not _rust.Context or crypto.X509 is not _rust.X509:
        raise ImportError("files of pyopenssl-rs and of pyOpenSSL are mixed up")
except ImportError as error:
    # Another distribution of the package OpenSSL may have overwritten or removed some of its files.
    from OpenSSL import _installation

    _installation.check(error)
    raise

TYPE_CHECKING = False
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name == "_util":  # for which `import OpenSSL` is enough
            import OpenSSL._util

            return OpenSSL._util
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


del TYPE_CHECKING

__all__ = [
    "SSL",
    "__author__",
    "__copyright__",
    "__email__",
    "__license__",
    "__summary__",
    "__title__",
    "__uri__",
    "__version__",
    "crypto",
]
