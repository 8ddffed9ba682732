import json
import math

import numpy as np
import pytest

import valence


def test_figures_are_the_commands(model, store, command, run, corpus):
    said = json.loads(command("evaluate", run, corpus, "--json", "-q"))
    measured = valence.evaluate(model, store)
    assert [flow.flow for flow in measured.flows] == model.flows
    flows = said["models"][0]["flows"]
    assert list(flows) == [flow.flow for flow in measured.flows]
    for flow in measured.flows:
        for key, value in flow.metrics.items():  # the command prints 15 digits
            assert flows[flow.flow]["metrics"][key] == float(f"{value:.15g}")
    assert measured.synthetic and measured.data == "same" and len(measured.ids) == 20
    np.testing.assert_allclose(np.abs(measured["complete"].scores - measured.labels).mean(), measured["complete"].metrics["mae"], rtol=1e-5)


def test_frames_and_html(run, corpus):
    measured = valence.evaluate(run, corpus, flows=["complete", "audio_missing"], n_resamples=50)
    frame = measured.to_pandas()
    assert set(frame.flow) == {"complete", "audio_missing"} and "mae" in set(frame.metric)
    assert list(measured.predictions().columns) == ["id", "label", "complete", "audio_missing"]
    html = measured._repr_html_()
    assert "audio_missing (not trained)" in html and "SYNTHETIC" in html and "Acc-2 (non-0), %" in html
    low, high = measured["complete"].intervals["mae"]
    assert low < measured["complete"].metrics["mae"] < high
    assert math.isnan(valence.evaluate(run, corpus, n_resamples=0)["complete"].intervals["mae"][0])
    with pytest.raises(KeyError):
        measured["text_missing"]


def test_options_are_checked(run, corpus):
    with pytest.raises(TypeError, match="did you mean n_resamples"):
        valence.evaluate(run, corpus, n_resample=3)
    with pytest.raises(valence.ArgumentError, match="none of train"):
        valence.evaluate(run, corpus, split="exam")
    with pytest.raises(valence.ArgumentError, match="no flow"):
        valence.evaluate(run, corpus, flows=["nothing"])
    with pytest.raises(TypeError, match="batch_size"):
        valence.evaluate(run, corpus, batch_size="many")


def test_protocols(model, store, command, run, corpus):
    assert "erase" in valence.Protocol.names()
    protocol = valence.Protocol("erase", rates=[0, 0.5], n_resamples=20)
    measured = protocol.evaluate(model, store)
    assert [condition.rate for condition in measured.conditions] == [0, 0.5] and protocol.rule
    assert measured.conditions[0].missing_rows == 0 and 0.3 < measured.conditions[1].missing_rows < 0.7
    said = command("evaluate", run, corpus, "--protocol", "erase", "--json", "-q", "--rates", "0,0.5")
    assert measured.conditions[1].mask in said
    assert len(measured.to_pandas()) == 2 * len(measured.infos) and "erase" in measured._repr_html_()
    with pytest.raises(valence.NotFoundError, match="text-missing"):
        valence.Protocol("no-such")
    noisy = valence.Protocol("noise", rates=[1], noisy_modalities=["audio"], noise_kind="missing", n_resamples=0).evaluate(model, store)
    assert noisy.conditions[0].noisy == pytest.approx(1)


def test_one_name_is_no_list_of_letters(model, store, run):
    assert [flow.flow for flow in valence.evaluate(model, store, flows="text_missing").flows] == ["text_missing"]
    assert list(store.clips("test", "audio")[0].streams) == ["audio"]
    with pytest.raises(valence.ArgumentError, match="2 to 1000 runs"):
        valence.compare_runs(run, store)
