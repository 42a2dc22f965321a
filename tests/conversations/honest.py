"""Conversations in which nothing is wrong: each version, each kind of key and exchange."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conversations.conversation import ECHO, VERSIONS, Conversation

CIPHERS_1_2 = ("aes128gcm", "aes256gcm", "chacha20-poly1305", "aes128", "aes256")
GROUPS = ("secp256r1", "secp384r1", "secp521r1", "x25519", "x448")


def conversations() -> Iterator[Conversation]:
    for role in ("client", "server"):
        script = f"{role}: honest"

        def case(
            name: str,
            version: str,
            strict: bool = False,
            rsa: bool = False,
            role: str = role,
            script: str = script,
            **settings: Any,
        ) -> Conversation:
            return Conversation(
                script, name, role, version, ECHO, strict=strict, rsa=rsa, settings=settings
            )

        for version in VERSIONS:
            yield case("as usual", version)
            if role == "client":
                yield case("with a certificate", version, strict=True)
                yield case("with an RSA certificate", version, strict=True, rsa=True)
            else:
                yield case("with an RSA certificate", version, rsa=True)
        for cipher in CIPHERS_1_2:
            yield case(cipher, "TLSv1.2", cipherNames=[cipher])
        for cipher in ("aes128gcm", "aes256gcm", "chacha20-poly1305"):
            yield case(cipher, "TLSv1.3", cipherNames=[cipher])
        for group in GROUPS:
            yield case(group, "TLSv1.3", eccCurves=[group], keyShares=[group], dhGroups=[])
        yield case("ffdhe2048", "TLSv1.3", dhGroups=["ffdhe2048"], keyShares=["ffdhe2048"])
    yield case("RSA key exchange", "TLSv1.2", rsa=True, role="client", script="client: honest", keyExchangeNames=["rsa"])
    yield case("DHE", "TLSv1.2", rsa=True, role="client", script="client: honest", keyExchangeNames=["dhe_rsa"])
