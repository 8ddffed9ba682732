"""The network in PyTorch against the golden fixtures, and against the library."""
import json
import os
import pathlib

import numpy as np
import pytest

import valence

torch = pytest.importorskip("torch")
bridge = pytest.importorskip("valence.torch")

GOLDEN = pathlib.Path(os.environ.get("VALENCE_SHARED", "/nowhere")) / "golden" / "fusion"
needs_golden = pytest.mark.skipif(not GOLDEN.is_dir(), reason="the golden fixtures are not there (VALENCE_SHARED)")
WEIGHTS = {"paper": {"complete": 0.5, "missing": 0.5, "rep": 0.1, "cross": 0.7, "feature": 0.1, "rnc": 0.8},
           "released": {"complete": 0.5, "missing": 0.5, "rep": 0, "cross": 0, "feature": 0.13, "rnc": 0.5}}


def golden_batch(cases, lengths):
    streams = {"audio": "audio", "text": "text", "video": "video", "simulated_text": "simulated"}
    return bridge.pad({name: list(torch.split(cases[f"in.{key}"], lengths[key])) for name, key in streams.items()}, torch.float64)


def read_lengths(path):
    """The int64 tensors, which valence.torch has no use for."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    return {name.split(".")[1]: np.frombuffer(data[8 + size:][slice(*entry["data_offsets"])], "<i8").tolist()
            for name, entry in header.items() if name.endswith(".lengths")}


def near(value, expected, tolerance, name):
    """Within the tolerance of the largest magnitude of that tensor (golden/fusion/README.md). Some gradients are 0 but for
    rounding."""
    assert (value - expected).abs().max().item() <= tolerance * expected.abs().max().item() + 1e-12, name


@needs_golden
@pytest.mark.parametrize("name", ["small-transition", "small-text", "small-off", "pair"])
def test_golden(name):
    kind = {"small-text": "text", "small-off": "off"}.get(name, "transition")
    cases, _ = bridge.read_safetensors(GOLDEN / f"{name}.cases.safetensors")
    figures = json.loads((GOLDEN / f"{name}.json").read_text())
    network = bridge.DoubleFlow.from_published(GOLDEN / f"{name}.weights.safetensors", kind).double().eval()  # as the fixtures
    batch, labels = golden_batch(cases, read_lengths(GOLDEN / f"{name}.cases.safetensors")), cases["in.labels"].double()
    outputs = {"complete": network(batch), "missing": network(batch, "text_missing")}
    for flow, output in outputs.items():
        found = {"score": output.score, "feature": output.feature, "rnc_feature": output.contrast, "queries": output.queries,
                 "cross_text": output.gathered[:, 1], "modality_weights": output.modality_weights,
                 "view_weights": output.view_weights}
        for key, value in found.items():
            near(value, cases[f"{flow}.{key}"], 1e-6, f"{flow}.{key}")
    for weighting, weights in WEIGHTS.items():
        terms = bridge.losses(outputs["complete"], outputs["missing"], labels, weights)
        for key, value in figures[weighting].items():
            assert terms[key].item() == pytest.approx(value, rel=1e-7, abs=1e-12), (weighting, key)
        network.zero_grad()
        terms["total"].backward(retain_graph=True)
        checked = 0
        for key, parameter in network.named_parameters():
            if f"grad.{weighting}.{key}" in cases and parameter.grad is not None:
                near(parameter.grad, cases[f"grad.{weighting}.{key}"], 1e-6, key)
                checked += 1
        assert checked > 50


def test_a_checkpoint_gives_the_librarys_scores(run, model, store, tmp_path):
    network = bridge.DoubleFlow.from_checkpoint(run + "/best.safetensors").eval()
    x, _, _ = store.clips("test")
    batch = bridge.pad({name: [None if rows[i] is None else rows[i].astype(np.float32) for i in range(len(rows))]
                        for name, rows in x.streams.items()})
    with torch.no_grad():
        scores = {flow: network(batch, flow).score.numpy() for flow in ("complete", "text_missing", "audio_missing")}
    for flow, expected in scores.items():
        np.testing.assert_allclose(model.predict(x, flow=flow).raw_score, expected, rtol=1e-4, atol=1e-5, err_msg=flow)
    network.save(tmp_path / "copy.safetensors")
    with valence.Model(tmp_path / "copy.safetensors") as copy:
        np.testing.assert_array_equal(copy.predict(x).raw_score, model.predict(x).raw_score)
        assert copy.widths == model.widths and np.isnan(copy.predict(x).low).all()


def test_a_new_network_can_be_saved_and_extended(tmp_path):
    class Extended(bridge.DoubleFlow):
        def forward(self, batch, flow="complete"):
            output = super().forward(batch, flow)
            output.score = output.score + 1
            return output

    network = Extended({"audio": 4, "text": 6, "video": 2}, 8, 4, flows=["complete", "text_missing", "audio_video_missing"])
    batch = bridge.pad({"audio": [np.ones((2, 4)), None], "text": [np.ones((3, 6)), np.ones((1, 6))]})
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    terms = bridge.losses(network(batch), network(batch, "text_missing"), torch.tensor([1.0, -1.0]), WEIGHTS["paper"])
    terms["total"].backward()
    optimizer.step()
    network.eval().save(tmp_path / "new.safetensors")
    with valence.Model(tmp_path / "new.safetensors") as model:
        scores = model.predict({"audio": [np.ones((2, 4)), None], "text": [np.ones((3, 6)), np.ones((1, 6))]}, flow="complete").raw_score
    np.testing.assert_allclose(scores + 1, network(batch).score.detach().numpy(), rtol=1e-4, atol=1e-5)
    with pytest.raises(valence.ArgumentError, match="misses 2 modalities"):
        bridge.losses(network(batch), network(batch), torch.zeros(2), {}, "audio_video_missing")


def test_wrong_files(tmp_path, run):
    for content in (b"", b"12345678", b"\xff" * 64, (8).to_bytes(8, "little") + b'{"a": 1}', (2).to_bytes(8, "little") + b"[]"):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(valence.FormatError):
            bridge.DoubleFlow.from_checkpoint(tmp_path / "bad")
    data = bytearray(pathlib.Path(run, "best.safetensors").read_bytes().replace(b"fc_att.bias", b"fc_xtt.bias"))
    (tmp_path / "bad").write_bytes(data)
    with pytest.raises(valence.FormatError, match="fc_att"):
        bridge.DoubleFlow.from_checkpoint(tmp_path / "bad")


class Scored(torch.utils.data.Dataset):
    """Clips of a store, with what a model says of them: all of it in the worker."""

    def __init__(self, store, model):
        self.store, self.model = store, model

    def __len__(self):
        return len(self.store)

    def __getitem__(self, i):
        clip = self.store[i]
        return torch.from_numpy(clip["audio"].astype(np.float32)).sum(), self.model.predict([dict(clip)]).score[0]


def load(dataset, n_workers):
    loader = torch.utils.data.DataLoader(dataset, batch_size=12, num_workers=n_workers,
                                         multiprocessing_context="fork" if n_workers else None)
    return [torch.cat(columns) for columns in zip(*loader)]


def test_workers_of_a_data_loader(model, store):
    """Forked while this process has the store, the model and its threads."""
    model.predict(store)
    sums, scores = load(Scored(store, model), 2)
    assert len(sums) == len(scores) == len(store)
    torch.testing.assert_close([sums, scores], load(Scored(store, model), 0))
