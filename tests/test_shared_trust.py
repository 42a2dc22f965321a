"""Contexts that trust the same files share what was read from them, and nothing else."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from OpenSSL import SSL, crypto
from support.certificates import Authority, Identity
from support.tls import handshake, negotiate, new_server_context, pair_in_memory, reasons


@pytest.fixture
def roots(tmp_path: Path, authority: Authority) -> Path:
    """A file of roots, old enough to be read once only."""
    path = tmp_path / "roots.pem"
    shutil.copy(authority.file, path)
    age()
    return path


def age() -> None:
    """Let what was made before get so old that a change would show."""
    made = time.time()
    while time.time() < made + 2.2:
        time.sleep(0.05)


def trusting(path: Path | None, directory: Path | None = None) -> SSL.Context:
    context = SSL.Context(SSL.TLS_METHOD)
    context.load_verify_locations(path, directory)
    context.set_verify(SSL.VERIFY_PEER)
    return context


def trusting_the_platform() -> SSL.Context:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_default_verify_paths()
    context.set_verify(SSL.VERIFY_PEER)
    return context


def trusts(context: SSL.Context, identity: Identity) -> bool:
    outcome = negotiate(pair_in_memory(context, new_server_context(identity)))
    if outcome.client is None:
        return True
    # OpenSSL 3.0 tells in front of it what it has tried to read.
    assert reasons(outcome.client)[-1] == "certificate verify failed"
    return False


def test_what_one_adds_the_others_do_not_trust(
    roots: Path, server_identity: Identity, stranger: Authority
) -> None:
    foreign = stranger.issue("localhost")
    root = crypto.load_certificate(crypto.FILETYPE_PEM, Path(stranger.file).read_bytes())
    contexts = [trusting(roots) for _ in range(4)]
    by_store, by_file, used, untouched = contexts
    assert trusts(used, server_identity)
    by_store_store = by_store.get_cert_store()
    assert by_store_store is not None
    by_store_store.add_cert(root)
    by_file.load_verify_locations(stranger.file)
    assert trusts(by_store, foreign)
    assert trusts(by_file, foreign)
    assert not trusts(untouched, foreign)
    assert not trusts(used, foreign)
    # The store of a context in use stays open.
    used_store = used.get_cert_store()
    assert used_store is not None
    used_store.add_cert(root)
    assert trusts(used, foreign)
    assert not trusts(trusting(roots), foreign)
    for context in (*contexts, trusting(roots)):
        assert trusts(context, server_identity)


def test_a_file_that_changed_is_read_again(
    roots: Path, server_identity: Identity, stranger: Authority
) -> None:
    assert trusts(trusting(roots), server_identity)
    before = roots.stat()
    replacement = Path(stranger.file).read_bytes()
    padded = replacement + b"\n" * max(0, before.st_size - len(replacement))
    roots.write_bytes(padded)
    os.utime(roots, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not trusts(trusting(roots), server_identity)
    assert trusts(trusting(roots), stranger.issue("localhost"))


def test_a_file_that_is_gone_is_no_longer_trusted(roots: Path) -> None:
    trusting(roots)
    roots.unlink()
    with pytest.raises(SSL.Error):
        trusting(roots)


def test_what_was_read_stays_when_its_file_goes(
    roots: Path, server_identity: Identity, stranger: Authority
) -> None:
    context = trusting(roots)
    roots.unlink()
    context.load_verify_locations(stranger.file)
    assert trusts(context, server_identity)
    assert trusts(context, stranger.issue("localhost"))


def test_a_pipe_is_read_once(authority: Authority, server_identity: Identity) -> None:
    reader, writer = os.pipe()
    try:
        os.write(writer, authority.file.read_bytes())
        os.close(writer)
        age()
        path = Path(f"/dev/fd/{reader}")
        assert trusts(trusting(path), server_identity)
        with pytest.raises(SSL.Error):
            trusting(path)
    finally:
        os.close(reader)


@pytest.mark.parametrize("link", [False, True], ids=["a file", "a link"])
def test_what_is_taken_out_of_a_directory_is_no_longer_trusted(
    authority: Authority,
    server_identity: Identity,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    link: bool,
) -> None:
    """Also where the directory itself stays as it was."""
    directory = tmp_path / "trusted"
    directory.mkdir()
    name_hash = crypto.X509.from_cryptography(authority.certificate).subject_name_hash()
    hashed = directory / f"{name_hash:08x}.0"
    file = tmp_path / "authority.pem" if link else hashed
    file.write_bytes(authority.file.read_bytes())
    if link:
        hashed.symlink_to(file)
    age()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nothing"))
    monkeypatch.setenv("SSL_CERT_DIR", str(directory))
    ways: list[Callable[[], SSL.Context]]
    ways = [lambda: trusting(None, directory), trusting_the_platform]
    unused = [make() for make in ways]
    for make in ways:
        assert trusts(make(), server_identity)
    if link:
        file.unlink()
    else:
        os.truncate(file, 0)
    for context in (*unused, *(make() for make in ways)):
        assert not trusts(context, server_identity)


def test_the_platforms_trust_follows_the_environment(
    roots: Path, server_identity: Identity, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(roots))
    assert trusts(trusting_the_platform(), server_identity)
    assert trusts(trusting_the_platform(), server_identity)
    added = trusting_the_platform()
    store = added.get_cert_store()
    assert store is not None
    assert trusts(added, server_identity)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nothing"))
    assert not trusts(trusting_the_platform(), server_identity)
    assert handshake(pair_in_memory(added, new_server_context(server_identity)))
