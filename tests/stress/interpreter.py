"""Runs a made-up program, step by step: whatever it does, its exceptions are Python's own."""

from __future__ import annotations

import datetime
import gc
import os
import socket
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, Callable

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from OpenSSL import SSL, crypto
from support.callbacks import Planned
from support.certificates import Authority, rsa_key
from support.implementation import error_queue_is_empty
from support.tls import Pair, drain, negotiate, pin_version

from stress.steps import CLASSES, FUNCTIONS, METHODS, Does, Given, Some, Step, parameters

# What a function returns when it is called.
ANSWERS: tuple[Any, ...] = (
    True,
    False,
    None,
    0,
    1,
    -1,
    1 << 70,
    b"",
    b"h2",
    b"x" * 300,
    "text",
    0.5,
    [],
    object(),
)
# No key so large that it takes long to make.
BITS = (-(1 << 40), -1, 0, 1, 384, 512, 1024, 1 << 20, 1 << 31, 1 << 64)


class Workshop:
    """What programs find prepared; made once, in the parent."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = Authority(directory, "authority")
        self.identity = self.authority.issue("localhost")
        self.rsa = rsa_key()
        self.rsa_pem = self.rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def context(self, version: int | None = None, method: int = SSL.TLS_METHOD) -> SSL.Context:
        context = pin_version(SSL.Context(method), version)
        context.load_verify_locations(self.authority.file)
        self.identity.install(context)
        context.set_session_id(b"calls")
        return context

    def given(self, name: str) -> Any:
        self.kept = Descriptors()
        return GIVEN[name](self)


class Descriptors:
    """Sockets and pipes, new for each thing that is asked for."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()
        for end in (self.near, self.far):
            end.setblocking(False)
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)
        self.closed = os.dup(self.reading)
        os.close(self.closed)
        self.shut = socket.socket()
        self.shut.close()


def circle() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


# What a `Given` stands for, by its name.
GIVEN: dict[str, Callable[[Workshop], Any]] = {
    "certificate of cryptography": lambda workshop: workshop.identity.certificate,
    "key of cryptography": lambda workshop: workshop.identity.key,
    "curve of cryptography": lambda _: ec.SECP384R1(),
    "list of cryptography": lambda workshop: workshop.identity.certificate,
    "file with a chain": lambda workshop: str(workshop.identity.chain_file),
    "file with a key": lambda workshop: workshop.identity.key_file,
    "file with authorities": lambda workshop: os.fsencode(workshop.authority.file),
    "file that is missing": lambda workshop: workshop.directory / "missing",
    "directory": lambda workshop: str(workshop.directory),
    "PEM of a certificate": lambda workshop: workshop.identity.chain_file.read_bytes(),
    "PEM of a key": lambda workshop: workshop.rsa_pem,
    "DER of a certificate": lambda workshop: bytearray(workshop.identity.der),
    "socket": lambda workshop: workshop.kept.near,
    "pipe": lambda workshop: workshop.kept.reading,
    "descriptor": lambda workshop: workshop.kept.far.fileno(),
    "closed descriptor": lambda workshop: workshop.kept.closed,
    "closed socket": lambda workshop: workshop.kept.shut,
    "writable": lambda _: bytearray(100),
    "writable, with gaps": lambda _: memoryview(bytearray(100))[::2],
    "list with itself": lambda _: circle(),
    "long bytes": lambda _: bytes(40_000),
    "curve": lambda _: crypto.get_elliptic_curve("prime256v1"),
    "time": lambda _: datetime.datetime(2030, 1, 1),
}


class Interpreter:
    """Runs the steps of one program, and keeps what they make."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.objects: dict[str, list[Any]] = {name: [] for name in CLASSES}
        self.counts: Counter[str] = Counter()
        self.allowed: list[BaseException] = []
        self.kept: list[Any] = []
        self.makers: dict[str, list[Callable[[], Any]]] = {
            "Context": [
                workshop.context,
                lambda: workshop.context(SSL.TLS1_2_VERSION),
                lambda: workshop.context(method=SSL.DTLS_METHOD),
                lambda: SSL.Context(SSL.TLS_METHOD),
            ],
            "Connection": [
                lambda: self.pair(True, None)[0],
                lambda: self.pair(True, SSL.TLS1_2_VERSION)[1],
                lambda: self.pair(False, None)[0],
                lambda: self.pair(False, None)[1],
                lambda: SSL.Connection.__new__(SSL.Connection),
            ],
            "Session": [
                lambda: self.pair(True, None)[0].get_session(),
                lambda: SSL.Session.__new__(SSL.Session),
            ],
            "X509": [
                lambda: crypto.X509.from_cryptography(workshop.identity.certificate),
                lambda: crypto.X509.from_cryptography(workshop.authority.certificate),
                crypto.X509,
            ],
            "X509Name": [
                lambda: crypto.X509().get_subject(),
                lambda: crypto.X509.from_cryptography(workshop.identity.certificate).get_issuer(),
            ],
            "X509Store": [self.store, crypto.X509Store],
            "X509StoreContext": [
                lambda: crypto.X509StoreContext(self.store(), self.one("X509", 0)),
            ],
            "PKey": [
                lambda: crypto.PKey.from_cryptography_key(workshop.identity.key),
                lambda: crypto.PKey.from_cryptography_key(workshop.rsa),
                lambda: crypto.PKey.from_cryptography_key(workshop.rsa.public_key()),
                crypto.PKey,
            ],
        }

    def store(self) -> crypto.X509Store:
        store = crypto.X509Store()
        store.add_cert(crypto.X509.from_cryptography(self.workshop.authority.certificate))
        return store

    def pair(self, shake: bool, version: int | None) -> tuple[SSL.Connection, SSL.Connection]:
        client = SSL.Connection(self.workshop.context(version))
        client.set_connect_state()
        server = SSL.Connection(self.workshop.context(version))
        server.set_accept_state()
        if shake:
            self.move(client, server)
            server.send(b"a word")
            client.bio_write(drain(server))
            client.recv(3)
        self.objects["Connection"] += [client, server]
        return client, server

    def converse(self, version: int | None, *setters: list[Any]) -> None:
        contexts = [self.workshop.context(version) for _ in range(2)]
        contexts[0].set_alpn_protos([b"h2"])
        for setter, function in setters:
            for context in contexts:
                mode = [SSL.VERIFY_PEER] if setter == "set_verify" else []
                getattr(context, setter)(*mode, function)
        client, server = (SSL.Connection(context) for context in contexts)
        client.set_connect_state()
        client.set_tlsext_host_name(b"localhost")
        client.request_ocsp()
        server.set_accept_state()
        self.objects["Connection"] += [client, server]
        self.move(client, server)

    def move(self, one: SSL.Connection, other: SSL.Connection) -> None:
        negotiate(Pair(one, other))

    # Values.

    def one(self, kind: str, number: int) -> Any:
        """An object that was made, or a new one of those there are to begin with."""
        made, makers = self.objects[kind], self.makers[kind]
        index = number % (len(made) + len(makers))
        if index < len(made):
            return made[index]
        thing = makers[index - len(made)]()
        if thing is not None:
            made.append(thing)
        return thing

    def value(self, value: Any) -> Any:
        if isinstance(value, Some):
            return self.one(value.kind, value.number)
        if isinstance(value, Given):
            thing = self.workshop.given(value.name)
            self.kept.append(self.workshop.kept)
            return thing
        if isinstance(value, Does):
            return self.function(value)
        if isinstance(value, list):
            return [self.value(each) for each in value]
        return value

    def function(self, does: Does) -> Callable[..., Any]:
        answer = ANSWERS[does.number % len(ANSWERS)]

        def act(*call: Any) -> Any:
            self.counts["callbacks"] += 1
            connection = next((each for each in call if isinstance(each, SSL.Connection)), None)
            if does.what in ("raises", "interrupts", "exits"):
                kinds = {"raises": Planned, "interrupts": KeyboardInterrupt, "exits": SystemExit}
                self.allowed.append(kinds[does.what](does.number))
                raise self.allowed[-1]
            if does.what == "calls back" and connection is not None:
                name = METHODS["Connection"][does.number % len(METHODS["Connection"])]
                names = parameters(getattr(SSL.Connection, name), bound=True)
                getattr(connection, name)(*(b"h2" if each == "buf" else 3 for each in names))
            elif does.what == "collects":
                gc.collect()
            elif does.what == "switches" and connection is not None:
                connection.set_context(self.one("Context", does.number))
            elif does.what == "forgets":
                for made in self.objects.values():
                    made.clear()
            return answer

        return act

    # Steps.

    def run(self, steps: list[Step]) -> dict[str, int]:
        """Run all of them. Standard output leads nowhere from then on: a step may write into it."""
        quiet = os.open(os.devnull, os.O_RDWR)
        os.dup2(quiet, 0)
        os.dup2(quiet, 1)
        warnings.simplefilter("ignore")
        unraisable: list[BaseException | None] = []
        sys.unraisablehook = lambda event: unraisable.append(event.exc_value)
        sys.excepthook = lambda kind, value, trace: unraisable.append(value)
        for step in steps:
            name = step.what
            if step.target is not None and step.what == "method":
                name = f"{step.target.kind}.{step.name}"
            try:
                result = self.step(step)
            except BaseException as failure:
                self.check(failure)
                self.counts[f"raised: {name}"] += 1
            else:
                self.counts[f"returned: {name}"] += 1
                self.keep(result)
            assert error_queue_is_empty(), "something is left in the error queue"
        for raised in unraisable:
            if raised is not None:
                self.check(raised)
        self.objects.clear()
        gc.collect()
        return dict(self.counts)

    def check(self, failure: BaseException) -> None:
        """An exception of Python's, and no panic, nor a complaint of the interpreter's."""
        if isinstance(failure, Exception):
            assert not isinstance(failure, SystemError), repr(failure)
        else:
            assert any(failure is each for each in self.allowed), repr(failure)

    def keep(self, result: Any) -> None:
        for thing in result if isinstance(result, (list, tuple)) else [result]:
            name = type(thing).__name__
            if name in self.objects and len(self.objects[name]) < 20:
                self.objects[name].append(thing)

    def step(self, step: Step) -> Any:
        arguments = [self.value(each) for each in step.arguments]
        if step.what == "new":
            return CLASSES[step.name](*arguments)
        if step.what == "function":
            return FUNCTIONS[step.name](*arguments)
        if step.what == "conversation":
            return self.converse(*arguments)
        assert step.target is not None
        target = self.value(step.target)
        if step.what == "method":
            if step.name == "generate_key" and len(arguments) > 1:
                arguments[1] = bits(arguments[1])
            return getattr(target, step.name)(*arguments)
        if step.what == "join":
            return self.move(target, arguments[0])
        if step.what == "attribute":
            setattr(target, step.name, arguments[0])
            got = getattr(target, step.name)
            delattr(target, step.name)
            return got
        self.objects[step.target.kind] = [
            each for each in self.objects[step.target.kind] if each is not target
        ]
        return None


def bits(value: Any) -> Any:
    """Large keys are not what takes the time here."""
    return BITS[hash(value) % len(BITS)] if isinstance(value, int) else value
