#!/usr/bin/env python3
"""Writes fixtures/csd: labels, streams, and in aligned.csv the rows that each segment has by the SDK's rule, worked out here
with NumPy. Run by hand, where h5py is installed:

    python3 tests/exchange/make_csd_fixtures.py
"""
import csv
import os
import shutil

import h5py
import numpy as np

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures", "csd")
EPSILON = 10e-6
VIDEOS = {"vidA": 4, "vidB": 3, "vidC": 2, "vidD": 1}


def write(name, root, entries, **options):
    with h5py.File(os.path.join(FOLDER, name), "w") as file:
        data = file.create_group(root).create_group("data")
        for entry, (features, intervals) in entries.items():
            group = data.create_group(entry)
            group.create_dataset("features", data=features, **options)
            group.create_dataset("intervals", data=intervals, **options)
        file[root].create_group("metadata")["root name"] = root


def align(segment, intervals):
    """mmdataset.align(labels): indices of the rows that overlap, in the order of their starts."""
    order = np.argsort(intervals[:, 0], kind="stable")
    rows = intervals[order]
    meets = (rows[:, 1] - segment[0] > -EPSILON) & (segment[1] - rows[:, 0] > -EPSILON)
    overlap = np.minimum(rows[:, 1], segment[1]) - np.maximum(rows[:, 0], segment[0])
    if abs(segment[1] - segment[0]) < EPSILON:
        return []
    return [int(order[i]) for i in np.flatnonzero(meets) if abs(overlap[i]) > EPSILON]


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    random = np.random.default_rng(7)
    labels, audio, words = {}, {}, {}
    for number, (video, n) in enumerate(VIDEOS.items()):
        starts = np.sort(random.uniform(0, 20, n))
        segments = np.stack([starts, starts + random.uniform(0.5, 4, n)], axis=1).astype(np.float32)
        if video == "vidB":
            segments[1, 1] = segments[1, 0]  # no length
        labels[video] = (np.stack([np.linspace(-3, 3, n), np.arange(n)], axis=1).astype(np.float32), segments)
        frames = int(20 / 0.4)
        at = np.arange(frames + 1, dtype=np.float32) * np.float32(0.4)
        rows = np.arange(frames) + 1000 * number
        audio[video] = (np.stack([rows, -rows, rows / 2], axis=1), np.stack([at[:-1], at[1:]], axis=1))
        count = 12
        start = random.permutation(np.sort(random.uniform(0, 18, count)))  # not in the order of time
        words[video] = (
            (np.arange(count) + 100 * number)[:, None].astype(np.float32),
            np.stack([start, start + random.uniform(0.1, 1, count)], axis=1),
        )
    # A segment that begins where a frame ends, and one that is a frame.
    labels["vidA"][1][0] = audio["vidA"][1][5]
    labels["vidA"][1][1] = [audio["vidA"][1][9][1], audio["vidA"][1][12][0]]
    del words["vidC"]  # a video without words
    audio["vidX"] = audio["vidA"]  # one without labels

    write("labels.csd", "Opinion Segment Labels", labels, compression="gzip")
    write("audio.csd", "COVAREP", audio, compression="gzip", shuffle=True)
    write("words.csd", "glove_vectors", words)
    with open(os.path.join(FOLDER, "aligned.csv"), "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "group", "label", "audio", "text"])
        for video, (features, segments) in labels.items():
            for i, segment in enumerate(segments):
                rows = [align(segment, stream[video][1]) if video in stream else [] for stream in (audio, words)]
                out.writerow(
                    [f"{video}[{i}]", video, repr(float(features[i, 0]))] + [" ".join(map(str, r)) for r in rows]
                )
    with open(os.path.join(FOLDER, "splits.csv"), "w") as file:
        file.write("id,split\nvidA,train\nvidB,valid\nvidC,test\nvidA[3],test\nvidD,train\n")


if __name__ == "__main__":
    main()
