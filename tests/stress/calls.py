"""Any method of any class, with any arguments, in any order: exceptions, but never a crash.

A state machine of hypothesis makes up programs; each runs in a forked process of its own. A program
that ends its process, or goes on for ever, is a failure, which hypothesis makes as short as it can.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import signal
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from OpenSSL import SSL

from stress.arguments import anything, arguments_for, functions, somethings, texts
from stress.interpreter import Interpreter, Workshop
from stress.program import Program
from stress.steps import CLASSES, FUNCTIONS, METHODS, Does, Some, Step, parameters

# A program is over in a moment; a key of 1024 bits takes a few.
PATIENCE = 60

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
        "from stress.calls import repeat\n"
        "from stress.steps import Does, Given, Some, Step\n"
        f"repeat([\n{lines}])\n"
    )


def repeat(steps: list[Step]) -> None:
    """Run steps in this process."""
    with tempfile.TemporaryDirectory() as directory:
        print(Interpreter(Workshop(Path(directory))).run(steps), file=sys.stderr)


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


PROGRAM = Program(
    run,
    full={"": {"rounds": 30, "examples": 100, "steps": 40}},
    short={"": {"rounds": 1, "examples": 40, "steps": 20}},
    limit=3_400,
    # What is freed, or not yet written, is filled with what leads nowhere.
    environment={"PYTHONMALLOC": "debug", "MALLOC_PERTURB_": "165"},
)
