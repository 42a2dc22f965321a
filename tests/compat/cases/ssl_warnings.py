"""Every warning: category, text, and whom it points at; and that there are no others."""

from __future__ import annotations

from observe import Observer
from OpenSSL import SSL, crypto
from support import (
    TLS13,
    certificate,
    client_context,
    context,
    memory_pair,
    path,
    private_key,
    server_context,
)


def case_text_for_bytes(o: Observer) -> None:
    ctx = context(TLS13)
    o.call("set_session_id", ctx.set_session_id, "text")
    o.call("set_cipher_list", ctx.set_cipher_list, "AES256-SHA")
    o.call("load_client_ca", ctx.load_client_ca, path("ca.pem"))
    o.call("set_tls13_ciphersuites", ctx.set_tls13_ciphersuites, "TLS_AES_128_GCM_SHA256")
    o.call("set_tlsext_use_srtp", ctx.set_tlsext_use_srtp, "SRTP_AES128_CM_SHA1_80")
    pair = memory_pair(o)
    o.call("send", pair.client.send, "text")
    o.call("write", pair.client.write, "text")
    o.call("sendall", pair.client.sendall, "text")
    o.call("bio_write", SSL.Connection(context(TLS13)).bio_write, "text")
    o.call("set_tlsext_host_name", pair.client.set_tlsext_host_name, "text")
    o.call("export", pair.client.export_keying_material, "label", 10)


def case_pyopenssl_objects(o: Observer) -> None:
    for make in (lambda: context(TLS13), lambda: SSL.Connection(context(TLS13))):
        target = make()
        kind = type(target).__name__
        o.call(f"{kind}.use_certificate", target.use_certificate, certificate("server"))
        o.call(f"{kind}.use_privatekey", target.use_privatekey, private_key("server"))
    ctx = context(TLS13)
    o.call("add_extra_chain_cert", ctx.add_extra_chain_cert, certificate("ca"))
    o.call("add_client_ca", ctx.add_client_ca, certificate("ca"))
    curve = crypto.get_elliptic_curve("prime256v1")
    o.call("set_tmp_ecdh", ctx.set_tmp_ecdh, curve)


def case_deprecated_methods(o: Observer) -> None:
    ctx = context(TLS13)
    o.call("set_passwd_cb", ctx.set_passwd_cb, print)
    o.call("set_client_ca_list", ctx.set_client_ca_list, [])
    o.call("set_passwd_cb without arguments", ctx.set_passwd_cb)


def case_deprecated_attributes(o: Observer) -> None:
    """What `warnings.deprecated` leaves for tools, on functions and on methods."""
    o.see("function", getattr(crypto.get_elliptic_curve, "__deprecated__", None))
    for method in (
        SSL.Context.set_passwd_cb,
        SSL.Context.set_client_ca_list,
        crypto.PKey.check,
        crypto.PKey.generate_key,
        crypto.X509.get_subject,
        crypto.X509.sign,
    ):
        o.see(method.__name__, getattr(method, "__deprecated__", None))


def case_no_warning(o: Observer) -> None:
    """What must stay silent, old names of versions included."""
    for name in ("SSLv23_METHOD", "TLSv1_METHOD", "TLSv1_1_METHOD", "TLSv1_2_METHOD", "TLS_METHOD"):
        o.call(name, SSL.Context, getattr(SSL, name))
    ctx = o.call("server", server_context)
    o.call("client", client_context)
    o.call("handshake", lambda: memory_pair(o, ctx).handshake())
    o.call("SSLeay_version", SSL.SSLeay_version, SSL.SSLEAY_VERSION)
    conn = SSL.Connection(context(TLS13))
    o.call("names", conn.get_client_ca_list)
    o.call("names as cryptography", conn.get_client_ca_list, as_cryptography=True)
    o.call("close", lambda: conn.shutdown)


def case_connections_dropped(o: Observer) -> None:
    """No ResourceWarning, no message."""

    def drop() -> None:
        SSL.Connection(context(TLS13))

    o.call("drop", drop)
