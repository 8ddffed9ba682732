#!/usr/bin/env python3
"""Writes src/exchange/name_forms_table.h: the characters of the European scripts and of kana that Unicode decomposes, from
Python's copy of its database. Run by hand:

    python3 scripts/make_name_forms.py > src/exchange/name_forms_table.h
"""
import unicodedata

RANGES = [(0xA0, 0x2000), (0x3040, 0x3100)]


def main():
    rows = []
    for first, last in RANGES:
        for point in range(first, last):
            text = unicodedata.decomposition(chr(point))
            if text and not text.startswith("<"):
                parts = [int(part, 16) for part in text.split()] + [0]
                rows.append((point, parts[0], parts[1]))
    print(f"/* Canonical decompositions of Unicode {unicodedata.unidata_version}: a character, and the one or two that it")
    print(" * stands for (0: none). Written by scripts/make_name_forms.py. */")
    print("/* clang-format off */")
    print("static const uint16_t decompositions[][3] = {")
    for i in range(0, len(rows), 3):
        print("    " + " ".join("{0x%04X, 0x%04X, 0x%04X}," % row for row in rows[i : i + 3]).rstrip())
    print("};")
    print("/* clang-format on */")


if __name__ == "__main__":
    main()
