"""python -m valence._worker FOLDER VARIANT SEED THREADS SCHEDULER TRIAL SECONDS: trains a run of an experiment, as
Experiment.run() asks its processes to do. Ends with minus the library's status."""
from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Any

from valence import _bindings as c
from valence._library import lib
from valence._progress import REPORT


def start(worker: Any, package: str) -> int:
    """Starts the process; gives its id."""
    arguments = [worker.folder, worker.variant, worker.seed, worker.n_threads, os.getpid(), worker.trial, worker.trial_seconds]
    words = [argument if isinstance(argument, bytes) else str(argument).encode() for argument in arguments]
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    files = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
             (os.POSIX_SPAWN_OPEN, 2, worker.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)]
    # A group of its own: Ctrl-C in the terminal reaches the scheduler alone, which asks its workers to save.
    return os.posix_spawn(sys.executable, [sys.executable.encode(), b"-m", b"valence._worker", *words],
                          {**os.environ, "PYTHONPATH": path}, file_actions=files, setpgroup=0)


def main(arguments: list[str]) -> int:
    folder, variant, seed, threads, scheduler, trial, seconds = arguments
    worker = c.valence_worker(folder=os.fsencode(folder), variant=os.fsencode(variant), seed=int(seed), n_threads=int(threads),
                              trial=int(trial), trial_seconds=float(seconds))
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: asked.append(number))
    # Without its scheduler a worker saves and ends: the next scheduler starts its own.
    progress = c.valence_progress(REPORT(lambda user, event: int(bool(asked) or os.getppid() != int(scheduler))), None)
    error = c.valence_error()
    status: int = lib.valence_experiment_work(ctypes.byref(worker), ctypes.byref(progress), ctypes.byref(error))
    if status:
        sys.stderr.write(error.text.decode("utf-8", "replace") + "\n")
    return -status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
