"""Any method of any class, with any arguments, in any order: exceptions, but never a crash.

A state machine of hypothesis makes up programs; each runs in a forked process of its own. A program
that ends its process, or goes on for ever, is a failure, which hypothesis makes as short as it can.
"""

from __future__ import annotations

import datetime
import faulthandler
import gc
import inspect
import json
import os
import signal
import socket
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import hypothesis
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from OpenSSL import SSL, crypto
from support.certificates import Authority, rsa_key
from support.implementation import error_queue_is_empty
from support.tls import drain, negotiate

from stress.program import Program

# A program is over in a moment; a key of 1024 bits takes a few.
PATIENCE = 60

CLASSES: dict[str, type[Any]] = {
    "Context": SSL.Context,
    "Connection": SSL.Connection,
    "Session": SSL.Session,
    "X509": crypto.X509,
    "X509Name": crypto.X509Name,
    "X509Store": crypto.X509Store,
    "X509StoreContext": crypto.X509StoreContext,
    "PKey": crypto.PKey,
}

SPECIAL = ("__init__", "__repr__", "__copy__", "__eq__", "__lt__", "__hash__", "__getattr__")
METHODS: dict[str, list[str]] = {
    name: [
        each
        for each in dir(kind)
        if callable(getattr(kind, each, None)) and (each in SPECIAL or not each.startswith("__"))
    ]
    for name, kind in CLASSES.items()
}


def add_randomness(buffer: bytes, entropy: int) -> None:
    from OpenSSL import rand  # whose import warns

    rand.add(buffer, entropy)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "load_certificate": crypto.load_certificate,
    "dump_certificate": crypto.dump_certificate,
    "load_privatekey": crypto.load_privatekey,
    "dump_privatekey": crypto._dump_privatekey_internal,
    "load_publickey": crypto.load_publickey,
    "dump_publickey": crypto.dump_publickey,
    "get_elliptic_curve": crypto.get_elliptic_curve,
    "rand.add": add_randomness,
    "OpenSSL_version": SSL.OpenSSL_version,
}


# What arguments are made of. A program has to be printed, and made again in the child.


@dataclass(frozen=True)
class Some:
    """An object of a class: one that was made before, or one of those there are to begin with."""

    kind: str
    number: int


@dataclass(frozen=True)
class Given:
    """Something that was prepared, by its name."""

    name: str


@dataclass(frozen=True)
class Does:
    """A function, by what it does when it is called."""

    what: str
    number: int = 0


@dataclass(frozen=True)
class Step:
    what: str
    name: str
    target: Some | None
    arguments: tuple[Any, ...]


DEEDS = (
    "returns",
    "raises",
    "interrupts",
    "exits",
    "calls back",
    "collects",
    "switches",
    "forgets",
)
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
NUMBERS = (-(1 << 70), -(1 << 31), -1, 0, 1, 2, 3, 5, 17, 255, 256, 4096, 65_536)
NUMBERS_LARGE = ((1 << 31) - 1, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, 1 << 64, 1 << 200)
BYTES = (
    b"",
    b"\x00",
    b"h2",
    b"localhost",
    b"TLS_AES_128_GCM_SHA256",
    b"ECDHE-ECDSA-AES128-GCM-SHA256",
    b"DEFAULT:@SECLEVEL=0",
    b"SRTP_AES128_CM_SHA1_80",
    b"20300101000000Z",
    b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03",
    b"\x15\x03\x03\x00\x02\x02\x28",
)
TEXTS = ("", "\x00", "sha256", "md5", "nonsense", "aes-256-cbc", "prime256v1", "\ud800", "CN")
GIVEN = (
    "certificate of cryptography",
    "key of cryptography",
    "curve of cryptography",
    "list of cryptography",
    "file with a chain",
    "file with a key",
    "file with authorities",
    "file that is missing",
    "directory",
    "PEM of a certificate",
    "PEM of a key",
    "DER of a certificate",
    "socket",
    "pipe",
    "descriptor",
    "closed descriptor",
    "closed socket",
    "writable",
    "writable, with gaps",
    "list with itself",
    "long bytes",
    "curve",
    "time",
)

somethings = st.builds(Some, st.sampled_from(list(CLASSES)), st.integers(0, 6))
functions = st.builds(Does, st.sampled_from(DEEDS), st.integers(0, 200))
givens = st.builds(Given, st.sampled_from(GIVEN))
numbers = st.sampled_from(NUMBERS) | st.sampled_from(NUMBERS_LARGE) | st.integers(-100, 100)
strings = st.sampled_from(BYTES) | st.binary(max_size=50)
texts = st.sampled_from(TEXTS) | st.text(max_size=10)
lists = st.lists(strings | somethings | numbers, max_size=4)
anything = st.one_of(
    numbers,
    strings,
    texts,
    st.none(),
    st.booleans(),
    st.floats(),
    somethings,
    functions,
    givens,
    lists,
)


def some(kind: str) -> st.SearchStrategy[Any]:
    return st.builds(Some, st.just(kind), st.integers(0, 6))


def given(*names: str) -> st.SearchStrategy[Any]:
    return st.builds(Given, st.sampled_from(names))


# What makes sense for a parameter of this name.
SENSIBLE: dict[str, st.SearchStrategy[Any]] = {
    "context": some("Context"),
    "socket": st.none() | given("socket", "pipe", "descriptor"),
    "method": st.integers(-1, 13),
    "callback": functions,
    "cert": some("X509") | given("certificate of cryptography"),
    "certobj": some("X509") | given("certificate of cryptography"),
    "certificate": some("X509"),
    "certificate_authority": some("X509"),
    "crypto_cert": given("certificate of cryptography"),
    "crypto_key": given("key of cryptography"),
    "pkey": some("PKey"),
    "session": some("Session"),
    "store": some("X509Store"),
    "issuer": some("X509Name"),
    "subject": some("X509Name"),
    "name": st.sampled_from([b"localhost", "CN", "prime256v1"]) | some("X509Name"),
    "crl": given("list of cryptography"),
    "cafile": given("file with authorities", "directory", "file that is missing"),
    "capath": given("directory") | st.none(),
    "certfile": given("file with a chain", "file with a key", "file that is missing"),
    "keyfile": given("file with a key", "file with a chain", "file that is missing"),
    "dhfile": given("file with a key"),
    "filetype": st.integers(0, 3),
    "type": st.sampled_from([1, 2, 6, 116, 408, 0xFFFF]),
    "buffer": given("PEM of a certificate", "PEM of a key", "DER of a certificate", "writable"),
    "buf": strings,
    "bufsiz": numbers,
    "nbytes": numbers,
    "flags": st.sampled_from([0, 2, None, 0x4, 0x20]),
    "mode": st.integers(0, 7),
    "protos": st.lists(st.binary(max_size=20), max_size=4),
    "profiles": st.just(b"SRTP_AES128_CM_SHA1_80"),
    "version": st.sampled_from([0, 0x0301, 0x0303, 0x0304, 0xFEFD, 1, 2]),
    "chain": st.lists(some("X509"), max_size=3),
    "curve": given("curve", "curve of cryptography"),
    "vfy_time": given("time"),
    "digest": st.sampled_from(["sha256", "md5", "nonsense"]),
    "digest_name": st.sampled_from(["sha256", "md5", "nonsense"]),
    "state": st.integers(0, 3),
    "olen": st.sampled_from([0, 1, 32, -1, 1 << 16]),
    "label": st.just(b"EXPORTER-calls"),
    "mtu": st.sampled_from([0, 1, 200, 1200, 1 << 20]),
    "when": st.just(b"20300101000000Z"),
}


def parameters(function: Callable[..., Any], bound: bool) -> list[str]:
    """The names of the parameters, without that of the object."""
    try:
        names = list(inspect.signature(function).parameters)
    except (ValueError, TypeError):
        return []
    return names[1:] if bound else names


def arguments_for(names: list[str]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Sensible ones, more often than not; sometimes too few, too many, or of any kind."""
    sensible = st.tuples(*(SENSIBLE.get(name, anything) for name in names))
    mixed = st.tuples(*(SENSIBLE.get(name, anything) | anything for name in names))
    return st.one_of(sensible, sensible, mixed, st.lists(anything, max_size=4).map(tuple))


# In the parent: making programs up.


SETTERS = (
    "set_info_callback",
    "set_keylog_callback",
    "set_tlsext_servername_callback",
    "set_alpn_select_callback",
    "set_ocsp_server_callback",
    "set_ocsp_client_callback",
    "set_verify",
)


class Machine(RuleBasedStateMachine):
    """Writes a program down, step by step, and then has it run in a process of its own."""

    counts: Counter[str]
    workshop: Workshop
    failed = False

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step] = []

    @rule(data=st.data(), name=st.sampled_from(list(CLASSES)), number=st.integers(0, 6))
    def method(self, data: st.DataObject, name: str, number: int) -> None:
        method = data.draw(st.sampled_from(METHODS[name]))
        names = parameters(getattr(CLASSES[name], method), bound=True)
        arguments = data.draw(arguments_for(names))
        self.steps.append(Step("method", method, Some(name, number), arguments))

    @rule(data=st.data(), number=st.integers(0, 6))
    def method_of_a_connection(self, data: st.DataObject, number: int) -> None:
        self.method(data=data, name="Connection", number=number)

    @rule(data=st.data(), name=st.sampled_from(list(CLASSES)))
    def new(self, data: st.DataObject, name: str) -> None:
        names = parameters(CLASSES[name], bound=False)
        self.steps.append(Step("new", name, None, data.draw(arguments_for(names))))

    @rule(data=st.data(), name=st.sampled_from(list(FUNCTIONS)))
    def function(self, data: st.DataObject, name: str) -> None:
        names = parameters(FUNCTIONS[name], bound=False)
        self.steps.append(Step("function", name, None, data.draw(arguments_for(names))))

    @rule(one=st.integers(0, 6), other=st.integers(0, 6))
    def join(self, one: int, other: int) -> None:
        """Move bytes between two connections, and let them shake hands."""
        target = Some("Connection", one)
        self.steps.append(Step("join", "", target, (Some("Connection", other),)))

    @rule(
        setters=st.lists(st.tuples(st.sampled_from(SETTERS), functions), min_size=1, max_size=3),
        version=st.sampled_from([None, SSL.TLS1_2_VERSION]),
    )
    def conversation(self, setters: list[tuple[str, Does]], version: int | None) -> None:
        """A handshake whose callbacks do what they should not."""
        self.steps.append(Step("conversation", "", None, (version, *map(list, setters))))

    @rule(owner=somethings, name=texts, value=anything)
    def attribute(self, owner: Some, name: str, value: Any) -> None:
        self.steps.append(Step("attribute", name, owner, (value,)))

    @rule(dropped=somethings)
    def drop(self, dropped: Some) -> None:
        self.steps.append(Step("drop", "", dropped, ()))

    def teardown(self) -> None:
        try:
            self.counts += run_in_a_fork(self.steps, self.workshop)
        except AssertionError as failure:
            # Should there be no time to make it short.
            if not self.failed:
                print(failure, file=sys.stderr, flush=True)
            Machine.failed = True
            raise


def run_in_a_fork(steps: list[Step], workshop: Workshop) -> Counter[str]:
    """Run a program in a forked process, and return what came of its steps."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if not process:
        os.close(reading)
        status = 1
        sys.settrace(None)  # hypothesis looks at the lines that run
        gc.freeze()  # there is no garbage to look for in what the parent has
        try:
            # Not dump_traceback_later, which would wait for the parent's thread.
            faulthandler.register(signal.SIGALRM, chain=True)
            signal.alarm(PATIENCE)
            result = json.dumps(Interpreter(workshop).run(steps))
            os.write(writing, result.encode())
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as results:
        output = results.read()
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        raise AssertionError(f"the process was ended by {name}:\n{program_of(steps)}")
    assert os.WEXITSTATUS(status) == 0, f"the process failed:\n{program_of(steps)}"
    return Counter({"programs": 1, **json.loads(output)})


def program_of(steps: list[Step]) -> str:
    """What repeats the steps, with tests on Python's path."""
    lines = "".join(f"    {step!r},\n" for step in steps)
    return (
        "from math import inf, nan\n"
        "from stress.calls import Does, Given, Some, Step, repeat\n"
        f"repeat([\n{lines}])\n"
    )


def repeat(steps: list[Step]) -> None:
    """Run steps in this process."""
    with tempfile.TemporaryDirectory() as directory:
        print(Interpreter(Workshop(Path(directory))).run(steps))


# In the child: running one.


class Planned(Exception):
    """What a function raises when it is called."""


class Workshop:
    """What programs find prepared; made once, in the parent."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = Authority(directory, "authority")
        self.identity = self.authority.issue("localhost")
        self.rsa = rsa_key()
        self.rsa_pem = self.rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def context(self, version: int | None = None, method: int = SSL.TLS_METHOD) -> SSL.Context:
        context = SSL.Context(method)
        if version is not None:
            context.set_min_proto_version(version)
            context.set_max_proto_version(version)
        context.load_verify_locations(self.authority.file)
        self.identity.install(context)
        context.set_session_id(b"calls")
        return context

    def given(self, name: str) -> Any:
        identity = self.identity
        near, far = socket.socketpair()
        for end in (near, far):
            end.setblocking(False)
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        circle: list[Any] = []
        circle.append(circle)
        closed = os.dup(reading)
        os.close(closed)
        shut = socket.socket()
        shut.close()
        der = identity.der
        things: dict[str, Callable[[], Any]] = {
            "certificate of cryptography": lambda: identity.certificate,
            "key of cryptography": lambda: identity.key,
            "curve of cryptography": ec.SECP384R1,
            "list of cryptography": lambda: identity.certificate,
            "file with a chain": lambda: str(identity.chain_file),
            "file with a key": lambda: identity.key_file,
            "file with authorities": lambda: os.fsencode(self.authority.file),
            "file that is missing": lambda: self.directory / "missing",
            "directory": lambda: str(self.directory),
            "PEM of a certificate": identity.chain_file.read_bytes,
            "PEM of a key": lambda: self.rsa_pem,
            "DER of a certificate": lambda: bytearray(der),
            "socket": lambda: near,
            "pipe": lambda: reading,
            "descriptor": far.fileno,
            "closed descriptor": lambda: closed,
            "closed socket": lambda: shut,
            "writable": lambda: bytearray(100),
            "writable, with gaps": lambda: memoryview(bytearray(100))[::2],
            "list with itself": lambda: circle,
            "long bytes": lambda: bytes(40_000),
            "curve": lambda: crypto.get_elliptic_curve("prime256v1"),
            "time": lambda: datetime.datetime(2030, 1, 1),
        }
        self.kept = near, far, writing
        return things[name]()


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
        from support.tls import Pair

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


def programs(count: int, steps: int, seed: int, workshop: Workshop) -> Counter[str]:
    Machine.workshop = workshop
    Machine.counts = Counter()
    chosen = settings(
        max_examples=count,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    hypothesis.seed(seed)(Machine)
    run_state_machine_as_test(Machine, settings=chosen)
    return Machine.counts


def run(seed: int, rounds: int, examples: int, steps: int) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as directory:
        workshop = Workshop(Path(directory))
        for number in range(rounds):  # hypothesis remembers all that it has tried in one
            counts += programs(examples, steps, seed + number, workshop)
            gc.collect()
    called = {name.split(": ", 1)[1] for name in counts if ": " in name}
    worked = {name.split(": ", 1)[1] for name in counts if name.startswith("returned: ")}
    return {
        "programs, each in a process of its own": counts["programs"],
        "steps": sum(n for name, n in counts.items() if ": " in name),
        "steps that raised an exception": sum(
            n for name, n in counts.items() if name.startswith("raised: ")
        ),
        "callbacks that ran": counts["callbacks"],
        "different methods called": sum("." in name for name in called),
        "different methods that returned": sum("." in name for name in worked),
    }


def _every_method() -> Iterator[str]:
    for name, methods in METHODS.items():
        for method in methods:
            yield f"{name}.{method}"


PROGRAM = Program(
    run,
    full={"": {"rounds": 30, "examples": 100, "steps": 40}},
    short={"": {"rounds": 1, "examples": 40, "steps": 20}},
    limit=3_400,
    # What is freed, or not yet written, is filled with what leads nowhere.
    environment={"PYTHONMALLOC": "debug", "MALLOC_PERTURB_": "165"},
)
