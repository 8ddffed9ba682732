"""test_figures.py MAKE_FIGURES: the figures of make-figures are well-formed, hold the marks that their data ask for, and are
the same bytes each time. Exits with 77 where the build draws none."""
import csv
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

TOKENS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../src/report/page/tokens.css")
SVG = "{http://www.w3.org/2000/svg}"


def series_colours():
    with open(TOKENS, encoding="utf-8") as file:
        found = re.findall(r"--series-\d: light-dark\(#(\w{6})", file.read())
    assert len(found) == 8
    return [tuple(int(code[i:i + 2], 16) for i in (0, 2, 4)) for code in found]


def colour_of(style, what):
    """The rgb(...) of a style's fill or stroke, 0 ... 255, or None."""
    match = re.search(what + r":rgb\(([\d.]+)%,([\d.]+)%,([\d.]+)%\)", style)
    return match and tuple(round(float(part) * 2.55) for part in match.groups())


def paths(svg):
    """(fill, stroke, path data) of what is drawn, without the letters, which are defined once and used."""
    letters = {id(path) for defs in svg.iter(SVG + "defs") for path in defs.iter(SVG + "path")}
    return [(colour_of(path.get("style", ""), "fill"), colour_of(path.get("style", ""), "stroke"), path.get("d"))
            for path in svg.iter(SVG + "path") if id(path) not in letters]


def number(text):
    return float(text) if text else math.nan


def rows_of(path):
    csv.field_size_limit(1 << 20)
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def is_drawn(row):
    return all(math.isfinite(number(row[key])) for key in ("x", "y") if key in row)


def has_interval(row):
    return "low" in row and math.isfinite(number(row["low"])) and math.isfinite(number(row["high"]))


class Figure:
    def __init__(self, folder, name, counts):
        self.name, self.counts = name, counts
        self.svg = ElementTree.parse(f"{folder}/{name}.svg").getroot()
        self.paths = paths(self.svg)
        self.rows = rows_of(f"{folder}/{name}.csv")

    def is_equal(self, what, wanted):
        found = self.counts[what]
        assert found == wanted, f"{self.name}: {found} {what} drawn, the data have {wanted}"

    def fills(self, colour):
        return sum(fill == colour for fill, _, _ in self.paths)

    def strokes(self, colour):
        return sum(stroke == colour for _, stroke, _ in self.paths)


def check_points(figure, colours, n_legend):
    points = [row for row in figure.rows if row["series"] != "equal" and is_drawn(row)]
    figure.is_equal("symbols", len(points))
    figure.is_equal("error_bars", sum(has_interval(row) for row in points))
    assert figure.fills(colours[0]) == len(points) + n_legend, figure.name


def check_bars(figure):
    figure.is_equal("bars", sum(math.isfinite(number(row["y"])) for row in figure.rows))
    figure.is_equal("error_bars", sum(has_interval(row) for row in figure.rows))


def check_all(folder, counts):
    colours = series_colours()
    figures = {name: Figure(folder, name, counts[name]) for name in counts}
    assert len(figures) >= 18

    lines = figures["lines"]
    for name, what in (("lines", 4), ("bands", 2), ("marks", 2)):
        lines.is_equal(name, what)
    assert len(lines.rows) == 160 and sum(row["y"] == "" for row in lines.rows) == 1
    for colour in colours[:4]:
        # the curve and its sample in the legend
        assert lines.strokes(colour) == 2, lines.strokes(colour)
    bands = [data for fill, stroke, data in lines.paths if fill in colours[:2] and data.count("L") == 79]
    assert len(bands) == 2, "a band has both its sides"

    figures["missing-rate"].is_equal("lines", 2)
    figures["missing-rate"].is_equal("symbols", 5)  # none on the reference
    for name in ("logarithmic", "short-logarithmic"):
        check_points(figures[name], colours, 0)
    for name in ("points", "many-points"):
        check_points(figures[name], colours, 1)
        figures[name].is_equal("lines", 1)
    for name in ("bars", "lying-bars", "labels", "hostile", "unknown"):
        check_bars(figures[name])
    assert figures["labels"].fills(colours[0]) == figures["labels"].counts["bars"] == 25
    assert figures["bars"].fills(colours[1]) == 4 + 1
    for name in ("heat", "diverging-heat", "large-heat"):
        figure = figures[name]
        figure.is_equal("cells", sum(row["value"] != "" for row in figure.rows))
        assert figure.counts["cells"] == len(figure.rows) - 1 > 0
    figures["empty"].is_equal("lines", 0)
    figures["one-point"].is_equal("symbols", 1)
    check_points(figures["huge"], colours, 0)
    figures["not-positive"].is_equal("symbols", 1)  # 0 and -1 have no place on a logarithmic axis

    # Values are those of the document to the last bit: x of this chart is 1e-6 times powers of 10.
    assert [number(row["x"]) for row in figures["logarithmic"].rows] == [1e-6 * math.pow(10, i) for i in range(7)]
    hostile = figures["hostile"].rows
    assert hostile[0]["category"] == "</text><script>alert(1)</script>" and len(hostile[3]["category"]) == 2000
    with open(f"{folder}/hostile.svg", encoding="utf-8") as file:
        assert "<script" not in file.read()


def letters_of(folder, name):
    svg = ElementTree.parse(f"{folder}/{name}.svg").getroot()
    return {path.get("d") for defs in svg.iter(SVG + "defs") for path in defs.iter(SVG + "path")}


def check_letters(folder):
    """Letters that the usual font lacks come from a font that has them, where there is one."""
    if not shutil.which("fc-list") or not subprocess.run(["fc-list", ":charset=10d0 10d1 10d2 10d3"], stdout=subprocess.PIPE, check=True).stdout:
        return
    found = len(letters_of(folder, "four-letters") - letters_of(folder, "same-letters"))
    assert found == 3, f"{found} of three more letters are drawn, the others are boxes"


def check_files(folder, names, width):
    """Sizes, and what other programs make of the files where they are there."""
    for name in names:
        svg = ElementTree.parse(f"{folder}/{name}.svg").getroot()
        size = [float(part) for part in svg.get("viewBox").split()]
        assert abs(size[2] - width * 72) < 0.1 and 60 < size[3] < 800, (name, size)
        with open(f"{folder}/{name}.pdf", "rb") as file:
            pdf = file.read()
        assert pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF"), name
        assert b"CreationDate" not in pdf, "a date in a figure"
        for program, ending in ((["pdfinfo"], "pdf"), (["xmllint", "--noout"], "svg"), (["rsvg-convert"], "svg")):
            if shutil.which(program[0]):
                subprocess.run([*program, f"{folder}/{name}.{ending}"], check=True, stdout=subprocess.DEVNULL)


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as work:
        for width in (3.4, 7.0):
            folders = [f"{work}/{width}-{i}" for i in range(2)]
            for folder in folders:
                os.mkdir(folder)
                done = subprocess.run([program, folder, str(width)], stdout=subprocess.PIPE, check=False)
                if done.returncode == 77:
                    return 77
                assert done.returncode == 0, done.returncode
            counts = json.loads(done.stdout)
            if width == 3.4:
                check_all(folders[0], counts)
                check_letters(folders[0])
            check_files(folders[0], counts, width)
            for name in sorted(os.listdir(folders[0])):
                with open(f"{folders[0]}/{name}", "rb") as one, open(f"{folders[1]}/{name}", "rb") as other:
                    assert one.read() == other.read(), f"{name}: not the same bytes twice"
    return 0


sys.exit(main())
