"""Scores of recordings, with a model of the voice alone, whose encoder needs no weights; of texts, where the encoder is there."""
import concurrent.futures
import math
import os
import pathlib
import signal
import threading

import numpy as np
import pytest

import valence
from conftest import assert_no_leak, has_encoders, needs_encoders, tone, write_tone
from valence.scorer import cache_folder, looks_like_a_path

pytestmark = needs_encoders


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    """A run of the voice, and a recording."""
    folder = tmp_path_factory.mktemp("voice")
    write_tone(folder / "tone.wav", 200, 2)
    rows = [f"{folder}/tone.wav,{split},1,c{i}" for i, split in enumerate(["train"] * 4 + ["validation"] * 2 + ["test"])]
    (folder / "clips.csv").write_text("\n".join(["file,split,label,id", *rows]) + "\n")
    valence.extract(folder / "clips.csv", folder / "store", audio="prosody", video="none", text="none", download=False)
    valence.train(folder / "store", folder / "run", epochs=1, model_d=8, model_o=4, flows=["complete"], select="complete")
    return str(folder / "run"), folder / "tone.wav"


@pytest.fixture(scope="module")
def scorer(voice, tmp_path_factory):
    with valence.Scorer(voice[0], folder=tmp_path_factory.mktemp("models"), download=False) as scorer:
        yield scorer


def test_a_file_and_its_sound(scorer, voice):
    seen = []
    score = scorer.score(voice[1], on_segment=seen.append)
    assert [s.score for s in score.segments] == [s.score for s in seen] and len(seen) == 1 and score.seconds == pytest.approx(2)
    assert float(score) == score.segments[0].score and score.has_sound and not score.has_pictures
    assert scorer.encoders == {"audio": "prosody"}
    samples = tone(200, 2) / np.float32(32768)
    assert scorer.score_sound(samples).score == score.score
    assert scorer.score_file(voice[1], start=0.5, end=1.5).segments[0].end == pytest.approx(1.5)
    assert valence.prosody(samples).shape == (100, 83)


def test_what_a_score_becomes(scorer, voice):
    import json

    score = scorer.score(str(voice[1]))
    document = json.loads(json.dumps(score.to_dict()))
    assert document["segments"][0]["flow"] == "complete" and document["segments"][0]["confidence"] is None
    frame = score.to_pandas()
    assert list(frame.score) == [score.score] and "weight_audio" in frame
    html = score._repr_html_()
    assert "<svg" in html and "tone.wav" in html
    assert "<b>x" not in valence.Score(**{**vars(score), "name": "<b>x</b>"})._repr_html_()
    assert f"{score.score:+.2f}" in repr(score)


def test_a_model_of_classes(voice, tmp_path):
    import json

    names = ["anger", "joy", "neutral"]
    with valence.Store(voice[1].parent / "store") as voices:
        with valence.Store.write(tmp_path / "store", {"audio": 83}, source=voices.source,
                                 label_scale={"name": "emotion", "classes": names}) as writer:
            for i, clip in enumerate(voices):
                writer.add(clip.id, split=clip.split, label=i % 3, audio=clip["audio"])
    valence.train(tmp_path / "store", tmp_path / "run", epochs=1, model_d=8, model_o=4, flows=["complete"], select="complete",
                  labels="classes", losses_rnc=0)
    with valence.Scorer(tmp_path / "run", folder=tmp_path, download=False) as scorer:
        seen = []
        score = scorer.score(voice[1], on_segment=seen.append)
    assert scorer.classes == names and list(score.probabilities) == names
    assert score.label == max(names, key=score.probabilities.get) and sum(score.probabilities.values()) == pytest.approx(1)
    assert math.isnan(score.score) and math.isnan(score.segments[0].raw_score)
    assert seen[0].label == score.segments[0].label == score.label and seen[0].probabilities == score.probabilities
    with pytest.raises(TypeError, match="label"):
        float(score)
    document = json.loads(json.dumps(score.to_dict()))
    assert document["score"] is None and document["segments"][0]["probabilities"] == score.probabilities
    frame = score.to_pandas()
    assert list(frame.label) == [score.label] and list(frame.probability_joy) == [score.probabilities["joy"]]
    html = score._repr_html_()
    assert f"<b>{score.label}</b>" in html and "<svg" not in html and score.label in repr(score)


def test_wrong_inputs(scorer, voice, tmp_path):
    with pytest.raises(valence.NotFoundError, match="no such file"):
        scorer.score("no-such.mp4")
    with pytest.raises(valence.ArgumentError, match="a folder"):
        scorer.score(str(tmp_path))
    with pytest.raises(valence.Error, match="nothing.wav"):
        scorer.score(tmp_path / "nothing.wav")
    with pytest.raises(valence.Error):
        scorer.score("a text, which this model does not read")
    with pytest.raises(TypeError, match="did you mean level"):
        valence.Scorer(voice[0], levl=1)
    with pytest.raises(valence.ArgumentError):
        valence.Scorer(voice[0], level=2.0)
    with pytest.raises(TypeError, match="explain: 'no' is not True or False"):
        valence.Scorer(voice[0], explain="no")
    (tmp_path / "broken.wav").write_bytes(b"RIFF0000WAVE")
    with pytest.raises(valence.Error, match="broken.wav"):
        scorer.score(tmp_path / "broken.wav")


@pytest.mark.parametrize("wrong, text", [
    (np.zeros((16000, 2)), "one channel"), (tone(200), "divide 16-bit samples by 32768"), ([math.nan] * 16000, "not finite"),
    ("tone.wav", "real numbers"), (np.zeros(16000, complex), "real numbers"), (1.0, "one channel")])
def test_wrong_sounds(scorer, wrong, text):
    for use in (scorer.score_sound, valence.prosody):
        with pytest.raises((TypeError, ValueError), match=text):
            use(wrong)


def test_wrong_texts(scorer):
    """Before anything is read of them: a text is no list of letters, and NaN is what pandas has for none."""
    with pytest.raises(TypeError, match="score_text"):
        scorer.score_texts("I loved it")
    with pytest.raises(TypeError, match="text 1: nan"):
        scorer.score_texts(["I loved it", math.nan])
    with pytest.raises(valence.ArgumentError, match="zero byte"):
        scorer.score_text("I loved it\0not")
    for nothing in (5, None, ["I loved it"]):
        with pytest.raises(TypeError):
            scorer.score(nothing)


def test_a_closed_scorer_is_refused(voice):
    scorer = valence.Scorer(voice[0], download=False)
    scorer.close()
    for use in (lambda: scorer.score(voice[1]), lambda: scorer.score_texts(["a"]), lambda: scorer.encoders, lambda: scorer.load()):
        with pytest.raises(ValueError, match="this Scorer is closed"):
            use()


def test_a_function_that_a_scorer_calls_cannot_use_it(scorer, voice):
    with pytest.raises(valence.BusyError, match="one of its own"):
        scorer.score(voice[1], on_segment=lambda segment: scorer.score(voice[1]))
    assert scorer.score(voice[1]).segments


def test_an_exception_stops(scorer, voice):
    def stop(segment):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scorer.score(voice[1], on_segment=stop)
    assert scorer.score(voice[1]).segments


def test_a_thousand_cycles_leak_nothing(voice, tmp_path):
    sound = tone(200, 0.3) / np.float32(32768)

    def cycle():
        with valence.Scorer(voice[0], folder=tmp_path, download=False) as scorer:
            assert scorer.score_sound(sound).segments

    assert_no_leak(cycle)


def test_eight_threads_agree_with_one(scorer, voice, tmp_path):
    """With a scorer each, which then work at once, or with one for which they wait."""
    sounds = [tone(100 + 20 * i, 1) / np.float32(32768) for i in range(24)]
    expected = [scorer.score_sound(sound).score for sound in sounds]
    assert len(set(expected)) > 12
    own = threading.local()

    def score(sound):
        if not hasattr(own, "scorer"):
            own.scorer = valence.Scorer(voice[0], folder=tmp_path, download=False)
        return own.scorer.score_sound(sound).score

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(score, sounds)) == expected
        assert list(pool.map(lambda sound: scorer.score_sound(sound).score, sounds)) == expected


def test_ctrl_c_stops_a_recording(scorer, voice, tmp_path):
    """At the next report, long before its end; then the scorer can be used as before."""
    write_tone(tmp_path / "long.wav", 200, 120)
    before, reports = scorer.score(voice[1]), []

    def press(progress):
        reports.append(progress)
        if progress.stage == "scoring" and progress.done > 0:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        scorer.score(tmp_path / "long.wav", progress=press)
    assert reports[-1].stage == "scoring" and 0 < reports[-1].done < reports[-1].total
    assert sum(report.stage == "scoring" and report.done > 0 for report in reports) == 1
    assert [s.score for s in scorer.score(voice[1]).segments] == [s.score for s in before.segments]
    assert scorer.score(tmp_path / "long.wav").seconds == pytest.approx(120)


def test_what_looks_like_a_path():
    assert looks_like_a_path("clip.mp4") and looks_like_a_path("a/b.wav")
    assert not looks_like_a_path("Fine. Good") and not looks_like_a_path("Great.") and not looks_like_a_path("...")


needs_text = pytest.mark.skipif(not has_encoders() or not list(pathlib.Path(cache_folder()).glob("SmolLM2*")),
                                reason="the encoder of texts is not there")


@needs_text
def test_texts_are_scored_as_by_the_command(command):
    import json

    texts = ["I loved every minute of it", "The ending was terrible"]
    with valence.Scorer(download=False) as scorer:
        segments = scorer.score_texts([*texts, " "])
        assert segments[0].score > 0 > segments[1].score
        assert math.isnan(segments[2].score) and segments[2].reason
        for text in texts:
            said = json.loads(command("score", "--text", text, "--json", "-q"))["recordings"][0]
            assert said["score"] == float(f"{scorer.score(text).score:.9g}")
    assert valence.score(texts[0], download=False).score == pytest.approx(segments[0].score, abs=1e-4)


@needs_text
def test_encoding_texts():
    with valence.Encoder("smollm2", download=False, mean=True) as encoder:
        rows = encoder.encode(["I loved it", "", "Fine."])
        assert [len(r) for r in rows] == [1, 0, 1] and rows[0].shape == (1, encoder.width)
        assert encoder.description["kind"] == "llm"
        kept = rows[0]
        del rows
        assert np.isfinite(kept).all()
    with pytest.raises(valence.Error):
        valence.Encoder("/no/such.gguf", download=False)


@needs_text
def test_a_forked_child_can_score_texts():
    """With the encoder that its parent has opened and used, as workers of servers and of DataLoader do."""
    valence.set_threads(2)
    try:
        with valence.Scorer(download=False) as scorer:
            expected = scorer.score_text("I loved it").score
            child = os.fork()
            if not child:
                signal.alarm(120)  # whose end is the child's
                os._exit(0 if abs(scorer.score_text("I loved it").score - expected) < 1e-4 else 2)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        valence.set_threads(0)
