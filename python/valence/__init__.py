"""valence: how positive or negative people in recordings and texts are, from what is said, how it sounds and how the face looks.

    valence.score("I loved every minute of it")        valence.Regressor().fit(X, y).predict(X)
    valence.score("clip.mp4").to_pandas()              valence.train("store", "run").model()

A thin layer over the C library: names, units and errors are those of its headers. Everything is imported when it is first used.
"""
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from valence._progress import Progress as Progress
    from valence.clips import Clips as Clips
    from valence.clips import Rows as Rows
    from valence.encoder import Encoder as Encoder
    from valence.encoder import prosody as prosody
    from valence.errors import ArgumentError as ArgumentError
    from valence.errors import BusyError as BusyError
    from valence.errors import CancelledError as CancelledError
    from valence.errors import ConfigError as ConfigError
    from valence.errors import DataError as DataError
    from valence.errors import DiskFullError as DiskFullError
    from valence.errors import Error as Error
    from valence.errors import ExistsError as ExistsError
    from valence.errors import FormatError as FormatError
    from valence.errors import InputOutputError as InputOutputError
    from valence.errors import LimitError as LimitError
    from valence.errors import NotFoundError as NotFoundError
    from valence.errors import OutOfMemoryError as OutOfMemoryError
    from valence.errors import RankError as RankError
    from valence.errors import ShapeError as ShapeError
    from valence.errors import UnsupportedError as UnsupportedError
    from valence.evaluation import Evaluation as Evaluation
    from valence.evaluation import Protocol as Protocol
    from valence.evaluation import ProtocolEvaluation as ProtocolEvaluation
    from valence.evaluation import evaluate as evaluate
    from valence.experiment import Experiment as Experiment
    from valence.experiment import ExperimentResult as ExperimentResult
    from valence.experiment import ablate as ablate
    from valence.experiment import ablation_variants as ablation_variants
    from valence.experiment import compare as compare
    from valence.experiment import compare_runs as compare_runs
    from valence.experiment import sweep as sweep
    from valence.extraction import ExtractConfig as ExtractConfig
    from valence.extraction import Extraction as Extraction
    from valence.extraction import extract as extract
    from valence.model import Model as Model
    from valence.model import Predictions as Predictions
    from valence.regressor import Regressor as Regressor
    from valence.reporting import Report as Report
    from valence.reporting import report as report
    from valence.scorer import Score as Score
    from valence.scorer import Scorer as Scorer
    from valence.scorer import Segment as Segment
    from valence.scorer import score as score
    from valence.store import Clip as Clip
    from valence.store import Store as Store
    from valence.store import StoreWriter as StoreWriter
    from valence.threads import default_threads as default_threads
    from valence.threads import get_threads as get_threads
    from valence.threads import set_threads as set_threads
    from valence.training import Epoch as Epoch
    from valence.training import TrainConfig as TrainConfig
    from valence.training import TrainResult as TrainResult
    from valence.training import train as train

    __version__: str

MODULES = {
    "_progress": ["Progress"],
    "clips": ["Clips", "Rows"],
    "encoder": ["Encoder", "prosody"],
    "errors": ["ArgumentError", "BusyError", "CancelledError", "ConfigError", "DataError", "DiskFullError", "Error", "ExistsError",
               "FormatError", "InputOutputError", "LimitError", "NotFoundError", "OutOfMemoryError", "RankError",
               "ShapeError", "UnsupportedError"],
    "evaluation": ["Evaluation", "Protocol", "ProtocolEvaluation", "evaluate"],
    "experiment": ["Experiment", "ExperimentResult", "ablate", "ablation_variants", "compare", "compare_runs", "sweep"],
    "extraction": ["ExtractConfig", "Extraction", "extract"],
    "model": ["Model", "Predictions"],
    "regressor": ["Regressor"],
    "reporting": ["Report", "report"],
    "scorer": ["Score", "Scorer", "Segment", "score"],
    "store": ["Clip", "Store", "StoreWriter"],
    "threads": ["default_threads", "get_threads", "set_threads"],
    "training": ["Epoch", "TrainConfig", "TrainResult", "train"],
}
PLACES = {name: module for module, names in MODULES.items() for name in names}
__all__ = sorted(PLACES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from valence._library import lib

        return lib.valence_version().decode()
    if name not in PLACES:
        raise AttributeError(f"module 'valence' has no attribute '{name}'")
    found = getattr(importlib.import_module(f"valence.{PLACES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *PLACES})
