#!/usr/bin/env bash
# What a network of 1 and 10 Gb/s costs a training by two ranks: each rank runs in a network namespace of its own, the two are
# joined by a bridge, and tc limits what each sends. Needs root, and a kernel with veth, bridge and the tbf scheduler.
#
#     scripts/ranks_network.sh [BUILD] [ROUNDS]     build/release 3
#
# Prints, for each way to add up gradients and each rate, the milliseconds of a step: median, least and most over the rounds,
# which measure all cases in turn. `shared` is the same two ranks through shared memory.
set -euo pipefail
cd "$(dirname "$0")/.."
valence=$PWD/${1:-build/release}/valence rounds=${2:-3}
work=$(mktemp -d /tmp/valence-network-XXXXXX)
clean_up() {
    for i in 0 1; do ip netns del "valence-$i" 2>/dev/null || true; done
    for link in valence-v0 valence-v1 valence-br; do ip link del $link 2>/dev/null || true; done
    rm -rf "$work"
}
trap clean_up EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_btl_base_warn_component_unused=0

# ---- Two machines: 10.77.0.1 and 10.77.0.2
ip link add valence-br type bridge
ip link set valence-br up
for i in 0 1; do
    ip netns add "valence-$i"
    ip link add "valence-v$i" type veth peer name eth0 netns "valence-$i"
    ip link set "valence-v$i" master valence-br up
    ip -n "valence-$i" addr add "10.77.0.$((i + 1))/24" dev eth0
    ip -n "valence-$i" link set eth0 up
    ip -n "valence-$i" link set lo up
done
limit() { # RATE: of what each of them sends
    for i in 0 1; do
        ip netns exec "valence-$i" tc qdisc replace dev eth0 root tbf rate "$1" burst 1mb latency 100ms
    done
}
# mpirun starts the other machine's ranks with this in place of ssh. Each machine has a name of its own.
cat >"$work/agent" <<'END'
#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
machine=$((${1##*.} - 1))
shift
exec unshare --uts sh -c "hostname valence-$machine && exec ip netns exec valence-$machine sh -c '$*'"
END
chmod +x "$work/agent"
run_apart() { # COMMAND...: by a rank on each machine
    unshare --uts sh -c 'hostname valence-0 && exec ip netns exec valence-0 "$@"' - mpirun -n 2 --host 10.77.0.1,10.77.0.2 \
        --mca plm_rsh_agent "$work/agent" --mca btl tcp,self --mca btl_tcp_if_include eth0 --mca oob_tcp_if_include eth0 "$@"
}

# ---- What is trained: the default network, whose gradients are what travels, on few short clips. 12 of them in a batch, one in
# a part, are as many parts as a batch of 96 clips has by default.
"$valence" synthesize "$work/store" --train 240 --validation 4 --test 4 --audio-width 8 --text-width 8 --video-width 8 -q >/dev/null
train() { # CASE COMMAND...: appends the milliseconds of a step
    local name=$1 case=$2
    shift 2
    local sums=()
    case $case in
    bf16) sums=(--set reduce_wire=bf16) ;;
    ordered) sums=(--set reduce=ordered) ;;
    esac
    rm -rf "$work/run"
    "$@" "$valence" train "$work/store" -o "$work/run" -q --threads 1 --set epochs=2 --set batch_size=12 \
        --set reduce_part=1 --set max_rows=10 "${sums[@]}" >"$work/out" 2>&1 ||
        { cat "$work/out"; exit 1; }
    python3 - "$work/run/timing.jsonl" >>"$work/$case-$name" <<'END'
import json, sys
last = json.loads(open(sys.argv[1]).readlines()[-1])
print(1000 * last["training_seconds"] / (last["clips"] / 12))
END
}
for ((round = 0; round < rounds; round++)); do
    for case in library bf16 ordered; do
        train shared "$case" mpirun -n 2
        for rate in 10gbit 1gbit; do
            limit "$rate"
            train "$rate" "$case" run_apart
        done
    done
done
python3 - "$work" <<'END'
import statistics, sys
print(f"{'sums':10}" + "".join(f"{name:>26}" for name in ("shared", "10gbit", "1gbit")))
for case in ("library", "bf16", "ordered"):
    cells = []
    for name in ("shared", "10gbit", "1gbit"):
        values = [float(line) for line in open(f"{sys.argv[1]}/{case}-{name}")]
        cells.append(f"{statistics.median(values):8.0f} ({min(values):.0f} ... {max(values):.0f})")
    print(f"{case:10}" + "".join(f"{cell:>26}" for cell in cells))
END
