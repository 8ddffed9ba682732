#!/usr/bin/env python3
"""scripts/check_layers.py [--list-private]: dependencies point one way, and the library calls nothing it must not.

    base <- format, config, collective, mpi, kernels, media, http <- model, store, models <- data, run, encode <- extract, exchange, train, evaluate
         <- experiment, score <- report <- score_page, serve <- cli

A folder of src/ may include itself and what stands on a lower level; everyone may include the public headers, valence/*.h. The
command includes these and its own headers alone. Only src/encode knows ggml and llama.cpp, only src/media FFmpeg.

--list-private prints the private headers that the command includes, and fails for nothing.
"""
import os
import re
import sys

LEVELS = {"base": 0, "format": 1, "config": 1, "collective": 1, "mpi": 1, "kernels": 1, "media": 1, "http": 1, "model": 2, "store": 2, "models": 2, "data": 3, "run": 3, "encode": 3,
          "extract": 4, "exchange": 4, "train": 4, "evaluate": 4, "experiment": 5, "score": 5, "report": 6, "score_page": 7, "serve": 7, "cli": 8}

# Whose headers only one folder may include.
OWNED = [(r"(ggml|llama|gguf|whisper)[\w-]*\.h", "encode"), (r"lib(av|sw)\w+/.*", "media"), (r"lmdb\.h", "store"), (r"mpi\.h", "mpi"),
         (r"cairo[\w-]*\.h|fontconfig\.h", "report"), (r"yaml\.h", "config"), (r"microhttpd\.h", "http"), (r"hdf5\.h|H5\w*\.h", "format")]

# The library prints nothing, ends no process and reads no environment (include/valence/error.h). Functions that write without
# knowing how much room there is are not used at all.
QUIET = {"printf", "vprintf", "puts", "putchar", "perror", "exit", "_exit", "quick_exit", "abort", "getenv", "secure_getenv",
         "setenv", "system", "popen"}
UNSAFE = {"gets", "strcat", "sprintf", "vsprintf", "strtok", "alloca", "rand", "srand", "tmpnam", "mktemp"}

# Where one is meant: a child process ends there, and not the caller's.
ALLOWED = {"src/encode/verify/trial.c": {"_exit"}, "src/media/media_worker.c": {"_exit"}}

SKIPPED = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def sources():
    for top in ("src", "cli", "include"):
        for folder, _, names in os.walk(top):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    yield os.path.join(folder, name)


def check_include(path, number, folder, included, angled):
    """A problem as text, or None."""
    where = f"{path}:{number}"
    for pattern, owner in OWNED:
        if angled and re.fullmatch(pattern, included) and folder != owner:
            return f"{where}: only src/{owner} includes {included}"
    if included.startswith("valence/") or angled:
        return None
    if folder == "include":
        return f"{where}: a public header includes {included}, which is not installed"
    other = included.split("/")[0] if "/" in included else folder
    if folder == "cli" and other != "cli":
        return f"{where}: the command includes {included}, which is not public"
    if other != folder and other in LEVELS and LEVELS[other] >= LEVELS.get(folder, -1):
        return f"{where}: {folder} may not include {included}: {other} is not below it"
    return None


def check_calls(path, text):
    code = SKIPPED.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    banned = (UNSAFE | QUIET if path.startswith("src/") else UNSAFE) - ALLOWED.get(path, set())
    found = {name for name in re.findall(r"(?<![\w.>])(\w+)\s*\(", code) if name in banned}
    if path.startswith("src/"):
        found |= set(re.findall(r"\bstd(?:out|err)\b", code))
    return [f"{path}: uses {name}" for name in sorted(found)]


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    problems, private = [], []
    for path in sources():
        with open(path, encoding="utf-8") as file:
            text = file.read()
        folder = path.split("/")[1] if path.startswith("src/") else path.split("/")[0]
        for number, line in enumerate(text.split("\n"), 1):
            match = re.match(r"\s*#\s*include\s*([<\"])([^>\"]+)[>\"]", line)
            problem = match and check_include(path, number, folder, match[2], match[1] == "<")
            if problem:
                (private if "is not public" in problem else problems).append(problem)
        if folder != "include":
            problems += check_calls(path, text)
    if sys.argv[1:] == ["--list-private"]:
        print("\n".join(private) or "the command includes public headers alone")
        return
    problems += private
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        sys.exit(f"{len(problems)} problems with layers or banned functions")
    print("layers and banned functions: fine")


main()
