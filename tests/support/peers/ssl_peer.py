"""A client and an echo server on the standard library's ssl, to be run as a program."""

from __future__ import annotations

import socket
import ssl
import sys
from typing import NamedTuple

CHUNK = 1 << 16


class Task(NamedTuple):
    """What the arguments say, in their order."""

    port: str
    version: str
    host: str
    authority: str
    payload: str
    chain: str
    key: str
    require: str


def context_for(purpose: ssl.Purpose, task: Task) -> ssl.SSLContext:
    context = ssl.create_default_context(purpose, cafile=task.authority)
    versions = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
    pinned = versions[task.version]
    context.minimum_version = context.maximum_version = pinned
    context.options &= ~(1 << 7)  # OP_IGNORE_UNEXPECTED_EOF, which Python 3.9 sets unasked
    if task.chain:
        context.load_cert_chain(task.chain, task.key)
    return context


def without_delay(raw: socket.socket) -> socket.socket:
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return raw


def run_client(task: Task) -> None:
    context = context_for(ssl.Purpose.SERVER_AUTH, task)
    with open(task.payload, "rb") as file:
        data = file.read()
    raw = without_delay(socket.create_connection(("127.0.0.1", int(task.port))))
    with context.wrap_socket(
        raw, server_hostname=task.host, suppress_ragged_eofs=False
    ) as connection:
        connection.sendall(data)
        while True:
            received = connection.recv(CHUNK)
            if not received:
                break
            sys.stdout.buffer.write(received)
            sys.stdout.buffer.flush()
        connection.unwrap()


def run_server(task: Task) -> None:
    context = context_for(ssl.Purpose.CLIENT_AUTH, task)
    if task.require:
        context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", int(task.port))) as listener:
        raw, _ = listener.accept()
    without_delay(raw)
    with context.wrap_socket(raw, server_side=True, suppress_ragged_eofs=False) as connection:
        while True:
            received = connection.recv(CHUNK)
            if not received:
                break
            connection.sendall(received)
        connection.unwrap()


if __name__ == "__main__":
    {"client": run_client, "server": run_server}[sys.argv[1]](Task(*sys.argv[2:]))
