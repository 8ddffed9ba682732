#!/usr/bin/env python3
"""Writes metrics.json: predictions and labels of each label scale, with the figures that NumPy and
scikit-learn compute by the published definitions (thuiar/MMSA, utils/metricsTop.py). Needs NumPy and scikit-learn.

    python3 tests/evaluate/make_metrics.py > tests/evaluate/metrics.json
"""
import json

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, recall_score


def common(p, t):
    p, t = p.astype(np.float64), t.astype(np.float64)
    return {
        "mae": np.mean(np.abs(p - t)),
        "rmse": np.sqrt(np.mean((p - t) ** 2)),
        "corr": np.corrcoef(p, t)[0, 1] if p.std() > 0 and t.std() > 0 else None,
    }


def non_zero(p, t):
    keep = t != 0
    if not keep.any():
        return {"acc2_non0": None, "f1_non0": None}
    p, t = p[keep] > 0, t[keep] > 0
    return {"acc2_non0": accuracy_score(t, p), "f1_non0": f1_score(t, p, average="weighted")}


def bins(x, bounds):
    """The class of each value: bounds[i] < x <= bounds[i + 1], compared in float32 as NumPy does."""
    classes = np.full(len(x), -1)
    for i in range(len(bounds) - 1):
        classes[(x > np.float32(bounds[i])) & (x <= np.float32(bounds[i + 1]))] = i
    assert (classes >= 0).all()
    return classes


def sentiment(p, t):
    def same(limit):
        return np.mean(np.round(np.clip(p, -limit, limit)) == np.round(np.clip(t, -limit, limit)))

    def sdk(x):
        return np.sign(x) * np.minimum(np.ceil(np.abs(x)), 3)

    return common(p, t) | non_zero(p, t) | {
        "acc7": same(3),
        "acc5": same(2),
        "acc7_sdk": np.mean(sdk(p) == sdk(t)),
        "acc2_has0": accuracy_score(t >= 0, p >= 0),
        "f1_has0": f1_score(t >= 0, p >= 0, average="weighted"),
    }


def sims(p, t):
    p, t = np.clip(p, -1, 1), np.clip(t, -1, 1)
    two, three = [-1.01, 0.0, 1.01], [-1.01, -0.1, 0.1, 1.01]
    five = [-1.01, -0.7, -0.1, 0.1, 0.7, 1.01]
    return common(p, t) | {
        "acc2_sims": accuracy_score(bins(t, two), bins(p, two)),
        "f1_sims": f1_score(bins(t, two), bins(p, two), average="weighted"),
        "acc3_sims": accuracy_score(bins(t, three), bins(p, three)),
        "acc5_sims": accuracy_score(bins(t, five), bins(p, five)),
    }


def classes3(p, t):
    q, y = np.round(np.clip(p, -1, 1)), np.round(np.clip(t, -1, 1))
    return common(p, t) | non_zero(p, t) | {
        "acc3": accuracy_score(y, q),
        "f1_3": f1_score(y, q, average="weighted"),
    }


def other(p, t):
    return common(p, t) | {"acc_round": accuracy_score(np.round(t), np.round(p))}


def classes(p, t):
    true = np.unique(t)
    return {
        "acc": accuracy_score(t, p),
        "f1_weighted": f1_score(t, p, average="weighted", zero_division=0),
        "f1_macro": f1_score(t, p, average="macro", zero_division=0),
        "uar": recall_score(t, p, labels=true, average="macro", zero_division=0),
    }


SCALES = {"sentiment": sentiment, "sims": sims, "classes3": classes3, "other": other}


def draw(scale, rng, n):
    """Labels as the data sets have them, many on the bounds of classes."""
    labels = {
        "sentiment": lambda: np.round(rng.uniform(-3, 3, n) * 3) / 3,
        "sims": lambda: np.round(rng.uniform(-1, 1, n) * 5) / 5,
        "classes3": lambda: rng.integers(-1, 2, n),
        "other": lambda: rng.integers(1, 6, n),
    }[scale]().astype(np.float32)
    noise = {"sentiment": 0.9, "sims": 0.5, "classes3": 0.7, "other": 0.8}[scale]
    return (labels + rng.normal(0, noise, n)).astype(np.float32), labels


def main():
    rng = np.random.default_rng(20250711)
    cases = {}

    def add(name, scale, p, t):
        figures = (classes if scale == "classes" else SCALES[scale])(p, t)
        cases[name] = {
            "scale": scale,
            "predicted": [float(x) for x in p],
            "labels": [float(x) for x in t],
            "expect": {k: None if v is None or np.isnan(v) else float(v) for k, v in figures.items()},
        }

    for scale in SCALES:
        for n in (1, 7, 150):
            p, t = draw(scale, rng, n)
            add(f"{scale} {n}", scale, p, t)
        p, t = draw(scale, rng, 40)
        add(f"{scale} constant", scale, np.full_like(p, 0.25), t)
        add(f"{scale} perfect", scale, t, t)
    bounds = np.float32([-1.5, -1, -0.7, -0.5, -0.1, -0.0, 0, 0.1, 0.5, 0.7, 1, 1.5])
    for scale in ("sims", "classes3"):
        add(f"{scale} bounds", scale, bounds, bounds[::-1].copy())
        add(f"{scale} off by one", scale, np.nextafter(bounds, np.float32(2)), bounds)
    for n in (1, 7, 150):  # class 4 is never predicted, and class 0 is rare
        t = rng.choice(5, n, p=[0.03, 0.4, 0.3, 0.17, 0.1])
        p = np.where(rng.random(n) < 0.6, t, rng.integers(0, 4, n))
        add(f"classes {n}", "classes", np.where(p == 4, 1, p), t)
    t = rng.integers(0, 7, 40)
    add("classes constant", "classes", np.full_like(t, 2), t)
    add("classes perfect", "classes", t, t)
    add("classes of which one is only predicted", "classes", np.array([0, 1, 3, 1]), np.array([0, 1, 1, 2]))
    print(json.dumps(cases, indent=0))


main()
