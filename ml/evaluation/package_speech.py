"""Speech that comes in Debian packages, as a labelled folder: a check on recordings that no
training here has used, and on synthesis both new and known to it.

``python -m ml.evaluation.package_speech --packages FOLDER --out FOLDER`` writes ``real/NAME/`` and
``fake/NAME/``; ``python -m ml evaluate dataset --dataset folders=FOLDER`` measures on it. Recorded
speech is read from packages unpacked below ``--packages`` (``apt-get download`` and ``dpkg -x``):
fillets-ng-data-cs, fillets-ng-data-nl, asterisk-prompt-es-co, asterisk-prompt-fr-armelle,
asterisk-prompt-it-menardi-wav, codec2-examples and pocketsphinx-testdata. Synthesis needs festival
with the voices of ``VOICES`` and the coder codec2, on which nothing was trained, and the engines of
``ml.training.audio_voices`` and pyworld, on which something was, with other sentences and
recordings. What is not installed is named and left out.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import librosa
import numpy as np
import soundfile as sf

from ml.media.windows import level
from ml.training.audio_augmentation import SAMPLE_RATE, Wave
from ml.training.audio_collections import recordings
from ml.training.audio_voices import ENGINES, LEVEL, LONGEST_S, resampled, spoken
from ml.training.copy_synthesis import griffin_lim, world

COLLECTIONS = {
    "Fillets Czech": "fillets-ng/sound/*/cs/*.ogg",
    "Fillets Dutch": "fillets-ng/sound/*/nl/*.ogg",
    "Asterisk Colombian": "asterisk/sounds/es/**/*.gsm",
    "Asterisk Armelle": "asterisk/sounds/fr/**/*.gsm",
    "Asterisk Menardi": "asterisk/sounds/it_IT_f_Menardi/**/*.wav",
    # The others of this package are tones, noise, coded already, or of unstated origin.
    "codec2": "share/codec2/wav/*[gpsi].wav",
    "PocketSphinx": "pocketsphinx/test/data/*/*.wav",
}
PER_COLLECTION = 30
NARROW = 8_000
VOICES: dict[str, tuple[str, ...]] = {
    "lp_diphone": ("Il treno per la montagna parte domani alle sette.",
                   "Mia sorella ha perso le chiavi vicino al porto.",
                   "Nessuno sapeva chi avesse aperto la finestra."),
    "pc_diphone": ("Il dottore ha letto la lettera davanti a tutti.",
                   "Questa sera mangiamo pane, formaggio e pomodori.",
                   "La vecchia radio suona ancora molto bene."),
    "czech_dita": ("Dnes večer bude pršet a zítra vyjde slunce.",
                   "Moje sestra ztratila klíče nedaleko přístavu.",
                   "Nikdo nevěděl, proč bylo okno otevřené."),
    "suo_fi_lj_diphone": ("Huomenna aamulla juna lähtee kello seitsemän.",
                          "Sisareni kadotti avaimet sataman lähellä.",
                          "Vanha radio soi yhä oikein hyvin."),
    "hy_fi_mv_diphone": ("Kukaan ei tiennyt miksi ikkuna oli auki.",
                         "Tänä iltana sataa ja huomenna paistaa aurinko.",
                         "Lääkäri luki kirjeen kaikkien edessä."),
    "upc_ca_ona_hts": ("El tren de demà al matí surt a les set en punt.",
                       "La meva germana ha perdut les claus prop del port.",
                       "Ningú no sabia per què la finestra era oberta."),
    "hindi_NSK_diphone": ("मेरी बहन कल सुबह बाज़ार जाएगी।", "आज शाम को बारिश होगी।",
                          "पुराना रेडियो अब भी अच्छा चलता है।"),
    "marathi_NSK_diphone": ("माझी बहीण उद्या सकाळी बाजारात जाईल.", "आज संध्याकाळी पाऊस पडेल.",
                            "जुना रेडिओ अजून चांगला चालतो."),
    "telugu_NSK_diphone": ("రేపు ఉదయం రైలు ఏడు గంటలకు బయలుదేరుతుంది",
                           "ఈ రోజు సాయంత్రం వర్షం పడుతుంది", "పాత రేడియో ఇంకా బాగా పనిచేస్తుంది"),
    "msu_ru_nsh_clunits": ("Завтра утром поезд отправится в семь часов.",
                           "Моя сестра потеряла ключи недалеко от порта.",
                           "Никто не знал, почему окно было открыто."),
}  # fmt: skip
PER_ENGINE = 5
Clip = tuple[str, Wave]


def voices() -> Iterator[Clip]:
    """Festival voices that nothing was trained on, each sentence of ``VOICES`` once."""
    for name, sentences in VOICES.items():
        for text in sentences:
            try:
                yield name, spoken("text2wave", "-eval", f"(voice_{name})", "-o", "OUT", text=text)
            except (FileNotFoundError, subprocess.CalledProcessError, sf.LibsndfileError) as error:
                print(f"{name} is left out: {error}")
                break


def engines() -> Iterator[Clip]:
    """The engines that are trained on, in sentences drawn apart from those of the training."""
    for name, start in ENGINES.items():
        rng = np.random.default_rng(10_000 + len(name))
        try:
            speak = start()
            for _ in range(PER_ENGINE):
                yield name, speak(rng)
        except (ImportError, FileNotFoundError) as error:
            print(f"{name} is left out: {error}")


def codec2(wave: Wave, bits: int) -> Wave:
    """``wave`` through the parametric coder codec2 at ``bits`` a second, 8 kHz. Raises
    FileNotFoundError where the coder is not installed."""
    with tempfile.TemporaryDirectory() as folder:
        raw, coded, back = (str(Path(folder, name)) for name in ("in.raw", "coded", "out.raw"))
        narrow = librosa.resample(wave, orig_sr=SAMPLE_RATE, target_sr=NARROW)
        (np.clip(narrow, -1, 1) * 32_767).astype("<i2").tofile(raw)
        for command in (("c2enc", str(bits), raw, coded), ("c2dec", str(bits), coded, back)):
            subprocess.run(command, check=True, capture_output=True, timeout=60)
        made = (np.fromfile(back, "<i2") / 32_768).astype(np.float32)
    return resampled(made, NARROW)


def copies(clips: Sequence[Clip]) -> Iterator[Clip]:
    """Every fourth recording remade by each of WORLD, Griffin-Lim and codec2 at two bit rates."""
    makers: dict[str, Callable[[Wave, np.random.Generator], Wave]] = {
        "WORLD": world,
        "Griffin-Lim": griffin_lim,
        "codec2 1300": lambda wave, _: codec2(wave, 1300),
        "codec2 3200": lambda wave, _: codec2(wave, 3200),
    }
    for shift, (name, make) in enumerate(makers.items()):
        for number, (_, wave) in enumerate(clips[shift::4]):
            try:
                yield name, make(wave, np.random.default_rng((30, number)))
            except (ImportError, FileNotFoundError) as error:
                print(f"{name} is left out: {error}")
                break


def write(packages: Path, out: Path) -> int:
    """Write the folder; returns how many clips there are."""
    real = list(recordings(packages, COLLECTIONS, PER_COLLECTION))
    parts = (("real", real), ("fake", [*voices(), *engines(), *copies(real)]))
    for label, clips in parts:
        for number, (name, wave) in enumerate(clips):
            folder = out / label / name
            folder.mkdir(parents=True, exist_ok=True)
            speech = level(wave[: int(LONGEST_S * SAMPLE_RATE)].astype(np.float32), LEVEL)
            sf.write(folder / f"{number:04d}.flac", speech.clip(-1, 1), SAMPLE_RATE)
    return sum(len(clips) for _, clips in parts)


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description=__doc__)
    _parser.add_argument("--packages", type=Path, required=True, help="unpacked Debian packages")
    _parser.add_argument("--out", type=Path, required=True, help="where the folder goes")
    _options = _parser.parse_args()
    print(f"{write(_options.packages, _options.out)} clips written")
