"""What `OpenSSL` says about itself: the pyOpenSSL release whose API this package offers.

Programs compare these values, so they are pyOpenSSL's. The version of this distribution,
`pyopenssl-rs`, is in its metadata: `importlib.metadata.version("pyopenssl-rs")`.
"""

__all__ = [
    "__author__",
    "__copyright__",
    "__email__",
    "__license__",
    "__summary__",
    "__title__",
    "__uri__",
    "__version__",
]

__version__ = "26.4.0"

__title__ = "pyOpenSSL"
__uri__ = "https://pyopenssl.org/"
__summary__ = "Python wrapper module around the OpenSSL library"
__author__ = "The pyOpenSSL developers"
__email__ = "cryptography-dev@python.org"
__license__ = "Apache License, Version 2.0"
__copyright__ = f"Copyright 2001-2026 {__author__}"
