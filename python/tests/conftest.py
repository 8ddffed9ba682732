"""What the tests share: a small synthetic corpus and a run trained on it."""
import os
import subprocess
import wave

import numpy as np
import pytest

import valence
from valence.__main__ import command as command_path
from valence._library import lib

SETTINGS = {"epochs": 2, "model_d": 16, "model_o": 8, "batch_size": 16}


def has_encoders():
    features, found, i = lib.valence_features(), [], 0
    while features[i]:
        found.append(features[i].decode())
        i += 1
    return "encoders" in found


needs_encoders = pytest.mark.skipif(not has_encoders(), reason="a build without encoders")


def resident():
    """Bytes of this process that are in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def assert_no_leak(cycle):
    """A thousand calls leave no file open, and less than 4 MiB behind."""
    for _ in range(100):
        cycle()
    files, memory = len(os.listdir("/proc/self/fd")), resident()
    for _ in range(1000):
        cycle()
    assert len(os.listdir("/proc/self/fd")) == files
    assert resident() - memory < 4 << 20


def tone(hertz, seconds=1):
    """A sound that needs no recognition: 16-bit samples at 16 kHz."""
    return (8000 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * 16000)) / 16000)).astype("<i2")


def write_tone(path, hertz, seconds=1):
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(tone(hertz, seconds).tobytes())


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "store"
    valence.Store.synthesize(path, n_train=48, n_validation=16, n_test=20, audio_width=8, text_width=12, video_width=6).close()
    return str(path)


@pytest.fixture(scope="session")
def run(corpus, tmp_path_factory):
    path = str(tmp_path_factory.mktemp("run") / "run")
    valence.train(corpus, path, **SETTINGS)
    return path


@pytest.fixture(scope="session")
def model(run):
    with valence.Model(run) as model:
        yield model


@pytest.fixture
def store(corpus):
    with valence.Store(corpus) as store:
        yield store


@pytest.fixture(scope="session")
def command():
    """Runs the command and gives what it prints."""
    def call(*arguments):
        return subprocess.run([command_path(), *arguments], capture_output=True, text=True, check=True).stdout

    return call
