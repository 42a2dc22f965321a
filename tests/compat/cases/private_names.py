"""The module `OpenSSL._util`, and the handles: what programs reach for below the surface."""

from __future__ import annotations

from typing import Any

from observe import Observer, each
from OpenSSL import SSL, _util, crypto
from support import (
    TLS12,
    TLS_VERSIONS,
    Version,
    certificate,
    client_context,
    context,
    failing_handshake,
    memory_pair,
    path,
    private_key,
    read,
    server_context,
)

lib: Any = _util.lib
ffi: Any = _util.ffi


@each(("SSL_OP_", "SSL_MODE_", "X509_CHECK_FLAG_", "X509_V_", "SSL_CB_", "SSL_ST_", "SSL_SESS_"))
def case_constants(o: Observer, prefix: str) -> None:
    o.see("all", {name: getattr(lib, name) for name in dir(lib) if name.startswith(prefix)})


@each(
    (
        *("OPENSSL_VERSION_NUMBER", "OPENSSL_VERSION", "TLS1_VERSION", "TLS1_3_VERSION"),
        *("SSL_VERIFY_PEER", "SSL_FILETYPE_PEM", "SSL_SENT_SHUTDOWN", "NID_undef", "ERR_LIB_EVP"),
        *("EVP_PKEY_RSA", "EVP_PKEY_DSA", "EVP_PKEY_DH", "EVP_PKEY_EC"),
    )
)
def case_constant(o: Observer, name: str) -> None:
    o.see(name, getattr(lib, name))


def case_features(o: Observer) -> None:
    o.see("names", [name for name in dir(lib) if name.startswith("Cryptography_HAS_")])
    for name in ("KEYLOG", "SIGALGS", "SRTP", "SSL_COOKIE", "SSL_GET0_GROUP_NAME", "ENGINE"):
        o.see(name, getattr(lib, f"Cryptography_HAS_{name}"))
    o.call("no such", getattr, lib, "Cryptography_HAS_NOTHING")
    o.see("default", getattr(lib, "no_such_function", "default"))


@each(TLS_VERSIONS)
def case_host(o: Observer, version: Version) -> None:
    for name in (b"localhost", b"elsewhere"):
        pair = memory_pair(o, version=version, handshake=False)
        parameters = lib.SSL_get0_param(pair.client._ssl)
        flags = lib.X509_CHECK_FLAG_NEVER_CHECK_SUBJECT
        o.call("flags", lib.X509_VERIFY_PARAM_set_hostflags, parameters, flags)
        o.call("set1_host", lib.X509_VERIFY_PARAM_set1_host, parameters, name, len(name))
        failing_handshake(o, pair)
        o.call("result", lib.SSL_get_verify_result, pair.client._ssl)


@each(TLS_VERSIONS)
def case_host_of_context(o: Observer, version: Version) -> None:
    client = client_context(version)
    parameters = lib.SSL_CTX_get0_param(client._context)
    for name in (b"elsewhere", b"localhost"):
        o.call("set1_host", lib.X509_VERIFY_PARAM_set1_host, parameters, name, 0)
        failing_handshake(o, memory_pair(o, None, client, version, handshake=False))


def case_address(o: Observer) -> None:
    pair = memory_pair(o, handshake=False)
    parameters = lib.SSL_get0_param(pair.client._ssl)
    o.call("three bytes", lib.X509_VERIFY_PARAM_set1_ip, parameters, b"abc", 3)
    o.call("four bytes", lib.X509_VERIFY_PARAM_set1_ip, parameters, b"\x7f\0\0\1", 4)
    failing_handshake(o, pair)
    result = o.call("result", lib.SSL_get_verify_result, pair.client._ssl)
    o.call("text", lambda: ffi.string(lib.X509_verify_cert_error_string(result)))


@each(TLS_VERSIONS)
def case_client_of_server(o: Observer, version: Version) -> None:
    client = client_context(version)
    client.use_certificate(certificate("client"))
    client.use_privatekey(private_key("client"))
    server = server_context(version)
    server.load_verify_locations(path("ca.pem"))
    server.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    pair = memory_pair(o, server, client, version, handshake=False)
    parameters = lib.SSL_get0_param(pair.server._ssl)
    o.call("set1_host", lib.X509_VERIFY_PARAM_set1_host, parameters, b"elsewhere", 9)
    failing_handshake(o, pair)
    o.call("result", lib.SSL_get_verify_result, pair.server._ssl)


def case_versions(o: Observer) -> None:
    server, client = server_context((SSL.TLS_METHOD, None)), client_context((SSL.TLS_METHOD, None))
    for name, number in (("max", lib.TLS1_2_VERSION), ("max", 0), ("min", lib.TLS1_3_VERSION)):
        function = getattr(lib, f"SSL_CTX_set_{name}_proto_version")
        o.call(f"{name} {number}", function, server._context, number)
        pair = memory_pair(o, server, client)
        o.call("version", pair.client.get_protocol_version_name)
    o.call("no version", lib.SSL_CTX_set_min_proto_version, server._context, 7)
    o.call("options", lib.SSL_CTX_get_options, server._context)
    o.call("more", lib.SSL_CTX_set_options, server._context, lib.SSL_OP_NO_TICKET)
    o.call("modes", lib.SSL_CTX_set_mode, server._context, lib.SSL_MODE_RELEASE_BUFFERS)
    o.call("fewer", lib.SSL_CTX_clear_mode, server._context, lib.SSL_MODE_RELEASE_BUFFERS)
    o.call("later", lib.SSL_CTX_set_post_handshake_auth, server._context, 1)
    o.call("groups", lib.SSL_CTX_set1_curves_list, server._context, b"P-256")
    o.call("no groups", lib.SSL_CTX_set1_curves_list, server._context, b"nonsense")
    o.call("algorithms", lib.SSL_CTX_set1_sigalgs_list, server._context, b"RSA+SHA256")
    o.call("no algorithms", lib.SSL_CTX_set1_sigalgs_list, server._context, b"nonsense")


def case_modes_of_connection(o: Observer) -> None:
    ssl = memory_pair(o).client._ssl
    o.call("set", lib.SSL_set_mode, ssl, lib.SSL_MODE_RELEASE_BUFFERS)
    o.call("clear", lib.SSL_clear_mode, ssl, lib.SSL_MODE_AUTO_RETRY)
    o.call("set again", lib.SSL_set_mode, ssl, lib.SSL_MODE_AUTO_RETRY)
    o.call("verify", lib.SSL_set_verify, ssl, SSL.VERIFY_PEER, ffi.NULL)


def case_dh(o: Observer) -> None:
    server = context(TLS12)
    bio = lib.BIO_new_file(path("dh.pem").encode(), b"r")
    dh = lib.PEM_read_bio_DHparams(bio, ffi.NULL, ffi.NULL, ffi.NULL)
    o.call("set", lib.SSL_CTX_set_tmp_dh, server._context, dh)
    o.call("set nothing", lib.SSL_CTX_set_tmp_dh, server._context, ffi.NULL)
    o.call("told", SSL._raise_current_error)  # type: ignore[attr-defined]
    again = lib.PEM_read_bio_DHparams(bio, ffi.NULL, ffi.NULL, ffi.NULL)
    o.see("read again", again == ffi.NULL)
    o.call("told", crypto._raise_current_error)  # type: ignore[attr-defined]
    o.call("free", lib.DH_free, dh)
    o.call("close", lib.BIO_free, bio)
    o.see("no file", lib.BIO_new_file(b"/nowhere/at/all", b"r") == ffi.NULL)
    o.see("errno", ffi.errno)
    o.call("told", SSL._raise_current_error)  # type: ignore[attr-defined]
    o.call("text for a file", lib.BIO_new_file, "text", b"r")


def case_errors(o: Observer) -> None:
    for reason in (101, 1112):
        o.call("put", lib.ERR_put_error, lib.ERR_LIB_EVP, 0, reason, b"", 10)
    o.see("peek", lib.ERR_peek_error() == lib.ERR_peek_error() != 0)
    o.call("raise", _util.exception_from_error_queue, ValueError)
    o.call("nothing", lib.ERR_get_error)
    o.call("raise nothing", _util.exception_from_error_queue, ValueError)
    o.call("clear", lib.ERR_clear_error)
    for ok in (True, 1, False, None):
        o.call(f"assert {ok}", SSL._openssl_assert, ok)  # type: ignore[attr-defined]
        o.call(f"crypto assert {ok}", crypto._openssl_assert, ok)  # type: ignore[attr-defined]


def case_names(o: Observer) -> None:
    name = certificate("server").get_subject()
    room = ffi.new("char[]", 512)
    o.see("answer", lib.X509_NAME_oneline(name._name, room, len(room)) == room)
    o.call("line", ffi.string, room)
    for text in (b"CN", b"commonName", b"2.5.4.3", b"nothing"):
        nid = o.call("nid", lib.OBJ_txt2nid, text)
        if nid:
            o.call("short", lambda nid=nid: ffi.string(lib.OBJ_nid2sn(nid)))
            o.call("long", lambda nid=nid: ffi.string(lib.OBJ_nid2ln(nid)))
    o.see("no name", lib.OBJ_nid2sn(1 << 30) == ffi.NULL)
    copy = crypto.X509._from_raw_x509_ptr(lib.X509_dup(certificate("server")._x509))
    o.see("copy", copy)


def case_memory(o: Observer) -> None:
    room = ffi.new("char[]", b"abc")
    o.see("length", len(room))
    for index in (0, 3, 4, -5):
        o.call(f"item {index}", room.__getitem__, index)
    o.call("text as an index", room.__getitem__, "0")
    o.call("set", room.__setitem__, 0, b"x")
    o.call("set too much", room.__setitem__, 0, b"xy")
    o.call("string", ffi.string, room)
    o.call("string of 2", ffi.string, room, 2)
    o.see("buffer", ffi.buffer(room)[:])
    o.see("buffer of 2", ffi.buffer(room, 2)[:])
    o.see("item of buffer", ffi.buffer(room)[1])
    o.see("buffer as bytes", bytes(ffi.buffer(room)))
    o.see("unsigned", ffi.new("unsigned char[]", b"ab")[0])
    o.see("of a size", list(ffi.new("char[3]")))
    o.call("negative", ffi.new, "char[]", -1)
    o.call("too long", ffi.new, "char[2]", b"abc")
    o.call("text", ffi.new, "char[]", "abc")
    o.call("string of NULL", ffi.string, ffi.NULL)
    o.see("from bytes", list(ffi.from_buffer(b"ab")))
    o.call("from text", ffi.from_buffer, "ab")
    o.call("must be writable", ffi.from_buffer, "char[]", b"ab", require_writable=True)
    o.see("null", (bool(ffi.NULL), ffi.NULL == ffi.NULL, ffi.NULL == 0, hash(ffi.NULL)))


def case_arguments(o: Observer) -> None:
    ctx = context()
    for label, junk in (
        ("None", None),
        ("int", 1),
        ("bytes", b""),
        ("char[]", ffi.new("char[]", 2)),
    ):
        o.call(f"options of {label}", lib.SSL_CTX_get_options, junk)
        o.call(f"result of {label}", lib.SSL_get_verify_result, junk)
    o.call("options of SSL", lib.SSL_CTX_get_options, SSL.Connection(ctx)._ssl)
    o.call("nothing", lib.SSL_CTX_get_options)
    o.call("version is text", lib.SSL_CTX_set_min_proto_version, ctx._context, "1")
    o.call("version is large", lib.SSL_CTX_set_min_proto_version, ctx._context, 1 << 40)
    parameters = lib.SSL_CTX_get0_param(ctx._context)
    o.call("negative length", lib.X509_VERIFY_PARAM_set1_host, parameters, b"a", -1)
    o.call("name is text", lib.X509_VERIFY_PARAM_set1_host, parameters, "a", 1)
    o.call("keyword", lib.SSL_CTX_get_options, context=ctx._context)


def case_attributes(o: Observer) -> None:
    pair = memory_pair(o)
    ctx = o.name("context", pair.client.get_context())
    o.see("of connection", (pair.client._context, pair.client._app_data, pair.client._socket))
    pair.client._app_data = "data"  # type: ignore[misc]
    o.call("data", pair.client.get_app_data)
    certificate_ = crypto.load_certificate(crypto.FILETYPE_PEM, read("server.pem"))
    key = private_key("server")
    handles = (ctx._context, pair.client._ssl, certificate_._x509, key._pkey)
    o.see("true", [bool(handle) for handle in handles])
    o.see("equal", [ctx._context == ctx._context, pair.client._ssl == pair.server._ssl])
    o.see("private", (key._only_public, key._initialized))
    o.see("public", certificate_.get_pubkey()._only_public)
    o.see("empty", crypto.PKey()._initialized)


def case_helpers(o: Observer) -> None:
    o.call("path", _util.path_bytes, "path")
    o.call("bytes", _util.path_bytes, b"path")
    o.call("no path", _util.path_bytes, 1)
    o.call("byte string", _util.byte_string, "\xe9")
    o.call("not bytes", _util.byte_string, "\u2603")
    o.call("text", _util.text, ffi.NULL)
    o.call("warn", _util.text_to_bytes_and_warn, "label", "\xe9")
    o.call("no warning", _util.text_to_bytes_and_warn, "label", b"bytes")
    o.see("unspecified", type(_util.UNSPECIFIED))
    decorate = SSL._make_requires(0, "not here")  # type: ignore[attr-defined]
    o.call("refused", decorate(len), b"")
    o.see("left alone", SSL._make_requires(1, "here")(len) is len)  # type: ignore[attr-defined]
