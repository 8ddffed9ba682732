#!/usr/bin/env python3
"""tests/experiment/make_distance_map.py > tests/experiment/distance_map_values.h: figures of a map of distances by NumPy, row
by row as valence/representations.h defines them. Needs NumPy."""
import numpy as np

N = 23
EDGES = np.linspace(-3.5, 3.5, 8)


def distances(n):
    """The same numbers as in test_distance_map.c: some ties, and own clips that are near."""
    i, j = np.arange(n)[:, None], np.arange(n)[None, :]
    d = np.floor(8 * (1.5 + np.sin(0.9 * i + 1.7 * j + 0.13 * i * j))) / 8
    return np.where(i == j, d * np.where(i % 3 == 0, 0.25, 1.0), d)


def labels(n):
    return np.sort(np.round(3 * np.sin(1.3 * np.arange(n) + 0.4), 1)).astype(np.float32).astype(float)


def figures(rows, d, y):
    n = len(d)
    off = ~np.eye(n, dtype=bool)
    own = np.diag(d)[rows]
    others = np.array([d[r][off[r]] for r in rows])
    gaps = np.array([abs(y[r] - y)[off[r]] for r in rows])
    nearer = ((others < own[:, None]) + 0.5 * (others == own[:, None])).mean(1)
    nearest = (others > own[:, None]).all(1)
    return [own.mean(), others.mean(), own.mean() / others.mean(), nearest.mean(), nearer.mean(),
            np.corrcoef(others.ravel(), gaps.ravel())[0, 1]]


d, y = distances(N), labels(N)
bins = np.clip(np.searchsorted(EDGES, y, side="right") - 1, 0, 6)
print("/* Made by make_distance_map.py: all rows, then the rows of each bin, NAN where it has none. */")
print("static const int bin_clips[] = {" + ", ".join(str((bins == b).sum()) for b in range(7)) + "};")
print("static const double map_figures[8][6] = {")
for b in range(-1, 7):
    rows = np.flatnonzero(bins == b) if b >= 0 else np.arange(N)
    values = figures(rows, d, y) if len(rows) else [np.nan] * 6
    print("    {" + ", ".join("NAN" if np.isnan(v) else f"{v:.15g}" for v in values) + "},")
print("};")
blocks = [[d[N * a // 4:N * (a + 1) // 4, N * b // 4:N * (b + 1) // 4].mean() for b in range(4)] for a in range(4)]
print("static const double map_blocks[16] = {" + ", ".join(f"{v:.9g}" for row in blocks for v in row) + "};")
