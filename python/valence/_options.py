"""Options and results of the library as Python's own values, by the names in the headers."""
from __future__ import annotations

import ctypes
import math
import numbers
import os
from collections.abc import Iterable
from typing import Any

from valence import _bindings as c
from valence._library import encoded, field_types, lib, names, path_bytes, whole
from valence.errors import ArgumentError

# Members that are numbers of names. What is not listed is given as the headers have it.
NAMED = {"split": "valence_split_names", "type": "valence_dtype_names", "dtype": "valence_dtype_names",
         "scale": "valence_scale_names", "erasure": "valence_erasure_names", "replacement": "valence_replacement_names",
         "noise_kind": "valence_noise_kind_names", "all_in": "valence_split_names",
         "imagination": "valence_imagination_names"}


def number_of(name: str, variable: str, what: str) -> int:
    known = names(variable)
    if name not in known:
        raise ArgumentError(f"{what}: '{name}' is none of {', '.join(known)}", what)
    return known.index(name)


def flow_number(flow: str | Iterable[str]) -> int:
    """The set of missing modalities that a flow's name, or the modalities' names, stand for."""
    if isinstance(flow, str):
        number: int = lib.valence_flow_from_name(encoded(flow, "flow"))
        if number < 0:
            raise ArgumentError(f"'{flow}' is no flow: 'complete', 'text_missing', 'audio_video_missing', …", "flow")
        return number
    return sum(1 << number_of(name, "valence_modality_names", "modality") for name in set(flow))


def flow_name(number: int) -> str:
    name: bytes = lib.valence_flow_name(number)
    return name.decode()


def modalities(bits: int) -> list[str]:
    return [name for i, name in enumerate(names("valence_modality_names")) if bits >> i & 1]


def suggest(word: str, known: list[str]) -> str:
    array = (ctypes.c_char_p * len(known))(*(name.encode() for name in known))
    near = lib.valence_suggest(word.encode(), array, len(known))
    return f"; did you mean {near.decode()}?" if near else ""


def options(struct: str, given: dict[str, Any]) -> Any:
    """The options struct of that name at its defaults, with what is given set. None leaves a default."""
    made = getattr(c, struct)()
    getattr(lib, struct + "_default")(ctypes.byref(made))
    for name, value in given.items():
        set_option(made, name, value)
    return made


def set_option(made: Any, name: str, value: Any) -> None:
    types = field_types(made)
    if name not in types or name == "size":
        known = sorted(set(types) - {"size"})
        raise TypeError(f"there is no option {name}{suggest(name, known)}")
    kind = types[name]
    if value is None:
        return
    if isinstance(value, str) and name in NAMED:
        value = number_of(value, NAMED[name], name)
    elif kind is ctypes.c_char_p:
        value = path_bytes(value, name)
    elif kind is ctypes.c_bool and value not in (True, False):  # where ctypes would take any text as True
        raise TypeError(f"{name}: {value!r} is not True or False")
    elif isinstance(value, numbers.Integral) and issubclass(kind, ctypes._SimpleCData) and isinstance(kind().value, int):
        value = whole(value, kind, name)
    elif isinstance(value, dict) and issubclass(kind, ctypes.Array):
        set_array(getattr(made, name), name, value)
        return
    try:
        setattr(made, name, value)
    except TypeError:
        raise TypeError(f"{name}: {value!r} is not of the kind that is wanted here") from None


def set_array(array: Any, name: str, value: dict[str, Any]) -> None:
    """An array that is indexed by modality or stream, from a dict by their names."""
    for key, item in value.items():
        i = number_of(key, "valence_stream_names", name)
        if isinstance(item, dict):
            for field, entry in item.items():
                set_option(array[i], field, entry)
        else:
            array[i] = item


def listed(value: Any) -> list[Any]:
    """Several names or paths, or one on its own, which is no list of letters."""
    return [value] if isinstance(value, (str, os.PathLike)) else list(value)


def plain(value: Any) -> Any:
    """A struct as a dict, NaN as None; pointers are left out, which need their own lengths."""
    if isinstance(value, ctypes.Structure):
        return {name: plain(getattr(value, name)) for name, kind in field_types(value).items()
                if not hasattr(kind, "contents") and name != "size"}
    if isinstance(value, bytes):
        return os.fsdecode(value)
    if isinstance(value, ctypes.Array):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
