# Figures, data and tables of a report for a paper.
. "$TESTS/cli/support.sh"
cd "$work" || exit 1
expect 0 synthesize store --train 30 --validation 10 --test 10 --audio-width 4 --text-width 6 --video-width 3 --quiet
expect 0 train store --set epochs=3 --set model.d=16 --set model.o=8 --seeds 2 -o run --quiet
expect 0 report run --json --quiet
cp out document

# The data of every chart and table, whether or not the build draws.
expect 0 report run --figures data --figure-format none
prints "data: "
[ ! -e report.html ] || wrong "a page appears though none is named"
cat >compare.py <<'END'
"""compare.py FOLDER [ENDING]: what is in the folder is what the document says."""
import csv, json, os, sys
folder, ending = sys.argv[1], sys.argv[2:]
csv.field_size_limit(1 << 24)
document = json.load(open("document", encoding="utf-8"))
expected, charts, tables = set(), 0, 0

def number(text):
    return float(text) if text else None

for section in document["sections"]:
    for item in section["items"]:
        if item["kind"] not in ("chart", "table"):
            continue
        expected.add(item["id"] + ".csv")
        expected.update([item["id"] + ".tex"] if item["kind"] == "table" else [item["id"] + "." + e for e in ending])
        rows = list(csv.reader(open(f"{folder}/{item['id']}.csv", encoding="utf-8", newline="")))
        if item["kind"] == "table":
            tables += 1
            assert rows[0] == [column["heading"] for column in item["columns"]], item["id"]
            assert len(rows) - 1 == len(item["rows"]), item["id"]
            latex = open(f"{folder}/{item['id']}.tex", encoding="utf-8").read()
            body = latex.split("\\midrule\n")[1].split("\\bottomrule")[0]
            assert body.count(" \\\\\n") == len(item["rows"]) and latex.count("\\toprule") == 1, item["id"]
            continue
        charts += 1
        if item["chart"] == "heat":
            values = [number(row[2]) for row in rows[1:]]
            wanted = item["series"][0]["y"] if item["series"] else []
        else:
            column = rows[0].index("y")
            values = [number(row[column]) for row in rows[1:]]
            wanted = [y for series in item["series"] for y in series["y"]]
        assert len(values) == len(wanted), (item["id"], len(values), len(wanted))
        for found, value in zip(values, wanted):
            # the document is rounded where that is not seen
            assert (found is None) == (value is None) and (found is None or abs(found - value) <= 1e-4 * max(1, abs(value))), \
                (item["id"], found, value)
assert charts >= 3 and tables >= 1, (charts, tables)
found = set(os.listdir(folder))
assert found == expected, found ^ expected
END
compares() {
    command -v python3 >/dev/null || return 0
    python3 compare.py "$@" >read 2>&1 || wrong "$1 is not the report: $(cat read)"
}
compares data

expect 1 report run --figures data --figure-format none
complains "data: already exists (--force replaces it)"
echo kept >data/notes
expect 0 report run --figures data --figure-format none --force -o page.html --quiet
[ "$(cat data/notes)" = kept ] || wrong "--force removes other files"
[ -s page.html ] || wrong "no page is written though one is named"
expect 1 report run --figures nowhere/data --figure-format none
complains "nowhere/data"
expect 2 report run --figures data --figure-format png
complains "--figure-format"
expect 2 report run --figures data --figure-width 30

if "$VALENCE" report run --figures figures --quiet 2>err; then
    compares figures svg
    expect 0 report run --figures wide --figure-format pdf --figure-width 7 --quiet
    compares wide pdf
    expect 0 report run --figures again --figure-format pdf --figure-width 7 --quiet
    diff -r wide again >out || wrong "the same report gives other bytes"
else
    said="valence report run --figures figures"
    complains "install Cairo"
    [ ! -e figures ] || wrong "a build that draws nothing leaves a folder"
fi
finish
