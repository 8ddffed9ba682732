#!/usr/bin/env python3
"""tests/encode/make_prosody_fixtures.py: what librosa makes of a made-up sound, for test_prosody.c.

Needs librosa (written with 0.11.0). The sound is a voice-like sum of harmonics that glides from 110 to 220 Hz, noise, and
silence; it is stored as 16-bit samples, so that both sides compute from the same values.
"""
import json
import os
import struct

import librosa
import numpy as np

RATE = 16000


def sound():
    rng = np.random.default_rng(1)
    n = RATE
    f0 = 110 * 2 ** (np.arange(n) / n)
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    voice = sum(np.sin(k * phase) / k for k in range(1, 12)) * 0.2
    noise = rng.standard_normal(RATE // 2) * 0.05
    x = np.concatenate([voice, noise, np.zeros(RATE // 4 + 77)])
    return np.round(np.clip(x, -1, 1) * 32767).astype(np.int16), f0


def main():
    codes, f0 = sound()
    x = codes.astype(np.float32) / 32768
    mel = librosa.feature.melspectrogram(y=x, sr=RATE, n_fft=512, win_length=400, hop_length=320, n_mels=80)
    rms = librosa.feature.rms(y=x, frame_length=512, hop_length=320)
    rows = -(-len(x) // 320)
    tensors = {
        "samples": codes,
        "mel": np.log(np.maximum(mel.T[:rows], 1e-10)).astype(np.float32),
        "energy": (20 * np.log10(np.maximum(rms[0, :rows], 1e-5))).astype(np.float32),
        "f0": f0[::320].astype(np.float32),
    }
    names = {np.dtype(np.float32): "F32", np.dtype(np.int16): "I16"}
    header, data = {}, b""
    for name, values in tensors.items():
        bytes_ = np.ascontiguousarray(values).tobytes()
        header[name] = {"dtype": names[values.dtype], "shape": list(values.shape),
                        "data_offsets": [len(data), len(data) + len(bytes_)]}
        data += bytes_
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures", "prosody.safetensors")
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


main()
