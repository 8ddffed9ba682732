#!/usr/bin/env python3
"""scripts/bench_shards.py [--build BUILD] [--work FOLDER] [--shards N] [--clips N] [--rounds N] [--windows N,N,...] [--make]

The second epoch of a training on a store in shards that is not in memory: in full, and by shards (shuffle_shards). When the first
epoch ends, the files leave the page cache (posix_fadvise), so the second reads all of them from the disk, as every epoch does where
a store is larger than memory. (A training reads the store before its first epoch, too, for the fingerprint of its data.) `cached` is
the same with the files in the page cache. Rounds measure all cases in turn. A shard has --clips clips of 190 KB; FOLDER needs room
for all shards and one more. --make only makes FOLDER/store, for bench-reading and later calls, which must name the same shards.
scripts/slow_disk.sh makes the disk slow. Needs NumPy.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time

import numpy

SHAPES = {"audio": (40, 512), "text": (25, 960), "video": (20, 71)}


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}")


def add_shard(valence, folder, store, shard, n_clips):
    features, part = os.path.join(folder, "features"), os.path.join(folder, "part")
    numbers = numpy.random.default_rng(shard)
    for stream in SHAPES:
        os.makedirs(os.path.join(features, stream))
    with open(os.path.join(features, "clips.csv"), "w") as table:
        table.write("id,split,label\n")
        for i in range(n_clips):
            name = f"clip-{shard:03d}-{i:05d}"
            table.write(f"{name},{'validation' if i == 0 else 'train'},{numbers.uniform(-3, 3):.2f}\n")
            for stream, shape in SHAPES.items():
                numpy.save(os.path.join(features, stream, name + ".npy"), numbers.standard_normal(shape, dtype="f4"))
    options = [option for stream in SHAPES for option in (f"--{stream}-folder", os.path.join(features, stream))]
    run([valence, "import", "table", os.path.join(features, "clips.csv"), part, "-q", "--dtype", "f32", *options])
    run([valence, "merge", part, "-o", store, "--shards", "-q"])
    shutil.rmtree(features)
    shutil.rmtree(part)


def data_files(store):
    return [os.path.join(store, name, "data.mdb") for name in sorted(os.listdir(store)) if name.startswith("shard-")]


def empty_cache(store):
    for path in data_files(store):
        file = os.open(path, os.O_RDONLY)
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)


def epoch_times(path):
    if not os.path.exists(path):
        return []
    with open(path) as file:
        return [json.loads(line) for line in file if line.endswith("\n")]


def second_epoch(valence, folder, store, window, is_cached):
    run_folder = os.path.join(folder, "run")
    times = os.path.join(run_folder, "timing.jsonl")
    standardised = [option for stream in SHAPES for option in ("--set", f"standardise.{stream}=false")]
    command = [valence, "train", store, "-o", run_folder, "-q", "--threads", "1", "--set", "epochs=2", "--set", "model.d=16",
               "--set", "model.o=8", "--set", "losses.rnc=0", "--set", f"shuffle_shards={window}", *standardised]
    training = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while training.poll() is None and not epoch_times(times):
        time.sleep(0.002)
    if not is_cached:
        empty_cache(store)
    if training.wait():
        raise SystemExit(f"{' '.join(command)} failed")
    rate = epoch_times(times)[-1]["clips_per_second"]
    shutil.rmtree(run_folder)
    return rate


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--work")
    parser.add_argument("--shards", type=int, default=16)
    parser.add_argument("--clips", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--windows", default="0,1,2,4")
    parser.add_argument("--make", action="store_true")
    arguments = parser.parse_args()
    valence = os.path.join(arguments.build, "valence")
    folder = arguments.work or tempfile.mkdtemp(prefix="valence-shards-")
    os.makedirs(folder, exist_ok=True)
    store = os.path.join(folder, "store")
    is_there = os.path.exists(store)
    for shard in range(0 if is_there else arguments.shards):
        add_shard(valence, folder, store, shard, arguments.clips)
    if arguments.make:
        return
    size = sum(os.path.getsize(path) for path in data_files(store))
    windows = [int(window) for window in arguments.windows.split(",")]
    rates = {(kind, window): [] for kind in ("disk", "cached") for window in windows}
    for _ in range(arguments.rounds):
        for kind, window in rates:
            rates[kind, window].append(second_epoch(valence, folder, store, window, kind == "cached"))
    if not is_there:
        shutil.rmtree(store)
    if not arguments.work:
        shutil.rmtree(folder)
    print(f"{arguments.shards} shards, {arguments.shards * arguments.clips} clips, {size / 1e9:.2f} GB")
    for (kind, window), values in rates.items():
        middle = statistics.median(values)
        print(f"{kind:8} shuffle_shards {window:3}: {middle:8.0f} clips/s ({min(values):.0f} ... {max(values):.0f}), "
              f"{middle * size / (arguments.shards * arguments.clips) / 1e6:.0f} MB/s")


if __name__ == "__main__":
    main()
