"""Experiments: many trainings on one store, run in parallel and compared (valence/experiment.h)."""
from __future__ import annotations

import ctypes
import dataclasses
import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Union

from valence import _bindings as c
from valence import _display, _worker
from valence._config import Value, yaml_value
from valence._library import PACKAGE, Handle, call, encoded, field_types, lib, made, names, path_bytes, text
from valence._options import flow_name, listed, options, plain
from valence._progress import Watch, Work
from valence.errors import ArgumentError
from valence.evaluation import MetricInfo, Opened, evaluate_options, metric_infos
from valence.store import Store
from valence.training import TrainConfig

if TYPE_CHECKING:
    import pandas

Base = Union[str, os.PathLike[str], TrainConfig]
STATES = "valence_run_state_names"


@dataclasses.dataclass(frozen=True)
class Cell:
    """A metric of a variant in a flow, over its seeds (struct valence_result_cell). NaN: not defined."""

    mean: float
    deviation: float
    difference: float  # this variant less the first
    low: float  # the difference's interval, over recordings and seeds
    high: float
    p: float
    p_holm: float  # adjusted for all tests of the result
    detectable: float  # the smallest difference that would have been found


@dataclasses.dataclass(frozen=True)
class Variant:
    """A variant's results. `cells` is empty where it was not measured, `validation` where it was trained elsewhere."""

    name: str
    n_models: int
    n_parameters: int
    n_epochs: int
    selected: tuple[float, float]  # the validation error that chooses: mean and deviation over the seeds
    validation: dict[str, tuple[float, float]]  # that of each flow
    cells: dict[str, dict[str, Cell]]  # by flow and metric


@dataclasses.dataclass(frozen=True)
class ExperimentResult:
    """What came of an experiment, or of comparing runs. The first variant is what the others are compared with. `json` is what
    result.json holds."""

    kind: str
    split: str
    scale: str
    synthetic: bool
    variants: list[Variant]
    best: str | None  # the variant with the smallest validation error
    flows: list[str]
    infos: dict[str, MetricInfo]
    n_clips: int
    n_left_out: int
    n_recordings: int
    n_resamples: int
    n_tests: int
    json: dict[str, Any]

    def __getitem__(self, name: str) -> Variant:
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise KeyError(name)

    def to_pandas(self) -> pandas.DataFrame:
        """One row for each variant, flow and metric that was measured; needs pandas."""
        import pandas

        return pandas.DataFrame([
            {"variant": variant.name, "flow": flow, "metric": key, **dataclasses.asdict(cell)}
            for variant in self.variants for flow, cells in variant.cells.items() for key, cell in cells.items()])

    def validation(self) -> pandas.DataFrame:
        """One row a variant: the validation error that chooses, and that of each flow; needs pandas."""
        import pandas

        return pandas.DataFrame([
            {"variant": variant.name, "selected": variant.selected[0], "deviation": variant.selected[1],
             **{flow: mean for flow, (mean, _) in variant.validation.items()}} for variant in self.variants])

    def _repr_html_(self) -> str:
        return _display.experiment(self)

    def __repr__(self) -> str:
        return f"<valence.ExperimentResult: {self.kind} of {len(self.variants)} variants, {self.n_clips} {self.split} clips>"


def read_cell(cell: Any) -> Cell:
    found = plain(cell)
    interval = found.pop("interval")
    return Cell(**{name: math.nan if value is None else value for name, value in {**found, **interval}.items()})


def read_variant(v: Any, flows: list[str], infos: list[MetricInfo], validation_flows: list[str]) -> Variant:
    cells = {flow: {info.key: read_cell(v.cells[i * len(infos) + k]) for k, info in enumerate(infos)}
             for i, flow in enumerate(flows)} if v.cells else {}
    validation = {flow: (v.validation[i].mean, v.validation[i].deviation) for i, flow in enumerate(validation_flows)} \
        if v.validation else {}
    return Variant(name=text(v.name), n_models=v.n_models, n_parameters=v.n_parameters, n_epochs=v.n_epochs,
                   selected=(v.selected.mean, v.selected.deviation), validation=validation, cells=cells)


def read_result(r: Any) -> ExperimentResult:
    known = metric_infos(r.scale)
    infos = [known[r.metrics[i]] for i in range(r.n_metrics)]
    flows = [flow_name(r.flows[i]) for i in range(r.n_flows)]
    validation_flows = [flow_name(r.validation_flows[i]) for i in range(r.n_validation_flows)]
    variants = [read_variant(r.variants[i], flows, infos, validation_flows) for i in range(r.n_variants)]
    counts = {name: getattr(r, name) for name in ("n_clips", "n_left_out", "n_recordings", "n_resamples", "n_tests")}
    return ExperimentResult(
        kind=text(r.kind), split=names("valence_split_names")[r.split], scale=names("valence_scale_names")[r.scale],
        synthetic=r.synthetic, variants=variants, best=variants[r.best].name if r.best >= 0 else None, flows=flows,
        infos={info.key: info for info in infos}, json=json.loads(r.json) if r.json else {}, **counts)


# ---- The folder ----


@dataclasses.dataclass(frozen=True)
class PlannedRun:
    """A run of an experiment: "waiting", "running", "stopped", "done" or "dropped"."""

    variant: str
    seed: int
    state: str
    epoch: int
    n_epochs: int
    seconds: float
    seconds_left: float  # NaN: not known yet
    failure: str


class Experiment(Handle):
    """An experiment in its folder: its plan, its runs and their state. ablate(), sweep() and compare() make one."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._begin(made(c.valence_experiment, "valence_experiment_open", path_bytes(folder)))

    def _begin(self, address: Any) -> None:
        super().__init__(address, "valence_experiment_close")

    @classmethod
    def _create(cls, config: TrainConfig, variants: Any, n: int, plan: dict[str, Any]) -> Experiment:
        wanted = options("valence_plan_options", plan)
        experiment = cls.__new__(cls)
        experiment._begin(made(c.valence_experiment, "valence_experiment_create", config.handle, variants, n, ctypes.byref(wanted)))
        return experiment

    @property
    def folder(self) -> str:
        return text(lib.valence_experiment_folder(self.handle))

    def runs(self) -> list[PlannedRun]:
        """All runs, variant by variant and seed by seed."""
        found, states = made(c.valence_experiment_state, "valence_experiment_look", self.handle), names(STATES)
        try:
            return [PlannedRun(**{**{key: math.nan if value is None else value for key, value in plain(run).items()},
                                  "state": states[run.state]})
                    for run in (found.contents.runs[i] for i in range(found.contents.n_runs))]
        finally:
            lib.valence_experiment_state_free(found)

    def run(self, *, jobs: int | None = None, cores: int = 0, memory: int = 0, progress: Watch = None) -> None:
        """Trains every run that is not finished. Ctrl-C saves, and the same call continues.

        `jobs` runs are trained at once, in processes of their own; 1: one after the other in this process; None: what is
        fastest by a measurement of a few seconds. They share `cores` (0: all), and take at most `memory` bytes (0: no limit).
        """
        wanted = options("valence_experiment_options", {"n_jobs": jobs, "n_cores": cores, "memory": memory})
        with Work(progress) as work:
            start = starter(work, field_types(wanted)["start"])
            if jobs != 1:
                wanted.start = start
            wanted.progress = ctypes.pointer(work.struct)
            work.call("valence_experiment_run", self.handle, ctypes.byref(wanted))

    def evaluate(self, *, flows: Sequence[str] | None = None, progress: Watch = None, **more: Any) -> ExperimentResult:
        """Measures the finished experiment on its store's test part, and writes result.json. `more` are members of struct
        valence_evaluate_options; n_resamples is 10000 by default."""
        wanted = evaluate_options(flows, {"n_resamples": 10000, **more})
        return measured(progress, "valence_experiment_evaluate", self.handle, ctypes.byref(wanted))

    def __repr__(self) -> str:
        runs = self.runs()
        return f"<valence.Experiment {self.folder!r}: {sum(run.state == 'done' for run in runs)} of {len(runs)} runs are done>"


def starter(work: Work, kind: Any) -> Any:
    """The callback that starts a worker's process. What it raises ends the experiment's call."""

    def start(user: int | None, worker: Any, process: Any, error: Any) -> int:
        def spawn() -> None:
            process[0] = _worker.start(worker.contents, str(PACKAGE.parent))

        work.run(spawn)
        if work.raised is None:
            return 0
        error.contents.status = c.VALENCE_ERROR_IO
        error.contents.text = f"cannot start a worker: {work.raised}".encode()[:c.VALENCE_ERROR_TEXT_BYTES - 1]
        return int(c.VALENCE_ERROR_IO)

    return kind(start)


def measured(progress: Watch, function: str, *arguments: Any) -> ExperimentResult:
    found = ctypes.POINTER(c.valence_experiment_result)()
    with Work(progress) as work:
        work.call(function, *arguments, work.progress, ctypes.byref(found))
    try:
        return read_result(found.contents)
    finally:
        lib.valence_experiment_result_free(found)


# ---- What the commands do ----


def configured(store: Base, output: str | os.PathLike[str] | None, seeds: int | None,
               settings: Mapping[str, Value | None]) -> TrainConfig:
    """Of an experiment: three seeds where nobody says how many."""
    config = store if isinstance(store, TrainConfig) else TrainConfig(store)
    if output is not None:
        config.update({"output": os.fspath(output)})
    config.update({**settings, "seeds": seeds})
    if seeds is None and config["seeds"] == "1":
        config.update({"seeds": 3})
    return config


def train_and_measure(experiment: Experiment, n_resamples: int, jobs: int | None, cores: int, progress: Watch) -> ExperimentResult:
    with experiment:
        experiment.run(jobs=jobs, cores=cores, progress=progress)
        return experiment.evaluate(n_resamples=n_resamples, progress=progress)


def ablate(store: Base, output: str | os.PathLike[str], *, seeds: int | None = None, jobs: int | None = None, cores: int = 0,
           n_resamples: int = 10000, progress: Watch = None, **settings: Value | None) -> ExperimentResult:
    """What each part of the framework is worth: trains the configuration, and variants of it without one part each.

    `store` may be a TrainConfig; `settings` are keys of the configuration (epochs=20), for all variants. Each variant is
    trained with `seeds` seeds, 3 by default, `jobs` runs at once on `cores` (Experiment.run()). `output` is the experiment's folder: the
    same call continues what was interrupted, and repeats nothing. ablation_variants() says what would be removed.
    """
    config = configured(store, output, seeds, settings)
    with LibraryVariants("valence_ablation_create", config) as variants:
        experiment = Experiment._create(config, variants.address, variants.n, {"kind": "ablation"})
    return train_and_measure(experiment, n_resamples, jobs, cores, progress)


def ablation_variants(store: Base, **settings: Value | None) -> dict[str, list[str]]:
    """The variants of an ablation, and the keys that each sets: "KEY=VALUE"."""
    with LibraryVariants("valence_ablation_create", configured(store, None, None, settings)) as variants:
        return variants.to_dict()


def sweep(store: Base, output: str | os.PathLike[str], vary: Mapping[str, str | Sequence[Value]], *, method: str = "one",
          draws: int | None = None, draw_seed: int | None = None, n_rungs: int = 1, factor: int | None = None,
          seeds: int | None = None, jobs: int | None = None, cores: int = 0, n_resamples: int = 10000, progress: Watch = None,
          **settings: Value | None) -> ExperimentResult:
    """Trains many settings of some keys, and chooses by the validation part: vary={"losses_rnc": [0, 0.5, 1], "epochs":
    "5:20:5"}, a list of values or a range "LOW:HIGH:STEP" or "LOW:HIGH:*FACTOR".

    `method` is "one" (one key after the other), "grid" (all combinations) or "random" (`draws` settings, drawn from the seed
    `draw_seed`). With `n_rungs`, settings that begin badly are not trained to the end. The other arguments are ablate()'s.
    """
    config = configured(store, output, seeds, settings)
    given = [f"{config.key(name)}={values if isinstance(values, str) else ','.join(map(yaml_value, values))}"
             for name, values in vary.items()]
    known = names("valence_sweep_method_names")
    if method not in known:
        raise ArgumentError(f"method: '{method}' is none of {', '.join(known)}", "method")
    drawing = options("valence_sweep_options", {"method": known.index(method), "n_draws": draws, "seed": draw_seed})
    ranges = (ctypes.c_char_p * len(given))(*map(path_bytes, given))
    with LibraryVariants("valence_sweep_create", config, ranges, len(given), ctypes.byref(drawing)) as variants:
        experiment = Experiment._create(config, variants.address, variants.n,
                                        {"kind": "sweep", "n_rungs": n_rungs, "factor": factor, "allow_equal": True})
    return train_and_measure(experiment, n_resamples, jobs, cores, progress)


def compare(store: Base, output: str | os.PathLike[str], variants: Mapping[str, Mapping[str, Value]] | None = None, *,
            models: Sequence[str] = (), seeds: int | None = None, jobs: int | None = None, cores: int = 0, n_resamples: int = 10000,
            progress: Watch = None, **settings: Value | None) -> ExperimentResult:
    """Trains variants of a configuration, and compares them with it ("base"): variants={"wide": {"model_d": 256}}. `models` are
    names of models to compare with ("ridge", "late-fusion", "mult", …). The other arguments are ablate()'s."""
    config = configured(store, output, seeds, settings)
    chosen: list[tuple[str, list[str]]] = [("base", [])]
    chosen += [(name, model_keys(name)) for name in listed(models)]
    chosen += [(name, [f"{config.key(key)}={yaml_value(value)}" for key, value in changed.items()])
               for name, changed in (variants or {}).items()]
    array, kept = (c.valence_variant * len(chosen))(), []
    for entry, (name, assignments) in zip(array, chosen):
        kept.append((ctypes.c_char_p * len(assignments))(*map(path_bytes, assignments)))
        entry.name, entry.n_assignments = encoded(name, "variant"), len(assignments)
        entry.assignments = ctypes.cast(kept[-1], ctypes.POINTER(ctypes.c_char_p))
    experiment = Experiment._create(config, array, len(chosen), {})
    return train_and_measure(experiment, n_resamples, jobs, cores, progress)


def compare_runs(runs: Sequence[str | os.PathLike[str]], store: Opened, *, flows: Sequence[str] | None = None,
                 progress: Watch = None, **more: Any) -> ExperimentResult:
    """Compares runs that are finished, the first one with the others. They must have been trained on the store's data. `more`
    are members of struct valence_evaluate_options; n_resamples is 10000 by default."""
    folders = listed(runs)
    paths = (ctypes.c_char_p * len(folders))(*map(path_bytes, folders))
    wanted = evaluate_options(flows, {"n_resamples": 10000, **more})
    data = store if isinstance(store, Store) else Store(store)
    return measured(progress, "valence_compare_runs", paths, len(folders), data.handle, ctypes.byref(wanted))


def model_keys(name: str) -> list[str]:
    """What a model to compare with sets."""
    models = [lib.valence_train_get_model(i).contents for i in range(lib.valence_train_n_models())]
    for model in models:
        if text(model.name) == name:
            return [text(model.assignments[k]) for k in range(model.n_assignments)]
    raise ArgumentError(f"model: '{name}' is none of {', '.join(text(model.name) for model in models)}", "model")


class LibraryVariants:
    """Variants that the library makes of a configuration."""

    def __init__(self, function: str, *arguments: Any) -> None:
        self.address, n = ctypes.POINTER(c.valence_variant)(), ctypes.c_int()
        handles = [argument.handle if isinstance(argument, TrainConfig) else argument for argument in arguments]
        call(function, *handles, ctypes.byref(self.address), ctypes.byref(n))
        self.n = n.value

    def to_dict(self) -> dict[str, list[str]]:
        return {text(v.name): [text(v.assignments[k]) for k in range(v.n_assignments)]
                for v in (self.address[i] for i in range(self.n))}

    def __enter__(self) -> LibraryVariants:
        return self

    def __exit__(self, *error: object) -> None:
        lib.valence_variants_free(self.address, self.n)
