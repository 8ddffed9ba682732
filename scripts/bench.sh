#!/usr/bin/env bash
# scripts/bench.sh BUILD: times training and evaluation of the double flow at the published sizes, batch sizes 32 and 96, beside
# the limit that the necessary matrix products alone set; prints a table and writes build/bench.json. The share of the limit
# is taken within each run that times both, step by step, so that a machine that is busy now and then does not distort it.
#
#   BENCH_PYTHON=/path/to/python    one with torch: runs the PyTorch step too, alternating with ours
#   VALENCE_SHARED=FOLDER           where bench/mosei_lengths.csv and bench/pytorch_step.py are (default ../shared);
#                                   without the lengths the benchmark makes some like them
#   BENCH_REPEATS=3                 repeats, of which medians are shown
#   BENCH_STEPS=6                   steps a repeat
set -euo pipefail
cd "$(dirname "$0")/.."

build=${1:?usage: scripts/bench.sh BUILD}
shared=${VALENCE_SHARED:-../shared}
lengths=$shared/bench/mosei_lengths.csv
peer=$shared/bench/pytorch_step.py
steps=(--steps "${BENCH_STEPS:-6}")
ours=("$build/bench/bench-network" "${steps[@]}")
theirs=()
if [ -f "$lengths" ]; then
    ours+=(--lengths "$lengths")
fi
if [ -n "${BENCH_PYTHON:-}" ]; then
    [ -f "$peer" ] && [ -f "$lengths" ] || {
        echo "bench: $peer or its lengths are not there (VALENCE_SHARED says where to look)" >&2
        exit 1
    }
    theirs=("$BENCH_PYTHON" "$peer" --threads "$(nproc)" --lengths "$lengths" "${steps[@]}")
fi

results=build/bench.lines
: >"$results"
measure() { # measure KIND COMMAND...
    local kind=$1 line
    shift
    line=$("$@")
    echo "$kind $line" >>"$results"
    echo "$kind: $line" >&2
}
for batch in 32 96; do
    for ((i = 0; i < ${BENCH_REPEATS:-3}; i++)); do
        measure valence "${ours[@]}" --batch $batch
        [ ${#theirs[@]} -eq 0 ] || measure pytorch "${theirs[@]}" --batch $batch
        measure limit "${ours[@]}" --batch $batch --limit
    done
done

python3 - "$results" "$([ -f "$lengths" ] && echo "MOSEI's" || echo "made like MOSEI's")" <<'PYTHON'
import json
import platform
import statistics
import sys

runs = {}
for line in open(sys.argv[1]):
    kind, text = line.split(" ", 1)
    values = json.loads(text)
    for key, value in values.items():
        runs.setdefault((values["batch"], kind), {}).setdefault(key, []).append(value)

def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()

def summary(batch, kind, key):
    values = runs.get((batch, kind), {}).get(key)
    return values and {"median": statistics.median(values), "least": min(values), "most": max(values)}

def share(batch, phase):
    run = runs[(batch, "limit")]
    pairs = zip(run[f"{phase}_clips_per_s"], run[f"{phase}_limit_clips_per_s"])
    shares = [ours / limit for ours, limit in pairs]
    return {"median": statistics.median(shares), "least": min(shares), "most": max(shares)}

def shown(value):
    return f"{value['median']:.1f} ({value['least']:.1f}-{value['most']:.1f})" if value else "-"

table = []
for batch in sorted({batch for batch, _ in runs}):
    for phase in ("train", "evaluate"):
        ours = summary(batch, "valence", f"{phase}_clips_per_s")
        limit = summary(batch, "limit", f"{phase}_limit_clips_per_s")
        theirs = summary(batch, "pytorch", f"{phase}_clips_per_s")
        table.append({"batch": batch, "phase": phase, "valence": ours, "limit": limit, "pytorch": theirs,
                      "share_of_limit": share(batch, phase),
                      "times_pytorch": theirs and ours["median"] / theirs["median"]})
info = {"processor": processor(), "threads": runs[(32, "valence")]["threads"][0], "lengths": sys.argv[2],
        "torch": runs.get((32, "pytorch"), {}).get("torch", [None])[0],
        "repeats": len(runs[(32, "valence")]["threads"]),
        "peak_rss_mib": {str(batch): {kind: max(values["peak_rss_mib"]) for (b, kind), values in runs.items()
                                      if b == batch and "peak_rss_mib" in values}
                         for batch in sorted({b for b, _ in runs})},
        "unit": "clips/s, both flows", "results": table}
json.dump(info, open("build/bench.json", "w"), indent=2)
print(f"\n{info['processor']}, {info['threads']} threads; lengths {info['lengths']}; clips/s, both flows: "
      f"median of {info['repeats']} (least-most)\n")
heading = "{:>5}  {:<9} {:>22} {:>22} {:>7} {:>20} {:>9}"
print(heading.format("batch", "", "valence", "limit", "share", "PyTorch", "ratio"))
for row in table:
    ratio = row["times_pytorch"]
    print(heading.format(row["batch"], row["phase"], shown(row["valence"]), shown(row["limit"]),
                         f"{row['share_of_limit']['median']:.0%}", shown(row["pytorch"]), f"{ratio:.1f} x" if ratio else "-"))
for batch, peaks in info["peak_rss_mib"].items():
    print(f"peak memory at batch {batch}: " + ", ".join(f"{kind} {mib} MiB" for kind, mib in peaks.items()))
print("written to build/bench.json")
PYTHON
