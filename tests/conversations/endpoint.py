"""An echo server, and a client of one, written against the public API of ``OpenSSL.SSL`` alone.

Run with any implementation of it. It reads commands, and writes what each connection came to, as
lines of JSON. An exception that the documentation does not name ends it.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
from pathlib import Path
from typing import Any

from OpenSSL import SSL

PATIENCE = 2
LOOPBACK = "127.0.0.1"
PROTOCOLS = [b"http/1.1", b"h2"]
QUESTION = b"question"
SIZE = 1 << 16


def describe(failure: SSL.Error) -> str:
    name = type(failure).__name__
    if type(failure) is SSL.Error:
        return f"Error: {', '.join(entry[2] for entry in failure.args[0])}"
    return f"{name}: {failure.args[1]}" if name == "SysCallError" else name


def context(identities: list[list[str]], authority: str) -> SSL.Context:
    made = SSL.Context(SSL.TLS_METHOD)
    made.load_verify_locations(authority)
    made.set_session_id(b"conversations")
    for chain, key in identities:  # of a kind each
        made.use_certificate_chain_file(chain)
        made.use_privatekey_file(key)
    return made


def server_context(identities: list[list[str]], authority: str, strict: bool) -> SSL.Context:
    made = context(identities, authority)
    made.set_alpn_select_callback(choose)
    made.set_tlsext_servername_callback(lambda connection: None)
    if strict:
        made.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    return made


def client_context(authority: str) -> SSL.Context:
    made = context([], authority)
    made.set_verify(SSL.VERIFY_PEER)
    made.set_alpn_protos(PROTOCOLS)
    return made


def choose(connection: SSL.Connection, offered: list[bytes]) -> Any:
    return next((each for each in offered if each in PROTOCOLS), SSL.NO_OVERLAPPING_PROTOCOLS)


def give_up_after(end: socket.socket, seconds: int) -> None:
    timeout = struct.pack("@ll", seconds, 0)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)


def echo(connection: SSL.Connection) -> None:
    while True:
        connection.sendall(connection.recv(SIZE))


def ask(connection: SSL.Connection) -> None:
    connection.sendall(QUESTION)
    received = b""
    while len(received) < len(QUESTION):
        received += connection.recv(len(QUESTION) - len(received))
    assert received == QUESTION, received


def outcome(connection: SSL.Connection, role: str) -> str:
    """The exception with which it ends, as it always does."""
    try:
        connection.do_handshake()
        if role == "client":
            ask(connection)
        echo(connection)
    except SSL.ZeroReturnError:
        try:
            connection.shutdown()
        except SSL.Error as failure:
            return f"ZeroReturnError, {describe(failure)}"
        return "ZeroReturnError"
    except SSL.Error as failure:
        return describe(failure)
    raise AssertionError("an echo ended with no exception")


def hang_up(end: socket.socket) -> None:
    """Close, but not before the peer does: what it sends then has our last words thrown away."""
    try:
        end.shutdown(socket.SHUT_WR)
        end.settimeout(PATIENCE)
        while end.recv(SIZE):
            pass
    except OSError:
        pass
    end.close()


def state() -> dict[str, int]:
    """What this process holds: open descriptors, and mebibytes of memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    size = pages * os.sysconf("SC_PAGE_SIZE")
    return {"descriptors": len(os.listdir("/proc/self/fd")), "memory": size >> 20}


def main(authority: str, identities: list[list[str]]) -> None:
    listeners = {strict: socket.create_server((LOOPBACK, 0)) for strict in (False, True)}
    servers = {strict: server_context(identities, authority, strict) for strict in (False, True)}
    client = client_context(authority)

    def say(what: Any) -> None:
        print(json.dumps(what), flush=True)

    version = SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode()
    say([version, [listener.getsockname()[1] for listener in listeners.values()]])
    for line in sys.stdin:
        command = json.loads(line)
        role = command["role"]
        if role == "state":
            say(state())
            continue
        if role == "server":
            end, _ = listeners[command["strict"]].accept()
            connection = SSL.Connection(servers[command["strict"]], end)
            connection.set_accept_state()
        else:
            end = socket.create_connection((LOOPBACK, command["port"]))
            connection = SSL.Connection(client, end)
            connection.set_connect_state()
            connection.set_tlsext_host_name(b"localhost")
        give_up_after(end, PATIENCE)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        say(outcome(connection, role))
        hang_up(end)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
