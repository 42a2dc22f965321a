"""Memory over many handshakes: it grows at first, while caches fill, and then no more."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL
from support import child
from support.callbacks import ALL, Callback
from support.implementation import deviation
from support.memory import MEBIBYTE, PURGES_AT_ONCE, resident
from support.tls import (
    CHUNK,
    Contexts,
    Pair,
    contexts_of,
    drain,
    flush,
    handshake,
    negotiate,
    pair_in_memory,
)

HANDSHAKES = 12_000
# By then the heap of a Python without a GIL has got as large as it gets, too.
WARM_UP = 4_000


def contexts_with_every_callback(
    ca_file: str, chain_file: str, key_file: str, calls: dict[str, int]
) -> Contexts:
    contexts = contexts_of(ca_file, chain_file, key_file)
    contexts["client"].set_alpn_protos([b"h2", b"http/1.1"])
    for name, callback in ALL.items():

        def answer(*_: Any, name: str = name, callback: Callback = callback) -> Any:
            calls[name] = calls.get(name, 0) + 1
            return callback.answer

        callback.install(contexts[callback.role], answer)
    return contexts


def connect(contexts: Contexts, number: int) -> Pair:
    """One handshake, in turn complete, closed, refused or dropped halfway."""
    pair = pair_in_memory(contexts["client"], contexts["server"])
    pair.client.set_tlsext_host_name(b"localhost")
    pair.client.request_ocsp()
    pair.client.set_app_data(pair)
    pair.server.set_app_data(pair)
    kind = number % 10
    if kind == 0:
        pair.client.set_verify(SSL.VERIFY_PEER, lambda *_: False)
        negotiate(pair)
    elif kind == 1:
        try:
            pair.client.do_handshake()
        except SSL.WantReadError:
            drain(pair.client)
    else:
        handshake(pair)
        pair.client.send(b"question")
        flush(*pair)
        pair.server.recv(CHUNK)
        pair.client.get_session()
        pair.client.get_peer_certificate()
        pair.client.get_verified_chain()
        pair.client.get_cipher_list()
        pair.client.export_keying_material(b"EXPERIMENTAL", 32)
        if kind > 5:
            pair.client.shutdown()
            flush(*pair)
    return pair


def shake_hands_many_times(ca_file: str, chain_file: str, key_file: str) -> dict[str, int]:
    calls: dict[str, int] = {}
    contexts = contexts_with_every_callback(ca_file, chain_file, key_file, calls)
    kinds = (SSL.Connection, SSL.Context, SSL.Session)
    warm = 0
    for number in range(HANDSHAKES):
        if number % 1000 == 0:  # or else what waits for the collector is what is measured
            gc.collect()
        if number == WARM_UP:
            warm = resident()
        connect(contexts, number)
    gc.collect()
    growth = resident() - warm
    assert set(calls) == set(ALL), "every callback ran"
    alive = sum(isinstance(each, kinds) for each in gc.get_objects())
    return {"growth": growth, "alive": alive - len(contexts)}


@deviation
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="memory cannot be measured")
def test_handshakes_with_every_callback_leave_nothing_behind(files: tuple[Path, ...]) -> None:
    result = child.run(shake_hands_many_times, *files, timeout=110, environment=PURGES_AT_ONCE)
    assert result["alive"] == 0
    assert result["growth"] <= MEBIBYTE


def repeat(what: str, ca_file: str, chain_file: str, key_file: str) -> int:
    """The growth of memory over many repetitions of one thing."""
    contexts = contexts_with_every_callback(ca_file, chain_file, key_file, {})
    pair = handshake(eager(contexts))

    def fail(call: Any) -> None:
        try:
            call()
        except (SSL.Error, ValueError):
            return
        raise AssertionError("it was expected to fail")

    def new() -> SSL.Connection:
        return SSL.Connection(contexts["client"])

    def context() -> None:
        contexts_with_every_callback(ca_file, chain_file, key_file, {}).clear()

    def store_of_its_own() -> None:
        os.utime(ca_file)  # so that what it holds is read again
        used = SSL.Context(SSL.TLS_METHOD)
        used.load_verify_locations(ca_file)
        SSL.Connection(used)
        used.get_cert_store()

    things = {
        "contexts": (context, 400),
        "connections": (new, 20_000),
        "sessions": (lambda: new().set_session(pair.client.get_session()), 10_000),
        "certificates": (lambda: pair.client.get_peer_cert_chain(), 20_000),
        "stores": (lambda: contexts["client"].get_cert_store(), 20_000),
        "stores of their own": (store_of_its_own, 400),
        "errors": (lambda: fail(lambda: SSL.Context(7).set_cipher_list(b"none")), 2_000),
        "waiting": (lambda: fail(lambda: pair.client.recv(CHUNK)), 50_000),
    }
    act, times = things[what]
    for _ in range(times):
        act()
    gc.collect()
    before = resident()
    for _ in range(2 * times):
        act()
    gc.collect()
    return resident() - before


def eager(contexts: Contexts) -> Pair:
    pair = pair_in_memory(contexts["client"], contexts["server"])
    pair.client.request_ocsp()
    return pair


@deviation
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="memory cannot be measured")
@pytest.mark.parametrize(
    "what",
    [
        "contexts",
        "connections",
        "sessions",
        "certificates",
        "stores",
        "stores of their own",
        "errors",
        "waiting",
    ],
)
def test_nothing_is_left_behind_of(what: str, files: tuple[Path, ...]) -> None:
    growth = child.run(repeat, what, *files, timeout=110, environment=PURGES_AT_ONCE)
    assert growth <= MEBIBYTE
