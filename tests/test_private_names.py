"""Private names of pyOpenSSL: which there are, and what they say of what there is.

All of it runs with pyOpenSSL as well, but for what is marked.
"""

from __future__ import annotations

import fnmatch
import os
import re
import socket
import subprocess
import sys
import typing
import warnings
from pathlib import Path
from typing import Any, Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL, _util, crypto
from support.certificates import Identity
from support.implementation import deviation
from support.programs import ROOT
from support.tls import (
    Pair,
)

# They are private, and no type checker knows them.
lib: Any = SSL._lib
ffi: Any = SSL._ffi


pytestmark = pytest.mark.usefixtures("forgetful")


def test_the_same_objects_have_several_names() -> None:
    assert SSL._lib is crypto._lib is _util.lib
    assert SSL._ffi is crypto._ffi is _util.ffi


def test_importing_the_package_is_enough() -> None:
    """As Ansible's modules have it."""
    program = "import OpenSSL; OpenSSL._util.lib.OBJ_txt2nid, OpenSSL._util.ffi.NULL"
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)


@deviation
def test_programs_that_do_not_need_them_do_not_pay_for_them() -> None:
    program = "import sys; from OpenSSL import SSL, crypto; print('OpenSSL._util' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE)
    assert done.stdout == b"False\n"


def test_what_is_not_there_is_an_attribute_error() -> None:
    assert not hasattr(lib, "SSL_CTX_set_something")
    assert getattr(lib, "Cryptography_HAS_SOMETHING", None) is None
    assert not hasattr(SSL, "_something")
    assert not hasattr(crypto, "_something")
    with pytest.raises(ImportError):
        exec("from OpenSSL.SSL import _something")


# Certificates, names and keys.


def test_a_name_on_one_line(server_identity: Identity) -> None:
    """As Scrapy writes it into its log."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        name = crypto.X509.from_cryptography(server_identity.certificate).get_subject()
    room = ffi.new("char[]", 512)
    written = lib.X509_NAME_oneline(name._name, room, len(room))
    assert written != ffi.NULL
    assert ffi.string(room) == b"/CN=localhost"
    small = ffi.new("char[]", 6)
    lib.X509_NAME_oneline(name._name, small, len(small))
    assert ffi.string(small) in (b"", b"/CN=l")


def test_an_empty_certificate_has_a_handle() -> None:
    """urllib3 refuses a pyOpenSSL in which it has none."""
    assert getattr(crypto.X509(), "_x509", None) is not None


def test_every_object_has_its_handle(connected: Pair, server_identity: Identity) -> None:
    certificate = crypto.X509.from_cryptography(server_identity.certificate)
    key = crypto.PKey.from_cryptography_key(server_identity.key)
    context = connected.client.get_context()
    store = context.get_cert_store()
    assert store is not None
    for handle in (certificate._x509, key._pkey, store._store, context._context):
        assert handle
        assert handle != ffi.NULL
    assert connected.client._ssl != connected.server._ssl
    assert connected.client._ssl == connected.client._ssl


def test_a_certificate_from_its_handle(server_identity: Identity) -> None:
    """As programs have it that find certificates in places pyOpenSSL does not look."""
    original = crypto.X509.from_cryptography(server_identity.certificate)
    pointer = lib.X509_dup(original._x509)
    copy = crypto.X509._from_raw_x509_ptr(pointer)
    assert copy.to_cryptography() == server_identity.certificate
    assert lib.X509_up_ref(original._x509) == 1
    same = crypto.X509._from_raw_x509_ptr(original._x509)
    assert same._x509 == original._x509 != copy._x509


def test_numbers_of_objects() -> None:
    """As Ansible's modules make names alike."""
    nid = OBJ_txt2nid = lib.OBJ_txt2nid(b"CN")
    assert OBJ_txt2nid == lib.OBJ_txt2nid(b"2.5.4.3") != lib.NID_undef
    assert ffi.string(lib.OBJ_nid2ln(nid)) == b"commonName"
    assert ffi.string(lib.OBJ_nid2sn(nid)) == b"CN"
    assert lib.OBJ_txt2nid(b"no such thing") == 0


def test_what_a_key_says_of_itself(server_identity: Identity) -> None:
    """As Synapse's core asks."""
    private = crypto.PKey.from_cryptography_key(server_identity.key)
    public = crypto.X509.from_cryptography(server_identity.certificate).get_pubkey()
    assert (private._only_public, private._initialized) == (False, True)
    assert public._only_public
    assert not crypto.PKey()._initialized


def test_types_of_keys() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    assert isinstance(key, typing.get_args(crypto._PrivateKey))  # type: ignore[attr-defined]
    assert isinstance(key.public_key(), typing.get_args(crypto._PublicKey))  # type: ignore[attr-defined]
    with pytest.warns(DeprecationWarning, match="get_elliptic_curves"):
        curves = crypto.get_elliptic_curves()
    assert all(isinstance(curve, crypto._EllipticCurve) for curve in curves)


def test_what_a_connection_holds(
    client_context: SSL.Context, sockets: tuple[socket.socket, socket.socket]
) -> None:
    connection = SSL.Connection(client_context, sockets[0])
    assert connection._socket is sockets[0]
    assert connection._context is client_context
    assert connection._app_data is None
    connection.set_app_data("data")
    assert connection._app_data == "data"
    connection._app_data = "others"  # type: ignore[misc]
    assert connection.get_app_data() == "others"
    assert SSL.Connection(client_context)._socket is None


# The error queue, and the helpers of _util.


@pytest.mark.parametrize("module", [SSL, crypto])
def test_an_error_from_the_queue(module: Any) -> None:
    lib.ERR_put_error(lib.ERR_LIB_EVP, 0, 101, b"", 10)
    lib.ERR_put_error(lib.ERR_LIB_EVP, 0, 1112, b"", 10)
    assert lib.ERR_peek_error() != 0
    with pytest.raises(module.Error) as failure:
        module._raise_current_error()
    (first, second) = failure.value.args[0]
    assert (first[:2], second) == (
        ("digital envelope routines", ""),
        ("digital envelope routines", "", ""),
    )
    assert lib.ERR_get_error() == 0
    module._openssl_assert(True)
    with pytest.raises(module.Error, match=r"^\[\]$"):
        module._openssl_assert(1)


def test_codes_of_the_queue_have_texts() -> None:
    lib.ERR_put_error(lib.ERR_LIB_EVP, 0, 1112, b"", 10)
    code = lib.ERR_get_error()
    assert ffi.string(lib.ERR_lib_error_string(code)) == b"digital envelope routines"
    assert lib.ERR_func_error_string(code) == ffi.NULL
    assert not lib.ERR_reason_error_string(code)
    lib.ERR_put_error(lib.ERR_LIB_EVP, 0, 1112, b"", 10)
    lib.ERR_clear_error()
    assert lib.ERR_peek_error() == 0
    with pytest.raises(ValueError, match=r"^\[\]$"):
        _util.exception_from_error_queue(ValueError)


def test_what_is_left_in_the_queue_disturbs_nobody(connected: Pair) -> None:
    lib.ERR_put_error(lib.ERR_LIB_EVP, 0, 101, b"", 10)
    connected.client.send(b"data")
    lib.ERR_put_error(lib.ERR_LIB_EVP, 0, 101, b"", 10)
    with pytest.raises(SSL.WantReadError):
        connected.server.recv(1)


def test_helpers(tmp_path: Path) -> None:
    assert _util.path_bytes(tmp_path) == os.fsencode(tmp_path)
    assert _util.path_bytes(b"path") == b"path"
    assert _util.byte_string("\xe9") == b"\xe9"
    assert _util.UNSPECIFIED is not None
    assert _util.text(lib.X509_get_default_cert_dir()).startswith("/")

    def taker(value: Any) -> Any:
        return _util.text_to_bytes_and_warn("label", value)

    assert taker(b"bytes") == b"bytes"
    with pytest.warns(DeprecationWarning, match="str for label is no longer accepted") as told:
        assert taker("\xe9") == b"\xc3\xa9"
    assert told[0].filename == __file__
    decorate: Callable[..., Any] = SSL._make_requires(0, "not here")  # type: ignore[attr-defined]
    with pytest.raises(NotImplementedError, match="not here"):
        decorate(taker)(b"")


# ffi.


def test_memory() -> None:
    room = ffi.new("char[]", 4)
    assert (len(room), list(room)) == (4, [b"\0"] * 4)
    room[0] = b"a"
    room[1:3] = b"bc"
    assert ffi.string(room) == b"abc"
    assert ffi.string(room, 2) == b"ab"
    assert ffi.string(room[1:4]) == b"bc"
    assert ffi.buffer(room)[:] == b"abc\0"
    assert ffi.buffer(room, 2)[:] == b"ab"
    view = ffi.buffer(room)
    assert (len(view), view[1], view[-1], list(view)[2]) == (4, b"b", b"\0", b"c")
    view[0] = b"x"
    view[1:3] = b"yz"
    assert (bytes(view), ffi.string(room)) == (b"xyz\0", b"xyz")
    assert view == b"xyz\0"
    assert len(ffi.new("char[]", b"ab")) == 3
    assert len(ffi.new("char[8]")) == 8
    assert ffi.new("unsigned char[]", b"ab")[1] == 98
    with pytest.raises(IndexError):
        room[4]
    with pytest.raises(ValueError):
        ffi.new("char[]", -1)
    with pytest.raises(TypeError):
        ffi.new("char[]", "text")


def test_memory_of_others() -> None:
    array = bytearray(b"abc")
    with ffi.from_buffer(array) as memory:
        assert len(memory) == 3
        memory[0] = b"x"
    assert array == b"xbc"
    assert ffi.string(ffi.from_buffer("char[]", b"ab\0c")) == b"ab"
    assert isinstance(memory, ffi.CData)
    with pytest.raises(TypeError):
        ffi.from_buffer("text")
    with pytest.raises(BufferError):
        ffi.from_buffer("char[]", b"ab", require_writable=True)


def test_null() -> None:
    assert not ffi.NULL
    assert ffi.NULL == ffi.NULL
    assert ffi.NULL != 0
    assert hash(ffi.NULL) == 0
    with pytest.raises(TypeError):
        ffi.string(ffi.NULL)


def test_a_destructor_is_called_once() -> None:
    freed: list[Any] = []
    original = lib.BIO_new_mem_buf(b"memory", 6)
    handle = ffi.gc(original, freed.append)
    assert handle == original
    assert freed == []
    del handle
    assert freed == [original]
    kept = ffi.gc(original, freed.append)
    assert ffi.gc(kept, None) is None
    del kept
    assert freed == [original]
    assert lib.BIO_free(original) == 1


# Constants.


def test_constants() -> None:
    assert lib.OPENSSL_VERSION_NUMBER == SSL.OPENSSL_VERSION_NUMBER
    assert lib.SSL_OP_ALL == SSL.OP_ALL
    assert lib.SSL_VERIFY_PEER == SSL.VERIFY_PEER
    assert lib.TLS1_2_VERSION == SSL.TLS1_2_VERSION
    assert lib.X509_V_ERR_HOSTNAME_MISMATCH == SSL.X509VerificationCodes.ERR_HOSTNAME_MISMATCH
    assert lib.X509_V_FLAG_PARTIAL_CHAIN == crypto.X509StoreFlags.PARTIAL_CHAIN
    assert lib.EVP_PKEY_RSA == crypto.TYPE_RSA


def test_features() -> None:
    """What pyOpenSSL asks before it offers something, and programs do too."""
    for feature in ("KEYLOG", "SSL_COOKIE", "SSL_GET0_GROUP_NAME", "TLSv1_3_FUNCTIONS"):
        assert getattr(lib, f"Cryptography_HAS_{feature}") == 1
    for feature in ("ENGINE", "NEXTPROTONEG", "SSL_ST"):
        assert getattr(lib, f"Cryptography_HAS_{feature}") == 0


@deviation
def test_the_page_has_every_name_and_no_other() -> None:
    page = (ROOT / "docs/reference/private-names.md").read_text(encoding="utf-8")
    of_lib = re.search(r"^## `lib`\n(.*?)^## ", page, re.MULTILINE | re.DOTALL)
    assert of_lib is not None
    cells = re.findall(r"^\|.*\|(.*)\|$", of_lib[1], re.MULTILINE)
    patterns = {*re.findall(r"`(\w+\*?\w*)`", "".join(cells)), "Cryptography_HAS_*"} - {"NULL"}
    there = {name for name in vars(lib) if not name.startswith("__")}
    matched = {each: set(fnmatch.filter(there, each)) for each in patterns}
    assert there == set().union(*matched.values())
    assert all(matched.values())
    named = set(re.findall(r"`(\w+)`", page))
    assert {name for name in vars(type(ffi)) if not name.startswith("_")} <= named
