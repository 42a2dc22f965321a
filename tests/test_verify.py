"""Whose certificate is accepted: what OpenSSL checks, and what the callback makes of it."""

from __future__ import annotations

from typing import Any

import pytest
from OpenSSL import SSL, crypto
from support.callbacks import Recorder
from support.certificates import Authority, Identity
from support.tls import (
    Pair,
    handshake,
    negotiate,
    new_client_context,
    new_server_context,
    pair_in_memory,
    reasons,
    settle,
)

CODES = SSL.X509VerificationCodes
REQUIRE = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT


def refused_by_client(pair: Pair) -> None:
    outcome = negotiate(pair)
    assert reasons(outcome.client) == ["certificate verify failed"]
    assert "alert" in reasons(outcome.server)[0]


def refused_by_server(pair: Pair, reason: str) -> None:
    outcome = negotiate(pair)
    assert reason in reasons(outcome.server)
    if outcome.client is None:  # in TLS 1.3 the client learns of it when it reads
        with pytest.raises(SSL.Error) as alert:
            pair.client.recv(1)
        assert "alert" in reasons(alert.value)[0]


def test_a_trusted_certificate_is_accepted(connected: Pair) -> None:
    assert connected.client.get_verify_mode() == SSL.VERIFY_PEER


def test_a_certificate_of_a_stranger_is_refused(
    stranger: Authority, server_context: SSL.Context, version: int
) -> None:
    refused_by_client(pair_in_memory(new_client_context(stranger, version), server_context))


def test_an_expired_certificate_is_refused(
    client_context: SSL.Context, expired_identity: Identity, version: int
) -> None:
    refused_by_client(pair_in_memory(client_context, new_server_context(expired_identity, version)))


def test_a_chain_with_a_gap_is_refused(
    client_context: SSL.Context, chained_identity: Identity, version: int
) -> None:
    server_context = SSL.Context(SSL.TLS_METHOD)
    server_context.use_certificate(chained_identity.certificate)
    server_context.use_privatekey(chained_identity.key)
    refused_by_client(pair_in_memory(client_context, server_context))


def test_a_chain_longer_than_the_depth_is_refused(
    client_context: SSL.Context, authority: Authority, version: int
) -> None:
    shallow = authority.subordinate("one")
    deep = shallow.subordinate("two")
    identity = deep.issue("localhost")
    server_context = new_server_context(identity, version)
    server_context.add_extra_chain_cert(shallow.certificate)
    client_context.set_verify_depth(0)
    outcome = negotiate(pair_in_memory(client_context, server_context))
    assert reasons(outcome.client) == ["certificate verify failed"]


def test_without_verification_anyone_is_accepted(
    stranger: Authority, server_context: SSL.Context, version: int
) -> None:
    client_context = new_client_context(stranger, version)
    client_context.set_verify(SSL.VERIFY_NONE)
    pair = handshake(pair_in_memory(client_context, server_context))
    assert pair.client.get_peer_certificate() is not None


# The callback


def test_the_callback_sees_the_chain_from_the_root_down(
    client_context: SSL.Context, authority: Authority, chained_identity: Identity, version: int
) -> None:
    calls: list[Any] = []

    def verify(
        connection: SSL.Connection, certificate: crypto.X509, error: int, depth: int, ok: int
    ) -> bool:
        assert isinstance(certificate, crypto.X509)
        calls.append((connection, certificate.to_cryptography(), error, depth, ok))
        return bool(ok)

    client_context.set_verify(SSL.VERIFY_PEER, verify)
    pair = pair_in_memory(client_context, new_server_context(chained_identity, version))
    handshake(pair)
    chain = [
        authority.certificate,
        *chained_identity.intermediates,
        chained_identity.certificate,
    ]
    assert calls == [
        (pair.client, certificate, CODES.OK, depth, 1)
        for certificate, depth in zip(chain, (2, 1, 0))
    ]


def test_the_callback_may_overrule_openssl(
    stranger: Authority, server_context: SSL.Context, version: int
) -> None:
    calls = []

    def accept(
        connection: SSL.Connection, certificate: crypto.X509, error: int, depth: int, ok: int
    ) -> bool:
        calls.append((error, depth, ok))
        return True

    client_context = new_client_context(stranger, version)
    client_context.set_verify(SSL.VERIFY_PEER, accept)
    handshake(pair_in_memory(client_context, server_context))
    assert (CODES.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, 0, 0) in calls


@pytest.mark.parametrize("answer", [False, None, 0, "", []])
def test_the_callback_may_refuse_what_openssl_accepts(
    client_context: SSL.Context, server_context: SSL.Context, answer: Any
) -> None:
    client_context.set_verify(SSL.VERIFY_PEER, lambda *_: answer)
    refused_by_client(pair_in_memory(client_context, server_context))


@pytest.mark.parametrize("answer", [True, 1, 7, "yes", object()])
def test_any_true_answer_accepts(
    client_context: SSL.Context, server_context: SSL.Context, answer: Any
) -> None:
    client_context.set_verify(SSL.VERIFY_PEER, lambda *_: answer)
    handshake(pair_in_memory(client_context, server_context))


def test_certificates_outlive_the_callback(
    client_context: SSL.Context, server_context: SSL.Context, server_identity: Identity
) -> None:
    verify = Recorder()
    client_context.set_verify(SSL.VERIFY_PEER, verify)
    handshake(pair_in_memory(client_context, server_context))
    assert verify.calls[-1][1].to_cryptography() == server_identity.certificate


def test_a_callback_that_takes_other_arguments_refuses(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    client_context.set_verify(SSL.VERIFY_PEER, lambda connection: True)  # type: ignore[arg-type]
    outcome = negotiate(pair_in_memory(client_context, server_context))
    assert isinstance(outcome.client, TypeError)


def test_setting_none_takes_the_callback_away(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    client_context.set_verify(SSL.VERIFY_PEER, lambda *_: False)
    client_context.set_verify(SSL.VERIFY_PEER)
    handshake(pair_in_memory(client_context, server_context))


# Of one connection


def test_a_connection_may_verify_for_itself(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    verify = Recorder()
    client_context.set_verify(SSL.VERIFY_PEER, Recorder(False))
    pair = pair_in_memory(client_context, server_context)
    pair.client.set_verify(SSL.VERIFY_PEER, verify)
    handshake(pair)
    assert len(verify.calls) == 2
    refused_by_client(pair_in_memory(client_context, server_context))


def test_a_connection_may_do_without(
    stranger: Authority, server_context: SSL.Context, version: int
) -> None:
    pair = pair_in_memory(new_client_context(stranger, version), server_context)
    pair.client.set_verify(SSL.VERIFY_NONE)
    assert pair.client.get_verify_mode() == SSL.VERIFY_NONE
    handshake(pair)


def test_a_connection_keeps_the_callback_of_its_birth(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    """A context it is moved to later does not bring its own."""
    verify, other_verify = Recorder(), Recorder(False)
    client_context.set_verify(SSL.VERIFY_PEER, verify)
    pair = pair_in_memory(client_context, server_context)
    other = SSL.Context(SSL.TLS_METHOD)
    other.set_verify(SSL.VERIFY_PEER, other_verify)
    pair.client.set_context(other)
    handshake(pair)
    assert verify.calls
    assert not other_verify.calls


# Certificates of clients


def test_a_client_certificate_is_asked_for_and_given(
    client_context: SSL.Context,
    server_context: SSL.Context,
    authority: Authority,
    client_identity: Identity,
) -> None:
    client_identity.install(client_context)
    server_context.load_verify_locations(authority.file)
    server_context.set_verify(REQUIRE)
    client, server = handshake(pair_in_memory(client_context, server_context))
    assert server.get_peer_certificate(as_cryptography=True) == client_identity.certificate
    assert server.get_verified_chain(as_cryptography=True) == [
        client_identity.certificate,
        authority.certificate,
    ]
    # OpenSSL leaves the client's own certificate out of the server's view of the chain.
    chain = server.get_peer_cert_chain(as_cryptography=True)
    assert chain is not None
    assert client_identity.certificate not in chain
    assert client.get_certificate(as_cryptography=True) == client_identity.certificate


def test_a_required_client_certificate_may_not_be_missing(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    server_context.set_verify(REQUIRE)
    refused_by_server(
        pair_in_memory(client_context, server_context), "peer did not return a certificate"
    )


def test_a_requested_client_certificate_may_be_missing(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    server_context.set_verify(SSL.VERIFY_PEER)
    _client, server = handshake(pair_in_memory(client_context, server_context))
    assert server.get_peer_certificate() is None


def test_a_client_certificate_of_a_stranger_is_refused(
    client_context: SSL.Context,
    server_context: SSL.Context,
    authority: Authority,
    stranger: Authority,
) -> None:
    stranger.issue("client.example").install(client_context)
    server_context.load_verify_locations(authority.file)
    server_context.set_verify(REQUIRE)
    refused_by_server(pair_in_memory(client_context, server_context), "certificate verify failed")


def test_a_server_callback_sees_the_client_certificate(
    client_context: SSL.Context,
    server_context: SSL.Context,
    authority: Authority,
    client_identity: Identity,
) -> None:
    verify = Recorder()
    client_identity.install(client_context)
    server_context.load_verify_locations(authority.file)
    server_context.set_verify(REQUIRE, verify)
    pair = handshake(pair_in_memory(client_context, server_context))
    assert {id(call[0]) for call in verify.calls} == {id(pair.server)}
    assert verify.calls[-1][1].to_cryptography() == client_identity.certificate


def test_a_server_callback_that_refuses_lets_nobody_in(
    client_context: SSL.Context,
    server_context: SSL.Context,
    client_identity: Identity,
) -> None:
    client_identity.install(client_context)
    server_context.set_verify(SSL.VERIFY_PEER, lambda *_: False)
    refused_by_server(pair_in_memory(client_context, server_context), "certificate verify failed")


def test_the_verification_codes_are_those_of_openssl() -> None:
    assert CODES.OK == 0
    assert CODES.ERR_CERT_HAS_EXPIRED == 10
    assert CODES.ERR_DEPTH_ZERO_SELF_SIGNED_CERT == 18
    assert CODES.ERR_HOSTNAME_MISMATCH == 62


def test_the_server_still_serves_after_it_refused_someone(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    server_context.set_verify(REQUIRE)
    refused = pair_in_memory(client_context, server_context)
    negotiate(refused)
    accepted = pair_in_memory(client_context, server_context)
    accepted.server.set_verify(SSL.VERIFY_NONE)
    settle(handshake(accepted))
