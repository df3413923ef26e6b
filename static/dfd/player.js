// The original on the page: a waveform for audio, a word when the browser cannot show the format.
const STRENGTH = {
  "fake-strong": "--dfd-fake", fake: "--dfd-fake", real: "--dfd-real", "real-strong": "--dfd-real",
};
// The whole recording is decoded for its waveform; beyond this the tab would run out of memory.
const LARGEST_WAVEFORM = 150 * 1024 * 1024;
const OPACITY = { "fake-strong": 0.3, fake: 0.15, real: 0.12, "real-strong": 0.25 };

export const player = document.querySelector("[data-player]");

/** Move the recording to `seconds`. */
export function seek(seconds) {
  if (!player) return;
  player.currentTime = seconds;
  player.scrollIntoView({ block: "nearest" });
}

export function colour(name, alpha = 1) {
  // Resolved through an element, because canvases know neither variables nor light-dark().
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  probe.style.setProperty("color", `var(${name})`);
  const solid = getComputedStyle(probe).color;
  probe.remove();
  return alpha === 1 ? solid : `color-mix(in srgb, ${solid} ${alpha * 100}%, transparent)`;
}

function explainUnplayable() {
  const note = document.querySelector("[data-unplayable]");
  const media = player || document.querySelector("[data-viewer]");
  if (!note || !media) return;
  const show = () => { note.hidden = false; };
  media.addEventListener("error", show);
  if (media.error || (media.tagName === "IMG" && media.complete && !media.naturalWidth)) show();
}

function drawWaveform() {
  const box = document.querySelector("[data-waveform]");
  if (!box || !window.WaveSurfer || Number(box.dataset.size) > LARGEST_WAVEFORM) return;
  const regions = window.WaveSurfer.Regions ? window.WaveSurfer.Regions.create() : null;
  const wave = window.WaveSurfer.create({
    container: box,
    url: box.dataset.waveform,
    media: player,
    height: 96,
    normalize: true,
    barWidth: 2,
    barGap: 1,
    barRadius: 1,
    waveColor: colour("--tblr-secondary"),
    progressColor: colour("--dfd-line"),
    cursorColor: colour("--tblr-body-color"),
    plugins: regions ? [regions] : [],
    cspNonce: document.querySelector("script[nonce]")?.nonce,
  });
  wave.on("error", () => { box.hidden = true; });
  document.addEventListener("dfd:theme", () => wave.setOptions({
    waveColor: colour("--tblr-secondary"),
    progressColor: colour("--dfd-line"),
    cursorColor: colour("--tblr-body-color"),
  }));
  if (regions) wave.on("decode", () => markRegions(regions));
}

function markRegions(regions) {
  const data = document.getElementById("regions");
  if (!data) return;
  JSON.parse(data.textContent).forEach((region) => regions.addRegion({
    start: region.start,
    end: region.end,
    drag: false,
    resize: false,
    color: colour(STRENGTH[region.strength], OPACITY[region.strength]),
  }));
}

explainUnplayable();
drawWaveform();
