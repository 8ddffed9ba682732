#!/usr/bin/env python3
"""tests/kernels/make_principal.py > tests/kernels/principal_values.h: distances by NumPy and principal components by
scikit-learn, of the numbers that test_pairwise.c and test_principal.c make. Needs NumPy and scikit-learn."""
import numpy as np
from sklearn.decomposition import PCA


def rows(n, width, phase):
    """The same numbers as in the tests: columns of falling spread around a mean, in single precision."""
    i, j = np.arange(n)[:, None], np.arange(width)[None, :]
    x = np.sin(phase + 0.7 * i + 1.3 * j + 0.11 * i * j) * (1.0 + 3.0 / (1.0 + j)) + 0.25 * j
    return x.astype(np.float32).astype(float)


def show(name, values):
    values = ", ".join(f"{value:.12g}" for value in np.asarray(values).ravel())
    print(f"static const double {name}[] = {{{values}}};")


print("/* Made by make_principal.py. */")
a, b = rows(5, 37, 0.0), rows(4, 37, 1.0)
show("distances_5_4", np.linalg.norm(a[:, None, :] - b[None, :, :], axis=2))
for n, width in [(60, 3), (40, 37), (6, 20)]:
    x = rows(n, width, 0.5)
    pca = PCA(n_components=2, svd_solver="full").fit(x)
    name = f"{n}_{width}"
    show(f"components_{name}", pca.components_)
    show(f"variances_{name}", pca.explained_variance_)
    show(f"shares_{name}", pca.explained_variance_ratio_)
    show(f"coordinates_{name}", pca.transform(x)[:3])
