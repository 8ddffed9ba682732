#!/usr/bin/env python3
"""scripts/make_api_pages.py INCLUDE OUTPUT: a manual page (section 3) for every public header.

A header is its own manual: the comment at its top is the description, and the comment above a declaration documents it. This
script only sets them as a page, so that there is nothing to keep in step. Each function gets a page of one line that leads
to its header's (`man valence_model_load`).
"""
import datetime
import os
import re
import sys

COMMENT = r"/\*.*?\*/"
TOKEN = re.compile(rf"({COMMENT})|((?:[^/]|/(?!\*))+)", re.S)


def escape(text):
    """Text as roff reads it: backslashes, hyphens that may be copied, and lines that would be requests."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def comment_lines(comment):
    body = comment[2:-2].strip("\n ")
    return [re.sub(r"^\s*\*? ?", "", line, count=1) if i else line.strip() for i, line in enumerate(body.split("\n"))]


def prose(lines):
    """Paragraphs are filled; lines that are indented are kept as they are."""
    out, kept = [], False
    for line in lines:
        indented = line.startswith("  ")
        if indented != kept:
            out.append(".nf" if indented else ".fi")
            kept = indented
        out.append(".PP" if not line.strip() else escape(line.rstrip() if indented else line.strip()))
    if kept:
        out.append(".fi")
    return out


def code(text):
    text = re.sub(r"^VALENCE_API ", "", text.strip("\n"), flags=re.M)
    return [".PP", ".nf", ".ft CW", escape(text.rstrip()), ".ft R", ".fi"]


def declarations(body):
    """Splits a header's body into (comment or None, code) where the comment stands directly above the code."""
    parts, comment = [], None
    lines = body.split("\n")
    i = 0
    while i < len(lines):
        line = lines[i]
        if not line.strip():
            i += 1
            continue
        if line.startswith("/*"):
            start = i
            while "*/" not in lines[i]:
                i += 1
            text = "\n".join(lines[start:i + 1])
            i += 1
            banner = re.fullmatch(r"/\* ---- (.*) ---- \*/", text.strip())
            if banner:
                parts.append(("banner", banner[1]))
                comment = None
            else:
                if comment:
                    parts.append(("text", comment))
                comment = text
                if i >= len(lines) or not lines[i].strip():
                    parts.append(("text", comment))
                    comment = None
            continue
        if line.startswith("#if") or line.startswith("#endif") or line.startswith("#include") or line.startswith('extern "C"') \
                or line == "}":
            i += 1
            continue
        start = i
        while True:  # a declaration ends with a semicolon outside braces, a macro without a continuation
            text = re.sub(COMMENT, "", "\n".join(lines[start:i + 1]), flags=re.S)
            depth = text.count("{") - text.count("}")
            unfinished = "/*" in text
            end = text.rstrip()
            done = not end.endswith("\\") if line.startswith("#") else \
                depth == 0 and (end.endswith(";") or end.endswith("}"))
            i += 1
            if (done and not unfinished) or i >= len(lines):
                break
        parts.append(("code", comment, "\n".join(lines[start:i])))
        comment = None
    return parts


def function_names(text):
    return re.findall(r"VALENCE_API[^;(]*?\b(valence_\w+)\s*\(", text)


def page(path, version, date):
    name = os.path.basename(path)[:-2]
    text = open(path, encoding="utf-8").read()
    top = re.match(COMMENT, text, re.S)
    lines = comment_lines(top[0])
    body = text[top.end():]
    body = re.sub(r"^#(ifndef|define) VALENCE_\w+_H\s*$", "", body, flags=re.M)
    summary = " ".join(lines).split(". ")[0].split(": ")[0].rstrip(".")
    out = [f'.TH VALENCE_{name.upper()} 3 "{date}" "valence {version}" "valence library"', ".SH NAME",
           escape(f"valence/{name}.h - {summary[:1].lower() + summary[1:] if summary[1:2].islower() else summary}"),
           ".SH SYNOPSIS", ".nf", f"#include <valence/{name}.h>", ".fi", ".SH DESCRIPTION"]
    out += prose(lines)
    for part in declarations(body):
        if part[0] == "banner":
            out += [".SH " + escape(part[1].upper())]
        elif part[0] == "text":
            out += [".PP"] + prose(comment_lines(part[1]))
        else:
            out += code(part[2])
            if part[1]:
                out += [".RS 4"] + prose(comment_lines(part[1])) + [".RE"]
    out += [".SH SEE ALSO", ".BR valence (1)"]
    return name, "\n".join(out) + "\n", function_names(text)


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: make_api_pages.py INCLUDE OUTPUT")
    include, output = sys.argv[1:]
    numbers = dict(re.findall(r"#define VALENCE_VERSION_(MAJOR|MINOR|PATCH)\s+(\d+)",
                              open(os.path.join(include, "api.h"), encoding="utf-8").read()))
    version = ".".join(numbers[k] for k in ("MAJOR", "MINOR", "PATCH"))
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    date = datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc).date().isoformat() if epoch else ""
    os.makedirs(output, exist_ok=True)
    for header in sorted(os.listdir(include)):
        if not header.endswith(".h"):
            continue
        name, text, functions = page(os.path.join(include, header), version, date)
        with open(os.path.join(output, f"valence_{name}.3"), "w", encoding="utf-8") as file:
            file.write(text)
        for function in functions:
            if function != f"valence_{name}":
                with open(os.path.join(output, f"{function}.3"), "w", encoding="utf-8") as file:
                    file.write(f".so man3/valence_{name}.3\n")


main()
