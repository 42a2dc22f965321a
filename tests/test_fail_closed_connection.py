"""Whatever a callback does to its own connection: who was to be refused is refused, for good.

What could crash is run in a process of its own.
"""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any, Callable

import pytest
from OpenSSL import SSL
from support import child
from support.callbacks import ALL, DECIDING, eager_pair
from support.certificates import Authority, Identity
from support.implementation import deviation
from support.misdeeds import assert_nobody_gets_through, misbehaving_pair
from support.tls import (
    CHUNK,
    Contexts,
    Pair,
    contexts_of,
    flush,
    handshake,
    negotiate,
    pair_in_memory,
)

REFUSALS: dict[str, Any] = {
    "ALPN": b"h3",
    "verify the server": False,
    "OCSP of the client": False,
    "verify the client": False,
}


# Another context.


def lenient_context(identity: Identity) -> SSL.Context:
    """One that asks for nothing, and minds nothing."""
    context = SSL.Context(SSL.TLS_METHOD)
    identity.install(context)
    context.set_verify(SSL.VERIFY_NONE)
    return context


@pytest.mark.parametrize("name", REFUSALS)
def test_switching_to_a_context_that_minds_nothing_does_not_undo_a_refusal(
    mutual_contexts: Contexts, client_identity: Identity, name: str
) -> None:
    lenient = lenient_context(client_identity)

    def switch(connection: SSL.Connection, *_: Any) -> Any:
        connection.set_context(lenient)
        return REFUSALS[name]

    pair = misbehaving_pair(mutual_contexts, DECIDING[name], switch, client_identity)
    negotiate(pair)
    assert_nobody_gets_through(pair)


def switch_after_the_choice(version: int, files: list[str], other: list[str]) -> list[str]:
    """The serial number of the certificate that the server shows, and of its new context's."""
    contexts, others = contexts_of(*files, version=version), contexts_of(*other, version=version)
    kept: list[Contexts] = []

    def select(connection: SSL.Connection, offered: list[bytes]) -> bytes:
        connection.set_context(others["server"])
        # In memory that is free now.
        kept.extend(contexts_of(*other, version=version) for _ in range(50))
        return offered[0]

    contexts["server"].set_alpn_select_callback(select)
    contexts["client"].set_alpn_protos([b"h2"])
    pair = handshake(pair_in_memory(contexts["client"], contexts["server"]))
    shown, own = pair.client.get_peer_certificate(), pair.server.get_certificate()
    assert shown is not None
    assert own is not None
    return [str(shown.get_serial_number()), str(own.get_serial_number())]


@deviation
def test_a_handshake_goes_on_with_the_certificate_that_it_has_chosen(
    version: int,
    files: tuple[Path, ...],
    authority: Authority,
    server_identity: Identity,
    client_identity: Identity,
) -> None:
    """In TLS 1.2 OpenSSL has chosen when it asks for the protocol, and frees what it has chosen
    with the old context. In TLS 1.3 it chooses later."""
    other = authority.file, client_identity.chain_file, client_identity.key_file
    shown = child.run(switch_after_the_choice, version, files, other)
    chosen = server_identity if version == SSL.TLS1_2_VERSION else client_identity
    expected = [chosen.certificate, client_identity.certificate]
    assert shown == [str(certificate.serial_number) for certificate in expected]


@pytest.mark.parametrize("name", ALL)
def test_switching_to_a_context_that_minds_nothing_keeps_what_the_connection_minds(
    mutual_contexts: Contexts, stranger: Authority, client_identity: Identity, name: str
) -> None:
    """Verification, and its callback, are the connection's own from its beginning."""
    lenient = lenient_context(client_identity)
    strange = stranger.issue("localhost")
    role = "client" if ALL[name].role == "server" else "server"
    # It is the other end that is to be refused by the end whose callback switches.
    strange.install(mutual_contexts[role])
    if ALL[name].role == "server":
        mode = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        if name != "verify the client":
            mutual_contexts["server"].set_verify(mode)

    def switch(connection: SSL.Connection, *call: Any) -> Any:
        connection.set_context(lenient)
        return call[-1] if name.startswith("verify") else ALL[name].answer

    callback = ALL[name]
    callback.install(mutual_contexts[callback.role], switch)
    pair = eager_pair(
        mutual_contexts["client"],
        mutual_contexts["server"],
        None if role == "client" else client_identity,
    )
    negotiate(pair)
    assert_nobody_gets_through(pair)


# Calls.


# But not of the server: OpenSSL goes by the mode that the client has when its callback returns.
@pytest.mark.parametrize("name", ["ALPN", "OCSP of the client", "verify the client"])
def test_setting_verification_aside_does_not_undo_a_refusal(
    mutual_contexts: Contexts, client_identity: Identity, name: str
) -> None:
    def relent(connection: SSL.Connection, *_: Any) -> Any:
        connection.set_verify(SSL.VERIFY_NONE, lambda *_: True)
        return REFUSALS[name]

    pair = misbehaving_pair(mutual_contexts, DECIDING[name], relent, client_identity)
    negotiate(pair)
    assert_nobody_gets_through(pair)


CALLS: dict[str, Callable[[SSL.Connection], Any]] = {
    "do_handshake": SSL.Connection.do_handshake,
    "recv": lambda connection: connection.recv(10),
    "send": lambda connection: connection.send(b"forbidden"),
    "sendall": lambda connection: connection.sendall(bytes(40_000)),
    "shutdown": SSL.Connection.shutdown,
    "bio_shutdown": SSL.Connection.bio_shutdown,
    "bio_read": lambda connection: connection.bio_read(CHUNK),
    "renegotiate": SSL.Connection.renegotiate,
    "set_accept_state": SSL.Connection.set_accept_state,
    "set_connect_state": SSL.Connection.set_connect_state,
    "set_shutdown": lambda connection: connection.set_shutdown(3),
    "set_verify": lambda connection: connection.set_verify(SSL.VERIFY_PEER, lambda *_: True),
    "DTLSv1_listen": SSL.Connection.DTLSv1_listen,
    "get_verified_chain": SSL.Connection.get_verified_chain,
}


def call_again_and_refuse(name: str, version: int, files: list[str]) -> list[str]:
    """Each call from inside, then a refusal, by an answer and by an exception."""
    done = []
    for call_name, call in CALLS.items():
        for how in ("answer", "raise"):
            contexts = contexts_of(*files, version=version)
            failure = ValueError("mine")
            callback = DECIDING[name]

            def inside(
                connection: SSL.Connection,
                *_: Any,
                call: Callable[[SSL.Connection], Any] = call,
                how: str = how,
                failure: ValueError = failure,
            ) -> Any:
                try:
                    call(connection)
                except Exception:
                    pass
                if how == "raise":
                    raise failure
                return REFUSALS[name]

            callback.install(contexts[callback.role], inside)
            pair = eager_pair(contexts["client"], contexts["server"])
            mine = getattr(negotiate(pair), callback.role)
            assert how == "answer" or mine is failure, (call_name, mine)
            if version == SSL.TLS1_3_VERSION and name == "verify the client":
                read_what_there_is(pair.client)  # what the server chose to say, before it refused
            if not (call_name == "set_verify" and name == "verify the server"):
                assert_nobody_gets_through(pair)
            done.append(call_name)
            del pair, contexts
            gc.collect()
    return done


def read_what_there_is(connection: SSL.Connection) -> None:
    try:
        while True:
            connection.recv(CHUNK)
    except SSL.Error:
        pass


@deviation
@pytest.mark.parametrize("name", REFUSALS)
def test_calling_the_connection_again_does_not_undo_a_refusal(
    name: str, version: int, files: tuple[Path, ...]
) -> None:
    done = child.run(call_again_and_refuse, name, version, files)
    assert len(done) == 2 * len(CALLS)


def set_session_inside(name: str, version: int, files: list[str]) -> str:
    contexts = contexts_of(*files, version=version)
    outcomes = set()

    def inside(connection: SSL.Connection, *_: Any) -> Any:
        session = connection.get_session()
        if session is not None:
            try:
                connection.set_session(session)
                outcomes.add("returned")
            except RuntimeError:
                outcomes.add("RuntimeError")
        return ALL[name].answer

    ALL[name].install(contexts[ALL[name].role], inside)
    handshake(eager_pair(contexts["client"], contexts["server"]))
    return " ".join(outcomes)


@deviation
@pytest.mark.parametrize("name", ["verify the server", "OCSP of the server", "info of the client"])
def test_a_session_cannot_be_set_in_a_callback(
    name: str, version: int, files: tuple[Path, ...]
) -> None:
    outcome = child.run(set_session_inside, name, version, files)
    assert outcome == "RuntimeError"


# No reference to it any more.


def drop_inside(name: str, version: int, files: list[str]) -> str:
    """The callback drops every reference to the connection, to its peer and to the contexts."""
    for refuse in (True, False):
        kept: dict[str, Any] = dict(contexts_of(*files, version=version))
        callback = ALL[name]

        def forget(*_: Any, kept: dict[str, Any] = kept, refuse: bool = refuse) -> Any:
            kept.clear()
            del _
            gc.collect()
            if refuse:
                raise ValueError("and refuses")
            return callback.answer  # noqa: B023

        callback.install(kept[callback.role], forget)
        kept["pair"] = list(eager_pair(kept["client"], kept["server"]))
        mine = Pair._fields.index(callback.role)
        for number in range(8):
            if "pair" not in kept:
                break
            if number % 2 == mine:
                # No reference is left but that of the call.
                connection = kept["pair"][mine]
                kept["pair"][mine] = None
                call = connection.do_handshake
                kept["again"] = connection
                del connection
            else:
                call = kept["pair"][1 - mine].do_handshake
            try:
                call()
            except (SSL.Error, ValueError):
                pass
            del call
            if "pair" in kept:
                kept["pair"][mine] = kept.pop("again", None) or kept["pair"][mine]
                flush(*kept["pair"])
                flush(*kept["pair"][::-1])
        assert not kept, "the callback ran"
        gc.collect()
    return "alive"


@deviation
@pytest.mark.parametrize("name", ALL)
def test_a_callback_may_drop_its_connection(
    name: str, version: int, files: tuple[Path, ...]
) -> None:
    assert child.run(drop_inside, name, version, files) == "alive"
