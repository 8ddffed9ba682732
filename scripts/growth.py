#!/usr/bin/env python3
"""scripts/growth.py [--build BUILD] [--sizes N,N,...] [--work FOLDER] [--threads N] [--json FILE]

Time and memory of what valence does with a store, at several numbers of clips: import from a table, inspect, doctor, one epoch of
training, evaluate and predict. Clips are small, one row of 4 columns in each stream, so that what is measured is what every clip
costs beside its features. The last columns say by which factor a step's time and memory grew for ten times the clips: 10 is linear,
1 constant.
"""
import argparse
import json
import math
import os
import random
import resource
import shutil
import subprocess
import tempfile
import time


def write_table(path, n):
    numbers = random.Random(1)
    columns = [f"{stream}{i}" for stream in "atv" for i in range(4)]
    with open(path, "w") as file:
        file.write("id,group,split,label," + ",".join(columns) + "\n")
        for i in range(n):
            split = "test" if i % 10 == 9 else "validation" if i % 10 == 4 else "train"
            label = numbers.uniform(-3, 3)
            values = (f"{label * (0.3 if k % 2 else -0.2) + numbers.gauss(0, 1):.3f}" for k in range(12))
            file.write(f"clip-{i:07d},speaker-{i // 20},{split},{label:.2f}," + ",".join(values) + "\n")


def measure(command):
    """Seconds, CPU seconds and MiB at most of a command, from its resource usage alone."""
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{output.decode(errors='replace')}")
    return {"seconds": time.monotonic() - begin, "cpu": usage.ru_utime + usage.ru_stime, "mib": usage.ru_maxrss / 1024}


def steps(valence, folder, threads):
    table, store, run = (os.path.join(folder, name) for name in ("table.csv", "store", "run"))
    small = ["--set", "model.d=16", "--set", "model.o=8", "--set", "losses.rnc=0", "--set", "standardise.clip=false"]
    streams = [option for name in ("audio", "text", "video") for option in (f"--{name}", f"{name[0]}0-{name[0]}3")]
    return [("import", [valence, "import", "table", table, store, *streams, "-q"]),
            ("inspect", [valence, "inspect", store, "-q"]),
            ("doctor", [valence, "doctor", store, "-q"]),
            ("start", [valence, "train", store, "-o", run + "-dry", "-q", "--dry-run", *small]),
            ("epoch", [valence, "train", store, "-o", run, "-q", "--threads", threads, "--set", "epochs=1", *small]),
            ("evaluate", [valence, "evaluate", run, store, "-q"]),
            ("predict", [valence, "predict", run, store, "--csv", "-q"])]


def print_table(results):
    sizes = sorted(results)
    print(f"{'step':10}" + "".join(f"{n:>12} clips" for n in sizes) + "   growth: time  memory")
    for step in results[sizes[0]]:
        row = [results[n][step] for n in sizes]
        cells = "".join(f"{cell['cpu']:>9.2f} s {cell['mib']:>4.0f} M" for cell in row)
        factor = ""
        if len(row) > 1:
            tens = math.log10(sizes[-1] / sizes[-2])
            factor = "".join(f"{(row[-1][key] / row[-2][key]) ** (1 / tens):>8.1f}" for key in ("cpu", "mib"))
        print(f"{step:10}{cells}      {factor}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--sizes", default="1000,10000,100000,1000000")
    parser.add_argument("--work")
    parser.add_argument("--threads", default="1")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    valence = os.path.join(arguments.build, "valence")
    folder = arguments.work or tempfile.mkdtemp(prefix="valence-growth-")
    results = {}
    for n in (int(size) for size in arguments.sizes.split(",")):
        own = os.path.join(folder, str(n))
        os.makedirs(own)
        write_table(os.path.join(own, "table.csv"), n)
        results[n] = {name: measure(command) for name, command in steps(valence, own, arguments.threads)}
        shutil.rmtree(own)
        print(f"{n} clips: " + ", ".join(f"{name} {r['cpu']:.2f} s" for name, r in results[n].items()), flush=True)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(results, file, indent=2)
    print_table(results)


if __name__ == "__main__":
    main()
