#!/usr/bin/env python3
"""scripts/growth.py [--build BUILD] [--sizes N,N,...] [--work FOLDER] [--threads N] [--json FILE]
scripts/growth.py --speed SMALL,LARGE [--width D] [--set KEY=VALUE] [--measured CLIPS] [--rounds N] [--build BUILD] [--work FOLDER]

Time and memory of what valence does with a store, at several numbers of clips: import from a table, inspect, doctor, one epoch of
training, evaluate and predict. Clips are small, one row of 4 columns in each stream, so that what is measured is what every clip
costs beside its features. The last columns say by which factor a step's time and memory grew for ten times the clips: 10 is linear,
1 constant. Training, evaluation and prediction have --threads threads, 1 by default.

--speed compares the training clips a second on a store of SMALL clips and on one of LARGE, in turn, with one thread: by the clock, and
for each CPU second, which depends less on what else the machine does: of the thread that trains, which a free second core lets go on
without waiting, and of all threads, with the one that reads ahead. What an epoch
costs whatever the clips, such as saving, is left out: on the large store, steps within an epoch count, and on the small one the
difference between epochs of SMALL and of three times SMALL clips; nothing is learnt, so that no epoch saves a best model. --width is the network's model.d, 16 by default: so small that
reading the store counts. --set KEY=VALUE changes other settings, as --set losses.rnc=0.8. --measured is how many clips are trained
on for each figure.
"""
import argparse
import json
import math
import os
import random
import resource
import shutil
import statistics
import subprocess
import tempfile
import time

BATCH = 96
STREAMS = [option for name in ("audio", "text", "video") for option in (f"--{name}", f"{name[0]}0-{name[0]}3")]


def network(width):
    """Settings of a network in which what every clip costs can be seen."""
    return [f"model.d={width}", f"model.o={width // 2}", "losses.rnc=0", "standardise.clip=false"]


def usual_split(i):
    return "test" if i % 10 == 9 else "validation" if i % 10 == 4 else "train"


def write_table(path, n, split_of=usual_split):
    numbers = random.Random(1)
    columns = [f"{stream}{i}" for stream in "atv" for i in range(4)]
    with open(path, "w") as file:
        file.write("id,group,split,label," + ",".join(columns) + "\n")
        for i in range(n):
            label = numbers.uniform(-3, 3)
            values = (f"{label * (0.3 if k % 2 else -0.2) + numbers.gauss(0, 1):.3f}" for k in range(12))
            file.write(f"clip-{i:07d},speaker-{i // 20},{split_of(i)},{label:.2f}," + ",".join(values) + "\n")


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
    options = [word for setting in network(16) for word in ("--set", setting)]
    return [("import", [valence, "import", "table", table, store, *STREAMS, "-q"]),
            ("inspect", [valence, "inspect", store, "-q"]),
            ("doctor", [valence, "doctor", store, "-q"]),
            ("start", [valence, "train", store, "-o", run + "-dry", "-q", "--dry-run", *options]),
            ("epoch", [valence, "train", store, "-o", run, "-q", "--threads", threads, "--set", "epochs=1", *options]),
            ("evaluate", [valence, "evaluate", run, store, "-q", "--threads", threads]),
            ("predict", [valence, "predict", run, store, "--csv", "-q", "--threads", threads])]


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


# ---- The speed of a large store

N_VALIDATION = 20  # whatever the size of the store


UNITS = {"clock": "clips a second", "training": "clips a CPU second of the thread that trains", "all": "clips a CPU second"}


def cpu_seconds(path):
    with open(path) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def now(process):
    """Where a process is, in seconds."""
    return {"clock": time.monotonic(), "training": cpu_seconds(f"/proc/{process}/task/{process}/stat"),
            "all": cpu_seconds(f"/proc/{process}/stat")}


def between(begin, end, n):
    """Seconds for each of n pieces of work."""
    return {kind: (end[kind] - begin[kind]) / n for kind in UNITS}


def train_on(valence, store, run, n_epochs, settings):
    command = [valence, "train", store, "-o", run, "-q", "--threads", "1"]
    for setting in [f"epochs={n_epochs}", *settings]:
        command += ["--set", setting]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def wait_for(process, is_reached):
    while process.poll() is None:
        mark = now(process.pid)
        if is_reached():
            return mark
        time.sleep(0.01)
    raise SystemExit("the training ended before it was measured (--measured must be smaller)")


def epoch_cost(valence, store, run, n_epochs, settings):
    """Of an epoch after the first."""
    times = os.path.join(run, "timing.jsonl")

    def epochs():
        if not os.path.exists(times):
            return 0
        with open(times) as file:
            return sum(1 for _ in file)

    process = train_on(valence, store, run, n_epochs + 2, settings)
    begin, end = (wait_for(process, lambda n=n: epochs() >= n) for n in (1, n_epochs + 1))
    process.wait()
    shutil.rmtree(run)
    return between(begin, end, n_epochs)


def steps_cost(valence, store, run, n_steps, settings):
    """Of a step within an epoch, between two checkpoints."""
    last = os.path.join(run, "last.safetensors")

    def saved():
        return os.stat(last).st_mtime_ns if os.path.exists(last) else 0

    process = train_on(valence, store, run, 1, [*settings, f"checkpoint_every={n_steps}"])
    begin = wait_for(process, saved)
    before = saved()
    end = wait_for(process, lambda: saved() != before)
    process.kill()
    process.wait()
    shutil.rmtree(run)
    return between(begin, end, n_steps)


def n_training(n):
    """Whole batches, so that all steps are alike."""
    return n // BATCH * BATCH


def make_speed_store(valence, folder, n):
    table, store = os.path.join(folder, f"table-{n}.csv"), os.path.join(folder, f"speed-{n}")
    if not os.path.exists(store):
        write_table(table, N_VALIDATION + n_training(n), lambda i: "validation" if i < N_VALIDATION else "train")
        subprocess.run([valence, "import", "table", table, store, *STREAMS, "-q"], check=True, stdout=subprocess.DEVNULL)
        os.remove(table)
    return store


def compare_speed(valence, folder, sizes, rounds, settings, measured):
    small, large = sizes
    stores = {n: make_speed_store(valence, folder, n) for n in (small, 3 * small, large)}
    rates = {(kind, n): [] for kind in UNITS for n in sizes}
    run = os.path.join(folder, "run")
    for _ in range(rounds):
        less, more = (epoch_cost(valence, stores[n], run, max(1, measured // small), settings) for n in (small, 3 * small))
        step = steps_cost(valence, stores[large], run, measured // BATCH, settings)
        for kind in UNITS:
            rates[kind, small].append((n_training(3 * small) - n_training(small)) / (more[kind] - less[kind]))
            rates[kind, large].append(BATCH / step[kind])
            print(f"{kind:9}" + "".join(f"{rates[kind, n][-1]:>10.0f} of {n}" for n in sizes), flush=True)
    for kind, unit in UNITS.items():
        for n in sizes:
            values = rates[kind, n]
            print(f"{n} clips: {statistics.median(values):.0f} {unit} ({min(values):.0f} ... {max(values):.0f})")
        ratios = [b / a for a, b in zip(rates[kind, small], rates[kind, large])]
        print(f"large to small, {unit}: {statistics.median(ratios):.3f} ({min(ratios):.3f} ... {max(ratios):.3f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--sizes", default="1000,10000,100000,1000000")
    parser.add_argument("--work")
    parser.add_argument("--threads", default="1")
    parser.add_argument("--json")
    parser.add_argument("--speed")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--measured", type=int, default=200000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    valence = os.path.join(arguments.build, "valence")
    folder = arguments.work or tempfile.mkdtemp(prefix="valence-growth-")
    os.makedirs(folder, exist_ok=True)
    if arguments.speed:
        sizes = [int(size) for size in arguments.speed.split(",")]
        settings = [*network(arguments.width), "optimizer.learning_rate=1e-12", *arguments.set]
        return compare_speed(valence, folder, sizes, arguments.rounds, settings, arguments.measured)
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
