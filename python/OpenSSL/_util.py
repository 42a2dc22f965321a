"""What programs use from below pyOpenSSL's surface.

``lib`` holds functions and constants of OpenSSL, ``ffi`` makes what they are called with. In
pyOpenSSL they are the whole of what the package cryptography binds with cffi; here they are what
programs have been found to use. A name that is not here is an ``AttributeError``, so that
``hasattr(lib, name)`` tells whether it can be used.

The functions take bytes, numbers and handles, such as ``Context._context`` and ``Connection._ssl``.
A handle of another kind than the function's argument is a ``TypeError``.
"""

from __future__ import annotations

import os
import sys
import warnings
import weakref
from functools import partial, wraps

from OpenSSL import _rust

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType
    from typing import Any, Callable, NoReturn, TypeVar

    from OpenSSL._aliases import StrOrBytesPath

    _Function = TypeVar("_Function", bound=Callable[..., object])
del TYPE_CHECKING

lib: ModuleType = _rust._lib()


class _FFI:
    """Memory and handles for the functions of ``lib``: what programs use of cffi."""

    #: The class of handles.
    CData = _rust.CData
    #: The handle that names nothing. It is false.
    NULL = _rust.CData._null()

    @property
    def errno(self) -> int:
        """The number of the error that a function of ``lib`` met last on this thread."""
        return _rust._last_errno()

    @errno.setter
    def errno(self, number: int) -> None:
        _rust._set_last_errno(number)

    def new(self, cdecl: str, init: int | bytes | None = None) -> _rust.CData:
        """New memory.

        :param cdecl: its type: an array of ``char`` or of ``unsigned char``, such as ``"char[]"``.
        :param init: how many bytes, all zero; or the bytes, behind which there is a NUL.
        :return: a handle for it.
        :raises NotImplementedError: for every other type.
        :raises ValueError: if the number is negative.
        """
        unsigned, size = _array(cdecl)
        if isinstance(init, bytes):
            content = init if size is not None else init + b"\0"
        elif init is None:
            content = b""
        elif size is None:
            if init < 0:
                raise ValueError("negative array length")
            size, content = init, b""
        else:
            raise TypeError(f"the array {cdecl!r} is initialised with bytes")
        if size is None:
            size = len(content)
        elif len(content) > size:
            raise IndexError(f"{len(content)} bytes are too many for {cdecl!r}")
        return _rust.CData._of_memory(bytearray(content.ljust(size, b"\0")), unsigned)

    def from_buffer(
        self, cdecl: Any, python_buffer: Any = None, require_writable: bool = False
    ) -> _rust.CData:
        """The memory of an object, not copied.

        :param cdecl: the type, as for :meth:`new`; it may be left out.
        :param python_buffer: an object with the buffer protocol.
        :param require_writable: whether memory that cannot be written to is refused.
        :return: a handle for it, which is also a context manager.
        :raises TypeError: if the object has no memory.
        :raises BufferError: if its memory is read-only, and must not be.
        """
        if python_buffer is None:
            cdecl, python_buffer = "char[]", cdecl
        unsigned, _ = _array(cdecl)
        memory = memoryview(python_buffer)
        if require_writable and memory.readonly:
            raise BufferError("the object's memory is read-only")
        return _rust.CData._of_memory(memory, unsigned)

    def buffer(self, cdata: _rust.CData, size: int = -1) -> _Buffer:
        """Bytes to read and to write.

        :param cdata: a handle of :meth:`new` or of :meth:`from_buffer`.
        :param size: how many bytes; all if it is negative.
        :raises TypeError: if the handle names no memory.
        :raises ValueError: if there are not so many.
        """
        memory = cdata._memory()
        if size > len(memory):
            raise ValueError(f"{size} bytes are asked for, and there are {len(memory)}")
        return _Buffer(memory if size < 0 else memory[:size])

    def string(self, cdata: _rust.CData, maxlen: int = -1) -> bytes:
        """The bytes before the first NUL.

        :param cdata: a handle for text or for memory.
        :param maxlen: how many bytes to look at; all if it is negative.
        :raises TypeError: if the handle names neither, as ``NULL`` does.
        """
        return cdata._string(maxlen)

    def gc(
        self, cdata: _rust.CData, destructor: Callable[[_rust.CData], object] | None, size: int = 0
    ) -> _rust.CData | None:
        """Have a function called when a handle is not used any more.

        :param cdata: a handle.
        :param destructor: called with ``cdata`` when the handle that is returned is collected. With
            ``None``, ``cdata`` came from this method, and nothing is to be called any more.
        :param size: without meaning.
        :return: another handle for the same; ``None`` without a destructor.
        """
        if destructor is None:
            finalizer = vars(cdata).pop("_finalizer", None)
            if finalizer is not None:
                finalizer.detach()
            return None
        again = cdata._again()
        finalizer = weakref.finalize(again, destructor, cdata)
        finalizer.atexit = False
        vars(again)["_finalizer"] = finalizer
        return again


class _Buffer:
    """The bytes of some memory. What is read from it is ``bytes``."""

    __slots__ = ("_memory",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory

    def __len__(self) -> int:
        return len(self._memory)

    def __getitem__(self, index: int | slice) -> bytes:
        item = self._memory[index]
        return bytes((item,)) if isinstance(item, int) else bytes(item)

    def __setitem__(self, index: int | slice, value: bytes) -> None:
        if isinstance(index, slice):
            self._memory[index] = value
        else:
            (self._memory[index],) = value

    def __iter__(self) -> Iterator[bytes]:
        return (bytes((item,)) for item in self._memory)

    def __bytes__(self) -> bytes:
        return bytes(self._memory)

    def __eq__(self, other: object) -> bool:
        return self._memory == (other._memory if isinstance(other, _Buffer) else other)

    def __buffer__(self, flags: int) -> memoryview:  # Python calls it from 3.12 on
        return self._memory


def _array(cdecl: str) -> tuple[bool, int | None]:
    """Whether the items of an array are unsigned, and how many there are, if its type says it."""
    item, _, size = cdecl.partition("[")
    item = " ".join(item.split())
    if item not in ("char", "unsigned char", "uint8_t") or not size.endswith("]"):
        raise NotImplementedError(f"there are arrays of char and of unsigned char, no {cdecl!r}")
    size = size[:-1].strip()
    return item != "char", int(size) if size else None


ffi = _FFI()


def text(charp: _rust.CData) -> str:
    """Text of OpenSSL's as ``str``.

    :param charp: a handle for it, or ``NULL``.
    :return: the text, which is empty for ``NULL``.
    """
    return ffi.string(charp).decode() if charp else ""


def exception_from_error_queue(exception_type: type[Exception]) -> NoReturn:
    """Raise what is in this thread's error queue, which is empty afterwards.

    :param exception_type: the class. Its objects get a list with a tuple for each entry: the
        library, an empty string, the reason.
    """
    entries = []
    while code := lib.ERR_get_error():
        entries.append(
            (text(lib.ERR_lib_error_string(code)), "", text(lib.ERR_reason_error_string(code)))
        )
    raise exception_type(entries)


def make_assert(error: type[Exception]) -> Callable[[bool], None]:
    """A function that raises the error queue as an exception, unless it is called with ``True``.

    :param error: the class of the exception.
    """

    def openssl_assert(ok: bool) -> None:
        """Raise the error queue, unless all is well.

        :param ok: ``True`` if it is.
        """
        if ok is not True:
            exception_from_error_queue(error)

    return openssl_assert


def make_requires(flag: int, error: str) -> Callable[[_Function], _Function]:
    """A decorator that leaves functions as they are, or makes them fail.

    :param flag: whether what the functions need is there.
    :param error: what the ``NotImplementedError`` says that they raise otherwise.
    """

    def decorate(function: _Function) -> _Function:
        if flag:
            return function

        @wraps(function)
        def refuse(*args: object, **kwargs: object) -> NoReturn:
            raise NotImplementedError(error)

        return refuse  # type: ignore[return-value]

    return decorate


def path_bytes(s: StrOrBytesPath) -> bytes:
    """A path as OpenSSL takes it.

    :param s: ``str``, ``bytes`` or an object with ``__fspath__``.
    :raises TypeError: if it is none of these.
    """
    path = os.fspath(s)
    return path.encode(sys.getfilesystemencoding()) if isinstance(path, str) else path


def byte_string(s: str) -> bytes:
    """The bytes whose values are the text's code points.

    :param s: text.
    :raises UnicodeEncodeError: if one is larger than 255.
    """
    return s.encode("charmap")


#: Stands for an argument that was not given.
UNSPECIFIED = object()


def text_to_bytes_and_warn(label: str, obj: Any) -> Any:
    """An argument that should be ``bytes``. A ``str`` is taken with a ``DeprecationWarning``, which
    is attributed to the caller of the function that calls this one.

    :param label: what the argument is called.
    :param obj: the argument.
    :return: the UTF-8 encoding of a ``str``; anything else as it is.
    """
    if not isinstance(obj, str):
        return obj
    warnings.warn(
        f"str for {label} is no longer accepted, use bytes", DeprecationWarning, stacklevel=3
    )
    return obj.encode()


def private_names(error: type[Exception]) -> dict[str, object]:
    """What ``OpenSSL.SSL`` and ``OpenSSL.crypto`` have of this module, under private names.

    :param error: the module's class ``Error``.
    """
    return {
        "_byte_string": byte_string,
        "_exception_from_error_queue": exception_from_error_queue,
        "_ffi": ffi,
        "_lib": lib,
        "_make_assert": make_assert,
        "_make_requires": make_requires,
        "_openssl_assert": make_assert(error),
        "_path_bytes": path_bytes,
        "_raise_current_error": partial(exception_from_error_queue, error),
        "_text_to_bytes_and_warn": text_to_bytes_and_warn,
    }
