"""Wrong types, wrong counts and values out of range, for every method of Context and Connection.

Each argument in turn is replaced by each junk value, the others staying good, on a fresh object.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from observe import Observer, each
from OpenSSL import SSL
from support import certificate, path, private_key

JUNK: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "True": lambda: True,
    "0": lambda: 0,
    "-1": lambda: -1,
    "2**31 - 1": lambda: 2**31 - 1,
    "2**31": lambda: 2**31,
    "2**32": lambda: 2**32,
    "2**63": lambda: 2**63,
    "2**64": lambda: 2**64,
    "1.5": lambda: 1.5,
    "str": lambda: "text",
    "empty str": lambda: "",
    "str beyond ASCII": lambda: "h\xf6st",
    "lone surrogate": lambda: "\ud800",
    "bytes": lambda: b"bytes",
    "empty bytes": lambda: b"",
    "bytes with NUL": lambda: b"a\0b",
    "bytearray": lambda: bytearray(b"array"),
    "memoryview": lambda: memoryview(b"view"),
    "strided memoryview": lambda: memoryview(b"strided")[::2],
    "empty list": list,
    "list of int": lambda: [1],
    "list of str": lambda: ["text"],
    "list of bytes": lambda: [b"one", b"two"],
    "dict": dict,
    "class": lambda: int,
    "object": object,
    "callable": lambda: lambda *args: None,
}

#: The good arguments of each method, by parameter.
CONTEXT: dict[str, dict[str, Any]] = {
    "add_client_ca": {"certificate_authority": lambda: certificate("ca").to_cryptography()},
    "add_extra_chain_cert": {"certobj": lambda: certificate("ca").to_cryptography()},
    "check_privatekey": {},
    "clear_mode": {"mode_to_clear": 1},
    "get_app_data": {},
    "get_cert_store": {},
    "get_session_cache_mode": {},
    "get_timeout": {},
    "get_verify_depth": {},
    "get_verify_mode": {},
    "load_client_ca": {"cafile": lambda: path("ca.pem").encode()},
    "load_tmp_dh": {"dhfile": lambda: path("dh.pem")},
    "load_verify_locations": {"cafile": lambda: path("ca.pem"), "capath": None},
    "set_alpn_protos": {"protos": lambda: [b"http/1.1"]},
    "set_alpn_select_callback": {"callback": lambda: print},
    "set_app_data": {"data": 1},
    "set_cipher_list": {"cipher_list": b"AES128-SHA"},
    "set_client_ca_list": {"certificate_authorities": list},
    "set_cookie_generate_callback": {"callback": lambda: print},
    "set_cookie_verify_callback": {"callback": lambda: print},
    "set_default_verify_paths": {},
    "set_info_callback": {"callback": lambda: print},
    "set_keylog_callback": {"callback": lambda: print},
    "set_max_proto_version": {"version": SSL.TLS1_3_VERSION},
    "set_min_proto_version": {"version": SSL.TLS1_2_VERSION},
    "set_mode": {"mode": 1},
    "set_ocsp_client_callback": {"callback": lambda: print, "data": None},
    "set_ocsp_server_callback": {"callback": lambda: print, "data": None},
    "set_options": {"options": SSL.OP_NO_TICKET},
    "set_passwd_cb": {"callback": lambda: print, "userdata": None},
    "set_session_cache_mode": {"mode": SSL.SESS_CACHE_BOTH},
    "set_session_id": {"buf": b"session"},
    "set_timeout": {"timeout": 10},
    "set_tls13_ciphersuites": {"ciphersuites": b"TLS_AES_128_GCM_SHA256"},
    "set_tlsext_servername_callback": {"callback": lambda: print},
    "set_tlsext_use_srtp": {"profiles": b"SRTP_AES128_CM_SHA1_80"},
    "set_tmp_ecdh": {"curve": ec.SECP256R1},
    "set_verify": {"mode": SSL.VERIFY_PEER, "callback": None},
    "set_verify_depth": {"depth": 3},
    "use_certificate": {"cert": lambda: certificate("server").to_cryptography()},
    "use_certificate_chain_file": {"certfile": lambda: path("chain.pem")},
    "use_certificate_file": {"certfile": lambda: path("server.pem"), "filetype": 1},
    "use_privatekey": {"pkey": lambda: private_key("server").to_cryptography_key()},
    "use_privatekey_file": {"keyfile": lambda: path("server.key"), "filetype": 1},
}

CONNECTION: dict[str, dict[str, Any]] = {
    "DTLSv1_get_timeout": {},
    "DTLSv1_handle_timeout": {},
    "DTLSv1_listen": {},
    "accept": {},
    "bio_read": {"bufsiz": 100},
    "bio_shutdown": {},
    "bio_write": {"buf": b"junk"},
    "client_random": {},
    "connect": {"addr": ("127.0.0.1", 1)},
    "connect_ex": {"addr": ("127.0.0.1", 1)},
    "do_handshake": {},
    "export_keying_material": {"label": b"label", "olen": 20, "context": None},
    "get_alpn_proto_negotiated": {},
    "get_app_data": {},
    "get_certificate": {},
    "get_cipher_bits": {},
    "get_cipher_list": {},
    "get_cipher_name": {},
    "get_cipher_version": {},
    "get_cleartext_mtu": {},
    "get_client_ca_list": {},
    "get_context": {},
    "get_finished": {},
    "get_group_name": {},
    "get_peer_cert_chain": {},
    "get_peer_certificate": {},
    "get_peer_finished": {},
    "get_protocol_version": {},
    "get_protocol_version_name": {},
    "get_selected_srtp_profile": {},
    "get_servername": {},
    "get_session": {},
    "get_shutdown": {},
    "get_state_string": {},
    "get_verified_chain": {},
    "get_verify_mode": {},
    "makefile": {},
    "master_key": {},
    "pending": {},
    "read": {"bufsiz": 100, "flags": None},
    "recv": {"bufsiz": 100, "flags": None},
    "recv_into": {"buffer": lambda: bytearray(10), "nbytes": None, "flags": None},
    "renegotiate": {},
    "renegotiate_pending": {},
    "request_ocsp": {},
    "send": {"buf": b"data", "flags": 0},
    "sendall": {"buf": b"data", "flags": 0},
    "server_random": {},
    "set_accept_state": {},
    "set_alpn_protos": {"protos": lambda: [b"http/1.1"]},
    "set_app_data": {"data": 1},
    "set_ciphertext_mtu": {"mtu": 1000},
    "set_connect_state": {},
    "set_context": {"context": lambda: SSL.Context(SSL.TLS_METHOD)},
    "set_info_callback": {"callback": lambda: print},
    "set_options": {"options": SSL.OP_NO_TICKET},
    "set_session": {"session": SSL.Session},
    "set_shutdown": {"state": SSL.SENT_SHUTDOWN},
    "set_tlsext_host_name": {"name": b"localhost"},
    "set_verify": {"mode": SSL.VERIFY_PEER, "callback": None},
    "shutdown": {},
    "sock_shutdown": {"how": 1},
    "total_renegotiations": {},
    "use_certificate": {"cert": lambda: certificate("server").to_cryptography()},
    "use_privatekey": {"pkey": lambda: private_key("server").to_cryptography_key()},
    "want_read": {},
    "want_write": {},
    "write": {"buf": b"data", "flags": 0},
}

#: Calls that end the process with the reference, or use all memory.
SKIPPED: set[tuple[str, str, str]] = set()


def a_context() -> SSL.Context:
    return SSL.Context(SSL.TLS_METHOD)


def a_connection() -> SSL.Connection:
    return SSL.Connection(a_context())


def made(value: Any) -> Any:
    return value() if callable(value) else value


def check(o: Observer, make: Callable[[], Any], method: str, good: dict[str, Any]) -> None:
    """Call the method with junk in each place, then with wrong numbers of arguments."""
    o.call("good", getattr(make(), method), *map(made, good.values()))
    if good:
        o.call("keywords", getattr(make(), method), **{key: made(good[key]) for key in good})
        o.call("nothing", getattr(make(), method))
    for place, parameter in enumerate(good):
        for name, junk in JUNK.items():
            if (method, parameter, name) in SKIPPED:
                continue
            arguments = [made(value) for value in good.values()]
            arguments[place] = junk()
            o.call(f"{parameter} is {name}", getattr(make(), method), *arguments)
    o.call("one too many", getattr(make(), method), *map(made, good.values()), 1)
    o.call("unknown keyword", getattr(make(), method), *map(made, good.values()), nonsense=1)
    for parameter in good:
        arguments = [made(value) for value in good.values()]
        o.call(f"{parameter} twice", getattr(make(), method), *arguments, **{parameter: 1})


@each(list(CONTEXT))
def case_context(o: Observer, method: str) -> None:
    check(o, a_context, method, CONTEXT[method])


@each(list(CONNECTION))
def case_connection(o: Observer, method: str) -> None:
    check(o, a_connection, method, CONNECTION[method])
