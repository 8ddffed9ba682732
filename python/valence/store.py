"""Feature stores: reading, writing, importing (valence/store.h, valence/import.h)."""
from __future__ import annotations

import ctypes
import dataclasses
import json
import math
import operator
import os
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from valence import _bindings as c
from valence._library import Handle, call, encoded, lib, made, path_bytes, pointer, text
from valence._library import names as library_names
from valence._options import listed, number_of, options, plain
from valence._progress import Watch, Work
from valence.clips import Array, Clips, Rows, as_rows
from valence.errors import ArgumentError, BusyError, NotFoundError

if TYPE_CHECKING:
    import pandas

DTYPES = {c.VALENCE_F16: np.float16, c.VALENCE_F32: np.float32}


@dataclasses.dataclass(frozen=True)
class Stream:
    name: str
    width: int
    dtype: str


class Clip(Mapping[str, Array]):
    """One clip of an open store: its record, and its streams as arrays by name."""

    def __init__(self, store: Store, number: int) -> None:
        self._store, self.number = store, number
        record = self._record
        self.id, self.group, self.transcript = (text(getattr(record, n)) for n in ("id", "group", "transcript"))
        self.label: float | None = None if math.isnan(record.label) else record.label
        self.split: str = store.splits[record.split]

    @property
    def _record(self) -> Any:
        """The library's, which lives while the store is open."""
        return self._store.record(self.number)

    @property
    def metadata(self) -> dict[str, Any]:
        """What the encoders recorded about it, by stream."""
        written = self._record.metadata
        return dict(json.loads(written)) if written else {}

    def n_rows(self, stream: str) -> int:
        return int(self._record.n_rows[self._store.stream_number(stream)])

    def __getitem__(self, stream: str) -> Array:
        return self._store.rows(self.number, stream)

    def __iter__(self) -> Iterator[str]:
        record = self._record
        return iter([s.name for i, s in enumerate(self._store.streams) if record.n_rows[i]])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<valence.Clip {self.id!r}: {self.split}, label {self.label}, {', '.join(self) or 'no rows'}>"


class Store(Handle):
    """A store, open for reading. Threads may share it.

        with valence.Store("corpus") as store:
            for clip in store:
                clip.label, clip["audio"]        # (T, D), float16 or float32 as stored

    Rows are read when you ask for them, straight into the array that you get: nothing is converted or copied on the way.
    """

    def __init__(self, path: str | os.PathLike[str], accept_unfinished: bool = False) -> None:
        wanted = options("valence_store_options", {"accept_unfinished": accept_unfinished})
        super().__init__(made(c.valence_store, "valence_store_open", path_bytes(path), ctypes.byref(wanted)), "valence_store_close")
        self.path: str = text(lib.valence_store_path(self.handle))
        self.splits = library_names("valence_split_names")
        self.streams: list[Stream] = []
        dtypes = library_names("valence_dtype_names")
        for i in range(lib.valence_store_n_streams(self.handle)):
            stream = lib.valence_store_get_stream(self.handle, i).contents
            self.streams.append(Stream(stream.name.decode(), stream.width, dtypes[stream.type]))
        self._numbers = {stream.name: i for i, stream in enumerate(self.streams)}

    def stream_number(self, name: str) -> int:
        try:
            return self._numbers[name]
        except KeyError:
            raise NotFoundError(f"{self.path}: no stream '{name}'; there are {', '.join(self._numbers) or 'none'}") from None

    @property
    def finished(self) -> bool:
        return bool(lib.valence_store_is_finished(self.handle))

    @property
    def source(self) -> dict[str, Any]:
        """Where the clips come from, and the settings of their encoders."""
        written = lib.valence_store_source(self.handle)
        return dict(json.loads(written)) if written else {}

    @property
    def label_scale(self) -> dict[str, Any] | None:
        """The declared scale of the labels: name, low, high, classes."""
        scale = lib.valence_store_label_scale(self.handle)
        if not scale:
            return None
        s = scale.contents
        return {"name": s.name.decode(), "low": s.low, "high": s.high,
                "classes": [s.classes[i].value.decode() for i in range(s.n_classes)]}

    @property
    def failures(self) -> dict[str, str]:
        """Clips that could not be made, and why."""
        found = (lib.valence_store_get_failure(self.handle, i).contents
                 for i in range(lib.valence_store_n_failures(self.handle)))
        return {text(failure.id): text(failure.reason) for failure in found}

    # ---- Clips ----

    def __len__(self) -> int:
        return int(lib.valence_store_n_clips(self.handle))

    def __getitem__(self, which: int | str) -> Clip:
        """A clip by its number or its id."""
        if isinstance(which, str):
            number = lib.valence_store_find_clip(self.handle, encoded(which, "id"))
            if number < 0:
                raise KeyError(which)
            return Clip(self, number)
        number = operator.index(which)
        return Clip(self, number + (len(self) if number < 0 else 0))

    def __iter__(self) -> Iterator[Clip]:
        return (Clip(self, i) for i in range(len(self)))

    def record(self, number: int) -> Any:
        """struct valence_clip of one clip."""
        if not 0 <= number < len(self):
            raise IndexError(f"clip {number} of {len(self)}")
        return lib.valence_store_clip(self.handle, number).contents

    def id(self, number: int) -> str:
        return text(self.record(number).id)

    def rows(self, number: int, stream: str, first: int = 0, n: int | None = None) -> Array:
        """Rows of one clip and stream, all or n from `first` on, in an array of their own."""
        s = self.stream_number(stream)
        handle, record = self.handle, self.record(operator.index(number))
        total = record.n_rows[s]
        count = total - first if n is None else n
        if not (0 <= first <= total and 0 <= count <= total - first):
            raise ArgumentError(f"{self.path}: clip '{text(record.id)}': rows {count} from row {first} of stream '{stream}', which has "
                                f"{total}")
        described = lib.valence_store_get_stream(handle, s).contents
        array = np.empty((count, described.width), DTYPES[described.type])
        call("valence_store_read_rows", handle, number, s, first, count, array.ctypes.data)
        return array

    def clips(self, split: str | None = None, streams: list[str] | None = None) -> tuple[Clips, Array, list[str]]:
        """All clips of a split in memory: X, the labels (NaN without one) and the ids."""
        wanted = listed(streams) if streams is not None else [s.name for s in self.streams]
        chosen = [clip for clip in self if split is None or clip.split == split]
        x = Clips({name: self._packed(name, chosen) for name in wanted})
        return x, np.array([math.nan if clip.label is None else clip.label for clip in chosen]), [clip.id for clip in chosen]

    def _packed(self, stream: str, clips: list[Clip]) -> Rows:
        """The rows of these clips, read one after the other into one array."""
        s = self.stream_number(stream)
        described = lib.valence_store_get_stream(self.handle, s).contents
        offsets = np.zeros(len(clips) + 1, np.int64)
        np.cumsum([clip.n_rows(stream) for clip in clips], out=offsets[1:])
        rows = np.empty((offsets[-1], described.width), DTYPES[described.type])
        for clip, first, last in zip(clips, offsets.tolist(), offsets[1:].tolist()):
            if last > first:
                call("valence_store_read_rows", self.handle, clip.number, s, 0, last - first, rows[first:].ctypes.data)
        return Rows(rows, offsets)

    def to_pandas(self) -> pandas.DataFrame:
        """The clips' records: one row a clip, with the number of rows of each stream; needs pandas."""
        import pandas

        return pandas.DataFrame([
            {"id": clip.id, "split": clip.split, "label": clip.label, "group": clip.group, "transcript": clip.transcript,
             **{stream.name: clip.n_rows(stream.name) for stream in self.streams}} for clip in self])

    def __repr__(self) -> str:
        streams = ", ".join(f"{s.name} ({s.width}, {s.dtype})" for s in self.streams)
        return f"<valence.Store {self.path!r}: {len(self)} clips; {streams}>"

    # ---- Making stores ----

    @staticmethod
    def write(path: str | os.PathLike[str], streams: Mapping[str, Any], **more: Any) -> StoreWriter:
        """Opens a store for writing: StoreWriter says how."""
        return StoreWriter(path, streams, **more)

    @classmethod
    def from_source(cls, path: str | os.PathLike[str], kind: str, source: str | os.PathLike[str], *, progress: Watch = None,
                    skip: tuple[str, ...] = (), **more: Any) -> Store:
        """Imports a data set and opens the store: kind is "table", "dense", "merbench", "mmsa" or "csd", and `more` are members
        of struct valence_import_options. `streams` is a dict: {"audio": {"folder": "wavlm"}}."""
        kinds = {lib.valence_import_kind_name(i).decode(): i for i in range(lib.valence_n_import_kinds())}
        reasons = {lib.valence_skip_name(i).decode(): i for i in range(lib.valence_n_skips())}
        if kind not in kinds:
            raise ArgumentError(f"kind: '{kind}' is none of {', '.join(kinds)}")
        for name in listed(skip):
            if name not in reasons:
                raise ArgumentError(f"skip: '{name}' is none of {', '.join(reasons)}", "skip")
        wanted = options("valence_import_options", {**more, "skip": sum(1 << reasons[name] for name in set(listed(skip)))})
        result = c.valence_import_result(size=ctypes.sizeof(c.valence_import_result))
        with Work(progress) as work:
            work.call("valence_import", kinds[kind], path_bytes(source), path_bytes(path), ctypes.byref(wanted), work.progress,
                      ctypes.byref(result))
        return cls(path)

    @classmethod
    def synthesize(cls, path: str | os.PathLike[str], *, progress: Watch = None, **more: Any) -> Store:
        """Makes the synthetic corpus for trying things out (valence/synthesize.h): n_train, n_test, audio_width, seed, …"""
        wanted = options("valence_synthesize_options", more)
        with Work(progress) as work:
            work.call("valence_synthesize", path_bytes(path), ctypes.byref(wanted), work.progress)
        return cls(path)

    def summary(self, values: bool = True, progress: Watch = None) -> dict[str, Any]:
        """What the store holds and what is odd about it (valence/summary.h)."""
        found = ctypes.POINTER(c.valence_data_summary)()
        with Work(progress) as work:
            work.call("valence_store_summarise", self.handle, values, work.progress, ctypes.byref(found))
        try:
            summary: dict[str, Any] = plain(found.contents)
        finally:
            lib.valence_data_summary_free(found)
        summary["streams"] = {s["format"]["name"]: s for s in summary["streams"][:len(self.streams)]}
        summary["splits"] = dict(zip(self.splits, summary["splits"]))
        return summary


class StoreWriter:
    """Writes a store. Threads may share it; a forked process may not use it.

        with valence.Store.write("corpus", {"audio": 74, "text": (768, "f16")}) as writer:
            writer.add("clip1", split="train", label=1.5, audio=rows, text=other_rows)

    At the end of the `with` the store is finished; after an error it stays unfinished, and opening it again continues it.
    """

    def __init__(self, path: str | os.PathLike[str], streams: Mapping[str, Any], *, source: Mapping[str, Any] | None = None,
                 label_scale: Mapping[str, Any] | None = None, **more: Any) -> None:
        wanted = options("valence_store_writer_options", more)
        table = (c.valence_store_stream * len(streams))()
        for entry, (name, width) in zip(table, streams.items()):
            columns, kind = width if isinstance(width, tuple) else (width, "f32")
            entry.name, entry.width = encoded(name, "stream"), columns
            entry.type = number_of(kind, "valence_dtype_names", name)
        self._numbers = {name: i for i, name in enumerate(streams)}
        self._widths = {entry.name.decode(): entry.width for entry in table}
        address = made(c.valence_store_writer, "valence_store_writer_open", path_bytes(path), table, len(table), ctypes.byref(wanted))
        self._address: Any = address
        self._turn = threading.Lock()
        self._process = os.getpid()
        self._open = True
        try:
            if source is not None:
                call("valence_store_writer_set_source", address, json.dumps(source).encode())
            if label_scale is not None:
                self._set_label_scale(dict(label_scale))
        except BaseException:
            self.close()
            raise

    @property
    def handle(self) -> Any:
        if not self._open:
            raise ValueError("this StoreWriter is closed")
        if os.getpid() != self._process:
            raise BusyError("this StoreWriter belongs to the process that forked this one: let it add what its children make")
        return self._address

    def _set_label_scale(self, given: dict[str, Any]) -> None:
        classes = list(given.pop("classes", []))
        scale = c.valence_label_scale(n_classes=len(classes), low=0, high=max(len(classes) - 1, 0))
        if len(classes) > c.VALENCE_MAX_CLASSES:
            raise ArgumentError(f"{len(classes)} classes; {c.VALENCE_MAX_CLASSES} are the most")
        for place, name in zip(scale.classes, classes):
            place.value = encoded(name, "classes")
        for name, value in given.items():
            if name not in ("name", "low", "high"):
                raise ArgumentError(f"a label scale has no '{name}': name, low, high and classes are known")
            setattr(scale, name, encoded(value, name) if name == "name" else value)
        call("valence_store_writer_set_label_scale", self.handle, ctypes.byref(scale))

    def __len__(self) -> int:
        with self._turn:
            return int(lib.valence_store_writer_n_clips(self.handle))

    def __contains__(self, id: str) -> bool:
        with self._turn:
            return bool(lib.valence_store_writer_has(self.handle, encoded(id, "id")))

    def add(self, id: str, *, split: str = "train", label: float | None = None, group: str = "", transcript: str = "",
            metadata: Mapping[str, Any] | None = None, **streams: Any) -> None:
        """Adds a clip: all of it or, on an error, none."""
        clip = c.valence_clip(id=encoded(id, "id"), group=encoded(group, "group"), transcript=encoded(transcript, "transcript"),
                              metadata=json.dumps(metadata).encode() if metadata else b"",
                              split=number_of(split, "valence_split_names", "split"),
                              label=math.nan if label is None else label)
        rows, kept = (c.valence_clip_rows * len(streams))(), []
        for entry, (name, value) in zip(rows, streams.items()):
            if name not in self._numbers:
                raise ArgumentError(f"{id}: the store has no stream '{name}'")
            array = as_rows(value, f"{id}, {name}")
            entry.stream = self._numbers[name]
            if array is not None:
                array = np.ascontiguousarray(array, np.float32)
                entry.n_rows, entry.rows = len(array), pointer(array, ctypes.c_float)
                kept.append(array)
                self._check_width(id, name, array)
        with self._turn:
            call("valence_store_writer_add", self.handle, ctypes.byref(clip), rows, len(rows))

    def _check_width(self, id: str, name: str, array: Array) -> None:
        if array.shape[1] != self._widths[name]:
            raise ArgumentError(f"{id}, {name}: {array.shape[1]} columns; the store has {self._widths[name]}")

    def finish(self) -> None:
        """Writes everything to disk and marks the store as finished."""
        with self._turn:
            call("valence_store_writer_finish", self.handle)

    def close(self) -> None:
        with self._turn:
            if self._open and os.getpid() == self._process:
                self._open = False
                call("valence_store_writer_close", self._address)

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        if kind is None and self._open:
            self.finish()
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_open", False) and os.getpid() == self._process:
            self._open = False
            lib.valence_store_writer_close(self._address, None)


def write_clips(path: str, clips: Clips, labels: Array, splits: list[str], groups: list[str] | None = None) -> None:
    """A store of clips in memory, under the ids of their numbers."""
    dtypes = {name: "f16" if rows.dtype == np.float16 else "f32" for name, rows in clips.streams.items()}
    table = {name: (width, dtypes[name]) for name, width in clips.widths().items()}
    with StoreWriter(path, table) as writer:
        for i, clip in enumerate(clips):
            writer.add(f"clip{i}", split=splits[i], label=float(labels[i]), group=groups[i] if groups else "",
                       **{name: rows for name, rows in clip.items() if rows is not None})
