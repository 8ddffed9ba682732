"""Reports of runs and experiments: one HTML file, or figures for a paper (valence/report.h)."""
from __future__ import annotations

import ctypes
import json
import os
import tempfile
from collections.abc import Sequence
from typing import Any, Union

from valence import _bindings as c
from valence._library import Handle, call, lib, path_bytes
from valence._options import options
from valence._progress import Watch, Work
from valence.errors import ArgumentError

Path = Union[str, os.PathLike[str]]


class Report(Handle):
    """What came of runs and experiments. Inputs are folders of runs and of experiments, and files that the commands print with
    --json; `options` are members of struct valence_report_options: title, store ("" for none), split, level.

        valence.Report(["run", "ablation"]).write_page("report.html")
    """

    def __init__(self, inputs: Path | Sequence[Path], *, progress: Watch = None, **more: Any) -> None:
        listed = [inputs] if isinstance(inputs, (str, os.PathLike)) else list(inputs)
        paths = (ctypes.c_char_p * len(listed))(*(path_bytes(path) for path in listed))
        wanted = options("valence_report_options", more)
        found = ctypes.POINTER(c.valence_report)()
        with Work(progress) as work:
            work.call("valence_report_create", paths, len(listed), ctypes.byref(wanted), work.progress, ctypes.byref(found))
        super().__init__(found, "valence_report_free")

    def write_page(self, path: Path, overwrite: bool = False) -> None:
        """Writes the page, one HTML file that needs no network."""
        call("valence_report_write_page", self.handle, path_bytes(path), overwrite)

    def write_json(self, path: Path, overwrite: bool = False) -> None:
        """Writes the document that the page is made of (docs/json/report.schema.json)."""
        call("valence_report_write_json", self.handle, path_bytes(path), overwrite)

    def to_dict(self) -> dict[str, Any]:
        """The document that the page is made of."""
        with tempfile.TemporaryDirectory(prefix="valence-") as folder:
            path = os.path.join(folder, "report.json")
            self.write_json(path)
            with open(path, encoding="utf-8") as file:
                return dict(json.load(file))

    def write_figures(self, folder: Path, format: str = "svg", **more: Any) -> tuple[int, int]:
        """Writes each chart with its data and each table for a paper; gives how many charts and tables. `format` is "svg", "pdf"
        or "none", and `more` are members of struct valence_figure_options: figure_width in inches, overwrite."""
        known = [lib.valence_figure_format_name(i).decode() for i in range(c.VALENCE_N_FIGURE_FORMATS)]
        if format not in known:
            raise ArgumentError(f"format: '{format}' is none of {', '.join(known)}", "figure_format")
        wanted = options("valence_figure_options", {"figure_format": known.index(format), **more})
        written = c.valence_figure_result(size=ctypes.sizeof(c.valence_figure_result))
        call("valence_report_write_figures", self.handle, path_bytes(folder), ctypes.byref(wanted), ctypes.byref(written))
        return written.n_charts, written.n_tables


def report(inputs: Path | Sequence[Path], output: Path | None = None, *, overwrite: bool = False, progress: Watch = None,
           **more: Any) -> Report:
    """Makes a report and, with `output`, writes its page there."""
    made = Report(inputs, progress=progress, **more)
    if output is not None:
        made.write_page(output, overwrite)
    return made
