"""Properties that hold for whatever data and in whatever order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from OpenSSL import SSL
from support.callbacks import Recorder
from support.certificates import Authority, Identity
from support.tls import (
    CHUNK,
    Pair,
    drain,
    flush,
    handshake,
    new_client_context,
    new_server_context,
    pair_in_memory,
)

relaxed = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def contexts(client_context: SSL.Context, server_context: SSL.Context) -> Any:
    return client_context, server_context


@relaxed
@given(
    offers=st.lists(st.binary(min_size=1, max_size=255), min_size=1, max_size=60), data=st.data()
)
def test_whatever_is_offered_can_be_chosen(
    authority: Authority, server_identity: Identity, offers: list[bytes], data: st.DataObject
) -> None:
    choice = data.draw(st.sampled_from(offers))
    choose = Recorder(choice)
    client_context, server_context = (
        new_client_context(authority),
        new_server_context(server_identity),
    )
    client_context.set_alpn_protos(offers)
    server_context.set_alpn_select_callback(choose)
    pair = handshake(pair_in_memory(client_context, server_context))
    assert choose.calls == [(pair.server, offers)]
    assert [end.get_alpn_proto_negotiated() for end in pair] == [choice, choice]


@relaxed
@given(cuts=st.lists(st.integers(min_value=1, max_value=700), min_size=1))
def test_a_handshake_may_arrive_in_any_pieces(contexts: Any, cuts: list[int]) -> None:
    pair = pair_in_memory(*contexts)
    on_the_way = {0: b"", 1: b""}
    done: set[int] = set()
    turn = 0
    while len(done) < 2:
        for side, end in enumerate(pair):
            try:
                end.do_handshake()
                done.add(side)
            except SSL.WantReadError:
                pass
            on_the_way[side] += drain(end)
            size = cuts[turn % len(cuts)]
            turn += 1
            piece, on_the_way[side] = on_the_way[side][:size], on_the_way[side][size:]
            assert pair[1 - side].bio_write(piece) == len(piece) if piece else True
        assert turn < 100_000
    assert pair.client.get_finished() == pair.server.get_peer_finished()


messages = st.lists(st.binary(min_size=1, max_size=40_000), max_size=6)


@relaxed
@given(spoken=messages, answered=messages, sizes=st.lists(st.integers(1, 20_000), min_size=1))
def test_what_is_sent_is_received(
    contexts: Any, spoken: list[bytes], answered: list[bytes], sizes: list[int]
) -> None:
    client, server = handshake(pair_in_memory(*contexts))
    for source, target, said in ((client, server, spoken), (server, client, answered)):
        for message in said:
            assert source.sendall(message) == len(message)
        flush(source, target)
        received = bytearray()
        turn = 0
        while len(received) < sum(map(len, said)):
            piece = target.recv(sizes[turn % len(sizes)])
            assert piece
            received += piece
            turn += 1
        assert received == b"".join(said)
        with pytest.raises(SSL.WantReadError):
            target.recv(1)


@relaxed
@given(noise=st.binary(max_size=3_000), start=st.integers(0, 2_000))
def test_noise_is_an_error_and_never_a_crash(contexts: Any, noise: bytes, start: int) -> None:
    """In place of a part of the first flight, or after it."""
    pair = pair_in_memory(*contexts)
    with pytest.raises(SSL.WantReadError):
        pair.client.do_handshake()
    hello = drain(pair.client)
    mixed = hello[:start] + noise + hello[start + len(noise) :]
    if mixed:
        pair.server.bio_write(mixed)
    try:
        pair.server.do_handshake()
    except SSL.Error:
        pass
    answer = drain(pair.server)
    if answer:
        pair.client.bio_write(answer + noise)
    try:
        pair.client.do_handshake()
    except SSL.Error:
        pass


actions = st.sampled_from(
    ["handshake", "send", "recv", "peek", "shutdown", "deliver", "pending", "renegotiate", "end"]
)


@relaxed
@given(steps=st.lists(st.tuples(st.integers(0, 1), actions), max_size=60))
def test_any_order_of_calls_ends_in_an_answer_or_an_error(
    contexts: Any, steps: list[tuple[int, str]]
) -> None:
    pair: Pair = pair_in_memory(*contexts)
    for side, action in steps:
        end, other = pair[side], pair[1 - side]
        calls: dict[str, Any] = {
            "handshake": end.do_handshake,
            "send": lambda end=end: end.send(b"data"),
            "recv": lambda end=end: end.recv(CHUNK),
            "peek": lambda end=end: end.recv(1, 2),
            "shutdown": end.shutdown,
            "deliver": lambda end=end, other=other: flush(end, other),
            "pending": end.pending,
            "renegotiate": end.renegotiate,
            "end": end.bio_shutdown,
        }
        try:
            calls[action]()
        except SSL.Error:
            pass
    for end in pair:
        assert isinstance(end.get_state_string(), bytes)
        assert end.get_shutdown() in range(4)
