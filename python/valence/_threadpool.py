"""Lets threadpoolctl see and limit the threads of the library."""
from __future__ import annotations

from typing import Any


def register(lib: Any) -> bool:
    """False where threadpoolctl is not installed. Registering again changes nothing."""
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
            return int(lib.valence_threads())

        def set_num_threads(self, num_threads: int) -> None:
            lib.valence_set_threads(num_threads)

        def get_version(self) -> str:
            return str(lib.valence_version().decode())

    if not any(controller.internal_api == "valence" for controller in threadpoolctl._ALL_CONTROLLERS):
        threadpoolctl.register(ValenceController)
    return True
