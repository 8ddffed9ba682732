"""Training on a store, or on clips in memory (valence/train.h)."""
from __future__ import annotations

import ctypes
import dataclasses
import json
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from valence import _bindings as c
from valence._config import Config, Value
from valence._library import call, encoded, field_types, lib, logger, made, path_bytes, text
from valence._options import flow_name, options
from valence._progress import Watch, Work
from valence.model import Model

if TYPE_CHECKING:
    import pandas


class TrainConfig(Config):
    """What decides a run: keys with values. The paper's at first, or those that suit a store."""

    kind = "train"

    def __init__(self, store: str | os.PathLike[str] | None = None, **settings: Value | None) -> None:
        super().__init__()
        if store is not None:
            call("valence_train_config_for_store", self.handle, path_bytes(store))
        self.update(settings)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> TrainConfig:
        """From a YAML file, or of the run in a folder."""
        if not os.path.isdir(path):
            return super().read(path)
        config = cls()
        call("valence_train_config_read_run", config.handle, path_bytes(path))
        return config

    def update(self, settings: Mapping[str, Value | None]) -> None:
        """Sets keys, "model.d" or "model_d", in their order. None leaves one as it is; `model` sets those of a model to
        compare with."""
        for name, value in settings.items():
            if name == "model" and value is not None:
                call("valence_train_config_set_model", self.handle, encoded(str(value), name))
            else:
                super().update({name: value})


@dataclasses.dataclass(frozen=True)
class Epoch:
    """A finished epoch. Errors are mean absolute ones, or of classes cross-entropies."""

    run: int
    seed: int
    epoch: int
    n_epochs: int
    step: int
    learning_rate: float
    gradient_norm: float
    losses: dict[str, float]
    validation: dict[str, float]
    selected: float
    best: float
    best_epoch: int
    is_best: bool
    seconds: float
    clips_per_second: float


@dataclasses.dataclass(frozen=True)
class TrainResult:
    """A finished training. `json` is what results.json holds."""

    path: str
    epochs: list[Epoch]
    json: dict[str, Any]
    n_runs: int
    validation: dict[str, float]  # by flow: the best epochs' errors, the mean over the seeds
    constant_mae: float  # of the best constant; a run that is no better has not learnt

    def model(self, checkpoint: str = "best") -> Model:
        return Model(self.path, checkpoint)

    def to_pandas(self) -> pandas.DataFrame:
        """One row an epoch, with a column for each loss and flow; needs pandas."""
        import pandas

        rows = []
        for epoch in self.epochs:
            row = dataclasses.asdict(epoch)
            row.update({f"loss_{name}": value for name, value in row.pop("losses").items()})
            row.update({f"validation_{name}": value for name, value in row.pop("validation").items()})
            rows.append(row)
        return pandas.DataFrame(rows)

    def __repr__(self) -> str:
        errors = ", ".join(f"{flow} {error:.3f}" for flow, error in self.validation.items())
        return f"<valence.TrainResult {self.path!r}: validation {errors}; constant {self.constant_mae:.3f}>"


def read_epoch(e: Any) -> Epoch:
    return Epoch(
        run=e.run, seed=e.seed, epoch=e.epoch, n_epochs=e.n_epochs, step=e.step, learning_rate=e.learning_rate,
        gradient_norm=e.gradient_norm, losses={text(e.losses[i].name): e.losses[i].value for i in range(e.n_losses)},
        validation={flow_name(e.flows[i]): e.validation_mae[i] for i in range(e.n_flows)}, selected=e.selected_mae,
        best=e.best_mae, best_epoch=e.best_epoch, is_best=e.is_best, seconds=e.seconds, clips_per_second=e.clips_per_second)


def train(store: str | os.PathLike[str] | TrainConfig, output: str | os.PathLike[str] | None = None, *,
          resume: bool = False, from_: str | os.PathLike[str] | None = None, accept_changed_data: bool = False,
          dry_run: bool = False, on_epoch: Callable[[Epoch], object] | None = None, progress: Watch = None,
          **settings: Value | None) -> TrainResult:
    """Trains on a store and writes the run's folder `output`. `settings` are keys of the configuration (model_d=64, epochs=20,
    flows=["complete", "text_missing"]); the others suit the store. `store` may be a TrainConfig, with all of it.

    Ctrl-C saves and raises KeyboardInterrupt; the same call with resume=True continues.
    """
    config = store if isinstance(store, TrainConfig) else TrainConfig(store)
    if output is not None:
        config.update({"output": os.fspath(output)})
    config.update(settings)
    epochs: list[Epoch] = []

    def receive(epoch: Any) -> None:
        epochs.append(read_epoch(epoch))
        if on_epoch is not None:
            on_epoch(epochs[-1])

    wanted = options("valence_train_options", {"resume": resume, "accept_changed_data": accept_changed_data, "dry_run": dry_run,
                                               "from_": None if from_ is None else os.fspath(from_)})
    types = field_types(wanted)
    found = ctypes.POINTER(c.valence_train_result)()
    with Work(progress) as work:
        kept = (work.receiver(types["epoch"], receive),
                types["note"](lambda user, note: logger.warning("%s", text(note.contents.text))))
        wanted.progress, (wanted.epoch, wanted.note) = ctypes.pointer(work.struct), kept
        work.call("valence_train", config.handle, ctypes.byref(wanted), ctypes.byref(found))
    try:
        result = found.contents
        first = result.runs[0]
        validation = {flow_name(first.flows[i]): result.mean_mae[i] for i in range(first.n_flows)}
        said = json.loads(result.json) if result.json else {}
        return TrainResult(config["output"], epochs, said, result.n_runs, validation, first.constant_mae)
    finally:
        lib.valence_train_result_free(found)


def checkpoints(folder: str | os.PathLike[str]) -> list[bytes]:
    """The best models of a run, of each seed, as files' contents."""
    run = made(c.valence_run, "valence_run_open", path_bytes(folder), c.VALENCE_CHECKPOINT_BEST)
    try:
        paths = [text(lib.valence_run_model_path(run, i)) for i in range(lib.valence_run_n_models(run))]
    finally:
        lib.valence_run_close(run)
    return [pathlib.Path(path).read_bytes() for path in paths]
