#!/usr/bin/env python3
"""faces_package.py FILM BENCH_FACES MODEL.gguf MODULES [--sizes 224,416] [--runs 5] [--frames 100]

Frames per second of finding faces, landmarks and expressions, by the library and by the package that the networks come from
(@vladmandic/face-api under node, TensorFlow.js's WebAssembly back end), on the same frames. Both run in turn, `--runs` times,
so that whatever else the machine does meets both; the table has medians with the smallest and largest of each.

MODULES is a folder in which the package was installed:

    npm install --ignore-scripts @vladmandic/face-api@1.7.15 @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0
"""
import argparse
import os
import re
import statistics
import subprocess
import tempfile


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film")
    parser.add_argument("bench")
    parser.add_argument("model")
    parser.add_argument("modules")
    parser.add_argument("--sizes", default="224,416")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--frames", type=int, default=100)
    return parser.parse_args()


def make_frames(film, n, path):
    """The first n frames as raw RGB in `path`; their width and height."""
    probe = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height", "-of",
                            "csv=p=0", film], check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", film, "-frames:v", str(n), "-f", "rawvideo", "-pix_fmt", "rgb24", path],
                   check=True)
    return probe.split(",")[:2]


def measure(command, threads, **where):
    """Frames per second and how many frames have a face, from the last line that the command prints."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    line = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, **where).stdout.splitlines()[-1]
    return float(re.search(r"([\d.]+) frames/s", line)[1]), int(re.search(r"a face in (\d+)", line)[1])


def main():
    arguments = read_arguments()
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "faces_package.js")
    bench, model = os.path.abspath(arguments.bench), os.path.abspath(arguments.model)
    with tempfile.TemporaryDirectory() as folder:
        raw = os.path.join(folder, "frames.rgb")
        width, height = make_frames(arguments.film, arguments.frames, raw)
        for size in arguments.sizes.split(","):
            rates, found = {}, {}
            for _ in range(arguments.runs):
                for threads in (1, 2):
                    with open(raw, "rb") as frames:
                        rate, n = measure([bench, model, width, height, size], threads, stdin=frames)
                    rates.setdefault(f"library, {threads} threads", []).append(rate)
                    found["library"] = n
                rate, n = measure(["node", script, raw, width, height, size, "wasm"], 1, cwd=arguments.modules)
                rates.setdefault("package, WebAssembly", []).append(rate)
                found["package"] = n
            package = statistics.median(rates["package, WebAssembly"])
            print(f"{os.path.basename(arguments.film)}, {width} x {height}, input {size}: frames with a face {found}")
            for name, values in rates.items():
                middle = statistics.median(values)
                print(f"  {name:22} {middle:8.1f} frames/s ({min(values):.1f}–{max(values):.1f}), {middle / package:.1f} ×")


main()
