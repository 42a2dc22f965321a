"""Settings made with private names of pyOpenSSL, as the programs that need them make them.

All of it runs with pyOpenSSL as well, but for what is marked.
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import sys
import typing
from base64 import b64decode
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL, crypto
from support.certificates import Authority, Identity
from support.implementation import deviation
from support.threads import PATIENCE, background
from support.tls import (
    Outcome,
    Pair,
    first_flight,
    handshake,
    negotiate,
    new_client_context,
    new_server_context,
    pair_in_memory,
    reasons,
    settle,
)

# They are private, and no type checker knows them.
lib: Any = SSL._lib
ffi: Any = SSL._ffi

pytestmark = pytest.mark.usefixtures("forgetful")

DH_FILE = Path(__file__).parent / "compat" / "data" / "dh.pem"
MISMATCH = {"host": 62, "address": 64}  # X509_V_ERR_HOSTNAME_MISMATCH and its sibling


# Whom the peer must prove to be: mitmproxy.


def require_host(parameters: Any, host: str) -> None:
    """Have OpenSSL compare the peer's certificate with a host name or an address."""
    lib.X509_VERIFY_PARAM_set_hostflags(
        parameters,
        lib.X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | lib.X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
    )
    try:
        address = ip_address(host).packed
    except ValueError:
        name = host.encode("idna")
        code = lib.X509_VERIFY_PARAM_set1_host(parameters, name, len(name))
    else:
        code = lib.X509_VERIFY_PARAM_set1_ip(parameters, address, len(address))
    SSL._openssl_assert(code == 1)  # type: ignore[attr-defined]


HOSTS = {
    "right name": ("localhost", None),
    "wrong name": ("elsewhere.example", "host"),
    "right address": ("127.0.0.1", None),
    "right long address": ("::1", None),
    "wrong address": ("127.0.0.2", "address"),
}


def assert_verified(outcome: Outcome, pair: Pair, role: str, wrong: str | None) -> None:
    """That the end in this role has accepted, or refused, the other end's certificate."""
    code = lib.SSL_get_verify_result(getattr(pair, role)._ssl)
    if wrong is None:
        assert outcome == (None, None)
        assert code == lib.X509_V_OK
    else:
        assert reasons(getattr(outcome, role)) == ["certificate verify failed"]
        assert code == MISMATCH[wrong]


@pytest.mark.parametrize(("host", "wrong"), HOSTS.values(), ids=HOSTS.keys())
@pytest.mark.parametrize("through", ["connection", "context"])
@pytest.mark.parametrize("role", ["client", "server"])
def test_the_peer_is_the_one_that_was_asked_for(
    authority: Authority,
    server_identity: Identity,
    version: int,
    role: str,
    through: str,
    host: str,
    wrong: str | None,
) -> None:
    # Both ends have the same identity, so that either can be asked for it.
    contexts = {"client": new_client_context(authority, version)}
    contexts["server"] = new_server_context(server_identity, version)
    server_identity.install(contexts["client"])
    contexts["server"].load_verify_locations(authority.file)
    contexts["server"].set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    if through == "context":
        require_host(lib.SSL_CTX_get0_param(contexts[role]._context), host)
    pair = pair_in_memory(contexts["client"], contexts["server"])
    if through == "connection":
        require_host(lib.SSL_get0_param(getattr(pair, role)._ssl), host)
    assert_verified(negotiate(pair), pair, role, wrong)


def test_a_name_may_end_where_its_nul_is(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    """With a length of 0, as mitmproxy's tests have it; and from memory of ffi's."""
    for name in (b"elsewhere.example", ffi.new("char[]", b"elsewhere.example")):
        pair = pair_in_memory(client_context, server_context)
        assert lib.X509_VERIFY_PARAM_set1_host(lib.SSL_get0_param(pair.client._ssl), name, 0) == 1
        assert_verified(negotiate(pair), pair, "client", "host")


def test_null_ends_the_check(client_context: SSL.Context, server_context: SSL.Context) -> None:
    parameters = lib.SSL_CTX_get0_param(client_context._context)
    require_host(parameters, "elsewhere.example")
    pair = pair_in_memory(client_context, server_context)
    own = lib.SSL_get0_param(pair.client._ssl)
    assert lib.X509_VERIFY_PARAM_set1_host(own, ffi.NULL, 0) == 1
    assert_verified(negotiate(pair), pair, "client", None)
    # The context's own are as they were.
    pair = pair_in_memory(client_context, server_context)
    assert_verified(negotiate(pair), pair, "client", "host")


@deviation
@pytest.mark.parametrize("length", [0, 1])
def test_the_empty_name_does_not_end_the_check(connected: Pair, length: int) -> None:
    parameters = lib.SSL_get0_param(connected.client._ssl)
    with pytest.raises(ValueError, match=r"every certificate|0 bytes|there are 0"):
        lib.X509_VERIFY_PARAM_set1_host(parameters, b"", length)
    with pytest.raises(ValueError, match=r"every certificate|there are 0"):
        lib.X509_VERIFY_PARAM_set1_ip(parameters, b"", length)


@deviation
def test_a_refused_name_leaves_the_check_as_it_was(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    """OpenSSL drops the name that it has before it looks at the new one."""
    pair = pair_in_memory(client_context, server_context)
    parameters = lib.SSL_get0_param(pair.client._ssl)
    require_host(parameters, "elsewhere.example")
    assert lib.X509_VERIFY_PARAM_set1_host(parameters, b"local\0host", 10) == 0
    assert lib.X509_VERIFY_PARAM_set1_ip(parameters, b"\x7f\0\0", 3) == 0
    with pytest.raises(ValueError, match="there are 9"):
        lib.X509_VERIFY_PARAM_set1_host(parameters, b"localhost", 10)
    assert_verified(negotiate(pair), pair, "client", "host")


def test_flags_say_how_names_are_compared(authority: Authority, version: int) -> None:
    server = new_server_context(authority.issue("*.example.com"), version)
    for flags, wrong in ((0, None), (lib.X509_CHECK_FLAG_NO_WILDCARDS, "host")):
        pair = pair_in_memory(new_client_context(authority, version), server)
        parameters = lib.SSL_get0_param(pair.client._ssl)
        assert lib.X509_VERIFY_PARAM_set_hostflags(parameters, flags) is None
        assert lib.X509_VERIFY_PARAM_set1_host(parameters, b"www.example.com", 15) == 1
        assert_verified(negotiate(pair), pair, "client", wrong)


def test_a_verify_callback_is_told_of_the_mismatch(
    client_context: SSL.Context, server_context: SSL.Context
) -> None:
    told = []

    def verify(_c: SSL.Connection, _x: crypto.X509, code: int, _depth: int, _ok: int) -> bool:
        told.append(code)
        return True

    client_context.set_verify(SSL.VERIFY_PEER, verify)
    pair = pair_in_memory(client_context, server_context)
    require_host(lib.SSL_get0_param(pair.client._ssl), "elsewhere.example")
    handshake(pair)
    assert SSL.X509VerificationCodes.ERR_HOSTNAME_MISMATCH in told


def test_verification_can_be_asked_for_late(
    authority: Authority, server_identity: Identity, version: int
) -> None:
    """``SSL_set_verify`` with NULL for the callback, as mitmproxy's tests have it."""
    client = new_client_context(authority, version)
    client.set_verify(SSL.VERIFY_NONE)
    pair = pair_in_memory(client, new_server_context(server_identity, version))
    require_host(lib.SSL_get0_param(pair.client._ssl), "elsewhere.example")
    lib.SSL_set_verify(pair.client._ssl, SSL.VERIFY_PEER, ffi.NULL)
    assert_verified(negotiate(pair), pair, "client", "host")


def test_the_reason_of_a_refusal_in_words(
    stranger: Authority, server_context: SSL.Context, version: int
) -> None:
    """What mitmproxy tells its user."""
    pair = pair_in_memory(new_client_context(stranger, version), server_context)
    with pytest.raises(SSL.Error):
        handshake(pair)
    result = lib.SSL_get_verify_result(pair.client._ssl)
    text = ffi.string(lib.X509_verify_cert_error_string(result)).decode()
    assert text == "unable to get local issuer certificate"


# Diffie-Hellman parameters: mitmproxy and its like.


def load_dh(path: Path) -> Any:
    bio = lib.BIO_new_file(str(path).encode(sys.getfilesystemencoding()), b"r")
    if bio == ffi.NULL:
        return None
    bio = ffi.gc(bio, lib.BIO_free)
    dh = lib.PEM_read_bio_DHparams(bio, ffi.NULL, ffi.NULL, ffi.NULL)
    return ffi.gc(dh, lib.DH_free)


@pytest.mark.parametrize("from_memory", [False, True])
def test_dh_parameters_are_used(
    authority: Authority, rsa_identity: Identity, from_memory: bool
) -> None:
    pem = DH_FILE.read_bytes()
    if from_memory:
        bio = lib.BIO_new_mem_buf(ffi.new("char[]", pem), len(pem))
        dh = lib.PEM_read_bio_DHparams(bio, ffi.NULL, ffi.NULL, ffi.NULL)
    else:
        dh = load_dh(DH_FILE)
    server = new_server_context(rsa_identity, SSL.TLS1_2_VERSION)
    server.set_cipher_list(b"DHE-RSA-AES256-GCM-SHA384")
    SSL._openssl_assert(lib.SSL_CTX_set_tmp_dh(server._context, dh) == 1)  # type: ignore[attr-defined]
    pair = pair_in_memory(new_client_context(authority, SSL.TLS1_2_VERSION), server)
    sent = first_flight(pair)
    stretch_of_the_prime = b64decode(b"".join(pem.splitlines()[1:-1]))[32:96]
    assert len(stretch_of_the_prime) == 64
    assert stretch_of_the_prime in sent
    pair.client.bio_write(sent)
    assert negotiate(pair) == (None, None)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert load_dh(tmp_path / "nothing") is None
    assert ffi.errno == 2
    with pytest.raises(SSL.Error) as failure:
        SSL._raise_current_error()  # type: ignore[attr-defined]
    assert failure.value.args[0] == [
        ("system library", "", ""),
        ("BIO routines", "", "no such file"),
    ]
    ffi.errno = 7
    assert ffi.errno == 7


def test_a_file_with_something_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"nothing of that kind")
    dh = load_dh(tmp_path / "file")
    assert not dh
    assert dh == ffi.NULL
    with pytest.raises(crypto.Error) as failure:
        crypto._raise_current_error()  # type: ignore[attr-defined]
    assert failure.value.args == ([("PEM routines", "", "no start line")],)
    context = SSL.Context(SSL.TLS_METHOD)
    with pytest.raises(SSL.Error):
        SSL._openssl_assert(lib.SSL_CTX_set_tmp_dh(context._context, dh) == 1)  # type: ignore[attr-defined]


# Contexts: options, versions, modes.


def test_options_are_read() -> None:
    """As mitmproxy's tests do."""
    context = SSL.Context(SSL.TLS_METHOD)
    before = lib.SSL_CTX_get_options(context._context)
    context.set_options(lib.SSL_OP_NO_TICKET)
    assert lib.SSL_CTX_get_options(context._context) == before | SSL.OP_NO_TICKET
    after = lib.SSL_CTX_set_options(context._context, lib.SSL_OP_NO_COMPRESSION)
    assert after == lib.SSL_CTX_get_options(context._context)
    assert after & lib.SSL_OP_NO_COMPRESSION


def test_versions_change_for_connections_to_come(
    client_context: SSL.Context, authority: Authority, server_identity: Identity
) -> None:
    """As in C, also on a context that has connections: these keep what they have."""
    client, server = new_client_context(authority), new_server_context(server_identity)
    before = pair_in_memory(client, server)
    assert lib.SSL_CTX_set_max_proto_version(server._context, lib.TLS1_2_VERSION) == 1
    after = pair_in_memory(client, server)
    assert handshake(before).client.get_protocol_version_name() == "TLSv1.3"
    assert handshake(after).client.get_protocol_version_name() == "TLSv1.2"
    assert lib.SSL_CTX_set_max_proto_version(server._context, 0) == 1
    assert lib.SSL_CTX_set_min_proto_version(server._context, lib.TLS1_3_VERSION) == 1
    again = handshake(pair_in_memory(client, server))
    assert again.client.get_protocol_version_name() == "TLSv1.3"
    assert lib.SSL_CTX_set_min_proto_version(server._context, 1) == 0


def test_modes() -> None:
    context = SSL.Context(SSL.TLS_METHOD)
    modes = lib.SSL_MODE_ENABLE_PARTIAL_WRITE | lib.SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
    assert context.set_mode(0) & modes == modes
    with_buffers = lib.SSL_CTX_set_mode(context._context, lib.SSL_MODE_RELEASE_BUFFERS)
    assert with_buffers & lib.SSL_MODE_RELEASE_BUFFERS
    without = lib.SSL_CTX_clear_mode(context._context, lib.SSL_MODE_RELEASE_BUFFERS)
    assert without == with_buffers & ~lib.SSL_MODE_RELEASE_BUFFERS


def test_a_connection_may_stop_after_every_record(connected: Pair) -> None:
    """As proxies have it that select on their connections."""
    connection = connected.client
    if hasattr(SSL._lib, "SSL_clear_mode"):  # type: ignore[attr-defined]
        left = lib.SSL_clear_mode(connection._ssl, lib.SSL_MODE_AUTO_RETRY)
        assert not left & lib.SSL_MODE_AUTO_RETRY
    assert lib.SSL_set_mode(connection._ssl, lib.SSL_MODE_AUTO_RETRY) & lib.SSL_MODE_AUTO_RETRY
    connected.server.send(b"data")
    settle(connected)
    assert connection.recv(10) == b"data"


@deviation
def test_ecdh_is_always_automatic() -> None:
    """Twisted calls it where it finds it. cryptography has no such function any more."""
    assert lib.SSL_CTX_set_ecdh_auto(SSL.Context(SSL.TLS_METHOD)._context, True) == 1


def test_groups_and_signature_algorithms(
    authority: Authority, rsa_identity: Identity, version: int
) -> None:
    """As programs that look like another client have it."""
    client = new_client_context(authority, version)
    assert lib.SSL_CTX_set1_curves_list(client._context, b"P-384") == 1
    algorithms = b"ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256"
    assert lib.SSL_CTX_set1_sigalgs_list(client._context, algorithms) == 1
    server = new_server_context(rsa_identity, version)
    pair = handshake(pair_in_memory(client, server))
    assert pair.client.get_group_name() == "secp384r1"
    assert lib.SSL_CTX_set1_curves_list(client._context, b"no such group") == 0
    assert lib.SSL_CTX_set1_sigalgs_list(client._context, b"nonsense") == 0
    # On a context that is in use by now, for connections to come.
    assert lib.SSL_CTX_set1_sigalgs_list(client._context, b"ECDSA+SHA256") == 1
    assert reasons(negotiate(pair_in_memory(client, server)).server)


@pytest.mark.skipif(not ssl.HAS_TLSv1_3, reason="the standard library has no TLS 1.3")
@pytest.mark.parametrize("offered", [False, True])
def test_a_server_may_ask_for_the_certificate_later(
    authority: Authority,
    server_identity: Identity,
    client_identity: Identity,
    sockets: tuple[socket.socket, socket.socket],
    offered: bool,
) -> None:
    """As a test of Apache has it, which talks to a server."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(server_identity.chain_file, server_identity.key_file)
    server_context.load_verify_locations(authority.file)
    server_context.verify_mode = ssl.CERT_OPTIONAL
    server_context.post_handshake_auth = True
    client_context = new_client_context(authority, SSL.TLS1_3_VERSION)
    client_identity.install(client_context)
    lib.SSL_CTX_set_post_handshake_auth(client_context._context, int(offered))
    far, near = sockets

    def serve() -> object:
        with server_context.wrap_socket(far, server_side=True) as server:
            early = server.getpeercert()
            server.recv(1)
            try:
                server.verify_client_post_handshake()
            except ssl.SSLError as refused:
                server.send(b"!")
                return early, refused.reason
            server.send(b"!")
            server.recv(1)
            return early, server.getpeercert()

    served = background(serve)
    client = SSL.Connection(client_context, near)
    client.set_connect_state()
    client.do_handshake()
    client.send(b"?")
    assert client.recv(1) == b"!"
    if offered:
        client.send(b"?")
    early, late = typing.cast("tuple[Any, Any]", served.result(PATIENCE))
    if offered:
        assert not early
        assert ("DNS", "client.example") in late["subjectAltName"]
    else:
        assert late == "EXTENSION_NOT_RECEIVED"


def test_default_locations(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    assert os.path.isabs(ffi.string(lib.X509_get_default_cert_file()))
    assert os.path.isabs(ffi.string(lib.X509_get_default_cert_dir()))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    context = SSL.Context(SSL.TLS_METHOD)
    assert lib.SSL_CTX_set_default_verify_paths(context._context) == 1
    assert lib.SSL_CTX_get_cert_store(context._context)


@deviation
def test_what_connections_share_with_a_context_stays(connected: Pair) -> None:
    context = connected.client.get_context()
    before = lib.SSL_CTX_get_options(context._context)
    assert lib.SSL_CTX_set_options(context._context, SSL.OP_NO_TICKET) == before | SSL.OP_NO_TICKET
    with pytest.raises(ValueError, match="already been used"):
        lib.SSL_CTX_set_default_verify_paths(context._context)


def test_methods() -> None:
    """mitmproxy looks whether they are there."""
    methods = ("TLS_method", "TLS_server_method", "TLS_client_method")
    methods += ("DTLS_method", "DTLS_server_method", "DTLS_client_method")
    assert all(getattr(lib, method)() for method in methods)
    assert len({getattr(lib, method)() for method in methods}) == len(methods)


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_fallback_locations(
    kind: str, authority: Authority, server_identity: Identity, tmp_path: Path
) -> None:
    """Programs replace what is tried where the default locations have nothing. What is not there is
    left out, and so is a directory among the files and a file among the directories."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_verify(SSL.VERIFY_PEER)
    file, directory = authority.file, tmp_path / "trusted"
    directory.mkdir()
    name_hash = crypto.X509.from_cryptography(authority.certificate).subject_name_hash()
    shutil.copy(file, directory / f"{name_hash:08x}.0")
    nowhere, here = b"/nowhere/at/all", os.fsencode(directory)
    if kind == "file":
        context._fallback_default_verify_paths([nowhere, here, os.fsencode(file)], [])
    else:
        context._fallback_default_verify_paths([], [nowhere, os.fsencode(file), here])
    handshake(pair_in_memory(context, new_server_context(server_identity)))


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR", None])
def test_when_fallback_locations_are_tried(
    variable: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the environment names a place, there and nowhere else is looked, whatever it holds."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    default = (lib.X509_get_default_cert_file, lib.X509_get_default_cert_dir)
    if variable:
        monkeypatch.setenv(variable, "/nowhere/at/all")
    elif any(os.path.exists(ffi.string(path())) for path in default):
        pytest.skip("OpenSSL's own locations are there")
    tried: list[Any] = []

    class Context(SSL.Context):
        def _fallback_default_verify_paths(self, files: Any, directories: Any) -> None:
            tried.append((files, directories))

    Context(SSL.TLS_METHOD).set_default_verify_paths()
    assert bool(tried) == (variable is None)


def test_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    context = SSL.Context(SSL.TLS_METHOD)
    for names in (("A_DIR", "NOT_THERE"), ("NOT_THERE", "A_DIR")):
        monkeypatch.delenv("A_DIR", raising=False)
        assert not context._check_env_vars_set(*names)
        monkeypatch.setenv("A_DIR", "")
        assert context._check_env_vars_set(*names)
