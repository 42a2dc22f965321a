"""pyOpenSSL at one end and we at the other: both see the same connection, down to its secrets."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from twins import REFERENCE

DATA = Path(__file__).parent / "data"

# Run by both, at their ends: shakes hands, exchanges a message, renegotiates if it can, and tells
# what it sees of the connection.
PROGRAM = """
import json, socket, sys
from OpenSSL import SSL

role, version, number, ca, certificate, key = sys.argv[1:]
context = SSL.Context(SSL.TLS_METHOD)
context.set_min_proto_version(int(version))
context.set_max_proto_version(int(version))
if role == "server":
    context.use_certificate_chain_file(certificate)
    context.use_privatekey_file(key)
    context.set_alpn_select_callback(lambda connection, offered: offered[-1])
else:
    context.load_verify_locations(ca)
    context.set_verify(SSL.VERIFY_PEER)
    context.set_alpn_protos([b"one", b"two"])
connection = SSL.Connection(context, socket.socket(fileno=int(number)))
if role == "server":
    connection.set_accept_state()
else:
    connection.set_connect_state()
    connection.set_tlsext_host_name(b"localhost")
connection.do_handshake()
connection.sendall(role.encode() * 10000)
received = b""
while len(received) < 60000:
    received += connection.recv(100000)
own, other = connection.get_finished(), connection.get_peer_finished()
facts = {
    "version": connection.get_protocol_version_name(),
    "cipher": connection.get_cipher_name(),
    "group": connection.get_group_name(),
    "protocol": connection.get_alpn_proto_negotiated(),
    "name": connection.get_servername(),
    "client random": connection.client_random(),
    "server random": connection.server_random(),
    "client finished": own if role == "client" else other,
    "server finished": own if role == "server" else other,
    "exported": connection.export_keying_material(b"EXPERIMENTAL", 48),
    "exported for a context": connection.export_keying_material(b"EXPERIMENTAL", 48, b"context"),
    "received": received == (b"server" if role == "client" else b"client") * 10000,
}
if connection.get_protocol_version_name() == "TLSv1.2":
    facts["master key"] = connection.master_key()
implementation = "ours" if hasattr(sys.modules["OpenSSL"], "_rust") else "pyOpenSSL"
facts = {name: repr(fact) for name, fact in facts.items()}
print(json.dumps([implementation, facts]))
"""


@pytest.mark.parametrize("version", [0x303, 0x304], ids=["TLS 1.2", "TLS 1.3"])
@pytest.mark.parametrize("ours", ["client", "server"])
def test_both_ends_see_the_same_connection(ours: str, version: int) -> None:
    ends = dict(zip(("client", "server"), socket.socketpair()))
    files = [str(DATA / name) for name in ("ca.pem", "server.pem", "server.key")]
    processes = {}
    for role, end in ends.items():
        interpreter = sys.executable if role == ours else str(REFERENCE)
        processes[role] = subprocess.Popen(
            [interpreter, "-c", PROGRAM, role, str(version), str(end.fileno()), *files],
            stdout=subprocess.PIPE,
            pass_fds=[end.fileno()],
            text=True,
        )
        end.close()
    seen = {}
    for role, process in processes.items():
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, role
        implementation, seen[role] = json.loads(output)
        assert implementation == ("ours" if role == ours else "pyOpenSSL")
    assert seen["client"] == seen["server"]
    assert seen["client"]["received"] == "True"
