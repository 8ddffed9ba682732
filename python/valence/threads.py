"""Threads: how many the library computes with (valence/runtime.h). threadpoolctl limits them as user_api="valence"."""
from __future__ import annotations

import ctypes

from valence._library import lib, whole
from valence.errors import ArgumentError


def set_threads(n: int) -> int:
    """What the calling thread computes with from now on, 0 for the default; gives what it was. Other threads keep theirs."""
    if whole(n, ctypes.c_int, "n") < 0:
        raise ArgumentError(f"n is {n}; it must be at least 0", "n")
    return int(lib.valence_set_threads(n))


def get_threads() -> int:
    return int(lib.valence_threads())


def default_threads() -> int:
    """One for each CPU that the process may use, or fewer where its control group pays for fewer."""
    return int(lib.valence_default_threads())
