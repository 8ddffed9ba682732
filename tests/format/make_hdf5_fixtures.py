#!/usr/bin/env python3
"""Writes fixtures/hdf5: files in the layouts that h5py writes, and files that are to be refused. test_hdf5.c knows the
values. Run by hand, where h5py is installed:

    python3 tests/format/make_hdf5_fixtures.py
"""
import os
import shutil
import struct

import h5py
import numpy as np

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures", "hdf5")


def values(rows, width):
    """float_at() of fixtures.h."""
    return ((np.arange(rows * width) * 7 % 23 - 11) / 4).reshape(rows, width)


def intervals(rows):
    return np.stack([np.arange(rows), np.arange(rows) + 1], axis=1).astype(np.float32)


def create(name, **options):
    file = h5py.File(os.path.join(FOLDER, name + ".csd"), "w", **options)
    return file, file.create_group("Features").create_group("data")


def entry(data, name, features, **options):
    group = data.create_group(name)
    group.create_dataset("features", data=features, **options)
    group.create_dataset("intervals", data=intervals(len(features)))


def make_readable():
    layouts = {
        "contiguous": {},
        "chunked": {"chunks": (3, 2)},
        "deflated": {"compression": "gzip"},
        "filtered": {"chunks": (4, 3), "compression": "gzip", "shuffle": True, "fletcher32": True},
    }
    for name, options in layouts.items():
        file, data = create(name)
        entry(data, "video", values(7, 5).astype("<f4"), **options)
        entry(data, "empty", np.zeros((0, 5), "<f4"))
        file.close()
    file, data = create("types")
    for kind in ("<f2", ">f4", "<f8", "<i2", ">i4", "<u1"):
        entry(data, "video" + kind[1:], (values(7, 5) * 4 + 11).astype(kind))
    file.close()
    file, data = create("many")  # enough for a B-tree of symbol tables
    entry(data, "video0", values(1, 2).astype("<f4"))
    for i in range(1, 150):
        data[f"video{i}"] = data["video0"]
    file.close()
    file, data = create("v110", libver=("v110", "v110"))
    entry(data, "video", values(7, 5).astype("<f4"))
    entry(data, "whole", values(7, 5).astype("<f4"), chunks=(7, 5), compression="gzip")
    file.close()
    file, data = create("segments")  # after an alignment
    entry(data, "video[1]", values(2, 5)[1:])
    entry(data, "video[0]", values(1, 5))
    entry(data, "video1", values(3, 5))
    file.close()


def make_refused():
    def refused(name, what, **options):
        file, data = create(name, **options)
        group = data.create_group("video")
        group["intervals"] = intervals(3)
        what(file, data, group)
        file.close()

    refused("cycle", lambda file, data, group: data.__setitem__("again", file["Features"]))
    refused("soft-link", lambda file, data, group: group.__setitem__("features", h5py.SoftLink("/Features/data")))
    refused("external-link", lambda file, data, group: group.__setitem__("features", h5py.ExternalLink("other.h5", "/x")))
    refused(
        "external-data",
        lambda file, data, group: group.create_dataset("features", (3, 2), "<f4", external=[("/etc/passwd", 0, 24)]),
    )
    refused("lzf", lambda file, data, group: group.create_dataset("features", data=values(3, 2), compression="lzf"))
    refused("unwritten", lambda file, data, group: group.create_dataset("features", (3, 2), "<f4", chunks=(1, 2)))
    refused("huge-unwritten", lambda file, data, group: group.create_dataset("features", (2**40, 2**16), "<f4", chunks=(1, 2)))
    refused("texts", lambda file, data, group: group.create_dataset("features", data=np.array([b"a", b"b", b"c"])))
    refused("compound", lambda file, data, group: group.create_dataset("features", (3,), np.dtype([("a", "<f4")])))
    refused("three", lambda file, data, group: group.create_dataset("features", data=np.zeros((3, 2, 2))))
    refused("lengths", lambda file, data, group: group.create_dataset("features", data=values(2, 2)))
    refused("no-features", lambda file, data, group: None)

    def committed(file, data, group):
        file["type"] = np.dtype("<f4")
        group.create_dataset("features", (3, 2), dtype=file["type"])

    refused("committed", committed)

    def virtual(file, data, group):
        layout = h5py.VirtualLayout((3, 2), "<f4")
        layout[...] = h5py.VirtualSource("other.h5", "x", (3, 2))
        group.create_virtual_dataset("features", layout)

    refused("virtual", virtual, libver=("v110", "v110"))

    def dense(file, data, group):
        for i in range(20):
            data.create_group(f"more{i}")

    refused("dense", dense, libver=("v110", "v110"))
    with open(os.path.join(FOLDER, "contiguous.csd"), "rb") as file:
        content = file.read()
    at = content.index(struct.pack("<QQQQ", 7, 5, 7, 5))  # the shape, and the greatest shape
    for name, shape in {"huge-claim": (2**33, 5), "overflow": (2**62, 2**62)}.items():
        with open(os.path.join(FOLDER, name + ".csd"), "wb") as file:
            file.write(content[:at] + struct.pack("<QQQQ", *shape, *shape) + content[at + 32 :])
    tree = content.index(b"TREE")  # a level that leads back to the same node
    looped = bytearray(content)
    looped[tree + 5] = 1
    looped[tree + 32 : tree + 40] = struct.pack("<Q", tree)
    with open(os.path.join(FOLDER, "tree-cycle.csd"), "wb") as file:
        file.write(looped)


if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    make_readable()
    make_refused()
