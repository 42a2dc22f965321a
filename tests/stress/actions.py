"""What a thread does with an end of a link, and whether there is a reason for what it is told."""

from __future__ import annotations

import random
import socket
from collections import Counter
from typing import Any, Callable

from OpenSSL import SSL
from support.callbacks import Planned
from support.tls import CHUNK

from stress import frames
from stress.documented import WAITING, describe, is_documented
from stress.links import Link, Side, Stress

# Frames on the way in one direction: more than fits into a small buffer of the system.
WINDOW = 64
# Of one record.
MOST = 32

QUESTIONS: list[Callable[[SSL.Connection], Any]] = [
    SSL.Connection.get_context,
    SSL.Connection.get_servername,
    SSL.Connection.get_cipher_list,
    SSL.Connection.get_cipher_name,
    SSL.Connection.get_cipher_bits,
    SSL.Connection.get_cipher_version,
    SSL.Connection.get_protocol_version,
    SSL.Connection.get_protocol_version_name,
    SSL.Connection.get_group_name,
    SSL.Connection.get_alpn_proto_negotiated,
    SSL.Connection.get_app_data,
    SSL.Connection.get_certificate,
    SSL.Connection.get_finished,
    SSL.Connection.get_peer_finished,
    SSL.Connection.get_peer_certificate,
    SSL.Connection.get_peer_cert_chain,
    SSL.Connection.get_verified_chain,
    SSL.Connection.get_session,
    SSL.Connection.get_shutdown,
    SSL.Connection.get_state_string,
    SSL.Connection.get_verify_mode,
    SSL.Connection.get_selected_srtp_profile,
    SSL.Connection.client_random,
    SSL.Connection.server_random,
    SSL.Connection.pending,
    SSL.Connection.want_read,
    SSL.Connection.want_write,
    SSL.Connection.renegotiate_pending,
    SSL.Connection.total_renegotiations,
    SSL.Connection.DTLSv1_get_timeout,
    SSL.Connection.get_cleartext_mtu,
    lambda connection: connection.set_options(SSL.OP_NO_COMPRESSION),
    lambda connection: connection.set_verify(
        connection.get_verify_mode(), lambda *call: call[-1] == 1
    ),
    lambda connection: connection.set_info_callback(lambda *_: None),
]

# What OpenSSL 3.0 says in place of a goodbye, while part of a record has not been sent.
NO_GOODBYE = {"Error: bad write retry", "Error: shutdown while in init"}


class Actions:
    """What one thread can do. It counts its calls, and the exceptions that ended a link."""

    def __init__(self, stress: Stress, number: int, chance: random.Random) -> None:
        self.stress = stress
        self.number = number
        self.chance = chance
        self.calls: Counter[str] = Counter()
        self.endings: Counter[str] = Counter()

    def call(self, side: Side, name: str, function: Callable[..., Any], *call: Any) -> Any:
        """Call the library. Returns ``None`` for a call that has to wait, or ends the side."""
        self.calls[name] += 1
        try:
            return function(*call)
        except WAITING as failure:
            assert side.link.kind != "blocking" or side.link.broken, "a blocking call has to wait"
            assert is_documented(failure)
        except SSL.ZeroReturnError:
            assert side.peer.parting or not side.link.healthy, "nobody said goodbye"
            assert name != "handshake" or not side.link.healthy
            self.end(side, "closed")
        except Planned as failure:
            assert failure is side.link.planned, "an exception of somewhere else"
            assert failure.args == (side.connection,), "an exception of another connection"
            self.end(side, "failed")
        except Exception as failure:
            self.judge(side, name, failure)
        return None

    def judge(self, side: Side, name: str, failure: Exception) -> None:
        """Whether there is a reason for this exception."""
        link = side.link
        assert is_documented(failure), f"{name}: {failure!r}"
        self.endings[describe(failure)] += 1
        if name == "send" and side.parting and isinstance(failure, SSL.Error):
            return  # another thread has closed it for writing
        if name == "shutdown" and side.pending is not None and describe(failure) in NO_GOODBYE:
            return
        if link.healthy:
            assert link.wild, f"{name}, {side.role}: {failure!r} on {link}"
            link.crossed = True
        self.end(side, "failed")

    def end(self, side: Side, how: str) -> None:
        """This side will not go on."""
        if how == "closed" and not side.goodbye:
            side.parting = True
            if self.call(side, "shutdown", side.connection.shutdown) is not None:
                side.goodbye = True
        if side.over:
            return
        side.over = how
        if how == "failed":
            self.carry(side.link)
            side.link.break_up()

    def shake(self, side: Side) -> None:
        link = side.link
        if link.kind == "blocking" and not self.stress.waiters.acquire(blocking=False):
            return
        try:
            self.call(side, "handshake", self.finish_handshake, side)
        finally:
            if link.kind == "blocking":
                self.stress.waiters.release()
        self.carry(link)

    def finish_handshake(self, side: Side) -> None:
        side.connection.do_handshake()
        side.shaken = True

    def carry(self, link: Link) -> None:
        """Move bytes between ends in memory, some of them."""
        if link.kind != "memory" or link.broken:
            return
        for role, side in link.sides.items():
            with link.pipes[role]:
                try:
                    data = side.connection.bio_read(self.chance.choice([1, 100, CHUNK, CHUNK]))
                except SSL.WantReadError:
                    continue
                written = side.peer.connection.bio_write(data)
                assert written == len(data)

    def send(self, side: Side) -> None:
        link, account = side.link, side.account
        outstanding = account.frames_sent - account.frames_received
        if outstanding > WINDOW or side.parting:
            return
        count = self.chance.randint(1, MOST)
        if self.stress.places == 1 and link.kind != "memory":
            count *= self.chance.choice([1, 3])
        if link.kind == "not blocking":
            if side.turn.acquire(blocking=False):
                try:
                    if side.pending is None:
                        side.pending = self.number, memoryview(account.begin(self.number, count))
                    self.send_pending(side)
                finally:
                    side.turn.release()
            return
        if link.kind == "blocking" and not self.stress.waiters.acquire(blocking=False):
            return
        try:
            data = account.begin(self.number, count)
            size = self.call(side, "send", side.connection.sendall, data)
            if size is None:
                if link.healthy and not link.crossed:
                    account.not_sent(self.number)
                return
            assert size == len(data)
            account.sent(self.number)
        finally:
            if link.kind == "blocking":
                self.stress.waiters.release()

    def send_pending(self, side: Side) -> None:
        """Send what is to be sent next, on a socket that may not take it all."""
        assert side.pending is not None
        writer, data = side.pending
        if self.chance.random() < 0.5:
            sent = self.call(side, "send", side.connection.send, data) or 0
        else:
            sent = self.call(side, "send", self.send_all, side.connection, data) or 0
        if sent == len(data):
            side.account.sent(writer)
            side.pending = None
        else:
            side.pending = writer, data[sent:]

    def send_all(self, connection: SSL.Connection, data: memoryview) -> int:
        """How many bytes ``sendall`` has sent when it returns, or has to wait."""
        try:
            return connection.sendall(data)
        except SSL.WantWriteError as waiting:
            sent: int = waiting.bytes_sent  # type: ignore[attr-defined]
            return sent

    def receive(self, side: Side) -> None:
        link, account = side.link, side.peer.account
        if link.kind != "blocking" or side.peer.goodbye:
            if self.stress.places == 1:
                self.read(side, self.chance.choice([1, 500, 5000, CHUNK]))
            else:
                self.read(side, frames.SIZE * self.chance.randint(1, MOST))
            return
        with link.lock:
            there = account.frames_sent > side.reserved
            if not there and self.chance.random() > 0.05:
                return
            if not there and not self.stress.waiters.acquire(blocking=False):
                return
            side.reserved += 1
        try:
            self.read(side, frames.SIZE)
        finally:
            if not there:
                self.stress.waiters.release()

    def read(self, side: Side, size: int) -> None:
        if self.chance.random() < 0.5:
            data = self.call(side, "recv", side.connection.recv, size)
        else:
            buffer = bytearray(size)
            count = self.call(side, "recv_into", side.connection.recv_into, buffer)
            data = None if count is None else bytes(buffer[:count])
        if data is not None:
            assert 0 < len(data) <= size
            reader = 0 if self.stress.places == 1 else self.number
            if self.stress.places > 1:
                assert len(data) % frames.SIZE == 0, "a frame was torn"
            side.peer.account.received(reader, data)

    def peek(self, side: Side) -> None:
        if side.link.kind == "blocking":
            return
        self.call(side, "peek", side.connection.recv, frames.SIZE, socket.MSG_PEEK)

    def ask(self, side: Side) -> None:
        for question in self.chance.sample(QUESTIONS, 3):
            self.calls["questions"] += 1
            try:
                question(side.connection)
            except Exception as failure:
                raise AssertionError(f"{question} on {side.link}") from failure
        # These have no answer before a ticket has come, and between handshakes.
        for secret in (
            side.connection.master_key,
            lambda: side.connection.export_keying_material(b"EXPORTER-threads", 32),
        ):
            try:
                secret()
            except SSL.Error as failure:
                assert is_documented(failure)

    def switch(self, side: Side) -> None:
        if side.role == "server":
            self.calls["set_context"] += 1
            others = self.stress.alternatives[side.link.tls_1_2]
            side.connection.set_context(self.chance.choice(others))

    def disturb(self, side: Side) -> None:
        """Begin another handshake while data are on their way."""
        if side.link.wild and side.link.kind != "blocking" and not side.parting:
            self.call(side, "renegotiate", side.connection.renegotiate)
            self.call(side, "handshake", side.connection.do_handshake)

    def wind_up(self, side: Side) -> None:
        """Finish what was begun, say goodbye, and listen until the peer has said it, too."""
        self.carry(side.link)
        if not side.goodbye:
            with side.turn:
                if side.pending is not None:
                    self.send_pending(side)
                elif not side.over and not side.goodbye:
                    side.parting = True
                    if self.call(side, "shutdown", side.connection.shutdown) is not None:
                        side.goodbye = True
                    self.carry(side.link)
        if not side.over:
            self.receive(side)

    def renegotiate(self, link: Link) -> None:
        """Another handshake, with nothing else going on."""
        sides = link.sides.values()
        if not all(side.shaken and not side.over and not side.parting for side in sides):
            return
        for _ in range(1000):
            for side in sides:
                if side.pending is not None:
                    self.send_pending(side)
                self.read_what_is_there(side)
            self.carry(link)
            outstanding = sum(s.account.frames_sent - s.account.frames_received for s in sides)
            if (
                not link.healthy
                or link.crossed
                or (not outstanding and all(side.pending is None for side in sides))
            ):
                break
        else:
            numbers = [(s.account.frames_sent, s.account.frames_received) for s in sides]
            raise AssertionError(f"what was sent does not arrive: {link} {numbers}")
        if not link.healthy or link.wild or any(side.over for side in sides):
            return
        begins = link.sides[self.chance.choice(["client", "server"])]
        if begins.connection.renegotiate_pending():
            return
        before = begins.connection.total_renegotiations()
        self.call(begins, "renegotiate", begins.connection.renegotiate)
        for _ in range(1000):
            for side in sides:
                self.call(side, "handshake", side.connection.do_handshake)
                self.read_what_is_there(side)
                self.carry(link)
            if any(side.over for side in sides) or not link.healthy:
                return
            done = begins.connection.total_renegotiations() > before
            if done and not any(side.connection.renegotiate_pending() for side in sides):
                self.calls["renegotiations done"] += 1
                return
        states = [side.connection.get_state_string() for side in sides]
        raise AssertionError(f"a renegotiation by the {begins.role} does not end: {link} {states}")

    def read_what_is_there(self, side: Side) -> None:
        while not side.over:
            before = side.peer.account.frames_received
            self.read(side, CHUNK - CHUNK % frames.SIZE)
            if side.peer.account.frames_received == before:
                return
