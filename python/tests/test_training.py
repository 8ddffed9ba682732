import json
import os
import signal
import subprocess
import sys
import time

import pytest

import valence
from conftest import SETTINGS


def test_training_and_its_result(corpus, tmp_path):
    epochs, stages = [], set()
    result = valence.train(corpus, tmp_path / "run", on_epoch=epochs.append, progress=lambda p: stages.add(p.stage), **SETTINGS)
    assert [epoch.epoch for epoch in epochs] == [1, 2] and result.epochs == epochs
    assert set(result.validation) == {"complete", "text_missing"} and "training" in stages
    assert result.json == json.loads((tmp_path / "run" / "results.json").read_text())
    assert list(result.to_pandas().epoch) == [1, 2]
    with result.model() as model:
        assert model.config["d"] == 16


def test_python_trains_what_the_command_trains(corpus, run, command, tmp_path):
    command("train", corpus, "-o", str(tmp_path / "run"), "-q", "--set", "epochs=2", "--set", "model.d=16", "--set", "model.o=8",
            "--set", "batch_size=16")
    ours, theirs = (open(folder + "/best.safetensors", "rb").read() for folder in (run, str(tmp_path / "run")))
    assert ours[-4096:] == theirs[-4096:] and len(ours) == len(theirs)


def test_an_exception_of_a_callback_stops_and_is_raised(corpus, tmp_path):
    def stop(epoch):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        valence.train(corpus, tmp_path / "run", on_epoch=stop, **SETTINGS)
    result = valence.train(valence.TrainConfig.read(tmp_path / "run"), resume=True)
    assert result.epochs[-1].epoch == 2


def test_ctrl_c_stops_at_a_safe_point(corpus, tmp_path):
    """KeyboardInterrupt, as in any Python program, and a run that can be resumed."""
    program = ("import sys, valence\ntry:\n    valence.train(sys.argv[1], sys.argv[2], epochs=100000, model_d=16, model_o=8,\n"
               "                  on_epoch=lambda e: print(e.epoch, flush=True))\nexcept KeyboardInterrupt:\n    print('stopped')\n")
    process = subprocess.Popen([sys.executable, "-c", program, corpus, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "1\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=120)[0].endswith("stopped\n") and process.returncode == 0
    assert (tmp_path / "run" / "last.safetensors").exists()


def test_the_handler_of_sigint_is_put_back(corpus):
    before = signal.getsignal(signal.SIGINT)
    valence.Store(corpus).summary()
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)


def test_configurations(corpus, tmp_path):
    config = valence.TrainConfig(corpus, model_d=32, flows=["complete"], losses_rnc=0.5)
    assert (config["model.d"], config["model_d"], config["flows"], config["losses.rnc"]) == ("32", "32", "[complete]", "0.5")
    (tmp_path / "c.yaml").write_text(config.to_yaml())
    assert valence.TrainConfig.read(tmp_path / "c.yaml").to_dict() == config.to_dict()
    config.update({"model": "single-flow", "epochs": None})
    assert config["losses.missing"] in ("0", "0.5")
    with pytest.raises(valence.ConfigError, match="did you mean model_d"):
        config.update({"modl_d": 1})
    with pytest.raises(valence.ConfigError):
        config.update({"epochs": "many"})
    with pytest.raises(valence.ConfigError):
        config.update({"epochs": "1\nseed: 2"})


def test_warnings_go_to_logging(tmp_path, caplog):
    valence.Store.synthesize(tmp_path / "s", n_train=8, n_validation=2, n_test=0, audio_width=2, text_width=2, video_width=2).close()
    with valence.Store(tmp_path / "s") as store, valence.Store.write(tmp_path / "t", {"text": 2}) as writer:
        for clip in store:
            writer.add(clip.id, split=clip.split, label=1.0, text=clip["text"])
    valence.train(tmp_path / "t", tmp_path / "run", **SETTINGS)
    assert any(record.name == "valence" and "labels" in record.getMessage() for record in caplog.records)
