"""The network as an estimator with the interface of scikit-learn, which it works without, too."""
from __future__ import annotations

import inspect
import numbers
import tempfile
from typing import Any

import numpy as np

from valence._config import parameter_names
from valence._progress import Watch
from valence.clips import Array, Clips, X
from valence.errors import ArgumentError
from valence.model import Model, Predictions
from valence.store import write_clips
from valence.training import TrainConfig, TrainResult, checkpoints, train

try:
    from sklearn.base import BaseEstimator, RegressorMixin
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_consistent_length, column_or_1d
except ImportError:
    from valence._estimator import BaseEstimator, NotFittedError, RegressorMixin, check_consistent_length, column_or_1d

OWN = {"stream": "text", "validation_fraction": 0.1, "random_state": None, "progress": None}
NOT_KEYS = {"store", "output", "seed"}  # made here, and random_state


class Regressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Learns labels from clips in memory.

        regressor = valence.Regressor(epochs=20).fit({"audio": [...], "text": [...]}, y)
        regressor.predict({"audio": [...], "text": [None, ...]})

    Parameters are the keys of the training configuration with "_" for "." (model_d, losses_rnc, epochs; `valence train
    --print-config` explains them), None for a value that suits the data, and

    stream                of X where it is an array, (N, D) or (N, T, D)
    validation_fraction   of the clips, which choose the best epoch and calibrate the intervals; by whole groups where
                          fit() is given groups
    random_state          the seed
    progress              True for tqdm's bar

    After fit(): model_ (valence.Model), result_ (valence.TrainResult), n_features_in_.
    """

    def __init__(self, **parameters: Any) -> None:
        known = self.__signature_names()
        for name in parameters:
            if name not in known:
                raise TypeError(f"Regressor has no parameter {name}")
        for name, standard in known.items():
            setattr(self, name, parameters.get(name, standard))

    @classmethod
    def __signature_names(cls) -> dict[str, Any]:
        keys = {name: None for name, key in parameter_names("train").items() if key not in NOT_KEYS}
        return {**OWN, **keys}

    # ---- Fitting ----

    def fit(self, X: X, y: Any, groups: Any = None) -> Regressor:
        clips, labels = self._checked(X, y, groups)
        seed = self.random_state
        if isinstance(seed, np.random.RandomState):
            seed = int(seed.randint(1, 2**31 - 1))
        generator = np.random.RandomState(seed)
        splits = split(len(clips), self.validation_fraction, generator, groups)
        settings = {name: getattr(self, name) for name in parameter_names("train") if name in self.get_params(deep=False)}
        with tempfile.TemporaryDirectory(prefix="valence-") as folder:
            store, run = folder + "/store", folder + "/run"
            write_clips(store, clips, labels, splits, None if groups is None else [str(g) for g in groups])
            config = TrainConfig(store)
            config.update(settings)
            if seed is not None:
                config.update({"seed": int(seed)})
            watch: Watch = self.progress
            self.result_: TrainResult = train(config, run, progress=watch)
            self._checkpoints = checkpoints(run)
        self.model_ = Model.from_bytes(*self._checkpoints)
        self.n_features_in_ = sum(clips.widths().values())
        return self

    def _checked(self, X: X, y: Any, groups: Any) -> tuple[Clips, Array]:
        if y is None:
            raise ValueError("fit() requires y to be passed, but the target y is None")
        clips = checked_clips(X, self.stream)
        labels = np.asarray(column_or_1d(y, warn=True))
        if labels.dtype.kind not in "fiub":
            try:
                labels = labels.astype(np.float64)
            except (TypeError, ValueError):
                raise ValueError("Unknown label type: the labels must be numbers") from None
        check_consistent_length(clips, labels)
        if groups is not None:
            check_consistent_length(clips, groups)
        if not np.isfinite(labels.astype(np.float64)).all():
            raise ValueError("Input y contains NaN or infinity")
        if len(clips) < 2:
            raise ValueError(f"n_samples={len(clips)}: a minimum of 2 clips is required, one to learn from and one for "
                             "validation; this is 1 sample" if len(clips) else "Found array with 0 sample(s)")
        return clips, labels

    # ---- Predicting ----

    def predict(self, X: X) -> Array:
        """One score a clip, on the labels' scale and within their range."""
        return self.predict_details(X).score.astype(np.float64)

    def predict_details(self, X: X, **more: Any) -> Predictions:
        """Scores with intervals, flows and everything else that valence.Model.predict() gives."""
        if not hasattr(self, "model_"):
            raise NotFittedError("This Regressor instance is not fitted yet. Call 'fit' with appropriate arguments before using "
                                 "this estimator.")
        clips = checked_clips(X, self.stream)
        width = sum(clips.widths().values())
        if not isinstance(X, (dict, list, tuple, Clips)) and width != self.n_features_in_:
            raise ValueError(f"X has {width} features, but Regressor is expecting {self.n_features_in_} features as input")
        return self.model_.predict(clips, **more)

    # ---- Pickling ----

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("model_", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_checkpoints" in self.__dict__:
            self.model_ = Model.from_bytes(*self._checkpoints)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.dict = True
        tags.regressor_tags.poor_score = True  # a few epochs on a few clips
        return tags


def checked_clips(X: X, stream: str) -> Clips:
    if hasattr(X, "tocsr"):  # before all else: one of SciPy's kinds is a dict
        raise TypeError("sparse data is not supported: a dense array is required; give its .toarray()")
    if isinstance(X, (dict, Clips)) or hasattr(X, "value_lengths"):
        return Clips(X, stream)
    if isinstance(X, (list, tuple)) and X and isinstance(X[0], dict):
        return Clips(X, stream)
    array = np.asarray(X)
    if array.dtype.kind == "c":
        raise ValueError("Complex data not supported")
    if array.ndim < 2:
        raise ValueError(f"Expected 2D or 3D array, got {array.ndim}D array instead. Reshape your data: one clip is (1, D).")
    if not len(array):
        raise ValueError(f"Found array with 0 sample(s) (shape={array.shape}) while a minimum of 1 is required.")
    if not array.shape[-1]:
        raise ValueError(f"Found array with 0 feature(s) (shape={array.shape}) while a minimum of 1 is required.")
    if array.dtype.kind == "O":
        array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise ValueError("Input X contains NaN or infinity")
    return Clips(array, stream)


def split(n: int, fraction: float, generator: np.random.RandomState, groups: Any) -> list[str]:
    """Which clips are for validation: that part of them, at least one, drawn by whole groups."""
    if not isinstance(fraction, numbers.Real) or not 0 < fraction < 1:
        raise ArgumentError("validation_fraction: a part between 0 and 1 of the clips chooses the best epoch", "validation_fraction")
    labels = np.arange(n) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    order = generator.permutation(labels.max() + 1)
    if len(order) < 2:
        raise ArgumentError("groups: there is one group, and training and validation need one each", "groups")
    wanted, chosen, count = max(1, round(n * fraction)), set(), 0
    for group in order[:-1]:
        if count >= wanted:
            break
        chosen.add(group)
        count += int((labels == group).sum())
    return ["validation" if label in chosen else "train" for label in labels]


def signature() -> inspect.Signature:
    """That of the constructor, whose parameters the library names."""
    names = {**OWN, **{name: None for name, key in parameter_names("train").items() if key not in NOT_KEYS}}
    own = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    return inspect.Signature(own + [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=standard)
                                    for name, standard in names.items()])


Regressor.__init__.__signature__ = signature()  # type: ignore[attr-defined]
