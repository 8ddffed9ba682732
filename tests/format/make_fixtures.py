"""Makes the files in fixtures/ with the libraries whose formats they are: numpy, torch, safetensors.

    python make_fixtures.py

Element i of every array is floats(i) or integers(i) below, which the tests compute again.
"""

import argparse
import io
import os
import pathlib
import pickle
import zipfile

import numpy as np
import torch
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).parent / "fixtures"


def integers(*shape):
    return (np.arange(int(np.prod(shape))) * 7 % 23).reshape(shape)


def floats(*shape):
    return (integers(*shape) - 11) / 4  # exact in half precision and bfloat16


def write(name, data):
    (OUT / name).write_bytes(data)


def make_safetensors():
    tensors = {
        "f32": torch.tensor(floats(3, 4), dtype=torch.float32),
        "f16": torch.tensor(floats(2, 3), dtype=torch.float16),
        "bf16": torch.tensor(floats(2, 3), dtype=torch.bfloat16),
        "f64": torch.tensor(floats(5), dtype=torch.float64),
        "i64": torch.tensor(integers(2, 2), dtype=torch.int64),
        "i32": torch.tensor(integers(3), dtype=torch.int32),
        "u8": torch.tensor(integers(3), dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(1.5),
        "empty": torch.zeros(0, 4),
    }
    save_file(tensors, OUT / "mixed.safetensors", metadata={"format": "pt", "note": "naïve"})


def make_npy():
    def save(name, array, **options):
        np.lib.format.write_array(open(OUT / f"{name}.npy", "wb"), array, **options)

    for kind in ["f2", "f4", "f8"]:
        for order in "<>":
            save(f"{'le' if order == '<' else 'be'}-{kind}", floats(3, 4).astype(order + kind))
    for kind in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]:
        for order in "<>" if kind[1] != "1" else "<":
            save(f"{'le' if order == '<' else 'be'}-{kind}", integers(3, 4).astype(order + kind))
    save("bool", integers(3, 4) > 11)
    save("scalar", np.float32(1.5))
    save("empty", np.zeros((0, 4), np.float32))
    save("fortran-2", np.asfortranarray(floats(3, 4).astype("<f4")))
    save("fortran-3", np.asfortranarray(floats(2, 3, 4).astype(">f8")))
    save("dims-8", floats(1, 2, 1, 3, 1, 2, 1, 2).astype("<f4"))
    save("version-2", floats(3, 4).astype("<f4"), version=(2, 0))
    save("version-3", floats(3, 4).astype("<f4"), version=(3, 0))
    save("texts", np.array([["a", "naïve"], ["", "clip_3"]]))
    save("texts-be", np.array(["a", "日本"], dtype=">U4"))
    save("bytes", np.array([b"a", b"clip_3"]))
    save("complex", np.zeros(3, np.complex64))
    save("structured", np.zeros(3, [("x", "<f4"), ("y", "<i4")]))
    save("objects", np.array({"a": {"val": np.float64(-1.5)}}, dtype=object))


def make_npz():
    arrays = {
        "audio": floats(4, 5, 3).astype("<f4"),
        "fortran": np.asfortranarray(floats(4, 6).astype("<f4")),
        "lengths": integers(4),
        "ids": np.array(["clip_1", "clip_2", "clip_3", "clip_4"]),
        "corpus": np.array({"clip_1": {"emo": 1, "val": np.float64(-1.5)}}, dtype=object),
    }
    np.savez(OUT / "stored.npz", **arrays)
    np.savez_compressed(OUT / "deflated.npz", **arrays)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.npy", b"\0" * 10_000_000)
    write("bomb.npz", bomb.getvalue())


class Call:
    """Pickles as a call of `function`: what a hostile file holds."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def make_pickles():
    shared = [1, 2]
    tree = {
        "none": None,
        "true": True,
        "false": False,
        "ints": [0, -1, 255, 65535, -(2**31), 2**40, -(2**40)],
        "float": 0.1,
        "text": "naïve \\ '\n",
        "bytes": bytes(range(256)),
        "tuple": (1, (2,), ()),
        "set": {7},
        "shared": [shared, shared],
    }
    for protocol in range(6):
        if protocol == 2:  # ints beyond 64 bits in decimal are not read
            tree["big"] = 2**70
        write(f"tree-{protocol}.pickle", pickle.dumps(tree, protocol))
    arrays = {
        "f4": floats(3, 4).astype("<f4"),
        "be": integers(3).astype(">i4"),
        "fortran": np.asfortranarray(floats(2, 3)),
        "objects": np.array([None, "a"], dtype=object),
        "scalar": np.float64(-1.5),
        "half": np.float16(0.25),
    }
    for protocol in (2, 4, 5):
        write(f"arrays-{protocol}.pickle", pickle.dumps(arrays, protocol))
    cycle = []
    cycle.append(cycle)
    write("cycle.pickle", pickle.dumps(cycle, 4))
    write("unknown.pickle", pickle.dumps({"lr": 0.1, "args": argparse.Namespace(d=256)}, 4))

    touch = "touch HOSTILE-PICKLE-WAS-EXECUTED"
    write("hostile-system.pickle", pickle.dumps(Call(os.system, touch), 2))
    write("hostile-eval.pickle", pickle.dumps(Call(eval, f"__import__('os').system('{touch}')"), 4))
    write("hostile-nested.pickle", pickle.dumps([Call(getattr, Call(__import__, "os"), "system")], 4))
    write("hostile-inst.pickle", b"(S'touch HOSTILE-PICKLE-WAS-EXECUTED'\nios\nsystem\n.")
    write("hostile-obj.pickle", b"(cos\nsystem\nS'touch HOSTILE-PICKLE-WAS-EXECUTED'\no.")
    bomb = "lol"
    for _ in range(60):
        bomb = [bomb, bomb]
    write("memo-bomb.pickle", pickle.dumps(bomb, 4))


class RecorderMeter:
    """An object of a class that readers do not know."""

    def __init__(self):
        self.losses = np.zeros(3, np.float32)


def make_torch():
    RecorderMeter.__module__ = "__main__"
    base = torch.tensor(floats(4, 6), dtype=torch.float32)
    counts = torch.tensor(integers(4), dtype=torch.int64)
    state = torch.nn.Module()
    state.register_parameter("weight", torch.nn.Parameter(base.clone()))
    state.register_buffer("count", torch.tensor(3))
    nested = {
        "epoch": 7,
        "state_dict": state.state_dict(),
        "views": {
            "transposed": base.t(),
            "part": base[1:3, 2:5],
            "column": base[:, 1],
            "scalar": base[2, 3],
        },
        "types": [
            torch.tensor(floats(2, 3), dtype=torch.float16),
            torch.tensor(floats(2, 3), dtype=torch.bfloat16),
            torch.tensor(floats(2, 3), dtype=torch.float64),
            counts,
            counts.to(torch.int32),
            counts.to(torch.int16),
            counts.to(torch.int8),
            counts.to(torch.uint8),
            counts > 11,
        ],
        "optimizer": {"state": {0: {"momentum": torch.zeros(2)}}, "param_groups": [{"lr": 0.1}]},
        "parameter": torch.nn.Parameter(base[0].clone()),
        "empty": torch.zeros(0, 4),
    }
    torch.save(nested, OUT / "nested.pt")
    torch.save(nested, OUT / "legacy.pt", _use_new_zipfile_serialization=False)
    recorder = {"state_dict": {"w": base[0].clone()}, "recorder": RecorderMeter(), "best": np.float64(0.5)}
    torch.save(recorder, OUT / "recorder.pt")
    torch.save({"w": torch.zeros(2), "x": Call(os.system, "touch HOSTILE-PICKLE-WAS-EXECUTED")}, OUT / "hostile.pt")

    class Doubler(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * 2

    script = io.BytesIO()
    torch.jit.save(torch.jit.script(Doubler()), script)
    with zipfile.ZipFile(script) as made, zipfile.ZipFile(OUT / "script.pt", "w") as kept:
        for member in made.infolist():
            if not member.filename.endswith("debug_pkl"):  # holds the maker's paths
                kept.writestr(member, made.read(member))


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    make_safetensors()
    make_npy()
    make_npz()
    make_pickles()
    make_torch()
