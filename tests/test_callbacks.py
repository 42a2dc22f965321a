"""What all callbacks have in common, and the two that only watch: info and key log."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from OpenSSL import SSL, crypto
from support.callbacks import (
    ALL,
    DECIDING,
    PROTOCOL,
    SERVER_NAME,
    STAPLE,
    WATCHING,
    Callback,
    eager_pair,
)
from support.certificates import Authority, Identity
from support.implementation import deviation
from support.tls import Contexts, Pair, handshake, negotiate, pair_in_memory, reasons


def eager(contexts: Contexts, client_identity: Identity) -> Pair:
    return eager_pair(contexts["client"], contexts["server"], client_identity)


def test_they_run_in_this_order_with_these_arguments(
    contexts: Contexts,
    authority: Authority,
    client_identity: Identity,
    server_identity: Identity,
    version: int,
) -> None:
    contexts["server"].load_verify_locations(authority.file)
    calls: list[tuple[Any, ...]] = []
    for name, callback in DECIDING.items():

        def record(*arguments: Any, name: str = name, answer: Any = callback.answer) -> Any:
            calls.append((name, *arguments))
            return answer

        callback.install(contexts[callback.role], record)
    client, server = pair = eager(contexts, client_identity)
    handshake(pair)

    def verified(name: str, connection: SSL.Connection, identity: Identity) -> list[Any]:
        certificates = [(authority.certificate, 1), (identity.certificate, 0)]
        return [(name, connection, certificate, 0, depth, 1) for certificate, depth in certificates]

    plain = [
        tuple(each.to_cryptography() if isinstance(each, crypto.X509) else each for each in call)
        for call in calls
    ]
    hello = [("ALPN", server, [PROTOCOL, b"http/1.1"]), ("OCSP of the server", server, None)]
    if version == SSL.TLS1_2_VERSION:
        hello.reverse()
    assert plain == [
        ("server name", server),
        *hello,
        *verified("verify the server", client, server_identity),
        ("OCSP of the client", client, STAPLE, None),
        *verified("verify the client", server, client_identity),
    ]
    assert server.get_servername() == SERVER_NAME
    assert client.get_alpn_proto_negotiated() == PROTOCOL


@pytest.mark.parametrize("callback", DECIDING.values(), ids=DECIDING.keys())
def test_an_exception_is_raised_by_the_call_that_ran_it(
    contexts: Contexts,
    client_identity: Identity,
    callback: Callback,
    request: pytest.FixtureRequest,
) -> None:
    if "server name" in request.node.callspec.id:
        pytest.skip("its exceptions go to sys.excepthook")
    failure = RuntimeError("from the callback")

    def fail(*_: Any) -> Any:
        raise failure

    callback.install(contexts[callback.role], fail)
    outcome = negotiate(eager(contexts, client_identity))
    assert getattr(outcome, callback.role) is failure
    assert failure.__traceback__ is not None
    last = failure.__traceback__
    while last.tb_next:
        last = last.tb_next
    assert last.tb_frame.f_code is fail.__code__


@pytest.mark.parametrize("callback", DECIDING.values(), ids=DECIDING.keys())
def test_an_exception_fails_the_handshake_of_the_peer_too(
    contexts: Contexts,
    client_identity: Identity,
    callback: Callback,
    version: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)

    def fail(*_: Any) -> Any:
        raise RuntimeError("from the callback")

    callback.install(contexts[callback.role], fail)
    pair = eager(contexts, client_identity)
    outcome = negotiate(pair)
    peer = getattr(outcome, "client" if callback.role == "server" else "server")
    if peer is None:  # in TLS 1.3 a client is done before the server has seen its certificate
        with pytest.raises(SSL.Error) as alert:
            pair.client.recv(1)
        peer = alert.value
    assert reasons(peer)


@pytest.mark.parametrize("callback", WATCHING.values(), ids=WATCHING.keys())
def test_an_exception_in_a_watching_callback_does_not_stop_the_handshake(
    contexts: Contexts,
    client_identity: Identity,
    callback: Callback,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)

    def fail(*_: Any) -> Any:
        raise RuntimeError("from the callback")

    callback.install(contexts[callback.role], fail)
    handshake(eager(contexts, client_identity))
    assert "RuntimeError: from the callback" in capfd.readouterr().err


@deviation
@pytest.mark.parametrize("callback", WATCHING.values(), ids=WATCHING.keys())
def test_an_exception_in_a_watching_callback_goes_to_the_unraisable_hook(
    contexts: Contexts,
    client_identity: Identity,
    callback: Callback,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unraisable: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda event: unraisable.append(event.exc_value))
    failure = RuntimeError("from the callback")

    def fail(*_: Any) -> Any:
        raise failure

    callback.install(contexts[callback.role], fail)
    handshake(eager(contexts, client_identity))
    assert unraisable
    assert all(each is failure for each in unraisable)


@pytest.mark.parametrize("callback", ALL.values(), ids=ALL.keys())
def test_a_callback_calls_its_own_connection(
    contexts: Contexts, client_identity: Identity, callback: Callback
) -> None:
    """None of these may wait for a lock, or find the connection borrowed."""
    ran = []

    def ask(connection: SSL.Connection, *_: Any) -> Any:
        connection.set_app_data("seen")
        connection.get_app_data()
        connection.get_context()
        connection.get_servername()
        connection.get_cipher_name()
        connection.get_alpn_proto_negotiated()
        connection.get_state_string()
        connection.get_peer_certificate()
        connection.get_shutdown()
        connection.get_session()
        connection.set_options(SSL.OP_NO_COMPRESSION)
        connection.total_renegotiations()
        connection.pending()
        connection.want_read()
        ran.append(connection)
        return callback.answer

    callback.install(contexts[callback.role], ask)
    pair = handshake(eager(contexts, client_identity))
    connection = getattr(pair, callback.role)
    assert ran
    assert {id(each) for each in ran} == {id(connection)}
    assert connection.get_app_data() == "seen"


@pytest.mark.parametrize("callback", ALL.values(), ids=ALL.keys())
def test_a_callback_may_use_another_connection(
    contexts: Contexts,
    client_identity: Identity,
    callback: Callback,
    authority: Authority,
    server_identity: Identity,
) -> None:
    other_server = SSL.Context(SSL.TLS_METHOD)
    server_identity.install(other_server)
    ran = []

    def nested(*_: Any) -> Any:
        if not ran:
            handshake(pair_in_memory(SSL.Context(SSL.TLS_METHOD), other_server))
            ran.append(True)
        return callback.answer

    callback.install(contexts[callback.role], nested)
    handshake(eager(contexts, client_identity))
    assert ran


@pytest.mark.parametrize("callback", ALL.values(), ids=ALL.keys())
def test_a_callback_may_be_any_callable(
    contexts: Contexts, client_identity: Identity, callback: Callback
) -> None:
    class Callable:
        """No name, no annotations, nothing but a call."""

        __slots__ = ("calls",)

        def __init__(self) -> None:
            self.calls = 0

        def __call__(self, *_: Any) -> Any:
            self.calls += 1
            return callback.answer

    function = Callable()
    callback.install(contexts[callback.role], function)
    handshake(eager(contexts, client_identity))
    assert function.calls


# Info


def test_info_tells_where_the_handshake_is(contexts: Contexts) -> None:
    seen: dict[str, list[int]] = {"client": [], "server": []}
    for role, context in contexts.items():
        context.set_info_callback(
            lambda connection, where, code, role=role: seen[role].append(where)
        )
    handshake(pair_in_memory(contexts["client"], contexts["server"]))
    for role, mode in (("client", SSL.SSL_ST_CONNECT), ("server", SSL.SSL_ST_ACCEPT)):
        assert seen[role][0] == SSL.SSL_CB_HANDSHAKE_START
        assert SSL.SSL_CB_HANDSHAKE_DONE in seen[role]
        assert SSL.SSL_CB_LOOP | mode in seen[role]
        assert SSL.SSL_CB_EXIT | mode in seen[role]


def test_info_tells_of_alerts(contexts: Contexts, version: int) -> None:
    alerts = []

    def info(connection: SSL.Connection, where: int, code: int) -> None:
        if where & SSL.SSL_CB_ALERT:
            alerts.append((where & ~SSL.SSL_CB_ALERT, code))

    contexts["client"].set_info_callback(info)
    client, _server = handshake(pair_in_memory(contexts["client"], contexts["server"]))
    client.shutdown()
    close_notify = 1 << 8  # a warning, number zero
    assert alerts == [(SSL.SSL_CB_WRITE, close_notify)]


def test_state_strings_can_be_told_from_inside(contexts: Contexts) -> None:
    states = []
    contexts["client"].set_info_callback(
        lambda connection, *_: states.append(connection.get_state_string())
    )
    handshake(pair_in_memory(contexts["client"], contexts["server"]))
    assert len(set(states)) > 3
    assert all(isinstance(state, bytes) and state for state in states)


# Key log


def test_the_key_log_is_the_same_on_both_ends(contexts: Contexts, version: int) -> None:
    lines: dict[str, set[bytes]] = {"client": set(), "server": set()}
    for role, context in contexts.items():
        context.set_keylog_callback(lambda connection, line, role=role: lines[role].add(line))
    client, _ = handshake(pair_in_memory(contexts["client"], contexts["server"]))
    assert lines["client"]
    assert lines["client"] == lines["server"]
    labels = {line.split()[0] for line in lines["client"]}
    if version == SSL.TLS1_2_VERSION:
        assert labels == {b"CLIENT_RANDOM"}
    else:
        assert {b"CLIENT_TRAFFIC_SECRET_0", b"SERVER_TRAFFIC_SECRET_0"} <= labels
    random = (client.client_random() or b"").hex().encode()
    assert {line.split()[1] for line in lines["client"]} == {random}


def test_the_key_log_of_tls_1_2_holds_the_master_key(contexts: Contexts, version: int) -> None:
    if version != SSL.TLS1_2_VERSION:
        pytest.skip("TLS 1.3 logs secrets that no method tells")
    lines: list[bytes] = []
    contexts["client"].set_keylog_callback(lambda connection, line: lines.append(line))
    client, _ = handshake(pair_in_memory(contexts["client"], contexts["server"]))
    assert lines[0].split()[2] == (client.master_key() or b"").hex().encode()
