"""Write a bill of materials for the OpenSSL that is compiled into the wheels.

    python release/openssl_sbom.py FILE

maturin lists the crates in each wheel by itself. OpenSSL comes inside one of them, `openssl-src`,
where scanners that compare names and versions with security advisories do not find it. This one,
in CycloneDX 1.5, names it as they know it. The version is taken from Cargo.lock; nothing varies
from run to run. Only for wheels with OpenSSL compiled in, which release wheels are.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Source(NamedTuple):
    """The crate that OpenSSL's sources come in."""

    crate: str
    openssl: str
    digest: str


def source(lock: str) -> Source:
    """The crate as Cargo.lock has it. Its version ends in that of OpenSSL: 400.0.2+4.0.3."""
    found = re.search(
        r'^name = "openssl-src"\nversion = "((?:\d+\.){2}\d+\+(\d+\.\d+\.\d+))"\n'
        r'source = ".*"\nchecksum = "([0-9a-f]{64})"$',
        lock,
        re.MULTILINE,
    )
    if found is None:
        raise ValueError("Cargo.lock has no openssl-src with a version of OpenSSL")
    return Source(*found.groups())


def bill(lock: str) -> dict[str, object]:
    crate, version, digest = source(lock)
    purl = f"pkg:generic/openssl@{version}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "bom-ref": "pyopenssl-rs",
                "type": "library",
                "name": "pyopenssl-rs",
                "purl": "pkg:pypi/pyopenssl-rs",
            },
        },
        "components": [
            {
                "bom-ref": purl,
                "type": "library",
                "name": "openssl",
                "version": version,
                "description": "libssl and libcrypto, linked statically",
                "licenses": [{"license": {"id": "Apache-2.0"}}],
                "cpe": f"cpe:2.3:a:openssl:openssl:{version}:*:*:*:*:*:*:*",
                "purl": purl,
                "externalReferences": [
                    {
                        "type": "distribution",
                        "url": f"https://crates.io/crates/openssl-src/{crate}",
                        "hashes": [{"alg": "SHA-256", "content": digest}],
                    },
                    {"type": "website", "url": "https://openssl-library.org/"},
                ],
            },
        ],
        "dependencies": [{"ref": "pyopenssl-rs", "dependsOn": [purl]}, {"ref": purl}],
    }


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    lock = (ROOT / "Cargo.lock").read_text(encoding="utf-8")
    text = json.dumps(bill(lock), indent=2)
    Path(sys.argv[1]).write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
