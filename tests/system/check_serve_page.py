"""check_serve_page.py URL SOUND [signals] [FOLDER]: uses the server's page in Chromium as a visitor would: types, gives a file,
records from a made-up device, downloads, waits for a job, gets errors, by mouse and by keyboard, narrow and wide, light and dark. Screenshots go
to FOLDER. `signals`: the server observes voice and face. Exit code 77 without Chromium."""
import base64
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "report"))
from browser import Browser, find_chromium  # noqa: E402
from test_browser import axe_script  # noqa: E402

if not find_chromium():
    sys.exit(77)
URL, SOUND = sys.argv[1:3]
HAS_SIGNALS = "signals" in sys.argv[3:4]
FOLDER = next(iter(sys.argv[3 + HAS_SIGNALS:]), None)
DEVICES = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
FIGURE = "document.querySelector('#result .figure')?.textContent"


def done(page):
    page.wait("!document.getElementById('score').disabled", 120)
    problem = page.evaluate("document.getElementById('status').textContent")
    assert not problem, problem


def score(page, wanted):
    """Presses the button, and waits until the result holds this."""
    page.evaluate("document.getElementById('score').click()") # the page may be scrolling still
    try:
        page.wait(f"document.querySelector('#result {wanted}') !== null", 60)
    except RuntimeError as error:
        raise RuntimeError(f"{error}; status: {page.evaluate('document.getElementById(`status`).textContent')}; "
                           f"log: {page.messages()}") from error
    done(page)


def look(page, name):
    name = f"{name}-{page.width}-{page.evaluate('matchMedia(`(prefers-color-scheme: dark)`).matches ? `dark` : `light`')}"
    wide = page.evaluate("document.documentElement.scrollWidth") - page.width
    assert wide <= 0, f"{name}: the page is {wide} pixels too wide"
    if axe_script():
        page.evaluate(axe_script())
        found = page.evaluate("axe.run().then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' ')))")
        assert not found, f"{name}: {found}"
    if FOLDER:
        page.screenshot(os.path.join(FOLDER, name + ".png"))


def give_file(page, name, content=None):
    """Drops the file where files are dropped: the sound, or other bytes."""
    with open(SOUND, "rb") as file:
        data = base64.b64encode(content or file.read()).decode()
    page.evaluate(f"""(() => {{
        const bytes = Uint8Array.from(atob({json.dumps(data)}), (letter) => letter.charCodeAt(0));
        const transfer = new DataTransfer();
        transfer.items.add(new File([bytes], {json.dumps(name)}, {{ type: "audio/wav" }}));
        document.querySelector(".drop").dispatchEvent(new DragEvent("drop", {{ dataTransfer: transfer, cancelable: true }}));
    }})()""")
    assert name in page.evaluate("document.getElementById('chosen').textContent")


def type_a_text(page):
    """By keyboard alone, with a text that would be HTML."""
    page.evaluate("document.getElementById('text').focus()")
    page.call("Input.insertText", text="lovely <b>rest</b>")
    page.press("Tab")
    assert page.evaluate("document.activeElement.id") == "score"
    page.press("Enter", text="\r")
    page.wait("document.querySelector('#result .recording') !== null", 120)
    done(page)
    assert "<b>rest</b>" in page.evaluate("document.getElementById('result').textContent")
    assert page.evaluate("!document.querySelector('#result b')")
    look(page, "text")


def score_a_file(page):
    give_file(page, "a clip.wav")
    page.evaluate("document.getElementById('text').value = ''")
    score(page, "audio")
    assert page.evaluate("document.querySelectorAll('#result .timeline svg').length") > 0
    page.wait("document.querySelector('#result audio').readyState > 0")
    rows = page.evaluate("[...document.querySelectorAll('.what-if tbody tr')].map(row => row.textContent)")
    assert len(rows) == 2 and rows[0].startswith("with everything") and rows[1].startswith("without the transcript"), rows
    assert page.evaluate(FIGURE)
    text = page.evaluate("document.getElementById('result').textContent")
    assert ("Pitch" in text) == HAS_SIGNALS, text
    assert page.evaluate("document.getElementById('file').files[0].name") == "a clip.wav"
    look(page, "file")


def download(page):
    """The button's file is the server's answer."""
    page.evaluate("""(() => {
        window.saved = [];
        HTMLAnchorElement.prototype.click = function () {
            saved.push(fetch(this.href).then(() => null, () => null), this.download);
        };
        const make = URL.createObjectURL;
        URL.createObjectURL = (blob) => { blob.text().then((text) => saved.push(text)); return make.call(URL, blob); };
    })()""")
    for title, name, words in (("Download JSON", "a clip.json", '"valence/score"'), ("Download SubRip", "a clip.srt", " --> "),
                               ("Download CSV", "a clip.csv", "id,score,low")):
        page.evaluate(f"[...document.querySelectorAll('#result button')].find(b => b.textContent === {json.dumps(title)}).click()")
        page.wait(f"saved.includes({json.dumps(name)})", 120)
        if title != "Download JSON":
            page.wait(f"saved.some(text => typeof text === 'string' && text.includes({json.dumps(words)}))")


def record(page, seconds):
    """From a made-up camera; False where it gave nothing yet, as on a machine with much to do."""
    press = "[...document.querySelectorAll('.try button')].find(b => b.textContent === '%s').click()"
    page.evaluate(press % "Record camera")
    page.wait("[...document.querySelectorAll('.try button')].some(b => b.textContent === 'Stop recording')")
    page.evaluate(f"new Promise(done => setTimeout(done, {1000 * seconds}))")
    page.evaluate(press % "Stop recording")
    page.wait("document.getElementById('chosen').textContent.includes('film.webm')")
    if page.evaluate("document.getElementById('file').files[0].size") < 2000:
        return False
    score(page, "video")
    return True


def remove(page):
    page.evaluate("document.getElementById('remove').click()")
    assert page.evaluate("document.getElementById('file').files.length") == 0
    page.evaluate("document.getElementById('score').click()")
    assert "type a text" in page.evaluate("document.getElementById('status').textContent")


def refuse(page):
    page.click("#score")
    assert "type a text" in page.evaluate("document.getElementById('status').textContent")
    look(page, "empty")


def get_an_error(page):
    give_file(page, "notes.wav", b"no sound at all")
    page.evaluate("document.getElementById('score').click()")
    page.wait("document.querySelector('#status.problem') !== null", 60)
    message = page.evaluate("document.getElementById('status').textContent")
    assert message.startswith("notes.wav: "), message
    look(page, "error")


def wait_for_a_job(page):
    """How far a job is, then that it failed, then that there is no server, as a server would say it that is busy for long."""
    page.evaluate("""(() => {
        const real = window.fetch;
        const say = (status, body) => Promise.resolve(new Response(JSON.stringify(body), { status }));
        window.jobState = { id: "0", status: "queued", seconds: 90, done: 0 };
        window.deleted = 0;
        window.fetch = (path, options) => {
            if (path === "v1/score") return say(202, jobState);
            if (path === "v1/jobs/0/result") return say(422, { error: { message: "the recording is damaged" } });
            if (options.method === "DELETE") { window.deleted++; window.fetch = real; return say(200, {}); }
            return window.jobState ? say(200, jobState) : Promise.reject(new TypeError("Failed to fetch"));
        };
        document.getElementById("score").click();
    })()""")
    page.wait("document.querySelector('.try progress:not([hidden])') !== null")
    page.evaluate("void Object.assign(jobState, { status: 'running', done: 30 })")
    page.wait("document.querySelector('.try progress').value === 30")
    assert page.evaluate("document.querySelector('.try progress').max") == 90
    look(page, "job")
    page.evaluate("void (jobState.status = 'failed')")
    page.wait("document.getElementById('status').textContent === 'the recording is damaged'")
    assert page.evaluate("window.deleted") == 1
    assert page.evaluate("document.querySelector('.try progress').hidden && !document.getElementById('score').disabled")


def lose_the_server(page):
    page.evaluate("""(() => {
        const real = window.fetch;
        window.fetch = () => { window.fetch = real; return Promise.reject(new TypeError("Failed to fetch")); };
        document.getElementById("score").click();
    })()""")
    page.wait("document.getElementById('status').textContent === 'The server cannot be reached.'")


def main():
    with Browser(*DEVICES) as browser:
        for width, dark in ((375, True), (375, False), (1440, True), (1440, False)):
            page = browser.open(URL + "/", width=width, dark=dark)
            page.wait("document.getElementById('score') !== null")
            refuse(page)
            type_a_text(page)
            score_a_file(page)
            is_last = (width, dark) == (1440, False)
            if is_last:
                assert any(record(page, seconds) for seconds in (1.5, 4, 10))
                give_file(page, "a clip.wav")
                score(page, "audio")
            # The browser reports the one answer by which the page learns that there are no signals.
            problems = [text for text in page.messages() if HAS_SIGNALS or "503" not in text]
            assert not problems, problems
            outside = [address for address in page.requests() if not address.startswith((URL, "blob:", "data:"))]
            assert not outside, outside
            if is_last:
                download(page)
            wait_for_a_job(page)
            lose_the_server(page)
            get_an_error(page)
            remove(page)
            page.close()


main()
