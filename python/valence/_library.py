"""The shared library: found, loaded, and called so that its errors become exceptions.

The library beside this file (in a wheel) is taken, or one in the folder that the environment variable VALENCE_LIBRARIES
names (a build tree), or the system's.
"""
from __future__ import annotations

import atexit
import ctypes
import logging
import os
import pathlib
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from valence import _bindings as c
from valence import _threadpool
from valence.errors import BY_STATUS, Error

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
    if getattr(lib, name)(*arguments, ctypes.byref(error)):
        raise_error(error)


def field_types(struct: Any) -> dict[str, Any]:
    """A struct's members with their types, in order."""
    return dict(struct._fields_)


def path_bytes(path: str | bytes | os.PathLike[Any]) -> bytes:
    return os.fsencode(path)


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
    """Something of the library that is open until close(), the end of a `with`, or the last reference."""

    def __init__(self, address: Any, free: str) -> None:
        self._address = address
        self._free: Any = weakref.finalize(self, getattr(lib, free), address)

    @property
    def handle(self) -> Any:
        if not self._free.alive:
            raise ValueError(f"this {type(self).__name__} is closed")
        return self._address

    def close(self) -> None:
        """Gives back what it holds. You can call it again."""
        self._free()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def made(kind: Any, function: str, *arguments: Any) -> Any:
    """Of a function whose last parameters are the pointer that it fills and its error: the pointer."""
    result = ctypes.POINTER(kind)()
    call(function, *arguments, ctypes.byref(result))
    return result
