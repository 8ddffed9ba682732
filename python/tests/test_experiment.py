"""Ablations, sweeps and comparisons, in this process and in workers."""
import json
import math
import shutil
import sys

import pytest

import valence

SMALL = {"epochs": 1, "model_d": 8, "model_o": 4, "batch_size": 16, "n_resamples": 100}
SETTINGS = ["--set", "epochs=1", "--set", "model.d=8", "--set", "model.o=4", "--set", "batch_size=16", "--bootstrap", "100"]


@pytest.fixture(scope="module")
def ablation(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ablation") / "it"
    return str(folder), valence.ablate(corpus, folder, seeds=1, jobs=1, **SMALL)


def test_an_ablation_is_the_commands(ablation, corpus, command, tmp_path):
    folder, result = ablation
    said = json.loads(command("ablate", corpus, "-o", str(tmp_path / "it"), "--seeds", "1", "--jobs", "1", *SETTINGS, "--json", "-q"))
    assert result.json["variants"] == said["variants"] and result.kind == "ablation" and result.synthetic
    assert [v.name for v in result.variants] == list(valence.ablation_variants(corpus)) and result.variants[0].name == "full"
    assert json.loads(open(folder + "/result.json").read()) == result.json
    cell = result["no-rnc"].cells["complete"]["mae"]
    assert cell.low <= cell.difference <= cell.high and 0 <= cell.p <= cell.p_holm <= 1
    assert math.isnan(result["full"].cells["complete"]["mae"].difference)


def test_what_a_result_becomes(ablation):
    _, result = ablation
    frame = result.to_pandas()
    assert len(frame) == sum(len(cells) for v in result.variants for cells in v.cells.values())
    row = frame[(frame.variant == "no-mia") & (frame.flow == "text_missing") & (frame.metric == "mae")].iloc[0]
    assert row["mean"] == result["no-mia"].cells["text_missing"]["mae"].mean
    errors = result.validation()
    assert result.best == errors.variant[errors.selected.idxmin()]
    html = result._repr_html_()
    assert "no-mia" in html and "SYNTHETIC" in html and "text_missing" in html and "nan" not in html
    with pytest.raises(KeyError):
        result["no-such"]


def test_the_same_call_repeats_nothing(ablation, corpus):
    folder, result = ablation
    with valence.Experiment(folder) as experiment:
        runs = experiment.runs()
        assert {run.state for run in runs} == {"done"} and len(runs) == len(result.variants)
        assert f"{len(runs)} of {len(runs)} runs are done" in repr(experiment)
    stages = set()
    again = valence.ablate(corpus, folder, seeds=1, jobs=1, progress=lambda p: stages.add(p.stage), **SMALL)
    assert again.json == result.json and "training" not in stages
    with pytest.raises(valence.ExistsError):
        valence.ablate(corpus, folder, seeds=2, jobs=1, **SMALL)


def test_a_comparison_in_workers(corpus, tmp_path):
    """The processes give what this one gives. Each run has one thread in both."""
    variants = {"wide": {"model_d": 12}, "no-rnc": {"losses.rnc": 0}}
    result = valence.compare(corpus, tmp_path / "workers", variants, models=["ridge"], seeds=2, jobs=2, cores=2, **SMALL)
    here = valence.compare(corpus, tmp_path / "here", variants, models=["ridge"], seeds=2, jobs=1, cores=1, **SMALL)
    assert [v.name for v in result.variants] == ["base", "ridge", "wide", "no-rnc"]
    assert [v.n_models for v in result.variants] == [2, 2, 2, 2]
    assert result.json["variants"] == here.json["variants"]
    with valence.Experiment(tmp_path / "workers") as experiment:
        assert [(run.variant, run.seed, run.state) for run in experiment.runs()][:3] == [
            ("base", 1, "done"), ("base", 2, "done"), ("ridge", 1, "done")]


def test_what_stops_continues(corpus, tmp_path):
    def stop(progress):
        if progress.stage == "training":
            raise KeyboardInterrupt

    settings = {**SMALL, "epochs": 40}
    for jobs in (2, 1):
        with pytest.raises(KeyboardInterrupt):
            valence.compare(corpus, tmp_path / "it", {"wide": {"model_d": 12}}, seeds=1, jobs=jobs, progress=stop, **settings)
    with valence.Experiment(tmp_path / "it") as experiment:
        assert "done" not in {run.state for run in experiment.runs()}
        experiment.run(jobs=2)
        result = experiment.evaluate(n_resamples=100, flows=["complete"])
    assert result.flows == ["complete"] and [v.n_epochs for v in result.variants] == [40, 40]


def test_a_worker_that_fails(corpus, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(FileNotFoundError, match="no-such-python"):
        patch.setattr(sys, "executable", "/no-such-python")
        valence.compare(corpus, tmp_path / "it", {"wide": {"model_d": 12}}, seeds=1, jobs=2, **SMALL)
    own = tmp_path / "corpus"
    shutil.copytree(corpus, own)
    with monkeypatch.context() as patch, pytest.raises(FileNotFoundError):
        patch.setattr(sys, "executable", "/no-such-python")
        valence.compare(own, tmp_path / "other", {"wide": {"model_d": 12}}, seeds=1, jobs=2, **SMALL)
    shutil.rmtree(own)
    with valence.Experiment(tmp_path / "other") as experiment:
        with pytest.raises(valence.Error, match="run (base|wide)/seed-1: .*corpus"):  # whichever ends first
            experiment.run(jobs=2)
        assert any("corpus" in run.failure for run in experiment.runs())
        with pytest.raises(valence.BusyError):
            experiment.evaluate()


def test_a_sweep(corpus, tmp_path):
    result = valence.sweep(corpus, tmp_path / "it", {"losses_rnc": [0, 0.5], "optimizer.learning_rate": "1e-3:4e-3:*2"}, seeds=1,
                           jobs=1, **SMALL)
    assert len(result.variants) == 6 and result.variants[0].name == "base" and result.kind == "sweep"
    measured = {v.name for v in result.variants if v.cells}
    assert measured == {"base", result.best}
    assert "(smallest)" in result._repr_html_() and len(result.validation()) == 6
    drawn = valence.sweep(corpus, tmp_path / "drawn", {"model_dropout": "0:0.5:0.1"}, method="random", draws=2, draw_seed=7, seeds=1,
                          jobs=1, n_rungs=2, factor=2, **{**SMALL, "epochs": 2})
    assert len(drawn.variants) == 3


@pytest.mark.parametrize("vary, more, error, text", [
    ({"losses_rcn": [0]}, {}, valence.ConfigError, "did you mean losses_rnc"), ({"epochs": "1:9"}, {}, valence.ConfigError, "epochs"),
    ({"epochs": [1, 2]}, {"method": "all"}, valence.ArgumentError, "none of grid"),
    ({"epochs": [1, 2]}, {"method": "random", "draws": 5}, valence.ArgumentError, "settings"),
    ({"epochs": [1, 2]}, {"epoch": 1}, valence.ConfigError, "did you mean epochs")])
def test_wrong_sweeps(corpus, tmp_path, vary, more, error, text):
    with pytest.raises(error, match=text):
        valence.sweep(corpus, tmp_path / "it", vary, **more)
    assert not (tmp_path / "it").exists()


def test_comparing_runs(run, corpus, tmp_path):
    valence.train(corpus, tmp_path / "other", epochs=1, model_d=8, model_o=4)
    result = valence.compare_runs([run, tmp_path / "other"], corpus, flows=["complete"], n_resamples=100)
    assert len(result.variants) == 2 and result.flows == ["complete"] and result.best is None
    assert result.variants[0].cells["complete"]["mae"].mean == pytest.approx(
        valence.evaluate(run, corpus, n_resamples=0)["complete"].metrics["mae"])
    assert "validation error" not in result._repr_html_()
    with pytest.raises(valence.NotFoundError):
        valence.compare_runs([run, tmp_path / "nothing"], corpus)
    with pytest.raises(valence.ArgumentError, match="none of constant"):
        valence.compare(corpus, tmp_path / "it", models=["rigde"])
    with pytest.raises(valence.Error):
        valence.Experiment(tmp_path / "nothing")
