"""Stores of media files, with features of the voice, which need no weights."""
import numpy as np
import pytest

import valence
from conftest import needs_encoders, write_tone

pytestmark = needs_encoders

VOICE = {"audio": "prosody", "video": "none", "text": "none", "download": False}


@pytest.fixture
def table(tmp_path):
    for i in range(3):
        write_tone(tmp_path / f"c{i}.wav", 150 + 50 * i)
    (tmp_path / "clips.csv").write_text("file,split,label,id\n" + "".join(f"c{i}.wav,train,{i},c{i}\n" for i in range(3)))
    return tmp_path / "clips.csv"


def test_a_store_is_the_commands(table, tmp_path, command):
    stages = []
    made = valence.extract(table, tmp_path / "ours", progress=stages.append, **VOICE)
    command("extract", str(table), "-o", str(tmp_path / "theirs"), "--set", "audio=prosody", "--set", "video=none", "--set",
            "text=none", "-q")
    assert (made.n_clips, made.n_made, made.n_kept, made.failures) == (3, 3, 0, {}) and stages
    assert [(s.name, s.width, s.n_clips) for s in made.streams] == [("audio", 83, 3)] and "audio" in made.encoders
    assert made.media_seconds == pytest.approx(3) and "3 of 3 clips" in repr(made)
    with made.store() as ours, valence.Store(tmp_path / "theirs") as theirs:
        assert [(clip.id, clip.label) for clip in ours] == [("c0", 0), ("c1", 1), ("c2", 2)]
        for one, other in zip(ours, theirs):
            np.testing.assert_array_equal(one["audio"], other["audio"])


def test_a_second_call_makes_what_is_new(table, tmp_path):
    valence.extract(table, tmp_path / "store", **VOICE)
    write_tone(tmp_path / "c3.wav", 400)
    table.write_text(table.read_text() + "c3.wav,test,1,c3\n")
    made = valence.extract(table, tmp_path / "store", **VOICE)
    assert (made.n_made, made.n_kept) == (1, 3)


def test_clips_that_cannot_be_made(table, tmp_path, caplog):
    (tmp_path / "c1.wav").write_bytes(b"RIFF0000WAVE")
    made = valence.extract(table, tmp_path / "store", **VOICE)
    assert list(made.failures) == ["c1"] and "c1.wav" in made.failures["c1"] and "1 failed" in repr(made)
    assert any("1 of 3 clips" in record.getMessage() for record in caplog.records)
    with made.store() as store:
        assert store.failures == made.failures and len(store) == 2
    write_tone(tmp_path / "c1.wav", 200)
    assert valence.extract(table, tmp_path / "store", **VOICE).failures == {}


def test_configurations(table, tmp_path):
    config = valence.ExtractConfig(input=str(table), output=str(tmp_path / "store"), video="none", text="none", faces_fps=10)
    config.update({"audio": "prosody", "media.accept_damaged": True})
    assert (config["video"], float(config["faces_fps"]), config["media_accept_damaged"]) == ("none", 10, "true")
    (tmp_path / "c.yaml").write_text(config.to_yaml(annotated=True))
    assert valence.ExtractConfig.read(tmp_path / "c.yaml").to_dict() == config.to_dict()
    assert valence.extract(config, download=False).n_made == 3
    with pytest.raises(valence.ConfigError, match="did you mean faces_fps"):
        config.update({"faces_fpss": 1})
    with pytest.raises(valence.ConfigError):
        config.update({"video": "all"})


def test_wrong_inputs(table, tmp_path):
    with pytest.raises(valence.NotFoundError, match="nothing"):
        valence.extract(tmp_path / "nothing", tmp_path / "store", **VOICE)
    with pytest.raises(valence.Error, match="output"):
        valence.extract(table, **VOICE)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("something else")
    with pytest.raises(valence.Error):
        valence.extract(table, tmp_path / "other", **VOICE)
    assert (tmp_path / "other" / "mine.txt").exists()


def test_an_interrupted_extraction_continues(table, tmp_path):
    def stop(progress):
        if progress.done >= 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        valence.extract(table, tmp_path / "store", progress=stop, **VOICE)
    assert valence.extract(table, tmp_path / "store", **VOICE).n_clips == 3
