#!/usr/bin/env python3
"""tests/kernels/make_logistic.py > tests/kernels/logistic_values.h: multinomial logistic regressions by scikit-learn (Newton's
method), whose C is 1 / penalty. Needs NumPy and scikit-learn."""
import numpy as np
from sklearn.linear_model import LogisticRegression


def problem(n, p, k):
    """The same numbers as in test_logistic.c."""
    i, j = np.arange(n)[:, None], np.arange(p)[None, :]
    x = np.sin(1.0 + 0.7 * i + 1.3 * j + 0.11 * i * j) + 0.2 * j
    i = np.arange(n)
    return x, (i * i + i // 3) % k, 0.5 + 0.25 * (i % 3)


def solve(n, p, k, penalty):
    x, labels, s = problem(n, p, k)
    model = LogisticRegression(C=1 / penalty, solver="newton-cg", tol=1e-12, max_iter=10000)
    model.fit(x, labels, sample_weight=s)
    assert model.coef_.shape == (k, p)
    return np.concatenate([model.coef_.ravel(), model.intercept_ - model.intercept_.mean()])


print("/* Made by make_logistic.py: w and b of each problem. */")
for number, (n, p, k, penalty) in enumerate([(30, 3, 3, 0.5), (30, 3, 3, 20.0), (12, 20, 4, 0.1), (150, 8, 5, 1.0)]):
    values = ", ".join(f"{value:.12g}" for value in solve(n, p, k, penalty))
    print(f"static const double logistic_{number}[] = {{{values}}};")
