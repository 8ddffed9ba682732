#!/usr/bin/env python3
"""scripts/capacity.py [REPORT.json] [--clips N] [--seconds S] [--cores C,C,...] [--threads N] [--lengths FILE] [--mtbf HOURS]
                       [--straggler P:F] [--parameters M] [--ranks N,N,...]

What an extraction of many clips takes on many cores, by a simulation that is fed with measured times. REPORT.json is what
`valence extract --json` printed for a sample of your clips on one of your machines; without it, --cost says how many core seconds
a second of media takes.

What is assumed:
  - A clip costs core seconds in proportion to its length, and lengths vary as a log-normal distribution with the sample's mean and
    a deviation of --spread of the logarithm, or as those in --lengths. A worker has --threads cores and makes one clip at a time.
  - Workers share pieces of clips as `mpirun valence extract` does: 16 for each worker, the longest first. Beside it stands what a
    coordinator would need that gives out single clips, the longest first, at no cost.
  - A worker that fails loses its current clip alone and is back after --restart seconds, when it goes on with its piece; failures
    come at random, one in --mtbf hours of each worker.
  - Some workers are stragglers: a share P of them is slower by the factor F.
  - Disks and networks are fast enough; merging, --mb-clip for each clip at 200 MB/s, is one process's work and comes afterwards.

The last table is arithmetic, not simulation: bytes that a rank sends in a training step of M parameters (docs/scale.md), and the time
that takes at 1 and 10 Gb/s without overlap.
"""
import argparse
import heapq
import itertools
import json
import math
import random


def piece_sizes(n_clips, n_pieces):
    """As plan_piece() in src/extract/plan.c."""
    left = [max(n_clips * i * i // n_pieces ** 2, i) for i in range(n_pieces, -1, -1)]
    return [before - after for before, after in zip(left, left[1:])]


def draw_clips(arguments, cost):
    """Seconds that a worker needs for each clip."""
    numbers = random.Random(arguments.seed)
    factor = cost / arguments.threads
    if arguments.lengths:
        return [factor * length for length in numbers.choices(arguments.lengths, k=arguments.clips)]
    location = math.log(factor * arguments.seconds) - arguments.spread ** 2 / 2
    return [numbers.lognormvariate(location, arguments.spread) for _ in range(arguments.clips)]


def cut(clips, n_pieces):
    ends = list(itertools.accumulate(piece_sizes(len(clips), n_pieces), initial=0))
    return [sum(clips[first:end]) for first, end in zip(ends, ends[1:])]


def simulate(arguments, n_workers, pieces):
    """Hours until all pieces are done, the longest first, and the share of the time that workers worked."""
    numbers = random.Random(arguments.seed)
    share, factor = arguments.straggler
    speed = [1 / factor if numbers.random() < share else 1.0 for _ in range(n_workers)]
    clip = sum(pieces) / arguments.clips
    free = [(0.0, worker) for worker in range(n_workers)]
    heapq.heapify(free)
    worked = end = 0.0
    for piece in sorted(pieces, reverse=True):
        at, worker = heapq.heappop(free)
        left = piece / speed[worker]
        worked += left
        while arguments.mtbf and left > 0:
            until = numbers.expovariate(1 / (3600 * arguments.mtbf))
            if until >= left:
                break
            lost = min(until, numbers.random() * clip / speed[worker])  # of the clip that it was at
            at += until + arguments.restart
            left += lost - until
        at += left
        end = max(end, at)
        heapq.heappush(free, (at, worker))
    return end / 3600, worked / (end * n_workers)


def pair(text):
    share, factor = text.split(":")
    return float(share), float(factor)


def numbers_of(text):
    return [int(number) for number in text.split(",")]


def lengths_in(path):
    with open(path) as file:
        return [float(line) for line in file]


def print_extraction(arguments, cost):
    hours_media = arguments.clips * arguments.seconds / 3600
    merge = arguments.clips * arguments.mb_clip / 200 / 3600
    print(f"{arguments.clips} clips of {arguments.seconds:g} s, {hours_media:.0f} h of media; {cost:.3f} core seconds for each second:")
    print(f"  {24 / cost:.1f} h of media for each core and day; {arguments.clips * arguments.mb_clip / 1e6:.2f} TB; merging {merge:.1f} h")
    print(f"{'cores':>8} {'workers':>8} {'hours':>10} {'days':>8} {'busy':>6} {'hours, single clips':>21}")
    clips = draw_clips(arguments, cost)
    for cores in arguments.cores:
        n_workers = max(1, cores // arguments.threads)
        hours, busy = simulate(arguments, n_workers, cut(clips, min(len(clips), 16 * n_workers)))
        single, _ = simulate(arguments, n_workers, clips)
        print(f"{cores:>8} {n_workers:>8} {hours:>10.2f} {hours / 24:>8.2f} {100 * busy:>5.0f}% {single:>12.2f} ({hours / single - 1:+.2%})")


def print_training(arguments):
    m = arguments.parameters
    print(f"\na training step of {m} parameters: MB that a rank sends, and ms at 1 and 10 Gb/s")
    print(f"{'ranks':>8}" + "".join(f"{name:>28}" for name in ("library", "bf16", "ordered, 12 parts")))
    for n in arguments.ranks:
        sent = (8 * m * (n - 1) / n, 4 * m * (n - 1) / n, 4 * m * (12 / n + 1) if n > 1 else 0)
        cells = "".join(f"{bytes_ / 1e6:>10.2f} MB {bytes_ * 8e-6:>6.0f} {bytes_ * 8e-7:>6.1f}" for bytes_ in sent)
        print(f"{n:>8}{cells}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", nargs="?")
    parser.add_argument("--clips", type=int, default=1000000)
    parser.add_argument("--seconds", type=float, default=7.3, help="mean length of a clip")
    parser.add_argument("--cost", type=float, help="core seconds for a second of media")
    parser.add_argument("--spread", type=float, default=0.7)
    parser.add_argument("--lengths", type=lengths_in, help="a file of clips' lengths in seconds, one a line, from which they are drawn")
    parser.add_argument("--cores", type=numbers_of, default=[10, 100, 1000])
    parser.add_argument("--threads", type=int, default=2, help="cores of a worker")
    parser.add_argument("--mtbf", type=float, default=500, help="hours between failures of a worker; 0: none fails")
    parser.add_argument("--restart", type=float, default=120)
    parser.add_argument("--straggler", type=pair, default=(0.05, 2.0))
    parser.add_argument("--mb-clip", type=float, default=0.87, help="MB of a clip's rows in the store")
    parser.add_argument("--parameters", type=int, default=4000000)
    parser.add_argument("--ranks", type=numbers_of, default=[2, 4, 8])
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    cost = arguments.cost
    if arguments.report:
        with open(arguments.report) as file:
            report = json.load(file)
        if not report["made"]:
            parser.error(f"{arguments.report}: this extraction made no clip, so it says nothing of time")
        arguments.seconds = report["media_seconds"] / report["made"]
        # Sound and pictures overlap on the cores that there are: all of them for the time that it took.
        cost = report["seconds"] * arguments.threads / report["media_seconds"]
    if arguments.lengths:
        arguments.seconds = sum(arguments.lengths) / len(arguments.lengths)
    if not cost:
        parser.error("name a report of 'valence extract --json', or give --cost")
    print_extraction(arguments, cost)
    print_training(arguments)


if __name__ == "__main__":
    main()
