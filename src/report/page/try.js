/* The server's page: sends a recording or a text to the API and shows the scores. */

const page = readData("page");

/* ---- The API ---- */

function reach(path, options) {
  return fetch(path, options).catch(() => {
    throw new Error("The server cannot be reached.");
  });
}

/* A long recording is a job: waits until it has ended, gives its result, and removes it from the server. `showJob` is called with
 * each state, and with null at the end. */
async function awaitJob(job, headers, showJob) {
  const path = `v1/jobs/${job.id}`;
  try {
    while (job.status === "queued" || job.status === "running") {
      showJob(job);
      await new Promise((done) => setTimeout(done, 1000));
      const answer = await reach(path, { headers });
      if (!answer.ok) return answer;
      job = await answer.json();
    }
    const result = await reach(`${path}/result`, { headers });
    const whole = new Response(await result.blob(), { status: result.status });
    await reach(path, { method: "DELETE", headers });
    return whole;
  } finally {
    showJob(null);
  }
}

/* The answer to a form; an error has the server's words, and its code as `status`. */
async function ask(form, key, showJob) {
  const headers = key ? { Authorization: `Bearer ${key}` } : {};
  let answer = await reach("v1/score", { method: "POST", body: form, headers });
  if (answer.status === 202) answer = await awaitJob(await answer.json(), headers, showJob);
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => null);
  const error = new Error(told ? told.error.message : `the server answers ${answer.status}`);
  error.status = answer.status;
  throw error;
}

let hasSignals = true; /* until the server says that it has no encoder for voice and face */

function formOf(input, format) {
  const form = new FormData();
  if (input.file) form.append("file", input.file, input.file.name);
  if (input.text) form.append("text", input.text);
  if (input.file && hasSignals && format === "verbose_json") form.append("signals", "true");
  form.append("response_format", format);
  return form;
}

/* All that the page shows: with voice and face, if the server can observe them. */
async function askForScores(input, key, showJob) {
  try {
    return await ask(formOf(input, "verbose_json"), key, showJob);
  } catch (error) {
    if (!input.file || !hasSignals || !(error.status >= 500)) throw error;
    hasSignals = false;
    return ask(formOf(input, "verbose_json"), key, showJob);
  }
}

/* ---- What if something were missing ---- */

/* The whole's score without a modality: the mean as the server takes it, by duration or words. */
function scoreWithout(segments, modality) {
  let sum = 0;
  let weights = 0;
  for (const segment of segments) {
    const score = segment.score_without && segment.score_without[modality];
    if (!isKnown(score)) continue;
    const weight = isKnown(segment.start) ? segment.end - segment.start : segment.words.length || 1;
    sum += weight * score;
    weights += weight;
  }
  return weights > 0 ? sum / weights : null;
}

/* Side by side: the score, and those in the flows that miss a modality. */
function makeWhatIf(recording) {
  const rows = Object.keys(MODALITY_NAMES)
    .map((modality) => ({
      name: modality === "text" ? "without the transcript" : `without ${MODALITY_NAMES[modality]}`,
      score: scoreWithout(recording.segments, modality),
    }))
    .filter((row) => isKnown(row.score));
  if (rows.length === 0) return null;
  return make(
    "section",
    { class: "recording what-if", "aria-labelledby": "what-if" },
    make("h2", { id: "what-if" }, "What if something were missing"),
    makeTable(
      make("span", { class: "hidden-text" }, "Scores with and without each modality"),
      [
        { title: "Scored", isText: true, value: (row) => row.name },
        {
          title: "Score",
          number: true,
          value: (row) =>
            make(
              "span",
              { class: "tone", "data-tone": scoreTone(row.score) },
              signed(row.score, 2),
            ),
        },
      ],
      [{ name: "with everything", score: recording.score }, ...rows],
    ),
  );
}

/* ---- Results ---- */

function save(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function makeDownloads(input, report, asking) {
  const name = input.file ? input.file.name.replace(/\.[^.]*$/, "") : "scores";
  const { key, tell, showJob } = asking;
  const again = (format, ending) => async () => {
    tell("Making the file \u2026");
    try {
      save(await (await ask(formOf(input, format), key(), showJob)).blob(), `${name}.${ending}`);
      tell("");
    } catch (error) {
      tell(error.message, true);
    }
  };
  const button = (title, onclick) =>
    make("button", { type: "button", class: "quiet", onclick }, title);
  const json = new Blob([JSON.stringify(report, null, 2)], { type: "application/json" });
  return make(
    "div",
    { class: "row downloads" },
    button("Download JSON", () => save(json, `${name}.json`)),
    button("Download CSV", again("csv", "csv")),
    input.file ? button("Download SubRip", again("srt", "srt")) : null,
  );
}

let played = null; /* the address of the file at hand */

function mediaOf(file) {
  if (played) URL.revokeObjectURL(played);
  played = file ? URL.createObjectURL(file) : null;
  if (!file) return null;
  return { kind: file.type.startsWith("audio/") ? "audio" : "video", address: played };
}

function showResult(input, report, asking) {
  const result = document.getElementById("result");
  const views = makeViews(report, [mediaOf(input.file)]);
  result.replaceChildren(
    ...views.map((view) => makeRecording(view, page.language, false)),
    ...[makeWhatIf(report.recordings[0])].filter(Boolean),
    makeDownloads(input, report, asking),
  );
  views.forEach((view) => view.begin());
  result.scrollIntoView({ block: "start" });
}

/* ---- Recording ---- */

/* A button that records from a device until it is pressed again. */
function makeRecorder(title, wanted, name, take, tell) {
  let recorder = null;
  const button = make("button", { type: "button", class: "quiet" }, title);
  const begin = async () => {
    const stream = await navigator.mediaDevices.getUserMedia(wanted);
    const pieces = [];
    recorder = new MediaRecorder(stream);
    recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
    recorder.addEventListener("stop", () => {
      const type = recorder.mimeType.split(";")[0];
      recorder = null;
      button.textContent = title;
      for (const track of stream.getTracks()) track.stop();
      take(new File(pieces, `${name}.webm`, { type }));
    });
    recorder.start();
    button.textContent = "Stop recording";
    tell("Recording \u2026");
  };
  button.addEventListener("click", () => {
    if (recorder) recorder.stop();
    else begin().catch((error) => tell(`Nothing can be recorded: ${error.message}`, true));
  });
  return button;
}

/* ---- The form ---- */

function makeForm() {
  const file = make("input", { type: "file", id: "file", accept: "audio/*,video/*" });
  const text = make("textarea", { id: "text", rows: 3 });
  const password = make("input", { type: "password", id: "key", autocomplete: "off" });
  const keyRow = make(
    "div",
    { hidden: true },
    make("label", { for: "key" }, "The server\u2019s key"),
    password,
  );
  const status = make("p", { id: "status", role: "status" });
  const progress = make("progress", { hidden: true, "aria-label": "How much is scored" });
  const score = make("button", { type: "submit", class: "main-button", id: "score" }, "Score");
  const chosen = make("p", { class: "small muted", id: "chosen" });
  const remove = make(
    "button",
    { type: "button", class: "quiet", id: "remove", hidden: true, onclick: () => take(null) },
    "Remove the recording",
  );
  const state = { file: null };
  const tell = (message, isProblem) => {
    status.textContent = message;
    status.classList.toggle("problem", Boolean(isProblem));
  };
  const take = (given) => {
    const transfer = new DataTransfer();
    if (given) transfer.items.add(given);
    file.files = transfer.files; /* also of what was dropped or recorded */
    state.file = given || null;
    remove.hidden = !given;
    chosen.textContent = given
      ? `${shortened(given.name, 60)}, ${count(Math.ceil(given.size / 1024), "KiB", "KiB")}`
      : "";
    tell("");
  };
  file.addEventListener("change", () => take(file.files[0]));
  const drop = make(
    "div",
    { class: "drop" },
    make("label", { for: "file" }, "A recording: choose a file, drop one here, or record"),
    file,
    chosen,
  );
  for (const name of ["dragover", "dragleave", "drop"])
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      if (name === "drop" && event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
    });
  const canRecord = navigator.mediaDevices && window.MediaRecorder;
  const recorders = canRecord
    ? [
        makeRecorder("Record sound", { audio: true }, "sound", take, tell),
        makeRecorder("Record camera", { audio: true, video: true }, "film", take, tell),
      ]
    : [];
  const key = () => password.value;
  const showJob = (job) => {
    progress.hidden = !job;
    if (job && job.status === "running" && isKnown(job.seconds)) {
      progress.max = job.seconds;
      progress.value = job.done;
    } else {
      progress.removeAttribute("value"); /* it waits, or nobody knows how long it is */
    }
  };
  const asking = { key, tell, showJob };
  const send = async () => {
    const input = { file: state.file, text: text.value.trim() };
    if (!input.file && !input.text) {
      tell("Choose a recording, record one, or type a text.", true);
      return;
    }
    score.disabled = true;
    tell("Scoring \u2026");
    try {
      const answer = await askForScores(input, key(), showJob);
      showResult(input, await answer.json(), asking);
      tell("");
    } catch (error) {
      if (error.status === 401) keyRow.hidden = false;
      tell(error.message, true);
    } finally {
      score.disabled = false;
    }
  };
  return make(
    "form",
    {
      class: "try",
      onsubmit: (event) => {
        event.preventDefault();
        send();
      },
    },
    drop,
    make("div", { class: "row" }, recorders, remove),
    make(
      "div",
      {},
      make("label", { for: "text" }, "A text, or what is said in the recording"),
      text,
    ),
    keyRow,
    make("div", { class: "row" }, score, progress, status),
  );
}

/* ---- The page ---- */

document.getElementById("main").append(makeForm(), make("div", { id: "result" }));
document
  .getElementById("about")
  .append(
    make(
      "p",
      {},
      "Your recording goes to this server alone, which deletes it after answering. Speech is " +
        "recognised if you type no text. ",
      "Model: ",
      isolated(page.model),
      `. Made by valence ${page.version}. The API: `,
      make("a", { href: "openapi.yaml" }, "openapi.yaml"),
      ".",
    ),
  );
setUpTheme();
setUpPrinting();
