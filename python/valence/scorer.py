"""Scores of recordings and texts (valence/scorer.h)."""
from __future__ import annotations

import ctypes
import dataclasses
import functools
import math
import os
import pathlib
import re
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from valence import _bindings as c
from valence import _display
from valence._library import Handle, call, encoded, lib, made, names, owned_text, path_bytes, pointer, text
from valence._options import flow_name, modalities, options, plain
from valence._progress import Watch, Work
from valence.clips import as_samples
from valence.errors import ArgumentError, BusyError, NotFoundError
from valence.model import class_names, default_model_path

if TYPE_CHECKING:
    import pandas

Path = Union[str, os.PathLike[str]]


@dataclasses.dataclass(frozen=True)
class Word:
    text: str
    start: float
    end: float
    confidence: float


@dataclasses.dataclass(frozen=True)
class Segment:
    """An utterance with its score, or NaN and a reason (struct valence_scored_segment). A model of classes gives `label` and
    `probabilities`; `score` is NaN then."""

    index: int
    start: float
    end: float
    score: float
    raw_score: float
    low: float
    high: float
    expected_error: float
    distance: float
    novelty: float
    outside: bool
    reason: str
    flow: str
    missing: list[str]
    imagined: list[str]
    modality_weights: dict[str, float]
    words_from: str
    text: str
    words: list[Word]
    confidence: float
    signals: dict[str, Any] | None  # with signals=True
    without: dict[str, float] | None  # with explain=True: the score without each modality
    without_word: list[float] | None  # ... without each word
    label: str | None = None  # of a model of classes: the most probable one
    probabilities: dict[str, float] | None = None  # ... and that of each class


@dataclasses.dataclass(frozen=True)
class Score:
    """How positive or negative a recording or a text is; `segments` are its utterances. A model of classes gives `label` and
    `probabilities`, the segments' mean; `score` is NaN then."""

    name: str
    score: float
    spread: float
    lowest: float
    highest: float
    label_range: tuple[float, float]
    seconds: float
    language: str
    warning: str
    has_sound: bool
    has_pictures: bool
    work_seconds: float
    segments: list[Segment]
    label: str | None = None
    probabilities: dict[str, float] | None = None

    def __float__(self) -> float:
        if self.probabilities:
            raise TypeError("a model of classes gives no score; see label and probabilities")
        return self.score

    def __repr__(self) -> str:
        result = f"{self.score:+.2f}" if not self.probabilities else self.label or "without a class"
        return f"<valence.Score {result}, {len(self.segments)} segment{'s' * (len(self.segments) != 1)}: {self.name}>"

    def to_dict(self) -> dict[str, Any]:
        """Of Python's own types, NaN as None: what json.dumps() takes."""
        return dict(without_nan(dataclasses.asdict(self)))

    def to_pandas(self) -> pandas.DataFrame:
        """One row a segment; needs pandas."""
        import pandas

        rows = []
        for segment in self.segments:
            row = dataclasses.asdict(segment)
            row.update({f"weight_{name}": weight for name, weight in row.pop("modality_weights").items()})
            row.update({f"probability_{name}": share for name, share in (row.pop("probabilities") or {}).items()})
            row["missing"], row["imagined"] = ",".join(segment.missing), ",".join(segment.imagined)
            for name in ("words", "signals", "without", "without_word"):
                row.pop(name)
            rows.append(row)
        return pandas.DataFrame(rows)

    def _repr_html_(self) -> str:
        return _display.score(self)


def without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def read_classes(s: Any, classes: list[str]) -> dict[str, Any]:
    """What a segment or a recording has of a model of classes; its score is only the number of a class."""
    if not classes:
        return {"score": s.score, "label": None, "probabilities": None}
    return {"score": math.nan, "label": text(s.class_name) or None,
            "probabilities": {name: s.probabilities[i] for i, name in enumerate(classes)}}


def read_segment(s: Any, read: int, classes: list[str]) -> Segment:
    """Copies what lives for a call only. `read` is the set of the model's modalities."""
    known = names("valence_modality_names")
    explained = s.explanation.contents if s.explanation else None
    without = {name: explained.without[i] for i, name in enumerate(known) if not math.isnan(explained.without[i])} \
        if explained else None
    by_word = explained.without_word[:s.n_words] if explained and explained.without_word else None
    return Segment(
        index=s.index, start=s.start, end=s.end, raw_score=s.raw_score if not classes else math.nan,
        low=s.estimate.low, high=s.estimate.high, expected_error=s.estimate.error, distance=s.distance, novelty=s.novelty,
        outside=s.outside, reason=text(s.reason),
        flow=flow_name(s.flow), missing=modalities(s.missing), imagined=modalities(s.imagined),
        modality_weights={name: s.modality_weights[i] for i, name in enumerate(known) if read >> i & 1},
        words_from=names("valence_word_source_names")[s.words_from], text=text(s.text),
        words=[Word(text(w.text), w.start, w.end, w.confidence) for w in (s.words[i] for i in range(s.n_words))],
        confidence=s.confidence, signals=plain(s.signals.contents) if s.signals else None, without=without, without_word=by_word,
        **read_classes(s, classes))


def cache_folder() -> str:
    """Where the command keeps the models that it fetches: $VALENCE_CACHE/models, or ~/.cache/valence/models."""
    cache = os.environ.get("VALENCE_CACHE")
    return os.path.join(cache, "models") if cache else os.path.expanduser("~/.cache/valence/models")


def fetch_options(download: bool) -> Any:
    fetch = options("valence_model_fetch_options", {"offline": not download, "mirror": os.environ.get("VALENCE_MIRROR") or None})
    convert = ctypes.cast(lib.valence_convert_known_model, c.valence_model_convert)
    fetch.convert = convert
    return fetch


class Turn:
    """One thread at a time: the others wait. A callback that wants it again would wait for itself."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.owner: int | None = None

    def __enter__(self) -> None:
        if self.owner == threading.get_ident():
            raise BusyError("this Scorer is at work: a function that it calls needs one of its own")
        self.lock.acquire()
        self.owner = threading.get_ident()

    def __exit__(self, *error: object) -> None:
        self.owner = None
        self.lock.release()


class Scorer(Handle):
    """A model with the encoders that its training used, for many recordings and texts. Threads that share it wait for each other;
    those with a scorer each work at once.

        with valence.Scorer(explain=True) as scorer:
            scorer.score("clip.mp4").to_pandas()

    `model` is a checkpoint, a run or a folder of seeds; None is the model for English text that comes with valence. `options`
    are members of struct valence_scorer_options (level, language, window_seconds, explain, signals, device, …). `folder` holds
    the encoders, that of the command by default; those that are absent are fetched there unless download=False.
    """

    def __init__(self, model: Path | None = None, *, folder: Path | None = None, download: bool = True, **more: Any) -> None:
        place = os.fspath(folder) if folder is not None else cache_folder()
        self._fetch = fetch_options(download)
        if download:
            pathlib.Path(place).mkdir(parents=True, exist_ok=True)
        memory = owned_text(lambda found, error: lib.valence_model_memory(path_bytes(place), found, error))
        given = {"folder": place, "memory": memory if os.path.isdir(place) else None, **more}
        self._options = options("valence_scorer_options", given)
        self._options.fetch = ctypes.pointer(self._fetch)
        path = default_model_path() if model is None else os.fspath(model)
        super().__init__(made(c.valence_scorer, "valence_scorer_open", path_bytes(path), ctypes.byref(self._options)),
                         "valence_scorer_close", self._options)
        self._turn = Turn()
        model = lib.valence_scorer_model(self.handle)
        self._read = lib.valence_model_modalities(model)
        self.classes = class_names(model)
        low, high = ctypes.c_double(-3), ctypes.c_double(3)
        if not lib.valence_model_label_range(model, ctypes.byref(low), ctypes.byref(high)):
            low.value, high.value = -3, 3
        self.label_range = low.value, high.value

    def load(self, recordings: bool = False) -> None:
        """Loads the encoders for texts, or for recordings, which happens by itself when they are needed."""
        with self._turn:
            call("valence_scorer_load", self.handle, c.VALENCE_SCORER_RECORDINGS if recordings else c.VALENCE_SCORER_TEXTS)

    @property
    def encoders(self) -> dict[str, str]:
        """What reads each modality."""
        with self._turn:
            found = {name: text(lib.valence_scorer_encoder(self.handle, i)) for i, name in enumerate(names("valence_modality_names"))}
        return {name: encoder for name, encoder in found.items() if encoder}

    def score(self, path_or_text: Path, *, progress: Watch = None, on_segment: Callable[[Segment], object] | None = None) -> Score:
        """Scores a file that is there, else a text. A pathlib.Path is always a file."""
        if isinstance(path_or_text, str) and not os.path.isfile(path_or_text):
            if looks_like_a_path(path_or_text):
                raise NotFoundError(f"{path_or_text}: there is no such file. score_text() scores it as a text")
            if os.path.isdir(path_or_text):
                raise ArgumentError(f"{path_or_text}: a folder, not a file. score_text() scores it as a text")
            return self.score_text(path_or_text, progress=progress, on_segment=on_segment)
        return self.score_file(path_or_text, progress=progress, on_segment=on_segment)

    def score_file(self, path: Path, *, text: str | None = None, start: float | None = None, end: float | None = None,
                   progress: Watch = None, on_segment: Callable[[Segment], object] | None = None) -> Score:
        """Scores a media file, or its part from `start` to `end` seconds; `text` is what is said, where you know it."""
        recording = c.valence_recording(path=path_bytes(path), text=None if text is None else encoded(text, "text"))
        if start is not None or end is not None:
            part = c.valence_media_segment(start=start or 0, end=math.inf if end is None else end)
            recording.range = ctypes.pointer(part)
        return self._score(recording, os.fspath(path), progress, on_segment)

    def score_text(self, text: str, *, progress: Watch = None, on_segment: Callable[[Segment], object] | None = None) -> Score:
        """Scores a text; one of more than 40 words is cut into sentences."""
        return self._score(c.valence_recording(name=b"the text", text=encoded(text, "text")), text, progress, on_segment)

    def score_sound(self, samples: Any, *, text: str | None = None, name: str = "the sound", progress: Watch = None,
                    on_segment: Callable[[Segment], object] | None = None) -> Score:
        """Scores mono samples at 16 kHz, full scale 1."""
        array = as_samples(samples)
        recording = c.valence_recording(name=encoded(name, "name"), samples=pointer(array, ctypes.c_float), n_samples=len(array),
                                        text=None if text is None else encoded(text, "text"))
        return self._score(recording, name, progress, on_segment)

    def score_texts(self, texts: Iterable[str], *, progress: Watch = None) -> list[Segment]:
        """Scores texts, several at once: one segment each. One without words has NaN, and a reason."""
        if isinstance(texts, str):
            raise TypeError("score_texts() takes a list of texts; score_text() scores one")
        listed = [encoded(item, f"text {i}") for i, item in enumerate(texts)]
        array, segments = (ctypes.c_char_p * len(listed))(*listed), []
        with self._turn, Work(progress) as work:
            receive = work.receiver(c.valence_segment_receiver, lambda s: segments.append(read_segment(s, self._read, self.classes)))
            work.call("valence_score_texts", self.handle, array, len(listed), work.progress, receive, None)
        return segments

    def _score(self, recording: Any, name: str, progress: Watch, on_segment: Callable[[Segment], object] | None) -> Score:
        found = ctypes.POINTER(c.valence_recording_score)()
        with self._turn, Work(progress) as work:
            receive = work.receiver(c.valence_segment_receiver, lambda s: on_segment(read_segment(s, self._read, self.classes))) \
                if on_segment else c.valence_segment_receiver()
            work.call("valence_score_recording", self.handle, ctypes.byref(recording), work.progress, receive, None,
                      ctypes.byref(found))
        try:
            s = found.contents
            return Score(name=name, spread=s.spread, lowest=s.lowest, highest=s.highest, seconds=s.seconds,
                         label_range=self.label_range, language=text(s.language), warning=text(s.warning), has_sound=s.has_sound,
                         has_pictures=s.has_pictures, work_seconds=s.work_seconds,
                         segments=[read_segment(s.segments[i], self._read, self.classes) for i in range(s.n_segments)],
                         **read_classes(s, self.classes))
        finally:
            lib.valence_recording_score_free(found)


def looks_like_a_path(text: str) -> bool:
    """One word that ends as files do: scoring it as a text would hide a mistyped name."""
    return re.fullmatch(r"\S+\.[A-Za-z0-9]{2,4}", text) is not None and not re.search(r"\.(com|org|net)$", text)


@functools.cache
def shared_scorer(model: str | None) -> Scorer:
    return Scorer(model)


def score(path_or_text: Path, model: Path | None = None, *, progress: Watch = None, **more: Any) -> Score:
    """Scores a media file or a text. The scorer is kept for the next call, unless there are options (those of Scorer)."""
    if more:
        with Scorer(model, **more) as scorer:
            return scorer.score(path_or_text, progress=progress)
    return shared_scorer(None if model is None else os.fspath(model)).score(path_or_text, progress=progress)
