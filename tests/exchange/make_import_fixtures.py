#!/usr/bin/env python3
"""Writes fixtures/mmsa and fixtures/merbench: small data sets in the layouts that MMSA and MERBench use, written with the
NumPy and pickle calls that their own scripts use. test_import_layouts.c knows the values. Run by hand:

    python3 tests/exchange/make_import_fixtures.py
"""
import math
import os
import pickle
import shutil

import numpy as np

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")
SPLITS = {"train": 5, "valid": 2, "test": 3}


def values(clip, stream, rows, width):
    """What test_import_layouts.c computes again."""
    at = np.arange(rows * width) + 1000 * clip + 100 * stream
    return ((at * 7 % 23 - 11) / 4).astype(np.float32).reshape(rows, width)


def length(clip, stream, longest):
    return 1 + (clip * 3 + stream) % longest


def label(clip):
    return (clip % 7 - 3) * 0.9


# ---- MMSA ----------------------------------------------------------------------------------------

WIDTHS = {"audio": 3, "text": 4, "vision": 2}


def padded(clips, stream, longest, is_padded):
    name = list(WIDTHS)[stream]
    out = np.zeros((len(clips), longest, WIDTHS[name]), np.float32)
    for i, clip in enumerate(clips):
        rows = length(clip, stream, longest) if is_padded else longest
        out[i, :rows] = values(clip, stream, rows, WIDTHS[name])
    return out


def mmsa_split(clips, unaligned):
    longest = {"audio": 7, "text": 6, "vision": 5} if unaligned else dict.fromkeys(WIDTHS, 4)
    split = {}
    split["raw_text"] = np.array([f"so it is {clip} \u00e9" for clip in clips], dtype=object)
    for stream, name in enumerate(WIDTHS):
        split[name] = padded(clips, stream, longest[name], unaligned)
    split["id"] = [f"video{clip // 3}$_${clip}" for clip in clips]
    split["regression_labels"] = np.array([label(clip) for clip in clips])
    split["classification_labels"] = np.sign(split["regression_labels"])
    split["annotations"] = ["Positive" if label(clip) > 0 else "Negative" for clip in clips]
    if unaligned:
        mask = np.zeros((len(clips), 3, longest["text"]))
        for i, clip in enumerate(clips):
            mask[i, 0, : length(clip, 1, 6)] = 101 + clip
            mask[i, 1, : length(clip, 1, 6)] = 1
        split["text_bert"] = mask
        split["audio_lengths"] = [length(clip, 0, 7) for clip in clips]
        split["vision_lengths"] = np.array([length(clip, 2, 5) for clip in clips])
        split["audio"][0, 0, 0] = -np.inf
        split["regression_labels_T"] = -split["regression_labels"]
    else:
        split["id"] = np.array(split["id"])
        split["vision"] = np.asfortranarray(split["vision"])
    return split


def make_mmsa():
    folder = os.path.join(FOLDER, "mmsa")
    os.makedirs(folder)
    for protocol in (2, 4, 5):
        for unaligned in (True, False):
            data, first = {}, 0
            for name, n in SPLITS.items():
                data[name] = mmsa_split(range(first, first + n), unaligned)
                first += n
            kind = "unaligned" if unaligned else "aligned"
            with open(os.path.join(folder, f"{kind}-{protocol}.pkl"), "wb") as file:
                pickle.dump(data, file, protocol=protocol)


# ---- MERBench ------------------------------------------------------------------------------------


def compressed(feature, scale):
    """feat_scale as published: ceil(T / scale) means of neighbours, zeros in front where they do not come out even."""
    rows = math.ceil(len(feature) / scale)
    pool = math.ceil(len(feature) / rows)
    front = np.zeros((rows * pool - len(feature), feature.shape[1]))
    return np.concatenate([front, feature]).reshape(rows, pool, -1).mean(axis=1)


def make_merbench():
    folder = os.path.join(FOLDER, "merbench")
    for name in ("wavlm-large-FRA", "bert-UTT", "manet_FRA", "wavlm-large-FRA-scale-6"):
        os.makedirs(os.path.join(folder, name))
    corpora, clip = {}, 0
    for split, n in (("train", 6), ("val", 2), ("test", 3)):
        corpora[split] = {}
        for _ in range(n):
            name = f"vid{clip}_{clip % 2}"
            corpora[split][name] = {"emo": clip % 4, "val": np.float64(label(clip))}
            audio = np.random.default_rng(clip).normal(size=(1 + 5 * clip, 3)).astype(np.float32)
            np.save(os.path.join(folder, "wavlm-large-FRA", name), audio)
            np.save(os.path.join(folder, "wavlm-large-FRA-scale-6", name), compressed(audio, 6).astype(np.float32))
            np.save(os.path.join(folder, "bert-UTT", name), values(clip, 1, 1, 4)[0])
            if clip != 4:  # a clip without a face
                np.save(os.path.join(folder, "manet_FRA", name), values(clip, 2, 1 + clip % 3, 2)[None])
            clip += 1
    corpora["train"]["labelled_only"] = {"emo": 0, "val": 0.5}
    for stray in ("stray_1", "stray_2"):
        np.save(os.path.join(folder, "bert-UTT", stray), values(0, 1, 1, 4)[0])
    np.save(os.path.join(folder, "manet_FRA", "stray_2"), values(0, 2, 1, 2))
    np.savez_compressed(
        os.path.join(folder, "demo_label.npz"),
        train_corpus=corpora["train"],
        val_corpus=corpora["val"],
        test_corpus=corpora["test"],
    )


if __name__ == "__main__":
    for part in ("mmsa", "merbench"):
        shutil.rmtree(os.path.join(FOLDER, part), ignore_errors=True)
    make_mmsa()
    make_merbench()
