"""What a Connection says about itself, before, during and after a handshake."""

from __future__ import annotations

import socket

from observe import Observer, each
from OpenSSL import SSL
from support import (
    DTLS12,
    TLS12,
    TLS13,
    TLS_VERSIONS,
    VERSIONS,
    Pair,
    Version,
    certificate,
    client_context,
    context,
    failing_handshake,
    memory_pair,
    path,
    private_key,
    server_context,
    stepped,
)

FACTS = (
    "get_alpn_proto_negotiated",
    "get_app_data",
    "get_certificate",
    "get_cipher_bits",
    "get_cipher_list",
    "get_cipher_name",
    "get_cipher_version",
    "get_client_ca_list",
    "get_group_name",
    "get_peer_cert_chain",
    "get_peer_certificate",
    "get_protocol_version",
    "get_protocol_version_name",
    "get_selected_srtp_profile",
    "get_servername",
    "get_session",
    "get_shutdown",
    "get_state_string",
    "get_verified_chain",
    "get_verify_mode",
    "pending",
    "renegotiate_pending",
    "total_renegotiations",
    "want_read",
    "want_write",
)

RANDOM_FACTS = (
    "client_random",
    "server_random",
    "master_key",
    "get_finished",
    "get_peer_finished",
)


def facts(o: Observer, label: str, conn: SSL.Connection) -> None:
    for name in FACTS:
        o.call(f"{label}: {name}", getattr(conn, name))
    for name in RANDOM_FACTS:
        o.call(f"{label}: length of {name}", lambda name=name: length(getattr(conn, name)()))


def length(value: bytes | None) -> int | None:
    return None if value is None else len(value)


@each(VERSIONS)
def case_facts_before(o: Observer, version: Version) -> None:
    facts(o, "no role", SSL.Connection(context(version)))
    pair = memory_pair(o, version=version, handshake=False)
    facts(o, "client", pair.client)
    facts(o, "server", pair.server)


@each(VERSIONS)
def case_facts_during(o: Observer, version: Version) -> None:
    """After each flight of the handshake."""
    pair = memory_pair(o, version=version, handshake=False)
    for flight in range(3):
        o.see(f"client's step {flight}", stepped(pair.client))
        pair.move()
        facts(o, f"client {flight}", pair.client)
        o.see(f"server's step {flight}", stepped(pair.server))
        pair.move()
        facts(o, f"server {flight}", pair.server)


@each(VERSIONS)
def case_facts_after(o: Observer, version: Version) -> None:
    pair = memory_pair(o, version=version)
    facts(o, "client", pair.client)
    facts(o, "server", pair.server)


@each(VERSIONS)
def case_facts_with_client_certificate(o: Observer, version: Version) -> None:
    server, client = server_context(version), client_context(version)
    server.load_verify_locations(path("ca.pem"))
    server.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    client.use_certificate_file(path("client.pem"))
    client.use_privatekey_file(path("client.key"))
    pair = memory_pair(o, server, client)
    facts(o, "client", pair.client)
    facts(o, "server", pair.server)


@each(VERSIONS)
def case_facts_after_failure(o: Observer, version: Version) -> None:
    pair = memory_pair(
        o, client=client_context(version, "untrusted"), version=version, handshake=False
    )
    failing_handshake(o, pair)
    facts(o, "client", pair.client)
    facts(o, "server", pair.server)


@each(VERSIONS)
def case_both_ends_agree(o: Observer, version: Version) -> None:
    client, server = memory_pair(o, version=version)
    o.see("client random", client.client_random() == server.client_random())
    o.see("server random", client.server_random() == server.server_random())
    o.call("master key", lambda: client.master_key() == server.master_key())
    o.see("finished", client.get_finished() == server.get_peer_finished())
    o.see("peer finished", client.get_peer_finished() == server.get_finished())
    o.see("randoms differ", client.client_random() != client.server_random())


@each(VERSIONS)
def case_exporter(o: Observer, version: Version) -> None:
    client, server = memory_pair(o, version=version)
    for label, arguments in {
        "plain": (b"EXPERIMENTAL", 32),
        "with context": (b"EXPERIMENTAL", 32, b"context"),
        "empty context": (b"EXPERIMENTAL", 32, b""),
        "short": (b"EXPERIMENTAL", 1),
        "empty label": (b"", 8),
    }.items():
        mine = client.export_keying_material(*arguments)
        o.see(f"{label}: length", len(mine))
        o.see(f"{label}: equal", mine == server.export_keying_material(*arguments))
    plain = client.export_keying_material(b"EXPERIMENTAL", 32)
    empty = client.export_keying_material(b"EXPERIMENTAL", 32, b"")
    named = client.export_keying_material(context=None, olen=32, label=b"EXPERIMENTAL")
    o.see("no context is an empty one", plain == empty)
    o.see("by keyword", plain == named)


@each(VERSIONS)
def case_exporter_arguments(o: Observer, version: Version) -> None:
    client = memory_pair(o, version=version).client
    o.call("zero", client.export_keying_material, b"EXPERIMENTAL", 0)
    o.call("negative", client.export_keying_material, b"EXPERIMENTAL", -1)
    o.call("label of str", client.export_keying_material, "EXPERIMENTAL", 10)
    o.call("label of None", client.export_keying_material, None, 10)
    o.call("context of str", client.export_keying_material, b"EXPERIMENTAL", 10, "context")
    o.call("context of int", client.export_keying_material, b"EXPERIMENTAL", 10, 5)
    o.call("length of str", client.export_keying_material, b"EXPERIMENTAL", "10")
    o.call("reserved label", client.export_keying_material, b"client finished", 0)


def case_exporter_before(o: Observer) -> None:
    for name, version in VERSIONS.items():
        conn = SSL.Connection(context(version))
        o.call(f"{name}: no role", conn.export_keying_material, b"EXPERIMENTAL", 16)
        client = memory_pair(o, version=version, handshake=False).client
        stepped(client)
        o.call(f"{name}: hello sent", client.export_keying_material, b"EXPERIMENTAL", 16)


@each({"RSA": "server", "EC": "server-ec"})
def case_kind_of_key(o: Observer, name: str) -> None:
    for label, version in VERSIONS.items():
        pair = memory_pair(o, server_context(version, name), version=version)
        o.call(f"{label}: cipher", pair.client.get_cipher_name)
        o.call(f"{label}: bits", pair.client.get_cipher_bits)
        o.call(f"{label}: peer", pair.client.get_peer_certificate)


@each(VERSIONS)
def case_state_strings(o: Observer, version: Version) -> None:
    """The states in between, one record at a time."""
    pair = memory_pair(o, version=version, handshake=False)
    for _ in range(6):
        for label, end in (("client", pair.client), ("server", pair.server)):
            stepped(end)
            o.see(label, end.get_state_string())
            pair.move()


def case_constructor(o: Observer) -> None:
    ctx = SSL.Context(SSL.TLS_METHOD)
    o.call("nothing", SSL.Connection)
    o.call("None", SSL.Connection, None)
    o.call("class", SSL.Connection, SSL.Context)
    o.call("by keyword", SSL.Connection, context=ctx, socket=None)
    o.call("too many", SSL.Connection, ctx, None, None)
    o.call("unknown keyword", SSL.Connection, ctx, sock=None)
    near, far = socket.socketpair()
    o.call("socket", SSL.Connection, ctx, near)
    o.call("descriptor", SSL.Connection, ctx, far.fileno())
    o.call("negative descriptor", SSL.Connection, ctx, -1)
    o.call("text", SSL.Connection, ctx, "socket")
    o.call("object", SSL.Connection, ctx, object())
    o.call("bool", SSL.Connection, ctx, True)
    near.close()
    o.call("closed socket", SSL.Connection, ctx, near)
    for value in ("3", None, 3.0, -5, 2**40):
        odd = type("Odd", (), {"fileno": lambda self, value=value: value})()
        o.call(f"fileno() of {value!r}", SSL.Connection, ctx, odd)
    raising = type("Odd", (), {"fileno": lambda self: 1 // 0})()
    o.call("fileno() that raises", SSL.Connection, ctx, raising)
    o.call("fileno that is no method", SSL.Connection, ctx, type("Odd", (), {"fileno": 3})())


def case_roles(o: Observer) -> None:
    """Setting the role, again and after a handshake."""
    conn = SSL.Connection(context(TLS13))
    o.call("connect", conn.set_connect_state)
    o.call("accept", conn.set_accept_state)
    o.call("accept again", conn.set_accept_state)
    o.call("handshake", conn.do_handshake)
    pair = memory_pair(o)
    o.call("after a handshake", pair.client.set_accept_state)
    o.call("handshake again", pair.client.do_handshake)


def case_two_clients(o: Observer) -> None:
    first, second = SSL.Connection(client_context()), SSL.Connection(client_context())
    pair = Pair(first, second)
    second.set_connect_state()
    failing_handshake(o, pair)


def case_two_servers(o: Observer) -> None:
    pair = Pair(SSL.Connection(server_context()), SSL.Connection(server_context()))
    pair.client.set_accept_state()
    failing_handshake(o, pair)


def case_app_data(o: Observer) -> None:
    conn, data = SSL.Connection(context(TLS13)), o.name("data", [1])
    o.call("fresh", conn.get_app_data)
    o.call("set", conn.set_app_data, data)
    o.call("get", conn.get_app_data)
    o.call("set None", conn.set_app_data, data=None)
    o.call("get None", conn.get_app_data)


def case_context_of_a_connection(o: Observer) -> None:
    first, second = o.name("first", context(TLS13)), o.name("second", context(TLS13))
    conn = SSL.Connection(first)
    o.call("get", conn.get_context)
    o.call("set", conn.set_context, second)
    o.call("get again", conn.get_context)
    o.call("None", conn.set_context, None)
    o.call("object", conn.set_context, object())
    o.call("connection", conn.set_context, conn)
    o.call("get at the end", conn.get_context)


@each(TLS_VERSIONS)
def case_set_context_brings(o: Observer, version: Version) -> None:
    """What a connection takes over from its second context: the certificate, not the ciphers."""
    second = server_context(version, "server-ec")
    second.set_verify(SSL.VERIFY_PEER, o.callback("second's verify", True))
    first = server_context(version)
    first.set_options(SSL.OP_NO_TICKET)
    pair = memory_pair(o, first, version=version, handshake=False)
    o.call("options before", pair.server.set_options, 0)
    o.call("verify mode before", pair.server.get_verify_mode)
    o.call("set", pair.server.set_context, second)
    o.call("options", pair.server.set_options, 0)
    o.call("verify mode", pair.server.get_verify_mode)
    o.call("certificate", pair.server.get_certificate)
    failing_handshake(o, pair)
    o.call("peer", pair.client.get_peer_certificate)


@each(TLS_VERSIONS)
def case_set_context_by_name(o: Observer, version: Version) -> None:
    """The usual SNI callback: another context for another name."""
    first, second = server_context(version), server_context(version, "server-ec")
    o.name("first", first)
    o.name("second", second)

    def choose(conn: SSL.Connection) -> None:
        o.call("name", conn.get_servername)
        o.call("context", conn.get_context)
        o.call("set", conn.set_context, second)
        o.call("context now", conn.get_context)

    first.set_tlsext_servername_callback(o.callback("sni", choose))
    second.set_tlsext_servername_callback(o.callback("second's sni"))
    client = client_context(version)
    pair = memory_pair(o, first, client, handshake=False)
    pair.client.set_tlsext_host_name(b"localhost")
    failing_handshake(o, pair)
    o.call("peer", pair.client.get_peer_certificate)
    o.call("context at the end", pair.server.get_context)
    o.call("name at the end", pair.server.get_servername)
    o.call("client's name", pair.client.get_servername)


def case_server_names(o: Observer) -> None:
    conn = SSL.Connection(client_context())
    o.call("none", conn.get_servername)
    o.call("set", conn.set_tlsext_host_name, b"localhost")
    o.call("set again", conn.set_tlsext_host_name, b"other.example")
    o.call("text", conn.set_tlsext_host_name, "localhost")
    o.call("NUL", conn.set_tlsext_host_name, b"local\0host")
    o.call("bytearray", conn.set_tlsext_host_name, bytearray(b"localhost"))
    o.call("255 bytes", conn.set_tlsext_host_name, b"x" * 255)
    o.call("beyond ASCII", conn.set_tlsext_host_name, "h\xf6st".encode())
    o.call("an address", conn.set_tlsext_host_name, b"127.0.0.1")
    conn.set_connect_state()
    o.call("get", conn.get_servername)


@each({"empty": b"", "256 bytes": b"x" * 256})
def case_server_name_refused(o: Observer, name: bytes) -> None:
    """A name that OpenSSL does not take, and what a later call then says."""
    conn = SSL.Connection(client_context())
    conn.set_connect_state()
    o.call("set", conn.set_tlsext_host_name, name)
    o.call("get", conn.get_servername)
    o.call("ciphers", conn.set_options, 0)
    o.call("a later call", conn.export_keying_material, b"label", 10)
    o.call("handshake", conn.do_handshake)


@each(VERSIONS)
def case_server_name_seen(o: Observer, version: Version) -> None:
    pair = memory_pair(o, version=version, handshake=False)
    pair.client.set_tlsext_host_name(b"localhost")
    pair.handshake()
    o.call("client", pair.client.get_servername)
    o.call("server", pair.server.get_servername)


def case_connection_options(o: Observer) -> None:
    """An option of one connection that changes its handshake."""
    pair = memory_pair(
        o,
        server_context((SSL.TLS_METHOD, None)),
        client_context((SSL.TLS_METHOD, None)),
        handshake=False,
    )
    o.call("no 1.3", pair.client.set_options, SSL.OP_NO_TLSv1_3)
    pair.handshake()
    o.call("version", pair.server.get_protocol_version_name)


@each(VERSIONS)
def case_certificate_of_one_connection(o: Observer, version: Version) -> None:
    pair = memory_pair(o, context(version), version=version, handshake=False)
    cert, key = certificate("server-ec"), private_key("server-ec")
    o.call("certificate", pair.server.use_certificate, cert.to_cryptography())
    o.call("key", pair.server.use_privatekey, key.to_cryptography_key())
    failing_handshake(o, pair)
    o.call("peer", pair.client.get_peer_certificate)


def case_handshake_again(o: Observer) -> None:
    pair = memory_pair(o)
    o.call("client", pair.client.do_handshake)
    o.call("server", pair.server.do_handshake)


def case_connection_alpn(o: Observer) -> None:
    server = server_context()
    server.set_alpn_select_callback(o.callback("alpn", b"h2"))
    pair = memory_pair(o, server, handshake=False)
    o.call("set", pair.client.set_alpn_protos, [b"http/1.1", b"h2"])
    pair.handshake()
    o.call("client", pair.client.get_alpn_proto_negotiated)
    o.call("server", pair.server.get_alpn_proto_negotiated)


def case_mtu(o: Observer) -> None:
    for label, version in (("DTLS", DTLS12), ("TLS", TLS13)):
        conn = SSL.Connection(context(version))
        o.call(f"{label}: fresh", conn.get_cleartext_mtu)
        o.call(f"{label}: set", conn.set_ciphertext_mtu, 1000)
        o.call(f"{label}: small", conn.set_ciphertext_mtu, 1)
        o.call(f"{label}: get", conn.get_cleartext_mtu)


def case_makefile(o: Observer) -> None:
    conn = SSL.Connection(context(TLS12))
    o.call("plain", conn.makefile)
    o.call("arguments", conn.makefile, "rb", buffering=0)


def case_connection_in_two_parts(o: Observer) -> None:
    """The memory methods of a connection over a socket, and the socket methods without one."""
    near, _far = socket.socketpair()
    conn = SSL.Connection(context(TLS13), near)
    o.call("bio_read", conn.bio_read, 10)
    o.call("bio_write", conn.bio_write, b"data")
    o.call("bio_write text", conn.bio_write, "data")
    o.call("bio_shutdown", conn.bio_shutdown)
    memory = SSL.Connection(context(TLS13))
    o.call("accept", memory.accept)
    o.call("connect", memory.connect, ("127.0.0.1", 1))
    o.call("connect_ex", memory.connect_ex, ("127.0.0.1", 1))
    o.call("sock_shutdown", memory.sock_shutdown, 0)
    o.call("fileno", lambda: memory.fileno())
    o.call("close", lambda: memory.close())
