"""Measuring models on stores (valence/evaluate.h, valence/protocol.h)."""
from __future__ import annotations

import ctypes
import dataclasses
import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from valence import _bindings as c
from valence import _display
from valence._library import encoded, lib, names, text
from valence._options import flow_name, flow_number, listed, options, plain
from valence._progress import Watch, Work
from valence.clips import Array
from valence.errors import NotFoundError
from valence.model import Model
from valence.store import Store

if TYPE_CHECKING:
    import pandas

MATCHES = {c.VALENCE_DATA_UNKNOWN: "unknown", c.VALENCE_DATA_SAME: "same", c.VALENCE_DATA_OTHER: "other"}


@dataclasses.dataclass(frozen=True)
class MetricInfo:
    key: str
    heading: str
    is_share: bool  # of clips: people read it in per cent


def metric_infos(scale: int) -> dict[int, MetricInfo]:
    """The metrics of a scale, by their numbers."""
    bits = lib.valence_scale_metrics(scale)
    infos = {}
    for i in range(c.VALENCE_N_METRICS):
        if bits >> i & 1:
            info = lib.valence_metric_describe(i).contents
            infos[i] = MetricInfo(text(info.key), text(info.heading), info.is_share)
    return infos


@dataclasses.dataclass(frozen=True)
class FlowEvaluation:
    """A flow measured. Metrics have their keys in JSON: mae, corr, acc2_non0, … NaN: not defined."""

    flow: str
    trained: bool
    scores: Array
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    differences: dict[str, tuple[float, float]]  # from the first flow
    coverage: float  # share of the labels in their prediction's interval
    warnings: list[str]
    confusion: Array | None


@dataclasses.dataclass(frozen=True)
class Evaluation:
    split: str
    scale: str
    synthetic: bool
    data: str  # "same" as the model was trained on, "other", "unknown"
    ids: list[str]
    labels: Array
    flows: list[FlowEvaluation]
    constant: float
    constant_metrics: dict[str, float]
    infos: dict[str, MetricInfo]
    left_out: dict[str, int]

    def __getitem__(self, flow: str) -> FlowEvaluation:
        for measured in self.flows:
            if measured.flow == flow:
                return measured
        raise KeyError(flow)

    def to_pandas(self) -> pandas.DataFrame:
        """One row for each flow and metric, with its interval; needs pandas."""
        import pandas

        return pandas.DataFrame([
            {"flow": flow.flow, "trained": flow.trained, "metric": key, "value": value, "low": flow.intervals[key][0],
             "high": flow.intervals[key][1], "constant": self.constant_metrics[key]}
            for flow in self.flows for key, value in flow.metrics.items()])

    def predictions(self) -> pandas.DataFrame:
        """One row a clip: id, label, and the score in each flow; needs pandas."""
        import pandas

        return pandas.DataFrame({"id": self.ids, "label": self.labels, **{flow.flow: flow.scores for flow in self.flows}})

    def _repr_html_(self) -> str:
        return _display.evaluation(self)

    def __repr__(self) -> str:
        first = self.flows[0]
        key = next(iter(first.metrics))
        return f"<valence.Evaluation of {len(self.labels)} {self.split} clips: {first.flow} {key} {first.metrics[key]:.3f}>"


def array_of(address: Any, kind: Any, n: int) -> Array:
    """A copy of an array that the library owns."""
    return np.ctypeslib.as_array(ctypes.cast(address, ctypes.POINTER(kind)), (n,)).copy() if n else np.empty(0)


def metric_values(metrics: Any, infos: dict[int, MetricInfo]) -> dict[str, float]:
    return {info.key: metrics.values[i] for i, info in infos.items()}


def interval_values(intervals: Any, infos: dict[int, MetricInfo]) -> dict[str, tuple[float, float]]:
    nothing = (math.nan, math.nan)
    return {info.key: (intervals[i].low, intervals[i].high) if intervals else nothing for i, info in infos.items()}


def warnings_of(bits: int) -> list[str]:
    return [text(lib.valence_warning_describe(i).contents.text) for i in range(c.VALENCE_N_WARNINGS) if bits >> i & 1]


def read_flow(f: Any, n: int, n_classes: int, infos: dict[int, MetricInfo]) -> FlowEvaluation:
    confusion = array_of(f.confusion, ctypes.c_int64, n_classes**2).reshape(n_classes, n_classes) if f.confusion else None
    return FlowEvaluation(
        flow=flow_name(f.flow), trained=f.trained, scores=array_of(f.scores, ctypes.c_float, n),
        metrics=metric_values(f.metrics, infos), intervals=interval_values(f.intervals, infos),
        differences=interval_values(f.differences, infos), coverage=f.reliability[c.VALENCE_RELIABILITY_COVERAGE],
        warnings=warnings_of(f.metrics.warnings), confusion=confusion)


Opened = Union[Store, str, os.PathLike[str]]
Loaded = Union[Model, str, os.PathLike[str]]


def opened(model: Loaded, store: Opened) -> tuple[Model, Store]:
    return model if isinstance(model, Model) else Model(model), store if isinstance(store, Store) else Store(store)


def evaluate_options(flows: Sequence[str] | None, more: dict[str, Any]) -> Any:
    wanted = options("valence_evaluate_options", more)
    if flows:
        flows = listed(flows)
        numbers = (ctypes.c_uint * len(flows))(*(flow_number(flow) for flow in flows))
        wanted.flows, wanted.n_flows = ctypes.cast(numbers, ctypes.POINTER(ctypes.c_uint)), len(flows)
        wanted.kept = numbers  # for as long as the struct points to them
    return wanted


def evaluate(model: Loaded, store: Opened, *, flows: Sequence[str] | None = None, progress: Watch = None, **more: Any) -> Evaluation:
    """Measures a model on a store's test part. `more` are members of struct valence_evaluate_options: split, n_resamples, …"""
    network, data = opened(model, store)
    wanted = evaluate_options(flows, more)
    found = ctypes.POINTER(c.valence_evaluation)()
    with Work(progress) as work:
        work.call("valence_evaluate", network.handle, data.handle, ctypes.byref(wanted), work.progress, ctypes.byref(found))
    try:
        e = found.contents
        infos = metric_infos(e.scale)
        left_out = {name[2:]: getattr(e, name) for name in ("n_unlabelled", "n_empty", "n_unscored")}
        return Evaluation(
            split=data.splits[e.split], scale=names("valence_scale_names")[e.scale], synthetic=e.synthetic, data=MATCHES[e.data],
            ids=[data.id(e.clips[i]) for i in range(e.n_clips)], labels=array_of(e.labels, ctypes.c_float, e.n_clips),
            flows=[read_flow(e.flows[i], e.n_clips, e.n_classes, infos) for i in range(e.n_flows)], constant=e.constant,
            constant_metrics=metric_values(e.constant_metrics, infos), infos={info.key: info for info in infos.values()},
            left_out=left_out)
    finally:
        lib.valence_evaluation_free(found)


# ---- Protocols ----


@dataclasses.dataclass(frozen=True)
class Condition:
    """What is missing, and how the model does without it."""

    name: str
    rate: float
    missing_rows: float
    missing_modalities: float
    noisy: float
    mask: str
    scores: Array
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]


@dataclasses.dataclass(frozen=True)
class ProtocolEvaluation:
    protocol: str
    split: str
    scale: str
    ids: list[str]
    labels: Array
    conditions: list[Condition]
    auilc: dict[str, float]
    mean: dict[str, float]
    infos: dict[str, MetricInfo]

    def to_pandas(self) -> pandas.DataFrame:
        """One row for each condition and metric; needs pandas."""
        import pandas

        return pandas.DataFrame([
            {"condition": condition.name, "rate": condition.rate, "missing_rows": condition.missing_rows, "metric": key,
             "value": value, "low": condition.intervals[key][0], "high": condition.intervals[key][1]}
            for condition in self.conditions for key, value in condition.metrics.items()])

    def _repr_html_(self) -> str:
        return _display.protocol(self)


class Protocol:
    """A fixed rule by which something is missing: Protocol("erase", rates=[0, 0.5]).evaluate(model, store). `options` are
    members of struct valence_protocol_options."""

    def __init__(self, name: str, **options: Any) -> None:
        found = lib.valence_protocol_find(encoded(name, "protocol"))
        if not found:
            raise NotFoundError(f"'{name}' is no protocol: {', '.join(self.names())}")
        info = plain(found.contents)
        self.name, self.rule, self.source, self.options = name, info["rule"], info["source"], options

    @staticmethod
    def names() -> list[str]:
        return [text(lib.valence_protocol_get(i).contents.name) for i in range(lib.valence_n_protocols())]

    def __repr__(self) -> str:
        return f"<valence.Protocol {self.name}: {self.rule}>"

    def evaluate(self, model: Loaded, store: Opened, *, progress: Watch = None) -> ProtocolEvaluation:
        network, data = opened(model, store)
        given = dict(self.options)
        rates = list(given.pop("rates", None) or [])
        noisy = given.pop("noisy_modalities", None)
        if noisy is not None:
            given["noisy_modalities"] = flow_number(noisy)
        wanted = options("valence_protocol_options", given)
        array = (ctypes.c_double * len(rates))(*rates)
        if rates:
            wanted.rates, wanted.n_rates = ctypes.cast(array, ctypes.POINTER(ctypes.c_double)), len(rates)
        found = ctypes.POINTER(c.valence_protocol_evaluation)()
        with Work(progress) as work:
            work.call("valence_evaluate_protocol", network.handle, data.handle, self.name.encode(), ctypes.byref(wanted),
                      work.progress, ctypes.byref(found))
        try:
            return self._read(found.contents, data)
        finally:
            lib.valence_protocol_evaluation_free(found)

    def _read(self, e: Any, store: Store) -> ProtocolEvaluation:
        infos, conditions = metric_infos(e.scale), []
        for i in range(e.n_conditions):
            k = e.conditions[i]
            conditions.append(Condition(
                name=text(k.name), rate=k.rate, missing_rows=k.missing_rows, missing_modalities=k.missing_modalities,
                noisy=k.noisy, mask=text(k.mask), scores=array_of(k.scores, ctypes.c_float, e.n_clips),
                metrics=metric_values(k.metrics, infos), intervals=interval_values(k.intervals, infos)))
        return ProtocolEvaluation(
            protocol=self.name, split=store.splits[e.split], scale=names("valence_scale_names")[e.scale],
            ids=[store.id(e.clips[i]) for i in range(e.n_clips)], labels=array_of(e.labels, ctypes.c_float, e.n_clips),
            conditions=conditions, auilc={info.key: e.auilc[i] for i, info in infos.items()},
            mean={info.key: e.mean[i] for i, info in infos.items()}, infos={info.key: info for info in infos.values()})
