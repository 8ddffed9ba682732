#!/usr/bin/env python3
"""Times `valence import` against the disk, and kills one import again and again.

    scripts/bench_import.py VALENCE FOLDER [--clips 20000] [--lengths LENGTHS.csv] [--keep]

FOLDER, which must not exist, gets features of MOSEI-like lengths (or those of the rows of LENGTHS.csv, with columns audio,
text, video), 1024 columns each, float32; audio and video have an eighth of the usual rows, so that 20,000 clips take 7 GB.
Both element types are imported with the features in the page cache, and f16 once more with them on the disk only. Each
import stands between two writes of as many zeros by dd with fdatasync. Then a tenth of the clips is imported once in one
go and once with kill -9 again and again, and both stores are exported and compared. Needs nothing but Python, dd and diff;
FOLDER is removed at the end."""
import argparse
import array
import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import time

WIDTH = 1024
SHRINK = {"audio": 8, "text": 1, "video": 8}
USUAL = {"audio": 365, "text": 24, "video": 177}  # mean rows of a clip of CMU-MOSEI
VALUES = 1 << 23  # arrays are pieces of these, each from another place


# ---- Features ------------------------------------------------------------------------------------


def npy_header(rows):
    text = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }" % (rows, WIDTH)
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def read_lengths(path, generator):
    if path:
        with open(path) as file:
            return [{name: int(row[name]) for name in SHRINK} for row in csv.DictReader(file)]
    return [{name: round(mean * generator.gammavariate(2, 0.5)) for name, mean in USUAL.items()} for _ in range(1500)]


def make_features(folder, n_clips, lengths_path):
    generator = random.Random(1)
    lengths = read_lengths(lengths_path, generator)
    values = memoryview(array.array("f", (generator.gauss(0, 1) for _ in range(VALUES)))).cast("B")
    for stream in SHRINK:
        os.makedirs(os.path.join(folder, stream))
    total = 0
    with open(os.path.join(folder, "clips.csv"), "w") as table:
        table.write("id,split,label\n")
        for i in range(n_clips):
            split = "train" if i % 10 < 7 else "valid" if i % 10 < 8 else "test"
            table.write(f"clip{i},{split},{i % 61 / 10 - 3:.1f}\n")
            for stream, shrink in SHRINK.items():
                rows = max(1, lengths[i % len(lengths)][stream] // shrink)
                size = rows * WIDTH * 4
                start = generator.randrange((len(values) - size) // 4) * 4
                with open(os.path.join(folder, stream, f"clip{i}.npy"), "wb") as file:
                    file.write(npy_header(rows) + values[start : start + size])
                total += size
    return total


# ---- Measuring -----------------------------------------------------------------------------------


def command(valence, folder, table, store, dtype):
    streams = [f"--{stream}-folder={os.path.join(folder, stream)}" for stream in SHRINK]
    return [valence, "import", "table", os.path.join(folder, table), store, "--dtype", dtype, "-q", *streams]


def disk_speed(folder, size):
    path = os.path.join(folder, "zeros")
    os.sync()
    start = time.monotonic()
    count = max(1, size >> 22)
    subprocess.run(
        ["dd", "if=/dev/zero", f"of={path}", "bs=4M", f"count={count}", "conv=fdatasync", "status=none"], check=True
    )
    seconds = time.monotonic() - start
    os.remove(path)
    os.sync()
    return (count << 22) / seconds / 1e6


def run(arguments):
    """Seconds, processor seconds and the largest resident set in MiB."""
    os.sync()
    start = time.monotonic()
    process = os.posix_spawn(arguments[0], arguments, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    _, status, usage = os.wait4(process, 0)
    if status:
        sys.exit(f"{' '.join(arguments)}: status {status}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def prepare(folder, cached):
    """Reads all features into the page cache, or drops them from it."""
    os.sync()
    for stream in SHRINK:
        with os.scandir(os.path.join(folder, stream)) as files:
            for file in files:
                descriptor = os.open(file.path, os.O_RDONLY)
                if cached:
                    while os.read(descriptor, 1 << 24):
                        pass
                else:
                    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(descriptor)


def measure(valence, folder, dtype, size, cached):
    store = os.path.join(folder, "store")
    prepare(folder, cached)
    before = disk_speed(folder, size)
    seconds, processor, resident = run(command(valence, folder, "clips.csv", store, dtype))
    stored = os.path.getsize(os.path.join(store, "data.mdb"))
    shutil.rmtree(store)
    after = disk_speed(folder, size)
    speed, disk = stored / seconds / 1e6, (before + after) / 2
    print(
        f"{dtype}, {'cached' if cached else 'on the disk'}: {stored / 1e9:.2f} GB in {seconds:.1f} s ({processor:.1f} s of processor), {speed:.0f} MB/s; the disk "
        f"{before:.0f} and {after:.0f} MB/s: {100 * speed / disk:.0f} %; resident {resident:.0f} MiB",
        flush=True,
    )


def kill_and_go_on(valence, folder, n_clips):
    with open(os.path.join(folder, "clips.csv")) as file:
        lines = file.readlines()[: n_clips // 10 + 1]
    with open(os.path.join(folder, "tenth.csv"), "w") as file:
        file.writelines(lines)
    stores = [os.path.join(folder, name) for name in ("whole", "killed")]
    run(command(valence, folder, "tenth.csv", stores[0], "f16"))
    kills, seconds = 0, 0.1
    while True:
        process = subprocess.Popen(command(valence, folder, "tenth.csv", stores[1], "f16"), stdout=subprocess.DEVNULL)
        try:
            if process.wait(seconds):
                sys.exit("an import that goes on failed")
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills, seconds = kills + 1, seconds * 1.1
    for store in stores:
        run([valence, "export", store, store + "-npy", "--form", "npy"])
        shutil.rmtree(store)
    same = subprocess.run(["diff", "-rq", stores[0] + "-npy", stores[1] + "-npy"]).returncode == 0
    print(f"{len(lines) - 1} clips with {kills} kills: the stores are {'identical' if same else 'DIFFERENT'}")
    return same


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("valence", type=os.path.abspath)
    parser.add_argument("folder")
    parser.add_argument("--clips", type=int, default=20000)
    parser.add_argument("--lengths")
    parser.add_argument("--keep", action="store_true", help="keep FOLDER, and use what is there")
    options = parser.parse_args()
    size = 0
    if not os.path.exists(os.path.join(options.folder, "clips.csv")):
        size = make_features(options.folder, options.clips, options.lengths)
    else:
        for stream in SHRINK:
            with os.scandir(os.path.join(options.folder, stream)) as files:
                size += sum(file.stat().st_size for file in files)
    print(f"{options.clips} clips, {size / 1e9:.2f} GB of float32")
    for dtype, share, cached in (("f16", 2, True), ("f32", 1, True), ("f16", 2, False)):
        measure(options.valence, options.folder, dtype, size // share, cached)
    same = kill_and_go_on(options.valence, options.folder, options.clips)
    if not options.keep:
        shutil.rmtree(options.folder)
    sys.exit(0 if same else 1)


main()
