"""The declarations against the compiler's view of the headers, and against what the libraries export."""
import ctypes
import pathlib
import subprocess

import pytest

from valence import _bindings as c
from valence import errors
from valence._library import folders, lib

INCLUDE = pathlib.Path(__file__).parents[2] / "include"
STRUCTS = {name: kind for name, kind in vars(c).items()
           if isinstance(kind, type) and issubclass(kind, ctypes.Structure) and kind is not ctypes.Structure and hasattr(kind, "_fields_")}


def test_layouts_are_the_compilers(tmp_path):
    lines = [f"#include <valence/{path.name}>" for path in sorted((INCLUDE / "valence").glob("*.h"))]
    lines += ["#include <stddef.h>", "#include <stdio.h>", "int main(void) {"]
    expected = []
    for name, kind in STRUCTS.items():
        lines.append(f'printf("%zu\\n", sizeof(struct {name}));')
        expected.append((f"sizeof {name}", ctypes.sizeof(kind)))
        for field, _ in kind._fields_:
            lines.append(f'printf("%zu\\n", offsetof(struct {name}, {field.rstrip("_")}));')
            expected.append((f"{name}.{field}", getattr(kind, field).offset))
    values = sorted(name for name, value in vars(c).items() if name.startswith("VALENCE_") and isinstance(value, int))
    lines += [f'printf("%lld\\n", (long long){name});' for name in values]
    expected += [(name, getattr(c, name)) for name in values]
    (tmp_path / "layout.c").write_text("\n".join(lines + ["return 0; }"]))
    subprocess.run(["cc", f"-I{INCLUDE}", tmp_path / "layout.c", "-o", tmp_path / "layout"], check=True)
    printed = subprocess.run([tmp_path / "layout"], capture_output=True, text=True, check=True).stdout.split()
    assert len(STRUCTS) > 100
    assert [(what, int(number)) for (what, _), number in zip(expected, printed)] == expected
    assert len(printed) == len(expected)


def test_every_exported_name_is_declared():
    exported = set()
    for path in folders()[0].glob("libvalence*.so*"):
        table = subprocess.run(["nm", "-D", "--defined-only", path], capture_output=True, text=True, check=True).stdout
        exported |= {fields[2].split("@")[0] for fields in map(str.split, table.splitlines())
                     if len(fields) == 3 and fields[1] != "A" and fields[2][0].islower()}
    assert exported - set(c.FUNCTIONS) - set(c.VARIABLES) == {"valence_fail"}  # takes any number of arguments
    mpi = {name for name in exported if name.startswith("valence_mpi_")}  # of a library that the package does not open
    for name in sorted(exported - mpi - {"valence_fail"}):
        assert getattr(lib, name) is not None


def test_every_status_has_an_exception():
    statuses = {name[len("VALENCE_"):] for name, value in vars(c).items()
                if name.startswith("VALENCE_ERROR_") and not name.endswith("_BYTES")}
    assert statuses == set(errors.BY_STATUS)


def test_a_library_of_another_version_is_refused(monkeypatch):
    from valence._library import Library

    monkeypatch.setattr(c, "VALENCE_VERSION_NUMBER", c.VALENCE_VERSION_NUMBER + 1)
    with pytest.raises(ImportError, match="the library has version"):
        Library()
