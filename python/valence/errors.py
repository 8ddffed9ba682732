"""Errors of the library as exceptions. Their text is the library's: what is wrong, where, and what to do."""
from __future__ import annotations

from typing import ClassVar


class Error(Exception):
    """Any error of the library. `key` names the setting that would change the outcome, or is ""."""

    status: ClassVar[str] = ""

    def __init__(self, text: str, key: str = "") -> None:
        super().__init__(text)
        self.key = key

    def __reduce__(self) -> tuple[type[Error], tuple[str, str]]:
        return type(self), (str(self), self.key)


class OutOfMemoryError(Error, MemoryError):
    status = "ERROR_MEMORY"


class InputOutputError(Error):
    """A file could not be read or written."""

    status = "ERROR_IO"


class FormatError(Error, ValueError):
    """A file is not what its format says."""

    status = "ERROR_FORMAT"


class ShapeError(Error, ValueError):
    status = "ERROR_SHAPE"


class ArgumentError(Error, ValueError):
    status = "ERROR_ARGUMENT"


class ConfigError(Error, ValueError):
    status = "ERROR_CONFIG"


class NotFoundError(Error, LookupError):
    status = "ERROR_NOT_FOUND"


class ExistsError(Error):
    status = "ERROR_EXISTS"


class BusyError(Error):
    """Something is in use by another process."""

    status = "ERROR_BUSY"


class CancelledError(Error):
    status = "ERROR_CANCELLED"


class UnsupportedError(Error):
    """This build or version cannot do that."""

    status = "ERROR_UNSUPPORTED"


class LimitError(Error):
    status = "ERROR_LIMIT"


class DataError(Error, ValueError):
    """A value is not usable: NaN, out of range, duplicate."""

    status = "ERROR_DATA"


class DiskFullError(Error):
    status = "ERROR_DISK_FULL"


class RankError(Error):
    """Another process of the same work failed."""

    status = "ERROR_RANK"


BY_STATUS: dict[str, type[Error]] = {kind.status: kind for kind in Error.__subclasses__()}
