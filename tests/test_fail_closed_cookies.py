"""Whatever the callbacks for cookies do that they should not: the client is not let in."""

from __future__ import annotations

from typing import Any

import pytest
from OpenSSL import SSL
from support.callbacks import Function
from support.certificates import Identity
from support.dtls import listen
from support.implementation import deviation
from support.misdeeds import answering, each_answer, once
from support.tls import Pair, drain, new_server_context, pair_in_memory

pytestmark = deviation


def listening_pair(identity: Identity, generate: Function, verify: Function) -> Pair:
    context = new_server_context(identity, method=SSL.DTLS_METHOD)
    context.set_cookie_generate_callback(generate)
    context.set_cookie_verify_callback(verify)
    return pair_in_memory(SSL.Context(SSL.DTLS_METHOD), context)


def accepted(pair: Pair) -> bool:
    """Whether the server lets the client in, who tries for a while."""
    for _ in range(3):
        try:
            listen(pair)
        except SSL.WantReadError:
            continue
        return True
    return False


@each_answer
def test_only_a_number_that_is_not_zero_verifies_a_cookie(
    server_identity: Identity, answer: Any
) -> None:
    pair = listening_pair(server_identity, answering(b"cookie"), answering(answer))
    if isinstance(answer, int) and answer in (True, 1, -1, 2):
        assert accepted(pair)
        return
    if isinstance(answer, int) and answer == 0:
        assert not accepted(pair)
        return
    with pytest.raises((TypeError, OverflowError)):
        accepted(pair)
    drain(pair.server)
    with pytest.raises((TypeError, OverflowError, SSL.WantReadError)):
        pair.server.DTLSv1_listen()


@each_answer
def test_only_bytes_are_a_cookie(server_identity: Identity, answer: Any) -> None:
    """Or numbers that are bytes, as in pyOpenSSL, and not more than there is room for."""
    seen = []

    def verify(_: SSL.Connection, cookie: bytes) -> bool:
        seen.append(cookie)
        return True

    pair = listening_pair(server_identity, answering(answer), verify)
    for end in pair:
        end.set_options(SSL.OP_NO_QUERY_MTU)
        end.set_ciphertext_mtu(1400)
    if isinstance(answer, (bytes, bytearray, memoryview, tuple)) and 0 < len(answer) < 256:
        assert accepted(pair)
        assert seen == [bytes(answer)]
        return
    try:
        assert not accepted(pair)
    except (TypeError, ValueError):
        pass
    assert seen == []


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("failing", ["generate", "verify"])
def test_a_cookie_callback_that_raises_lets_nobody_in(
    server_identity: Identity, failing: str, kind: type[BaseException]
) -> None:
    failure = kind("no")
    raising = once(failure)
    pair = listening_pair(
        server_identity,
        raising if failing == "generate" else answering(b"cookie"),
        raising if failing == "verify" else answering(True),
    )
    with pytest.raises(kind) as raised:
        accepted(pair)
    assert raised.value is failure
    with pytest.raises(SSL.WantReadError):
        pair.server.DTLSv1_listen()
