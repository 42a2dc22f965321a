"""Whatever a callback does that it should not do: who was to be refused is refused, for good.

One table of callbacks, and one of misdeeds. After a refusal neither end gets through, however
often it tries, even when the callback would not refuse a second time; and the caller gets the
very exception.
"""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from OpenSSL import SSL, crypto
from support import child
from support.callbacks import ALL, DECIDING, PROTOCOL, WATCHING, Callback, Function, eager_pair
from support.certificates import Authority, Identity
from support.dtls import listen
from support.implementation import deviation
from support.tls import (
    CHUNK,
    Contexts,
    Pair,
    contexts_of,
    drain,
    flush,
    handshake,
    negotiate,
    new_server_context,
    pair_in_memory,
)

INTERRUPTS = [pytest.param(kind, marks=deviation) for kind in (KeyboardInterrupt, SystemExit)]
RAISING = [RuntimeError, *INTERRUPTS]


@pytest.fixture
def contexts(
    client_context: SSL.Context, server_context: SSL.Context, authority: Authority
) -> Contexts:
    server_context.load_verify_locations(authority.file)
    server_context.set_session_id(b"tests")
    return {"client": client_context, "server": server_context}


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


def once(failure: BaseException) -> Function:
    """A function that fails the first time that it is called, and not again."""
    failures = [failure]

    def fail(*_: Any) -> Any:
        if failures:
            raise failures.pop()
        return True

    return fail


# Raising.


@pytest.mark.parametrize("kind", RAISING)
@pytest.mark.parametrize("name", DECIDING)
def test_nobody_gets_through_after_a_callback_that_raised(
    contexts: Contexts,
    client_identity: Identity,
    name: str,
    kind: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reported: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, value, trace: reported.append(value))
    failure = kind("no")
    callback = DECIDING[name]
    pair = misbehaving_pair(contexts, callback, once(failure), client_identity)
    outcome = negotiate(pair)
    mine = getattr(outcome, callback.role)
    if name == "server name" and kind is RuntimeError:
        assert reported == [failure]
        assert isinstance(mine, SSL.Error)
    else:
        assert mine is failure
    assert_nobody_gets_through(pair)


@pytest.mark.parametrize("kind", INTERRUPTS)
@pytest.mark.parametrize("name", WATCHING)
def test_an_interrupt_in_a_callback_that_watches_is_raised_once(
    contexts: Contexts, client_identity: Identity, name: str, kind: type[BaseException]
) -> None:
    """Such a callback has no say in the matter: what was interrupted may go on."""
    failure = kind("stop")
    callback = WATCHING[name]
    pair = misbehaving_pair(contexts, callback, once(failure), client_identity)
    outcome = negotiate(pair)
    assert getattr(outcome, callback.role) is failure
    later = getattr(negotiate(pair), callback.role)
    assert later is None or isinstance(later, SSL.Error)


# Answering with something else.


class Undecided:
    """Neither true nor false."""

    def __init__(self, failure: BaseException) -> None:
        self.failure = failure

    def __bool__(self) -> bool:
        raise self.failure


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


@dataclass(frozen=True)
class Expected:
    """What comes of an answer: whether the handshake succeeds, and what the call raises if not."""

    success: bool
    raises: type[BaseException] | tuple[type[BaseException], ...] = SSL.Error


def truth(answer: Any) -> Expected:
    return Expected(bool(answer))


def protocol(answer: Any) -> Expected:
    """One of those that were offered, as bytes, or the sentinel for none."""
    if answer is SSL.NO_OVERLAPPING_PROTOCOLS:
        return Expected(True)
    if not isinstance(answer, bytes):
        return Expected(False, TypeError)
    if len(answer) > 255:
        return Expected(False, (OverflowError, SSL.Error))
    return Expected(answer in (PROTOCOL, b"http/1.1"))


def staple(answer: Any) -> Expected:
    """Bytes, of any content: it is for the client to judge them."""
    return Expected(isinstance(answer, bytes), TypeError)


EXPECTED: dict[str, Callable[[Any], Expected]] = {
    "server name": lambda answer: Expected(True),
    "ALPN": protocol,
    "OCSP of the server": staple,
    "verify the server": truth,
    "OCSP of the client": truth,
    "verify the client": truth,
    **{name: lambda answer: Expected(True) for name in WATCHING},
}


def answering(answer: Any) -> Function:
    return lambda *_: answer


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: f"{type(answer).__name__}")
@pytest.mark.parametrize("name", ALL)
def test_only_the_right_answers_let_a_handshake_succeed(
    contexts: Contexts, client_identity: Identity, name: str, answer: Any
) -> None:
    expected = EXPECTED[name](answer)
    callback = ALL[name]
    pair = misbehaving_pair(contexts, callback, answering(answer), client_identity)
    outcome = negotiate(pair)
    if expected.success:
        assert outcome == (None, None)
        return
    failures = [each for each in outcome if each is not None]
    assert failures
    mine = getattr(outcome, callback.role)
    if mine is not None and not isinstance(mine, SSL.WantReadError):
        kinds = expected.raises if isinstance(expected.raises, tuple) else (expected.raises,)
        assert isinstance(mine, (*kinds, SSL.Error))
    assert_nobody_gets_through(pair)


@pytest.mark.parametrize("kind", RAISING)
@pytest.mark.parametrize("name", ["verify the server", "OCSP of the client", "verify the client"])
@deviation
def test_an_answer_that_cannot_be_decided_refuses(
    contexts: Contexts, client_identity: Identity, name: str, kind: type[BaseException]
) -> None:
    failure = kind("undecided")
    callback = DECIDING[name]
    pair = misbehaving_pair(contexts, callback, answering(Undecided(failure)), client_identity)
    assert getattr(negotiate(pair), callback.role) is failure
    assert_nobody_gets_through(pair)


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


# Doing something to the connection, and refusing then, or accepting.


def lenient_context(contexts: Contexts, identity: Identity) -> SSL.Context:
    """One that asks for nothing, and minds nothing."""
    context = SSL.Context(SSL.TLS_METHOD)
    identity.install(context)
    context.set_verify(SSL.VERIFY_NONE)
    return context


REFUSALS: dict[str, Any] = {
    "ALPN": b"h3",
    "verify the server": False,
    "OCSP of the client": False,
    "verify the client": False,
}


@pytest.mark.parametrize("name", REFUSALS)
def test_switching_to_a_context_that_minds_nothing_does_not_undo_a_refusal(
    contexts: Contexts, client_identity: Identity, name: str
) -> None:
    lenient = lenient_context(contexts, client_identity)

    def switch(connection: SSL.Connection, *_: Any) -> Any:
        connection.set_context(lenient)
        return REFUSALS[name]

    pair = misbehaving_pair(contexts, DECIDING[name], switch, client_identity)
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
    contexts: Contexts, stranger: Authority, client_identity: Identity, name: str
) -> None:
    """Verification, and its callback, are the connection's own from its beginning."""
    lenient = lenient_context(contexts, client_identity)
    strange = stranger.issue("localhost")
    role = "client" if ALL[name].role == "server" else "server"
    # It is the other end that is to be refused by the end whose callback switches.
    strange.install(contexts[role])
    if ALL[name].role == "server":
        mode = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        if name != "verify the client":
            contexts["server"].set_verify(mode)

    def switch(connection: SSL.Connection, *call: Any) -> Any:
        connection.set_context(lenient)
        return call[-1] if name.startswith("verify") else ALL[name].answer

    callback = ALL[name]
    callback.install(contexts[callback.role], switch)
    pair = eager_pair(
        contexts["client"], contexts["server"], None if role == "client" else client_identity
    )
    negotiate(pair)
    assert_nobody_gets_through(pair)


@pytest.mark.parametrize("name", REFUSALS)
def test_setting_verification_aside_does_not_undo_a_refusal(
    contexts: Contexts, client_identity: Identity, name: str
) -> None:
    def relent(connection: SSL.Connection, *_: Any) -> Any:
        connection.set_verify(SSL.VERIFY_NONE, lambda *_: True)
        return REFUSALS[name]

    pair = misbehaving_pair(contexts, DECIDING[name], relent, client_identity)
    negotiate(pair)
    if name.startswith("verify") and DECIDING[name].role == "client":
        # OpenSSL goes by the connection's mode when the callback has returned.
        return
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


# Cookies.


def listening_pair(identity: Identity, generate: Function, verify: Function) -> Pair:
    context = new_server_context(identity, method=SSL.DTLS_METHOD)
    context.set_cookie_generate_callback(generate)
    context.set_cookie_verify_callback(verify)
    return pair_in_memory(SSL.Context(SSL.DTLS_METHOD), context)


def accepted(pair: Pair) -> bool:
    """Whether the server lets the client in, who tries for a while."""
    for _ in range(3):
        try:
            listen(pair)
        except SSL.WantReadError:
            continue
        return True
    return False


@deviation
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: f"{type(answer).__name__}")
def test_only_a_number_that_is_not_zero_verifies_a_cookie(
    server_identity: Identity, answer: Any
) -> None:
    pair = listening_pair(server_identity, answering(b"cookie"), answering(answer))
    if isinstance(answer, int) and answer in (True, 1, -1, 2):
        assert accepted(pair)
        return
    if isinstance(answer, int) and answer == 0:
        assert not accepted(pair)
        return
    with pytest.raises((TypeError, OverflowError)):
        accepted(pair)
    drain(pair.server)
    with pytest.raises((TypeError, OverflowError, SSL.WantReadError)):
        pair.server.DTLSv1_listen()


@deviation
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: f"{type(answer).__name__}")
def test_only_bytes_are_a_cookie(server_identity: Identity, answer: Any) -> None:
    """Or numbers that are bytes, as in pyOpenSSL, and not more than there is room for."""
    seen = []

    def verify(_: SSL.Connection, cookie: bytes) -> bool:
        seen.append(cookie)
        return True

    pair = listening_pair(server_identity, answering(answer), verify)
    for end in pair:
        end.set_options(SSL.OP_NO_QUERY_MTU)
        end.set_ciphertext_mtu(1400)
    if isinstance(answer, (bytes, bytearray, memoryview, tuple)) and 0 < len(answer) < 256:
        assert accepted(pair)
        assert seen == [bytes(answer)]
        return
    try:
        assert not accepted(pair)
    except (TypeError, ValueError):
        pass
    assert seen == []


@deviation
@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("failing", ["generate", "verify"])
def test_a_cookie_callback_that_raises_lets_nobody_in(
    server_identity: Identity, failing: str, kind: type[BaseException]
) -> None:
    failure = kind("no")
    raising = once(failure)
    pair = listening_pair(
        server_identity,
        raising if failing == "generate" else answering(b"cookie"),
        raising if failing == "verify" else answering(True),
    )
    with pytest.raises(kind) as raised:
        accepted(pair)
    assert raised.value is failure
    with pytest.raises(SSL.WantReadError):
        pair.server.DTLSv1_listen()


# Passphrases.

PASSPHRASE = b"open sesame"


@pytest.fixture
def encrypted_key(server_identity: Identity, tmp_path: Path) -> Path:
    path = tmp_path / "encrypted.key"
    path.write_bytes(
        server_identity.key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE)
        )
    )
    return path


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: f"{type(answer).__name__}")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_only_the_passphrase_opens_a_key(
    server_identity: Identity, encrypted_key: Path, answer: Any
) -> None:
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_certificate(server_identity.certificate)
    context.set_passwd_cb(answering(answer))
    with pytest.raises((SSL.Error, ValueError, TypeError)):
        context.use_privatekey_file(encrypted_key)
    with pytest.raises(SSL.Error):
        context.check_privatekey()
    with pytest.raises((crypto.Error, ValueError, TypeError)):
        crypto.load_privatekey(crypto.FILETYPE_PEM, encrypted_key.read_bytes(), answering(answer))
    context.set_passwd_cb(answering(PASSPHRASE))
    context.use_privatekey_file(encrypted_key)
    context.check_privatekey()


@pytest.mark.parametrize("kind", RAISING)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_passphrase_callback_that_raises_opens_nothing(
    server_identity: Identity, encrypted_key: Path, kind: type[BaseException]
) -> None:
    failure = kind("no")
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_certificate(server_identity.certificate)
    context.set_passwd_cb(once(failure))
    with pytest.raises(kind) as raised:
        context.use_privatekey_file(encrypted_key)
    assert raised.value is failure
    with pytest.raises(SSL.Error):
        context.check_privatekey()
    with pytest.raises(kind) as raised:
        crypto.load_privatekey(crypto.FILETYPE_PEM, encrypted_key.read_bytes(), once(failure))
    assert raised.value is failure
