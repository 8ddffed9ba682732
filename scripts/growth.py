#!/usr/bin/env python3
"""scripts/growth.py [--build BUILD] [--sizes N,N,...] [--work FOLDER] [--threads N] [--json FILE]
scripts/growth.py --speed SMALL,LARGE [--width D] [--measured CLIPS] [--rounds N] [--build BUILD] [--work FOLDER]

Time and memory of what valence does with a store, at several numbers of clips: import from a table, inspect, doctor, one epoch of
training, evaluate and predict. Clips are small, one row of 4 columns in each stream, so that what is measured is what every clip
costs beside its features. The last columns say by which factor a step's time and memory grew for ten times the clips: 10 is linear,
1 constant.

--speed compares the training clips for each CPU second on a store of SMALL clips and on one of LARGE, in turn, with one thread. CPU
seconds depend less on what else the machine does. What an epoch costs whatever the clips, such as saving, is left out: on the large
store, steps within an epoch count, and on the small one the difference between epochs of SMALL and of three times SMALL clips.
--width is the network's model.d, 16 by default: so small that reading the store counts. --measured is how many clips are trained on
for each figure.
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
    """Options of a network in which what every clip costs can be seen."""
    settings = (f"model.d={width}", f"model.o={width // 2}", "losses.rnc=0", "standardise.clip=false")
    return [word for setting in settings for word in ("--set", setting)]


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
    return [("import", [valence, "import", "table", table, store, *STREAMS, "-q"]),
            ("inspect", [valence, "inspect", store, "-q"]),
            ("doctor", [valence, "doctor", store, "-q"]),
            ("start", [valence, "train", store, "-o", run + "-dry", "-q", "--dry-run", *network(16)]),
            ("epoch", [valence, "train", store, "-o", run, "-q", "--threads", threads, "--set", "epochs=1", *network(16)]),
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


# ---- The speed of a large store


def cpu_seconds(process):
    with open(f"/proc/{process}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def train_on(valence, store, run, n_epochs, width, *settings):
    command = [valence, "train", store, "-o", run, "-q", "--threads", "1", "--set", f"epochs={n_epochs}", *network(width)]
    for setting in settings:
        command += ["--set", setting]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def wait_for(process, is_reached):
    """CPU seconds of the process when it has got there; None if it ends before."""
    while process.poll() is None:
        used = cpu_seconds(process.pid)
        if is_reached():
            return used
        time.sleep(0.02)
    return None


def epoch_cost(valence, store, run, n_epochs, width):
    """CPU seconds of an epoch after the first."""
    times = os.path.join(run, "timing.jsonl")

    def epochs():
        if not os.path.exists(times):
            return 0
        with open(times) as file:
            return sum(1 for _ in file)

    process = train_on(valence, store, run, n_epochs + 2, width)
    marks = [wait_for(process, lambda n=n: epochs() >= n) for n in (1, n_epochs + 1)]
    process.wait()
    shutil.rmtree(run)
    return (marks[1] - marks[0]) / n_epochs


def steps_cost(valence, store, run, n_steps, width):
    """CPU seconds of a step within an epoch, between two checkpoints."""
    last = os.path.join(run, "last.safetensors")

    def saved():
        return os.stat(last).st_mtime_ns if os.path.exists(last) else 0

    process = train_on(valence, store, run, 1, width, f"checkpoint_every={n_steps}")
    first = wait_for(process, saved)
    before = saved()
    second = wait_for(process, lambda: saved() != before)
    process.kill()
    process.wait()
    shutil.rmtree(run)
    return (second - first) / n_steps


def compare_speed(valence, folder, sizes, rounds, width, measured):
    small, large = sizes
    stores = {}
    for n in (small, 3 * small, large):
        table, stores[n] = os.path.join(folder, f"table-{n}.csv"), os.path.join(folder, f"store-{n}")
        if os.path.exists(stores[n]):
            continue
        write_table(table, n)
        subprocess.run([valence, "import", "table", table, stores[n], *STREAMS, "-q"], check=True, stdout=subprocess.DEVNULL)
        os.remove(table)
    rates = {n: [] for n in sizes}
    for _ in range(rounds):
        run = os.path.join(folder, "run")
        costs = [epoch_cost(valence, stores[n], run, max(1, measured // n), width) for n in (small, 3 * small)]
        rates[small].append(0.8 * 2 * small / (costs[1] - costs[0]))
        rates[large].append(BATCH / steps_cost(valence, stores[large], run, measured // BATCH, width))
        print(", ".join(f"{n} clips: {rates[n][-1]:.0f} training clips a CPU second" for n in sizes), flush=True)
    for n in sizes:
        print(f"{n} clips: {statistics.median(rates[n]):.0f} ({min(rates[n]):.0f} ... {max(rates[n]):.0f})")
    ratios = [b / a for a, b in zip(rates[small], rates[large])]
    print(f"large to small: {statistics.median(ratios):.3f} ({min(ratios):.3f} ... {max(ratios):.3f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--sizes", default="1000,10000,100000,1000000")
    parser.add_argument("--work")
    parser.add_argument("--threads", default="1")
    parser.add_argument("--json")
    parser.add_argument("--speed")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--measured", type=int, default=200000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    valence = os.path.join(arguments.build, "valence")
    folder = arguments.work or tempfile.mkdtemp(prefix="valence-growth-")
    os.makedirs(folder, exist_ok=True)
    if arguments.speed:
        sizes = [int(size) for size in arguments.speed.split(",")]
        return compare_speed(valence, folder, sizes, arguments.rounds, arguments.width, arguments.measured)
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
