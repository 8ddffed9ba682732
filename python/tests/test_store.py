import concurrent.futures
import ctypes
import math

import numpy as np
import pytest

import valence


def test_clips_and_rows(store):
    assert len(store) == 84
    assert [s.name for s in store.streams] == ["audio", "text", "video", "simulated_text"]
    clip = store[0]
    assert (clip.split, store[clip.id].number) == ("train", 0)
    rows = clip["audio"]
    assert rows.dtype == np.float16 and rows.shape == (clip.n_rows("audio"), 8)
    assert rows.flags.owndata and rows.flags.writeable
    np.testing.assert_array_equal(store.rows(0, "audio", 1, 2), rows[1:3])
    assert store.source["kind"] == "synthetic"
    assert sum(1 for clip in store if clip.split == "test") == 20
    frame = store.to_pandas()
    assert list(frame.id) == [clip.id for clip in store] and frame.audio[0] == len(rows)


@pytest.mark.parametrize("wrong, error", [
    (lambda s: s[84], IndexError), (lambda s: s[-85], IndexError), (lambda s: s["nobody"], KeyError),
    (lambda s: s[0]["smell"], valence.NotFoundError), (lambda s: s.rows(0, "audio", 0, 10**9), ValueError),
    (lambda s: s.rows(0, "audio", -1, 2), ValueError), (lambda s: s.rows(0, "audio", 0, 2**70), ValueError),
    (lambda s: s.rows(0, "audio", 2**64, 1), ValueError), (lambda s: s.rows(999, "audio"), IndexError),
    (lambda s: s.rows(2**64, "audio"), IndexError), (lambda s: s[2**64], IndexError), (lambda s: s.id(84), IndexError),
    (lambda s: s[1.5], TypeError), (lambda s: s[s[0].id + "\0"], ValueError)])
def test_what_is_not_there(store, wrong, error):
    with pytest.raises(error):
        wrong(store)


def test_a_closed_store_is_refused(corpus):
    store = valence.Store(corpus)
    store.close()
    store.close()
    with pytest.raises(ValueError, match="this Store is closed"):
        len(store)


def test_clips_of_a_closed_store_are_refused(corpus):
    with valence.Store(corpus) as store:
        clip = store[0]
    for use in (lambda: clip["audio"], lambda: clip.n_rows("audio"), lambda: clip.metadata, lambda: list(clip), lambda: len(clip)):
        with pytest.raises(ValueError, match="this Store is closed"):
            use()
    assert clip.id and clip.split == "train"


@pytest.mark.parametrize("wrong", [{"id": "a\0b"}, {"id": "a", "transcript": "so\0far"}, {"id": "a", "group": "x\0"}])
def test_a_zero_byte_does_not_cut_a_text(tmp_path, wrong):
    """As it would in C, where it ends one: two ids would be the same."""
    with valence.Store.write(tmp_path / "s", {"audio": 2}) as writer:
        with pytest.raises(valence.ArgumentError, match="zero byte"):
            writer.add(**wrong)
        assert len(writer) == 0
    with pytest.raises(valence.ArgumentError, match="zero byte"):
        valence.Store(f"{tmp_path}/s\0/nothing")


def test_threads_share_a_writer(tmp_path):
    with valence.Store.write(tmp_path / "s", {"audio": 2}) as writer, concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: writer.add(f"clip{i}", audio=np.full((i % 5 + 1, 2), i)), range(400)))
    with valence.Store(tmp_path / "s") as store:
        assert len(store) == 400
        for clip in store:
            number = int(clip.id[4:])
            np.testing.assert_array_equal(clip["audio"], np.full((number % 5 + 1, 2), number))


def test_errors_have_the_librarys_text_and_key(tmp_path):
    with pytest.raises(valence.NotFoundError) as caught:
        valence.Store(tmp_path / "nothing")
    assert str(tmp_path / "nothing") in str(caught.value)
    with valence.Store.write(tmp_path / "s", {"audio": 2}) as writer:
        writer.add("a", audio=np.ones((1, 2)))
    with pytest.raises(valence.Error) as caught:
        valence.Store.synthesize(tmp_path / "s")
    assert caught.value.key == "overwrite"


def test_writing_and_reading_back(tmp_path):
    rows = np.arange(6, dtype=np.float64).reshape(3, 2)
    scale = {"name": "mood", "low": -1.0, "high": 1.0}
    with valence.Store.write(tmp_path / "s", {"audio": (2, "f16"), "text": 3}, source={"kind": "mine"}, label_scale=scale) as writer:
        writer.add("a", split="train", label=0.5, group="film", transcript="ça va", audio=rows, text=[1, 2, 3],
                   metadata={"audio": {"by": "hand"}})
        writer.add("b", split="test", text=None)
        assert "a" in writer and len(writer) == 2
        with pytest.raises(valence.ExistsError):
            writer.add("a", audio=rows)
        with pytest.raises(valence.DataError, match="nan is not"):
            writer.add("c", audio=[[math.nan, 0]])
        with pytest.raises(valence.ArgumentError, match="3 columns"):
            writer.add("c", audio=np.ones((1, 3)))
    with valence.Store(tmp_path / "s") as store:
        assert store.finished and store.source["kind"] == "mine" and store.label_scale == {**scale, "classes": []}
        clip = store["a"]
        assert (clip.label, clip.group, clip.transcript, clip.metadata) == (0.5, "film", "ça va", {"audio": {"by": "hand"}})
        np.testing.assert_array_equal(clip["audio"], rows)
        assert store["b"].label is None and list(store["b"]) == []
        assert store.summary()["streams"]["audio"]["n_rows"] == 3


def test_an_error_leaves_the_store_unfinished(tmp_path):
    with pytest.raises(RuntimeError), valence.Store.write(tmp_path / "s", {"audio": 2}) as writer:
        writer.add("a", audio=np.ones((1, 2)))
        raise RuntimeError
    with pytest.raises(valence.DataError):
        valence.Store(tmp_path / "s")
    with valence.Store(tmp_path / "s", accept_unfinished=True) as store:
        assert len(store) == 1 and not store.finished


def test_importing(tmp_path):
    rows = np.random.RandomState(0).randn(4, 3, 2).astype(np.float32)
    np.savez(tmp_path / "data.npz", audio=rows, id=["a", "b", "c", "d"], split=["train", "train", "valid", "test"],
             label=np.float32([1, -1, 9, 0]))
    with pytest.raises(valence.DataError, match="label") as caught:
        valence.Store.from_source(tmp_path / "s", "dense", tmp_path / "data.npz", type="f32")
    assert caught.value.key == "skip.label"
    seen = []
    with valence.Store.from_source(tmp_path / "s", "dense", tmp_path / "data.npz", type="f32", skip=("label",),
                                   progress=seen.append) as store:
        assert [clip.id for clip in store] == ["a", "b", "d"]
        np.testing.assert_array_equal(store["b"]["audio"], rows[1])
    assert seen and isinstance(seen[0], valence.Progress)
    with pytest.raises(TypeError, match="did you mean label_map"):
        valence.Store.from_source(tmp_path / "t", "dense", tmp_path / "data.npz", label_mop="x")
    with pytest.raises(valence.ArgumentError, match="none of table"):
        valence.Store.from_source(tmp_path / "t", "sparse", tmp_path / "data.npz")


def test_rows_are_read_into_the_array_itself(store, monkeypatch):
    from valence import store as module

    seen = []
    call = module.call
    monkeypatch.setattr(module, "call", lambda name, *arguments: (seen.append(arguments[-1]), call(name, *arguments)))
    rows = store.rows(0, "audio")
    assert seen == [rows.ctypes.data]
    assert isinstance(seen[0], int) and ctypes.sizeof(ctypes.c_void_p) == 8


@pytest.mark.parametrize("wrong, error", [({"nam": "mood"}, ValueError), ({"name": 5}, TypeError), ({"classes": [1, 2]}, TypeError),
                                          ({"name": "mood", "low": "-1"}, TypeError)])
def test_wrong_scales(tmp_path, wrong, error):
    with pytest.raises(error):
        valence.Store.write(tmp_path / "s", {"audio": 2}, label_scale=wrong)
