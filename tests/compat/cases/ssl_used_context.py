"""A Context that has a Connection cannot be changed any more: its 37 mutators; and what stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from observe import Observer, each
from OpenSSL import SSL, crypto
from support import certificate, client_context, path, private_key, read, server_context

MUTATORS: dict[str, Callable[[], tuple[Any, ...]]] = {
    "add_client_ca": lambda: (certificate("ca").to_cryptography(),),
    "add_extra_chain_cert": lambda: (certificate("ca").to_cryptography(),),
    "clear_mode": lambda: (SSL.MODE_RELEASE_BUFFERS,),
    "load_client_ca": lambda: (path("ca.pem").encode(),),
    "load_tmp_dh": lambda: (path("dh.pem"),),
    "load_verify_locations": lambda: (path("ca.pem"),),
    "set_alpn_protos": lambda: ([b"http/1.1"],),
    "set_alpn_select_callback": lambda: (print,),
    "set_app_data": lambda: ("data",),
    "set_cipher_list": lambda: (b"AES128-SHA",),
    "set_client_ca_list": lambda: ([],),
    "set_cookie_generate_callback": lambda: (print,),
    "set_cookie_verify_callback": lambda: (print,),
    "set_default_verify_paths": lambda: (),
    "set_info_callback": lambda: (print,),
    "set_keylog_callback": lambda: (print,),
    "set_max_proto_version": lambda: (SSL.TLS1_3_VERSION,),
    "set_min_proto_version": lambda: (SSL.TLS1_2_VERSION,),
    "set_mode": lambda: (SSL.MODE_RELEASE_BUFFERS,),
    "set_ocsp_client_callback": lambda: (print,),
    "set_ocsp_server_callback": lambda: (print,),
    "set_options": lambda: (SSL.OP_NO_TICKET,),
    "set_passwd_cb": lambda: (print,),
    "set_session_cache_mode": lambda: (SSL.SESS_CACHE_BOTH,),
    "set_session_id": lambda: (b"session",),
    "set_timeout": lambda: (10,),
    "set_tls13_ciphersuites": lambda: (b"TLS_AES_128_GCM_SHA256",),
    "set_tlsext_servername_callback": lambda: (print,),
    "set_tlsext_use_srtp": lambda: (b"SRTP_AES128_CM_SHA1_80",),
    "set_tmp_ecdh": lambda: (ec.SECP256R1(),),
    "set_verify": lambda: (SSL.VERIFY_PEER,),
    "set_verify_depth": lambda: (3,),
    "use_certificate": lambda: (certificate("server").to_cryptography(),),
    "use_certificate_chain_file": lambda: (path("chain.pem"),),
    "use_certificate_file": lambda: (path("server.pem"),),
    "use_privatekey": lambda: (private_key("server").to_cryptography_key(),),
    "use_privatekey_file": lambda: (path("server.key"),),
}


@each(list(MUTATORS))
def case_mutator(o: Observer, method: str) -> None:
    good = MUTATORS[method]()
    o.call("fresh", getattr(SSL.Context(SSL.TLS_METHOD), method), *good)
    used = SSL.Context(SSL.TLS_METHOD)
    SSL.Connection(used)
    o.call("used", getattr(used, method), *good)
    o.call("used, wrong type", getattr(used, method), *(object() for _ in good))
    o.call("signature: one too many", getattr(used, method), *good, 1, 2, 3)
    o.call("signature: unknown keyword", getattr(used, method), *good, nonsense=1)
    if good:
        o.call("signature: nothing", getattr(used, method))


def case_readers(o: Observer) -> None:
    """What reads a used context goes on working."""
    ctx = server_context()
    SSL.Connection(ctx)
    for name in ("app_data", "session_cache_mode", "timeout", "verify_depth", "verify_mode"):
        o.call(name, getattr(ctx, f"get_{name}"))
    o.call("check", ctx.check_privatekey)


def case_store_stays_open(o: Observer) -> None:
    ctx = client_context(trust=None)
    SSL.Connection(ctx)
    store = o.call("store", ctx.get_cert_store)
    o.call("add", store.add_cert, certificate("ca"))
    o.call("add again", store.add_cert, certificate("ca"))


def case_dead_connection(o: Observer) -> None:
    """The context stays used when its connection is gone."""
    ctx = SSL.Context(SSL.TLS_METHOD)
    conn = SSL.Connection(ctx)
    del conn
    o.call("set_mode", ctx.set_mode, 1)


def case_used_by_set_context(o: Observer) -> None:
    """`set_context` uses a context, too."""
    second = SSL.Context(SSL.TLS_METHOD)
    conn = SSL.Connection(SSL.Context(SSL.TLS_METHOD))
    o.call("before", second.set_timeout, 10)
    conn.set_context(second)
    o.call("after", second.set_timeout, 10)


def case_failed_connection(o: Observer) -> None:
    """A connection that could not be made has still used its context."""
    ctx = SSL.Context(SSL.TLS_METHOD)
    o.call("connection", SSL.Connection, ctx, object())
    o.call("set_mode", ctx.set_mode, 1)


def case_warnings_of_a_used_context(o: Observer) -> None:
    """Deprecated mutators and deprecated arguments: which comes first, warning or failure."""
    ctx = SSL.Context(SSL.TLS_METHOD)
    SSL.Connection(ctx)
    o.call("X509", ctx.use_certificate, certificate("server"))
    o.call("PKey", ctx.use_privatekey, private_key("server"))
    o.call("text", ctx.set_cipher_list, "AES128-SHA")
    o.call("curve", ctx.set_tmp_ecdh, crypto.get_elliptic_curve("prime256v1"))
    o.call("passphrase", ctx.set_passwd_cb, print)
    o.call("names", ctx.set_client_ca_list, [])
    o.see("length of the certificate file is known", len(read("server.pem")) > 0)
