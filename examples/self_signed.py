"""Make a key and a self-signed certificate, for trying things out.

    python self_signed.py localhost server.pem

The certificate says who its owner is in its subject and has no extensions: good for a
peer that trusts this very certificate, not for a browser. pyOpenSSL would rather have
certificates made with the `cryptography` package, and says so in warnings; this wants
nothing but OpenSSL itself.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import warnings

from OpenSSL import crypto

DAY = 24 * 60 * 60


def self_signed(name: str, seconds: int = DAY) -> tuple[crypto.PKey, crypto.X509]:
    """Make a key, and a certificate that calls its owner `name`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        key = crypto.PKey()
        key.generate_key(crypto.TYPE_RSA, 2048)
        certificate = crypto.X509()
        certificate.set_version(2)  # counted from 0: this is X.509 version 3
        certificate.set_serial_number(1 + secrets.randbits(64))
        certificate.get_subject().CN = name
        certificate.set_issuer(certificate.get_subject())
        certificate.gmtime_adj_notBefore(-60)
        certificate.gmtime_adj_notAfter(seconds)
        certificate.set_pubkey(key)
        certificate.sign(key, "sha256")
    return key, certificate


def main() -> int:
    parser = argparse.ArgumentParser(description="Make a self-signed certificate.")
    parser.add_argument(
        "--days", type=int, default=1, help="how long it is good (%(default)s)"
    )
    parser.add_argument("name", help="whose it is")
    parser.add_argument("file", help="where to write key and certificate, in PEM")
    options = parser.parse_args()

    warnings.simplefilter("ignore", DeprecationWarning)
    key, certificate = self_signed(options.name, options.days * DAY)
    try:
        # Nobody else may read a private key, not even for a moment.
        handle = os.open(options.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "wb") as file:
            file.write(crypto.dump_privatekey(crypto.FILETYPE_PEM, key))
            file.write(crypto.dump_certificate(crypto.FILETYPE_PEM, certificate))
    except OSError as error:
        print(f"Cannot write: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
