"""Clips in memory: what may be given as X, and the batches of it that the library reads.

X is a dict from stream ("audio", "text", "video", "simulated_text") to one entry a clip: an array (T, D) or (D,), or None where
the clip lacks it. A stream may also be one array (N, T, D) or (N, D), a PyArrow array of lists of rows, or Rows, which the
library reads where they are. A list of dicts, one a clip, is the other way round. Arrays are NumPy's, or anything that
shares its CPU memory by DLPack (PyTorch, JAX) or PyArrow.
"""
from __future__ import annotations

import ctypes
import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Union

import numpy as np

from valence import _bindings as c
from valence._library import names, pointer
from valence.errors import ArgumentError, ShapeError

Array = np.ndarray[Any, np.dtype[Any]]
X = Union["Clips", Mapping[str, Any], Sequence[Any], Any]


@functools.cache
def stream_names() -> list[str]:
    """"audio", "text", "video", "simulated_text"."""
    return names("valence_stream_names")


@dataclasses.dataclass(frozen=True)
class Rows:
    """One stream of N clips, packed: clip i owns rows[offsets[i] : offsets[i + 1]]. f16 and f32 are not copied."""

    rows: Array
    offsets: Array

    def __post_init__(self) -> None:
        rows = as_array(self.rows)
        offsets = np.ascontiguousarray(self.offsets, np.int64)
        if rows.ndim != 2 or offsets.ndim != 1 or not len(offsets):
            raise ShapeError(f"rows have the shape {rows.shape} and offsets {offsets.shape}; (n, D) and (clips + 1,) are wanted")
        if offsets[0] != 0 or offsets[-1] > len(rows) or (np.diff(offsets) < 0).any():
            raise ArgumentError(f"offsets must rise from 0 to at most {len(rows)}, the number of rows")
        object.__setattr__(self, "rows", np.require(rows, requirements=["C", "A"]))
        object.__setattr__(self, "offsets", offsets)

    @property
    def width(self) -> int:
        return int(self.rows.shape[1])

    @property
    def dtype(self) -> Any:
        return self.rows.dtype

    @property
    def n_rows(self) -> int:
        return int(self.offsets[-1])

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: int) -> Array | None:
        rows = self.rows[self.offsets[i]:self.offsets[i + 1]]
        return rows if len(rows) else None

    def chosen(self, clips: Array) -> Arrays:
        return Arrays([self[int(i)] for i in clips], self.width, self.dtype)

    def view(self, first: int, last: int) -> tuple[c.valence_rows, Any]:
        """The library's view of some of the clips, and what must be kept while it is used."""
        offsets = self.offsets[first:last + 1] - self.offsets[first]
        rows = self.rows[self.offsets[first]:self.offsets[last]]
        if not len(rows):
            return c.valence_rows(), None
        return c.valence_rows(data=rows.ctypes.data, type=dtype_number(rows.dtype), width=self.width,
                              offsets=pointer(offsets, ctypes.c_int64)), (rows, offsets)


@dataclasses.dataclass(frozen=True)
class Arrays:
    """One stream of N clips, an array (T, D) or None for each. The library reads arrays of `dtype` where they are; others are
    converted when their batch is computed."""

    arrays: list[Array | None]
    width: int
    dtype: Any

    @classmethod
    def read(cls, items: Sequence[Any], stream: str) -> Arrays:
        arrays: list[Array | None] = []
        width, is_half = 0, True
        for i, item in enumerate(items):
            array = item if type(item) is np.ndarray and item.ndim == 2 else as_rows(item, f"clip {i}, {stream}")
            if array is None or not array.size:
                arrays.append(None)
                continue
            if array.shape[1] != width and width:
                raise ShapeError(f"clip {i}, {stream}: {array.shape[1]} columns, and {width} in the clips before it")
            if array.dtype.kind != "f":
                array = as_array(array)
            width = array.shape[1]
            is_half = is_half and array.dtype == np.float16
            arrays.append(array)
        return cls(arrays, width, np.dtype(np.float16 if width and is_half else np.float32))

    @property
    def n_rows(self) -> int:
        return sum(len(array) for array in self.arrays if array is not None)

    def __len__(self) -> int:
        return len(self.arrays)

    def __getitem__(self, i: int) -> Array | None:
        array = self.arrays[i]
        return None if array is None else np.asarray(array, self.dtype)

    def chosen(self, clips: Array) -> Arrays:
        return Arrays([self.arrays[int(i)] for i in clips], self.width, self.dtype)

    def view(self, first: int, last: int) -> tuple[c.valence_rows, Any]:
        """The library's view of some of the clips, and what must be kept while it is used."""
        offsets, addresses = np.zeros(last - first + 1, np.int64), (ctypes.c_void_p * (last - first))()
        kept: list[Any] = [offsets, addresses]
        dtype, total = self.dtype, 0
        for i, array in enumerate(self.arrays[first:last]):
            if array is not None:
                if array.dtype == dtype and array.flags.carray:  # which is as a rule; .ctypes takes four times as long
                    memory: Any = array  # older NumPy's types do not call it a buffer
                    addresses[i] = ctypes.addressof(ctypes.c_char.from_buffer(memory))
                else:
                    array = np.require(array, dtype, ["C", "A"])
                    kept.append(array)
                    addresses[i] = array.ctypes.data
                total += len(array)
            offsets[i + 1] = total
        if not total:
            return c.valence_rows(), None
        return c.valence_rows(type=dtype_number(self.dtype), width=self.width, offsets=pointer(offsets, ctypes.c_int64),
                              clips=ctypes.cast(addresses, ctypes.POINTER(ctypes.c_void_p))), kept


Packed = Union[Rows, Arrays]


def dtype_number(dtype: Any) -> int:
    return c.VALENCE_F16 if dtype == np.float16 else c.VALENCE_F32


def as_numbers(value: Any) -> Array:
    """A NumPy array of real numbers over the same memory where that is possible."""
    if not isinstance(value, np.ndarray):
        if hasattr(value, "detach"):  # a tensor that asks for gradients hands out nothing
            value = value.detach()
        if hasattr(value, "type") and hasattr(value.type, "list_size"):  # PyArrow's lists of one length
            value = value.flatten().to_numpy(zero_copy_only=False).reshape(len(value), value.type.list_size)
        elif hasattr(value, "__dlpack__"):
            value = np.from_dlpack(value)
    array = np.asarray(value)
    if array.dtype.kind == "O":
        array = array.astype(np.float32)  # says itself what is no number
    if array.dtype.kind not in "fiub":
        raise TypeError(f"rows must be real numbers; this array holds {array.dtype}")
    return array


def as_array(value: Any) -> Array:
    """The same of f16 or f32."""
    array = as_numbers(value)
    return array if array.dtype in (np.float16, np.float32) else array.astype(np.float32)


def as_samples(value: Any) -> Array:
    """Mono samples of sound as f32; full scale is 1."""
    array = as_numbers(value)
    if array.ndim != 1:
        raise ShapeError(f"samples of the shape {array.shape}; one channel, (n,), is wanted")
    if array.dtype.kind != "f":
        raise ArgumentError(f"the samples are whole numbers ({array.dtype}), and full scale is 1: divide 16-bit samples by 32768")
    return np.ascontiguousarray(array, np.float32)


def as_rows(value: Any, where: str) -> Array | None:
    """One clip's stream as (T, D); None where it has no rows."""
    if value is None:
        return None
    array = as_array(value)
    if array.ndim == 1 and array.size:
        array = array[None, :]
    if not array.size:
        return None
    if array.ndim != 2:
        raise ShapeError(f"{where}: an array of the shape {array.shape}; (rows, columns) is wanted")
    return array


def from_arrow(value: Any) -> Rows:
    """A PyArrow array with a list of rows for each clip, each row a list of fixed length or of one."""
    value = value.combine_chunks() if hasattr(value, "combine_chunks") else value
    counts = np.asarray([0 if item is None else item for item in value.value_lengths().to_pylist()], np.int64)
    inner = value.flatten()
    if not hasattr(inner.type, "list_size"):
        widths = set(inner.value_lengths().to_pylist())
        if len(widths) > 1:
            raise ShapeError(f"rows of {sorted(widths)[0]} and of {sorted(widths)[1]} columns in one stream")
        rows = inner.flatten().to_numpy(zero_copy_only=False).reshape(len(inner), widths.pop() if widths else 0)
    else:
        rows = as_array(inner)
    return Rows(rows, np.concatenate([[0], np.cumsum(counts)]))


def as_clips(items: Any, stream: str) -> Packed:
    """The entries of one stream, in the form in which the library reads them without a copy."""
    if isinstance(items, (Rows, Arrays)):
        return items
    if hasattr(items, "type") and hasattr(items, "value_lengths") and not hasattr(items.type, "list_size") \
            or hasattr(items, "combine_chunks"):
        return from_arrow(items)
    if not isinstance(items, (list, tuple)):
        array = as_array(items)
        if array.ndim == 2:  # one row a clip
            return Rows(array, np.arange(len(array) + 1))
        if array.ndim == 3:
            return Rows(array.reshape(-1, array.shape[2]), np.arange(len(array) + 1) * array.shape[1])
        raise ShapeError(f"{stream}: an array of the shape {array.shape}; (clips, rows, columns) or (clips, columns) is wanted")
    return Arrays.read(items, stream)


class Clips(Sequence[dict[str, Any]]):
    """N clips by stream, as a sequence of N dicts: what scikit-learn's splitters can index.

        Clips(audio=[...], text=[...])    or    Clips(a dict, a list of dicts, an array for `stream`)
    """

    def __init__(self, clips: X = None, stream: str = "text", **streams: Any) -> None:
        self.streams: dict[str, Packed] = {}
        if isinstance(clips, Clips):
            self.streams = clips.streams
        else:
            for name, items in (streams or as_streams(clips, stream)).items():
                if name not in stream_names():
                    raise ArgumentError(f"'{name}' is no stream: {', '.join(stream_names())} are")
                if items is not None:
                    self.streams[name] = as_clips(items, name)
        lengths = {name: len(rows) for name, rows in self.streams.items()}
        if len(set(lengths.values())) > 1:
            raise ShapeError("streams of different numbers of clips: " + ", ".join(f"{n} {k}" for k, n in lengths.items()))
        self.n_clips = next(iter(lengths.values()), 0)

    def __len__(self) -> int:
        return self.n_clips

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, (int, np.integer)):
            if not -self.n_clips <= index < self.n_clips:
                raise IndexError(f"clip {index} of {self.n_clips}")
            i = int(index) % self.n_clips
            return {name: rows[i] for name, rows in self.streams.items()}
        chosen = np.arange(self.n_clips)[index]
        return Clips({name: rows.chosen(chosen) for name, rows in self.streams.items()})

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[i] for i in range(self.n_clips))

    def __repr__(self) -> str:
        widths = ", ".join(f"{name} ({rows.width})" for name, rows in self.streams.items())
        return f"<{self.n_clips} clips: {widths or 'no streams'}>"

    def widths(self) -> dict[str, int]:
        """Columns of each stream that has rows."""
        return {name: rows.width for name, rows in self.streams.items() if rows.n_rows}

    def batches(self, size: int) -> Iterator[c.valence_batch]:
        """The library's view of `size` clips at a time. It reads the arrays where they are: keep this object."""
        for first in range(0, self.n_clips, size):
            last = min(first + size, self.n_clips)
            batch, kept = c.valence_batch(n_clips=last - first), []
            for name, rows in self.streams.items():
                batch.streams[stream_names().index(name)], memory = rows.view(first, last)
                kept.append(memory)
            yield batch
            del kept


def as_streams(clips: Any, stream: str) -> Mapping[str, Any]:
    """X as a dict by stream."""
    if clips is None:
        return {}
    if isinstance(clips, Mapping):
        return clips
    if isinstance(clips, (list, tuple)) and clips and all(isinstance(clip, Mapping) for clip in clips):
        used = [name for name in stream_names() if any(name in clip for clip in clips)]
        unknown = {str(name) for clip in clips for name in clip} - set(used)
        if unknown:
            raise ArgumentError(f"'{sorted(unknown)[0]}' is no stream: {', '.join(stream_names())} are")
        return {name: [clip.get(name) for clip in clips] for name in used}
    return {stream: clips}
