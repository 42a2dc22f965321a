"""What a Context takes, remembers and refuses."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, Callable

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL, crypto
from support.certificates import Authority, Identity
from support.implementation import deviation
from support.tls import handshake, negotiate, new_client_context, new_server_context, pair_in_memory

USED = "Context has already been used to create a Connection, it cannot be mutated again"

# The 2048 bit group of RFC 3526: named parameters cost no time to make.
DH_PARAMETERS = """\
-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA///////////JD9qiIWjCNMTGYouA3BzRKQJOCIpnzHQCC76mOxOb
IlFKCHmONATd75UZs806QxswKwpt8l8UN0/hNW1tUcJF5IW1dmJefsb0TELppjft
awv/XLb0Brft7jhr+1qJn6WunyQRfEsf5kkoZlHs5Fs9wgB8uKFjvwWY2kg2HFXT
mmkWP6j9JM9fg2VdI9yjrZYcYvNWIIVSu57VKQdwlpZtZww1Tkq8mATxdGwIyhgh
fDKQXkYuNs474553LBgOhgObJ4Oi7Aeij7XFXfBvTFLJ3ivL9pVYFxg5lUl86pVq
5RXSJhiY+gUQFXKOWoqsqmj//////////wIBAg==
-----END DH PARAMETERS-----
"""


@pytest.fixture
def context() -> SSL.Context:
    return SSL.Context(SSL.TLS_METHOD)


@pytest.fixture
def dh_parameters(tmp_path: Path) -> Path:
    file = tmp_path / "dh.pem"
    file.write_text(DH_PARAMETERS)
    return file


# Methods and versions


@pytest.mark.parametrize(
    "method",
    [
        SSL.SSLv23_METHOD,
        SSL.TLSv1_METHOD,
        SSL.TLSv1_1_METHOD,
        SSL.TLSv1_2_METHOD,
        SSL.TLS_METHOD,
        SSL.TLS_SERVER_METHOD,
        SSL.TLS_CLIENT_METHOD,
        SSL.DTLS_METHOD,
        SSL.DTLS_SERVER_METHOD,
        SSL.DTLS_CLIENT_METHOD,
    ],
)
def test_every_method_makes_a_context(method: int) -> None:
    assert isinstance(SSL.Context(method), SSL.Context)


@pytest.mark.parametrize("method", [-1, 0, 13, 1000, 2**31, 2**63, 2**200])
def test_unknown_method_is_refused(method: int) -> None:
    with pytest.raises(ValueError, match=r"^No such protocol$"):
        SSL.Context(method)


@pytest.mark.parametrize("method", ["7", b"7", 7.0, None])
def test_method_must_be_an_integer(method: Any) -> None:
    with pytest.raises(TypeError):
        SSL.Context(method)


@deviation
@pytest.mark.parametrize(("name", "value"), [("SSLv2_METHOD", 1), ("SSLv3_METHOD", 2)])
def test_methods_long_gone_still_have_a_name(name: str, value: int) -> None:
    assert getattr(SSL, name) == value
    with pytest.raises(ValueError, match=r"^No such protocol$"):
        SSL.Context(value)


@deviation
def test_old_aliases_of_the_classes_are_kept() -> None:
    assert SSL.ContextType is SSL.Context
    assert SSL.ConnectionType is SSL.Connection


def test_a_versioned_method_speaks_only_its_version(
    server_identity: Identity, authority: Authority
) -> None:
    pair = pair_in_memory(
        new_client_context(authority),
        new_server_context(server_identity, method=SSL.TLSv1_2_METHOD),
    )
    assert handshake(pair).client.get_protocol_version_name() == "TLSv1.2"


def test_a_method_for_one_role_serves_that_role(
    server_identity: Identity, authority: Authority
) -> None:
    handshake(
        pair_in_memory(
            new_client_context(authority, method=SSL.TLS_CLIENT_METHOD),
            new_server_context(server_identity, method=SSL.TLS_SERVER_METHOD),
        )
    )


def test_the_highest_common_version_is_chosen(
    server_identity: Identity, authority: Authority
) -> None:
    pair = pair_in_memory(new_client_context(authority), new_server_context(server_identity))
    assert handshake(pair).server.get_protocol_version() == SSL.TLS1_3_VERSION


def test_options_exclude_a_version(server_identity: Identity, authority: Authority) -> None:
    server = new_server_context(server_identity)
    server.set_options(SSL.OP_NO_TLSv1_3)
    pair = handshake(pair_in_memory(new_client_context(authority), server))
    assert pair.client.get_protocol_version() == SSL.TLS1_2_VERSION


def test_no_common_version_is_an_error_on_both_sides(
    server_identity: Identity, authority: Authority
) -> None:
    outcome = negotiate(
        pair_in_memory(
            new_client_context(authority, SSL.TLS1_2_VERSION),
            new_server_context(server_identity, SSL.TLS1_3_VERSION),
        )
    )
    assert isinstance(outcome.server, SSL.Error)
    assert outcome.server.args == ([("SSL routines", "", "unsupported protocol")],)
    assert isinstance(outcome.client, SSL.Error)
    assert outcome.client.args == ([("SSL routines", "", "tlsv1 alert protocol version")],)


def test_zero_lifts_the_bounds_of_the_versions(
    context: SSL.Context, server_identity: Identity, authority: Authority
) -> None:
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.set_min_proto_version(0)
    context.set_max_proto_version(0)
    server_identity.install(context)
    pair = handshake(pair_in_memory(new_client_context(authority), context))
    assert pair.client.get_protocol_version() == SSL.TLS1_3_VERSION


def test_a_version_that_openssl_does_not_know_is_an_error(context: SSL.Context) -> None:
    with pytest.raises(SSL.Error):
        context.set_min_proto_version(1)


# A used context


def _callback(*_: Any) -> bool:
    return True


MUTATIONS: dict[str, Callable[[SSL.Context, Identity, Authority], Any]] = {
    "add_client_ca": lambda c, i, a: c.add_client_ca(a.certificate),
    "add_extra_chain_cert": lambda c, i, a: c.add_extra_chain_cert(a.certificate),
    "clear_mode": lambda c, i, a: c.clear_mode(SSL.MODE_RELEASE_BUFFERS),
    "load_client_ca": lambda c, i, a: c.load_client_ca(os.fsencode(a.file)),
    "load_tmp_dh": lambda c, i, a: c.load_tmp_dh("absent"),
    "load_verify_locations": lambda c, i, a: c.load_verify_locations(a.file),
    "set_alpn_protos": lambda c, i, a: c.set_alpn_protos([b"h2"]),
    "set_alpn_select_callback": lambda c, i, a: c.set_alpn_select_callback(_callback),
    "set_app_data": lambda c, i, a: c.set_app_data(None),
    "set_cipher_list": lambda c, i, a: c.set_cipher_list(b"ALL"),
    "set_client_ca_list": lambda c, i, a: c.set_client_ca_list([]),
    "set_cookie_generate_callback": lambda c, i, a: c.set_cookie_generate_callback(_callback),
    "set_cookie_verify_callback": lambda c, i, a: c.set_cookie_verify_callback(_callback),
    "set_default_verify_paths": lambda c, i, a: c.set_default_verify_paths(),
    "set_info_callback": lambda c, i, a: c.set_info_callback(_callback),
    "set_keylog_callback": lambda c, i, a: c.set_keylog_callback(_callback),
    "set_max_proto_version": lambda c, i, a: c.set_max_proto_version(0),
    "set_min_proto_version": lambda c, i, a: c.set_min_proto_version(0),
    "set_mode": lambda c, i, a: c.set_mode(SSL.MODE_RELEASE_BUFFERS),
    "set_ocsp_client_callback": lambda c, i, a: c.set_ocsp_client_callback(_callback),
    "set_ocsp_server_callback": lambda c, i, a: c.set_ocsp_server_callback(_callback),
    "set_options": lambda c, i, a: c.set_options(SSL.OP_ALL),
    "set_passwd_cb": lambda c, i, a: c.set_passwd_cb(_callback),
    "set_session_cache_mode": lambda c, i, a: c.set_session_cache_mode(SSL.SESS_CACHE_OFF),
    "set_session_id": lambda c, i, a: c.set_session_id(b"id"),
    "set_timeout": lambda c, i, a: c.set_timeout(1),
    "set_tls13_ciphersuites": lambda c, i, a: c.set_tls13_ciphersuites(b"TLS_AES_128_GCM_SHA256"),
    "set_tlsext_servername_callback": lambda c, i, a: c.set_tlsext_servername_callback(_callback),
    "set_tlsext_use_srtp": lambda c, i, a: c.set_tlsext_use_srtp(b"SRTP_AES128_CM_SHA1_80"),
    "set_tmp_ecdh": lambda c, i, a: c.set_tmp_ecdh(ec.SECP256R1()),
    "set_verify": lambda c, i, a: c.set_verify(SSL.VERIFY_NONE),
    "set_verify_depth": lambda c, i, a: c.set_verify_depth(1),
    "use_certificate": lambda c, i, a: c.use_certificate(i.certificate),
    "use_certificate_chain_file": lambda c, i, a: c.use_certificate_chain_file(i.chain_file),
    "use_certificate_file": lambda c, i, a: c.use_certificate_file(i.chain_file),
    "use_privatekey": lambda c, i, a: c.use_privatekey(i.key),
    "use_privatekey_file": lambda c, i, a: c.use_privatekey_file(i.key_file),
}


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS.keys())
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_used_context_cannot_be_changed(
    mutation: Callable[[SSL.Context, Identity, Authority], Any],
    context: SSL.Context,
    server_identity: Identity,
    authority: Authority,
) -> None:
    SSL.Connection(context)
    with pytest.raises(ValueError) as refusal:
        mutation(context, server_identity, authority)
    assert refusal.value.args == (USED,)


def test_set_context_uses_a_context_up(context: SSL.Context) -> None:
    SSL.Connection(SSL.Context(SSL.TLS_METHOD)).set_context(context)
    with pytest.raises(ValueError, match=f"^{USED}$"):
        context.set_timeout(1)


def test_a_used_context_can_still_be_asked(context: SSL.Context, server_identity: Identity) -> None:
    server_identity.install(context)
    SSL.Connection(context)
    context.check_privatekey()
    assert context.get_app_data() is None
    assert context.get_verify_mode() == SSL.VERIFY_NONE
    assert context.get_verify_depth() == -1
    assert context.get_session_cache_mode() == SSL.SESS_CACHE_SERVER
    assert context.get_timeout() > 0


def test_the_store_of_a_used_context_stays_open(
    server_identity: Identity, authority: Authority, version: int
) -> None:
    server_context = new_server_context(server_identity, version)
    client_context = SSL.Context(SSL.TLS_METHOD)
    client_context.set_verify(SSL.VERIFY_PEER)
    assert isinstance(negotiate(pair_in_memory(client_context, server_context)).client, SSL.Error)
    store = client_context.get_cert_store()
    assert store is not None
    store.add_cert(crypto.X509.from_cryptography(authority.certificate))
    handshake(pair_in_memory(client_context, server_context))


# Settings that can be read back


def test_app_data_is_any_object(context: SSL.Context) -> None:
    assert context.get_app_data() is None
    data = object()
    context.set_app_data(data)
    assert context.get_app_data() is data


def test_options_are_added_and_reported(context: SSL.Context) -> None:
    before = context.set_options(0)
    assert before & SSL.OP_NO_TICKET == 0
    assert context.set_options(SSL.OP_NO_TICKET) == before | SSL.OP_NO_TICKET
    assert context.set_options(0) == before | SSL.OP_NO_TICKET


def test_modes_are_added_and_cleared(context: SSL.Context) -> None:
    before = context.set_mode(0)
    assert before & SSL.MODE_RELEASE_BUFFERS == 0
    assert context.set_mode(SSL.MODE_RELEASE_BUFFERS) == before | SSL.MODE_RELEASE_BUFFERS
    assert context.clear_mode(SSL.MODE_RELEASE_BUFFERS) == before
    assert context.set_mode(0) == before


def test_timeout_setter_answers_the_previous_one(context: SSL.Context) -> None:
    default = context.get_timeout()
    assert context.set_timeout(1234) == default
    assert context.get_timeout() == 1234


def test_session_cache_mode_setter_answers_the_previous_one(context: SSL.Context) -> None:
    assert context.set_session_cache_mode(SSL.SESS_CACHE_BOTH) == SSL.SESS_CACHE_SERVER
    assert context.get_session_cache_mode() == SSL.SESS_CACHE_BOTH


def test_verify_mode_and_depth_are_kept(context: SSL.Context) -> None:
    mode = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT | SSL.VERIFY_CLIENT_ONCE
    context.set_verify(mode)
    context.set_verify_depth(11)
    assert (context.get_verify_mode(), context.get_verify_depth()) == (mode, 11)
    assert SSL.Connection(context).get_verify_mode() == mode


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("set_options", ("1",)),
        ("set_mode", (None,)),
        ("set_timeout", (1.5,)),
        ("set_session_cache_mode", ("server",)),
        ("set_verify", ("peer",)),
        ("set_verify", (SSL.VERIFY_PEER, "no callback")),
        ("set_verify_depth", ("1",)),
        ("set_cipher_list", (1,)),
        ("set_tls13_ciphersuites", ("TLS_AES_128_GCM_SHA256",)),
        ("set_tlsext_use_srtp", ("SRTP_AES128_CM_SHA1_80",)),
        ("use_certificate_file", ("absent", "pem")),
        ("use_privatekey_file", ("absent", "pem")),
        ("use_certificate", ("certificate",)),
        ("use_privatekey", ("key",)),
        ("add_extra_chain_cert", (None,)),
        ("load_verify_locations", (1,)),
    ],
)
def test_arguments_of_the_wrong_type_are_refused(
    context: SSL.Context, method: str, arguments: tuple[Any, ...]
) -> None:
    with pytest.raises(TypeError):
        getattr(context, method)(*arguments)


# Ciphers and key exchange


def test_the_cipher_list_decides_the_cipher(
    server_identity: Identity, authority: Authority
) -> None:
    context = new_server_context(server_identity, SSL.TLS1_2_VERSION)
    context.set_cipher_list(b"ECDHE-ECDSA-AES256-GCM-SHA384")
    pair = handshake(pair_in_memory(new_client_context(authority), context))
    assert pair.client.get_cipher_name() == "ECDHE-ECDSA-AES256-GCM-SHA384"
    assert pair.client.get_cipher_bits() == 256
    assert pair.client.get_cipher_version() == "TLSv1.2"


def test_the_suites_decide_the_cipher_of_tls_1_3(
    server_identity: Identity, authority: Authority
) -> None:
    context = new_server_context(server_identity, SSL.TLS1_3_VERSION)
    context.set_tls13_ciphersuites(b"TLS_CHACHA20_POLY1305_SHA256")
    pair = handshake(pair_in_memory(new_client_context(authority), context))
    assert pair.server.get_cipher_name() == "TLS_CHACHA20_POLY1305_SHA256"
    assert pair.server.get_cipher_version() == "TLSv1.3"


def test_a_connection_lists_the_ciphers_of_its_context(context: SSL.Context) -> None:
    context.set_cipher_list(b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384")
    context.set_tls13_ciphersuites(b"TLS_AES_128_GCM_SHA256")
    assert SSL.Connection(context).get_cipher_list() == [
        "TLS_AES_128_GCM_SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",
    ]


def test_a_cipher_list_without_a_match_is_an_error(context: SSL.Context) -> None:
    with pytest.raises(SSL.Error) as failure:
        context.set_cipher_list(b"imaginary")
    assert failure.value.args == ([("SSL routines", "", "no cipher match")],)


def test_an_unknown_suite_is_an_error(context: SSL.Context) -> None:
    with pytest.raises(SSL.Error) as failure:
        context.set_tls13_ciphersuites(b"imaginary")
    assert failure.value.args == ([("SSL routines", "", "no cipher match")],)


def test_a_cipher_list_of_text_is_deprecated(context: SSL.Context) -> None:
    with pytest.warns(DeprecationWarning, match="^str for cipher_list is no longer accepted"):
        context.set_cipher_list("ALL")  # type: ignore[arg-type]


def test_dh_parameters_make_dh_possible(
    rsa_identity: Identity, authority: Authority, dh_parameters: Path
) -> None:
    server = new_server_context(rsa_identity, SSL.TLS1_2_VERSION)
    server.set_cipher_list(b"DHE-RSA-AES128-GCM-SHA256")
    server.load_tmp_dh(dh_parameters)
    pair = handshake(pair_in_memory(new_client_context(authority), server))
    assert pair.client.get_cipher_name() == "DHE-RSA-AES128-GCM-SHA256"


def test_dh_parameters_from_an_absent_file_are_an_error(
    context: SSL.Context, tmp_path: Path
) -> None:
    with pytest.raises(SSL.Error):
        context.load_tmp_dh(tmp_path / "absent")


@pytest.mark.parametrize(
    "curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name
)
def test_a_curve_can_be_chosen(
    curve: ec.EllipticCurve, server_identity: Identity, authority: Authority, version: int
) -> None:
    server = new_server_context(server_identity, version)
    server.set_tmp_ecdh(curve)
    handshake(pair_in_memory(new_client_context(authority, version), server))


# Certificates and keys


def test_files_are_named_by_text_bytes_or_path(
    server_identity: Identity, authority: Authority
) -> None:
    for spell in (str, os.fsencode, Path):
        context = SSL.Context(SSL.TLS_METHOD)
        context.use_certificate_chain_file(spell(server_identity.chain_file))
        context.use_certificate_file(spell(server_identity.chain_file))
        context.use_privatekey_file(spell(server_identity.key_file), crypto.FILETYPE_PEM)
        context.load_verify_locations(spell(authority.file))
        context.check_privatekey()


def test_certificate_and_key_from_der_files(
    context: SSL.Context, server_identity: Identity, tmp_path: Path
) -> None:
    certificate, key = tmp_path / "certificate.der", tmp_path / "key.der"
    certificate.write_bytes(server_identity.der)
    key.write_bytes(
        server_identity.key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    context.use_certificate_file(certificate, crypto.FILETYPE_ASN1)
    context.use_privatekey_file(key, crypto.FILETYPE_ASN1)
    context.check_privatekey()


@pytest.mark.parametrize(
    "method",
    [
        "use_certificate_file",
        "use_certificate_chain_file",
        "use_privatekey_file",
        "load_verify_locations",
    ],
)
def test_an_absent_file_is_an_error(context: SSL.Context, method: str, tmp_path: Path) -> None:
    with pytest.raises(SSL.Error):
        getattr(context, method)(tmp_path / "absent")


@pytest.mark.parametrize(
    "method",
    [
        "use_certificate_file",
        "use_certificate_chain_file",
        "use_privatekey_file",
        "load_verify_locations",
    ],
)
def test_a_file_of_something_else_is_an_error(
    context: SSL.Context, method: str, tmp_path: Path
) -> None:
    file = tmp_path / "poem"
    file.write_text("It is no certificate, nor is it a key.\n")
    with pytest.raises(SSL.Error) as failure:
        getattr(context, method)(file)
    assert failure.value.args[0], "the reason is told"


def test_a_key_of_another_certificate_does_not_fit(
    context: SSL.Context, server_identity: Identity, client_identity: Identity
) -> None:
    context.use_certificate(server_identity.certificate)
    with pytest.raises(SSL.Error) as failure:
        context.use_privatekey(client_identity.key)
    assert failure.value.args == ([("x509 certificate routines", "", "key values mismatch")],)


def test_a_context_without_a_key_fails_its_check(context: SSL.Context) -> None:
    with pytest.raises(SSL.Error) as failure:
        context.check_privatekey()
    assert failure.value.args == ([("SSL routines", "", "no certificate assigned")],)


def test_own_certificate_and_key_objects_are_taken_with_a_warning(
    context: SSL.Context, server_identity: Identity
) -> None:
    certificate = crypto.X509.from_cryptography(server_identity.certificate)
    key = crypto.PKey.from_cryptography_key(server_identity.key)
    for method, argument in [
        (context.use_certificate, certificate),
        (context.add_extra_chain_cert, certificate),
        (context.add_client_ca, certificate),
        (context.use_privatekey, key),
    ]:
        with pytest.warns(DeprecationWarning, match="^Passing pyOpenSSL .* objects is deprecated"):
            method(argument)
    context.check_privatekey()


def test_the_chain_file_brings_the_intermediates(
    context: SSL.Context, chained_identity: Identity, authority: Authority
) -> None:
    context.use_certificate_chain_file(chained_identity.chain_file)
    context.use_privatekey_file(chained_identity.key_file)
    pair = handshake(pair_in_memory(new_client_context(authority), context))
    chain = pair.client.get_peer_cert_chain(as_cryptography=True)
    assert chain == [chained_identity.certificate, *chained_identity.intermediates]


# Passphrases


def encrypted_key(identity: Identity, file: Path, passphrase: bytes) -> Path:
    file.write_bytes(
        identity.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.BestAvailableEncryption(passphrase),
        )
    )
    return file


def set_passphrase(context: SSL.Context, *arguments: Any) -> None:
    with pytest.warns(DeprecationWarning, match="set_passwd_cb is deprecated") as seen:
        context.set_passwd_cb(*arguments)
    assert [warning.filename for warning in seen] == [__file__]


def test_the_passphrase_callback_opens_an_encrypted_key(
    context: SSL.Context, server_identity: Identity, tmp_path: Path
) -> None:
    calls = []

    def passphrase(size: int, verify: bool, userdata: Any) -> bytes:
        calls.append((size, verify, userdata))
        return b"open sesame"

    userdata = object()
    set_passphrase(context, passphrase, userdata)
    context.use_privatekey_file(encrypted_key(server_identity, tmp_path / "key", b"open sesame"))
    assert calls == [(1024, False, userdata)]


def test_the_userdata_of_the_passphrase_callback_is_optional(
    context: SSL.Context, server_identity: Identity, tmp_path: Path
) -> None:
    calls = []

    def passphrase(*arguments: Any) -> bytes:
        calls.append(arguments[2])
        return b"open sesame"

    set_passphrase(context, passphrase)
    context.use_privatekey_file(encrypted_key(server_identity, tmp_path / "key", b"open sesame"))
    assert calls == [None]


def test_a_passphrase_that_is_too_long_is_cut_off(
    context: SSL.Context, server_identity: Identity, tmp_path: Path
) -> None:
    longest = b"x" * 1024
    file = encrypted_key(server_identity, tmp_path / "key", longest[:1023])
    set_passphrase(context, lambda *_: longest[:1023] + b"y" * 5000)
    with pytest.raises(SSL.Error):
        context.use_privatekey_file(file)  # 1024 bytes were taken


@pytest.mark.parametrize("passphrase", [b"", b"wrong"])
def test_a_passphrase_that_does_not_fit_is_an_error(
    context: SSL.Context, server_identity: Identity, tmp_path: Path, passphrase: bytes
) -> None:
    set_passphrase(context, lambda *_: passphrase)
    with pytest.raises(SSL.Error):
        context.use_privatekey_file(
            encrypted_key(server_identity, tmp_path / "key", b"open sesame")
        )


def test_an_exception_in_the_passphrase_callback_is_raised(
    context: SSL.Context, server_identity: Identity, tmp_path: Path
) -> None:
    failure = RuntimeError("no terminal")

    def passphrase(*_: Any) -> bytes:
        raise failure

    set_passphrase(context, passphrase)
    with pytest.raises(RuntimeError) as raised:
        context.use_privatekey_file(
            encrypted_key(server_identity, tmp_path / "key", b"open sesame")
        )
    assert raised.value is failure


@pytest.mark.parametrize("passphrase", ["open sesame", None, 1])
def test_a_passphrase_must_be_bytes(
    context: SSL.Context, server_identity: Identity, tmp_path: Path, passphrase: Any
) -> None:
    set_passphrase(context, lambda *_: passphrase)
    with pytest.raises(ValueError):
        context.use_privatekey_file(
            encrypted_key(server_identity, tmp_path / "key", b"open sesame")
        )


def test_the_passphrase_callback_must_be_callable(context: SSL.Context) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(TypeError):
            context.set_passwd_cb("secret")  # type: ignore[arg-type]


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
