#!/usr/bin/env python3
"""python/generate.py [--cc COMPILER] OUTPUT: makes the package's _bindings.py, the ctypes declarations, from include/valence.

Structs, enums, constants, functions and variables come from the headers alone, so there is nothing to keep in step by hand:
the build of the wheel and the tests make the file anew. Needs pycparser and a C compiler, which preprocesses.
"""
import argparse
import keyword
import pathlib
import re
import subprocess
import tempfile

from pycparser import c_ast, c_parser

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = ROOT / "include"

# The C library's headers as far as ours need them: the real ones hold what no parser of plain C reads.
STANDARD = {
    "stddef.h": "typedef unsigned long size_t;\n#define NULL ((void *)0)\n",
    "stdint.h": "".join(f"typedef {c} {name}_t;\n" for name, c in (
        ("int8", "signed char"), ("uint8", "unsigned char"), ("int16", "short"), ("uint16", "unsigned short"),
        ("int32", "int"), ("uint32", "unsigned int"), ("int64", "long"), ("uint64", "unsigned long"))),
    "stdbool.h": "#define bool _Bool\n",
    "stdio.h": "#include <stddef.h>\ntypedef struct _IO_FILE FILE;\n",
}
SCALARS = {
    "char": ("c_char", "Text"), "signed char": ("c_int8", "int"), "unsigned char": ("c_uint8", "int"),
    "short": ("c_int16", "int"), "unsigned short": ("c_uint16", "int"), "int": ("c_int", "int"),
    "unsigned int": ("c_uint", "int"), "unsigned": ("c_uint", "int"), "long": ("c_long", "int"),
    "unsigned long": ("c_ulong", "int"), "long long": ("c_longlong", "int"), "float": ("c_float", "float"),
    "double": ("c_double", "float"), "_Bool": ("c_bool", "bool"),
    "int8_t": ("c_int8", "int"), "uint8_t": ("c_uint8", "int"), "int16_t": ("c_int16", "int"),
    "uint16_t": ("c_uint16", "int"), "int32_t": ("c_int32", "int"), "uint32_t": ("c_uint32", "int"),
    "int64_t": ("c_int64", "int"), "uint64_t": ("c_uint64", "int"), "size_t": ("c_size_t", "int"),
}

HEAD = '''"""What the headers in include/valence declare, for ctypes. Made by python/generate.py: do not edit."""
# ruff: noqa
from __future__ import annotations

from ctypes import (CFUNCTYPE, POINTER, Structure, c_bool, c_char, c_char_p, c_double, c_float, c_int, c_int32, c_int64, c_size_t,
                    c_ubyte, c_uint, c_uint8, c_uint32, c_uint64, c_void_p)
from typing import Any

Text = bytes  # some members are called bytes
'''


def preprocess(compiler, *options, text):
    with tempfile.TemporaryDirectory() as folder:
        for name, content in STANDARD.items():
            pathlib.Path(folder, name).write_text(content)
        command = [compiler, "-E", "-P", "-nostdinc", "-D__attribute__(x)=", f"-I{folder}", f"-I{INCLUDE}", *options, "-"]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


class Types:
    """Translates C's types; gathers what has a name."""

    def __init__(self):
        self.structs = {}  # name -> fields, or None for an opaque one; in the order of the headers
        self.callbacks = {}  # name of a typedef -> ctypes expression
        self.enums = {}  # constant -> value

    def constant(self, node):
        if isinstance(node, c_ast.Constant):
            return int(node.value.rstrip("uUlL"), 0)
        if isinstance(node, c_ast.ID):
            return self.enums[node.name]
        if isinstance(node, c_ast.UnaryOp) and node.op == "-":
            return -self.constant(node.expr)
        if isinstance(node, c_ast.BinaryOp):
            left, right = self.constant(node.left), self.constant(node.right)
            return {"+": left + right, "-": left - right, "*": left * right, "<<": left << max(right, 0)}[node.op]
        raise NotImplementedError(f"a constant of a kind that no header had before: {node}")

    def function(self, node):
        declared = node.args.params if node.args else []
        variadic = any(isinstance(p, c_ast.EllipsisParam) for p in declared)
        parameters = [p.type for p in declared if not isinstance(p, c_ast.EllipsisParam)]
        if len(parameters) == 1 and isinstance(parameters[0], c_ast.TypeDecl) and self.words(parameters[0]) == "void":
            parameters = []
        return self.ctype(node.type, result=True)[0], [self.ctype(p)[0] for p in parameters], variadic

    @staticmethod
    def words(declaration):
        names = getattr(declaration.type, "names", None)
        return " ".join(names) if names else None

    def pointer(self, node, result):
        inner = node.type
        if isinstance(inner, c_ast.FuncDecl):
            value, arguments, _ = self.function(inner)
            return f"CFUNCTYPE({', '.join([value, *arguments])})", "Any"
        if isinstance(inner, c_ast.TypeDecl):
            words = self.words(inner)
            if words == "char":  # what is not const is memory to be filled, or to be freed: its address matters
                if "const" in inner.quals or not result:
                    return "c_char_p", "Text | None"
                return "c_void_p", "int | None"
            if words in ("void", "FILE"):
                return "c_void_p", "int | None"
            if words in self.callbacks:
                return words, "Any"
        if isinstance(inner, c_ast.PtrDecl) and isinstance(inner.type, c_ast.TypeDecl) and self.words(inner.type) == "char":
            return ("POINTER(c_char_p)" if "const" in inner.type.quals else "POINTER(c_void_p)"), "Any"
        return f"POINTER({self.ctype(inner)[0]})", "Any"

    def ctype(self, node, result=False):
        """The type as an expression for ctypes, and as an annotation."""
        if isinstance(node, c_ast.Typename):
            return self.ctype(node.type, result)
        if isinstance(node, c_ast.PtrDecl):
            return self.pointer(node, result)
        if isinstance(node, c_ast.ArrayDecl):
            size = self.constant(node.dim) if node.dim is not None else 0
            inner, annotation = self.ctype(node.type)
            return f"({inner} * {size})", "Text" if inner == "c_char" else "Any"
        kind = node.type
        if isinstance(kind, c_ast.Struct):
            self.struct(kind)
            return kind.name, kind.name
        if isinstance(kind, c_ast.Enum):
            self.enum(kind)
            return "c_int", "int"
        words = " ".join(kind.names)
        if words == "void":
            return "None", "None"
        return (words, "Any") if words in self.callbacks else SCALARS[words]

    def struct(self, node):
        known = self.structs.setdefault(node.name, None)
        if node.decls is None or known is not None:
            return
        fields = [(d.name + "_" * keyword.iskeyword(d.name), *self.ctype(d.type)) for d in node.decls]
        del self.structs[node.name]  # behind those that it holds by value
        self.structs[node.name] = fields

    def enum(self, node):
        following = 0
        for item in node.values.enumerators if node.values else []:
            value = self.constant(item.value) if item.value else following
            self.enums[item.name] = value
            following = value + 1


def read_declarations(tree):
    """Types, functions and variables of the parsed headers."""
    types, functions, variables = Types(), {}, {}
    for node in tree.ext:
        if isinstance(node, c_ast.Typedef):
            if not node.name.startswith("valence_"):
                continue
            inner = node.type.type if isinstance(node.type, c_ast.PtrDecl) else node.type
            value, arguments, _ = types.function(inner)
            types.callbacks[node.name] = f"CFUNCTYPE({', '.join([value, *arguments])})"
        elif isinstance(node, c_ast.Decl) and isinstance(node.type, c_ast.FuncDecl):
            functions[node.name] = types.function(node.type)
        elif isinstance(node, c_ast.Decl) and node.name:
            variables[node.name] = node.type
        elif isinstance(node, c_ast.Decl) and isinstance(node.type, c_ast.Struct):
            types.struct(node.type)
        elif isinstance(node, c_ast.Decl):
            types.enum(node.type)
    return types, functions, variables


def read_macros(compiler, includes, enums):
    """The macros that are numbers or texts."""
    defined = preprocess(compiler, "-dM", text=includes)
    names = sorted(set(re.findall(r"^#define (VALENCE_\w+) +\S", defined, re.M)) - {"VALENCE_API"})
    expanded = preprocess(compiler, text=includes + "".join(f"\n@{i} {name} " for i, name in enumerate(names)))
    constants = {}
    for number, value in re.findall(r"^\s*@(\d+) (.+)$", expanded, re.M):
        value = re.sub(r"(?<=[\d.])[uUlLfF]+\b", "", value)
        constants[names[int(number)]] = eval(value, {"__builtins__": {}}, enums)  # the headers are ours
    return constants


def render(types, functions, variables, constants):
    lines = [HEAD]
    lines += [f"{name} = {value!r}" for name, value in sorted((constants | types.enums).items())]
    lines.append("")
    used = [name for name in types.structs if name and name.startswith("valence_")]
    for name in used:
        lines += ["", f"class {name}(Structure):"]
        lines += [f"    {field}: {annotation}" for field, _, annotation in types.structs[name] or []] or ["    pass"]
        lines.append("")
    lines.append("")
    lines += [f"{name} = {callback}" for name, callback in types.callbacks.items()]
    for name in used:
        if types.structs[name]:
            fields = "".join(f'    ("{field}", {ctype}),\n' for field, ctype, _ in types.structs[name])
            lines += ["", f"{name}._fields_ = [\n{fields}]"]
    lines += ["", "# name: what it gives, what it takes", "FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {"]
    for name, (value, arguments, variadic) in sorted(functions.items()):
        if not variadic:  # ctypes passes variable arguments unchecked; no wrapper needs that
            lines.append(f'    "{name}": ({value}, ({"".join(a + ", " for a in arguments).rstrip()})),')
    lines += ["}", "", "VARIABLES: dict[str, Any] = {"]
    lines += [f'    "{name}": {ctype},' for name, ctype in sorted(variables.items())]
    lines += ["}", ""]
    text = "\n".join(lines)
    imported = re.search(r"from ctypes import \(([^)]*)\)", text)
    names = [n for n in re.split(r"[,\s]+", imported[1]) if n and re.search(rf"\b{n}\b", text[imported.end():])]
    wrapped, line = [], "from ctypes import ("
    for name in names:
        if len(line) + len(name) > 118:
            wrapped.append(line.rstrip())
            line = " " * 20
        line += name + ", "
    wrapped.append(line[:-2] + ")")
    return text[:imported.start()] + "\n".join(wrapped) + text[imported.end():]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cc", default="cc")
    parser.add_argument("output")
    arguments = parser.parse_args()
    includes = "".join(f"#include <valence/{path.name}>\n" for path in sorted((INCLUDE / "valence").glob("*.h")))
    tree = c_parser.CParser().parse(preprocess(arguments.cc, text=includes))
    types, functions, variables = read_declarations(tree)
    constants = read_macros(arguments.cc, includes, types.enums)
    text = render(types, functions, {n: types.ctype(t)[0] for n, t in variables.items()}, constants)
    pathlib.Path(arguments.output).write_text(text)


if __name__ == "__main__":
    main()
