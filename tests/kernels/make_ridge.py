#!/usr/bin/env python3
"""tests/kernels/make_ridge.py > tests/kernels/ridge_values.h: ridge regressions by NumPy, from the normal equations of the
augmented system with its unpenalised intercept, which src/kernels/ridge.c does not form. Needs NumPy."""
import numpy as np


def problem(n, p):
    """The same numbers as in test_ridge.c."""
    i, j = np.arange(n)[:, None], np.arange(p)[None, :]
    x = np.sin(1.0 + 0.7 * i + 1.3 * j + 0.11 * i * j) + 0.2 * j
    i = np.arange(n)
    return x, np.cos(0.9 * i) + 0.3 * x[:, 0] + 2.5, 0.5 + 0.25 * (i % 3)


def solve(n, p, penalty):
    x, y, s = problem(n, p)
    design = np.hstack([x, np.ones((n, 1))])
    penalties = np.diag([penalty] * p + [0.0])
    return np.linalg.solve(design.T @ (s[:, None] * design) + penalties, design.T @ (s * y))


print("/* Made by make_ridge.py: w and b of each problem. */")
for number, (n, p, penalty) in enumerate([(12, 4, 0.5), (12, 4, 30.0), (5, 9, 0.1), (200, 90, 2.0), (80, 150, 1.0)]):
    solution = solve(n, p, penalty)
    values = ", ".join(f"{value:.17g}" for value in solution)
    print(f"static const double ridge_{number}[] = {{{values}}};")
