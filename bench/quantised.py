#!/usr/bin/env python3
"""Runs the benchmarks of quantised products, and shows their results: scripts/bench_quantised.sh calls it.

    quantised.py run BUILD FOLDER OUT.json     FOLDER has encoders (scripts/bench_encoders.sh makes them)
    quantised.py show RESULT.json...           tables; refuses results of different machines

BENCH_PYTHON, a Python with torch and transformers, adds PyTorch; BENCH_ROUNDS (5) and BENCH_THREADS (2) can be set. All
sides take turns; what is kept is a number for each round.
"""
import json
import os
import subprocess
import sys

from machine import refuse_different

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
THREADS = os.environ.get("BENCH_THREADS", "2")
LEVELS = ("avx2", "vnni", "bf16", "amx", "ggml")  # of the products

# What limits OpenBLAS, oneDNN within PyTorch, and PyTorch's own loops to a level.
LIMITS = {
    "avx2": {"OPENBLAS_CORETYPE": "Haswell", "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
    "avx-vnni": {"OPENBLAS_CORETYPE": "Haswell", "ONEDNN_MAX_CPU_ISA": "AVX2_VNNI", "ATEN_CPU_CAPABILITY": "avx2"},
    "avx512": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
    "vnni": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI"},
    "bf16": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"},
    "amx": {},
    "ggml": {},
}

# Encoder, its size (seconds of sound, or pictures), the rows that are asked for, PyTorch's checkpoint.
ENCODERS = [("wavlm", "5", "final", "wavlm-large"), ("manet", "8", "embedding", "manet.pth"), ("whisper", "30", "final", None)]

# Level, our type, PyTorch's type or None.
RUNS = [("amx", "f32", "f32"), ("amx", "bf16", "bf16"), ("amx", "q8_0", None), ("bf16", "f32", "f32"),
        ("bf16", "bf16", "bf16"), ("vnni", "f32", None), ("vnni", "q8_0", "int8"),
        ("avx-vnni", "f32", None), ("avx-vnni", "q8_0", None), ("avx2", "f32", "f32"), ("avx2", "q8_0", "int8")]


def middle(values):
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def spread(values):
    return f"{middle(values):.3f} ({min(values):.3f}-{max(values):.3f})"


# ---- Running -------------------------------------------------------------------------------------------------------------

def environment(level):
    return {**os.environ, **LIMITS[level], "BENCH_THREADS": THREADS, "OMP_NUM_THREADS": THREADS, "OPENBLAS_NUM_THREADS": THREADS}


def run_products(build):
    results = []
    for level in LEVELS:
        done = subprocess.run([f"{build}/bench/bench-products", level, THREADS, str(ROUNDS)], env=environment(level),
                              capture_output=True, text=True)
        if done.returncode == 0:
            results.append(json.loads(done.stdout))
        else:
            print(f"{level}: {done.stderr.strip()}", file=sys.stderr)
    return results


def start_pytorch(folder, encoder, size, checkpoint, level, kind):
    """A process that computes once for each line that it gets."""
    if encoder == "manet" and kind == "int8" or not checkpoint or not os.environ.get("BENCH_PYTHON"):
        return None  # it quantises no convolutions
    here = os.path.dirname(os.path.abspath(__file__))
    return subprocess.Popen([os.environ["BENCH_PYTHON"], f"{here}/encoders_pytorch.py", encoder, f"{folder}/{checkpoint}", size,
                             "0", kind], env=environment(level), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True)


def ask(process):
    process.stdin.write("\n")
    process.stdin.flush()
    return tuple(float(value) for value in process.stdout.readline().split())


def time_own(build, folder, encoder, size, layers, level, kind):
    """A repeat after one that warms up: seconds of the clock, of the processors."""
    done = subprocess.run([f"{build}/bench/bench-encode", f"{folder}/{encoder}-{kind}.gguf", size, "2"], check=True,
                          env={**environment(level), "BENCH_LEVEL": level, "BENCH_LAYERS": layers}, capture_output=True, text=True)
    words = [line.split() for line in done.stdout.splitlines() if "processor time" in line][-1]
    return float(words[0]), float(words[words.index("processor") - 3])


def levels_of(build):
    """Those that this processor has."""
    return {level for level in LIMITS if subprocess.run([f"{build}/bench/bench-products", level, "1", "1", "no such case"],
                                                        capture_output=True).returncode == 0}


def run_encoders(build, folder):
    results, levels = [], levels_of(build)
    for encoder, size, layers, checkpoint in ENCODERS:
        if not os.path.exists(f"{folder}/{encoder}-q8_0.gguf"):
            print(f"{folder} has no {encoder}-q8_0.gguf: skipped", file=sys.stderr)
            continue
        runs = [run for run in RUNS if run[0] in levels and os.path.exists(f"{folder}/{encoder}-{run[1]}.gguf")]
        peers = [start_pytorch(folder, encoder, size, checkpoint, level, kind) if kind else None for level, _, kind in runs]
        for peer in filter(None, peers):
            ask(peer)  # warms up
        found = [{"encoder": encoder, "size": float(size), "level": level, "type": own, "valence": [], "pytorch_type": kind,
                  "pytorch": []} for level, own, kind in runs]
        for _ in range(ROUNDS):
            for result, peer in zip(found, peers):
                result["valence"].append(time_own(build, folder, encoder, size, layers, result["level"], result["type"]))
                if peer:
                    result["pytorch"].append(ask(peer))
        for peer in filter(None, peers):
            peer.stdin.close()
            peer.wait()
        results += found
    return results


# ---- Showing -------------------------------------------------------------------------------------------------------------

def show_products(runs):
    for run in runs:
        print(f"\n{run['level']} ({run['int8_form']}), {run['threads']} threads, oneDNN {run['onednn']}; GFLOP/s by the clock,"
              " median (range)\n")
        print("| product | type | valence | oneDNN | ggml | valence over oneDNN | over ggml |")
        print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
        for result in run["results"]:
            speeds = {side: [result["gflop"] / s for s in result[side]["seconds"]]
                      for side in ("valence", "onednn", "ggml") if side in result}
            cells = {side: f"{middle(s):.0f} ({min(s):.0f}-{max(s):.0f})" for side, s in speeds.items()}
            ratios = {side: f"{middle(speeds['valence']) / middle(s):.2f}" for side, s in speeds.items()}
            print(f"| {result['case']} | {result['type']} | {cells['valence']} | {cells.get('onednn', 'none')} | "
                  f"{cells.get('ggml', '')} | {ratios.get('onednn', '')} | {ratios.get('ggml', '')} |")


def show_encoders(results):
    print(f"\nSeconds by the clock, median (range)\n\n| encoder | level | type | valence | PyTorch | over PyTorch | over own f32 |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: |")
    clock = {(r["encoder"], r["level"], r["type"]): middle([v[0] for v in r["valence"]]) for r in results}
    for r in results:
        own = [v[0] for v in r["valence"]]
        peer = [v[0] for v in r["pytorch"]]
        f32 = clock.get((r["encoder"], r["level"], "f32"))
        print(f"| {r['encoder']} | {r['level']} | {r['type']} | {spread(own)} | {spread(peer) if peer else ''} | "
              f"{f'{middle(peer) / middle(own):.2f}' if peer else ''} | {f'{f32 / middle(own):.2f}' if f32 else ''} |")


def show(paths):
    results = []
    for path in paths:
        with open(path) as file:
            results.append(json.load(file))
    refuse_different(results, "quantised.py")
    for result in results:
        machine = result["machine"]
        print(f"{machine['cpu']}, {machine['cpus']} processors, {result['threads']} threads, {result['rounds']} rounds in turns")
        show_encoders(result["encoders"])
        show_products(result["products"])


def main():
    if len(sys.argv) == 5 and sys.argv[1] == "run":
        build, folder, out = sys.argv[2:]
        products = run_products(build)
        if not products:
            sys.exit("quantised.py: bench-products computed nothing")
        encoders = run_encoders(build, folder)
        with open(out, "w") as file:
            json.dump({"machine": products[0]["machine"], "threads": int(THREADS), "rounds": ROUNDS, "products": products,
                       "encoders": encoders}, file, indent=1)
        show([out])
    elif len(sys.argv) > 2 and sys.argv[1] == "show":
        show(sys.argv[2:])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
