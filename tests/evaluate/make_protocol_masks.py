#!/usr/bin/env python3
"""Writes protocol_masks.json: masks of the protocols that draw from NumPy's legacy stream, drawn by NumPy from the published rules.
A mask is told by the SHA-256 of its bytes (docs/protocols.md has their order) and by the shares that are missing. Needs NumPy.

    python3 tests/evaluate/make_protocol_masks.py > tests/evaluate/protocol_masks.json
"""
import hashlib
import json

import numpy as np

N = 60
A, T, V = 0, 1, 2
PADDED = [13, 12, 15]
# As test_protocol.c has them; aligned streams have the lengths of the audio.
LENGTHS = np.array([[(i * 7 + 3 * m) % 11 + 1 for m in range(3)] for i in range(N)])
ALIGNED = np.repeat(LENGTHS[:, :1], 3, axis=1)
RATES = [0.0, 0.1, 0.3, 0.5, 0.7, 1.0]


def described(absent, kept, lengths):
    """kept: by modality (N, padded) of bool; absent: (N, 3) of bool."""
    digest, rows, left, empty = hashlib.sha256(), 0, 0, 0
    for i in range(N):
        digest.update(bytes([sum(1 << m for m in range(3) if absent[i, m]), 0]))
        for m in range(3):
            bits = kept[m][i, : lengths[i, m]]
            digest.update(bits.astype(np.uint8).tobytes())
            stays = 0 if absent[i, m] else int(bits.sum())
            rows, left, empty = rows + lengths[i, m], left + stays, empty + (stays == 0)
    return {"mask": digest.hexdigest(), "rows": float(1 - left / rows), "modalities": empty / (3 * N)}


def everything():
    return [np.ones((N, length), bool) for length in PADDED]


def rows_masked(kept, lengths=LENGTHS):
    return described(np.zeros((N, 3), bool), kept, lengths)


def erase(rate, seeds):
    kept = []
    for m in range(3):
        np.random.seed(seeds[m])
        kept.append(np.random.uniform(size=(N, PADDED[m])) > rate)
    return rows_masked(kept)


def ends_kept(rate):
    """EMT-DLFR's text: the first and the last token stay."""
    kept = []
    for m, seed in enumerate([1111, 111, 11111]):
        np.random.seed(seed)
        kept.append(np.random.uniform(size=(N, PADDED[m])) > rate)
    kept[T][:, 0] = True
    kept[T][np.arange(N), LENGTHS[:, T] - 1] = True
    return rows_masked(kept)


def words(rate, seed):
    """Low-quality text: the text of TFR-Net's and EMT-DLFR's erase alone."""
    kept = everything()
    np.random.seed(seed)
    kept[T] = np.random.uniform(size=(N, PADDED[T])) > rate
    return rows_masked(kept)


def rmfm(rate):
    np.random.seed(1111)
    drawn = np.random.uniform(size=(N, sum(PADDED))) > rate
    text, audio, video = np.split(drawn, np.cumsum([PADDED[T], PADDED[A]]), axis=1)
    return rows_masked([audio, text, video])


def rmfm_same(rate):
    np.random.seed(1111)
    text, audio, video = (np.random.uniform(size=(N, PADDED[m])) > rate for m in (T, A, V))
    return rows_masked([audio, text, video])


def rmm(rate):
    np.random.seed(1111)
    text, audio, video = (np.random.uniform(size=(N, 3)) <= rate).T
    return described(np.stack([audio, text, video], axis=1), everything(), LENGTHS)


def tmfm(rate):
    np.random.seed(1111)
    kept = np.random.uniform(size=(N, PADDED[A])) > rate
    return rows_masked([kept, kept, kept], ALIGNED)


def random_modality(rate, seed):
    np.random.seed(seed)
    stays = 1 - rate
    if stays <= 1 / 3:
        there = np.eye(3, dtype=int)[np.random.randint(0, 3, size=N)]
    elif stays == 1:
        there = np.ones((N, 3), int)
    else:
        while True:
            one = np.eye(3, dtype=int)[np.random.randint(0, 3, size=N)]
            more = 3 * N * stays - N
            hits = (np.random.randint(0, 100, size=(N, 3)) < int(more / (3 * N) * 100)).astype(int)
            overlap = np.sum(hits + one > 1)
            wanted = more / (1 - overlap / more)
            hits = (np.random.randint(0, 100, size=(N, 3)) < int(wanted / (3 * N) * 100)).astype(int)
            there = (hits + one > 0).astype(int)
            if abs(stays - there.sum() / (3 * N)) < 0.005:
                break
    return described(there == 0, everything(), LENGTHS)


def cases():
    for rate in RATES:
        yield "erase", rate, -1, erase(rate, [1111, 111, 11111])
        yield "erase", rate, 1111, erase(rate, [1111, 1111, 1111])
        yield "erase-random", rate, -1, erase(rate, [1111, 1111, 1111])
        yield "drop-words", rate, -1, words(rate, 111)
        yield "replace-words", rate, -1, words(rate, 111)
        yield "replace-words", rate, 7, words(rate, 7)
        yield "rmfm", rate, -1, rmfm(rate)
        yield "rmfm-same", rate, -1, rmfm_same(rate)
        yield "rmm", rate, -1, rmm(rate)
        yield "tmfm", rate, -1, tmfm(rate)
        if rate < 1:
            yield "random-modality", rate, 3, random_modality(rate, 3)


def stream(seed):
    np.random.seed(seed)
    return {"seed": seed, "uniform": np.random.uniform(size=4).tolist(),
            "below_3": np.random.randint(0, 3, size=8).tolist(), "below_100": np.random.randint(0, 100, size=8).tolist(),
            "below_1": np.random.randint(0, 1, size=2).tolist(), "after": np.random.uniform(size=700).tolist()[-2:]}


def area():
    rng = np.random.RandomState(5)
    values = rng.uniform(size=11)
    rates = np.arange(11) / 10
    return {"values": values.tolist(), "auilc": float(np.trapezoid(values, rates))}


print(json.dumps({
    "masks": [{"protocol": name, "rate": rate, "seed": seed} | expected for name, rate, seed, expected in cases()],
    "text_ends": {"rate": 0.7} | ends_kept(0.7),
    "streams": [stream(seed) for seed in (0, 1, 1111, 4294967295)],
    "area": area(),
}, indent=1))
