"""Every callback that runs in a handshake, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

from OpenSSL import SSL

from support.certificates import Identity
from support.tls import Pair, pair_in_memory

SERVER_NAME = b"localhost"
PROTOCOL = b"h2"
STAPLE = bytes.fromhex("30030a0103")  # the shortest OCSP response: try later

Function = Callable[..., Any]


@dataclass(frozen=True)
class Callback:
    """Whose handshake runs it, how it is set on a context, and an answer that lets it go on."""

    role: str
    install: Callable[[SSL.Context, Function], Any]
    answer: Any


def _verify_server(context: SSL.Context, function: Function) -> None:
    context.set_verify(SSL.VERIFY_PEER, function)


def _verify_client(context: SSL.Context, function: Function) -> None:
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, function)


# Those that can refuse: a handshake fails when one of them fails.
DECIDING: dict[str, Callback] = {
    "server name": Callback("server", SSL.Context.set_tlsext_servername_callback, None),
    "ALPN": Callback("server", SSL.Context.set_alpn_select_callback, PROTOCOL),
    "OCSP of the server": Callback("server", SSL.Context.set_ocsp_server_callback, STAPLE),
    "verify the server": Callback("client", _verify_server, True),
    "OCSP of the client": Callback("client", SSL.Context.set_ocsp_client_callback, True),
    "verify the client": Callback("server", _verify_client, True),
}

# Those that only watch.
WATCHING: dict[str, Callback] = {
    "info of the client": Callback("client", SSL.Context.set_info_callback, None),
    "info of the server": Callback("server", SSL.Context.set_info_callback, None),
    "key log of the client": Callback("client", SSL.Context.set_keylog_callback, None),
    "key log of the server": Callback("server", SSL.Context.set_keylog_callback, None),
}

ALL = {**DECIDING, **WATCHING}


class Planned(Exception):
    """What a callback raises on purpose."""


class Recorder:
    """A callback that keeps what it is called with, and answers the same each time."""

    def __init__(self, answer: Any = True) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._answer = answer

    def __call__(self, *call: Any) -> Any:
        self.calls.append(call)
        return self._answer


def eager_pair(
    client_context: SSL.Context,
    server_context: SSL.Context,
    client_identity: Identity | None = None,
) -> Pair:
    """A pair whose client asks for, and offers, everything that a callback could answer."""
    if client_identity is not None:
        client_identity.install(client_context)
    client_context.set_alpn_protos([PROTOCOL, b"http/1.1"])
    pair = pair_in_memory(client_context, server_context)
    pair.client.set_tlsext_host_name(SERVER_NAME)
    pair.client.request_ocsp()
    return pair
