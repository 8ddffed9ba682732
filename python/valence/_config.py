"""Configurations: keys with values, which the library describes (valence/config.h)."""
from __future__ import annotations

import ctypes
import dataclasses
import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar, Union

from valence import _bindings as c
from valence._library import Handle, call, encoded, lib, made, path_bytes, text
from valence._options import suggest
from valence.errors import ConfigError

Value = Union[str, int, float, bool, Sequence[Any]]
Self = TypeVar("Self", bound="Config")


@dataclasses.dataclass(frozen=True)
class Key:
    """A key of the configuration: "model.d"."""

    name: str
    standard: str
    help: str
    choices: list[str]


@functools.cache
def config_keys(kind: str) -> dict[str, Key]:
    """All keys of that kind of configuration, "train" or "extract", in the order in which it is printed."""
    keys = {}
    for i in range(getattr(lib, f"valence_{kind}_n_keys")()):
        key = getattr(lib, f"valence_{kind}_get_key")(i).contents
        choices = [key.choices[k].decode() for k in range(key.n_choices)]
        keys[text(key.name)] = Key(text(key.name), text(key.standard), text(key.help), choices)
    return keys


@functools.cache
def parameter_names(kind: str) -> dict[str, str]:
    """Python's names of the keys, "model_d" for "model.d"."""
    return {name.replace(".", "_"): name for name in config_keys(kind)}


def yaml_value(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(yaml_value(item) for item in value) + "]"
    return repr(float(value)) if isinstance(value, float) else str(value)


class Config(Handle):
    """Keys with values, the defaults at first."""

    kind: ClassVar[str]

    def __init__(self, **settings: Value | None) -> None:
        struct = getattr(c, f"valence_{self.kind}_config")
        super().__init__(made(struct, f"valence_{self.kind}_config_create"), f"valence_{self.kind}_config_free")
        self.update(settings)

    @classmethod
    def read(cls: type[Self], path: str | os.PathLike[str]) -> Self:
        """From a YAML file."""
        config = cls()
        call(f"valence_{cls.kind}_config_read", config.handle, path_bytes(path))
        return config

    @classmethod
    def key(cls, name: str) -> str:
        """The key that is called "model.d" or "model_d"."""
        found = parameter_names(cls.kind).get(name, name)
        if found not in config_keys(cls.kind):
            raise ConfigError(f"'{name}' is no key of the configuration{suggest(name, list(parameter_names(cls.kind)))}", name)
        return found

    def update(self, settings: Mapping[str, Value | None]) -> None:
        """Sets keys, "model.d" or "model_d". None leaves one as it is."""
        for name, value in settings.items():
            if value is not None:
                call(f"valence_{self.kind}_config_set", self.handle, self.key(name).encode(), path_bytes(yaml_value(value), name))

    def __getitem__(self, name: str) -> str:
        room = ctypes.create_string_buffer(c.VALENCE_CONFIG_VALUE_BYTES)
        key = encoded(parameter_names(self.kind).get(name, name), "key")
        call(f"valence_{self.kind}_config_get", self.handle, key, room, len(room))
        return text(room.value)

    def to_dict(self) -> dict[str, str]:
        return {name: self[name] for name in config_keys(self.kind)}

    def to_yaml(self, annotated: bool = False) -> str:
        """`annotated` with what each key means."""
        address = getattr(lib, f"valence_{self.kind}_config_text")(self.handle, annotated)
        if not address:
            raise MemoryError
        try:
            return text(ctypes.string_at(address))
        finally:
            lib.valence_text_free(ctypes.c_char_p(address))
