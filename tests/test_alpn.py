"""Application protocols: what the client offers and what the server makes of it."""

from __future__ import annotations

from typing import Any

import pytest
from OpenSSL import SSL
from support.tls import Pair, handshake, negotiate, pair_in_memory, reasons

Contexts = tuple[SSL.Context, SSL.Context]


@pytest.fixture
def contexts(client_context: SSL.Context, server_context: SSL.Context) -> Contexts:
    return client_context, server_context


def negotiated(pair: Pair) -> tuple[bytes, bytes]:
    client, server = handshake(pair)
    return client.get_alpn_proto_negotiated(), server.get_alpn_proto_negotiated()


@pytest.mark.parametrize("choice", [b"h2", b"http/1.1"])
def test_the_server_chooses_one_of_the_offers(contexts: Contexts, choice: bytes) -> None:
    client_context, server_context = contexts
    offers: list[Any] = []

    def choose(connection: SSL.Connection, protocols: list[bytes]) -> bytes:
        offers.append((connection, protocols))
        return choice

    client_context.set_alpn_protos([b"h2", b"http/1.1"])
    server_context.set_alpn_select_callback(choose)
    pair = pair_in_memory(*contexts)
    assert negotiated(pair) == (choice, choice)
    assert offers == [(pair.server, [b"h2", b"http/1.1"])]


def test_a_connection_may_offer_its_own(contexts: Contexts) -> None:
    client_context, server_context = contexts
    client_context.set_alpn_protos([b"of the context"])
    server_context.set_alpn_select_callback(lambda connection, protocols: protocols[0])
    pair = pair_in_memory(*contexts)
    pair.client.set_alpn_protos([b"of the connection"])
    assert negotiated(pair) == (b"of the connection", b"of the connection")


def test_no_overlap_goes_on_without_a_protocol(contexts: Contexts) -> None:
    client_context, server_context = contexts
    client_context.set_alpn_protos([b"h2"])
    server_context.set_alpn_select_callback(lambda *_: SSL.NO_OVERLAPPING_PROTOCOLS)
    assert negotiated(pair_in_memory(*contexts)) == (b"", b"")


def test_an_empty_choice_ends_the_handshake(contexts: Contexts) -> None:
    client_context, server_context = contexts
    client_context.set_alpn_protos([b"h2"])
    server_context.set_alpn_select_callback(lambda *_: b"")
    outcome = negotiate(pair_in_memory(*contexts))
    assert isinstance(outcome.client, SSL.Error)


def test_a_server_without_a_callback_chooses_nothing(contexts: Contexts) -> None:
    contexts[0].set_alpn_protos([b"h2"])
    assert negotiated(pair_in_memory(*contexts)) == (b"", b"")


def test_a_client_without_offers_is_not_asked(contexts: Contexts) -> None:
    calls: list[Any] = []
    contexts[1].set_alpn_select_callback(lambda *arguments: calls.append(arguments))
    assert negotiated(pair_in_memory(*contexts)) == (b"", b"")
    assert not calls


@pytest.mark.parametrize("answer", ["h2", None, bytearray(b"h2"), 1])
def test_a_choice_that_is_no_bytes_is_a_type_error(contexts: Contexts, answer: Any) -> None:
    client_context, server_context = contexts
    client_context.set_alpn_protos([b"h2"])
    server_context.set_alpn_select_callback(lambda *_: answer)
    outcome = negotiate(pair_in_memory(*contexts))
    assert isinstance(outcome.server, TypeError)
    assert reasons(outcome.client) == ["tlsv1 alert no application protocol"]


def test_many_offers_of_every_length_arrive(contexts: Contexts) -> None:
    offers = [b"x" * length for length in (1, 2, 127, 128, 254, 255)] * 20
    seen: list[list[bytes]] = []

    def choose(connection: SSL.Connection, protocols: list[bytes]) -> bytes:
        seen.append(protocols)
        return protocols[-1]

    contexts[0].set_alpn_protos(offers)
    contexts[1].set_alpn_select_callback(choose)
    assert negotiated(pair_in_memory(*contexts)) == (offers[-1], offers[-1])
    assert seen == [offers]


@pytest.mark.parametrize("on", ["context", "connection"])
def test_bad_offers_are_refused(contexts: Contexts, on: str) -> None:
    context = contexts[0]
    setter = context if on == "context" else SSL.Connection(context)
    with pytest.raises(ValueError, match=r"^at least one protocol must be specified$"):
        setter.set_alpn_protos([])
    with pytest.raises(ValueError):
        setter.set_alpn_protos([b"x" * 256])
    with pytest.raises(SSL.Error):
        setter.set_alpn_protos([b""])
    for wrong in (["h2"], [None], [[104, 50]], [memoryview(b"h 2 ")[::2]], b"h2", 1):
        with pytest.raises(TypeError):
            setter.set_alpn_protos(wrong)  # type: ignore[arg-type]


def test_any_sequence_of_offers_will_do(contexts: Contexts) -> None:
    contexts[0].set_alpn_protos((b"h2", bytearray(b"h3")))  # type: ignore[arg-type]
    contexts[1].set_alpn_select_callback(lambda connection, protocols: protocols[1])
    assert negotiated(pair_in_memory(*contexts)) == (b"h3", b"h3")


def test_a_choice_that_was_not_offered_is_the_servers_business(contexts: Contexts) -> None:
    contexts[0].set_alpn_protos([b"h2"])
    contexts[1].set_alpn_select_callback(lambda *_: b"imaginary")
    outcome = negotiate(pair_in_memory(*contexts))
    assert outcome.client is None or isinstance(outcome.client, SSL.Error)


def test_a_choice_longer_than_its_length_can_say_is_refused(contexts: Contexts) -> None:
    contexts[0].set_alpn_protos([b"h2"])
    contexts[1].set_alpn_select_callback(lambda *_: b"x" * 256)
    outcome = negotiate(pair_in_memory(*contexts))
    assert isinstance(outcome.server, Exception)
    assert isinstance(outcome.client, SSL.Error)
