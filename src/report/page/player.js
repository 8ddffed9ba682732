/* The recording's own file: beside the page, or carried in it. Without one, or where the browser
 * cannot play it, the rest of the page works all the same. */

/* A file that the page carries, as an address. */
function carriedFile(id, type) {
  const letters = atob(document.getElementById(id).textContent);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return URL.createObjectURL(new Blob([bytes], { type }));
}

function captionsOf(player, segments) {
  const track = player.addTextTrack("captions", "Words");
  for (const segment of segments) {
    if (segment.text && isKnown(segment.start))
      track.addCue(new VTTCue(segment.start, segment.end, segment.text));
  }
}

function problemText(media, name) {
  return media.carried
    ? `This browser cannot play ${name}.`
    : `${name} cannot be played: it is not where it was when this page was made, ` +
        "or this browser does not know its format.";
}

/* `media` is the page's record of the file, or null. Gives the player's node, and what the charts
 * and cues ask of it. */
function makePlayer(media, recording) {
  const listeners = [];
  const player = {
    node: null,
    available: false,
    onTime: (listener) => listeners.push(listener),
    onFailure() {},
    play() {},
    seek() {},
  };
  if (!media || !media.kind) return player;
  const name = baseName(recording.id);
  const element = make(media.kind, {
    controls: true,
    preload: "metadata",
    playsinline: true,
    "aria-label": shortened(name, 80),
  });
  const problem = make("p", { class: "player-problem", role: "status", hidden: true });
  let stop = Infinity;
  const tell = () => {
    if (element.currentTime >= stop) {
      stop = Infinity;
      element.pause();
    }
    for (const listener of listeners) listener(element.currentTime);
  };
  const follow = () => {
    tell();
    if (!element.paused && !element.ended) requestAnimationFrame(follow);
  };
  element.addEventListener("play", follow);
  element.addEventListener("seeked", tell);
  element.addEventListener("timeupdate", tell);
  element.addEventListener("error", () => {
    player.available = false;
    player.onFailure();
    problem.textContent = problemText(media, shortened(name, 60));
    problem.hidden = false;
    element.hidden = true;
  });
  element.addEventListener("loadedmetadata", () => {
    if (media.kind !== "video" || element.videoWidth > 0) return;
    element.classList.add("sound-alone");
    problem.textContent =
      "This browser plays the sound alone: it does not know the format of the pictures.";
    problem.hidden = false;
  });
  captionsOf(element, recording.segments);
  element.src = media.carried ? carriedFile(media.carried, media.type) : media.address;

  player.available = true;
  player.node = make("div", { class: "player" }, element, problem);
  player.seek = (time) => {
    stop = Infinity;
    element.currentTime = time;
  };
  player.play = (start, end) => {
    element.currentTime = start;
    stop = isKnown(end) ? end : Infinity;
    element.play().catch(() => {}); /* the error event says what is wrong */
  };
  return player;
}
