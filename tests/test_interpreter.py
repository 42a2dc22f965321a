"""The life of the interpreter around the library: its end, and other interpreters beside it."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL
from support import child
from support.callbacks import ALL, Callback, eager_pair
from support.implementation import deviation
from support.network import tcp_pair
from support.threads import PATIENCE, background
from support.tls import (
    Pair,
    contexts_of,
    handshake,
    handshake_over_sockets,
    pair_in_memory,
    pair_over,
)

kept: list[Any] = []


def leave_everything_behind(*files: str) -> str:
    """Connections, callbacks and sessions live in a module until there are no modules any more."""
    made = contexts_of(*files)
    for callback in ALL.values():

        def answer(*call: Any, callback: Callback = callback) -> Any:
            kept.append(call)
            return callback.answer

        callback.install(made[callback.role], answer)
    pair = eager_pair(made["client"], made["server"])
    kept.append(handshake(pair))
    kept.append(pair.client.get_session())
    return "done"


def leave_while_a_thread_waits(*files: str) -> str:
    """A daemon thread is in recv, another one in a handshake, when the interpreter ends."""
    made = contexts_of(*files)
    pair = handshake_over_sockets(pair_over(made["client"], made["server"], tcp_pair()))
    other = pair_over(made["client"], made["server"], tcp_pair())
    kept.extend([pair, other, background(pair.client.recv, 1), background(other.server.recv, 1)])
    time.sleep(0.1)
    return "done"


def leave_from_a_finalizer(*files: str) -> str:
    """Something that is destroyed with the last modules still talks."""
    made = contexts_of(*files)

    class Last:
        def __init__(self, pair: Pair) -> None:
            self.pair = pair

        def __del__(self) -> None:
            self.pair.client.shutdown()
            self.pair.client.get_cipher_name()

    pair = handshake_over_sockets(pair_over(made["client"], made["server"], tcp_pair()))
    kept.append(Last(pair))
    return "done"


def leave_while_callbacks_run(*files: str) -> str:
    """Daemon threads come to one callback after the other, and sleep in them."""
    made = contexts_of(*files)
    made["client"].set_verify(SSL.VERIFY_PEER, lambda *_: time.sleep(0.002) or True)

    def shake_hands() -> None:
        while True:
            handshake(pair_in_memory(made["client"], made["server"]))

    kept.extend(background(shake_hands) for _ in range(4))
    time.sleep(0.1)
    return "done"


def leave_while_a_long_callback_runs(*files: str) -> str:
    """The end waits for a callback that takes its time."""
    made = contexts_of(*files)
    entered = threading.Event()

    def decide(*_: Any) -> bool:
        entered.set()
        time.sleep(1.5)
        return True

    made["client"].set_verify(SSL.VERIFY_PEER, decide)
    kept.append(background(handshake, pair_in_memory(made["client"], made["server"])))
    assert entered.wait(PATIENCE)
    return "done"


@pytest.mark.parametrize(
    "leave",
    [
        leave_everything_behind,
        leave_while_a_thread_waits,
        leave_while_callbacks_run,
        leave_while_a_long_callback_runs,
        leave_from_a_finalizer,
    ],
)
def test_the_interpreter_ends_quietly(leave: Any, files: tuple[Path, ...]) -> None:
    process = child.start(leave, *files)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output.strip()) == (0, '"done"'), errors
    assert "Traceback" not in errors
    assert "Fatal" not in errors


def test_daemon_threads_still_serve_what_was_registered_earlier(files: tuple[Path, ...]) -> None:
    """Handlers of atexit run in the opposite order: the library comes first."""
    program = textwrap.dedent("""
        import atexit, sys, threading

        asked, done = threading.Event(), threading.Event()

        @atexit.register
        def last_words():
            asked.set()
            print("connected" if done.wait(60) else "in vain")

        from OpenSSL import SSL
        from support.tls import contexts_of, handshake, pair_in_memory
        from support.threads import background

        made = contexts_of(*sys.argv[1:])
        made["client"].set_verify(SSL.VERIFY_PEER, lambda *_: True)

        def connect():
            asked.wait()
            handshake(pair_in_memory(made["client"], made["server"]))
            done.set()

        background(connect)
    """)
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    process = subprocess.run(
        [sys.executable, "-c", program, *files],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (process.returncode, process.stdout.strip()) == (0, "connected"), process.stderr


def exit_from_a_callback(*files: str) -> str:
    made = contexts_of(*files)
    made["client"].set_verify(SSL.VERIFY_PEER, lambda *_: sys.exit(7))
    handshake_over_sockets(pair_over(made["client"], made["server"], tcp_pair()))
    return "not reached"


@deviation
def test_a_callback_may_end_the_program(files: tuple[Path, ...]) -> None:
    process = child.start(exit_from_a_callback, *files)
    process.communicate(timeout=60)
    assert process.returncode == 7


def test_the_default_of_a_signal_ends_a_program_that_blocks(files: tuple[Path, ...]) -> None:
    process = child.start(block_for_ever, *files)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM


def block_for_ever(*files: str) -> None:
    made = contexts_of(*files)
    pair = handshake_over_sockets(pair_over(made["client"], made["server"], tcp_pair()))
    print("ready", flush=True)
    pair.client.recv(1)


def import_in_another_interpreter() -> str:
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    interpreters = importlib.import_module(name)
    interpreter = interpreters.create()
    program = textwrap.dedent(
        """
        try:
            import OpenSSL.SSL
        except ImportError as refusal:
            import os
            os.write(1, str(refusal).encode() + b"\\n")
        """
    )
    interpreters.run_string(interpreter, program)
    interpreters.destroy(interpreter)
    return "alive"


@deviation
@pytest.mark.skipif(
    (3, 12) <= sys.version_info < (3, 12, 2),
    reason="this Python frees what another of its interpreters has made, with any module",
)
def test_another_interpreter_is_told_that_it_cannot_import() -> None:
    SSL.Context(SSL.TLS_METHOD)
    process = child.start(import_in_another_interpreter)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "interpreter" in output, "the import was refused, and the refusal says why"
    assert output.splitlines()[-1] == '"alive"'


def test_importing_starts_nothing() -> None:
    """No thread, no warning, no output."""
    program = "import threading, OpenSSL.SSL; print(threading.active_count())"
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert threading.active_count() >= 1


def resize_a_buffer_at_the_end() -> None:
    class Last:
        def __init__(self) -> None:
            self.connection = SSL.Connection(SSL.Context(SSL.TLS_METHOD))
            self.buffer = bytearray(100)

        def __del__(self) -> None:
            self.connection.bio_write(self.buffer)
            self.buffer.append(1)
            print('"resized"', flush=True)

    kept.append(Last())


def test_a_buffer_is_given_back_while_the_interpreter_ends() -> None:
    assert child.run(resize_a_buffer_at_the_end) == "resized"
