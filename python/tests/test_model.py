import concurrent.futures
import csv
import io
import math
import threading

import numpy as np
import pytest

import valence


def test_predictions_are_the_commands(model, store, command, run, corpus):
    """To the last digit: the command writes numbers that read back to the same float."""
    table = list(csv.DictReader(io.StringIO(command("predict", run, corpus, "--split", "test", "--csv", "-q"))))
    predictions = model.predict(store, split="test")
    assert [row["id"] for row in table] == predictions.ids
    for column in ("score", "low", "high"):
        said = np.array([float(row[column]) for row in table], np.float32)
        np.testing.assert_array_equal(said, getattr(predictions, column).astype(np.float32))
    assert [row["flow"] for row in table] == predictions.flow


def test_arrays_give_what_the_store_gives(model, store):
    x, labels, ids = store.clips("test")
    stored, predictions = model.predict(store, split="test"), model.predict(x)
    assert stored.ids == ids and len(labels) == 20
    for name in ("score", "low", "high", "novelty", "modality_weights", "view_weights"):
        np.testing.assert_array_equal(getattr(stored, name), getattr(predictions, name))
    assert predictions.counts["n"] == 20
    np.testing.assert_allclose(model.predict(x, batch_size=7).score, stored.score, rtol=1e-5, atol=1e-6)  # rounded otherwise
    frame = predictions.to_pandas()
    assert len(frame) == 20 and "weights_audio" not in frame and "modality_audio" in frame


def forms(x):
    """The same clips in every way in which they may be given."""
    import pyarrow

    lists = {name: [rows[i] for i in range(len(rows))] for name, rows in x.streams.items()}
    yield "lists", lists
    yield "a list of dicts", list(x)
    yield "packed", dict(x.streams)
    nested = {name: [[list(map(float, row)) for row in rows] if rows is not None else None for rows in items]
              for name, items in lists.items()}
    yield "PyArrow", {name: pyarrow.array(items, pyarrow.list_(pyarrow.list_(pyarrow.float32(), x.widths()[name])))
                      for name, items in nested.items()}
    yield "PyArrow, lists of any length", {name: pyarrow.array(items, pyarrow.list_(pyarrow.list_(pyarrow.float32())))
                                           for name, items in nested.items()}
    yield "DLPack", {name: [Exporter(rows) for rows in items] for name, items in lists.items()}


class Exporter:
    """Hands out its memory by DLPack and by nothing else, as tensors of other libraries do."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **more):
        return self.array.__dlpack__(**more)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_all_kinds_of_arrays(model, store):
    x, _, _ = store.clips("test")
    expected = model.predict(x).score
    for name, form in forms(x):
        np.testing.assert_array_equal(model.predict(form).score, expected, err_msg=name)


def test_tensors_of_pytorch(model, store):
    torch = pytest.importorskip("torch")
    x, _, _ = store.clips("test")
    tensors = {name: [torch.from_numpy(rows[i].astype(np.float32)).requires_grad_() for i in range(len(rows))]
               for name, rows in x.streams.items()}
    np.testing.assert_array_equal(model.predict(tensors).score, model.predict(x).score)


def test_packed_rows_are_not_copied():
    rows = np.ones((5, 2), np.float32)
    clips = valence.Clips(audio=valence.Rows(rows, [0, 2, 5]))
    batch = next(clips.batches(2))
    assert batch.streams[0].data == rows.ctypes.data


def test_lists_are_not_copied():
    there, other = np.ones((2, 3), np.float32), np.zeros((4, 3), np.float32)
    clips = valence.Clips(audio=[there, None, other], text=[None, None, None])
    batch = next(clips.batches(3))
    audio = batch.streams[0]
    assert [audio.clips[i] for i in range(3)] == [there.ctypes.data, None, other.ctypes.data]
    assert audio.offsets[:4] == [0, 2, 2, 6] and audio.width == 3 and not audio.data
    assert not batch.streams[1].width
    assert clips[[2, 1]][0]["audio"] is other


def test_arrays_of_any_memory_and_type(model, store):
    """Rows that lie apart, the other way round, unaligned, of other types: the library reads a copy of those."""
    x, _, _ = store.clips("test")
    lists = {name: [rows[i] for i in range(len(rows))] for name, rows in x.streams.items()}
    expected = model.predict(x).score

    def unaligned(array):
        memory = np.zeros(array.nbytes + 1, np.uint8)[1:]
        memory[:] = np.frombuffer(array.tobytes(), np.uint8)
        return memory.view(array.dtype).reshape(array.shape)

    def read_only(array):
        array = array.copy()
        array.flags.writeable = False
        return array

    def apart(array):
        wide = np.zeros((2 * len(array), 2 * array.shape[1]), array.dtype)
        wide[::2, ::2] = array
        return wide[::2, ::2]

    forms = [unaligned, apart, np.asfortranarray, lambda a: a[::-1].copy()[::-1], lambda a: a.astype(np.float64),
             lambda a: a.astype(">f4"), lambda a: a.astype(np.float32), read_only]
    for form in forms:
        np.testing.assert_array_equal(model.predict({name: [form(a) for a in arrays] for name, arrays in lists.items()}).score,
                                      expected)
    mixed = {name: [forms[i % len(forms)](a) for i, a in enumerate(arrays)] for name, arrays in lists.items()}
    np.testing.assert_array_equal(model.predict(mixed, batch_size=64).score, expected)
    whole = {name: [np.arange(12 * rows.width).reshape(12, rows.width) % 3] for name, rows in x.streams.items()}
    floats = {name: [array.astype(np.float32) for array in arrays] for name, arrays in whole.items()}
    np.testing.assert_array_equal(model.predict(whole).score, model.predict(floats).score)


def test_missing_streams_choose_the_flow(model, store):
    x, _, _ = store.clips("test", ["audio", "video", "simulated_text"])
    predictions = model.predict(x)
    assert set(predictions.flow) == {"text_missing"} and set(predictions.missing) == {"text"}
    forced = model.predict(store, split="test", flow="text_missing")
    np.testing.assert_array_equal(predictions.score, forced.score)


@pytest.mark.parametrize("wrong, text", [
    ({"audio": [np.ones((2, 9))]}, "8"), ({"smell": [np.ones((2, 9))]}, "'smell' is no stream"),
    ({"audio": [np.ones((2, 8)), np.ones((2, 7))]}, "7 columns"), ({"audio": [np.full((1, 8), math.nan)]}, "(?i)nan|finite"),
    ({"audio": [np.ones((2, 8))], "video": [None, None]}, "different numbers of clips"),
    ({"audio": [None]}, "rows"), ({"audio": [np.ones((1, 2, 8))]}, "shape"), ({"audio": [["a", "b"]]}, "number|convert")])
def test_wrong_clips(model, wrong, text):
    with pytest.raises((ValueError, TypeError), match=text):
        model.predict(wrong)


def test_a_clip_without_rows_is_named_in_the_batch_it_is_in(model):
    with pytest.raises(valence.ArgumentError, match="of the clips from 2 on"):
        model.predict({"audio": [np.ones((2, 8)), np.ones((2, 8)), None]}, batch_size=2)


def test_offsets_of_packed_rows_are_checked():
    for offsets in ([1, 2], [0, 6], [0, 3, 2], []):
        with pytest.raises(ValueError):
            valence.Rows(np.ones((5, 2), np.float32), offsets)


def test_eight_threads_agree_with_one(model, store):
    x, _, _ = store.clips("test")
    expected = model.predict(x).score
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for scores in pool.map(lambda _: model.predict(x).score, range(24)):
            np.testing.assert_array_equal(scores, expected)


def test_models_in_memory_and_groups(run, model, store):
    data = open(run + "/best.safetensors", "rb").read()
    with valence.Model.from_bytes(data) as one, valence.Model.from_bytes(data, data) as two:
        assert (one.n_members, two.n_members) == (1, 2)
        expected = model.predict(store).score
        np.testing.assert_array_equal(one.predict(store).score, expected)
        np.testing.assert_allclose(two.predict(store).score, expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(valence.FormatError):
        valence.Model.from_bytes(data[:100])
    with pytest.raises(valence.NotFoundError):
        valence.Model("/nowhere")


def test_what_a_model_says_of_itself(model):
    assert model.widths == {"audio": 8, "text": 12, "video": 6}
    assert model.flows == ["complete", "text_missing"]
    assert model.config["d"] == 16 and model.config["fusion"] == "cross_attention"
    assert model.label_range == (-3, 3) and model.classes == []
    assert model.provenance["configuration"]["model.d"] == "16"
    assert "16" not in repr(model) and "parameters" in repr(model)


def test_a_closed_model_is_refused(run):
    with valence.Model(run) as model:
        pass
    with pytest.raises(ValueError, match="closed"):
        model.predict({"audio": [np.ones((1, 8))]})


def test_closing_waits_for_the_calls_of_other_threads(run, corpus):
    """The library's object is freed when the last call that uses it has ended."""
    for i in range(10):
        model, store = valence.Model(run), valence.Store(corpus)
        closer = threading.Timer(0.002 * i, lambda: (store.close(), model.close()))
        closer.start()
        with pytest.raises(ValueError, match="closed"):
            while True:
                assert np.isfinite(model.predict(store).score).all()
        closer.join()


@pytest.mark.parametrize("wrong", [{"batch_size": 2**40}, {"batch_size": -1}, {"batch_size": 2.5}, {"split": 2**32}, {"level": "high"}])
def test_wrong_options(model, store, wrong):
    with pytest.raises((valence.ArgumentError, TypeError), match=next(iter(wrong))):
        model.predict(store, **wrong)
