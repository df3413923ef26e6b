"""The last layer of a frozen network: what is installed answers as what was fitted."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch
from safetensors.torch import load_file

from ml.evaluation.scored import read_scores
from ml.models.aasist import AASIST, AASIST_LIGHT
from ml.models.whisper_detector import WhisperConfig, WhisperDetector
from ml.training.audio import AudioConfig, fake_logit
from ml.training.audio_clips import AudioClip, leave_source_out
from ml.training.engine import ConfigError
from ml.training.readout import (
    IN_NO_FOLD,
    Clips,
    ReadoutConfig,
    fit,
    fit_readings,
    gather,
    install,
    joined,
    last_layer,
    left_out_scores,
    train,
)


@pytest.mark.parametrize("name", ["whisper", "aasist"])
def test_the_installed_layer_gives_the_fitted_logits(name: str) -> None:
    torch.manual_seed(0)
    model = (
        WhisperDetector(WhisperConfig(layers=1, width=48, changes=True))
        if name == "whisper"
        else AASIST(AASIST_LIGHT)
    ).eval()
    waves = 0.05 * torch.randn(6, 64_600)
    seen: list[torch.Tensor] = []
    hook = last_layer(model).register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.inference_mode():
        model(waves)
    hook.remove()
    features = seen[0].double().numpy()
    readout = fit(features, np.array([0, 1, 0, 1, 1, 0], bool), 1e-1)
    install([readout], model)
    with torch.inference_mode():
        logits = fake_logit(model(waves)).numpy()
    np.testing.assert_allclose(logits, readout.logits(features), atol=2e-3)


def test_two_installed_readings_give_the_logits_of_their_mixture() -> None:
    torch.manual_seed(0)
    model = WhisperDetector(WhisperConfig(layers=1, width=48, readings=2)).eval()
    waves = 0.05 * torch.randn(6, 16_000)
    with torch.inference_mode():
        features = model.statistics(waves).double().numpy()
    first = fit(features, np.array([0, 1, 0, 1, 1, 0], bool), 1e-1)
    second = fit(features[:4], np.array([0, 0, 1, 1], bool), 1e-1)
    install([first, second], model)
    with torch.inference_mode():
        logits = model(waves).numpy()
    np.testing.assert_allclose(logits, joined([first, second], features), atol=2e-3)


def test_copies_by_vocoders_have_a_reading_of_their_own() -> None:
    """Dimension 0 tells the spoofed clips, dimension 1 the vocoded ones: each reading weighs its
    own, and the first is what it would be without them."""
    rng = np.random.default_rng(0)
    spoof = np.repeat([False, True, True], 40)
    vocoded = np.repeat([False, False, True], 40)
    features = rng.standard_normal((120, 2))
    features[40:80, 0] += 4
    features[80:, 1] += 4
    clips = [AudioClip(str(k), "train", bool(s), "g", "c", "s", "", Path())
             for k, s in enumerate(spoof)]  # fmt: skip
    every = Clips(clips, 80, np.zeros(120, np.int64), np.ones(120), vocoded)
    config = ReadoutConfig(penalty=1.0, vocoder_share=0.25)
    first, second = fit_readings(features, every, np.ones(120, bool), config)
    alone = fit(features[:80], spoof[:80], 1.0)
    assert first.weight == pytest.approx(alone.weight)
    assert first.bias == pytest.approx(alone.bias + np.log(0.75))
    copies = fit(features[vocoded | ~spoof], spoof[vocoded | ~spoof], 1.0)
    assert second.weight == pytest.approx(copies.weight)
    assert second.bias == pytest.approx(copies.bias + np.log(0.25))
    logits = joined([first, second], features)
    assert ((logits > 0) == spoof).mean() > 0.9
    assert (alone.logits(features)[80:] > 0).mean() < 0.2
    kept = np.arange(120) % 2 == 0
    half = Clips(clips[::2], 40, every.fold[::2], every.shares[::2], vocoded[::2])
    pairs = zip(
        fit_readings(features, every, kept, config),
        fit_readings(features[::2], half, np.ones(60, bool), config),
        strict=True,
    )
    for left_out, never_there in pairs:
        assert left_out.weight == pytest.approx(never_there.weight)


def test_no_clip_is_scored_by_a_reading_that_saw_its_source() -> None:
    """Features that only name the source tell nothing about a source that was left out."""
    clips = [
        AudioClip(f"{k}", "train", k % 10 < 5, "g", "c", f"s{k % 10}", "", Path())
        for k in range(100)
    ]
    features = np.eye(10)[[k % 10 for k in range(100)]]
    spoof = np.array([clip.spoof for clip in clips])
    known = fit(features, spoof, 1.0).logits(features)
    assert ((known > 0) == spoof).all()
    fold_of = leave_source_out(clips, 5)
    fold = np.array([fold_of[clip.source] for clip in clips])
    given = Clips(clips, 100, fold, np.ones(100), np.zeros(100, bool))
    left_out = left_out_scores(features, given, 5, ReadoutConfig(penalty=1.0))
    assert left_out[spoof].mean() <= left_out[~spoof].mean()


def test_what_was_made_of_a_clip_goes_with_it_and_has_its_share(tmp_path: Path) -> None:
    (tmp_path / "audio").mkdir()
    head = "path,split,label,generator,corpus,source_repo\n"
    labels = ("bonafide", "spoof")
    lines = [
        f"{k}.flac,{'dev' if k == 9 else 'train'},{labels[k % 2]},g,c,site/{k % 3}"
        for k in range(10)
    ]
    (tmp_path / "audio" / "manifest.csv").write_text(head + "\n".join(lines))
    rows = [("copy-hifigan", "0.flac"), ("copy-hifigan", "2.flac"), ("copy-world", "4.flac"),
            ("copy-hifigan", "9.flac"), ("espeak-ng", ""), ("", ""),
            ("copy-hifigan", "m5.flac")]  # fmt: skip
    made = [
        {"path": f"m{k}.flac", "generator": name, "parent": parent, "source": "own", "corpus": ""}
        for k, (name, parent) in enumerate(rows)
    ]
    (tmp_path / "made.jsonl").write_text("\n".join(json.dumps(row) for row in made))
    config = AudioConfig(
        "whisper", made=str(tmp_path), folds=3, copies=0.3, voices=0.1, copy_methods=("hifigan",)
    )
    found = gather(config, tmp_path)
    assert [clip.path for clip in found.clips[found.given :]] == [
        "m0.flac", "m1.flac", "m6.flac", "m4.flac", "m5.flac",
    ]  # fmt: skip
    own = {clip.path: fold for clip, fold in zip(found.clips, found.fold, strict=True)}
    assert [own[f"m{k}.flac"] for k in (0, 1)] == [own["0.flac"], own["2.flac"]]
    assert [own[f"m{k}.flac"] for k in (4, 5, 6)] == [-1, -1, -1]
    spoofed = found.shares[found.spoof]
    assert spoofed.sum() == pytest.approx(1)
    assert spoofed[-4:].tolist() == pytest.approx([0.1, 0.1, 0.1, 0.1])
    assert not found.vocoded.any()
    both = gather(config, tmp_path, ("world",))
    assert both.clips[-1].path == "m2.flac"
    assert both.fold[-1] == own["4.flac"]
    assert np.flatnonzero(both.vocoded).tolist() == [len(found.clips)]
    assert both.shares[:-1].tolist() == found.shares.tolist()


def test_a_class_is_as_heavy_as_the_other_whatever_its_shares() -> None:
    features = np.array([[0.0], [1.0], [2.0], [3.0]])
    spoof = np.array([False, True, False, True])
    alike = fit(features, spoof, 1.0)
    heavy = fit(features, spoof, 1.0, np.array([1.0, 9.0, 1.0, 1.0]))
    scaled = fit(features, spoof, 1.0, np.array([5.0, 5.0, 5.0, 5.0]))
    assert scaled.weight == pytest.approx(alike.weight)
    assert heavy.logits(features)[1] > alike.logits(features)[1]


def test_a_degraded_version_stands_behind_every_clip_in_its_fold() -> None:
    clips = [AudioClip(f"{k}", "train", k == 1, "g", "c", "s", "", Path()) for k in range(2)]
    own = Clips(clips, 2, np.array([3, -1]), np.array([1.0, 2.0]), np.array([False, True]))
    both = own.twice(0.25)
    assert [clip.path for clip in both.clips] == ["0", "1", "0", "1"]
    assert (both.given, both.fold.tolist()) == (2, [3, -1, 3, -1])
    assert both.shares.tolist() == [0.75, 1.5, 0.25, 0.5]
    assert both.vocoded.tolist() == [False, True, False, True]
    assert own.twice(0.0) is own
    assert both.outside(3).tolist() == [False, True, False, True]
    assert both.outside(IN_NO_FOLD).all()


def test_every_clip_is_scored_and_what_was_read_serves_the_same_recipe_only(tmp_path: Path) -> None:
    folder = tmp_path / "audio"
    folder.mkdir()
    with (folder / "manifest.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["path", "split", "label", "generator", "corpus", "source_repo"])
        for k in range(12):
            rng = np.random.default_rng(k)
            wave = rng.standard_normal(16_000) * (0.1 if k % 2 else np.linspace(0, 0.2, 16_000))
            sf.write(folder / f"{k}.flac", wave, 16_000)
            label = ("bonafide", "spoof")[k % 2]
            table.writerow([f"{k}.flac", "train", label, "g", "c", f"site/{k // 4}"])
    audio = AudioConfig("whisper", samples=16_000, layers=1, folds=3, changes=True)
    torch.manual_seed(0)
    out = tmp_path / "run" / "all"
    train(ReadoutConfig(degraded=0.5), audio, tmp_path, out)
    scores = read_scores(out / "scores.csv")
    assert [row.path for row in scores] == [f"{k}.flac" for k in range(12)]
    assert load_file(out / "last.safetensors")["out_layer.weight"].abs().sum() > 0
    again = train(ReadoutConfig(penalty=1e-2, degraded=0.5), audio, tmp_path, out)
    assert again["clips"] == 12
    with pytest.raises(ConfigError, match="must be 2 where 'made' holds copies"):
        train(ReadoutConfig(), replace(audio, readings=2), tmp_path, out)
    (tmp_path / "cs.flac").write_bytes((folder / "0.flac").read_bytes())
    copy = {"path": "cs.flac", "generator": "copy-world", "parent": "0.flac", "source": "own"}
    (tmp_path / "made.jsonl").write_text(json.dumps(copy | {"corpus": ""}))
    other = replace(audio, architecture="aasist_light", made=str(tmp_path), readings=2)
    with pytest.raises(ConfigError, match="only whisper holds more than one reading"):
        train(ReadoutConfig(vocoders=("world",)), other, tmp_path, out)
    longer = AudioConfig("whisper", samples=20_000, layers=1, folds=3, changes=True)
    with pytest.raises(ConfigError, match="other data, settings or weights; delete it"):
        train(ReadoutConfig(degraded=0.5), longer, tmp_path, out)
