#!/usr/bin/env python3
"""Writes fixtures/faults: small data sets of the kinds that people report trouble with, one fault each. test_import_faults.c
knows the values. Run by hand, where NumPy and h5py are installed:

    python3 tests/exchange/make_fault_fixtures.py
"""
import os
import pickle
import shutil

import h5py
import numpy as np

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures", "faults")
SPLITS = {"train": 4, "valid": 2, "test": 2}
WIDTHS = {"audio": 3, "text": 4, "vision": 2}
LONGEST = {"audio": 5, "text": 4, "vision": 4}


def rows(clip, stream, n):
    """Never zero: what test_import_faults.c computes again."""
    width = WIDTHS[stream]
    return (1 + 10 * clip + np.arange(n * width)).astype(np.float32).reshape(n, width)


def length(clip, stream):
    return 1 + clip % LONGEST[stream]


def mmsa_split(split, **changes):
    start = {"train": 0, "valid": 4, "test": 6}[split]
    clips = range(start, start + SPLITS[split])
    out = {
        "id": [f"v{clip // 2}$_${clip}" for clip in clips],
        "raw_text": [f"clip {clip}" for clip in clips],
        "regression_labels": np.array([clip % 7 - 3 for clip in clips], np.float32),
    }
    for stream, width in WIDTHS.items():
        array = np.zeros((len(clips), LONGEST[stream], width), np.float32)
        for i, clip in enumerate(clips):
            n = length(clip, stream)
            array[i, LONGEST[stream] - n :] = rows(clip, stream, n)
        out[stream] = array
        out[stream + "_lengths"] = [length(clip, stream) for clip in clips]
    for name, change in changes.items():
        value = change(clips) if callable(change) else change
        if value is None:
            out.pop(name, None)
        else:
            out[name] = value
    return out


def write(name, **changes):
    with open(os.path.join(FOLDER, name), "wb") as file:
        pickle.dump({split: mmsa_split(split, **changes) for split in SPLITS}, file, protocol=4)


def ragged(clips):
    out = np.empty(len(clips), object)
    for i, clip in enumerate(clips):
        out[i] = rows(clip, "audio", length(clip, "audio"))
    return out


def mixed(clips):
    """Clip 0, the first, is the only one of width 2."""
    return [rows(clip, "audio", 2)[:, : 2 if clip == 0 else 3] for clip in clips]


def no_lengths(clips):
    return None


def pickles():
    write("front.pkl")
    write("front_no_lengths.pkl", audio_lengths=no_lengths, text_lengths=no_lengths, vision_lengths=no_lengths)
    write(
        "triples.pkl",
        id=lambda clips: np.array([[f"vid{clip // 2}", f"{clip}.000", f"{clip + 2}.500"] for clip in clips]),
        labels=lambda clips: np.array([clip % 7 - 3 for clip in clips], np.float32).reshape(-1, 1, 1),
        regression_labels=no_lengths,
        raw_text=no_lengths,
    )
    write("segments.pkl", id=lambda clips: np.array([[f"vid{clip // 2}[{clip}]".encode()] for clip in clips]))
    write("ragged.pkl", audio=ragged, audio_lengths=no_lengths)
    write("mixed.pkl", audio=mixed, audio_lengths=no_lengths)
    write("no_text.pkl", raw_text=lambda clips: ["a", None] + [float("nan")] * (len(clips) - 2))
    with open(os.path.join(FOLDER, "empty_split.pkl"), "wb") as file:
        empty = {"id": [], "raw_text": [], "regression_labels": np.array([])}
        empty.update({stream: np.array([]) for stream in WIDTHS})
        splits = {"valid": empty, "train": mmsa_split("train"), "test": {}}
        pickle.dump(splits, file, protocol=4)


def objects():
    """An .npz with arrays of objects, as np.savez makes of lists of texts and of ragged arrays."""
    clips = range(8)
    audio = np.empty(8, object)
    for clip in clips:
        audio[clip] = rows(clip, "audio", length(clip, "audio"))
    np.savez(
        os.path.join(FOLDER, "objects.npz"),
        id=np.array([f"v{clip // 2}$_${clip}" for clip in clips], object),
        split=np.array(["train"] * 4 + ["valid"] * 2 + ["test"] * 2, object),
        label=np.array([clip % 7 - 3 for clip in clips], object),
        transcript=np.array([None if clip == 1 else f"clip {clip}" for clip in clips], object),
        audio=audio,
    )


def merbench():
    train = {
        "a": {"emo": "joy", "val": -10},
        "b": {"emo": "joy", "val": np.array([1.5])},
        "c": {"emo": "joy"},
        "d": {"emo": "joy", "val": -10.0},
        "e": {"emo": "joy", "val": [2]},
    }
    np.savez(os.path.join(FOLDER, "label.npz"), train_corpus=np.array(train, object))


def write_csd(name, root, entries):
    with h5py.File(os.path.join(FOLDER, name), "w") as file:
        data = file.create_group(root).create_group("data")
        for entry, (features, intervals) in entries.items():
            group = data.create_group(entry)
            group.create_dataset("features", data=features)
            group.create_dataset("intervals", data=intervals)


def sequences():
    """As align() and deploy() write them: entries are segments already."""
    labels, audio, mixed_audio = {}, {}, {}
    for video in range(5):
        for segment in range(3):
            entry = f"vid{video}[{segment}]"
            times = np.array([[4.0 * segment + step, 4.0 * segment + step + 1] for step in range(3)])
            labels[entry] = (np.array([[segment - 1.0]]), np.array([[4.0 * segment, 4.0 * segment + 3]]))
            features = 1 + 100 * video + 10 * segment + np.arange(6, dtype=np.float32).reshape(3, 2)
            audio[entry] = (features, times)
            narrow = video == 0 and segment == 0
            mixed_audio[entry] = (features[:, :1] if narrow else features, times)
    bad = {entry: (features.copy(), times) for entry, (features, times) in audio.items()}
    bad["vid1[1]"][0][1, 0] = -np.inf
    bad["vid1[1]"][0][2, 1] = np.nan
    audio["other[0]"] = audio["vid0[0]"]
    write_csd("labels.csd", "labels", labels)
    write_csd("audio.csd", "COVAREP", audio)
    write_csd("invalid.csd", "COVAREP", bad)
    write_csd("mixed.csd", "COVAREP", mixed_audio)
    spoken = [("so", 0.0, 0.5), ("it", 0.5, 1.0), ("sp", 1.0, 1.2), ("is", 1.5, 3.5), ("good", 5.0, 6.0)]
    words = np.array([[word.encode()] for word, _, _ in spoken], dtype="S8")
    times = np.array([[start, end] for _, start, end in spoken])
    with h5py.File(os.path.join(FOLDER, "words.csd"), "w") as file:
        group = file.create_group("words/data/vid0")
        group.create_dataset("features", data=words)
        group.create_dataset("intervals", data=times)
    with open(os.path.join(FOLDER, "splits.csv"), "w") as file:
        file.write("id,split\nvid0,train\nvid1,train\nvid2,valid\nvid3,test\nvid3[2],train\n")


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    pickles()
    objects()
    merbench()
    sequences()


if __name__ == "__main__":
    main()
