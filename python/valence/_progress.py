"""Progress of long work, and stopping it.

While the library works, Python's lock is released and no Python code runs but the callbacks. So Ctrl-C is noticed there: the
library is asked to stop at its next safe point, and KeyboardInterrupt is raised when it has.
"""
from __future__ import annotations

import ctypes
import dataclasses
import os
import signal
import threading
from collections.abc import Callable
from typing import Any, Union

from valence import _bindings as c
from valence._library import field_types, lib, raise_error, text
from valence.errors import CancelledError


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far the work has got; `total` is 0 if it is not known."""

    stage: str
    done: int
    total: int
    unit: str
    detail: str


Watch = Union[bool, None, Callable[[Progress], object]]
REPORT = field_types(c.valence_progress)["report"]


class Bar:
    """tqdm's bar, one after the other as stages begin."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self.make, self.bar, self.stage = make, None, ""

    def __call__(self, progress: Progress) -> None:
        if self.bar is None or progress.stage != self.stage:
            self.close()
            self.stage = progress.stage
            self.bar = self.make(desc=progress.stage, total=progress.total or None, unit=" " + progress.unit)
        bar: Any = self.bar
        bar.total = progress.total or None
        bar.set_postfix_str(progress.detail, refresh=False)
        bar.update(progress.done - bar.n)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def watcher(watch: Watch) -> Callable[[Progress], object] | None:
    if watch is not True:
        return watch or None
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return Bar(tqdm)


class Work:
    """One long call of the library:

        with Work(progress) as work:
            work.call("valence_synthesize", path, options, work.progress)

    What a callback raises stops the call and is raised when it has ended.
    """

    def __init__(self, watch: Watch = None) -> None:
        self.watch = watcher(watch)
        self.raised: BaseException | None = None
        self.struct = c.valence_progress(REPORT(self.report), None)
        self.progress = ctypes.byref(self.struct)
        self.previous: Any = None
        self.ends: tuple[int, int] | None = None
        self.thread = threading.get_ident()
        self.signalled = False

    def __enter__(self) -> Work:
        if threading.current_thread() is threading.main_thread() and callable(signal.getsignal(signal.SIGINT)):
            self.previous = signal.signal(signal.SIGINT, self.interrupted)
            # Where callbacks come from another thread, this one runs no handler: the byte that its signal writes is read there.
            reading, writing = os.pipe()
            os.set_blocking(reading, False)
            os.set_blocking(writing, False)
            before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
            if before == -1:
                self.ends = reading, writing
            else:  # an event loop's
                signal.set_wakeup_fd(before)
                os.close(reading)
                os.close(writing)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self.ends:
            signal.set_wakeup_fd(-1)
            for end in self.ends:
                os.close(end)
        if self.previous is not None:
            signal.signal(signal.SIGINT, self.previous)
        if isinstance(self.watch, Bar):
            self.watch.close()
        if self.raised is not None and (error is None or isinstance(error, CancelledError)):
            raise self.raised

    def interrupted(self, number: int, frame: Any) -> None:
        try:
            self.previous(number, frame)
        except BaseException as error:  # as a rule KeyboardInterrupt; here nobody could catch it
            self.raised = error

    def stopped(self) -> bool:
        if self.ends and threading.get_ident() != self.thread:
            try:
                self.signalled |= signal.SIGINT in os.read(self.ends[0], 64)
            except BlockingIOError:
                pass
        return self.signalled or self.raised is not None

    def report(self, user: int | None, event: Any) -> int:
        if self.watch is not None and self.raised is None:
            e = event.contents
            self.run(self.watch, Progress(text(e.stage), e.done, e.total, text(e.unit), text(e.detail)))
        return int(self.stopped())

    def run(self, function: Callable[..., object], *arguments: Any) -> None:
        """Calls Python code from a callback."""
        try:
            function(*arguments)
        except BaseException as error:
            self.raised = error

    def receiver(self, kind: Any, function: Callable[[Any], object]) -> Any:
        """A callback of that kind, (user, pointer), which hands over what the pointer points to."""

        def receive(user: int | None, item: Any) -> int:  # once a clip
            if self.stopped():
                return 1
            try:
                function(item.contents)
            except BaseException as error:
                self.raised = error
            return int(self.raised is not None)

        return kind(receive)

    def call(self, name: str, *arguments: Any) -> None:
        error = c.valence_error()
        status = getattr(lib, name)(*arguments, ctypes.byref(error))
        del arguments  # which the exception's traceback would keep open
        if status and self.raised is None:
            raise_error(error)
