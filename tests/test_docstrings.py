"""Everything public says what it does, takes, returns and raises, and what of OpenSSL it is."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import warnings
from pathlib import Path
from typing import Any

import OpenSSL
import pytest

MODULES = ["OpenSSL.SSL", "OpenSSL.crypto", "OpenSSL.rand"]
SOURCES = Path(OpenSSL.__file__).parent
ROOT = Path(__file__).resolve().parent.parent

#: What has no function of OpenSSL behind it, nor an RFC.
OURS = {
    "OpenSSL.SSL.Connection.accept": "the socket's",
    "OpenSSL.SSL.Connection.bio_read": "memory buffers are ours",
    "OpenSSL.SSL.Connection.bio_shutdown": "memory buffers are ours",
    "OpenSSL.SSL.Connection.bio_write": "memory buffers are ours",
    "OpenSSL.SSL.Connection.connect": "the socket's",
    "OpenSSL.SSL.Connection.connect_ex": "the socket's",
    "OpenSSL.SSL.Connection.get_app_data": "an attribute",
    "OpenSSL.SSL.Connection.get_context": "an attribute",
    "OpenSSL.SSL.Connection.makefile": "only raises",
    "OpenSSL.SSL.Connection.set_app_data": "an attribute",
    "OpenSSL.SSL.Connection.sock_shutdown": "the socket's",
    "OpenSSL.SSL.Context.get_app_data": "an attribute",
    "OpenSSL.SSL.Context.set_app_data": "an attribute",
}

#: How a description says which type is meant where the field does not.
SPOKEN_TYPES = re.compile(
    r":(class|const|data|exc|meth):|called as|any object|buffer protocol|is ignored"
    r"|list of|sequence of|what the socket|None"
)


def look_up(module: str, name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return getattr(importlib.import_module(module), name)


def documented() -> dict[str, Any]:
    """Every public class, method, property and function, by its full name."""
    found: dict[str, Any] = {}
    for module in MODULES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            names = getattr(importlib.import_module(module), "__all__", ["add", "status"])
        for name in names:
            value = look_up(module, name)
            if not callable(value):
                continue
            if getattr(value, "__module__", module) != module and isinstance(value, type):
                continue  # another module's
            found[f"{module}.{name}"] = value
            if isinstance(value, type) and not issubclass(value, BaseException):
                for member, content in vars(value).items():
                    if not member.startswith("_") and not isinstance(content, int):
                        found[f"{module}.{name}.{member}"] = getattr(value, member)
    return found


def returning() -> dict[str, bool]:
    """Whether what has a name in the stub returns something; classes by their names."""
    found = {}
    files = [SOURCES / "_rust.pyi", SOURCES / "crypto.py", SOURCES / "rand.py"]
    for file in files:
        for top in ast.parse(file.read_text(encoding="utf-8")).body:
            functions = top.body if isinstance(top, ast.ClassDef) else [top]
            prefix = f"{top.name}." if isinstance(top, ast.ClassDef) else ""
            for function in functions:
                if isinstance(function, ast.FunctionDef) and function.returns is not None:
                    answer = ast.unparse(function.returns)
                    found[prefix + function.name] = answer not in ("None", "NoReturn")
    return found


DOCUMENTED = documented()
RETURNING = returning()
CALLABLES = {
    name: value
    for name, value in DOCUMENTED.items()
    if callable(value) and not (isinstance(value, type) and issubclass(value, BaseException))
}

each = pytest.mark.parametrize("name", DOCUMENTED)
each_callable = pytest.mark.parametrize("name", CALLABLES)


def own_name(name: str) -> str:
    """A name as it is in its module."""
    return re.sub(r"^OpenSSL\.\w+\.", "", name)


def text_of(name: str) -> str:
    return inspect.getdoc(DOCUMENTED[name]) or ""


def parameters(function: Any) -> list[inspect.Parameter]:
    return [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.name != "self"
    ]


def described(text: str) -> dict[str, tuple[str, str]]:
    """The parameters that a docstring describes: their types, as far as given, and the words."""
    fields = re.findall(r"^:(param|type) ?([^:]*?)(\S+): (.*(?:\n +.*)*)", text, re.MULTILINE)
    types = {name: words for kind, _, name, words in fields if kind == "type"}
    return {
        name: (types.get(name, given.strip()), words)
        for kind, given, name, words in fields
        if kind == "param"
    }


@pytest.mark.parametrize("module", sorted(path.name for path in SOURCES.glob("*.py")))
def test_modules_say_what_they_are_for(module: str) -> None:
    assert ast.get_docstring(ast.parse((SOURCES / module).read_text(encoding="utf-8")))


@each
def test_begins_with_a_sentence(name: str) -> None:
    summary = text_of(name).partition("\n\n")[0]
    assert summary[:1].isupper(), summary
    assert summary.endswith("."), summary


@each_callable
def test_describes_its_parameters_and_no_others(name: str) -> None:
    value = CALLABLES[name]
    if isinstance(value, type) and "args" in str(inspect.signature(value)):
        pytest.skip("made by the library")
    text = text_of(name)
    wanted = [p.name for p in parameters(value) if p.kind is not p.VAR_KEYWORD]
    if name.endswith(".makefile"):
        wanted = []
    assert list(described(text)) == wanted


@each_callable
def test_says_the_types_of_parameters(name: str) -> None:
    for parameter, (type_, words) in described(text_of(name)).items():
        assert type_ or SPOKEN_TYPES.search(words), f"{parameter}: {words}"


@each_callable
def test_says_what_is_returned(name: str) -> None:
    own = own_name(name)
    if isinstance(CALLABLES[name], type):
        assert ":return" not in text_of(name)
    elif ":return:" not in text_of(name):
        assert not RETURNING[own]


@each
def test_raises_exceptions_that_there_are(name: str) -> None:
    for names in re.findall(r"^:raises ([^:]+):", text_of(name), re.MULTILINE):
        for exception in names.split(", "):
            module = re.match(r"OpenSSL\.\w+", name)
            assert module
            spaces = [importlib.import_module(module[0]), importlib.import_module("builtins")]
            found = next(getattr(s, exception) for s in spaces if hasattr(s, exception))
            assert issubclass(found, BaseException)


@each_callable
def test_names_the_function_of_openssl_or_the_rfc(name: str) -> None:
    names = re.search(r"^OpenSSL: ``|\bRFC \d+", text_of(name), re.MULTILINE) is not None
    if isinstance(CALLABLES[name], type) and not names:
        assert CALLABLES[name].__doc__
        return
    assert names == (name not in OURS)


@each
def test_deprecation_is_said(name: str) -> None:
    """Where the stub marks it, the docstring says it."""
    source = (SOURCES / "_rust.pyi").read_text(encoding="utf-8")
    for top in ast.parse(source).body:
        inner = top.body if isinstance(top, ast.ClassDef) else []
        prefix = f"{top.name}." if isinstance(top, ast.ClassDef) else ""
        for node in [top, *inner]:
            if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                continue
            own = node.name if node is top else prefix + node.name
            if not name.endswith("." + own):
                continue
            marked = any("deprecated" in ast.unparse(d) for d in node.decorator_list)
            if marked:
                assert "eprecated" in text_of(name)


def test_constants_are_in_the_reference() -> None:
    """Numbers have no docstrings: the pages of the reference say what they mean."""
    pages = "\n".join(page.read_text() for page in (ROOT / "docs/reference").glob("*.md"))
    entries = re.findall(r"^\.\. py:data:: (\S+(?:\n {13}\S+)*)", pages, re.MULTILINE)
    listed = set(" ".join(entries).split())
    for module in ("OpenSSL.SSL", "OpenSSL.crypto"):
        names = importlib.import_module(module).__all__
        values = {name for name in names if not callable(look_up(module, name))}
        assert values - listed == set()


def test_the_reference_leaves_nothing_out() -> None:
    pages = "\n".join(page.read_text() for page in (ROOT / "docs/reference").glob("*.md"))
    shown = set(re.findall(r"(?:class|method|function|exception):: ([\w.]+)", pages))
    assert {name for name in DOCUMENTED if own_name(name) not in shown} == set()
