"""Whatever a callback raises or answers: who was to be refused is refused, for good.

One table of callbacks, and one of misdeeds. After a refusal neither end gets through, however
often it tries, even when the callback would not refuse a second time; and the caller gets the
very exception.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Callable

import pytest
from OpenSSL import SSL
from support.callbacks import ALL, DECIDING, PROTOCOL, WATCHING
from support.certificates import Identity
from support.implementation import deviation
from support.misdeeds import (
    INTERRUPTS,
    RAISING,
    answering,
    assert_nobody_gets_through,
    each_answer,
    misbehaving_pair,
    once,
)
from support.tls import Contexts, negotiate

# Raising.


@pytest.mark.parametrize("kind", RAISING)
@pytest.mark.parametrize("name", DECIDING)
def test_nobody_gets_through_after_a_callback_that_raised(
    mutual_contexts: Contexts,
    client_identity: Identity,
    name: str,
    kind: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reported: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, value, trace: reported.append(value))
    failure = kind("no")
    callback = DECIDING[name]
    pair = misbehaving_pair(mutual_contexts, callback, once(failure), client_identity)
    outcome = negotiate(pair)
    mine = getattr(outcome, callback.role)
    if name == "server name" and kind is RuntimeError:
        assert reported == [failure]
        assert isinstance(mine, SSL.Error)
    else:
        assert mine is failure
    assert_nobody_gets_through(pair)


@pytest.mark.parametrize("kind", INTERRUPTS)
@pytest.mark.parametrize("name", WATCHING)
def test_an_interrupt_in_a_callback_that_watches_is_raised_once(
    mutual_contexts: Contexts, client_identity: Identity, name: str, kind: type[BaseException]
) -> None:
    """Such a callback has no say in the matter: what was interrupted may go on."""
    failure = kind("stop")
    callback = WATCHING[name]
    pair = misbehaving_pair(mutual_contexts, callback, once(failure), client_identity)
    outcome = negotiate(pair)
    assert getattr(outcome, callback.role) is failure
    later = getattr(negotiate(pair), callback.role)
    assert later is None or isinstance(later, SSL.Error)


# Answering with something else.


class Undecided:
    """Neither true nor false."""

    def __init__(self, failure: BaseException) -> None:
        self.failure = failure

    def __bool__(self) -> bool:
        raise self.failure


@dataclass(frozen=True)
class Expected:
    """What comes of an answer: whether the handshake succeeds, and what the call raises if not."""

    success: bool
    raises: type[BaseException] = SSL.Error


def truth(answer: Any) -> Expected:
    return Expected(bool(answer))


def protocol(answer: Any) -> Expected:
    """One of those that were offered, as bytes, or the sentinel for none."""
    if answer is SSL.NO_OVERLAPPING_PROTOCOLS:
        return Expected(True)
    if not isinstance(answer, bytes):
        return Expected(False, TypeError)
    if len(answer) > 255:
        return Expected(False, OverflowError)
    return Expected(answer in (PROTOCOL, b"http/1.1"))


def staple(answer: Any) -> Expected:
    """Bytes, of any content: it is for the client to judge them."""
    return Expected(isinstance(answer, bytes), TypeError)


EXPECTED: dict[str, Callable[[Any], Expected]] = {
    "server name": lambda answer: Expected(True),
    "ALPN": protocol,
    "OCSP of the server": staple,
    "verify the server": truth,
    "OCSP of the client": truth,
    "verify the client": truth,
    **{name: lambda answer: Expected(True) for name in WATCHING},
}


@each_answer
@pytest.mark.parametrize("name", ALL)
def test_only_the_right_answers_let_a_handshake_succeed(
    mutual_contexts: Contexts, client_identity: Identity, name: str, answer: Any
) -> None:
    expected = EXPECTED[name](answer)
    callback = ALL[name]
    pair = misbehaving_pair(mutual_contexts, callback, answering(answer), client_identity)
    outcome = negotiate(pair)
    if expected.success:
        assert outcome == (None, None)
        return
    assert type(getattr(outcome, callback.role)) is expected.raises
    assert_nobody_gets_through(pair)


@pytest.mark.parametrize("kind", RAISING)
@pytest.mark.parametrize("name", ["verify the server", "OCSP of the client", "verify the client"])
@deviation
def test_an_answer_that_cannot_be_decided_refuses(
    mutual_contexts: Contexts, client_identity: Identity, name: str, kind: type[BaseException]
) -> None:
    failure = kind("undecided")
    callback = DECIDING[name]
    pair = misbehaving_pair(
        mutual_contexts, callback, answering(Undecided(failure)), client_identity
    )
    assert getattr(negotiate(pair), callback.role) is failure
    assert_nobody_gets_through(pair)
