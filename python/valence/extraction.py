"""From media files to a feature store (valence/extract_store.h)."""
from __future__ import annotations

import ctypes
import dataclasses
import json
import os
import pathlib
from typing import Any

from valence import _bindings as c
from valence._config import Config, Value
from valence._library import lib, logger, text
from valence._options import options, plain
from valence._progress import Watch, Work
from valence.scorer import cache_folder, fetch_options
from valence.store import Store


class ExtractConfig(Config):
    """What is read, which encoders make the streams, and where the store goes: keys with values.

    `valence extract --print-config`, or to_yaml(annotated=True), explains them.
    """

    kind = "extract"


@dataclasses.dataclass(frozen=True)
class ExtractedStream:
    """A stream of the store: the clips that have it, and their rows."""

    name: str
    width: int
    n_clips: int
    n_rows: int


@dataclasses.dataclass(frozen=True)
class Extraction:
    """What became of the clips (struct valence_extract_report)."""

    path: str
    n_clips: int  # that were to be made
    n_made: int  # by this call
    n_kept: int  # that were there already and have not changed
    n_copied: int  # of the kept: copied from the store that is replaced
    failures: dict[str, str]  # clips that could not be made, and why
    streams: list[ExtractedStream]
    encoders: dict[str, Any]  # their settings and fingerprints, as the store's source has them
    media_seconds: float  # of the clips that this call made
    sound_work: float  # seconds of work on them; those on sound and on pictures overlap
    picture_work: float
    seconds: float  # of the call

    def store(self) -> Store:
        return Store(self.path)

    def __repr__(self) -> str:
        streams = ", ".join(f"{s.name} ({s.width}, {s.n_rows} rows)" for s in self.streams)
        return (f"<valence.Extraction {self.path!r}: {self.n_made + self.n_kept} of {self.n_clips} clips "
                f"({self.n_made} new, {len(self.failures)} failed); {streams}>")


def extract(source: str | os.PathLike[str] | ExtractConfig, output: str | os.PathLike[str] | None = None, *,
            folder: str | os.PathLike[str] | None = None, download: bool = True, shard: int = 1, n_shards: int = 1,
            retry_failures: bool = False, overwrite: bool = False, preview: str | os.PathLike[str] | None = None,
            progress: Watch = None, **settings: Value | None) -> Extraction:
    """Makes or completes the store `output` of media files: `source` is a folder, a file or a table (CSV) with a row for each
    clip. `settings` are keys of the configuration (audio="prosody", video="none", faces_fps=10); `source` may be an
    ExtractConfig, with all of it.

    `folder` holds the encoders, that of the command by default; those that are absent are fetched there unless download=False.
    The other options are those of struct valence_extract_options. Clips that cannot be made are in `failures`, in the store's
    record, and in a warning. Ctrl-C keeps what is stored, and the same call continues.
    """
    config = source if isinstance(source, ExtractConfig) else ExtractConfig(input=os.fspath(source))
    if output is not None:
        config.update({"output": os.fspath(output)})
    config.update(settings)
    place = os.fspath(folder) if folder is not None else cache_folder()
    if download:
        pathlib.Path(place).mkdir(parents=True, exist_ok=True)
    fetch = fetch_options(download)
    wanted = options("valence_extract_options", {
        "model_folder": place, "shard": shard, "n_shards": n_shards, "retry_failures": retry_failures, "overwrite": overwrite,
        "preview": preview})
    wanted.fetch = ctypes.pointer(fetch)
    found = ctypes.POINTER(c.valence_extract_report)()
    with Work(progress) as work:
        wanted.progress = ctypes.pointer(work.struct)
        work.call("valence_extract", config.handle, ctypes.byref(wanted), ctypes.byref(found))
    try:
        made = read_extraction(found.contents)
    finally:
        lib.valence_extract_report_free(found)
    if made.failures:
        name, reason = next(iter(made.failures.items()))
        logger.warning("%s: %d of %d clips could not be made, the first one '%s': %s", made.path, len(made.failures),
                       made.n_clips, name, reason)
    return made


def read_extraction(r: Any) -> Extraction:
    failures = (r.failures[i] for i in range(r.n_failed))
    counts = {name: getattr(r, name) for name in ("n_clips", "n_made", "n_kept", "n_copied", "media_seconds", "sound_work",
                                                  "picture_work", "seconds")}
    return Extraction(
        path=text(r.store), failures={text(failure.id): text(failure.reason) for failure in failures},
        streams=[ExtractedStream(**plain(r.streams[i])) for i in range(r.n_streams)],
        encoders=json.loads(r.encoders) if r.encoders else {}, **counts)
