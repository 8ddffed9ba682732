#!/usr/bin/env python3
"""Times valence's paths, each by a program of BUILD/bench, and compares two results of one machine.

    paths.py list
    paths.py run BUILD OUT.json [--only PATH]... [--models FOLDER]... [--film FILM] [--rounds 5] [--threads 2]
                 [--batch 32] [--steps 4]
    paths.py compare BEFORE.json AFTER.json

`run` leaves out what it has no model or film for, and says so. Models are looked for in each FOLDER and in the models' cache.
Paths take turns, round by round; OUT.json keeps every number and the machine. `compare` fails for results of different
machines, numbers of threads or sizes.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys

from machine import refuse_different

NUMBER = r"([0-9.]+)"
ENCODERS = [("wavlm", "10"), ("manet", "32"), ("whisper", "30")]
TYPES = ("f32", "bf16", "q8_0")
LEVELS = ("amx", "bf16", "vnni", "avx512", "avx-vnni", "avx2")  # the best first

# What is measured of a path: its name, the unit, where a program prints it. More is better for what is "/s".
TRAINING = [("train", "clips/s", rf'"train_clips_per_s": {NUMBER}'), ("evaluate", "clips/s", rf'"evaluate_clips_per_s": {NUMBER}'),
            ("train, processor", "clips/s", rf'"train_clips_per_cpu_s": {NUMBER}'),
            ("evaluate, processor", "clips/s", rf'"evaluate_clips_per_cpu_s": {NUMBER}')]
MEDIA = [(name, "s", rf"^{name}\|{NUMBER}\|") for name in
         ("decoding sound", "voice activity detection", "decoding pictures, 5 a second", "decoding pictures, 25 a second")]


class Missing(Exception):
    """Why a path cannot be measured here."""


class Places:
    def __init__(self, settings):
        self.build, self.film, self.threads = settings.build, settings.film, str(settings.threads)
        self.steps, self.batch = str(settings.steps), str(settings.batch)
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        self.folders = settings.models + [f"{cache}/valence/models"]

    def program(self, name):
        path = f"{self.build}/bench/{name}"
        if not os.path.exists(path):
            raise Missing(f"{path} is not built")
        return path

    def model(self, *names):
        for folder in self.folders:
            for name in names:
                if os.path.exists(f"{folder}/{name}"):
                    return f"{folder}/{name}"
        raise Missing(f"there is no {' or '.join(names)} in {', '.join(self.folders)}")

    def a_film(self):
        if not self.film:
            raise Missing("--film names no film")
        return self.film


# ---- Paths ---------------------------------------------------------------------------------------------------------------

# Each gives a command, and standard input or None.

def training(precision):
    def command(places):
        program = [places.program("bench-network"), "--precision", precision]
        if subprocess.run([*program, "--machine"], capture_output=True).returncode:
            raise Missing(f"this processor has no units for {precision}")
        return [*program, "--threads", places.threads, "--batch", places.batch, "--steps", places.steps], None
    return command


def products(places):
    program = places.program("bench-products")
    for level in LEVELS:
        if subprocess.run([program, level, "1", "1", "no such case"], capture_output=True).returncode == 0:
            return [program, level, places.threads, "1"], None
    raise Missing("bench-products knows no instructions of this processor")


def encoder(name, size, kind):
    def command(places):
        return [places.program("bench-encode"), places.model(f"{name}-{kind}.gguf"), size, "2"], None
    return command


def faces(places):
    frames = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", places.a_film(), "-frames:v", "40", "-vf", "scale=360:288",
                             "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], check=True, capture_output=True).stdout
    return [places.program("bench-faces"), places.model("faces.gguf"), "360", "288"], frames


def media(places):
    return [places.program("bench-media"), places.a_film(), places.model("silero-vad.bin"), "1"], None


def text(places):
    return [places.program("bench-llm"), places.model("llm.gguf", "SmolLM2-135M-Instruct.Q4_1.gguf")], None


def simulated_text(places):
    return [places.program("bench-simulate"), places.model("wavlm.gguf", "wavlm-q8_0.gguf"), places.model("projector.gguf"),
            places.model("llm.gguf")], None


PATHS = {"train-f32": (training("f32"), TRAINING), "train-bf16": (training("bf16"), TRAINING), "products": (products, None)}
for encoder_name, encoder_size in ENCODERS:
    for encoder_type in TYPES:
        PATHS[f"{encoder_name}-{encoder_type}"] = (encoder(encoder_name, encoder_size, encoder_type),
                                                   [("encode", "s", rf"^{NUMBER} s, .*result 2 ")])
PATHS["faces"] = (faces, [("find", "frames/s", rf"{NUMBER} frames/s")])
PATHS["media"] = (media, MEDIA)
PATHS["text"] = (text, [("features", "clips/s", rf"text features: {NUMBER} clips/s"), ("prompt", "tokens/s", rf": {NUMBER} tokens/s;"),
                        ("decoding", "tokens/s", rf"decoding: {NUMBER} tokens/s"), ("beams", "tokens/s", rf"beams: {NUMBER} tokens/s")])
PATHS["simulated-text"] = (simulated_text, [("simulate", "s", rf"^{NUMBER} s: ")])


# ---- Running -------------------------------------------------------------------------------------------------------------

def figures_of_products(output):
    """GFLOP/s of each product."""
    for result in json.loads(output)["results"]:
        seconds = statistics.median(result["valence"]["seconds"])
        yield f"{result['case']}, {result['type']}", "GFLOP/s", result["gflop"] / seconds


def figures_of(output, patterns):
    """(what, unit, value); of a line that comes several times the last, as the first ones warm up."""
    if patterns is None:
        yield from figures_of_products(output)
        return
    for what, unit, pattern in patterns:
        found = re.findall(pattern, output, re.M)
        if not found:
            sys.exit(f"paths.py: no '{what}' in what the program printed:\n{output}")
        yield what, unit, float(found[-1])


def measure(command, patterns, given, places):
    environment = {**os.environ, "BENCH_THREADS": places.threads, "OMP_NUM_THREADS": places.threads, "BENCH_REPEATS": "2",
                   "GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", "10000")}
    done = subprocess.run(command, input=given, env=environment, capture_output=True)
    if done.returncode:
        sys.exit(f"paths.py: {' '.join(command)} failed:\n{done.stderr.decode()}")
    return list(figures_of(done.stdout.decode(), patterns))


def describe_machine(places):
    """As the library sees it."""
    output = subprocess.run([places.program("bench-network"), "--machine"], check=True, capture_output=True).stdout
    return json.loads(output)


def commands(settings, places):
    for name in settings.only or PATHS:
        try:
            command, given = PATHS[name][0](places)
        except Missing as problem:
            if settings.only:
                sys.exit(f"paths.py: {name}: {problem}")
            print(f"{name} is left out: {problem}", file=sys.stderr)
            continue
        yield name, command, given


def run(settings):
    places = Places(settings)
    ready = list(commands(settings, places))
    figures = {}
    for turn in range(settings.rounds):
        for name, command, given in ready:
            print(f"round {turn + 1} of {settings.rounds}: {name}", file=sys.stderr)
            for what, unit, value in measure(command, PATHS[name][1], given, places):
                figures.setdefault((name, what, unit), []).append(value)
    result = {"bench": "paths", "machine": describe_machine(places), "threads": settings.threads, "batch": settings.batch,
              "steps": settings.steps, "results": [{"path": name, "what": what, "unit": unit, "values": values}
                                                   for (name, what, unit), values in figures.items()]}
    with open(settings.out, "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    print(f"| path | | {settings.rounds} rounds, median (range) |\n| --- | --- | ---: |")
    for row in result["results"]:
        print(f"| {row['path']} | {row['what']} | {spread(row['values'])} {row['unit']} |")


# ---- Comparing -----------------------------------------------------------------------------------------------------------

def spread(values):
    return f"{statistics.median(values):.4g} ({min(values):.4g}-{max(values):.4g})"


def compare(settings):
    sides = []
    for path in (settings.before, settings.after):
        with open(path) as file:
            sides.append(json.load(file))
    refuse_different(sides, "paths.py")
    for key in ("threads", "batch", "steps"):
        if sides[0][key] != sides[1][key]:
            sys.exit(f"paths.py: {settings.before} was measured with {key} {sides[0][key]}, {settings.after} with {sides[1][key]}")
    before, after = ({(row["path"], row["what"], row["unit"]): row["values"] for row in side["results"]} for side in sides)
    print("| path | | before | after | speed |\n| --- | --- | ---: | ---: | ---: |")
    for key in before:
        if key not in after:
            continue
        name, what, unit = key
        ratio = statistics.median(after[key]) / statistics.median(before[key])
        ratio = ratio if unit.endswith("/s") else 1 / ratio
        print(f"| {name} | {what}, {unit} | {spread(before[key])} | {spread(after[key])} | {ratio:.2f} x |")
    for key in set(before) ^ set(after):
        print(f"{key[0]}, {key[1]}: only in {settings.before if key in before else settings.after}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = parser.add_subparsers(dest="mode", required=True)
    modes.add_parser("list")
    runner = modes.add_parser("run")
    runner.add_argument("build")
    runner.add_argument("out")
    runner.add_argument("--only", action="append", choices=list(PATHS), default=[])
    runner.add_argument("--models", action="append", default=[])
    runner.add_argument("--film")
    for name, value in (("rounds", 5), ("threads", 2), ("batch", 32), ("steps", 4)):
        runner.add_argument(f"--{name}", type=int, default=value)
    comparer = modes.add_parser("compare")
    comparer.add_argument("before")
    comparer.add_argument("after")
    settings = parser.parse_args()
    if settings.mode == "list":
        print("\n".join(PATHS))
    else:
        {"run": run, "compare": compare}[settings.mode](settings)


if __name__ == "__main__":
    main()
