"""Every callback: when it is called, with which arguments, what its answers do.

Exceptions in callbacks are in `ssl_callback_exceptions.py`.
"""

from __future__ import annotations

from typing import Any

from observe import Observer, each
from OpenSSL import SSL
from support import (
    PASSPHRASE,
    TLS12,
    TLS13,
    TLS_VERSIONS,
    VERSIONS,
    Pair,
    Version,
    client_context,
    context,
    failing_handshake,
    memory_pair,
    path,
    private_key,
    read,
    server_context,
)


def with_client_certificate(version: Version) -> SSL.Context:
    client = client_context(version)
    client.use_certificate_file(path("client.pem"))
    client.use_privatekey_file(path("client.key"))
    return client


# Verification


@each(VERSIONS)
def case_verify_good_chain(o: Observer, version: Version) -> None:
    client = client_context(version)
    client.set_verify(SSL.VERIFY_PEER, o.callback("verify", lambda *args: args[-1]))
    failing_handshake(o, memory_pair(o, server_context(version), client, handshake=False))


@each(VERSIONS)
def case_verify_refuses(o: Observer, version: Version) -> None:
    client = client_context(version)
    client.set_verify(SSL.VERIFY_PEER, o.callback("verify", False))
    failing_handshake(o, memory_pair(o, server_context(version), client, handshake=False))


@each(VERSIONS)
def case_verify_allows_untrusted(o: Observer, version: Version) -> None:
    client = client_context(version)
    client.set_verify(SSL.VERIFY_PEER, o.callback("verify", True))
    pair = memory_pair(o, server_context(version, "untrusted"), client, handshake=False)
    failing_handshake(o, pair)
    o.call("peer", pair.client.get_peer_certificate)
    o.call("verified chain", pair.client.get_verified_chain)


@each(("server", "leaf", "untrusted", "expired", "client"))
def case_verify_errors(o: Observer, name: str) -> None:
    """Error number and depth for each kind of bad certificate; the callback lets it pass or not."""
    for label, answer in (("keeps", lambda *args: args[-1]), ("allows", lambda *args: True)):
        client = client_context(TLS13)
        client.set_verify(SSL.VERIFY_PEER, o.callback(f"{label}: verify", answer))
        pair = memory_pair(o, server_context(TLS13, name), client, handshake=False)
        failing_handshake(o, pair)


@each(
    {
        "1": 1,
        "0": 0,
        "None": None,
        "text": "yes",
        "empty text": "",
        "list": [],
        "float": 0.5,
        "large": 2**70,
        "object": object(),
    }
)
def case_verify_answers(o: Observer, answer: Any) -> None:
    client = client_context(TLS13)
    client.set_verify(SSL.VERIFY_PEER, o.callback("verify", answer))
    failing_handshake(o, memory_pair(o, client=client, handshake=False))


def case_verify_depth(o: Observer) -> None:
    for depth in (0, 1, 2):
        server = context(TLS13)
        server.use_certificate_chain_file(path("chain.pem"))
        server.use_privatekey_file(path("server.key"))
        client = client_context(TLS13)
        client.set_verify_depth(depth)
        client.set_verify(SSL.VERIFY_PEER, o.callback(f"{depth}: verify", lambda *args: args[-1]))
        failing_handshake(o, memory_pair(o, server, client, handshake=False))


@each(VERSIONS)
def case_verify_client(o: Observer, version: Version) -> None:
    """The server's side, with and without a certificate of the client."""
    modes = {
        "optional": SSL.VERIFY_PEER,
        "required": SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT,
        "once": SSL.VERIFY_PEER | SSL.VERIFY_CLIENT_ONCE,
        "none": SSL.VERIFY_NONE,
    }
    for label, mode in modes.items():
        for name, client in (
            ("with", with_client_certificate(version)),
            ("without", client_context(version)),
        ):
            server = server_context(version)
            server.load_verify_locations(path("ca.pem"))
            server.set_verify(mode, o.callback(f"{label}, {name}: verify", True))
            pair = memory_pair(o, server, client, handshake=False)
            failing_handshake(o, pair)
            pair.move()
            o.call(f"{label}, {name}: peer", pair.server.get_peer_certificate)
            o.call(f"{label}, {name}: client reads", pair.client.recv, 10)
            o.call(f"{label}, {name}: server reads", pair.server.recv, 10)


@each(TLS_VERSIONS)
def case_verify_of_a_connection(o: Observer, version: Version) -> None:
    """`Connection.set_verify` replaces the context's."""
    client = client_context(version)
    client.set_verify(SSL.VERIFY_PEER, o.callback("context's verify", False))
    pair = memory_pair(o, server_context(version), client, handshake=False)
    o.call("set", pair.client.set_verify, SSL.VERIFY_PEER, o.callback("own verify", True))
    o.call("mode", pair.client.get_verify_mode)
    failing_handshake(o, pair)


def case_verify_of_a_connection_taken_away(o: Observer) -> None:
    client = client_context(TLS13)
    client.set_verify(SSL.VERIFY_PEER, o.callback("verify", False))
    pair = memory_pair(o, client=client, handshake=False)
    o.call("default", pair.client.set_verify, SSL.VERIFY_PEER)
    failing_handshake(o, pair)
    other = memory_pair(o, server_context(TLS13, "untrusted"), client, handshake=False)
    o.call("none", other.client.set_verify, SSL.VERIFY_NONE, None)
    o.call("mode", other.client.get_verify_mode)
    failing_handshake(o, other)


def case_verify_set_while_it_runs(o: Observer) -> None:
    """A verify callback that installs another one."""

    def change(conn: SSL.Connection, *args: Any) -> bool:
        conn.set_verify(SSL.VERIFY_PEER, o.callback("second", True))
        return True

    client = client_context(TLS13)
    client.set_verify(SSL.VERIFY_PEER, o.callback("first", change))
    failing_handshake(o, memory_pair(o, client=client, handshake=False))


def case_verify_looks_around(o: Observer) -> None:
    """What a verify callback may ask its connection."""

    def look(conn: SSL.Connection, cert: Any, *args: Any) -> bool:
        o.call("context", conn.get_context)
        o.call("app data", conn.get_app_data)
        o.call("name", conn.get_servername)
        o.call("state", conn.get_state_string)
        o.call("peer", conn.get_peer_certificate)
        o.call("chain", conn.get_peer_cert_chain)
        o.call("cipher", conn.get_cipher_name)
        o.call("version", conn.get_protocol_version_name)
        o.call("session", conn.get_session)
        return True

    client = o.name("context", client_context(TLS12))
    client.set_verify(SSL.VERIFY_PEER, o.callback("verify", look))
    pair = memory_pair(o, server_context(TLS12), client, handshake=False)
    pair.client.set_app_data("data")
    failing_handshake(o, pair)


def case_verify_certificate_outlives(o: Observer) -> None:
    kept = []

    def keep(conn: SSL.Connection, cert: Any, *args: Any) -> bool:
        kept.append(cert)
        return True

    client = client_context(TLS13)
    client.set_verify(SSL.VERIFY_PEER, keep)
    memory_pair(o, client=client)
    o.see("certificates", kept)


# Server names


@each(VERSIONS)
def case_sni(o: Observer, version: Version) -> None:
    for label, name in (("name", b"localhost"), ("no name", None)):
        server = server_context(version)
        server.set_tlsext_servername_callback(
            o.callback(f"{label}: sni", lambda conn: conn.get_servername())
        )
        pair = memory_pair(o, server, version=version, handshake=False)
        if name:
            pair.client.set_tlsext_host_name(name)
        failing_handshake(o, pair)
        o.call(f"{label}: server", pair.server.get_servername)
        o.call(f"{label}: client", pair.client.get_servername)


@each({"None": None, "False": False, "number": 2, "text": "no", "object": object()})
def case_sni_answers(o: Observer, answer: Any) -> None:
    """The answer does not count."""
    server = server_context(TLS13)
    server.set_tlsext_servername_callback(o.callback("sni", answer))
    failing_handshake(o, memory_pair(o, server, handshake=False))


def case_sni_on_a_client(o: Observer) -> None:
    client = client_context(TLS13)
    client.set_tlsext_servername_callback(o.callback("client's sni"))
    pair = memory_pair(o, client=client, handshake=False)
    pair.client.set_tlsext_host_name(b"localhost")
    failing_handshake(o, pair)


def case_sni_changes_settings(o: Observer) -> None:
    """Verification asked for from within the SNI callback."""

    def ask(conn: SSL.Connection) -> None:
        o.call("verify", conn.set_verify, SSL.VERIFY_PEER, o.callback("verify", True))
        o.call("options", conn.set_options, SSL.OP_NO_TICKET)
        o.call("app data", conn.set_app_data, "seen")

    server = server_context(TLS12)
    server.set_tlsext_servername_callback(o.callback("sni", ask))
    pair = memory_pair(o, server, with_client_certificate(TLS12), handshake=False)
    failing_handshake(o, pair)
    o.call("peer", pair.server.get_peer_certificate)
    o.call("app data", pair.server.get_app_data)


def case_sni_bare_context(o: Observer) -> None:
    """The certificate comes only from the second context."""
    second = server_context(TLS13)
    first = context(TLS13)
    first.set_tlsext_servername_callback(lambda conn: conn.set_context(second))
    pair = memory_pair(o, first, handshake=False)
    pair.client.set_tlsext_host_name(b"localhost")
    failing_handshake(o, pair)


# ALPN

ALPN_ANSWERS: dict[str, Any] = {
    "first": lambda conn, offered: offered[0],
    "second": lambda conn, offered: offered[1],
    "not offered": b"gopher",
    "empty": b"",
    "no overlap": SSL.NO_OVERLAPPING_PROTOCOLS,
    "None": None,
    "text": "h2",
    "bytearray": bytearray(b"h2"),
    "number": 1,
    "255 bytes": b"x" * 255,
    "256 bytes": b"x" * 256,
}


@each(ALPN_ANSWERS)
def case_alpn_answers(o: Observer, answer: Any) -> None:
    server, client = server_context(TLS13), client_context(TLS13)
    server.set_alpn_select_callback(o.callback("alpn", answer))
    client.set_alpn_protos([b"http/1.1", b"h2"])
    pair = memory_pair(o, server, client, handshake=False)
    failing_handshake(o, pair)
    o.call("client has", pair.client.get_alpn_proto_negotiated)
    o.call("server has", pair.server.get_alpn_proto_negotiated)


@each(VERSIONS)
def case_alpn_not_offered(o: Observer, version: Version) -> None:
    server = server_context(version)
    server.set_alpn_select_callback(o.callback("alpn", b"h2"))
    pair = memory_pair(o, server, version=version)
    o.call("client has", pair.client.get_alpn_proto_negotiated)


@each(VERSIONS)
def case_alpn_not_answered(o: Observer, version: Version) -> None:
    """No callback at the server."""
    client = client_context(version)
    client.set_alpn_protos([b"h2"])
    pair = memory_pair(o, server_context(version), client)
    o.call("client has", pair.client.get_alpn_proto_negotiated)
    o.call("server has", pair.server.get_alpn_proto_negotiated)


@each(VERSIONS)
def case_alpn_versions(o: Observer, version: Version) -> None:
    server, client = server_context(version), client_context(version)
    server.set_alpn_select_callback(o.callback("alpn", lambda conn, offered: offered[-1]))
    client.set_alpn_protos([b"h2", b"\0\xff", b"x" * 255])
    pair = memory_pair(o, server, client)
    o.call("client has", pair.client.get_alpn_proto_negotiated)
    o.call("server has", pair.server.get_alpn_proto_negotiated)


def case_alpn_context_and_connection(o: Observer) -> None:
    """The connection's list replaces the context's."""
    server, client = server_context(TLS13), client_context(TLS13)
    server.set_alpn_select_callback(o.callback("alpn", b"h2"))
    client.set_alpn_protos([b"spdy/2"])
    pair = memory_pair(o, server, client, handshake=False)
    pair.client.set_alpn_protos([b"h2"])
    failing_handshake(o, pair)


def case_order_of_sni_alpn_and_verify(o: Observer) -> None:
    for label, version in VERSIONS.items():
        server, client = server_context(version), with_client_certificate(version)
        server.load_verify_locations(path("ca.pem"))
        server.set_verify(SSL.VERIFY_PEER, o.callback(f"{label}: server's verify", True))
        server.set_tlsext_servername_callback(o.callback(f"{label}: sni"))
        server.set_alpn_select_callback(o.callback(f"{label}: alpn", b"h2"))
        server.set_ocsp_server_callback(o.callback(f"{label}: staple", read("staple.der")))
        client.set_verify(SSL.VERIFY_PEER, o.callback(f"{label}: client's verify", True))
        client.set_ocsp_client_callback(o.callback(f"{label}: stapled", True))
        client.set_alpn_protos([b"h2"])
        pair = memory_pair(o, server, client, handshake=False)
        pair.client.request_ocsp()
        pair.client.set_tlsext_host_name(b"localhost")
        failing_handshake(o, pair)


# Information and key log


@each(VERSIONS)
def case_info(o: Observer, version: Version) -> None:
    server, client = server_context(version), client_context(version)
    server.set_info_callback(o.callback("server's info"))
    client.set_info_callback(o.callback("client's info"))
    pair = memory_pair(o, server, client)
    o.call("client's shutdown", pair.client.shutdown)
    pair.move()
    o.call("server reads", pair.server.recv, 10)
    o.call("server's shutdown", pair.server.shutdown)


@each(VERSIONS)
def case_info_of_a_failure(o: Observer, version: Version) -> None:
    server, client = server_context(version), client_context(version, "untrusted")
    server.set_info_callback(o.callback("server's info"))
    client.set_info_callback(o.callback("client's info"))
    failing_handshake(o, memory_pair(o, server, client, handshake=False))


def case_info_of_a_connection(o: Observer) -> None:
    """`Connection.set_info_callback` goes before the context's."""
    client = client_context(TLS12)
    client.set_info_callback(o.callback("context's info"))
    pair = memory_pair(o, server_context(TLS12), client, handshake=False)
    o.call("set", pair.client.set_info_callback, o.callback("own info"))
    pair.handshake()


@each({"None": None, "number": 3, "text": "text", "object": object()})
def case_info_answers(o: Observer, answer: Any) -> None:
    client = client_context(TLS13)
    client.set_info_callback(o.callback("info", answer, show=lambda conn, where, ret: where))
    failing_handshake(o, memory_pair(o, client=client, handshake=False))


def label_of(conn: SSL.Connection, line: bytes) -> tuple[Any, ...]:
    return conn, line.split()[0], [len(part) for part in line.split()]


@each(VERSIONS)
def case_keylog(o: Observer, version: Version) -> None:
    server, client = server_context(version), client_context(version)
    server.set_keylog_callback(o.callback("server's", show=label_of))
    client.set_keylog_callback(o.callback("client's", show=label_of))
    memory_pair(o, server, client)


def case_keylog_agrees(o: Observer) -> None:
    lines: dict[str, list[bytes]] = {"client": [], "server": []}
    server, client = server_context(TLS13), client_context(TLS13)
    server.set_keylog_callback(lambda conn, line: lines["server"].append(line))
    client.set_keylog_callback(lambda conn, line: lines["client"].append(line))
    memory_pair(o, server, client)
    o.see("the same lines", sorted(lines["client"]) == sorted(lines["server"]))
    o.see("types", {type(line) for line in lines["client"]})


# Passphrases


def passphrase_context(o: Observer, answer: Any, **data: Any) -> SSL.Context:
    ctx = context(TLS13)
    o.call("set", ctx.set_passwd_cb, o.callback("passphrase", answer), **data)
    return ctx


PASSPHRASES: dict[str, Any] = {
    "right": PASSPHRASE,
    "wrong": b"wrong",
    "empty": b"",
    "None": None,
    "False": False,
    "text": PASSPHRASE.decode(),
    "bytearray": bytearray(PASSPHRASE),
    "number": 5,
    "1024 bytes": b"x" * 1024,
    "1025 bytes": b"x" * 1025,
    "5000 bytes": b"x" * 5000,
    "with a NUL": PASSPHRASE + b"\0more",
    "list": [],
}


@each(PASSPHRASES)
def case_passphrase_answers(o: Observer, answer: Any) -> None:
    ctx = passphrase_context(o, answer)
    o.call("key", ctx.use_privatekey_file, path("encrypted.key"))
    o.call("plain key", ctx.use_privatekey_file, path("server.key"))


def case_passphrase_userdata(o: Observer) -> None:
    for label, data in {
        "none": {},
        "text": {"userdata": "data"},
        "None": {"userdata": None},
    }.items():
        ctx = passphrase_context(o, PASSPHRASE, **data)
        o.call(f"{label}: key", ctx.use_privatekey_file, path("encrypted.key"))
    ctx = context(TLS13)
    o.call("by position", ctx.set_passwd_cb, o.callback("passphrase", PASSPHRASE), ["data"])
    o.call("by position: key", ctx.use_privatekey_file, path("encrypted.key"))


def case_passphrase_callback_kinds(o: Observer) -> None:
    for label, callback in {
        "None": None,
        "bytes": PASSPHRASE,
        "two arguments": lambda size, verify: PASSPHRASE,
        "any arguments": lambda *args: PASSPHRASE,
    }.items():
        ctx = context(TLS13)
        o.call(f"{label}: set", ctx.set_passwd_cb, callback)
        o.call(f"{label}: key", ctx.use_privatekey_file, path("encrypted.key"))
    o.call("key object", context(TLS13).use_privatekey, private_key("server"))


def case_passphrase_replaced(o: Observer) -> None:
    ctx = passphrase_context(o, b"wrong")
    o.call("wrong", ctx.use_privatekey_file, path("encrypted.key"))
    o.call("set again", ctx.set_passwd_cb, o.callback("second", PASSPHRASE))
    o.call("right", ctx.use_privatekey_file, path("encrypted.key"))


# OCSP


def stapled_pair(
    o: Observer, version: Version, staple: Any, verdict: Any, request: bool = True, **data: Any
) -> Pair:
    server, client = server_context(version), client_context(version)
    o.call("set server's", server.set_ocsp_server_callback, o.callback("staple", staple), **data)
    o.call("set client's", client.set_ocsp_client_callback, o.callback("verdict", verdict), **data)
    pair = memory_pair(o, server, client, handshake=False)
    if request:
        o.call("request", pair.client.request_ocsp)
    return pair


@each(VERSIONS)
def case_ocsp(o: Observer, version: Version) -> None:
    failing_handshake(o, stapled_pair(o, version, read("staple.der"), True))


@each(VERSIONS)
def case_ocsp_data(o: Observer, version: Version) -> None:
    data = o.name("data", object())
    failing_handshake(o, stapled_pair(o, version, read("staple.der"), True, data=data))


@each(VERSIONS)
def case_ocsp_not_requested(o: Observer, version: Version) -> None:
    failing_handshake(o, stapled_pair(o, version, read("staple.der"), True, request=False))


@each(
    {
        "DER": read("staple.der"),
        "empty": b"",
        "not DER": b"staple",
        "DER and more": read("staple.der") + b"more",
        "large": b"x" * 70000,
        "None": None,
        "text": "staple",
        "bytearray": bytearray(read("staple.der")),
        "number": 5,
    }
)
def case_ocsp_staples(o: Observer, staple: Any) -> None:
    version = TLS12
    server, client = server_context(version), client_context(version)
    server.set_ocsp_server_callback(lambda conn, data: staple)
    client.set_ocsp_client_callback(
        o.callback("verdict", True, show=lambda conn, got, data: (len(got), got[:10]))
    )
    pair = memory_pair(o, server, client, handshake=False)
    pair.client.request_ocsp()
    failing_handshake(o, pair)


@each({"False": False, "0": 0, "None": None, "text": "no", "empty": b"", "negative": -1})
def case_ocsp_verdicts(o: Observer, verdict: Any) -> None:
    for version in (TLS12, TLS13):
        failing_handshake(o, stapled_pair(o, version, read("staple.der"), verdict))


def case_ocsp_without_server_callback(o: Observer) -> None:
    for version in (TLS12, TLS13):
        client = client_context(version)
        client.set_ocsp_client_callback(o.callback("verdict", True))
        pair = memory_pair(o, server_context(version), client, handshake=False)
        pair.client.request_ocsp()
        failing_handshake(o, pair)


def case_ocsp_without_client_callback(o: Observer) -> None:
    server = server_context(TLS12)
    server.set_ocsp_server_callback(o.callback("staple", read("staple.der")))
    pair = memory_pair(o, server, version=TLS12, handshake=False)
    pair.client.request_ocsp()
    failing_handshake(o, pair)


# Any callback


def case_callbacks_that_are_none(o: Observer) -> None:
    """What pyOpenSSL says when a callback cannot be called shows when it is called, if ever."""
    for method, arguments in {
        "set_tlsext_servername_callback": (None,),
        "set_alpn_select_callback": (None,),
        "set_info_callback": (None,),
        "set_keylog_callback": (None,),
        "set_ocsp_client_callback": (None,),
        "set_ocsp_server_callback": (None,),
        "set_cookie_generate_callback": (None,),
        "set_cookie_verify_callback": (None,),
        "set_verify": (SSL.VERIFY_PEER, None),
        "set_passwd_cb": (None,),
    }.items():
        o.call(method, getattr(context(TLS13), method), *arguments)


def case_methods_as_callbacks(o: Observer) -> None:
    """Bound methods, objects with `__call__`, partial functions, classes."""
    from functools import partial

    class Callbacks:
        def verify(self, *args: Any) -> bool:
            o.see("method", args)
            return True

        def __call__(self, *args: Any) -> bool:
            o.see("object", args)
            return True

    for label, callback in {
        "method": Callbacks().verify,
        "object": Callbacks(),
        "partial": partial(o.callback("partial", True), "first"),
        "builtin": max,
    }.items():
        client = client_context(TLS13)
        o.call(f"set {label}", client.set_verify, SSL.VERIFY_PEER, callback)
        pair = memory_pair(o, client=client, handshake=False)
        if label != "builtin":
            failing_handshake(o, pair)
