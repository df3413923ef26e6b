// The live check: short clips of camera and microphone go to the server one at a time, the whole
// recording stays here until the person saves it or leaves.
import { Recording } from "./recording.js";

const POLL_MS = 700;
const CLOCK_MS = 250;

const box = document.querySelector("[data-live]");
const part = (name) => document.querySelector(`[data-${name}]`);
const words = box.dataset;
let recording = null;
let saved = true;
let skipped = 0;
let waiting = false;
let polling = null;

part("start").addEventListener("click", start);
part("stop").addEventListener("click", () => stop());
part("save")?.addEventListener("submit", save);
window.addEventListener("beforeunload", (event) => { if (recording || !saved) event.preventDefault(); });

async function start() {
  if (!saved && !window.confirm(words.wordsDiscard)) return;
  trouble("");
  if (!window.isSecureContext || !navigator.mediaDevices) return trouble(words.wordsInsecure);
  if (!window.MediaRecorder) return trouble(words.wordsUnable);
  part("start").disabled = true;
  state(words.wordsStarting);
  try {
    recording = await Recording.start({
      source: document.querySelector("[name=source]:checked").value,
      windowS: Number(words.window),
      onWindow: send,
      onLevel: (level) => { part("level").value = level; },
      onEnd: () => stop(words.wordsUnplugged),
    });
  } catch (error) {
    part("start").disabled = false;
    state(words.wordsIdle);
    return trouble(reason(error));
  }
  saved = false;
  skipped = 0;
  part("preview").srcObject = recording.stream;
  part("preview").play().catch(() => {});
  part("empty").hidden = recording.hasPicture;
  part("save-panel").hidden = true;
  part("skipped").hidden = true;
  document.querySelectorAll("[name=source]").forEach((choice) => { choice.disabled = true; });
  part("stop").disabled = false;
  part("stop").focus();
  state(words.wordsRecording, true);
  tick();
}

function tick() {
  if (!recording) return;
  const seconds = recording.seconds();
  part("clock").textContent = clock(seconds);
  if (seconds >= Number(words.longest)) return stop(words.wordsLongest);
  setTimeout(tick, CLOCK_MS);
}

async function stop(why = "") {
  if (!recording) return;
  const ended = recording;
  recording = null;
  part("stop").disabled = true;
  const file = await ended.stop();
  part("preview").srcObject = null;
  part("empty").hidden = false;
  part("level").value = 0;
  document.querySelectorAll("[name=source]").forEach((choice) => { choice.disabled = false; });
  part("start").disabled = false;
  part("start").focus();
  state(words.wordsStopped);
  if (why) trouble(why);
  offer(file, ended.startedAt);
}

/** Put the recording into the form that saves it, and show the form. */
function offer(file, startedAt) {
  saved = file.size === 0;
  part("save-panel").hidden = saved;
  const form = part("save");
  if (!form || saved) return;
  const transfer = new DataTransfer();
  transfer.items.add(file);
  form.querySelector("[type=file]").files = transfer.files;
  const method = part("method");
  method.dataset.words ??= method.value;
  method.value = `${method.dataset.words}, ${startedAt.toISOString()}`;
  part("size").textContent = `${(file.size / 1024 / 1024).toFixed(1)} MB`;
}

function save() {
  part("save").action = part("case").value;
  saved = true;
}

/** Send one window. While it is examined, further windows are left out: fresh ones tell more. */
async function send(clip, from, to) {
  if (waiting) return leaveOut();
  waiting = true;
  try {
    const answer = await fetch(`${words.address}?start=${from.toFixed(2)}&end=${to.toFixed(2)}`, {
      method: "POST",
      headers: { "Content-Type": clip.type.split(";")[0], "X-CSRFToken": words.csrf },
      body: clip,
      redirect: "manual",
    });
    if (answer.status === 202) return poll();
    waiting = false;
    if (answer.type === "opaqueredirect" || answer.status === 403) return trouble(words.wordsSignedOut);
    const told = await answer.json();
    if (told.code === "busy") return leaveOut();
    trouble(told.message);
  } catch {
    waiting = false;
    trouble(words.wordsOffline);
  }
}

function leaveOut() {
  skipped += 1;
  part("skipped").hidden = false;
  part("skipped").textContent = `${words.wordsSkipped} ${skipped}`;
  if (waiting && !polling) poll();
}

async function poll() {
  clearTimeout(polling);
  try {
    const answer = await fetch(words.address, { redirect: "manual" });
    if (answer.ok) {
      show(await answer.text());
      trouble("");
    } else if (answer.headers.get("Content-Type")?.includes("json")) {
      trouble((await answer.json()).message);
    }
  } catch {
    trouble(words.wordsOffline);
  }
  const pending = Number(part("pending").dataset.pending);
  waiting = pending > 0;
  polling = waiting ? setTimeout(poll, POLL_MS) : null;
}

function show(html) {
  const before = part("rolling").dataset.rolling;
  const open = box.querySelector("[data-answer] details")?.open;
  part("answer").innerHTML = html;
  const details = box.querySelector("[data-answer] details");
  if (details && open) details.open = true;
  const rolling = part("rolling").dataset.rolling;
  part("verdict").className = `card verdict verdict-${{ FAKE: "fake", REAL: "real" }[rolling] ?? "inconclusive"}`;
  const title = box.querySelector("[data-answer] .verdict-title");
  if (rolling !== before && title) document.getElementById("live-region").textContent = title.textContent;
}

function state(text, running = false) {
  part("state").textContent = text;
  part("state").classList.toggle("sign-running", running);
}

function trouble(text) {
  part("trouble").hidden = !text;
  part("trouble-words").textContent = text;
}

function reason(error) {
  return {
    NotAllowedError: words.wordsDenied,
    SecurityError: words.wordsDenied,
    NotFoundError: words.wordsMissing,
    OverconstrainedError: words.wordsMissing,
    NotReadableError: words.wordsBusy,
    AbortError: words.wordsBusy,
  }[error.name] ?? `${words.wordsUnable} (${error.name})`;
}

function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
