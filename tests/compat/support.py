"""What cases need: the files in `data/`, contexts, and pairs of connections."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from observe import describer
from OpenSSL import SSL, crypto

DATA = Path(__file__).parent / "data"
PASSPHRASE = b"correct horse"

#: How to pin a version: the method and the version, for `@each`.
TLS12 = (SSL.TLS_METHOD, SSL.TLS1_2_VERSION)
TLS13 = (SSL.TLS_METHOD, SSL.TLS1_3_VERSION)
DTLS12 = (SSL.DTLS_METHOD, None)
TLS_VERSIONS = {"TLS 1.2": TLS12, "TLS 1.3": TLS13}
VERSIONS = {**TLS_VERSIONS, "DTLS 1.2": DTLS12}

Version = Any


def path(name: str) -> str:
    """The path of a file in `data/`. It differs from machine to machine."""
    return str(DATA / name)


def read(name: str) -> bytes:
    return (DATA / name).read_bytes()


def certificate(name: str) -> crypto.X509:
    """`data/<name>.pem` as an X509."""
    return crypto.load_certificate(crypto.FILETYPE_PEM, read(f"{name}.pem"))


def private_key(name: str) -> crypto.PKey:
    """`data/<name>.key` as a PKey."""
    return crypto.load_privatekey(crypto.FILETYPE_PEM, read(f"{name}.key"))


def context(version: Version = TLS13) -> SSL.Context:
    """A context of one version, without any certificate."""
    method, number = version
    ctx = SSL.Context(method)
    if number is not None:
        ctx.set_min_proto_version(number)
        ctx.set_max_proto_version(number)
    return ctx


def server_context(version: Version = TLS13, name: str = "server") -> SSL.Context:
    """A context with `data/<name>.pem` and its key."""
    ctx = context(version)
    ctx.use_certificate_file(path(f"{name}.pem"))
    ctx.use_privatekey_file(path("server.key" if name in ("leaf", "expired") else f"{name}.key"))
    return ctx


def client_context(version: Version = TLS13, trust: str | None = "ca") -> SSL.Context:
    """A context that trusts `data/<trust>.pem`; with None it does not verify."""
    ctx = context(version)
    if trust is not None:
        ctx.load_verify_locations(path(f"{trust}.pem"))
        ctx.set_verify(SSL.VERIFY_PEER)
    return ctx


class Pair:
    """A client and a server that talk through their memory BIOs."""

    def __init__(self, client: SSL.Connection, server: SSL.Connection) -> None:
        self.client = client
        self.server = server
        client.set_connect_state()
        server.set_accept_state()

    def __iter__(self) -> Iterator[SSL.Connection]:
        return iter((self.client, self.server))

    def move(self) -> int:
        """Carry what each end has to say to the other end; how many bytes it was."""
        return carry(self.client, self.server) + carry(self.server, self.client)

    def handshake(self) -> None:
        """Run both handshakes to their end. The first failure of either is raised."""
        done = {self.client: False, self.server: False}
        for _ in range(50):
            for end in done:
                if not done[end]:
                    done[end] = stepped(end)
            if not self.move() and all(done.values()):
                return
        raise AssertionError("the handshake does not end")


def carry(source: SSL.Connection, target: SSL.Connection) -> int:
    """Move what `source` wrote to `target`; how many bytes."""
    moved = 0
    while True:
        try:
            data = source.bio_read(65536)
        except SSL.WantReadError:
            return moved
        target.bio_write(data)
        moved += len(data)


def stepped(end: SSL.Connection) -> bool:
    """One step of a handshake: whether it is over."""
    try:
        end.do_handshake()
    except SSL.WantReadError:
        return False
    return True


def memory_pair(
    o: Any,
    server: SSL.Context | None = None,
    client: SSL.Context | None = None,
    version: Version = TLS13,
    handshake: bool = True,
) -> Pair:
    """A pair of connections over memory BIOs, shown as `<client>` and `<server>`."""
    pair = Pair(
        SSL.Connection(client or client_context(version)),
        SSL.Connection(server or server_context(version)),
    )
    o.name("client", pair.client)
    o.name("server", pair.server)
    if handshake:
        pair.handshake()
    return pair


def failing_handshake(o: Any, pair: Pair, rounds: int = 20) -> None:
    """Run a handshake and record how it ended, as `client` and `server`."""
    ends = {"client": pair.client, "server": pair.server}
    for _ in range(rounds):
        for name, end in list(ends.items()):
            try:
                end.do_handshake()
            except SSL.WantReadError:
                continue
            except BaseException as exc:
                o.caught(name, exc)
                del ends[name]
            else:
                o.see(name, "handshake done")
                del ends[name]
        pair.move()
        if not ends:
            return
    for name in ends:
        o.see(name, "handshake waits")


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A TCP listener on loopback."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        yield listener


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected blocking TCP sockets: the client's and the server's."""
    with listening() as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    return near, far


@contextmanager
def background(function: Callable[..., Any], *args: Any) -> Iterator[list[Any]]:
    """Run a function in a thread meanwhile.

    Once it is over, the list holds what it returned, or the exception it raised.
    """
    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome.append(function(*args))
        except BaseException as exc:
            outcome.append(exc)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield outcome
    thread.join()


def socket_pair(
    o: Any,
    server: SSL.Context | None = None,
    client: SSL.Context | None = None,
    version: Version = TLS13,
    tcp: bool = False,
) -> Pair:
    """A pair over blocking sockets, handshake done; `<client>` and `<server>`."""
    near, far = tcp_pair() if tcp else socket.socketpair()
    pair = Pair(
        SSL.Connection(client or client_context(version), near),
        SSL.Connection(server or server_context(version), far),
    )
    o.name("client", pair.client)
    o.name("server", pair.server)
    with background(pair.server.do_handshake):
        pair.client.do_handshake()
    return pair


_KNOWN = {
    crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate(file.stem)): file.stem
    for file in sorted(DATA.glob("*.pem"))
    if file.stem not in ("dh", "chain", "authorities")
}


@describer
def _certificate_name(value: Any) -> str | None:
    """Certificates are shown by the name of their file."""
    if isinstance(value, crypto.X509):
        return _KNOWN.get(crypto.dump_certificate(crypto.FILETYPE_ASN1, value), "unknown")
    if hasattr(value, "public_bytes") and hasattr(value, "issuer"):
        return _KNOWN.get(
            crypto.dump_certificate(crypto.FILETYPE_ASN1, crypto.X509.from_cryptography(value)),
            "unknown",
        )
    if isinstance(value, crypto.X509Name):
        return repr(value.der())
    return None
