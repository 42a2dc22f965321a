"""What a handshake needs, what it settles, and what can be asked before and after."""

from __future__ import annotations

import socket
from typing import Any, Callable

import pytest
from OpenSSL import SSL, crypto
from support.certificates import Authority, Identity
from support.threads import PATIENCE, background
from support.tls import (
    Pair,
    handshake,
    negotiate,
    new_client_context,
    new_server_context,
    pair_in_memory,
    pair_over,
    reasons,
    settle,
    transfer,
)


@pytest.fixture
def fresh(client_context: SSL.Context, server_context: SSL.Context) -> Pair:
    """A client and a server joined in memory, before their handshake."""
    return pair_in_memory(client_context, server_context)


def test_data_flows_both_ways(connected: Pair) -> None:
    question, answer = b"question" * 5000, b"answer" * 5000
    assert transfer(connected.client, connected.server, question) == question
    assert transfer(connected.server, connected.client, answer) == answer


def test_a_handshake_that_is_done_can_be_asked_for_again(connected: Pair) -> None:
    assert connected.client.do_handshake() is None
    assert connected.server.do_handshake() is None


def test_send_and_recv_shake_hands_by_themselves(
    client_context: SSL.Context,
    server_context: SSL.Context,
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    client, server = pair_over(client_context, server_context, sockets)
    received = background(server.recv, 10)
    assert client.send(b"early bird") == 10
    assert received.result(PATIENCE) == b"early bird"


NOTHING_YET: dict[str, Any] = {
    "get_alpn_proto_negotiated": b"",
    "get_app_data": None,
    "get_cipher_bits": None,
    "get_cipher_name": None,
    "get_cipher_version": None,
    "get_finished": None,
    "get_peer_cert_chain": None,
    "get_peer_certificate": None,
    "get_peer_finished": None,
    "get_selected_srtp_profile": b"",
    "get_servername": None,
    "get_session": None,
    "get_shutdown": 0,
    "get_state_string": b"before SSL initialization",
    "get_verified_chain": None,
    "client_random": None,
    "master_key": None,
    "pending": 0,
    "renegotiate_pending": False,
    "server_random": None,
    "total_renegotiations": 0,
}


@pytest.mark.parametrize(("method", "answer"), NOTHING_YET.items(), ids=NOTHING_YET.keys())
def test_before_the_handshake_nothing_is_known(fresh: Pair, method: str, answer: Any) -> None:
    assert getattr(fresh.client, method)() == answer


def test_the_server_has_its_certificate_from_the_start(
    fresh: Pair, server_identity: Identity
) -> None:
    assert fresh.client.get_certificate() is None
    assert fresh.server.get_certificate(as_cryptography=True) == server_identity.certificate


def test_both_ends_agree(connected: Pair, version: int) -> None:
    client, server = connected
    for method in (
        "client_random",
        "get_cipher_bits",
        "get_cipher_name",
        "get_cipher_version",
        "get_protocol_version",
        "get_protocol_version_name",
        "server_random",
    ):
        assert getattr(client, method)() == getattr(server, method)(), method
    assert client.get_protocol_version() == version
    assert client.get_protocol_version_name() == client.get_cipher_version()


def test_randoms_are_32_bytes_and_differ(connected: Pair) -> None:
    randoms = (connected.client.client_random(), connected.client.server_random())
    assert [len(each or b"") for each in randoms] == [32, 32]
    assert randoms[0] != randoms[1]


def test_each_finished_message_is_the_one_the_peer_received(connected: Pair) -> None:
    client, server = connected
    assert client.get_finished()
    assert client.get_finished() == server.get_peer_finished()
    assert server.get_finished() == client.get_peer_finished()
    assert client.get_finished() != server.get_finished()


def test_the_master_key_of_tls_1_2_is_shared(
    authority: Authority, server_identity: Identity
) -> None:
    client, server = handshake(
        pair_in_memory(
            new_client_context(authority, SSL.TLS1_2_VERSION), new_server_context(server_identity)
        )
    )
    assert len(client.master_key() or b"") == 48
    assert client.master_key() == server.master_key()


def test_the_group_is_the_same_on_both_ends(connected: Pair) -> None:
    try:
        names = [end.get_group_name() for end in connected]
    except NotImplementedError as refusal:
        pytest.skip(str(refusal))
    assert names[0]
    assert names[0] == names[1]


@pytest.mark.parametrize("context", [None, b"", b"context"])
@pytest.mark.parametrize("length", [1, 32, 1000])
def test_exported_keys_are_the_same_on_both_ends(
    connected: Pair, length: int, context: bytes | None
) -> None:
    keys = [end.export_keying_material(b"EXPERIMENTAL", length, context) for end in connected]
    assert len(keys[0]) == length
    assert keys[0] == keys[1]


def test_exported_keys_depend_on_label_and_context(connected: Pair) -> None:
    export = connected.client.export_keying_material
    keys = {
        export(b"EXPERIMENTAL one", 32),
        export(b"EXPERIMENTAL two", 32),
        export(b"EXPERIMENTAL one", 32, b"context"),
    }
    assert len(keys) == 3


def test_keys_cannot_be_exported_before_the_handshake(fresh: Pair) -> None:
    with pytest.raises(SSL.Error):
        fresh.client.export_keying_material(b"EXPERIMENTAL", 32)


def test_the_state_is_told_in_words(connected: Pair) -> None:
    for end in connected:
        assert end.get_state_string() == b"SSL negotiation finished successfully"


def test_the_client_sees_the_certificate_and_the_chain(
    authority: Authority, chained_identity: Identity, version: int
) -> None:
    client, server = handshake(
        pair_in_memory(
            new_client_context(authority, version), new_server_context(chained_identity, version)
        )
    )
    leaf, (intermediate,) = chained_identity.certificate, chained_identity.intermediates
    assert client.get_peer_certificate(as_cryptography=True) == leaf
    assert client.get_peer_cert_chain(as_cryptography=True) == [leaf, intermediate]
    verified = client.get_verified_chain(as_cryptography=True)
    assert verified == [leaf, intermediate, authority.certificate]
    assert server.get_peer_certificate() is None
    assert server.get_peer_cert_chain() is None
    assert server.get_verified_chain() is None


def test_certificates_come_as_own_objects_unless_asked_otherwise(connected: Pair) -> None:
    client, server = connected
    certificates = [
        server.get_certificate(),
        client.get_peer_certificate(),
        *(client.get_peer_cert_chain() or []),
        *(client.get_verified_chain() or []),
    ]
    assert len(certificates) == 5
    assert {type(each) for each in certificates} == {crypto.X509}


@pytest.mark.filterwarnings("ignore:X509Name:DeprecationWarning")
@pytest.mark.parametrize("answer", [1, "no", [None], 0, None, ""])
def test_whether_objects_of_cryptography_are_asked_for_is_a_truth_value(
    authority: Authority, server_identity: Identity, answer: Any
) -> None:
    context = new_server_context(server_identity)
    context.add_client_ca(authority.certificate)
    client, server = handshake(pair_in_memory(new_client_context(authority), context))
    found = [
        server.get_certificate(as_cryptography=answer),
        client.get_peer_certificate(as_cryptography=answer),
        *(client.get_peer_cert_chain(as_cryptography=answer) or []),
        *(client.get_verified_chain(as_cryptography=answer) or []),
        *server.get_client_ca_list(as_cryptography=answer),
    ]
    assert len(found) == 6
    own = {type(each).__module__ == "OpenSSL.crypto" for each in found}
    assert own == {not answer}


# Failures


def test_a_connection_without_a_role_cannot_shake_hands() -> None:
    connection = SSL.Connection(SSL.Context(SSL.TLS_METHOD))
    with pytest.raises(SSL.Error) as failure:
        connection.do_handshake()
    assert reasons(failure.value) == ["connection type not set"]


@pytest.mark.parametrize(
    "call", [lambda c: c.send(b"x"), lambda c: c.recv(1), lambda c: c.shutdown()]
)
def test_a_connection_without_a_role_does_nothing_else(
    call: Callable[[SSL.Connection], Any],
) -> None:
    with pytest.raises(SSL.Error) as failure:
        call(SSL.Connection(SSL.Context(SSL.TLS_METHOD)))
    assert reasons(failure.value) == ["uninitialized"]


def test_a_server_without_a_certificate_serves_nobody(client_context: SSL.Context) -> None:
    outcome = negotiate(pair_in_memory(client_context, SSL.Context(SSL.TLS_METHOD)))
    assert reasons(outcome.server)
    assert "alert" in reasons(outcome.client)[0]


def test_two_clients_do_not_understand_each_other(client_context: SSL.Context) -> None:
    ends = [SSL.Connection(client_context), SSL.Connection(client_context)]
    for end in ends:
        end.set_connect_state()
    outcome = negotiate(Pair(*ends))
    assert all(isinstance(failure, SSL.Error) for failure in outcome)


def test_plain_http_is_recognised(fresh: Pair) -> None:
    fresh.server.bio_write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    with pytest.raises(SSL.Error) as failure:
        fresh.server.do_handshake()
    assert failure.value.args == ([("SSL routines", "", "http request")],)


@pytest.mark.parametrize("role", ["client", "server"])
def test_noise_is_an_error(fresh: Pair, role: str) -> None:
    end = getattr(fresh, role)
    end.bio_write(bytes(range(256)))
    with pytest.raises(SSL.Error) as failure:
        end.do_handshake()
    assert type(failure.value) is SSL.Error


def test_a_record_changed_on_the_way_is_refused(connected: Pair) -> None:
    connected.client.send(b"payload")
    record = bytearray(connected.client.bio_read(1 << 16))
    record[-1] ^= 1
    connected.server.bio_write(record)
    with pytest.raises(SSL.Error) as failure:
        connected.server.recv(100)
    assert "decryption failed or bad record mac" in reasons(failure.value)


def test_a_failure_is_raised_again(fresh: Pair) -> None:
    fresh.server.bio_write(b"noise" * 100)
    for _ in range(2):
        with pytest.raises(SSL.Error):
            fresh.server.do_handshake()


# What one connection may set for itself


def test_a_connection_brings_its_own_certificate(
    client_context: SSL.Context, version: int, server_identity: Identity
) -> None:
    pair = pair_in_memory(client_context, SSL.Context(SSL.TLS_METHOD))
    pair.server.use_certificate(server_identity.certificate)
    pair.server.use_privatekey(server_identity.key)
    handshake(pair)
    peer = pair.client.get_peer_certificate(as_cryptography=True)
    assert peer == server_identity.certificate


def test_a_connection_takes_own_objects_with_a_warning(server_identity: Identity) -> None:
    connection = SSL.Connection(SSL.Context(SSL.TLS_METHOD))
    certificate = crypto.X509.from_cryptography(server_identity.certificate)
    key = crypto.PKey.from_cryptography_key(server_identity.key)
    with pytest.warns(DeprecationWarning, match=r"^Passing pyOpenSSL X509 objects") as seen:
        connection.use_certificate(certificate)
    assert [warning.filename for warning in seen] == [__file__]
    with pytest.warns(DeprecationWarning, match=r"^Passing pyOpenSSL PKey objects") as seen:
        connection.use_privatekey(key)
    assert [warning.filename for warning in seen] == [__file__]


def test_a_connection_refuses_a_key_that_does_not_fit(
    server_identity: Identity, client_identity: Identity
) -> None:
    connection = SSL.Connection(SSL.Context(SSL.TLS_METHOD))
    connection.use_certificate(server_identity.certificate)
    with pytest.raises(SSL.Error):
        connection.use_privatekey(client_identity.key)


def test_options_of_a_connection_are_its_own(
    authority: Authority, server_identity: Identity
) -> None:
    client_context, server_context = (
        new_client_context(authority),
        new_server_context(server_identity),
    )
    restricted = pair_in_memory(client_context, server_context)
    before = restricted.client.set_options(0)
    after = restricted.client.set_options(SSL.OP_NO_TLSv1_3)
    assert after == before | SSL.OP_NO_TLSv1_3
    assert handshake(restricted).client.get_protocol_version() == SSL.TLS1_2_VERSION
    free = handshake(pair_in_memory(client_context, server_context))
    assert free.client.get_protocol_version() == SSL.TLS1_3_VERSION


def test_app_data_is_any_object(fresh: Pair) -> None:
    data = object()
    fresh.client.set_app_data(data)
    assert fresh.client.get_app_data() is data
    assert fresh.server.get_app_data() is None


def test_the_context_can_be_asked_for(fresh: Pair, client_context: SSL.Context) -> None:
    assert fresh.client.get_context() is client_context


@pytest.mark.parametrize("context", [None, "context", object()])
def test_only_a_context_makes_a_connection(context: Any) -> None:
    with pytest.raises(TypeError):
        SSL.Connection(context)
    with pytest.raises(TypeError):
        SSL.Connection(SSL.Context(SSL.TLS_METHOD)).set_context(context)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("set_options", ("1",)),
        ("set_shutdown", ("1",)),
        ("set_verify", ("1",)),
        ("set_verify", (SSL.VERIFY_PEER, "no callback")),
        ("set_session", ("session",)),
        ("set_tlsext_host_name", ("localhost",)),
        ("set_tlsext_host_name", (b"local\0host",)),
        ("use_certificate", ("certificate",)),
        ("use_privatekey", ("key",)),
        ("shutdown", (2,)),
        ("bio_read", ("1",)),
        ("bio_write", (1,)),
        ("send", (1,)),
    ],
)
def test_arguments_of_the_wrong_type_are_refused(
    fresh: Pair, method: str, arguments: tuple[Any, ...]
) -> None:
    with pytest.raises(TypeError):
        getattr(fresh.client, method)(*arguments)


def test_the_tickets_of_tls_1_3_do_no_harm(connected: Pair) -> None:
    settle(connected)
    with pytest.raises(SSL.WantReadError):
        connected.client.recv(1)
