"""Threads: how many the library computes with (valence/runtime.h)."""
from __future__ import annotations

from typing import Any

from valence._library import lib


def set_threads(n: int) -> int:
    """What the calling thread computes with from now on, 0 for the default; gives what it was. Other threads keep theirs."""
    return int(lib.valence_set_threads(n))


def get_threads() -> int:
    return int(lib.valence_threads())


def default_threads() -> int:
    """One for each CPU that the process may use, or fewer where its control group pays for fewer."""
    return int(lib.valence_default_threads())


def register_with_threadpoolctl() -> bool:
    """Lets threadpoolctl see and limit the library's threads, which happens by itself when the library is loaded. False where it
    is not installed."""
    try:
        import threadpoolctl
    except ImportError:
        return False

    class ValenceController(threadpoolctl.LibController):  # type: ignore[misc]
        user_api = "valence"
        internal_api = "valence"
        filename_prefixes = ("libvalence.so",)
        check_symbols = ("valence_set_threads",)

        def get_num_threads(self) -> int:
            return get_threads()

        def set_num_threads(self, num_threads: int) -> None:
            set_threads(num_threads)

        def get_version(self) -> Any:
            return lib.valence_version().decode()

    if not any(controller.internal_api == "valence" for controller in threadpoolctl._ALL_CONTROLLERS):
        threadpoolctl.register(ValenceController)
    return True
