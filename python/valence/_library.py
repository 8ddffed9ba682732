"""The shared library: found, loaded, and called so that its errors become exceptions.

The library beside this file (in a wheel) is taken, or one in the folder that the environment variable VALENCE_LIBRARIES
names (a build tree), or the system's.
"""
from __future__ import annotations

import atexit
import ctypes
import logging
import operator
import os
import pathlib
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from valence import _bindings as c
from valence import _threadpool
from valence.errors import BY_STATUS, ArgumentError, Error

PACKAGE = pathlib.Path(__file__).resolve().parent
NAMES = ("libvalence-media.so.0", "libvalence.so.0")  # the first one brings the second
LEVELS = {c.VALENCE_LOG_INFO: logging.INFO, c.VALENCE_LOG_WARNING: logging.WARNING}
Self = TypeVar("Self", bound="Handle")
logger = logging.getLogger("valence")


def folders() -> list[pathlib.Path]:
    """Where the library may be, the system's places aside."""
    named = os.environ.get("VALENCE_LIBRARIES")
    return [pathlib.Path(named)] if named else [PACKAGE / "lib"]


def open_library() -> ctypes.CDLL:
    for folder in folders():
        for name in NAMES:
            if (folder / name).exists():
                return ctypes.CDLL(str(folder / name))
    problems = []
    for name in NAMES:
        try:
            return ctypes.CDLL(name)
        except OSError as error:
            problems.append(str(error))
    raise ImportError("valence: the library is not there: " + "; ".join(problems))


@c.valence_log_function  # type: ignore[untyped-decorator]
def receive_log(user: int | None, level: int, text: bytes) -> None:
    logger.log(LEVELS.get(level, logging.INFO), "%s", text.decode("utf-8", "replace"))


class Library:
    """Functions and variables by name, declared when they are first used."""

    def __init__(self) -> None:
        self._cdll = open_library()
        number = self.valence_version_number()
        if number != c.VALENCE_VERSION_NUMBER:
            raise ImportError(f"valence: the library has version {self.valence_version().decode()}, and this package was made "
                              f"for {c.VALENCE_VERSION_MAJOR}.{c.VALENCE_VERSION_MINOR}.{c.VALENCE_VERSION_PATCH}")
        self.valence_set_log(receive_log, None)
        atexit.register(self.valence_set_log, c.valence_log_function(), None)  # threads may outlive the interpreter
        # GNU OpenMP's threads do not survive a fork, and a child that waits for them hangs: it computes on one thread.
        os.register_at_fork(after_in_child=lambda: self.valence_set_threads(1))
        _threadpool.register(self)

    def __getattr__(self, name: str) -> Any:
        found: Any
        if name in c.FUNCTIONS:
            try:
                found = getattr(self._cdll, name)
            except AttributeError:
                raise BY_STATUS["ERROR_UNSUPPORTED"](f"{name}() is in builds with encoders alone") from None
            found.restype, found.argtypes = c.FUNCTIONS[name]
        elif name in c.VARIABLES:
            found = c.VARIABLES[name].in_dll(self._cdll, name)
        else:
            raise AttributeError(name)
        setattr(self, name, found)
        return found


lib = Library()


def raise_error(error: c.valence_error) -> None:
    status = lib.valence_status_name(error.status).decode()
    raise BY_STATUS.get(status, Error)(error.text.decode("utf-8", "replace"), error.key.decode())


def call(name: str, *arguments: Any) -> None:
    """Calls a function whose last parameter is its error."""
    error = c.valence_error()
    failed = getattr(lib, name)(*arguments, ctypes.byref(error))
    del arguments  # which the exception's traceback would keep open
    if failed:
        raise_error(error)


def field_types(struct: Any) -> dict[str, Any]:
    """A struct's members with their types, in order."""
    return dict(struct._fields_)


def ended(value: bytes, what: str) -> bytes:
    """What may be handed to the library, whose texts end at their first zero byte."""
    if b"\0" in value:
        raise ArgumentError(f"{what}: there is a zero byte in it, which would end it: {value[:60]!r}", what)
    return value


def encoded(value: str, what: str) -> bytes:
    """A text for the library; `what` names it in errors."""
    if not isinstance(value, str):
        raise TypeError(f"{what}: {value!r} is no text")
    return ended(value.encode(), what)


def path_bytes(path: str | bytes | os.PathLike[Any], what: str = "path") -> bytes:
    return ended(os.fsencode(path), what)


def whole(value: Any, kind: Any, what: str) -> int:
    """A number for the library; ctypes would cut off what is too large for this kind of number."""
    number = operator.index(value)
    if kind(number).value != number:
        raise ArgumentError(f"{what} is {number}, which is out of range", what)
    return number


def text(value: bytes | None) -> str:
    """A text of the library; names of files may hold bytes that are no UTF-8."""
    return os.fsdecode(value) if value else ""


def names(variable: str) -> list[str]:
    """The names in one of the library's arrays of names."""
    return [name.decode() for name in getattr(lib, variable) if name]


def pointer(array: Any, kind: Any) -> Any:
    """A NumPy array's memory; the caller keeps the array."""
    return ctypes.cast(array.ctypes.data, ctypes.POINTER(kind))


def owned_text(make: Callable[..., Any], *arguments: Any) -> str:
    """Of a function that hands out a text through a pointer before its error: the text, which is freed."""
    error, made = c.valence_error(), ctypes.c_void_p()
    if make(*arguments, ctypes.byref(made), ctypes.byref(error)):
        raise_error(error)
    try:
        return text(ctypes.string_at(made.value or 0))
    finally:
        lib.valence_text_free(ctypes.cast(made, ctypes.c_char_p))


class Handle:
    """Something of the library that is open until close(), the end of a `with`, or the last reference.

    The library's object goes with the last reference to its pointer, not with this one: a call that another thread has begun
    holds the pointer, and so ends before the object is freed. `needs` is a handle whose object must be there as long.
    """

    def __init__(self, address: Any, free: str, needs: Any = None) -> None:
        self._address = address
        same = type(address).from_buffer_copy(address)
        weakref.finalize(address, release, getattr(lib, free), same, needs)

    @property
    def handle(self) -> Any:
        address = self._address
        if address is None:
            raise ValueError(f"this {type(self).__name__} is closed")
        return address

    @property
    def is_open(self) -> bool:
        return self._address is not None

    def close(self) -> None:
        """Gives back what it holds, as soon as no other thread uses it. You can call it again."""
        self._address = None

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def release(free: Callable[..., Any], address: Any, needs: Any) -> None:
    free(address)


def made(kind: Any, function: str, *arguments: Any) -> Any:
    """Of a function whose last parameters are the pointer that it fills and its error: the pointer."""
    result = ctypes.POINTER(kind)()
    call(function, *arguments, ctypes.byref(result))
    return result
