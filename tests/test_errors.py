"""What is raised when: the kinds of errors, what they carry, and that they do not mix."""

from __future__ import annotations

import pickle
from typing import Any, Callable

import pytest
from OpenSSL import SSL, crypto
from support.threads import at_once
from support.tls import Pair, drain, handshake, pair_in_memory

KINDS = [
    SSL.WantReadError,
    SSL.WantWriteError,
    SSL.WantX509LookupError,
    SSL.ZeroReturnError,
    SSL.SysCallError,
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_is_an_error(kind: type[Exception]) -> None:
    assert issubclass(kind, SSL.Error)
    assert kind.__module__ == "OpenSSL.SSL"
    assert kind.__qualname__ == kind.__name__


def test_the_error_of_ssl_is_not_that_of_crypto() -> None:
    assert SSL.Error.__bases__ == (Exception,)
    assert not issubclass(SSL.Error, crypto.Error)
    assert not issubclass(crypto.Error, SSL.Error)


@pytest.mark.parametrize("kind", [SSL.Error, *KINDS], ids=lambda kind: kind.__name__)
def test_programs_raise_errors_of_their_own(kind: type[Exception]) -> None:
    failure = kind(1, "two")
    assert failure.args == (1, "two")
    assert pickle.loads(pickle.dumps(failure)).args == (1, "two")
    assert type("Mine", (kind,), {})("x").args == ("x",)


def test_the_reasons_are_a_list_of_three(connected: Pair) -> None:
    with pytest.raises(SSL.Error) as failure:
        connected.client.get_context().check_privatekey()
    (entries,) = failure.value.args
    assert type(entries) is list
    assert entries == [("SSL routines", "", "no certificate assigned")]
    assert {type(part) for entry in entries for part in entry} == {str}
    assert str(failure.value) == "[('SSL routines', '', 'no certificate assigned')]"


def test_waiting_says_nothing(connected: Pair) -> None:
    for call in (lambda: connected.client.recv(1), lambda: connected.client.bio_read(1)):
        drain(connected.client)
        with pytest.raises(SSL.WantReadError) as waiting:
            call()
        assert waiting.value.args == ()
        assert str(waiting.value) == ""


def fail_in_openssl() -> None:
    """Make OpenSSL complain about something else."""
    with pytest.raises(crypto.Error):
        crypto.X509Store().load_locations("/absent")
    with pytest.raises(SSL.Error):
        SSL.Context(SSL.TLS_METHOD).set_cipher_list(b"imaginary")


def test_a_failure_elsewhere_does_not_turn_waiting_into_an_error(connected: Pair) -> None:
    fail_in_openssl()
    with pytest.raises(SSL.WantReadError):
        connected.client.recv(1)


def test_a_failure_elsewhere_does_not_disturb_a_handshake(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    def fail(*_: Any) -> bool:
        fail_in_openssl()
        return True

    client_context.set_verify(SSL.VERIFY_PEER, fail)
    client_context.set_info_callback(fail)
    handshake(pair_in_memory(client_context, server_context))


def test_errors_of_threads_do_not_mix(connected: Pair) -> None:
    def complain(mistake: Callable[[SSL.Context], None]) -> set[str]:
        seen = set()
        for _ in range(200):
            with pytest.raises(SSL.Error) as failure:
                mistake(SSL.Context(SSL.TLS_METHOD))
            seen.add(str(failure.value.args))
        return seen

    first, second = at_once(
        lambda: complain(lambda context: context.set_cipher_list(b"imaginary")),
        lambda: complain(SSL.Context.check_privatekey),
    )
    assert first == {"([('SSL routines', '', 'no cipher match')],)"}
    assert second == {"([('SSL routines', '', 'no certificate assigned')],)"}
