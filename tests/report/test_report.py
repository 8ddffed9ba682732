#!/usr/bin/env python3
"""test_report.py VALENCE: opens reports in Chromium, without a network, as a reader would: of a run with an experiment and a
protocol, of CMU-MOSI where VALENCE_SHARED has it, and of 10 runs on 5,000 clips with hostile names. Ends with 77 (skipped) where
there is no Chromium. Where scripts/fetch_axe.sh has fetched axe-core, its rules are checked too."""
import base64
import csv
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import traceback
import xml.etree.ElementTree

from browser import Browser, find_chromium
from test_browser import MINUS, axe_script, data_of, same

WIDTHS = (375, 1440)
HOSTILE = ["</script><script>document.title = 'gone'</script>", "\"quotes\" & 'more' <b>bold</b>", "\u202eturned\u2066",
           "<!--<script>", "x" * 480]
TEXT = "</script><img src=x onerror=alert(1)> \u202e " + "long " * 2000
N_RUNS, N_CLIPS = 10, 5000


def call(valence, folder, *arguments, output=None):
    with open(os.path.join(folder, output) if output else os.devnull, "w", encoding="utf-8") as file:
        subprocess.run([valence, *arguments, "--quiet"], cwd=folder, check=True, stdout=file,
                       env={**os.environ, "OMP_NUM_THREADS": "1"})


def make_report(valence, folder):
    """A run, the same without a loss, and a protocol, all in one report."""
    small = [word for key in ("epochs=2", "model.d=16", "model.o=8") for word in ("--set", key)]
    call(valence, folder, "synthesize", "corpus", "--train", "60", "--validation", "40", "--test", "60")
    call(valence, folder, "train", "corpus", "-o", "run", *small)
    call(valence, folder, "compare", "corpus", "-o", "comparison", "--variant", "no-rnc losses.rnc=0", "--seeds", "2", "--jobs",
         "1", *small)
    call(valence, folder, "evaluate", "run", "corpus", "--protocol", "erase", "--rates", "0,0.5,1", "--bootstrap", "50", "--json",
         output="erase.json")
    call(valence, folder, "report", "run", "comparison", "erase.json", "-o", "report.html")


def make_mosi_report(valence, folder):
    """Everything that the report of CMU-MOSI shows, of networks that are hardly trained. False where the data are not there."""
    table = os.path.join(os.environ.get("VALENCE_SHARED", ""), "data", "mosi", "mosi_utt_tav.csv")
    if not os.path.exists(table):
        return False
    quick = [word for key in ("streams.simulated_text=", "epochs=3", "model.d=16", "model.o=8") for word in ("--set", key)]
    call(valence, folder, "import", "table", os.path.abspath(table), "mosi", "--dtype", "f32", "--group-column", "video",
         "--split-column", "split_bclstm", "--validation-fraction", "0.15", "--audio", "a0-a72", "--text", "t0-t99", "--video", "v0-v99")
    call(valence, folder, "compare", "mosi", "-o", "models", "--model", "ridge", "--model", "late-fusion", "--seeds", "2", "--jobs", "1",
         "--bootstrap", "200", *quick)
    run = "models/runs/base"
    call(valence, folder, "evaluate", run, "mosi", "--protocol", "erase,fixed", "--bootstrap", "50", "--json", output="protocols.json")
    call(valence, folder, "compare-representations", run, "mosi", "--grid", "40", "--json", output="maps.json")
    call(valence, folder, "report", run, "models", "protocols.json", "maps.json", "-o", "mosi.html")
    return True


def make_large_report(valence, folder):
    draw = random.Random(1)
    ids = HOSTILE + [f"clip-{i:05}" for i in range(N_CLIPS - len(HOSTILE))]
    labels = [max(-3, min(3, draw.gauss(0.3, 1.1))) for _ in ids]
    names = [f"run-{run}.csv" for run in range(N_RUNS)]
    for run, name in enumerate(names):
        with open(os.path.join(folder, name), "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["model", "id", "label", "complete", "text_missing"])
            for clip, label in zip(ids, labels):
                table.writerow([f"run {run}", clip, f"{label:.4f}", f"{0.7 * label + draw.gauss(0, 0.6):.4f}",
                                f"{0.5 * label + draw.gauss(0, 0.8):.4f}"])
    call(valence, folder, "report", *names, "-o", "large.html")


def replace_report(folder, name, made, change):
    """Writes the page MADE, which shows what `change` makes of the data in the page NAME, escaped as the page is."""
    with open(f"{folder}/{name}.html", encoding="utf-8") as file:
        page = file.read()
    report = data_of(f"{folder}/{name}.html", "report")
    change(report)
    data = json.dumps(report).replace("<", "\\u003c")
    page = re.sub(r'(id="report">).*?(</script>)', lambda match: match[1] + data + match[2], page, count=1, flags=re.S)
    with open(f"{folder}/{made}.html", "w", encoding="utf-8") as file:
        file.write(page)


def add_transcripts(report):
    """Gives each clip of the large report a transcript, one of them hostile."""
    clips = next(item for section in report["sections"] for item in section["items"] if item["kind"] == "clips")
    clips["transcripts"] = [TEXT] + ["so good, again"] * (clips["n"] - 1)


def add_words(report):
    """Gives the clips of the report transcripts of three words, and two of the models weights for them: 0.2, 0, 0.8."""
    clips = next(item for section in report["sections"] for item in section["items"] if item["kind"] == "clips")
    clips["transcripts"] = ["so <b>very</b> good"] * clips["n"]
    for scores in clips["scores"]:
        n = len(scores.get("attended", []))
        if n:
            data = base64.b64encode(bytes([51, 0, 204] * n)).decode()
            scores.update(n_words=[3] * n, word_attention={"low": 0, "high": 254 / 255, "bits": 8, "data": data})


def add_bars(report):
    """Two charts of bars with intervals: names that fit below them, and longer ones, so that the bars lie."""
    values = [[1, 2, 3, 4, 5, 6], [6.5, 5.5, 4.5, 3.5, 2.5, 1.5]]
    series = [{"name": f"series {i}", "y": y, "low": [v - 0.25 for v in y], "high": [v + 0.25 for v in y]}
              for i, y in enumerate(values)]
    for identity, name in (("standing-bars", ""), ("lying-bars", "too long to stand below ")):
        report["sections"][0]["items"].append({
            "kind": "chart", "id": identity, "title": identity, "note": "", "chart": "bars", "marks": [], "series": series,
            "x": {"title": "Variant", "categories": [f"{name}{i}" for i in range(6)], "digits": 0},
            "y": {"title": "Value", "digits": 2}})


def shown(cell):
    """A cell of the document as the page shows it."""
    if cell is None:
        return "\u2013"
    if isinstance(cell, str):
        return cell
    text = f"{cell[0]:.{cell[1]}f}"
    return text.replace("-", MINUS if float(text) else "")


class Tests:
    def __init__(self, browser, folder, reports):
        self.browser = browser
        self.folder = folder
        self.reports = reports
        self.axe = axe_script()

    def open(self, name, place="", **options):
        page = self.browser.open(f"file://{self.folder}/{name}{place}", **options)
        page.wait("document.querySelector('.contents') !== null")
        return page

    def assert_quiet(self, page, name):
        same(page.messages(), [], f"{name}: console")
        others = [url[:100] for url in page.requests() if not url.startswith((f"file://{self.folder}/{name}", "data:"))]
        same(others, [], f"{name}: requests")

    def assert_accessible(self, page, name):
        if not self.axe:
            return
        page.evaluate(self.axe + "; 0")
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations.map((v) => [v.impact, v.id, "
                              "v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200))]))")
        same(found, [], f"{name}: axe-core")

    def draw_all(self, page):
        """Scrolls through the page, as a reader would."""
        page.evaluate("(async () => { for (const figure of document.querySelectorAll('figure.chart')) { "
                      "figure.scrollIntoView({behavior: 'instant'}); await new Promise((done) => setTimeout(done, 30)); } })()")
        if self.has_charts(page):
            page.wait("document.querySelectorAll('figure.chart:not([data-drawn])').length === 0")

    def has_charts(self, page):
        return page.evaluate("typeof echarts !== 'undefined'")

    # ---- What is shown ----

    def test_every_chart_is_drawn_at_every_size_and_colour(self):
        for report in self.reports:
            document = data_of(f"{self.folder}/{report}", "report")
            charts = [item["id"] for section in document["sections"] for item in section["items"] if item["kind"] == "chart"]
            for width, dark in ((375, True), (1440, False)):
                name = f"{report} at {width} px, {'dark' if dark else 'light'}"
                page = self.open(report, width=width, dark=dark)
                self.draw_all(page)
                same(page.evaluate("[...document.querySelectorAll('figure.chart')].map((f) => f.id)"), charts, f"{name}: charts")
                same(page.evaluate("document.documentElement.scrollWidth <= innerWidth"), True, f"{name}: fits the width")
                if self.has_charts(page):
                    empty = page.evaluate("""[...document.querySelectorAll('figure.chart canvas')].filter((canvas) => {
                        const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
                        let n = 0;
                        for (let i = 3; i < data.length; i += 4) n += data[i] > 0;
                        return n < 300;
                    }).map((canvas) => canvas.closest('figure').id)""")
                    same(empty, [], f"{name}: charts without ink")
                self.assert_accessible(page, name)
                self.assert_quiet(page, report)
                page.close()

    def test_the_charts_of_each_run_stand_side_by_side(self):
        if "mosi.html" not in self.reports:
            return
        page = self.open("mosi.html")
        tops = page.evaluate("['validation', 'loss'].map((what) => "
                             "document.getElementById(`${what}-base-seed-1`).getBoundingClientRect().top)")
        same(tops[0], tops[1], "the tops of the charts of validation errors and losses")
        page.close()

    def test_an_interval_stands_over_its_own_bar(self):
        replace_report(self.folder, "report", "bars", add_bars)
        page = self.open("bars.html")
        self.draw_all(page)
        if self.has_charts(page):
            # Every interval has its bar's end in the middle, which says where it belongs. What is drawn is seen while it is saved.
            page.evaluate("""window.shown = [], window.drawn = echarts, window.echarts = {...drawn, init: (...given) => {
                const drawing = drawn.init(...given), render = drawing.renderToSVGString.bind(drawing);
                drawing.renderToSVGString = () => {
                    const text = render();
                    shown.push(drawing.getZr().storage.getDisplayList().map(({type, shape}) => ({type, shape: {...shape}})));
                    return text;
                };
                return drawing;
            }}, 0""")
            matched = page.evaluate("""["standing-bars", "lying-bars"].map((id) => {
                document.querySelectorAll(`#${id} .tools button`).forEach((button) => button.textContent === "SVG" && button.click());
                const last = shown[shown.length - 1];
                const lies = id === "lying-bars";
                const ends = last.filter(({type, shape}) => type === "rect" && shape.width && shape.height).map(({shape}) =>
                    lies ? [shape.y + shape.height / 2, shape.x + shape.width] : [shape.x + shape.width / 2, shape.y + shape.height]);
                const middles = last.filter(({type}) => type === "line").map(({shape: {x1, y1, x2, y2}}) =>
                    lies ? [(y1 + y2) / 2, (x1 + x2) / 2] : [(x1 + x2) / 2, (y1 + y2) / 2]);
                return middles.filter((middle) => ends.some((end) => Math.hypot(end[0] - middle[0], end[1] - middle[1]) < 2)).length;
            })""")
            same(matched, [12, 12], "intervals over their own bars, of 12")
        page.close()

    def test_tables_equal_the_json(self):
        for report in self.reports:
            document = data_of(f"{self.folder}/{report}", "report")
            page = self.open(report)
            found = page.evaluate("Object.fromEntries([...document.querySelectorAll('figure.table')].map((f) => [f.id, "
                                  "[...f.querySelectorAll('tbody tr')].map((r) => [...r.cells].map((c) => c.textContent))]))")
            tables = [item for section in document["sections"] for item in section["items"] if item["kind"] == "table"]
            same(sorted(found), sorted(table["id"] for table in tables), f"{report}: tables")
            for table in tables:
                same(found[table["id"]], [[shown(cell) for cell in row] for row in table["rows"]], f"{report}: {table['id']}")
            page.close()

    def test_a_chart_is_a_table_too(self):
        document = data_of(f"{self.folder}/report.html", "report")
        page = self.open("report.html")
        page.evaluate("document.querySelectorAll('figure.chart details').forEach((d) => { d.open = true; })")
        n = sum(item["kind"] == "chart" for section in document["sections"] for item in section["items"])
        page.wait(f"document.querySelectorAll('figure.chart table').length === {n}")
        chart = next(item for section in document["sections"] for item in section["items"] if item.get("id") == "validation-run")
        rows = page.evaluate("[...document.querySelectorAll('#validation-run tbody tr')].map((r) => [...r.cells].map((c) => c.textContent))")
        wanted = [[str(epoch), *(f"{series['y'][i]:.3f}" for series in chart["series"])]
                  for i, epoch in enumerate(chart["series"][0]["x"])]
        same(rows, wanted, "the table of validation-run")
        page.close()

    def test_a_chart_can_be_saved_and_linked(self):
        page = self.open("report.html", "#errors-by-label")
        page.wait("Math.abs(document.getElementById('errors-by-label').getBoundingClientRect().top) < innerHeight")
        if self.has_charts(page):
            page.wait("document.getElementById('errors-by-label').dataset.drawn")
            page.evaluate("window.saved = []; URL.createObjectURL = (blob) => { saved.push(blob); return '#'; }; 0")
            page.evaluate("document.querySelectorAll('#errors-by-label .tools button').forEach((b) => b.click())")
            page.wait("saved.length === 2")
            texts = page.evaluate("Promise.all(saved.map(async (blob) => [blob.type, blob.type.endsWith('xml') ? await blob.text() : '']))")
            same(sorted(kind for kind, _ in texts), ["image/png", "image/svg+xml"], "what is saved")
            drawing = next(text for kind, text in texts if kind.endswith("xml"))
            same(xml.etree.ElementTree.fromstring(drawing).tag, "{http://www.w3.org/2000/svg}svg", "the drawing")
        self.assert_quiet(page, "report.html")
        page.close()

    def test_paper_is_light_and_has_every_chart_whole(self):
        for report in self.reports:
            page = self.open(report, dark=True, width=794)
            assert len(page.call("Page.printToPDF")["data"]) > 50000
            same(page.evaluate("document.querySelectorAll('svg.paper, details[open]').length"), 0, "left of what was printed")
            page.call("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
            page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
            same(page.evaluate("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)", "paper")
            if self.has_charts(page):
                wrong = page.evaluate("""[...document.querySelectorAll('figure.chart')].filter((figure) => {
                    const drawings = figure.querySelectorAll('svg.paper');
                    return drawings.length !== 1 || drawings[0].querySelectorAll('path, text').length < 4 ||
                        drawings[0].querySelector('rect').getAttribute('fill') !== 'rgb(255, 255, 255)' ||
                        getComputedStyle(figure).breakInside !== 'avoid' || figure.getBoundingClientRect().height > 1040;
                }).map((figure) => [figure.id, figure.getBoundingClientRect().height])""")
                same(wrong, [], f"{report}: charts that are not drawn, dark, or longer than a page")
                same(page.evaluate("[...document.querySelectorAll('.drawing')].filter((room) => room.offsetHeight > 0).length"), 0,
                     "charts of the window on paper")
            self.assert_quiet(page, report)
            page.close()

    # ---- Clips ----

    def test_clips_are_found_sorted_and_opened(self):
        document = data_of(f"{self.folder}/report.html", "report")
        clips = next(item for section in document["sections"] for item in section["items"] if item["kind"] == "clips")
        page = self.open("report.html", f"#{clips['id']}/test-00003")
        page.wait("document.querySelector('.clip h3') !== null")
        same(page.evaluate("document.querySelector('.clip h3').textContent"), "test-00003", "the clip that is linked")
        same(page.evaluate("document.querySelectorAll('.clip .scale li').length"), len(clips["scores"]), "scores")
        same(page.evaluate("document.querySelectorAll('.clip .attention li').length"), 3, "modalities with attention")
        errors = page.evaluate("[...document.querySelectorAll('.clip-list tbody tr')].map((r) => Number(r.cells[3].textContent))")
        same(errors, sorted(errors, reverse=True), "errors")
        page.evaluate("const box = document.querySelector('.controls input'); box.value = 'test-0001'; "
                      "box.dispatchEvent(new Event('input'))")
        same(page.evaluate("document.querySelector('.explorer [role=status]').textContent.replaceAll('\\u00a0', ' ')"),
             "10 clips of 60", "clips found")
        self.assert_accessible(page, "report.html with a clip")
        page.close()

    def test_words_are_coloured_by_their_attention(self):
        replace_report(self.folder, "report", "words", add_words)
        clips = next(item for section in data_of(f"{self.folder}/words.html", "report")["sections"] for item in section["items"]
                     if item["kind"] == "clips")
        page = self.open("words.html", f"#{clips['id']}/test-00003")
        page.wait("document.querySelector('.clip blockquote') !== null")
        same(page.evaluate("document.querySelector('.clip blockquote').textContent"), "so <b>very</b> good", "the transcript")
        words = page.evaluate("[...document.querySelectorAll('.clip blockquote .word')].map((w) => [w.textContent, w.title, w.dataset.tone])")
        same(words, [["so", "20\u00a0%", "weight"], ["<b>very</b>", "0\u00a0%", "weight"], ["good", "80\u00a0%", "weight"]], "words")
        colours = page.evaluate("[...document.querySelectorAll('.clip blockquote .word')].map((w) => getComputedStyle(w).backgroundColor)")
        same(len(set(colours)), 3, f"colours {colours}")
        same(page.evaluate("document.querySelectorAll('.clip .legend').length"), 1, "what the colours mean")
        self.assert_accessible(page, "words.html")
        self.assert_quiet(page, "words.html")
        page.close()

    def test_ten_runs_on_5000_clips_are_small_and_fast(self):
        size = os.path.getsize(f"{self.folder}/large.html")
        assert size < 8e6, f"{size} bytes"
        page = self.open("large.html")
        metrics = {item["name"]: item["value"] for item in page.call("Performance.getMetrics")["metrics"]}
        seconds = page.evaluate("performance.getEntriesByType('navigation')[0].domInteractive") / 1000
        load = os.getloadavg()[0] / (os.cpu_count() or 1)
        assert seconds < 2 * max(1, load), f"interactive after {seconds:.2f} s at a load of {load:.1f}: {metrics.get('ScriptDuration')}"
        same(page.evaluate("document.querySelectorAll('.clip-list tbody tr').length"), 25, "clips on a page")
        self.draw_all(page)
        self.assert_quiet(page, "large.html")
        page.close()

    def test_hostile_texts_are_shown_as_texts(self):
        replace_report(self.folder, "large", "transcripts", add_transcripts)
        page = self.open("transcripts.html")
        same(page.evaluate("document.title.includes('gone')"), False, "the title")
        for text in HOSTILE[:4]:
            page.evaluate(f"{{ const box = document.querySelector('.controls input'); box.value = {json.dumps(text)}; "
                          "box.dispatchEvent(new Event('input')); }")
            same(page.evaluate("document.querySelector('.clip-list tbody button').textContent"), text, "an id")
            page.evaluate("document.querySelector('.clip-list tbody button').click()")
            same(page.evaluate("document.querySelector('.clip h3').textContent"), text, "an opened clip's id")
        same(page.evaluate("document.querySelectorAll('main img, main b').length"), 0, "elements from texts")
        page.evaluate(f"location.hash = '#' + document.querySelector('.explorer').id + '/' + encodeURIComponent({json.dumps(HOSTILE[0])})")
        page.wait("document.querySelector('.clip blockquote') !== null")
        same(page.evaluate("document.querySelector('.clip blockquote').textContent"), TEXT, "the transcript")
        same(page.evaluate("document.documentElement.scrollWidth <= innerWidth"), True, "it fits the width")
        self.assert_quiet(page, "transcripts.html")
        page.close()


def main(valence):
    if not find_chromium():
        print("Chromium is not installed: skipped")
        return 77
    failures = 0
    with tempfile.TemporaryDirectory(prefix="valence-report-") as folder, Browser() as browser:
        make_report(valence, folder)
        make_large_report(valence, folder)
        has_mosi = make_mosi_report(valence, folder)
        print("CMU-MOSI is checked" if has_mosi else "CMU-MOSI is not here: VALENCE_SHARED says where")
        tests = Tests(browser, folder, ["report.html", "mosi.html"] if has_mosi else ["report.html"])
        for name in sorted(name for name in dir(tests) if name.startswith("test_")):
            try:
                getattr(tests, name)()
                print(f"ok {name}")
            except Exception:  # pylint: disable=broad-except
                traceback.print_exc()
                print(f"FAILED {name}")
                failures += 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1])))
