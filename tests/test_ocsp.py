"""Stapled OCSP responses: given by the server, judged by the client."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.x509 import ocsp
from OpenSSL import SSL
from support.certificates import Authority, Identity
from support.tls import Pair, handshake, negotiate, pair_in_memory, reasons

Contexts = tuple[SSL.Context, SSL.Context]


@pytest.fixture
def contexts(client_context: SSL.Context, server_context: SSL.Context) -> Contexts:
    return client_context, server_context


@pytest.fixture(scope="module")
def staple(authority: Authority, server_identity: Identity) -> bytes:
    return authority.ocsp_response(server_identity)


def asking_pair(contexts: Contexts) -> Pair:
    pair = pair_in_memory(*contexts)
    pair.client.request_ocsp()
    return pair


def test_the_client_receives_what_the_server_staples(contexts: Contexts, staple: bytes) -> None:
    served: list[Any] = []
    judged: list[Any] = []

    def serve(connection: SSL.Connection, data: Any) -> bytes:
        served.append((connection, data))
        return staple

    def judge(connection: SSL.Connection, response: bytes, data: Any) -> bool:
        judged.append((connection, response, data))
        return True

    contexts[0].set_ocsp_client_callback(judge)
    contexts[1].set_ocsp_server_callback(serve)
    pair = handshake(asking_pair(contexts))
    assert served == [(pair.server, None)]
    assert judged == [(pair.client, staple, None)]


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
    seen: list[Any] = []
    contexts[0].set_ocsp_client_callback(lambda *call: seen.append(call[2]) or True, data)
    contexts[1].set_ocsp_server_callback(lambda *call: seen.append(call[1]) or staple, data=data)
    handshake(asking_pair(contexts))
    assert len(seen) == 2
    assert all(each is data for each in seen)


def test_nothing_to_staple_is_nothing_received(contexts: Contexts) -> None:
    judged: list[bytes] = []
    contexts[0].set_ocsp_client_callback(lambda *call: judged.append(call[1]) or True)
    contexts[1].set_ocsp_server_callback(lambda *_: b"")
    handshake(asking_pair(contexts))
    assert judged == [b""]


def test_a_server_without_a_callback_staples_nothing(contexts: Contexts) -> None:
    judged: list[bytes] = []
    contexts[0].set_ocsp_client_callback(lambda *call: judged.append(call[1]) or True)
    handshake(asking_pair(contexts))
    assert judged == [b""]


def test_a_client_that_did_not_ask_receives_nothing(contexts: Contexts, staple: bytes) -> None:
    calls: list[Any] = []
    contexts[0].set_ocsp_client_callback(lambda *call: calls.append(call) or True)
    contexts[1].set_ocsp_server_callback(lambda *call: calls.append(call) or staple)
    handshake(pair_in_memory(*contexts))
    assert not calls


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
    judged: list[bytes] = []
    contexts[0].set_ocsp_client_callback(lambda *call: judged.append(call[1]) or True)
    contexts[1].set_ocsp_server_callback(lambda *_: staple)
    for _ in range(3):
        handshake(asking_pair(contexts))
    assert judged == [staple] * 3
