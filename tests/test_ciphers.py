"""Cipher suites and the exchange of keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from support.certificates import Authority, Identity
from support.tls import handshake, new_client_context, new_server_context, pair_in_memory

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
def dh_parameters(tmp_path: Path) -> Path:
    file = tmp_path / "dh.pem"
    file.write_text(DH_PARAMETERS)
    return file


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
