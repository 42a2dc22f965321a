"""Whom a context trusts, and which authorities it names to clients."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from OpenSSL import SSL, crypto
from support.certificates import Authority, Identity
from support.tls import handshake, negotiate, new_client_context, new_server_context, pair_in_memory

# Trust


def test_a_hashed_directory_is_trusted(
    authority: Authority, server_identity: Identity, tmp_path: Path, version: int
) -> None:
    directory = tmp_path / "trusted"
    directory.mkdir()
    name_hash = crypto.X509.from_cryptography(authority.certificate).subject_name_hash()
    (directory / f"{name_hash:08x}.0").write_bytes(authority.file.read_bytes())
    context = SSL.Context(SSL.TLS_METHOD)
    context.load_verify_locations(None, directory)
    context.set_verify(SSL.VERIFY_PEER)
    handshake(pair_in_memory(context, new_server_context(server_identity, version)))


def test_load_verify_locations_needs_a_file_or_a_directory(context: SSL.Context) -> None:
    with pytest.raises(SSL.Error):
        context.load_verify_locations(None)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_default_paths_follow_the_environment(
    variable: str,
    authority: Authority,
    server_identity: Identity,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name_hash = crypto.X509.from_cryptography(authority.certificate).subject_name_hash()
    file = tmp_path / f"{name_hash:08x}.0"
    file.write_bytes(authority.file.read_bytes())
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setenv(variable, str(file if variable == "SSL_CERT_FILE" else tmp_path))
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_default_verify_paths()
    context.set_verify(SSL.VERIFY_PEER)
    handshake(pair_in_memory(context, new_server_context(server_identity)))


def test_default_paths_do_not_trust_everyone(
    server_identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_default_verify_paths()
    context.set_verify(SSL.VERIFY_PEER)
    outcome = negotiate(pair_in_memory(context, new_server_context(server_identity)))
    assert isinstance(outcome.client, SSL.Error)


# Authorities for client certificates


def test_client_authorities_are_listed_and_told_to_the_client(
    authority: Authority, stranger: Authority, server_identity: Identity, version: int
) -> None:
    server_context = new_server_context(server_identity, version)
    server_context.load_client_ca(os.fsencode(authority.file))
    server_context.add_client_ca(stranger.certificate)
    server_context.set_verify(SSL.VERIFY_PEER)
    pair = pair_in_memory(new_client_context(authority, version), server_context)
    names = [authority.certificate.subject, stranger.certificate.subject]
    assert pair.server.get_client_ca_list(as_cryptography=True) == names
    assert pair.client.get_client_ca_list(as_cryptography=True) == []
    handshake(pair)
    assert pair.client.get_client_ca_list(as_cryptography=True) == names


@pytest.mark.filterwarnings("ignore:(X509|X509Name) :DeprecationWarning")
@pytest.mark.filterwarnings("ignore:X509.get_subject:DeprecationWarning")
def test_a_list_of_client_authorities_replaces_the_one_before(
    context: SSL.Context, authority: Authority, stranger: Authority
) -> None:
    context.add_client_ca(authority.certificate)
    name = crypto.X509.from_cryptography(stranger.certificate).get_subject()
    with pytest.warns(DeprecationWarning, match="set_client_ca_list is deprecated"):
        context.set_client_ca_list([name])
    listed = SSL.Connection(context).get_client_ca_list()
    assert [entry.der() for entry in listed] == [name.der()]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_list_of_client_authorities_takes_only_names(context: SSL.Context) -> None:
    with pytest.raises(TypeError):
        context.set_client_ca_list(["CN=authority"])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        context.set_client_ca_list(1)  # type: ignore[arg-type]
