#!/usr/bin/env python3
"""Writes fixtures/hostile: pickles that would run something, lie about sizes or contain themselves. test_hostile_pickles.c
knows what each is refused for. Nothing here is ever unpickled. Run by hand:

    python3 tests/format/make_hostile_pickles.py
"""
import collections
import copyreg
import functools
import marshal
import os
import pickle
import shutil
import subprocess
import webbrowser

import numpy as np

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures", "hostile")
TOUCH = "touch HOSTILE-PICKLE-WAS-EXECUTED"


class Call:
    """Unpickled, would call function(*arguments)."""

    def __init__(self, function, *arguments, state=None):
        self.reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.reduced

    def __call__(self):
        """So that the result of a call may be called."""


class Plain:
    pass


def write(name, data):
    with open(os.path.join(FOLDER, name + ".pickle"), "wb") as file:
        file.write(data)


def text(value):
    data = value.encode()
    return b"\x8c" + bytes([len(data)]) + data


def array(shape, dtype, elements, order=b"\x89"):
    """What NumPy writes for an array, with parts of one's own choosing."""
    dtypes = b"cnumpy\ndtype\n" + text(dtype) + b"\x89\x88\x87R(K\x03" + text("<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    start = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
    return start + b"(K\x01" + shape + dtypes + order + elements + b"tb"


def integer(value):
    data = value.to_bytes(9, "little", signed=True).rstrip(b"\0") or b"\0"
    return b"\x8a" + bytes([len(data) + 1]) + data + b"\0"


def executing():
    calls = {
        "system": Call(os.system, TOUCH),
        "popen": Call(os.popen, TOUCH),
        "subprocess": Call(subprocess.Popen, ["sh", "-c", TOUCH]),
        "eval": Call(eval, f"__import__('os').system('{TOUCH}')"),
        "exec": Call(exec, f"import os; os.system('{TOUCH}')"),
        "getattr": Call(Call(getattr, Call(__import__, "os"), "system"), TOUCH),
        "import": Call(__import__, "antigravity"),
        "open": Call(open, "HOSTILE-PICKLE-WAS-EXECUTED", "w"),
        "partial": Call(functools.partial, os.system, TOUCH),
        "reconstructor": Call(copyreg._reconstructor, Plain, object, None),
        "marshal": Call(marshal.loads, b"c"),
        "nested-loads": Call(pickle.loads, pickle.dumps(Call(os.system, TOUCH))),
        "numpy-load": Call(np.load, "x.npy", None, True),
        "browser": Call(webbrowser.open, "http://localhost/"),
        "default-dict": collections.defaultdict(list),
        "instance": Plain(),
        "in-array": np.array([Call(os.system, TOUCH)], dtype=object),
        "in-key": {(Call(os.system, TOUCH),): 1},
        "in-state": Call(collections.OrderedDict, state={"a": Call(os.system, TOUCH)}),
    }
    for name, value in calls.items():
        for protocol in (0, 4):
            write(f"{name}-{protocol}", pickle.dumps(value, protocol))
    # NumPy's own door, asked for another class than its own.
    write("subtype", b"cnumpy.core.multiarray\n_reconstruct\ncos\nsystem\nK\x00\x85C\x01b\x87R.")
    write("split-name", text("os") + b"\x94" + text("system") + b"\x94h\x00h\x01\x93" + text(TOUCH) + b"\x85R.")
    write("function", b"ctypes\nFunctionType\n)R.")
    write("dotted", text("builtins") + text("eval.__call__") + b"\x93" + text("1") + b"\x85R.")
    write("newobj", b"cos\nsystem\n" + text(TOUCH) + b"\x85\x81.")
    write("newobj-ex", b"cos\nsystem\n" + text(TOUCH) + b"\x85}\x92.")
    write("inst", b"(S'" + TOUCH.encode() + b"'\nios\nsystem\n.")
    write("obj", b"(cos\nsystem\nS'" + TOUCH.encode() + b"'\no.")
    write("extension", b"\x80\x02\x82\x01.")
    write("codec", b"c_codecs\nencode\n" + text("x") + text("rot13") + b"\x86R.")
    write("call-of-text", text("os.system") + text(TOUCH) + b"\x85R.")
    write("call-of-array", array(b"K\x01\x85", "f4", b"C\x04abcd") + text(TOUCH) + b"\x85R.")


def lying():
    big = integer(2**61)
    write("as-it-should-be", array(b"K\x01\x85", "f4", b"C\x04abcd") + b".")
    write("huge-shape", array(big + b"\x85", "f8", b"C\x08abcdefgh") + b".")
    write("overflowing-shape", array(big + big + b"\x86", "f8", b"C\x08abcdefgh") + b".")
    write("negative-shape", array(b"J\xff\xff\xff\xff\x85", "f4", b"C\x04abcd") + b".")
    write("short-array", array(b"K\x09\x85", "f4", b"C\x04abcd") + b".")
    write("numbers-as-objects", array(b"K\x01\x85", "O8", b"C\x08abcdefgh") + b".")
    write("objects-as-numbers", array(b"K\x01\x85", "f8", b"]N" + b"a") + b".")
    write("huge-texts", array(b"K\x01\x85", "U99999999", b"C\x04abcd") + b".")
    write("zero-texts", array(b"K\x01\x85", "U0", b"C\x00") + b".")
    write("void", array(b"K\x01\x85", "V8", b"C\x08abcdefgh") + b".")
    write("many-dimensions", array(b"(" + b"K\x01" * 33 + b"t", "f4", b"C\x04abcd") + b".")
    write("huge-bytes", b"\x80\x04\x8e" + (2**62).to_bytes(8, "little") + b"abc.")
    write("huge-text", b"\x80\x04\x8d" + (2**62).to_bytes(8, "little") + b"abc.")
    write("huge-long", b"\x80\x04\x8b\xff\xff\xff\x7fabc.")
    write("huge-frame", b"\x80\x04\x95" + (2**62).to_bytes(8, "little") + b"N.")
    write("huge-memo", b"\x80\x02Nr\xff\xff\xff\xff.")


def looping():
    """Read as graphs, which is no harm; they are no data sets."""
    own = {}
    own["train"] = own
    write("dict-cycle", pickle.dumps(own, 4))
    write("list-cycle", b"]\x94h\x00a.")
    write("tuple-cycle", b"]\x94h\x00\x85\x94h\x00h\x01a.")
    write("array-cycle", array(b"K\x01\x85", "O8", b"]\x94h\x00a") + b".")
    write("own-elements", b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R\x94h\x00b.")
    write("own-dtype", b"cnumpy\ndtype\nX\x02\x00\x00\x00f4\x85R\x94h\x00b.")
    write("deep-lists", b"]" * 30000 + b"a" * 29999 + b".")
    write("deep-tuples", b")" + b"\x85" * 30000 + b".")
    write("deep-calls", b"ccollections\nOrderedDict\n)R" + b"\x85" * 30000 + b".")


if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    executing()
    lying()
    looping()
