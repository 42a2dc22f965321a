"""What callbacks do that they should not, and whether anybody gets through after that."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from OpenSSL import SSL

from support.callbacks import Callback, Function, eager_pair
from support.certificates import Identity
from support.implementation import deviation
from support.tls import CHUNK, Contexts, Pair, flush

INTERRUPTS = [pytest.param(kind, marks=deviation) for kind in (KeyboardInterrupt, SystemExit)]
RAISING = [RuntimeError, *INTERRUPTS]


def once(failure: BaseException) -> Function:
    """A function that fails the first time that it is called, and not again."""
    failures = [failure]

    def fail(*_: Any) -> Any:
        if failures:
            raise failures.pop()
        return True

    return fail


class Bytes(bytes):
    pass


ANSWERS: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2,
    1 << 70,
    0.0,
    0.5,
    float("nan"),
    "",
    "h2",
    b"",
    b"h2",
    b"http/1.1",
    b"h",
    b"h2h2",
    b"h3",
    b"x" * 255,
    b"x" * 256,
    b"x" * 16_000,
    Bytes(b"h2"),
    bytearray(b"h2"),
    memoryview(b"h2"),
    [],
    [b"h2"],
    (),
    (True,),
    {},
    {"ok": False},
    object(),
    Ellipsis,
    ValueError("returned and not raised"),
    ValueError,
    SSL.NO_OVERLAPPING_PROTOCOLS,
]

each_answer = pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: type(answer).__name__)


def answering(answer: Any) -> Function:
    return lambda *_: answer


def misbehaving_pair(
    contexts: Contexts, callback: Callback, misdeed: Function, client_identity: Identity
) -> Pair:
    callback.install(contexts[callback.role], misdeed)
    return eager_pair(contexts["client"], contexts["server"], client_identity)


def assert_nobody_gets_through(pair: Pair) -> None:
    """Both ends try everything, again and again, and no byte arrives."""
    attempts: list[Callable[[SSL.Connection], Any]] = [
        SSL.Connection.do_handshake,
        lambda end: end.send(b"forbidden"),
        lambda end: end.recv(CHUNK),
        lambda end: end.recv_into(bytearray(10)),
        SSL.Connection.shutdown,
    ]
    refused = [role for role in pair if not is_done(role)]
    assert refused, "both ends have finished"
    for _ in range(3):
        for end in pair:
            for attempt in attempts:
                try:
                    result = attempt(end)
                except SSL.Error:
                    continue
                assert attempt is not attempts[2], f"received {result!r}"
                assert attempt is not attempts[3], f"received {result!r} bytes"
                assert attempt is not attempts[0] or end not in refused, "the handshake went on"
        flush(*pair)
        flush(*pair[::-1])


def is_done(end: SSL.Connection) -> bool:
    try:
        end.do_handshake()
    except SSL.Error:
        return False
    return True
