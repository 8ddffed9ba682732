#!/usr/bin/env python3
"""bench/python_throughput.py FOLDER ROUNDS: the package beside bench/python_peer.c, which scripts/bench_python.sh has built as
FOLDER/peer.so."""
import ctypes
import statistics
import sys
import time

import numpy as np

import valence
from valence import _bindings as c
from valence.model import Workspace

NETWORKS = {  # the synthetic corpus's, and the published sizes
    "small": ({"n_test": 500}, {"model_d": 64, "model_o": 32}),
    "published": ({"n_test": 250, "audio_width": 1024, "text_width": 4096, "video_width": 1024}, {"model_d": 256, "model_o": 128}),
}


def check(status):
    if status:
        sys.exit(f"the peer failed: {status}")


def seconds(function):
    start = time.process_time()
    function()
    return time.process_time() - start


def compare(name, ours, theirs, n, rounds):
    ours(), theirs()  # what is made at first use
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    shares = sorted(theirs / ours for ours, theirs in pairs)
    python, peer = (n / statistics.median(column) for column in zip(*pairs))
    print(f"{name:<28}{peer:>10.0f}{python:>10.0f}{100 * statistics.median(shares):>9.1f} %"
          f"   {100 * shares[rounds // 4]:.1f} ... {100 * shares[-1 - rounds // 4]:.1f} %", flush=True)


def measure(name, folder, rounds, peer):
    corpus, settings = NETWORKS[name]
    store = valence.Store.synthesize(f"{folder}/{name}", n_train=64, n_validation=32, **corpus)
    valence.train(store.path, f"{folder}/{name}-run", epochs=1, flows=["complete", "text_missing"], **settings)
    with valence.Model(f"{folder}/{name}-run") as model, Workspace(model) as workspace, store:
        scores, n = np.empty(len(store), np.float32), len(store)
        target = ctypes.cast(scores.ctypes.data, ctypes.POINTER(ctypes.c_float))
        compare(f"{name}, store", lambda: model.predict(store),
                lambda: check(peer.peer_store(model.handle, store.handle, target)), n, rounds)
        packed, _, _ = store.clips()
        lists = {stream: [None if rows[i] is None else rows[i].copy() for i in range(n)] for stream, rows in packed.streams.items()}
        for kind, x in (("packed arrays", packed), ("lists of arrays", lists)):  # C reads the same memory
            batches = valence.Clips(x).batches(n)  # which keeps what the batch points to
            batch = next(batches)
            compare(f"{name}, {kind}", lambda: model.predict(x),
                    lambda: check(peer.peer_arrays(workspace.handle, ctypes.byref(batch), target)), n, rounds)
        np.testing.assert_array_equal(model.predict(packed).score, scores)


def main():
    folder, rounds = sys.argv[1], int(sys.argv[2])
    peer = ctypes.CDLL(f"{folder}/peer.so")
    floats = ctypes.POINTER(ctypes.c_float)
    peer.peer_store.argtypes = (ctypes.POINTER(c.valence_model), ctypes.POINTER(c.valence_store), floats)
    peer.peer_arrays.argtypes = (ctypes.POINTER(c.valence_workspace), ctypes.POINTER(c.valence_batch), floats)
    valence.set_threads(1)
    print(f"{'clips a second':<28}{'C':>10}{'Python':>10}{'share':>11}   quartiles")
    for name in NETWORKS:
        measure(name, folder, rounds, peer)


if __name__ == "__main__":
    main()
