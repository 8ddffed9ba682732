import pickle
import sys

import numpy as np
import pytest
import sklearn.base
import sklearn.model_selection
import sklearn.pipeline
import sklearn.preprocessing
from sklearn.utils.estimator_checks import check_estimator

import valence
from conftest import SETTINGS


@pytest.fixture(scope="module")
def data():
    random = np.random.RandomState(0)
    X = {"audio": [random.randn(random.randint(1, 6), 4).astype(np.float32) for _ in range(60)],
         "text": [random.randn(3, 5).astype(np.float32) if i % 5 else None for i in range(60)]}
    return X, np.array([rows.mean() for rows in X["audio"]]) * 2


@pytest.fixture(scope="module")
def fitted(data):
    return valence.Regressor(random_state=1, **SETTINGS).fit(*data)


def test_it_learns(data):
    X, y = data
    regressor = valence.Regressor(epochs=60, model_d=32, model_o=16, random_state=1, flows=["complete"])
    assert regressor.fit(X, y).score(X, y) > 0.5
    details = regressor.predict_details(X)
    known = details.fitting  # clips without text lack what the one flow reads, and have no interval
    assert known.sum() == 48 and np.isnan(details.low[~known]).all()
    assert ((details.low <= details.score) & (details.score <= details.high))[known].all()


def test_the_same_seed_gives_the_same_scores(data, fitted):
    again = sklearn.base.clone(fitted).fit(*data)
    np.testing.assert_array_equal(again.predict(data[0]), fitted.predict(data[0]))


def test_it_survives_pickling(data, fitted):
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict(data[0]), fitted.predict(data[0]))
    assert pickle.loads(pickle.dumps(valence.Regressor(epochs=3))).epochs == 3


def test_parameters(fitted):
    assert fitted.get_params()["model_d"] == 16 and fitted.get_params()["losses_rnc"] is None
    assert "store" not in fitted.get_params()
    assert sklearn.base.clone(fitted).set_params(epochs=7).epochs == 7
    with pytest.raises(TypeError, match="no parameter epoch"):
        valence.Regressor(epoch=1)
    with pytest.raises(ValueError):
        fitted.set_params(epoch=1)


def test_searches_and_pipelines(data):
    X, y = data
    search = sklearn.model_selection.GridSearchCV(valence.Regressor(random_state=0, **SETTINGS), {"model_d": [8, 16]}, cv=2)
    assert search.fit(valence.Clips(X), y).best_params_["model_d"] in (8, 16)
    pipeline = sklearn.pipeline.make_pipeline(sklearn.preprocessing.StandardScaler(), valence.Regressor(**SETTINGS))
    table = np.random.RandomState(0).randn(40, 3)
    assert pipeline.fit(table, table[:, 0]).predict(table).shape == (40,)


def test_groups_stay_together(data):
    from valence.regressor import split

    groups = np.repeat(np.arange(12), 5)
    splits = np.array(split(60, 0.2, np.random.RandomState(0), groups)).reshape(12, 5)
    assert all(len(set(row)) == 1 for row in splits) and (splits == "validation").sum() == 15
    valence.Regressor(**SETTINGS).fit(*data, groups=groups)
    with pytest.raises(valence.ArgumentError, match="one group"):
        valence.Regressor(**SETTINGS).fit(*data, groups=np.zeros(60))


@pytest.mark.parametrize("fraction", [0, 1, -0.5, "some"])
def test_impossible_fractions(data, fraction):
    with pytest.raises(valence.ArgumentError, match="validation_fraction"):
        valence.Regressor(validation_fraction=fraction, **SETTINGS).fit(*data)


# Checks that scikit-learn skips, and why.
SKIPPED = {"check_array_api_input": "needs SCIPY_ARRAY_API; arrays of other libraries come in by DLPack (test_model.py)"}


@pytest.mark.filterwarnings("ignore")
def test_the_checks_of_scikit_learn():
    results = check_estimator(valence.Regressor(model_d=8, model_o=4, epochs=2, batch_size=16), on_skip=None, on_fail=None)
    failed = {result["check_name"]: result["exception"] for result in results if result["status"] not in ("passed", "skipped")}
    assert failed == {}
    assert {result["check_name"] for result in results if result["status"] == "skipped"} <= set(SKIPPED)
    assert len(results) > 45


def test_without_scikit_learn(data, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("sklearn", "valence.regressor", "valence._estimator"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    import importlib

    module = importlib.import_module("valence.regressor")
    regressor = module.Regressor(random_state=1, **SETTINGS)
    with pytest.raises(ValueError, match="not fitted"):
        regressor.predict(data[0])
    assert np.isfinite(regressor.fit(*data).score(*data))
    assert pickle_round_trip(regressor, module).predict(data[0]).shape == (60,)
    assert "model_d=16" in repr(regressor) and regressor.set_params(epochs=1).get_params()["epochs"] == 1
    with pytest.raises(ValueError, match="inconsistent"):
        regressor.fit(data[0], data[1][:-1])
    with pytest.raises(ValueError, match="1d"):
        regressor.fit(data[0], np.ones((60, 2)))


def pickle_round_trip(regressor, module):
    copy = module.Regressor.__new__(module.Regressor)
    copy.__setstate__(regressor.__getstate__())
    return copy
