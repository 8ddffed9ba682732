#!/usr/bin/env python3
"""tests/experiment/make_statistics.py > tests/experiment/statistics.json: what NumPy and SciPy make of p-values, of standard
errors, and of differences between two sets of models, resampled by recording and by seed.

Nothing here is shared with the library: other random numbers, other sums, many more resamples.
"""
import json

import numpy as np
from scipy import stats

N_RESAMPLES = 200_000
rng = np.random.default_rng(20260101)


def holm(p):
    order, adjusted, largest = np.argsort(p, kind="stable"), np.empty(len(p)), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = largest
    return adjusted


def holm_cases():
    lists = [[0.01, 0.04, 0.03, 0.005], [0.5], [0.2, 0.2, 0.9], list(rng.uniform(0, 0.1, 40)), [1, 1, 0.04, 0.0001]]
    return [{"p": list(map(float, p)), "adjusted": list(map(float, holm(np.array(p, float))))} for p in lists]


def detectable_cases():
    factor = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    return [{"error": e, "difference": float(factor * e)} for e in (0.01, 0.25, 3.0)]


def cluster_sums(predicted, labels, groups, n_groups):
    """Sums from which MAE and Pearson's r of any choice of recordings follow: (n_groups, 7)."""
    columns = [np.ones_like(labels), np.abs(predicted - labels), predicted, labels, predicted ** 2, labels ** 2, predicted * labels]
    return np.stack([np.bincount(groups, c, n_groups) for c in columns], 1)


def metrics(sums):
    n, error, p, t, pp, tt, pt = np.moveaxis(sums, -1, 0)
    covariance = pt / n - p * t / n ** 2
    return np.stack([error / n, covariance / np.sqrt((pp / n - (p / n) ** 2) * (tt / n - (t / n) ** 2))], -1)


def side(labels, groups, n_groups, n_seeds, noise, shift):
    effect = rng.normal(0, 0.5, n_groups)  # what the clips of a recording have in common
    scores = []
    for _ in range(n_seeds):
        own = rng.normal(0, 0.1)
        scores.append(0.7 * labels + shift + own + effect[groups] + rng.normal(0, noise, len(labels)))
    return np.round(np.array(scores), 4).astype(np.float32).astype(float)


def resample(scores, labels, groups, n_groups, counts, draws):
    """(N_RESAMPLES, 2): MAE and r over resampled recordings and seeds; the seeds' part spread as that of new ones."""
    n = len(scores)
    each = np.stack([metrics(counts @ cluster_sums(s, labels, groups, n_groups)) for s in scores], 1)
    mean = each.mean(1)
    drawn = np.take_along_axis(each, draws[:, :, None], 1).mean(1)
    return mean + (np.sqrt(n / (n - 1)) * (drawn - mean) if n > 1 else 0)


def difference_case(name, n_seeds, paired, shift):
    n_groups, n = 24, 160
    groups = np.concatenate([np.arange(n_groups), rng.integers(0, n_groups, n - n_groups)])
    labels = np.round(rng.uniform(-3, 3, n), 1).astype(np.float32).astype(float)
    a = side(labels, groups, n_groups, n_seeds[0], 0.6, shift)
    b = side(labels, groups, n_groups, n_seeds[1], 0.7, 0)
    counts = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), N_RESAMPLES).astype(float)
    draws_a = rng.integers(0, n_seeds[0], (N_RESAMPLES, n_seeds[0]))
    draws_b = draws_a if paired else rng.integers(0, n_seeds[1], (N_RESAMPLES, n_seeds[1]))
    d = resample(a, labels, groups, n_groups, counts, draws_a) - resample(b, labels, groups, n_groups, counts, draws_b)
    whole = np.ones((1, n_groups))
    value = sum(metrics(whole @ cluster_sums(s, labels, groups, n_groups))[0] for s in a) / len(a) - \
        sum(metrics(whole @ cluster_sums(s, labels, groups, n_groups))[0] for s in b) / len(b)
    low, high = np.percentile(d, [2.5, 97.5], 0)
    p = np.minimum(1, 2 * (np.minimum((d <= 0).sum(0), (d >= 0).sum(0)) + 1) / (N_RESAMPLES + 1))
    return {"name": name, "paired": paired, "groups": groups.tolist(), "labels": labels.tolist(), "a": a.tolist(), "b": b.tolist(),
            "value": value.tolist(), "error": d.std(0, ddof=1).tolist(), "low": low.tolist(), "high": high.tolist(), "p": p.tolist()}


print(json.dumps({
    "holm": holm_cases(), "detectable": detectable_cases(),
    "differences": [difference_case("three seeds each, paired", (3, 3), True, 0.15),
                    difference_case("one seed each", (1, 1), True, 0.6),
                    difference_case("five seeds against two", (5, 2), False, 0.1)]}))
