"""Sizes and buffers of every kind: each has a defined answer."""

from __future__ import annotations

import mmap
from array import array
from typing import Any, Callable

import pytest
from OpenSSL import SSL
from support.implementation import deviation
from support.tls import CHUNK, Pair, flush

Call = Callable[[Any], Any]

SENDERS = ("send", "write", "sendall")
RECEIVERS = ("recv", "read")


def ready(pair: Pair, data: bytes) -> SSL.Connection:
    """The server of ``pair``, with ``data`` on its way to it."""
    pair.client.sendall(data)
    flush(*pair)
    return pair.server


BYTES = b"eight..."

CONTIGUOUS: dict[str, Any] = {
    "bytes": BYTES,
    "bytearray": bytearray(BYTES),
    "memoryview": memoryview(BYTES),
    "writable memoryview": memoryview(bytearray(BYTES)),
    "slice": memoryview(b"<" + BYTES + b">")[1:-1],
    "array": array("B", BYTES),
}

WIDE: dict[str, Any] = {
    "array of integers": array("I", BYTES),
    "view of integers": memoryview(BYTES).cast("I"),
    "view of two dimensions": memoryview(BYTES).cast("B", (2, 4)),
}


@pytest.mark.parametrize("method", SENDERS)
@pytest.mark.parametrize("buffer", CONTIGUOUS.values(), ids=CONTIGUOUS.keys())
def test_every_buffer_can_be_sent(connected: Pair, method: str, buffer: Any) -> None:
    assert getattr(connected.client, method)(buffer) == len(BYTES)
    flush(*connected)
    assert connected.server.recv(CHUNK) == BYTES


@pytest.mark.parametrize("method", ["send", "write", pytest.param("sendall", marks=deviation)])
@pytest.mark.parametrize("buffer", WIDE.values(), ids=WIDE.keys())
def test_wide_elements_are_sent_whole(connected: Pair, method: str, buffer: Any) -> None:
    assert getattr(connected.client, method)(buffer) == len(BYTES)
    flush(*connected)
    assert connected.server.recv(CHUNK) == BYTES


@pytest.mark.parametrize("buffer", {**CONTIGUOUS, **WIDE}.values(), ids={**CONTIGUOUS, **WIDE})
def test_every_buffer_can_be_written_to_memory(connected: Pair, buffer: Any) -> None:
    assert connected.client.bio_write(buffer) == len(BYTES)


@pytest.mark.parametrize("method", [*SENDERS, "bio_write"])
def test_text_is_sent_with_a_warning(connected: Pair, method: str) -> None:
    send = getattr(connected.client, method)
    with pytest.warns(
        DeprecationWarning, match=r"^str for buf is no longer accepted, use bytes$"
    ) as seen:
        assert send("g\u00e4nse") == 6
    assert [warning.filename for warning in seen] == [__file__]


@pytest.mark.parametrize("method", [*SENDERS, "bio_write"])
@pytest.mark.parametrize("thing", [None, 1, [1, 2], object()])
def test_what_holds_no_bytes_is_refused(connected: Pair, method: str, thing: Any) -> None:
    with pytest.raises(TypeError):
        getattr(connected.client, method)(thing)


@pytest.mark.parametrize("method", [*SENDERS, "bio_write"])
@pytest.mark.parametrize("step", [2, -1])
def test_a_view_with_gaps_is_refused(connected: Pair, method: str, step: int) -> None:
    with pytest.raises(BufferError):
        getattr(connected.client, method)(memoryview(BYTES)[::step])


@pytest.mark.parametrize("method", ["send", "write"])
def test_more_than_an_int_can_count_is_not_sent_at_once(connected: Pair, method: str) -> None:
    pages = mmap.mmap(-1, 2**31)  # which cost no memory until they are read
    with pages, pytest.raises(ValueError, match=r"^Cannot send more than 2\*\*31-1 bytes at once"):
        getattr(connected.client, method)(pages)


@pytest.mark.parametrize("method", [*RECEIVERS, "bio_read"])
def test_a_negative_size_is_refused(connected: Pair, method: str) -> None:
    with pytest.raises(ValueError):
        getattr(ready(connected, BYTES), method)(-1)
    assert connected.server.recv(CHUNK) == BYTES, "and costs no data"


def test_a_negative_number_of_bytes_is_refused(connected: Pair) -> None:
    with pytest.raises(ValueError):
        ready(connected, BYTES).recv_into(bytearray(4), -1)
    with pytest.raises(ValueError):
        connected.server.export_keying_material(b"EXPERIMENTAL", -1)
    assert connected.server.recv(CHUNK) == BYTES


@pytest.mark.parametrize("method", [*RECEIVERS, "bio_read"])
@pytest.mark.parametrize("size", [2**31, 2**32 + 1, 2**63, 2**200])
def test_a_size_out_of_range_is_refused(connected: Pair, method: str, size: int) -> None:
    with pytest.raises(OverflowError):
        getattr(ready(connected, BYTES), method)(size)
    assert connected.server.recv(CHUNK) == BYTES


@pytest.mark.parametrize("method", [*RECEIVERS, "bio_read"])
@pytest.mark.parametrize("size", [1.5, "1", None])
def test_a_size_must_be_an_integer(connected: Pair, method: str, size: Any) -> None:
    with pytest.raises(TypeError):
        getattr(connected.server, method)(size)


def test_a_size_larger_than_the_data_is_fine(connected: Pair) -> None:
    assert ready(connected, BYTES).recv(1 << 24) == BYTES


def test_the_number_of_bytes_is_cut_to_the_buffer(connected: Pair) -> None:
    buffer = bytearray(b"....")
    assert ready(connected, BYTES).recv_into(buffer, 2**70) == 4
    assert buffer == BYTES[:4]
    assert connected.server.recv_into(buffer, 2) == 2
    assert buffer == BYTES[4:6] + BYTES[2:4]


WRITABLE: dict[str, Callable[[], Any]] = {
    "bytearray": lambda: bytearray(8),
    "memoryview": lambda: memoryview(bytearray(8)),
    "slice": lambda: memoryview(bytearray(10))[1:-1],
    "array": lambda: array("B", bytes(8)),
    "view with gaps": lambda: memoryview(bytearray(16))[::2],
    "view backwards": lambda: memoryview(bytearray(8))[::-1],
}


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(make, id=name, marks=deviation if name == "array" else ())
        for name, make in WRITABLE.items()
    ],
)
def test_every_writable_buffer_can_be_filled(connected: Pair, make: Callable[[], Any]) -> None:
    buffer = make()
    assert ready(connected, BYTES).recv_into(buffer) == len(BYTES)
    assert bytes(buffer) == BYTES


def test_a_buffer_is_touched_only_where_data_arrived(connected: Pair) -> None:
    buffer = bytearray(b"." * 12)
    assert ready(connected, BYTES).recv_into(buffer) == len(BYTES)
    assert buffer == BYTES + b"...."


@pytest.mark.parametrize("buffer", [None, 1, "text"])
def test_recv_into_needs_a_buffer(connected: Pair, buffer: Any) -> None:
    with pytest.raises(TypeError):
        ready(connected, BYTES).recv_into(buffer)


# Numbers that C keeps in its own types


@pytest.mark.parametrize(
    "call",
    [
        lambda pair: pair.client.set_ciphertext_mtu(2**70),
        lambda pair: pair.client.set_shutdown(2**40),
        lambda pair: pair.client.set_options(2**64),
        lambda pair: pair.client.set_options(-1),
        lambda pair: pair.client.set_verify(2**40),
        lambda pair: SSL.Context(SSL.TLS_METHOD).set_timeout(2**70),
        lambda pair: SSL.Context(SSL.TLS_METHOD).set_verify_depth(2**31),
        lambda pair: SSL.Context(SSL.TLS_METHOD).set_options(2**64),
        lambda pair: SSL.Context(SSL.TLS_METHOD).set_options(-1),
        lambda pair: SSL.Context(SSL.TLS_METHOD).set_mode(2**64),
        lambda pair: SSL.Context(SSL.TLS_METHOD).set_min_proto_version(2**40),
    ],
)
def test_numbers_out_of_range_overflow(connected: Pair, call: Call) -> None:
    with pytest.raises(OverflowError):
        call(connected)


def test_a_session_id_has_room_for_32_bytes() -> None:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_session_id(b"")
    context.set_session_id(b"x" * 32)
    with pytest.raises(SSL.Error) as failure:
        context.set_session_id(b"x" * 33)
    assert failure.value.args == ([("SSL routines", "", "ssl session id context too long")],)
