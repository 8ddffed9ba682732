"""Encoders: sound, pictures and texts to feature rows (valence/encoder.h)."""
from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from typing import Any, Union

import numpy as np

from valence import _bindings as c
from valence._library import Handle, call, encoded, lib, made, owned_text, path_bytes, pointer
from valence._options import options, plain
from valence._progress import Watch, Work
from valence.clips import Array, as_numbers, as_samples
from valence.errors import ShapeError
from valence.scorer import cache_folder, fetch_options


class Encoder(Handle):
    """An encoder's weights: a GGUF file, or the name of a known model ("smollm2"), which is fetched where it is absent.

        with valence.Encoder("smollm2") as encoder:
            rows, = encoder.encode(["I loved it"])        # (tokens, columns), float32

    `options` are members of struct valence_encoder_options (layers, prefix, mean, device, …). Threads may share it.
    """

    def __init__(self, model: str | os.PathLike[str], *, folder: str | os.PathLike[str] | None = None, download: bool = True,
                 **more: Any) -> None:
        place = path_bytes(folder if folder is not None else cache_folder())
        fetch = fetch_options(download)
        path = owned_text(lambda found, error: lib.valence_model_resolve(place, path_bytes(model), ctypes.byref(fetch), found, error))
        if os.path.isdir(place):
            more.setdefault("memory", owned_text(lambda found, error: lib.valence_model_memory(place, found, error)))
        wanted = options("valence_encoder_options", more)
        super().__init__(made(c.valence_encoder, "valence_encoder_load", path_bytes(path), ctypes.byref(wanted)),
                         "valence_encoder_free")
        self._states: list[State] = []

    @property
    def description(self) -> dict[str, Any]:
        """What it is and gives (struct valence_encoder_description)."""
        return dict(plain(lib.valence_encoder_describe(self.handle).contents))

    @property
    def width(self) -> int:
        return int(lib.valence_encoder_describe(self.handle).contents.width)

    def encode(self, inputs: Sequence[Union[str, Any]], *, progress: Watch = None) -> list[Array]:
        """The rows of each input, (T, width): of texts, mono samples (n,) at description["rate_hz"], RGB pictures (height, width,
        3) of uint8, or rows (T, D) for a projector. The arrays are the library's memory, which is freed with the last of them."""
        if isinstance(inputs, str):
            raise TypeError(f"encode() takes a list of inputs: [{inputs[:40]!r}]")
        entries, kept = (c.valence_encoder_input * len(inputs))(), []
        for entry, given in zip(entries, inputs):
            kept.append(fill(entry, given))
        features = Features()
        try:
            state = self._states.pop()
        except IndexError:
            state = State(self)
        try:
            with Work(progress) as work:
                work.call("valence_encoder_encode", state.handle, entries, len(entries), work.progress, ctypes.byref(features.struct))
        finally:
            if self.is_open:
                self._states.append(state)
        return features.arrays()

    def close(self) -> None:
        self._states.clear()
        super().close()


class State(Handle):
    def __init__(self, encoder: Encoder) -> None:
        weights = encoder.handle
        super().__init__(made(c.valence_encoder_state, "valence_encoder_state_create", weights), "valence_encoder_state_free", weights)


class Features:
    """The rows of a batch, freed when no array uses them any more."""

    def __init__(self) -> None:
        self.struct = c.valence_features()

    def __del__(self) -> None:
        lib.valence_features_free(ctypes.byref(self.struct))

    def arrays(self) -> list[Array]:
        n, width = self.struct.n_inputs, self.struct.width
        offsets = [self.struct.offsets[i] for i in range(n + 1)]
        if not offsets[-1]:
            return [np.empty((0, width), np.float32) for _ in range(n)]
        memory = (ctypes.c_float * (offsets[-1] * width)).from_address(ctypes.addressof(self.struct.rows.contents))
        memory.owner = self  # the array keeps the memory, and it keeps this
        rows = np.frombuffer(memory, np.float32).reshape(offsets[-1], width)
        return [rows[offsets[i]:offsets[i + 1]] for i in range(n)]


def fill(entry: Any, given: Any) -> Any:
    """Sets one input; gives what must live as long."""
    if isinstance(given, str):
        entry.text = encoded(given, "text")
        return entry
    array = np.ascontiguousarray(as_numbers(given))
    if array.dtype == np.uint8:
        if array.ndim != 3 or array.shape[2] != 3:
            raise ShapeError(f"a picture of the shape {array.shape}; (height, width, 3) is wanted")
        entry.pixels, entry.height, entry.width = pointer(array, ctypes.c_uint8), array.shape[0], array.shape[1]
        return array
    if array.ndim == 1:
        array = as_samples(array)
        entry.samples, entry.n_samples = pointer(array, ctypes.c_float), len(array)
    elif array.ndim == 2:
        array = array.astype(np.float32, copy=False)
        entry.frames, entry.n_frames = pointer(array, ctypes.c_float), len(array)
    else:
        raise ShapeError(f"an input of the shape {array.shape}; samples are (n,), pictures (height, width, 3) of uint8")
    return array


def prosody(samples: Any) -> Array:
    """How an utterance sounds: 50 rows a second of 83 columns, from mono samples at 16 kHz (valence/prosody.h)."""
    array = as_samples(samples)
    rows = np.empty((lib.valence_prosody_n_rows(len(array)), c.VALENCE_PROSODY_COLUMNS), np.float32)
    call("valence_prosody_rows", pointer(array, ctypes.c_float), len(array), pointer(rows, ctypes.c_float))
    return rows
