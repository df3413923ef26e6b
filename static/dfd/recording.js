// Two recorders on one stream: one keeps the whole, the other starts anew for every window, so
// that each window is a file of its own.
const CONTAINERS = {
  video: ["video/webm;codecs=vp8,opus", "video/webm", "video/mp4"],
  audio: ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg"],
};
const BITS = { videoBitsPerSecond: 1_500_000, audioBitsPerSecond: 96_000 };
const LEVEL_MS = 120;
const KEEP_MS = 1000;

export class Recording {
  /**
   * Ask for the source and record. Rejects with the browser's own error when it is refused.
   * `onWindow(blob, from, to)` gets each window.
   */
  static async start(options) {
    const wishes = {
      both: { audio: true, video: size() },
      camera: { video: size() },
      microphone: { audio: true },
    }[options.source];
    const stream = await navigator.mediaDevices.getUserMedia(wishes);
    return new Recording(stream, options);
  }

  constructor(stream, options) {
    this.stream = stream;
    this.options = options;
    this.startedAt = new Date();
    this.begun = performance.now();
    this.hasPicture = stream.getVideoTracks().length > 0;
    this.type = CONTAINERS[this.hasPicture ? "video" : "audio"].find((type) => window.MediaRecorder.isTypeSupported(type));
    this.pieces = [];
    this.whole = this.recorder((piece) => this.pieces.push(piece));
    this.whole.start(KEEP_MS);
    stream.getTracks().forEach((track) => track.addEventListener("ended", options.onEnd));
    this.listen();
    this.next();
  }

  recorder(onPiece) {
    const recorder = new window.MediaRecorder(this.stream, { mimeType: this.type, ...BITS });
    recorder.addEventListener("dataavailable", ({ data }) => { if (data.size) onPiece(data); });
    return recorder;
  }

  seconds() {
    return (performance.now() - this.begun) / 1000;
  }

  /** Record one window after the other. */
  next() {
    if (this.ended) return;
    const from = this.seconds();
    const window = this.recorder((piece) => {
      if (!this.ended) this.options.onWindow(piece, from, this.seconds());
    });
    window.addEventListener("stop", () => this.next());
    window.start();
    this.current = window;
    this.timer = setTimeout(() => { if (window.state !== "inactive") window.stop(); }, this.options.windowS * 1000);
  }

  /** Show how loud it is, so that a dead microphone is noticed. */
  listen() {
    if (!this.stream.getAudioTracks().length) return;
    this.sound = new AudioContext();
    const analyser = this.sound.createAnalyser();
    this.sound.createMediaStreamSource(this.stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.meter = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
      this.options.onLevel(Math.min(1, Math.sqrt(power) * 3));
    }, LEVEL_MS);
  }

  /** End everything; resolves to the whole recording as a file. */
  async stop() {
    this.ended = true;
    clearTimeout(this.timer);
    clearInterval(this.meter);
    if (this.current.state !== "inactive") this.current.stop();
    if (this.whole.state !== "inactive") {
      const last = new Promise((resolve) => this.whole.addEventListener("stop", resolve, { once: true }));
      this.whole.stop();
      await last;
    }
    this.stream.getTracks().forEach((track) => track.stop());
    this.sound?.close();
    const container = this.type.split(";")[0];
    const name = `live-check-${this.startedAt.toISOString().replace(/[-:]|\.\d+/g, "")}.${container.split("/")[1]}`;
    return new File(this.pieces, name, { type: container });
  }
}

function size() {
  return { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 25 } };
}
