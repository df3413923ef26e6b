// Drag-and-drop upload over tus: progress, pause, resume after a broken line or a reload,
// and the SHA-256 computed here beside the one the server computed.
const CHUNK = 8 * 1024 * 1024;
const RETRY_MS = [0, 1000, 3000, 5000, 10000, 20000];

const form = document.querySelector("[data-upload]");
if (form && window.tus?.isSupported) start();

function start() {
  const input = form.querySelector("[type=file]");
  input.required = false;
  input.addEventListener("change", () => { add(input.files); input.value = ""; });
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const name of ["dragenter", "dragover"]) form.addEventListener(name, over);
  for (const name of ["dragleave", "drop"]) form.addEventListener(name, () => form.classList.remove("is-over"));
  form.addEventListener("drop", (event) => { event.preventDefault(); add(event.dataTransfer.files); });
}

function over(event) {
  event.preventDefault();
  form.classList.add("is-over");
}

function add(files) {
  [...files].forEach((file) => new Row(file));
}

function acquisition() {
  const metadata = {};
  form.querySelectorAll("[data-acquisition] input").forEach((field) => {
    const name = field.name.replace("acquisition-", "");
    if (field.value) metadata[name] = name === "acquired_at" ? withOffset(field.value) : field.value;
  });
  return metadata;
}

function withOffset(local) {
  const minutes = -new Date(local).getTimezoneOffset();
  const pad = (number) => String(Math.abs(Math.trunc(number))).padStart(2, "0");
  return `${local}:00${minutes < 0 ? "-" : "+"}${pad(minutes / 60)}:${pad(minutes % 60)}`;
}

class Row {
  constructor(file) {
    this.file = file;
    const template = form.querySelector("[data-upload-row]");
    this.item = template.content.firstElementChild.cloneNode(true);
    this.part = (name) => this.item.querySelector(`[data-${name}]`);
    this.part("name").textContent = file.name;
    this.part("size").textContent = inUnits(file.size);
    this.part("progress").setAttribute("aria-label", file.name);
    form.querySelector("[data-uploads]").append(this.item);
    this.part("pause").addEventListener("click", () => this.pause());
    this.part("resume").addEventListener("click", () => this.resume());
    this.part("remove").addEventListener("click", () => this.remove());
    if (file.size > Number(form.dataset.limit)) this.refuse(form.dataset.wordsLarge);
    else this.send();
  }

  async send() {
    this.say(form.dataset.wordsWaiting);
    this.hash();
    this.upload = new window.tus.Upload(this.file, {
      endpoint: form.dataset.endpoint,
      chunkSize: CHUNK,
      retryDelays: RETRY_MS,
      removeFingerprintOnSuccess: true,
      headers: { "X-CSRFToken": form.querySelector("[name=csrfmiddlewaretoken]").value },
      metadata: { filename: this.file.name, case: form.dataset.case, ...acquisition() },
      fingerprint: async (file) => ["dfd", form.dataset.case, file.name, file.size, file.lastModified].join("-"),
      onProgress: (sent, all) => this.progress(sent, all),
      onShouldRetry: (error) => this.shouldRetry(error),
      onAfterResponse: (request, response) => {
        this.exhibit = response.getHeader("DFD-Exhibit") || this.exhibit;
      },
      onError: (error) => this.refuse(words(error)),
      onSuccess: () => this.received(),
    });
    const earlier = await this.upload.findPreviousUploads();
    if (earlier.length) this.upload.resumeFromPreviousUpload(earlier[0]);
    this.upload.start();
  }

  shouldRetry(error) {
    const status = error.originalResponse?.getStatus() ?? 0;
    const again = status === 0 || status >= 500 || status === 409 || status === 423;
    if (again) this.say(form.dataset.wordsRetry);
    return again;
  }

  progress(sent, all) {
    this.part("progress").value = all ? sent / all : 0;
    const done = sent === all;
    this.say(done ? form.dataset.wordsChecking : `${inUnits(sent)} / ${inUnits(all)}`);
  }

  pause() {
    this.upload.abort();
    this.toggle(true);
    this.say(form.dataset.wordsPaused);
  }

  resume() {
    this.toggle(false);
    this.upload.start();
  }

  toggle(paused) {
    this.part("pause").hidden = paused;
    this.part("resume").hidden = !paused;
    this.part(paused ? "resume" : "pause").focus();
  }

  remove() {
    if (this.upload && !this.finished) this.upload.abort(true).catch(() => {});
    this.worker?.terminate();
    this.item.remove();
  }

  hash() {
    this.worker = new Worker(new URL("sha256-worker.js", import.meta.url));
    this.worker.addEventListener("message", ({ data }) => {
      if (data.sha256) {
        this.sha256 = data.sha256;
        this.worker.terminate();
        this.compare();
      } else {
        this.part("hash").textContent = `${form.dataset.wordsHashing} ${Math.round(data.share * 100)} %`;
      }
    });
    this.worker.postMessage(this.file);
  }

  compare() {
    const ours = this.part("hash");
    ours.textContent = `SHA-256 ${this.sha256.slice(0, 12)}…`;
    ours.title = this.sha256;
    const theirs = this.item.querySelector("[data-server-sha256]")?.dataset.serverSha256;
    if (!theirs) return;
    const agree = theirs === this.sha256;
    ours.textContent = agree ? form.dataset.wordsAgree : form.dataset.wordsDiffer;
    ours.classList.toggle("is-refused", !agree);
  }

  async received() {
    this.finish();
    this.say("");
    if (this.exhibit) {
      const answer = await fetch(`${form.dataset.received}${this.exhibit}/`);
      if (answer.ok) this.part("answer").innerHTML = await answer.text();
    }
    if (this.sha256) this.compare();
    document.body.dispatchEvent(new Event("dfd:received"));
  }

  refuse(text) {
    this.finish();
    this.say(text);
    this.part("state").classList.add("is-refused");
    this.worker?.terminate();
    this.part("hash").textContent = "";
  }

  finish() {
    this.finished = true;
    this.part("progress").hidden = true;
    this.part("pause").hidden = true;
    this.part("resume").hidden = true;
    this.part("remove-word").textContent = form.dataset.wordsDismiss;
  }

  say(text) {
    this.part("state").textContent = text;
  }
}

function words(error) {
  const body = error.originalResponse?.getBody();
  try {
    const problem = JSON.parse(body);
    return problem.detail || problem.title;
  } catch {
    return error.originalResponse ? `${error.originalResponse.getStatus()}: ${body || error.message}` : error.message;
  }
}

function inUnits(bytes) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let index = 0;
  let value = bytes;
  while (value >= 1024 && index < units.length - 1) { value /= 1024; index += 1; }
  return `${value.toFixed(index && value < 100 ? 1 : 0)} ${units[index]}`;
}
