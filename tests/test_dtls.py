"""TLS over datagrams: cookies, timers, lost and reordered datagrams, their size, and SRTP."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from OpenSSL import SSL
from support import child
from support.callbacks import Recorder
from support.certificates import Authority, Identity
from support.dtls import deliver, listen, persist, receive, records
from support.implementation import deviation
from support.network import Faulty, Lossy, Reordering, relayed_udp_pair, udp_pair
from support.threads import PATIENCE, background
from support.tls import (
    CHUNK,
    Pair,
    drain,
    flush,
    handshake,
    handshake_over_sockets,
    negotiate,
    new_client_context,
    new_server_context,
    pair_in_memory,
    pair_over,
    reasons,
    settle,
)

COOKIE = b"a cookie of the house"
PROFILES = b"SRTP_AES128_CM_SHA1_80:SRTP_AES128_CM_SHA1_32"


@pytest.fixture
def server_context(server_identity: Identity) -> SSL.Context:
    context = new_server_context(server_identity, method=SSL.DTLS_METHOD)
    context.set_cookie_generate_callback(lambda connection: COOKIE)
    context.set_cookie_verify_callback(lambda connection, cookie: cookie == COOKIE)
    return context


@pytest.fixture
def client_context(authority: Authority) -> SSL.Context:
    return new_client_context(authority, method=SSL.DTLS_METHOD)


@pytest.fixture
def fresh(client_context: SSL.Context, server_context: SSL.Context) -> Pair:
    return pair_in_memory(client_context, server_context)


@pytest.fixture
def udp_sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    ends = udp_pair()
    yield ends
    for end in ends:
        end.close()


# Over UDP


def test_a_handshake_over_udp(
    client_context: SSL.Context, server_context: SSL.Context, udp_sockets: Any
) -> None:
    client, server = handshake_over_sockets(pair_over(client_context, server_context, udp_sockets))
    assert client.get_protocol_version_name() == "DTLSv1.2"
    assert client.get_protocol_version() == 0xFEFD
    assert client.get_finished() == server.get_peer_finished()
    client.send(b"first")
    client.send(b"second")
    assert server.recv(CHUNK) == b"first", "a datagram is a message"
    assert server.recv(CHUNK) == b"second"
    server.send(b"answer")
    assert client.recv(CHUNK) == b"answer"


def test_a_message_may_be_read_in_parts(
    client_context: SSL.Context, server_context: SSL.Context, udp_sockets: Any
) -> None:
    client, server = handshake_over_sockets(pair_over(client_context, server_context, udp_sockets))
    client.send(b"0123456789")
    assert server.recv(4) == b"0123"
    assert server.pending() == 6
    assert server.recv(CHUNK) == b"456789"


def test_both_sides_say_goodbye_over_udp(
    client_context: SSL.Context, server_context: SSL.Context, udp_sockets: Any
) -> None:
    client, server = handshake_over_sockets(pair_over(client_context, server_context, udp_sockets))
    assert client.shutdown() is False
    with pytest.raises(SSL.ZeroReturnError):
        server.recv(CHUNK)
    assert server.shutdown() is True
    assert client.shutdown() is True


def test_a_cookie_is_exchanged_over_udp(
    client_context: SSL.Context, server_context: SSL.Context, udp_sockets: Any
) -> None:
    for end in udp_sockets:
        end.setblocking(False)
    client, server = pair_over(client_context, server_context, udp_sockets)

    def serve() -> bytes:
        persist(server, server.DTLSv1_listen)
        persist(server, server.do_handshake)
        return receive(server)

    serving = background(serve)
    persist(client, client.do_handshake)
    client.send(b"with a cookie")
    assert serving.result(PATIENCE) == b"with a cookie"


def exchange_over(
    client_context: SSL.Context, server_context: SSL.Context, fault: Callable[[], Faulty]
) -> tuple[Pair, tuple[Any, Any]]:
    """Shake hands with a cookie through a relay, then send a message each way until it arrives."""
    with relayed_udp_pair(fault) as (near, far, faults):
        for end in (near, far):
            end.setblocking(False)
        pair = client, server = pair_over(client_context, server_context, (near, far))
        for end in pair:
            end.set_options(SSL.OP_NO_QUERY_MTU)
            end.set_ciphertext_mtu(1200)

        def serve() -> list[bytes]:
            persist(server, server.DTLSv1_listen)
            persist(server, server.do_handshake)
            received = [receive(server)]
            for _ in range(9):
                server.send(b"answer")
            return received

        serving = background(serve)
        persist(client, client.do_handshake)
        for _ in range(9):
            client.send(b"question")
        assert receive(client) == b"answer"
        assert serving.result(PATIENCE) == [b"question"]
    return pair, faults


def test_a_handshake_survives_the_loss_of_every_third_datagram(
    client_context: SSL.Context,
    server_context: SSL.Context,
    authority: Authority,
    client_identity: Identity,
) -> None:
    """With a client certificate and without a ticket no flight has three datagrams: the relay
    would drop the same one of them each time."""
    client_identity.install(client_context)
    server_context.load_verify_locations(authority.file)
    server_context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    server_context.set_options(SSL.OP_NO_TICKET)
    pair, faults = exchange_over(client_context, server_context, Lossy)
    assert pair.client.get_finished() == pair.server.get_peer_finished()
    assert all(fault.dropped for fault in faults)


def test_a_handshake_survives_reordering(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    pair, faults = exchange_over(client_context, server_context, Reordering)
    assert pair.client.get_finished() == pair.server.get_peer_finished()
    assert all(fault.swapped for fault in faults)


# Cookies


def test_a_server_listens_until_the_cookie_is_right(
    client_context: SSL.Context, server_identity: Identity
) -> None:
    calls: list[Any] = []

    def generate(connection: SSL.Connection) -> bytes:
        calls.append(("generate", connection))
        return COOKIE

    def verify(connection: SSL.Connection, cookie: bytes) -> bool:
        calls.append(("verify", connection, cookie))
        return cookie == COOKIE

    context = new_server_context(server_identity, method=SSL.DTLS_METHOD)
    context.set_cookie_generate_callback(generate)
    context.set_cookie_verify_callback(verify)
    pair = pair_in_memory(client_context, context)
    with pytest.raises(SSL.WantReadError) as waiting:
        pair.server.DTLSv1_listen()
    assert waiting.value.args == ()
    listen(pair)
    assert calls == [("generate", pair.server), ("verify", pair.server, COOKIE)]
    handshake(pair)


def test_a_wrong_cookie_is_asked_for_again(
    client_context: SSL.Context, server_identity: Identity
) -> None:
    context = new_server_context(server_identity, method=SSL.DTLS_METHOD)
    context.set_cookie_generate_callback(lambda connection: COOKIE)
    context.set_cookie_verify_callback(lambda connection, cookie: False)
    pair = pair_in_memory(client_context, context)
    with pytest.raises(SSL.WantReadError):
        listen(pair)


@pytest.mark.parametrize("length", [0, 1, 255])
def test_cookies_have_any_length_that_fits(
    client_context: SSL.Context, server_identity: Identity, length: int
) -> None:
    verify = Recorder()
    context = new_server_context(server_identity, method=SSL.DTLS_METHOD)
    context.set_cookie_generate_callback(lambda connection: b"x" * length)
    context.set_cookie_verify_callback(verify)
    pair = pair_in_memory(client_context, context)
    pair.client.set_options(SSL.OP_NO_QUERY_MTU)
    pair.client.set_ciphertext_mtu(1200)  # the first message may not come in pieces
    if length:
        listen(pair)
        assert verify.calls == [(pair.server, b"x" * length)]
    else:  # which is none at all
        with pytest.raises(SSL.WantReadError):
            listen(pair)


@pytest.mark.parametrize("length", [256, 1 << 20])
def test_a_cookie_that_is_too_long_is_refused(
    client_context: SSL.Context, server_identity: Identity, length: int
) -> None:
    context = new_server_context(server_identity, method=SSL.DTLS_METHOD)
    context.set_cookie_generate_callback(lambda connection: b"x" * length)
    context.set_cookie_verify_callback(lambda connection, cookie: True)
    with pytest.raises(ValueError, match=rf"^Cookie too long \(got {length} bytes, max 255\)$"):
        listen(pair_in_memory(client_context, context))


@pytest.mark.parametrize("failing", ["generate", "verify"])
def test_an_exception_in_a_cookie_callback_is_raised(
    client_context: SSL.Context, server_identity: Identity, failing: str
) -> None:
    failure = RuntimeError("no flour")

    def fail(*_: Any) -> Any:
        raise failure

    context = new_server_context(server_identity, method=SSL.DTLS_METHOD)
    context.set_cookie_generate_callback(
        fail if failing == "generate" else lambda connection: COOKIE
    )
    context.set_cookie_verify_callback(fail if failing == "verify" else lambda *_: True)
    pair = pair_in_memory(client_context, context)
    raised = []
    for _ in range(2):
        try:
            listen(pair)
        except (SSL.WantReadError, RuntimeError) as exception:
            raised.append(exception)
    assert failure in raised


@deviation
@pytest.mark.parametrize("failing", ["generate", "verify"])
def test_an_exception_in_a_cookie_callback_of_a_handshake_is_raised(
    client_context: SSL.Context, server_identity: Identity, failing: str
) -> None:
    """The exchange of cookies may also be a part of the handshake."""
    failure = RuntimeError("no flour")

    def fail(*_: Any) -> Any:
        raise failure

    context = new_server_context(server_identity, method=SSL.DTLS_METHOD)
    context.set_options(SSL.OP_COOKIE_EXCHANGE)
    context.set_cookie_generate_callback(
        fail if failing == "generate" else lambda connection: COOKIE
    )
    context.set_cookie_verify_callback(fail if failing == "verify" else lambda *_: True)
    assert negotiate(pair_in_memory(client_context, context)).server is failure


def test_cookies_may_be_a_part_of_the_handshake(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    server_context.set_options(SSL.OP_COOKIE_EXCHANGE)
    handshake(pair_in_memory(client_context, server_context))


@pytest.mark.parametrize("cookie", ["text", None, 1])
def test_a_cookie_must_be_bytes(
    client_context: SSL.Context, server_identity: Identity, cookie: Any
) -> None:
    context = new_server_context(server_identity, method=SSL.DTLS_METHOD)
    context.set_cookie_generate_callback(lambda connection: cookie)
    context.set_cookie_verify_callback(lambda *_: True)
    with pytest.raises(TypeError):
        listen(pair_in_memory(client_context, context))


# Timers


def test_there_is_no_timer_before_the_first_flight(fresh: Pair) -> None:
    assert fresh.client.DTLSv1_get_timeout() is None
    assert fresh.client.DTLSv1_handle_timeout() is False


def test_the_timer_runs_while_an_answer_is_awaited(fresh: Pair) -> None:
    with pytest.raises(SSL.WantReadError):
        fresh.client.do_handshake()
    timeout = fresh.client.DTLSv1_get_timeout()
    assert isinstance(timeout, float)
    assert 0 < timeout <= 1
    assert fresh.client.DTLSv1_handle_timeout() is False, "it is not due yet"


def test_a_flight_is_sent_again_when_the_timer_is_due(fresh: Pair) -> None:
    with pytest.raises(SSL.WantReadError):
        fresh.client.do_handshake()
    lost = records(drain(fresh.client))
    time.sleep((fresh.client.DTLSv1_get_timeout() or 0) + 0.05)
    assert fresh.client.DTLSv1_get_timeout() == 0
    assert fresh.client.DTLSv1_handle_timeout() is True
    again = records(drain(fresh.client))
    assert [len(record) for record in again] == [len(record) for record in lost]
    for record in again:
        fresh.server.bio_write(record)
    handshake(fresh)
    assert fresh.client.DTLSv1_get_timeout() is None


# Datagrams


def test_a_lost_message_is_lost(fresh: Pair) -> None:
    handshake(fresh)
    fresh.client.send(b"lost")
    drain(fresh.client)
    fresh.client.send(b"arrives")
    deliver(*fresh)
    assert fresh.server.recv(CHUNK) == b"arrives"


def test_messages_may_overtake_each_other(fresh: Pair) -> None:
    handshake(fresh)
    flights = []
    for number in range(5):
        fresh.client.send(b"%d" % number)
        flights.append(drain(fresh.client))
    received = []
    for flight in reversed(flights):
        fresh.server.bio_write(flight)
        received.append(fresh.server.recv(CHUNK))
    assert received == [b"4", b"3", b"2", b"1", b"0"]


def test_a_message_is_received_once(fresh: Pair) -> None:
    handshake(fresh)
    fresh.client.send(b"once")
    flight = drain(fresh.client)
    fresh.server.bio_write(flight)
    assert fresh.server.recv(CHUNK) == b"once"
    fresh.server.bio_write(flight)
    with pytest.raises(SSL.WantReadError):
        fresh.server.recv(CHUNK)


def test_a_forged_message_is_ignored(fresh: Pair) -> None:
    handshake(fresh)
    fresh.client.send(b"forged")
    flight = bytearray(drain(fresh.client))
    flight[-1] ^= 1
    fresh.server.bio_write(flight)
    with pytest.raises(SSL.WantReadError):
        fresh.server.recv(CHUNK)
    fresh.client.send(b"genuine")
    flush(*fresh)
    assert fresh.server.recv(CHUNK) == b"genuine"


def test_a_message_larger_than_a_record_is_an_error(fresh: Pair) -> None:
    handshake(fresh)
    with pytest.raises(SSL.Error):
        fresh.client.send(bytes((1 << 14) + 1))


# The size of datagrams


@pytest.mark.parametrize("mtu", [300, 1200, 1500])
def test_the_handshake_fits_into_the_datagrams(
    client_context: SSL.Context, server_context: SSL.Context, mtu: int
) -> None:
    sizes: list[int] = []

    class Measuring(Faulty):
        def arrive(self, datagram: bytes) -> Iterator[bytes]:
            sizes.append(len(datagram))
            yield datagram

    with relayed_udp_pair(Measuring) as (near, far, _):
        for end in (near, far):
            end.setblocking(False)
        client, server = pair = pair_over(client_context, server_context, (near, far))
        for connection in pair:
            connection.set_options(SSL.OP_NO_QUERY_MTU)
            connection.set_ciphertext_mtu(mtu)
        serving = background(persist, server, server.do_handshake)
        persist(client, client.do_handshake)
        serving.result(PATIENCE)
        room = client.get_cleartext_mtu()
        client.send(bytes(room))
        assert receive(server) == bytes(room)
    assert max(sizes) <= mtu
    assert mtu - 60 < room < mtu


def test_the_room_for_data_follows_the_size_of_datagrams(fresh: Pair) -> None:
    for end in fresh:
        end.set_options(SSL.OP_NO_QUERY_MTU)
        end.set_ciphertext_mtu(1200)
    handshake(fresh)
    rooms = []
    for mtu in (500, 1000, 1500):
        fresh.client.set_ciphertext_mtu(mtu)
        rooms.append(fresh.client.get_cleartext_mtu())
    assert [rooms[1] - rooms[0], rooms[2] - rooms[1]] == [500, 500]
    fresh.client.set_ciphertext_mtu(1000)
    fresh.client.send(bytes(rooms[1]))
    assert len(drain(fresh.client)) <= 1000


def test_without_a_handshake_there_is_no_room(fresh: Pair) -> None:
    assert fresh.client.get_cleartext_mtu() == 0


# SRTP


def srtp_pair(
    client_context: SSL.Context, server_context: SSL.Context, client: bytes, server: bytes
) -> Pair:
    client_context.set_tlsext_use_srtp(client)
    server_context.set_tlsext_use_srtp(server)
    return handshake(pair_in_memory(client_context, server_context))


@pytest.mark.parametrize(
    ("server", "chosen"),
    [
        (PROFILES, b"SRTP_AES128_CM_SHA1_80"),
        (b"SRTP_AES128_CM_SHA1_32", b"SRTP_AES128_CM_SHA1_32"),
    ],
)
def test_an_srtp_profile_is_negotiated(
    client_context: SSL.Context, server_context: SSL.Context, server: bytes, chosen: bytes
) -> None:
    pair = srtp_pair(client_context, server_context, PROFILES, server)
    assert [end.get_selected_srtp_profile() for end in pair] == [chosen, chosen]
    keys = [end.export_keying_material(b"EXTRACTOR-dtls_srtp", 60) for end in pair]
    assert len(keys[0]) == 60
    assert keys[0] == keys[1]


def test_srtp_keys_are_the_same_over_udp(
    client_context: SSL.Context, server_context: SSL.Context, udp_sockets: Any
) -> None:
    for context in (client_context, server_context):
        context.set_tlsext_use_srtp(PROFILES)
    pair = handshake_over_sockets(pair_over(client_context, server_context, udp_sockets))
    assert {end.get_selected_srtp_profile() for end in pair} == {b"SRTP_AES128_CM_SHA1_80"}
    assert len({end.export_keying_material(b"EXTRACTOR-dtls_srtp", 60) for end in pair}) == 1


def test_without_a_common_profile_there_is_none(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    pair = srtp_pair(
        client_context, server_context, b"SRTP_AES128_CM_SHA1_80", b"SRTP_AES128_CM_SHA1_32"
    )
    assert [end.get_selected_srtp_profile() for end in pair] == [b"", b""]


def test_an_unknown_profile_is_an_error(client_context: SSL.Context) -> None:
    with pytest.raises(SSL.Error) as failure:
        client_context.set_tlsext_use_srtp(b"imaginary")
    assert reasons(failure.value) == ["srtp unknown protection profile"]


# Methods and callbacks


def test_a_method_for_one_role_serves_that_role(
    authority: Authority, server_identity: Identity
) -> None:
    pair = pair_in_memory(
        new_client_context(authority, method=SSL.DTLS_CLIENT_METHOD),
        new_server_context(server_identity, method=SSL.DTLS_SERVER_METHOD),
    )
    assert handshake(pair).client.get_protocol_version_name() == "DTLSv1.2"


def test_callbacks_run_over_datagrams_too(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    verify, choose, name = Recorder(), Recorder(b"webrtc"), Recorder()
    client_context.set_verify(SSL.VERIFY_PEER, verify)
    client_context.set_alpn_protos([b"webrtc"])
    server_context.set_alpn_select_callback(choose)
    server_context.set_tlsext_servername_callback(name)
    pair = handshake(pair_in_memory(client_context, server_context))
    settle(pair)
    assert choose.calls == [(pair.server, [b"webrtc"])]
    assert [len(each.calls) for each in (verify, name)] == [2, 1]
    assert pair.client.get_alpn_proto_negotiated() == b"webrtc"


@deviation
def test_after_a_handshake_of_tls_there_is_no_room_for_datagrams(files: tuple[Path, ...]) -> None:
    """OpenSSL would read through a null pointer to find out."""
    assert child.run(ask_tls_for_the_room_of_datagrams, *files) == [0, 0]


def ask_tls_for_the_room_of_datagrams(ca_file: str, chain_file: str, key_file: str) -> list[int]:
    client_context = SSL.Context(SSL.TLS_METHOD)
    client_context.load_verify_locations(ca_file)
    server_context = SSL.Context(SSL.TLS_METHOD)
    server_context.use_certificate_chain_file(chain_file)
    server_context.use_privatekey_file(key_file)
    pair = handshake(pair_in_memory(client_context, server_context))
    return [end.get_cleartext_mtu() for end in pair]


def test_tls_knows_nothing_of_datagrams(authority: Authority, server_identity: Identity) -> None:
    connection = SSL.Connection(new_client_context(authority))
    connection.set_connect_state()
    assert connection.DTLSv1_get_timeout() is None
    assert connection.get_cleartext_mtu() == 0
