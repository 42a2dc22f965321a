"""What a program observes: what its calls returned, raised and warned about, as text.

A case is a function `case_<name>(o)` of a module in `cases/`. It makes its calls
through the observer `o`. The same case is run against both implementations, and what they
observed must be equal.
"""

from __future__ import annotations

import linecache
import os
import types
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

_PLAIN = (type(None), bool, int, float, complex, str, bytes, bytearray)


class Observer:
    """Records observations in order. Each has a label, unique within the case."""

    def __init__(self, record: Callable[[dict[str, Any]], None]) -> None:
        self._record = record
        self._labels: dict[str, int] = {}
        self._names: list[tuple[Any, str]] = []
        #: The exception of the last `call` that raised, to look at more closely.
        self.raised: BaseException | None = None

    def call(self, label: str, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call `func`; record what it returns or raises, and its warnings.

        Gives the value back, or None when it raised.
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            value: Any = None
            seen: dict[str, Any] = {}
            try:
                value = func(*args, **kwargs)
                seen["value"] = f"returns {self.render(value)}"
            except BaseException as exc:
                self.raised = exc
                seen = self._describe_failure(exc)
        told = [warning for warning in caught if warning.category is not ResourceWarning]
        if told:
            seen["warnings"] = [_describe_warning(warning) for warning in told]
        self._add(label, seen)
        return value

    def see(self, label: str, value: Any) -> None:
        """Record a value."""
        self._add(label, {"value": self.render(value)})

    def caught(self, label: str, exc: BaseException) -> None:
        """Record an exception that was raised somewhere else than in `call`."""
        self._add(label, self._describe_failure(exc))

    def callback(
        self, label: str, answer: Any = None, show: Callable[..., Any] | None = None
    ) -> Callable[..., Any]:
        """A callback that records the arguments of each call.

        It raises `answer` if that is an exception, returns `answer(*args)` if it is
        callable, otherwise returns it. `show(*args)` replaces what is recorded, for
        arguments that are random.
        """

        def called(*args: Any, **kwargs: Any) -> Any:
            shown = show(*args, **kwargs) if show else (*args, kwargs) if kwargs else args
            self._add(label, {"value": f"called with {self.render(shown)}"})
            if isinstance(answer, BaseException):
                raise answer
            return answer(*args, **kwargs) if callable(answer) else answer

        return called

    def name(self, name: str, value: Any) -> Any:
        """Show this very object as `<name>` from now on, and give it back.

        It stays alive until the case ends.
        """
        self._names.append((value, name))
        return value

    def render(self, value: Any) -> str:
        """A value as text, without addresses: equal behaviour gives equal text."""
        for known, name in self._names:
            if known is value:
                return f"<{name}>"
        kind = type(value)
        if kind in _PLAIN:
            return repr(value)
        if kind is tuple:
            inner = ", ".join(map(self.render, value))
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        if kind is list:
            return f"[{', '.join(map(self.render, value))}]"
        if kind in (set, frozenset):
            return f"{kind.__name__}({', '.join(sorted(map(self.render, value)))})"
        if kind is dict:
            return (
                "{"
                + ", ".join(
                    f"{self.render(key)}: {self.render(item)}" for key, item in value.items()
                )
                + "}"
            )
        if kind is memoryview:
            return f"memoryview({value.tobytes()!r})"
        if isinstance(value, type):
            return f"<class {_qualified(value)}>"
        if isinstance(value, BaseException):
            return f"{_qualified(kind)}{self.render(value.args)}"
        if callable(value) and hasattr(value, "__name__"):
            return f"<callable {value.__name__}>"
        if isinstance(value, types.ModuleType):
            return f"<module {value.__name__}>"
        described = describe(value)
        return f"<{_qualified(kind)} {described}>" if described else f"<{_qualified(kind)}>"

    def _describe_failure(self, exc: BaseException) -> dict[str, Any]:
        seen = {"value": f"raises {_qualified(type(exc))}", "args": self.render(exc.args)}
        return {**seen, "loose": True} if _is_glue(exc) else seen

    def _add(self, label: str, seen: dict[str, Any]) -> None:
        count = self._labels[label] = self._labels.get(label, 0) + 1
        self._record({"label": label if count == 1 else f"{label} #{count}", **seen})


_describers: list[Callable[[Any], str | None]] = []


def describer(function: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    """Register a function that says more about an object than its class, or None."""
    _describers.append(function)
    return function


def describe(value: Any) -> str | None:
    """What the registered describers say about an object."""
    for function in _describers:
        described = function(value)
        if described is not None:
            return described
    return None


def each(
    table: dict[str, Any] | Iterable[str],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make one case of each row: `case_x(o, row)` becomes `case_x[name]`.

    A plain list of names gives the names as rows.
    """
    rows = table if isinstance(table, dict) else {name: name for name in table}

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        function.rows = rows  # type: ignore[attr-defined]
        return function

    return decorate


def cases_of(module: types.ModuleType) -> dict[str, Callable[[Observer], None]]:
    """The cases of a module, by name, in the order of their definition."""
    cases: dict[str, Callable[[Observer], None]] = {}
    for name, function in vars(module).items():
        if not name.startswith("case_"):
            continue
        rows = getattr(function, "rows", None)
        if rows is None:
            cases[name] = function
            continue
        for key, row in rows.items():
            cases[f"{name}[{key}]"] = partial(_case_of_a_row, function, row)
    return cases


def _case_of_a_row(function: Callable[[Observer, Any], None], row: Any, o: Observer) -> None:
    function(o, row)


def _qualified(kind: type) -> str:
    name = kind.__qualname__
    return name if kind.__module__ == "builtins" else f"{kind.__module__}.{name}"


def _is_glue(exc: BaseException) -> bool:
    """Whether no `raise` of the package or of a case raised it: then only its type is a promise."""
    if isinstance(exc, OSError) or _in_package(type(exc).__module__) or exc.__traceback__ is None:
        return False
    innermost = exc.__traceback__
    while innermost.tb_next is not None:
        innermost = innermost.tb_next
    file = innermost.tb_frame.f_code.co_filename
    line = linecache.getline(file, innermost.tb_lineno).lstrip()
    return not (line.startswith("raise") and (_is_package_file(file) or _is_ours(file)))


def _describe_warning(warning: warnings.WarningMessage) -> str:
    place = "elsewhere"
    if _is_package_file(warning.filename):
        place = "the package"
    elif _is_ours(warning.filename):
        place = "the caller"
    return f"{_qualified(warning.category)}({str(warning.message)!r}) at {place}"


def _in_package(module: str) -> bool:
    return module.split(".")[0] == "OpenSSL"


def _is_package_file(file: str) -> bool:
    return os.path.basename(os.path.dirname(file)) == "OpenSSL"


def _is_ours(file: str) -> bool:
    return os.path.abspath(file).startswith(os.path.dirname(os.path.abspath(__file__)))
