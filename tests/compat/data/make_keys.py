"""Make a private key of every kind, in `keys/` beside this file.

They are committed: run it only to replace all of them. It needs `cryptography` (with ML-DSA and
ML-KEM) and the `openssl` program.

    python tests/compat/data/make_keys.py
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import mldsa, mlkem
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

KEYS = Path(__file__).parent / "keys"

#: Arguments of `openssl genpkey`.
CLASSIC = {
    "rsa": "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
    "rsa-pss": (
        "-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_pss_keygen_md:sha256"
    ),
    "dh": "-algorithm DH -pkeyopt group:ffdhe2048",
    "ec-p256": "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
    "ec-p384": "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
    "ec-p521": "-algorithm EC -pkeyopt ec_paramgen_curve:P-521",
    "ec-secp256k1": "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1",
    "ec-brainpool": "-algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1",
    "ed25519": "-algorithm ED25519",
    "ed448": "-algorithm ED448",
    "x25519": "-algorithm X25519",
    "x448": "-algorithm X448",
}

POST_QUANTUM = {
    "ml-dsa-44": mldsa.MLDSA44PrivateKey,
    "ml-dsa-65": mldsa.MLDSA65PrivateKey,
    "ml-dsa-87": mldsa.MLDSA87PrivateKey,
    "ml-kem-768": mlkem.MLKEM768PrivateKey,
    "ml-kem-1024": mlkem.MLKEM1024PrivateKey,
}


def openssl(command: str, data: bytes | None = None) -> bytes:
    return subprocess.run(
        ["openssl", *command.split()], input=data, check=True, capture_output=True
    ).stdout


def main() -> None:
    KEYS.mkdir(exist_ok=True)
    for name, arguments in CLASSIC.items():
        (KEYS / f"{name}.pem").write_bytes(openssl(f"genpkey {arguments}"))
    dsa = openssl("genpkey -paramfile /dev/stdin", openssl("dsaparam 2048"))
    (KEYS / "dsa.pem").write_bytes(dsa)
    for name, kind in POST_QUANTUM.items():
        key = kind.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (KEYS / f"{name}.pem").write_bytes(pem)


if __name__ == "__main__":
    main()
