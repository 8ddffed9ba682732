"""Training on a store, or on clips in memory (valence/train.h)."""
from __future__ import annotations

import ctypes
import dataclasses
import functools
import json
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Union

from valence import _bindings as c
from valence._library import Handle, call, field_types, lib, logger, made, path_bytes, text
from valence._options import flow_name, options, suggest
from valence._progress import Watch, Work
from valence.errors import ConfigError
from valence.model import Model

if TYPE_CHECKING:
    import pandas

Value = Union[str, int, float, bool, list[Any], tuple[Any, ...]]


@dataclasses.dataclass(frozen=True)
class Key:
    """A key of the configuration: "model.d"."""

    name: str
    standard: str
    help: str
    choices: list[str]


@functools.cache
def config_keys() -> dict[str, Key]:
    """All keys, in the order in which a configuration is printed."""
    keys = {}
    for i in range(lib.valence_train_n_keys()):
        key = lib.valence_train_get_key(i).contents
        choices = [key.choices[k].decode() for k in range(key.n_choices)]
        keys[text(key.name)] = Key(text(key.name), text(key.standard), text(key.help), choices)
    return keys


@functools.cache
def parameter_names() -> dict[str, str]:
    """Python's names of the keys, "model_d" for "model.d"."""
    return {name.replace(".", "_"): name for name in config_keys()}


def yaml_value(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(yaml_value(item) for item in value) + "]"
    return repr(float(value)) if isinstance(value, float) else str(value)


class TrainConfig(Handle):
    """What decides a run: keys with values. The paper's at first, or those that suit a store."""

    def __init__(self, store: str | os.PathLike[str] | None = None, **settings: Value | None) -> None:
        super().__init__(made(c.valence_train_config, "valence_train_config_create"), "valence_train_config_free")
        if store is not None:
            call("valence_train_config_for_store", self.handle, path_bytes(store))
        self.update(settings)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> TrainConfig:
        """From a YAML file, or of the run in a folder."""
        config = cls()
        function = "valence_train_config_read_run" if os.path.isdir(path) else "valence_train_config_read"
        call(function, config.handle, path_bytes(path))
        return config

    def update(self, settings: Mapping[str, Value | None]) -> None:
        """Sets keys, "model.d" or "model_d". None leaves one as it is; `model` sets those of a model to compare with."""
        for name, value in settings.items():
            if value is None:
                continue
            if name == "model":
                call("valence_train_config_set_model", self.handle, str(value).encode())
                continue
            key = parameter_names().get(name, name)
            if key not in config_keys():
                raise ConfigError(f"'{name}' is no key of the configuration{suggest(name, list(parameter_names()))}", name)
            call("valence_train_config_set", self.handle, key.encode(), os.fsencode(yaml_value(value)))

    def __getitem__(self, name: str) -> str:
        room = ctypes.create_string_buffer(c.VALENCE_CONFIG_VALUE_BYTES)
        call("valence_train_config_get", self.handle, parameter_names().get(name, name).encode(), room, len(room))
        return text(room.value)

    def to_dict(self) -> dict[str, str]:
        return {name: self[name] for name in config_keys()}

    def to_yaml(self, annotated: bool = False) -> str:
        address = lib.valence_train_config_text(self.handle, annotated)
        if not address:
            raise MemoryError
        try:
            return text(ctypes.string_at(address))
        finally:
            lib.valence_text_free(ctypes.c_char_p(address))


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
