// SHA-256 (FIPS 180-4) of a file in pieces: the browser's own digest takes no stream.
const PIECE = 4 * 1024 * 1024;
const K = constants(64, 3);
const START = constants(8, 2);

self.addEventListener("message", async ({ data: file }) => {
  const state = START.slice();
  const schedule = new Uint32Array(64);
  const whole = file.size - (file.size % 64);
  for (let offset = 0; offset < whole; offset += PIECE) {
    const piece = await file.slice(offset, Math.min(offset + PIECE, whole)).arrayBuffer();
    compressAll(new DataView(piece), state, schedule);
    self.postMessage({ share: Math.min(offset + PIECE, whole) / file.size });
  }
  const rest = new Uint8Array(await file.slice(whole).arrayBuffer());
  compressAll(new DataView(padded(rest, file.size).buffer), state, schedule);
  self.postMessage({ sha256: [...state].map((word) => word.toString(16).padStart(8, "0")).join("") });
});

function compressAll(view, state, schedule) {
  for (let at = 0; at < view.byteLength; at += 64) compress(view, at, state, schedule);
}

function compress(view, at, state, w) {
  for (let i = 0; i < 16; i += 1) w[i] = view.getUint32(at + i * 4);
  for (let i = 16; i < 64; i += 1) {
    const x = w[i - 15];
    const y = w[i - 2];
    const s0 = (x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ (x >>> 3);
    const s1 = (y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ (y >>> 10);
    w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i += 1) {
    const s1 = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
    const s0 = (a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
  }
  state[0] += a; state[1] += b; state[2] += c; state[3] += d;
  state[4] += e; state[5] += f; state[6] += g; state[7] += h;
}

function padded(rest, size) {
  const block = new Uint8Array(rest.length < 56 ? 64 : 128);
  block.set(rest);
  block[rest.length] = 0x80;
  const view = new DataView(block.buffer);
  view.setUint32(block.length - 8, Math.floor(size / 0x20000000));
  view.setUint32(block.length - 4, (size << 3) >>> 0);
  return block;
}

/** The first 32 bits of the fractions of the `root`-th roots of the first `count` primes. */
function constants(count, root) {
  const words = new Uint32Array(count);
  for (let prime = 2, found = 0; found < count; prime += 1) {
    let divisor = 2;
    while (divisor * divisor <= prime && prime % divisor) divisor += 1;
    if (divisor * divisor > prime) {
      const value = root === 2 ? Math.sqrt(prime) : Math.cbrt(prime);
      words[found] = (value - Math.floor(value)) * 0x100000000;
      found += 1;
    }
  }
  return words;
}
