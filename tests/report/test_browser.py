#!/usr/bin/env python3
"""test_browser.py MAKE_PAGES: opens the pages of scores that the program MAKE_PAGES makes in Chromium, without a network, as
a reader would: what they show, that they ask for nothing, keyboard, player, sizes, colours, paper. Ends with 77 (skipped)
where there is no Chromium. Where scripts/fetch_axe.sh has fetched axe-core, its rules are checked too."""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import traceback
from decimal import ROUND_HALF_UP, Decimal

from browser import Browser, find_chromium

WIDTHS = (375, 1440)
MINUS = "\u2212"


def signed(value):
    """As the page writes a score with two digits."""
    if value is None:
        return "\u2013"
    text = str(Decimal(value).quantize(Decimal("0.01"), ROUND_HALF_UP))
    return ("+" + text if value > 0 else text.replace("-", MINUS)) if float(text) else text.replace("-", "")


def data_of(path, name):
    with open(path, encoding="utf-8") as file:
        return json.loads(re.search(f'id="{name}">(.*?)</script>', file.read(), re.S)[1])


def same(found, wanted, what):
    assert found == wanted, f"{what}: {found!r}, not {wanted!r}"


def axe_script():
    folder = os.environ.get("VALENCE_AXE_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "valence")
    found = sorted(glob.glob(os.path.join(folder, "axe-core-*", "axe.min.js")))
    if not found:
        return None
    with open(found[-1], encoding="utf-8") as file:
        return file.read()


class Tests:
    def __init__(self, browser, folder):
        self.browser = browser
        self.folder = folder
        self.axe = axe_script()

    def open(self, name, **options):
        page = self.browser.open(f"file://{self.folder}/{name}", **options)
        page.wait("document.querySelectorAll('.timeline svg').length > 0")
        return page

    def assert_quiet(self, page, name, files=()):
        """No word on the console, and no request but for the page, the recording and what the page carries."""
        same(page.messages(), [], f"{name}: console")
        allowed = [f"file://{self.folder}/{file}" for file in (name, *files)]
        others = [url[:100] for url in page.requests() if url not in allowed and not url.startswith(("data:", "blob:"))]
        same(others, [], f"{name}: requests")

    def assert_accessible(self, page, name):
        if not self.axe:
            return
        page.evaluate(self.axe + "; 0")
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations.map((v) => "
                              "[v.impact, v.id, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + ' ' + n.any.concat(n.all, n.none).map((c) => c.message).join('; '))]))")
        same(found, [], f"{name}: axe-core")

    # ---- What is shown ----

    def test_the_page_looks_right_at_every_size_and_colour(self):
        backgrounds = set()
        for width in WIDTHS:
            for dark in (False, True):
                name = f"sound.html at {width} px, {'dark' if dark else 'light'}"
                page = self.open("sound.html", width=width, dark=dark)
                backgrounds.add((dark, page.evaluate("getComputedStyle(document.body).backgroundColor")))
                same(page.evaluate("document.documentElement.scrollWidth <= innerWidth"), True, f"{name}: fits the width")
                bars = page.evaluate("[...document.querySelectorAll('.timeline svg g')].map((g) => { const b = g.getBBox(); "
                                     "return [g.dataset.tone, b.x, b.width, !!g.querySelector('.band'), !!g.querySelector('.unscored')]; })")
                same([bar[0] for bar in bars], ["positive", "negative", "neutral"], f"{name}: tones")
                same([bar[3:] for bar in bars], [[True, False], [True, False], [False, True]], f"{name}: bands")
                room = page.evaluate("document.querySelector('.timeline svg').clientWidth")
                assert all(bar[2] > 0.25 * room and bar[1] + bar[2] <= room for bar in bars), f"{name}: {bars} in {room}"
                same(page.evaluate("document.querySelectorAll('.tracks svg .word').length"), 6, f"{name}: words on the time line")
                self.assert_accessible(page, name)
                self.assert_quiet(page, "sound.html", ["tone.wav"])
                page.close()
        same(len(backgrounds), 2, f"backgrounds {backgrounds}")

    def test_words_are_coloured_by_what_they_add(self):
        page = self.open("sound.html")
        words = page.evaluate("[...document.querySelectorAll('.cue .word')].map((w) => [w.textContent, w.dataset.tone || '', w.title])")
        same(words, [["What", "positive", "+0.23"], ["a", "neutral", "+0.08"], ["joy!", "positive", "+1.88"],
                     ["Then", "negative", f"{MINUS}0.25"], ["it", "neutral", "0.00"], ["broke.", "negative", f"{MINUS}2.00"]], "words")
        page.close()

    def test_tables_equal_the_json(self):
        segments = data_of(f"{self.folder}/sound.html", "scores")["recordings"][0]["segments"]
        page = self.open("sound.html")
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        page.wait("document.querySelectorAll('details table').length === 2")
        rows = page.evaluate("[...document.querySelectorAll('details table')].map((t) => [...t.rows].map((r) => [...r.cells].map((c) => c.textContent)))")
        table = [dict(zip(rows[0][0], row)) for row in rows[0][1:]]
        same(len(table), len(segments), "rows")
        for row, segment in zip(table, segments):
            for column, key in (("Score", "score"), ("Low", "low"), ("High", "high")):
                same(row[column], signed(segment[key]), column)
            same(row["Text"], segment["text"] or segment["reason"], "text")
        same(table[0]["Pitch"], "182\u00a0Hz", "pitch")
        words = [word for segment in segments for word in segment["words"]]
        table = [dict(zip(rows[1][0], row)) for row in rows[1][1:]]
        same([row["Word"] for row in table], [word["word"] for word in words], "words")
        same([row["Score without it"] for row in table], [signed(word["score_without"]) for word in words], "without")
        page.close()

    def test_what_was_not_used_is_said(self):
        page = self.open("sound.html")
        notes = page.evaluate("[...document.querySelectorAll('.notes li')].map((n) => n.textContent)")
        assert any("The voice was there but not used: this model reads words alone." in note for note in notes), notes
        assert any("1 of 3\u00a0segments has no score" in note for note in notes), notes
        assert any("unlike the training data" in note for note in notes), notes
        page.close()

    def test_several_modalities_and_attention(self):
        """The data may be changed without the policy's leave: only scripts and styles are bound by their digests."""
        with open(f"{self.folder}/sound.html", encoding="utf-8") as file:
            text = file.read()
        scores = data_of(f"{self.folder}/sound.html", "scores")
        scores["encoders"] = {"audio": "whisper", "text": "llm", "video": "faces"}
        for segment in scores["recordings"][0]["segments"][:2]:
            segment["modality_weights"] = {"audio": 0.25, "text": 0.75, "video": -0.5}
            segment["score_without"] = {"audio": 0.125, "text": None, "video": 1.5}
            segment["missing"] = segment["imagined"] = ["video"]
            segment["attention"] = {"audio": {"rows_per_second": 10, "weights": [1 / 20] * 20}, "text": {"weights": [0.5, 0.5]}}
            for word in segment["words"]:
                word["attention"] = 0.25
        with open(f"{self.folder}/three.html", "w", encoding="utf-8") as file:
            file.write(re.sub('(id="scores">).*?(</script>)', lambda match: match[1] + json.dumps(scores) + match[2], text, count=1, flags=re.S))
        page = self.open("three.html", width=375)
        weights = page.evaluate("document.querySelector('.weights').innerText").split("\n")
        assert "voice" in weights and "face (imagined)" in weights and "+0.25, without it +0.13" in weights, weights
        same(page.evaluate("document.querySelectorAll('.track .area').length"), 2, "attention over time, a segment each")
        page.click("input[value=attention]")
        same(page.evaluate("[...new Set([...document.querySelectorAll('.cue .word')].map((w) => w.dataset.tone + w.title))].join()"),
             "weight25\u00a0%", "words by attention")
        self.assert_accessible(page, "three.html")
        self.assert_quiet(page, "three.html", ["tone.wav"])
        page.close()

    # ---- Playing ----

    def time(self, page):
        return page.evaluate("document.querySelector('audio').currentTime")

    def test_a_cue_plays_its_segment(self):
        for name in ("sound.html", "carried.html"):
            page = self.open(name)
            page.wait("document.querySelector('audio').readyState >= 2")
            same(page.evaluate("Math.round(document.querySelector('audio').duration)"), 6, "duration")
            page.click("li:nth-child(2) .cue-words")
            page.wait("document.querySelector('audio').currentTime > 2.05")
            same(page.evaluate("[...document.querySelectorAll('.cue')].findIndex((c) => c.classList.contains('current'))"), 1, "current cue")
            same(page.evaluate("document.querySelector('.timeline .current').dataset.index"), "1", "current bar")
            page.wait("document.querySelector('audio').paused")
            assert 3.9 <= self.time(page) < 4.6, f"{name}: the segment ends at {self.time(page)}"
            page.evaluate("document.querySelector('audio').currentTime = 0.9; 0")
            page.wait("document.querySelector('.word.now')?.textContent === 'joy!'")
            same(page.evaluate("document.querySelector('.timeline .playhead').getAttribute('visibility')"), "visible", "playhead")
            self.assert_quiet(page, name, ["tone.wav"] if name == "sound.html" else [])
            page.close()

    def test_the_keyboard_is_enough(self):
        page = self.open("sound.html")
        page.wait("document.querySelector('audio').readyState >= 2")
        page.evaluate("document.querySelector('.timeline').focus(); 0")
        for _ in range(2):
            page.press("ArrowRight")
        assert "2\u20134" not in page.evaluate("document.querySelector('.timeline').getAttribute('aria-valuetext')")
        assert page.evaluate("document.querySelector('.timeline').getAttribute('aria-valuetext')").startswith("0:02.0 to 0:04.0: score")
        page.press("Enter", text="\r")
        page.wait("document.querySelector('audio').currentTime > 2.05")
        page.evaluate("document.querySelector('audio').pause(); document.querySelector('li:first-child .cue-play').focus(); 0")
        page.press("Enter", text="\r")
        page.wait("!document.querySelector('audio').paused && document.querySelector('audio').currentTime < 2")
        page.close()

    def test_a_recording_that_is_gone(self):
        os.rename(f"{self.folder}/tone.wav", f"{self.folder}/gone.wav")
        try:
            page = self.open("sound.html")
            page.wait("!document.querySelector('.player-problem').hidden")
            assert "cannot be played" in page.evaluate("document.querySelector('.player-problem').textContent")
            page.click("li:nth-child(2) .cue-words")
            same(page.evaluate("document.querySelector('.timeline .current').dataset.index"), "1", "current bar")
            page.close()
        finally:
            os.rename(f"{self.folder}/gone.wav", f"{self.folder}/tone.wav")

    # ---- The rest ----

    def test_hostile_texts_are_texts(self):
        report = data_of(f"{self.folder}/hostile.html", "scores")
        for width in WIDTHS:
            page = self.open("hostile.html", width=width)
            same(page.evaluate("document.title"), "3 recordings and texts", "title")
            same(page.evaluate("document.querySelectorAll('main img, main script, main b').length"), 0, "elements")
            same(page.evaluate("document.querySelector('.cue-words').textContent"), report["recordings"][0]["segments"][0]["text"], "text")
            same(page.evaluate("document.querySelectorAll('.cue-words')[1].textContent"), report["recordings"][1]["segments"][0]["text"], "10 kB")
            same(page.evaluate("document.documentElement.scrollWidth <= innerWidth"), True, f"{width} px: fits")
            page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
            same(page.evaluate("document.documentElement.scrollWidth <= innerWidth"), True, f"{width} px: tables fit")
            self.assert_accessible(page, f"hostile.html at {width} px")
            self.assert_quiet(page, "hostile.html", ["tone.wav"])
            page.close()

    def test_the_policy_forbids_what_the_page_does_not_need(self):
        attempts = {
            "connect-src": "fetch('http://127.0.0.1:9/x').catch(() => {})",
            "img-src": "new Image().src = 'http://127.0.0.1:9/x.png'",
            "media-src": "new Audio('http://127.0.0.1:9/x.wav').load()",
            "script-src-elem": "document.body.append(Object.assign(document.createElement('script'), {textContent: 'document.title = 1'}))",
            "style-src-attr": "document.body.setAttribute('style', 'color: red')",
            "form-action": "document.body.appendChild(Object.assign(document.createElement('form'), {action: 'http://127.0.0.1:9/'})).submit()",
        }
        page = self.open("sound.html")
        for directive, attempt in attempts.items():
            same(page.evaluate("new Promise((tell) => { document.addEventListener('securitypolicyviolation', (event) => "
                               f"tell(event.effectiveDirective), {{once: true}}); {attempt}; setTimeout(() => tell('allowed'), 3000); }})"),
                 directive, attempt)
        page.close()

    def test_many_texts_share_a_chart(self):
        page = self.open("many.html")
        same(page.evaluate("document.querySelectorAll('section.recording').length"), 4, "overview, two recordings, texts")
        same(page.evaluate("document.querySelectorAll('section:last-of-type .timeline g').length"), 200, "bars")
        same(page.evaluate("[...document.querySelectorAll('section:first-of-type tbody tr')].map((r) => r.cells[0].textContent).slice(-3)"),
             ["again", "Texts", "broken.mp4"], "overview")
        assert "it is damaged" in page.evaluate("document.querySelector('section:first-of-type tbody tr:last-child').textContent")
        self.assert_accessible(page, "many.html")
        self.assert_quiet(page, "many.html", ["tone.wav"])
        page.close()

    def test_colours_can_be_changed(self):
        page = self.open("sound.html", dark=True)
        before = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.click("#theme")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
        same(page.evaluate("document.getElementById('theme').textContent"), "Dark colours", "button")
        page.close()

    def test_paper_shows_the_tables(self):
        page = self.open("sound.html", dark=True)
        pdf = page.call("Page.printToPDF", printBackground=True)["data"]
        assert len(pdf) > 10000
        page.call("Emulation.setEmulatedMedia", media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.wait("document.querySelectorAll('details table').length === 2")
        same(page.evaluate("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)", "paper")
        same(page.evaluate("getComputedStyle(document.querySelector('.player')).display"), "none", "player")
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        same(page.evaluate("document.querySelectorAll('details[open]').length"), 0, "folded up again")
        page.close()


def main():
    if not find_chromium():
        print("there is no Chromium")
        return 77
    n_failed = 0
    with tempfile.TemporaryDirectory(prefix="valence-pages-") as folder:
        subprocess.run([sys.argv[1], folder], check=True, stdout=subprocess.DEVNULL)
        with Browser() as browser:
            tests = Tests(browser, os.path.realpath(folder))
            print("axe-core is checked" if tests.axe else "axe-core is not here: scripts/fetch_axe.sh gets it")
            for name in [name for name in dir(tests) if name.startswith("test_") and (len(sys.argv) < 3 or sys.argv[2] in name)]:
                try:
                    getattr(tests, name)()
                    print("ok", name)
                except Exception:
                    n_failed += 1
                    print("FAILED", name)
                    traceback.print_exc(file=sys.stdout)
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
