"""Trained models: loading them, and scores of clips whose rows are in memory or in a store."""
from __future__ import annotations

import ctypes
import dataclasses
import functools
import json
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from valence import _bindings as c
from valence._library import Handle, field_types, lib, made, names, owned_text, path_bytes, text
from valence._options import flow_name, flow_number, modalities, options, plain
from valence._progress import Watch, Work
from valence.clips import Array, Clips, X
from valence.errors import ArgumentError, DataError

if TYPE_CHECKING:
    import pandas

    from valence.store import Store

FLOAT = np.float32
# Members of struct valence_prediction that are numbers on their own, at their places in it.
PREDICTION = np.dtype({
    "names": ["clip", "flow", "trained", "missing", "fitting", "score", "raw_score", "distance", "outside", "novelty",
              "expected_error", "low", "high"],
    "formats": ["i8", "u4", "?", "u4", "?", "f4", "f4", "f4", "?", "f4", "f8", "f8", "f8"],
    "offsets": [getattr(c.valence_prediction, name).offset for name in
                ("clip", "flow", "trained", "missing", "fitting", "score", "raw_score", "distance", "outside", "novelty")]
    + [c.valence_prediction.estimate.offset + getattr(c.valence_estimate, name).offset for name in ("error", "low", "high")],
    "itemsize": ctypes.sizeof(c.valence_prediction)})


@dataclasses.dataclass(frozen=True)
class Predictions:
    """One entry a clip in every array. What the model does not know is NaN (valence/predict.h)."""

    ids: list[str]
    score: Array
    raw_score: Array  # as the network says, which may lie outside the labels' range
    low: Array
    high: Array
    expected_error: Array
    flow: list[str]
    missing: list[str]
    trained: Array
    fitting: Array
    distance: Array
    novelty: Array
    outside: Array
    modality_weights: Array  # (n, 3)
    view_weights: Array  # (n, 7)
    probabilities: Array | None  # (n, n_classes) of a model of classes
    counts: dict[str, int]

    def __len__(self) -> int:
        return len(self.score)

    def to_pandas(self) -> pandas.DataFrame:
        """One row a clip; needs pandas."""
        import pandas

        columns: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name in ("modality_weights", "view_weights"):
                labels = names("valence_modality_names" if value.shape[1] == 3 else "valence_view_names")
                columns.update({f"{field.name[:-8]}_{label}": value[:, i] for i, label in enumerate(labels)})
            elif isinstance(value, np.ndarray) and value.ndim == 2:
                columns.update({f"probability_{i}": value[:, i] for i in range(value.shape[1])})
            elif isinstance(value, (np.ndarray, list)):
                columns["id" if field.name == "ids" else field.name] = value
        return pandas.DataFrame(columns)


class Receiver:
    """Gathers predictions. What the library hands over lives for the call only, so that it is copied as bytes."""

    def __init__(self, n_classes: int) -> None:
        self.records: list[bytes] = []
        self.weights: list[bytes] = []
        self.views: list[bytes] = []
        self.probabilities: list[bytes] = []
        self.n_classes = n_classes
        self.copy = ctypes.string_at
        self.address = ctypes.addressof

    def __call__(self, prediction: Any) -> None:
        self.records.append(bytes(prediction))
        self.weights.append(self.copy(prediction.modality_weights, 12))
        self.views.append(self.copy(prediction.view_weights, 28))
        if self.n_classes:
            self.probabilities.append(self.copy(prediction.probabilities, 4 * self.n_classes))

    def result(self, ids: Sequence[str] | None, counts: c.valence_prediction_counts) -> Predictions:
        records = np.frombuffer(b"".join(self.records), PREDICTION)
        if ids is None:
            ids = [""] * len(records)
        flows = functools.cache(flow_name)
        lacking = functools.cache(lambda bits: ",".join(modalities(bits)))
        probabilities = np.frombuffer(b"".join(self.probabilities), FLOAT).reshape(-1, self.n_classes) if self.n_classes else None
        return Predictions(
            ids=[ids[i] for i in records["clip"]] if len(ids) != len(records) else list(ids),
            **{name: records[name].copy() for name in ("score", "raw_score", "low", "high", "expected_error", "trained",
                                                       "fitting", "distance", "novelty", "outside")},
            flow=[flows(int(flow)) for flow in records["flow"]], missing=[lacking(int(bits)) for bits in records["missing"]],
            modality_weights=np.frombuffer(b"".join(self.weights), FLOAT).reshape(-1, 3),
            view_weights=np.frombuffer(b"".join(self.views), FLOAT).reshape(-1, 7), probabilities=probabilities,
            counts=plain(counts))


def flow_option(flow: str | Iterable[str]) -> int:
    return c.VALENCE_FLOW_AUTO if flow == "auto" else flow_number(flow)


class Model(Handle):
    """A trained network, or several seeds as one. Threads may share it."""

    def __init__(self, path: str | os.PathLike[str], checkpoint: str = "best") -> None:
        """A checkpoint, a run's folder or a folder of seeds; `checkpoint` is "best" or "last"."""
        which = names("valence_checkpoint_names")
        if checkpoint not in which:
            raise ArgumentError(f"checkpoint: '{checkpoint}' is none of {', '.join(which)}", "checkpoint")
        run = made(c.valence_run, "valence_run_open", path_bytes(path), which.index(checkpoint))
        try:
            self._begin(made(c.valence_model, "valence_run_load", run))
        finally:
            lib.valence_run_close(run)

    def _begin(self, address: Any) -> None:
        super().__init__(address, "valence_model_free")
        self._workspaces: list[Workspace] = []

    @classmethod
    def from_bytes(cls, *checkpoints: bytes) -> Model:
        """The model of a checkpoint in memory; of several, the group of them."""
        members = []
        try:
            for data in checkpoints:
                members.append(made(c.valence_model, "valence_model_load_memory", data, len(data), None))
            if len(members) == 1:
                address = members.pop()
            else:
                array = (ctypes.POINTER(c.valence_model) * len(members))(*members)
                address = made(c.valence_model, "valence_model_group", array, len(members))
        finally:
            for member in members:
                lib.valence_model_free(member)
        model = cls.__new__(cls)
        model._begin(address)
        return model

    @classmethod
    def default(cls) -> Model:
        """The model for English text that comes with valence."""
        return cls(default_model_path())

    # ---- What it is ----

    @property
    def _config(self) -> Any:
        return lib.valence_model_get_config(self.handle).contents

    @property
    def config(self) -> dict[str, Any]:
        """struct valence_model_config, with names for its numbers."""
        config = plain(self._config)
        config["widths"] = self.widths
        config["flows"] = self.flows
        for name in ("imagination", "fusion"):
            config[name] = names(f"valence_{name}_names")[config[name]]
        return dict(config)

    @property
    def flows(self) -> list[str]:
        config = self._config
        return [flow_name(config.flows[i]) for i in range(config.n_flows)]

    @property
    def widths(self) -> dict[str, int]:
        """Columns of each modality that it reads."""
        config, read = self._config, lib.valence_model_modalities(self.handle)
        return {name: config.widths[i] for i, name in enumerate(names("valence_modality_names")) if read >> i & 1}

    @property
    def n_parameters(self) -> int:
        return int(lib.valence_model_n_parameters(self.handle))

    @property
    def n_members(self) -> int:
        return int(lib.valence_model_n_members(self.handle))

    @property
    def label_range(self) -> tuple[float, float] | None:
        """That of the labels it was trained on; None where the checkpoint does not say."""
        low, high = ctypes.c_double(), ctypes.c_double()
        known = lib.valence_model_label_range(self.handle, ctypes.byref(low), ctypes.byref(high))
        return (low.value, high.value) if known else None

    @property
    def classes(self) -> list[str]:
        """Names of the classes that it tells apart; empty where it gives scores."""
        return class_names(self.handle)

    @property
    def provenance(self) -> dict[str, Any]:
        """Where it comes from (struct valence_model_provenance)."""
        said = plain(lib.valence_model_get_provenance(self.handle).contents)
        return {key: json.loads(value) if value.startswith("{") else value for key, value in said.items()}

    def __repr__(self) -> str:
        return f"<valence.Model: {self.widths}, {self.n_parameters:,} parameters, {', '.join(self.flows)}>"

    # ---- Scoring ----

    def predict(self, clips: Union[X, Store], *, flow: str | Iterable[str] = "auto", level: float = 0.9,
                batch_size: int = 64, progress: Watch = None, **more: Any) -> Predictions:
        """Scores clips in memory (valence.clips says what X may be), or those of a Store. `more` are members of struct
        valence_predict_options: of a store, split and max_rows."""
        from valence.store import Store

        wanted = options("valence_predict_options", {"flow": flow_option(flow), "level": level, "batch_size": batch_size, **more})
        if isinstance(clips, Store):
            return self._predict_store(clips, wanted, progress)
        return self._predict_clips(Clips(clips), wanted, batch_size, progress)

    def _predict_store(self, store: Store, wanted: Any, progress: Watch) -> Predictions:
        counts, receiver = counts_of(), Receiver(self._config.n_classes)
        with Work(progress) as work:
            work.call("valence_predict", self.handle, store.handle, ctypes.byref(wanted), work.progress,
                      work.receiver(c.valence_prediction_receiver, receiver), None, ctypes.byref(counts))
        numbers = [int(i) for i in np.frombuffer(b"".join(receiver.records), PREDICTION)["clip"]]
        predictions = receiver.result(None, counts)
        return dataclasses.replace(predictions, ids=[store.id(i) for i in numbers])

    def _predict_clips(self, clips: Clips, wanted: Any, size: int, progress: Watch) -> Predictions:
        if size < 1:
            raise ArgumentError("batch_size: at least 1 clip is computed at a time", "batch_size")
        receiver, total = Receiver(self._config.n_classes), counts_of()
        with self._workspace() as workspace, Work(progress) as work:
            receive = work.receiver(c.valence_prediction_receiver, receiver)
            for number, batch in enumerate(clips.batches(size)):
                counts = counts_of()
                try:
                    work.call("valence_predict_batch", workspace.handle, ctypes.byref(batch), ctypes.byref(wanted), receive, None,
                              ctypes.byref(counts))
                except (ArgumentError, DataError) as error:
                    if not number:
                        raise
                    raise type(error)(f"of the clips from {number * size} on: {error}", error.key) from None
                for name in field_types(counts):
                    if name != "size":
                        setattr(total, name, getattr(total, name) + getattr(counts, name))
        return receiver.result(None, total)

    def _workspace(self) -> Borrowed:
        """One that no other thread uses."""
        self.handle  # not closed
        try:
            return Borrowed(self, self._workspaces.pop())
        except IndexError:
            return Borrowed(self, Workspace(self))

    def close(self) -> None:
        self._workspaces.clear()
        super().close()


class Workspace(Handle):
    def __init__(self, model: Model) -> None:
        network = model.handle
        super().__init__(made(c.valence_workspace, "valence_workspace_create", network), "valence_workspace_free", network)


class Borrowed:
    def __init__(self, model: Model, workspace: Workspace) -> None:
        self.model, self.workspace = model, workspace

    def __enter__(self) -> Workspace:
        return self.workspace

    def __exit__(self, *error: object) -> None:
        if self.model.is_open:
            self.model._workspaces.append(self.workspace)


def counts_of() -> c.valence_prediction_counts:
    return c.valence_prediction_counts(size=ctypes.sizeof(c.valence_prediction_counts))


def class_names(model: Any) -> list[str]:
    """Of a model's handle: the classes that it tells apart, or nothing."""
    n_classes = lib.valence_model_get_config(model).contents.n_classes
    return [text(lib.valence_model_class_name(model, i)) for i in range(n_classes)]


def default_model_path() -> str:
    """Where the model is that comes with valence."""
    return owned_text(lib.valence_default_model_path)
