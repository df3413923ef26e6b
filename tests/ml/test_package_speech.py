"""The labelled folder of packaged speech."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from ml.evaluation.package_speech import write
from ml.training.datasets.plain import real_and_fake

RATE = 8_000


def test_what_is_installed_becomes_a_labelled_folder_and_the_rest_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = tmp_path / "packages" / "usr" / "share" / "codec2" / "wav"
    samples.mkdir(parents=True)
    time = np.arange(2 * RATE) / RATE
    for number, name in enumerate(("big_dog", "cross", "hts1a")):
        buzz = np.sign(np.sin(2 * np.pi * (100 + 20 * number) * time)) * 0.1 * np.sin(3 * time)
        sf.write(samples / f"{name}.wav", buzz, RATE)
    monkeypatch.setenv("PATH", "")
    out = tmp_path / "out"
    count = write(tmp_path / "packages", out)
    records = real_and_fake(out)
    assert len(records) == count
    real = [record for record in records if not record.fake]
    assert [record.path.parent.name for record in real] == ["codec2", "codec2"]
    made = [record for record in records if record.method == "Griffin-Lim"]
    assert len(made) == 1
    for record in (*real, *made):
        wave, rate = sf.read(record.path)
        assert (rate, wave.ndim) == (16_000, 1)
        assert np.sqrt(np.mean(np.square(wave))) == pytest.approx(0.05, rel=0.05)
    said = capsys.readouterr().out
    for name in ("Fillets Czech", "czech_dita", "espeak-ng", "flite"):
        assert f"{name} is left out" in said
