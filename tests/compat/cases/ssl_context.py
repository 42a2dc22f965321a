"""The settings of a Context, one method after another."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from observe import Observer, each
from OpenSSL import SSL, crypto
from support import (
    DATA,
    TLS12,
    TLS13,
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

METHODS = (
    "SSLv23_METHOD",
    "TLSv1_METHOD",
    "TLSv1_1_METHOD",
    "TLSv1_2_METHOD",
    "TLS_METHOD",
    "TLS_SERVER_METHOD",
    "TLS_CLIENT_METHOD",
    "DTLS_METHOD",
    "DTLS_SERVER_METHOD",
    "DTLS_CLIENT_METHOD",
)


@each(METHODS)
def case_method(o: Observer, name: str) -> None:
    """Each method, and the version that a handshake with a peer of any version settles on."""
    ctx = SSL.Context(getattr(SSL, name))
    o.see("fresh options", ctx.set_options(0))
    o.see("fresh mode", ctx.set_mode(0))
    conn = SSL.Connection(ctx)
    o.call("version", conn.get_protocol_version)
    o.call("version name", conn.get_protocol_version_name)
    o.call("state", conn.get_state_string)
    o.call("ciphers", conn.get_cipher_list)
    o.call("handshake without a role", conn.do_handshake)
    conn.set_connect_state()
    o.call("client's handshake", conn.do_handshake)
    o.call("client's state", conn.get_state_string)


@each(METHODS)
def case_negotiated(o: Observer, name: str) -> None:
    version = (getattr(SSL, name), None)
    peer = (SSL.DTLS_METHOD if name.startswith("DTLS") else SSL.TLS_METHOD, None)
    client = (peer if "SERVER" in name else version, None if "SERVER" in name else "ca")
    pair = memory_pair(
        o,
        server_context(version if "CLIENT" not in name else peer),
        client_context(*client),
        handshake=False,
    )
    failing_handshake(o, pair)
    o.call("version", pair.client.get_protocol_version)
    o.call("name", pair.client.get_protocol_version_name)
    o.call("cipher", pair.client.get_cipher_name)
    o.call("cipher version", pair.client.get_cipher_version)


def case_unknown_methods(o: Observer) -> None:
    for number in (-1, 0, 1, 2, 13, 2**31, 2**64, True):
        o.call(f"Context({number})", SSL.Context, number)
    o.call("no method", SSL.Context)
    o.call("text", SSL.Context, "TLS_METHOD")
    o.call("float", SSL.Context, 7.0)
    o.call("none", SSL.Context, None)
    o.call("keyword", SSL.Context, method=SSL.TLS_METHOD)
    o.call("two", SSL.Context, SSL.TLS_METHOD, 1)


@each(
    {
        "both 1.2": (SSL.TLS1_2_VERSION, SSL.TLS1_2_VERSION),
        "both 1.3": (SSL.TLS1_3_VERSION, SSL.TLS1_3_VERSION),
        "from 1.0": (SSL.TLS1_VERSION, 0),
        "SSL 3": (SSL.SSL3_VERSION, SSL.SSL3_VERSION),
        "upside down": (SSL.TLS1_3_VERSION, SSL.TLS1_2_VERSION),
        "lowest": (0, SSL.TLS1_2_VERSION),
        "DTLS": (0xFEFD, 0xFEFD),
        "nonsense": (7, 7),
        "negative": (-1, -1),
    }
)
def case_versions(o: Observer, versions: tuple[int, int]) -> None:
    ctx = client_context((SSL.TLS_METHOD, None))
    o.call("min", ctx.set_min_proto_version, versions[0])
    o.call("max", ctx.set_max_proto_version, versions[1])
    failing_handshake(
        o, memory_pair(o, server_context((SSL.TLS_METHOD, None)), ctx, handshake=False)
    )


def case_options(o: Observer) -> None:
    ctx = SSL.Context(SSL.TLS_METHOD)
    o.call("none", ctx.set_options, 0)
    o.call("no tickets", ctx.set_options, SSL.OP_NO_TICKET)
    o.call("they add up", ctx.set_options, SSL.OP_NO_TLSv1_3)
    o.call("all", ctx.set_options, SSL.OP_ALL)
    o.call("64 bits", ctx.set_options, 1 << 40)
    o.call("keyword", ctx.set_options, options=0)
    conn = SSL.Connection(ctx)
    o.call("connection starts from them", conn.set_options, 0)
    o.call("connection adds", conn.set_options, SSL.OP_SINGLE_DH_USE)
    o.call("negative", conn.set_options, -1)


def case_modes(o: Observer) -> None:
    ctx = SSL.Context(SSL.TLS_METHOD)
    o.call("none", ctx.set_mode, 0)
    o.call("add", ctx.set_mode, SSL.MODE_RELEASE_BUFFERS)
    o.call("clear", ctx.clear_mode, SSL.MODE_RELEASE_BUFFERS)
    o.call("clear all", ctx.clear_mode, 0xFFFFFFFF)
    o.call("left", ctx.set_mode, 0)


def case_session_cache_mode(o: Observer) -> None:
    ctx = SSL.Context(SSL.TLS_METHOD)
    o.call("fresh", ctx.get_session_cache_mode)
    for name in ("OFF", "CLIENT", "SERVER", "BOTH", "NO_AUTO_CLEAR", "NO_INTERNAL"):
        o.call(f"set {name}", ctx.set_session_cache_mode, getattr(SSL, f"SESS_CACHE_{name}"))
        o.call(f"get {name}", ctx.get_session_cache_mode)


def case_timeout(o: Observer) -> None:
    ctx = SSL.Context(SSL.TLS_METHOD)
    o.call("fresh", ctx.get_timeout)
    for seconds in (10, 0, -5, 2**31, 2**40):
        o.call(f"set {seconds}", ctx.set_timeout, seconds)
        o.call(f"get {seconds}", ctx.get_timeout)


def case_verify_mode_and_depth(o: Observer) -> None:
    ctx = SSL.Context(SSL.TLS_METHOD)
    o.call("mode", ctx.get_verify_mode)
    o.call("depth", ctx.get_verify_depth)
    for mode in (SSL.VERIFY_PEER, SSL.VERIFY_PEER | SSL.VERIFY_CLIENT_ONCE, SSL.VERIFY_NONE, 99):
        o.call(f"set {mode}", ctx.set_verify, mode)
        o.call(f"get {mode}", ctx.get_verify_mode)
    o.call("callback", ctx.set_verify, SSL.VERIFY_PEER, o.callback("verify"))
    o.call("callback by keyword", ctx.set_verify, mode=1, callback=o.callback("verify"))
    o.call("no callback", ctx.set_verify, SSL.VERIFY_PEER, None)
    o.call("not callable", ctx.set_verify, SSL.VERIFY_PEER, "callback")
    for depth in (11, 0, -1):
        o.call(f"set depth {depth}", ctx.set_verify_depth, depth)
        o.call(f"get depth {depth}", ctx.get_verify_depth)
    o.call("connection's mode", SSL.Connection(ctx).get_verify_mode)


def case_app_data(o: Observer) -> None:
    ctx, data = SSL.Context(SSL.TLS_METHOD), o.name("data", object())
    o.call("fresh", ctx.get_app_data)
    o.call("set", ctx.set_app_data, data)
    o.call("get", ctx.get_app_data)
    o.call("the connection has its own", SSL.Connection(ctx).get_app_data)


@each(
    {
        "ECDHE-RSA-AES128-GCM-SHA256": b"ECDHE-RSA-AES128-GCM-SHA256",
        "two": b"ECDHE-RSA-AES128-GCM-SHA256:AES256-SHA",
        "HIGH": b"HIGH:!aNULL:@STRENGTH",
        "unknown": b"no-such-cipher",
        "one unknown of two": b"no-such-cipher:AES256-SHA",
        "empty": b"",
        "NUL": b"AES256-SHA\0nonsense",
        "level": b"DEFAULT:@SECLEVEL=5",
        "bad level": b"DEFAULT:@SECLEVEL=9",
        "TLS 1.3 only": b"TLS_AES_128_GCM_SHA256",
        "null": b"NULL",
    }
)
def case_cipher_list(o: Observer, ciphers: bytes) -> None:
    ctx = context(TLS12)
    o.call("set", ctx.set_cipher_list, ciphers)
    o.call("list", SSL.Connection(ctx).get_cipher_list)


@each(
    {
        "one": b"TLS_AES_128_GCM_SHA256",
        "two": b"TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256",
        "unknown": b"no-such-suite",
        "one unknown of two": b"no-such-suite:TLS_AES_128_GCM_SHA256",
        "TLS 1.2's": b"AES256-SHA",
        "empty": b"",
        "NUL": b"TLS_AES_128_GCM_SHA256\0x",
    }
)
def case_tls13_ciphersuites(o: Observer, suites: bytes) -> None:
    ctx = context(TLS13)
    o.call("set", ctx.set_tls13_ciphersuites, suites)
    o.call("text", ctx.set_tls13_ciphersuites, suites.decode())
    o.call("list", SSL.Connection(ctx).get_cipher_list)


def case_cipher_agreed(o: Observer) -> None:
    for name, version, cipher in (
        ("1.2", TLS12, b"ECDHE-RSA-AES128-SHA256"),
        ("1.2 without a shared one", TLS12, b"ECDHE-ECDSA-AES128-SHA256"),
    ):
        client = client_context(version)
        client.set_cipher_list(cipher)
        pair = memory_pair(o, server_context(version), client, handshake=False)
        failing_handshake(o, pair)
        o.call(f"{name}: cipher", pair.server.get_cipher_name)
        o.call(f"{name}: bits", pair.server.get_cipher_bits)
        o.call(f"{name}: version", pair.server.get_cipher_version)


def case_session_id(o: Observer) -> None:
    ctx = SSL.Context(SSL.TLS_METHOD)
    o.call("short", ctx.set_session_id, b"abc")
    o.call("empty", ctx.set_session_id, b"")
    o.call("32 bytes", ctx.set_session_id, b"x" * 32)
    o.call("33 bytes", ctx.set_session_id, b"x" * 33)
    o.call("text", ctx.set_session_id, "text")
    o.call("NUL", ctx.set_session_id, b"a\0b")
    o.call("keyword", ctx.set_session_id, buf=b"abc")


PATHS: dict[str, Callable[[str], Any]] = {
    "str": lambda name: name,
    "bytes": os.fsencode,
    "Path": Path,
    "bytes path": lambda name: type("P", (), {"__fspath__": lambda self: os.fsencode(name)})(),
}


@each(PATHS)
def case_paths(o: Observer, kind: Callable[[str], Any]) -> None:
    """Every kind of path, in every method that takes one."""
    ctx = context(TLS13)
    o.call("certificate", ctx.use_certificate_file, kind(path("server.pem")))
    o.call("key", ctx.use_privatekey_file, kind(path("server.key")))
    o.call("check", ctx.check_privatekey)
    o.call("chain", ctx.use_certificate_chain_file, kind(path("chain.pem")))
    o.call("trust", ctx.load_verify_locations, kind(path("ca.pem")))
    o.call("directory", ctx.load_verify_locations, None, kind(str(DATA)))
    o.call("both", ctx.load_verify_locations, kind(path("ca.pem")), kind(str(DATA)))
    o.call("parameters", ctx.load_tmp_dh, kind(path("dh.pem")))
    o.call("client authorities", ctx.load_client_ca, kind(path("ca.pem")))


@each(
    {
        "nothing there": "no-such-file.pem",
        "a directory": ".",
        "not PEM": "make.py",
        "a key": "server.key",
        "a certificate": "server.pem",
        "DER": "server.der",
        "parameters": "dh.pem",
        "empty name": "",
    }
)
def case_wrong_file(o: Observer, name: str) -> None:
    """A file that does not hold what is wanted, in every method that reads one."""
    where = path(name) if name else ""
    for method in (
        "use_certificate_file",
        "use_certificate_chain_file",
        "use_privatekey_file",
        "load_verify_locations",
        "load_client_ca",
        "load_tmp_dh",
    ):
        argument = os.fsencode(where) if method == "load_client_ca" else where
        o.call(method, getattr(context(TLS13), method), argument)


def case_trust_locations(o: Observer) -> None:
    ctx = context(TLS13)
    o.call("neither", ctx.load_verify_locations, None)
    o.call("neither, named", ctx.load_verify_locations, cafile=None, capath=None)
    o.call("both wrong", ctx.load_verify_locations, "no-such-file", "no-such-directory")
    o.call("directory that is not there", ctx.load_verify_locations, None, "no-such-directory")
    o.call("several certificates", ctx.load_verify_locations, path("authorities.pem"))


def case_default_verify_paths(o: Observer) -> None:
    ctx = context(TLS13)
    o.call("plain", ctx.set_default_verify_paths)
    os.environ["SSL_CERT_FILE"] = path("ca.pem")
    os.environ["SSL_CERT_DIR"] = "no-such-directory"
    ctx = context(TLS13)
    o.call("from the environment", ctx.set_default_verify_paths)
    ctx.set_verify(SSL.VERIFY_PEER)
    failing_handshake(o, memory_pair(o, client=ctx, handshake=False))


def case_certificate_and_key(o: Observer) -> None:
    for name in ("server", "server-ec", "client", "untrusted"):
        ctx = context(TLS13)
        o.call(f"{name}: certificate", ctx.use_certificate_file, path(f"{name}.pem"))
        o.call(f"{name}: key", ctx.use_privatekey_file, path(f"{name}.key"))
        o.call(f"{name}: check", ctx.check_privatekey)


def case_encodings(o: Observer) -> None:
    ctx = context(TLS13)
    der, pem = crypto.FILETYPE_ASN1, crypto.FILETYPE_PEM
    o.call("DER certificate", ctx.use_certificate_file, path("server.der"), der)
    o.call("DER key", ctx.use_privatekey_file, path("server-key.der"), filetype=der)
    o.call("check", ctx.check_privatekey)
    o.call("PEM as DER", ctx.use_certificate_file, path("server.pem"), der)
    o.call("DER as PEM", ctx.use_certificate_file, path("server.der"), pem)
    o.call("key: PEM as DER", ctx.use_privatekey_file, path("server.key"), der)
    o.call("key: DER as PEM", ctx.use_privatekey_file, path("server-key.der"), pem)
    o.call("unknown type", ctx.use_certificate_file, path("server.pem"), 100)
    o.call("key: unknown type", ctx.use_privatekey_file, path("server.key"), 100)
    o.call("text type", ctx.use_certificate_file, path("server.pem"), crypto.FILETYPE_TEXT)
    o.call("filetype of str", ctx.use_certificate_file, path("server.pem"), "PEM")


def case_mismatched_key(o: Observer) -> None:
    ctx = context(TLS13)
    o.call("nothing", ctx.check_privatekey)
    ctx.use_certificate_file(path("server.pem"))
    o.call("no key", ctx.check_privatekey)
    o.call("another key", ctx.use_privatekey_file, path("client.key"))
    o.call("check", ctx.check_privatekey)
    o.call("another kind of key", ctx.use_privatekey_file, path("server-ec.key"))
    o.call("check again", ctx.check_privatekey)
    first = context(TLS13)
    o.call("key first", first.use_privatekey_file, path("client.key"))
    o.call("certificate after it", first.use_certificate_file, path("server.pem"))
    o.call("check at the end", first.check_privatekey)


def case_objects(o: Observer) -> None:
    """Certificates and keys as objects of either library, and which warnings that gives."""
    ctx = context(TLS13)
    cert, key = certificate("server"), private_key("server")
    o.call("X509", ctx.use_certificate, cert)
    o.call("PKey", ctx.use_privatekey, key)
    o.call("check", ctx.check_privatekey)
    o.call("cryptography certificate", ctx.use_certificate, cert.to_cryptography())
    o.call("cryptography key", ctx.use_privatekey, key.to_cryptography_key())
    o.call("chain X509", ctx.add_extra_chain_cert, cert)
    o.call("chain cryptography", ctx.add_extra_chain_cert, cert.to_cryptography())
    o.call("client authority X509", ctx.add_client_ca, cert)
    o.call("client authority cryptography", ctx.add_client_ca, cert.to_cryptography())
    o.call("bytes", ctx.use_certificate, read("server.pem"))
    o.call("key bytes", ctx.use_privatekey, read("server.key"))
    o.call("empty X509", ctx.use_certificate, crypto.X509())
    o.call("empty PKey", ctx.use_privatekey, crypto.PKey())
    o.call("mismatched", ctx.use_privatekey, private_key("client"))
    public = private_key("server").to_cryptography_key().public_key()
    o.call("public key", ctx.use_privatekey, public)


def case_objects_on_a_connection(o: Observer) -> None:
    conn = SSL.Connection(context(TLS13))
    cert, key = certificate("server"), private_key("server")
    o.call("no certificate", conn.get_certificate)
    o.call("X509", conn.use_certificate, cert)
    o.call("PKey", conn.use_privatekey, key)
    o.call("certificate", conn.get_certificate)
    o.call("as cryptography", conn.get_certificate, as_cryptography=True)
    o.call("cryptography certificate", conn.use_certificate, cert.to_cryptography())
    o.call("cryptography key", conn.use_privatekey, key.to_cryptography_key())
    o.call("mismatched", conn.use_privatekey, private_key("client"))
    o.call("bytes", conn.use_certificate, b"certificate")
    o.call("key bytes", conn.use_privatekey, b"key")
    o.call("certificate at the end", conn.get_certificate)


def case_extra_chain(o: Observer) -> None:
    server = server_context(name="leaf")
    server.add_extra_chain_cert(certificate("intermediate").to_cryptography())
    pair = memory_pair(o, server)
    o.call("chain", pair.client.get_peer_cert_chain)
    o.call("verified", pair.client.get_verified_chain)
    o.call("as cryptography", pair.client.get_peer_cert_chain, as_cryptography=True)
    o.call("verified as cryptography", pair.client.get_verified_chain, as_cryptography=True)
    o.call("server has none", pair.server.get_peer_cert_chain)
    o.call("server verified none", pair.server.get_verified_chain)
    o.call("server's own", pair.server.get_certificate)
    o.call("client's own", pair.client.get_certificate)


def case_chain_file(o: Observer) -> None:
    server = context(TLS13)
    o.call("chain", server.use_certificate_chain_file, path("chain.pem"))
    server.use_privatekey_file(path("server.key"))
    o.call("check", server.check_privatekey)
    o.call("chain at the client", memory_pair(o, server).client.get_peer_cert_chain)


def case_missing_intermediate(o: Observer) -> None:
    pair = memory_pair(o, server_context(name="leaf"), handshake=False)
    failing_handshake(o, pair)


@each(("prime256v1", "secp384r1", "secp521r1", "secp256k1"))
def case_tmp_ecdh_names(o: Observer, name: str) -> None:
    """The deprecated curve objects."""
    curve = o.call("curve", crypto.get_elliptic_curve, name)
    server = server_context(TLS12)
    o.call("set", server.set_tmp_ecdh, curve)
    failing_handshake(o, pair := memory_pair(o, server, version=TLS12, handshake=False))
    o.call("group", pair.client.get_group_name)


@each(("SECP256R1", "SECP384R1", "SECP521R1", "SECP256K1", "SECP192R1", "BrainpoolP256R1"))
def case_tmp_ecdh(o: Observer, name: str) -> None:
    """The curves of cryptography."""
    server = server_context(TLS12)
    o.call("set", server.set_tmp_ecdh, getattr(ec, name)())
    failing_handshake(o, pair := memory_pair(o, server, version=TLS12, handshake=False))
    o.call("group", pair.client.get_group_name)


def case_tmp_ecdh_every_curve(o: Observer) -> None:
    """Most are no groups of TLS."""
    ctx = context(TLS12)
    for curve in sorted(crypto.get_elliptic_curves(), key=lambda curve: curve.name):
        o.call(curve.name, ctx.set_tmp_ecdh, curve)


def case_tmp_ecdh_unknown(o: Observer) -> None:
    ctx = context(TLS12)
    o.call("unknown name", ctx.set_tmp_ecdh, type("Curve", (), {"name": "no-such-curve"})())
    o.call("not a curve's name", ctx.set_tmp_ecdh, type("Curve", (), {"name": "sha256"})())
    o.call("no name", ctx.set_tmp_ecdh, object())
    o.call("class with a name", ctx.set_tmp_ecdh, ec.SECP256R1)


def case_tmp_dh(o: Observer) -> None:
    server, client = server_context(TLS12), client_context(TLS12)
    o.call("load", server.load_tmp_dh, path("dh.pem"))
    client.set_cipher_list(b"DHE-RSA-AES128-GCM-SHA256")
    failing_handshake(o, pair := memory_pair(o, server, client, handshake=False))
    o.call("cipher", pair.client.get_cipher_name)
    o.call("group", pair.client.get_group_name)


def case_client_ca_lists(o: Observer) -> None:
    """Set, add and load: which replaces and which adds, and what the client sees."""
    name, other = certificate("ca").get_subject(), certificate("client").get_subject()
    cert = certificate("server").to_cryptography()

    def seen(label: str, *steps: Callable[[SSL.Context], Any]) -> None:
        server = server_context()
        server.set_verify(SSL.VERIFY_PEER)
        for number, step in enumerate(steps):
            o.call(f"{label}, step {number}", step, server)
        pair = memory_pair(o, server)
        o.call(f"{label}: server", pair.server.get_client_ca_list)
        o.call(f"{label}: client", pair.client.get_client_ca_list)

    seen("nothing")
    seen("set", lambda ctx: ctx.set_client_ca_list([name, other]))
    seen("set nothing", lambda ctx: ctx.set_client_ca_list([]))
    seen(
        "set twice", lambda c: c.set_client_ca_list([name]), lambda c: c.set_client_ca_list([other])
    )
    seen("tuple", lambda ctx: ctx.set_client_ca_list((name,)))
    seen("generator", lambda ctx: ctx.set_client_ca_list(each for each in [name]))
    seen("add", lambda ctx: ctx.add_client_ca(cert))
    seen("set, add", lambda c: c.set_client_ca_list([name]), lambda c: c.add_client_ca(cert))
    seen("add, set", lambda c: c.add_client_ca(cert), lambda c: c.set_client_ca_list([name]))
    seen("load", lambda c: c.load_client_ca(path("authorities.pem").encode()))
    seen(
        "load, add",
        lambda c: c.load_client_ca(path("ca.pem").encode()),
        lambda c: c.add_client_ca(cert),
    )
    seen("twice the same", lambda c: c.add_client_ca(cert), lambda c: c.add_client_ca(cert))


def case_client_ca_list_arguments(o: Observer) -> None:
    ctx = context(TLS13)
    name = certificate("ca").get_subject()
    o.call("none", ctx.set_client_ca_list, None)
    o.call("text", ctx.set_client_ca_list, "names")
    o.call("list of text", ctx.set_client_ca_list, ["name"])
    o.call("mixed", ctx.set_client_ca_list, [name, 7])
    o.call("certificate", ctx.set_client_ca_list, [certificate("ca")])
    cryptography_name = certificate("ca").to_cryptography().subject
    o.call("cryptography name", ctx.set_client_ca_list, [cryptography_name])
    o.call("fresh", SSL.Connection(ctx).get_client_ca_list)
    o.call("fresh as cryptography", SSL.Connection(ctx).get_client_ca_list, as_cryptography=True)


def case_client_ca_list_as_cryptography(o: Observer) -> None:
    server = server_context()
    server.set_verify(SSL.VERIFY_PEER)
    server.load_client_ca(path("authorities.pem").encode())
    pair = memory_pair(o, server)
    for label, conn in (("client", pair.client), ("server", pair.server)):
        names = o.call(label, conn.get_client_ca_list, as_cryptography=True)
        o.see(f"{label}'s names", [name.rfc4514_string() for name in names])
    o.call("by position", pair.client.get_client_ca_list, True)


def case_cert_store(o: Observer) -> None:
    ctx = client_context(trust=None)
    ctx.set_verify(SSL.VERIFY_PEER)
    store = o.call("store", ctx.get_cert_store)
    o.see("a new object each time", store is ctx.get_cert_store())
    o.call("add", store.add_cert, certificate("ca"))
    o.call("flags", store.set_flags, crypto.X509StoreFlags.CRL_CHECK)
    failing_handshake(o, memory_pair(o, client=ctx, handshake=False))


def case_alpn_protocols(o: Observer) -> None:
    for make in (lambda: context(TLS13), lambda: SSL.Connection(context(TLS13))):
        target = make()
        kind = type(target).__name__
        o.call(f"{kind}: two", target.set_alpn_protos, [b"h2", b"http/1.1"])
        o.call(f"{kind}: none", target.set_alpn_protos, [])
        o.call(f"{kind}: tuple", target.set_alpn_protos, (b"h2",))
        o.call(f"{kind}: empty name", target.set_alpn_protos, [b""])
        o.call(f"{kind}: empty name second", target.set_alpn_protos, [b"h2", b""])
        o.call(f"{kind}: 255 bytes", target.set_alpn_protos, [b"x" * 255])
        o.call(f"{kind}: 256 bytes", target.set_alpn_protos, [b"x" * 256])
        o.call(f"{kind}: text", target.set_alpn_protos, ["h2"])
        o.call(f"{kind}: bytes", target.set_alpn_protos, b"\x02h2")
        o.call(f"{kind}: too many", target.set_alpn_protos, [b"x" * 255] * 300)
        o.call(f"{kind}: generator", target.set_alpn_protos, (name for name in [b"h2"]))
        o.call(f"{kind}: keyword", target.set_alpn_protos, protos=[b"h2"])


@each(
    {
        "one": b"SRTP_AES128_CM_SHA1_80",
        "two": b"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM",
        "unknown": b"no-such-profile",
        "one unknown of two": b"SRTP_AES128_CM_SHA1_80:no-such-profile",
        "twice": b"SRTP_AES128_CM_SHA1_80:SRTP_AES128_CM_SHA1_80",
        "empty": b"",
    }
)
def case_srtp_profiles(o: Observer, profiles: bytes) -> None:
    for method in (SSL.DTLS_METHOD, SSL.TLS_METHOD):
        o.call(f"method {method}", SSL.Context(method).set_tlsext_use_srtp, profiles)
    o.call("text", SSL.Context(SSL.DTLS_METHOD).set_tlsext_use_srtp, profiles.decode())


def case_no_ssl2_or_ssl3(o: Observer) -> None:
    """The names that 26.4.0 dropped; the numbers are refused by both."""
    for name in ("SSLv2_METHOD", "SSLv3_METHOD", "ContextType", "ConnectionType", "FILETYPE_ASN1"):
        o.see(name, hasattr(SSL, name))
    o.call("Context(1)", SSL.Context, 1)
    o.call("Context(2)", SSL.Context, 2)
