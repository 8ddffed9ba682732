#!/usr/bin/env python3
"""scripts/capacity.py [REPORT.json] [--clips N] [--seconds S] [--cores C,C,...] [--threads N] [--mtbf HOURS] [--straggler P:F]
                       [--parameters M] [--ranks N,N,...]

What an extraction of many clips takes on many cores, by a simulation that is fed with measured times. REPORT.json is what
`valence extract --json` printed for a sample of your clips on one of your machines; without it, --cost says how many core seconds
a second of media takes.

What is assumed:
  - A clip costs core seconds in proportion to its length, and lengths vary as a log-normal distribution with the sample's mean and
    a deviation of --spread of the logarithm. A worker has --threads cores and makes one clip at a time.
  - Workers share pieces of clips as `valence extract --pieces` does, 8 for each worker, the longest first. A worker that fails loses its current clip alone and is back
    after --restart seconds; failures come at random, one in --mtbf hours of each worker. Another worker may take its piece.
  - Some workers are stragglers: a share P of them is slower by the factor F.
  - Disks and networks are fast enough; merging, --mb-clip for each clip at 200 MB/s, is one process's work and comes afterwards.

The last table is arithmetic, not simulation: bytes that a rank sends in a training step of M parameters (docs/scale.md), and the time
that takes at 1 and 10 Gb/s without overlap.
"""
import argparse
import heapq
import json
import math
import random


def simulate(arguments, cores, cost):
    """Hours until all pieces are done, and the share of the time that workers worked."""
    numbers = random.Random(arguments.seed)
    n_workers = max(1, cores // arguments.threads)
    n_pieces = min(arguments.clips, max(1, 8 * n_workers))
    share, factor = arguments.straggler
    speed = [1 / factor if numbers.random() < share else 1.0 for _ in range(n_workers)]
    mean = arguments.seconds * cost / arguments.threads
    # The sum of a piece's log-normal clips is near normal: its mean and deviation are what counts.
    per_piece = arguments.clips / n_pieces
    deviation = mean * math.sqrt(math.exp(arguments.spread ** 2) - 1) * math.sqrt(per_piece)
    free = [(0.0, worker) for worker in range(n_workers)]
    heapq.heapify(free)
    worked = end = 0.0
    pieces = sorted((max(mean, numbers.gauss(mean * per_piece, deviation)) for _ in range(n_pieces)), reverse=True)
    for piece in pieces:
        at, worker = heapq.heappop(free)
        left = piece / speed[worker]
        worked += left
        while arguments.mtbf and left > 0:
            until = numbers.expovariate(1 / (3600 * arguments.mtbf))
            if until >= left:
                break
            lost = min(until, numbers.random() * mean / speed[worker])  # of the clip that it was at
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


def print_extraction(arguments, cost):
    hours_media = arguments.clips * arguments.seconds / 3600
    merge = arguments.clips * arguments.mb_clip / 200 / 3600
    print(f"{arguments.clips} clips of {arguments.seconds:g} s, {hours_media:.0f} h of media; {cost:.3f} core seconds for each second:")
    print(f"  {24 / cost:.1f} h of media for each core and day; {arguments.clips * arguments.mb_clip / 1e6:.2f} TB; merging {merge:.1f} h")
    print(f"{'cores':>8} {'workers':>8} {'hours':>10} {'days':>8} {'busy':>6}")
    for cores in arguments.cores:
        hours, busy = simulate(arguments, cores, cost)
        print(f"{cores:>8} {max(1, cores // arguments.threads):>8} {hours:>10.1f} {hours / 24:>8.2f} {100 * busy:>5.0f}%")


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
    if not cost:
        parser.error("name a report of 'valence extract --json', or give --cost")
    print_extraction(arguments, cost)
    print_training(arguments)


if __name__ == "__main__":
    main()
