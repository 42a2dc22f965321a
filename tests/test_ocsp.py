"""Stapled OCSP responses: given by the server, judged by the client."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.x509 import ocsp
from OpenSSL import SSL
from support.callbacks import Recorder
from support.certificates import Authority, Identity
from support.tls import Pair, handshake, negotiate, pair_in_memory, reasons

Contexts = tuple[SSL.Context, SSL.Context]


@pytest.fixture
def contexts(client_context: SSL.Context, server_context: SSL.Context) -> Contexts:
    return client_context, server_context


@pytest.fixture(scope="module")
def staple(authority: Authority, server_identity: Identity) -> bytes:
    return authority.ocsp_response(server_identity)


def received(judge: Recorder) -> list[bytes]:
    return [response for _, response, _ in judge.calls]


def asking_pair(contexts: Contexts) -> Pair:
    pair = pair_in_memory(*contexts)
    pair.client.request_ocsp()
    return pair


def test_the_client_receives_what_the_server_staples(contexts: Contexts, staple: bytes) -> None:
    judge, serve = Recorder(), Recorder(staple)
    contexts[0].set_ocsp_client_callback(judge)
    contexts[1].set_ocsp_server_callback(serve)
    pair = handshake(asking_pair(contexts))
    assert serve.calls == [(pair.server, None)]
    assert judge.calls == [(pair.client, staple, None)]


def test_the_client_reads_the_response(
    contexts: Contexts, authority: Authority, server_identity: Identity
) -> None:
    statuses = []

    def judge(connection: SSL.Connection, response: bytes, data: Any) -> bool:
        status = ocsp.load_der_ocsp_response(response).certificate_status
        statuses.append(status)
        return status is ocsp.OCSPCertStatus.GOOD

    revoked = authority.ocsp_response(server_identity, revoked=True)
    contexts[0].set_ocsp_client_callback(judge)
    contexts[1].set_ocsp_server_callback(lambda *_: revoked)
    outcome = negotiate(asking_pair(contexts))
    assert statuses == [ocsp.OCSPCertStatus.REVOKED]
    assert reasons(outcome.client) == ["invalid status response"]
    assert isinstance(outcome.server, SSL.Error)


@pytest.mark.parametrize("data", [object(), 0, "", b"data", []])
def test_the_data_is_handed_through(contexts: Contexts, staple: bytes, data: Any) -> None:
    judge, serve = Recorder(), Recorder(staple)
    contexts[0].set_ocsp_client_callback(judge, data)
    contexts[1].set_ocsp_server_callback(serve, data=data)
    handshake(asking_pair(contexts))
    (judged,), (served,) = judge.calls, serve.calls
    assert judged[2] is data
    assert served[1] is data


def test_nothing_to_staple_is_nothing_received(contexts: Contexts) -> None:
    judge = Recorder()
    contexts[0].set_ocsp_client_callback(judge)
    contexts[1].set_ocsp_server_callback(lambda *_: b"")
    handshake(asking_pair(contexts))
    assert received(judge) == [b""]


def test_a_server_without_a_callback_staples_nothing(contexts: Contexts) -> None:
    judge = Recorder()
    contexts[0].set_ocsp_client_callback(judge)
    handshake(asking_pair(contexts))
    assert received(judge) == [b""]


def test_a_client_that_did_not_ask_receives_nothing(contexts: Contexts, staple: bytes) -> None:
    judge, serve = Recorder(), Recorder(staple)
    contexts[0].set_ocsp_client_callback(judge)
    contexts[1].set_ocsp_server_callback(serve)
    handshake(pair_in_memory(*contexts))
    assert not judge.calls
    assert not serve.calls


@pytest.mark.parametrize("answer", [True, 1, "yes"])
def test_any_true_answer_accepts(contexts: Contexts, staple: bytes, answer: Any) -> None:
    contexts[0].set_ocsp_client_callback(lambda *_: answer)
    contexts[1].set_ocsp_server_callback(lambda *_: staple)
    handshake(asking_pair(contexts))


@pytest.mark.parametrize("answer", [False, None, 0, ""])
def test_any_false_answer_refuses(contexts: Contexts, staple: bytes, answer: Any) -> None:
    contexts[0].set_ocsp_client_callback(lambda *_: answer)
    contexts[1].set_ocsp_server_callback(lambda *_: staple)
    outcome = negotiate(asking_pair(contexts))
    assert reasons(outcome.client) == ["invalid status response"]


@pytest.mark.parametrize("answer", ["staple", None, bytearray(b"staple"), 1])
def test_a_staple_that_is_no_bytes_is_a_type_error(contexts: Contexts, answer: Any) -> None:
    contexts[1].set_ocsp_server_callback(lambda *_: answer)
    contexts[0].set_ocsp_client_callback(lambda *_: True)
    outcome = negotiate(asking_pair(contexts))
    assert isinstance(outcome.server, TypeError)


def test_a_staple_is_sent_to_every_client(contexts: Contexts, staple: bytes) -> None:
    judge = Recorder()
    contexts[0].set_ocsp_client_callback(judge)
    contexts[1].set_ocsp_server_callback(lambda *_: staple)
    for _ in range(3):
        handshake(asking_pair(contexts))
    assert received(judge) == [staple] * 3
