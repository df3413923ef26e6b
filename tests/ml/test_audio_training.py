"""Audio training on a tiny generated data set: folds, batches, probe, one step that learns."""

from __future__ import annotations

import csv
import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch

from ml.evaluation.scored import read_scores
from ml.media.windows import level
from ml.models.cqcc_cnn import CqccCnn
from ml.models.whisper_detector import WhisperConfig, WhisperDetector
from ml.training.audio import (
    JUDGED_LEVEL,
    AudioConfig,
    AudioTask,
    build,
    fake_logit,
    score_clips,
)
from ml.training.audio_clips import grouped, leave_source_out, load_made, load_manifest
from ml.training.cepstra import CepstraTask
from ml.training.cli import TRAININGS
from ml.training.engine import ConfigError, EngineConfig, read_config, section
from ml.training.linear_probe import start_head
from ml.training.whisper_import import load_encoder, read_variables

RATE = 16_000
CONFIGS = Path(__file__).parents[2] / "ml" / "training" / "configs"


def clip(seed: int, *, spoof: bool) -> np.ndarray:
    """Noise-excited (bona fide) or flat-pitched buzz (spoof), one second."""
    rng = np.random.default_rng(seed)
    t = np.arange(RATE) / RATE
    buzz = np.sign(np.sin(2 * np.pi * (100 + seed) * t))
    return (0.1 * (buzz if spoof else rng.standard_normal(RATE))).astype(np.float32)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "audio"
    (folder / "train").mkdir(parents=True)
    columns = "path,split,label,generator,kind,speaker,corpus,source_repo,source_commit"
    columns += ",source_path,licence,dup_group,sha256"
    with (folder / "manifest.csv").open("w", newline="") as stream:
        table = csv.DictWriter(stream, columns.split(","))
        table.writeheader()
        for number in range(24):
            spoof = bool(number % 2)
            path = f"train/{number}.flac"
            sf.write(folder / path, clip(number, spoof=spoof), RATE)
            table.writerow(
                {
                    "path": path,
                    "split": "dev" if number >= 20 else "train",
                    "label": "spoof" if spoof else "bonafide",
                    "generator": f"g{number % 3}" if spoof else "",
                    "corpus": "" if spoof else "LibriSpeech test-other",
                    "source_repo": f"site/{number // 4}",
                }
            )
    return tmp_path


def test_a_source_is_in_one_fold_only_and_folds_are_balanced(data: Path) -> None:
    clips = load_manifest(data)
    fold_of = leave_source_out(clips, 3)
    assert set(fold_of.values()) == {0, 1, 2}
    counts = [[0, 0] for _ in range(3)]
    for item in clips:
        counts[fold_of[item.source]][item.spoof] += 1
    assert counts == [[4, 4]] * 3


def test_batches_never_hold_the_judged_sources_or_dev(data: Path) -> None:
    task = AudioTask(AudioConfig("whisper", batch=8, fold=0, samples=RATE, layers=1), data)
    judged = {item.source for item in task.judged}
    trained = {
        item.source for group in (task.real, task.spoof) for v in group.values() for item in v
    }
    assert judged
    assert not judged & trained
    assert "site/5" not in trained | judged
    waves, labels = task.batch(np.random.default_rng(0))
    assert waves.shape == (8, RATE)
    assert labels.tolist() == [0] * 4 + [1] * 4
    same, _ = task.batch(np.random.default_rng(0))
    assert torch.equal(waves, same)


def test_copies_of_held_out_clips_are_left_out(data: Path) -> None:
    made = data / "made"
    made.mkdir()
    rows = []
    for number in range(0, 20, 2):
        sf.write(made / f"c{number}.flac", clip(number, spoof=False), RATE)
        rows.append(
            {"path": f"c{number}.flac", "generator": "copy-world", "parent": f"train/{number}.flac",
             "source": "", "corpus": ""}
        )  # fmt: skip
    (made / "copysynth.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    assert len(load_made(made)) == 10
    config = AudioConfig("whisper", made=str(made), fold=0, samples=RATE, layers=1)
    task = AudioTask(config, data)
    parents = {item.parent for group in task.copies.values() for item in group}
    assert parents
    assert not parents & {item.path for item in task.judged}


def test_a_run_leaves_the_scores_of_the_sources_it_held_out(data: Path, tmp_path: Path) -> None:
    task = AudioTask(AudioConfig("whisper", fold=0, samples=RATE, layers=1), data)
    task.report(task.model, tmp_path)
    rows = read_scores(tmp_path / "scores.csv")
    assert {row.path for row in rows} == {item.path for item in task.judged}
    assert {row.part for row in rows} == {"leave-source-out"}
    assert {row.method for row in rows if not row.fake} == {"LibriSpeech"}
    waves = {item.path: item.waveform for item in task.judged}
    again = score_clips(task.model, [waves[row.path] for row in rows], RATE)
    assert [row.logit for row in rows] == pytest.approx(again, abs=1e-5)


def test_the_probe_separates_what_is_separable() -> None:
    torch.manual_seed(0)
    model = WhisperDetector(WhisperConfig(layers=1))
    spoof = np.array([bool(n % 2) for n in range(24)])
    waves = [clip(n, spoof=bool(n % 2)) for n in range(24)]
    start_head(model, waves[:16], spoof[:16])
    scores = score_clips(model, waves[16:], RATE)
    assert scores[spoof[16:]].min() > scores[~spoof[16:]].max()


def test_unknown_architectures_are_refused() -> None:
    with pytest.raises(ConfigError, match="lstm"):
        build(AudioConfig("lstm"))


@pytest.mark.parametrize(("name", "kind"), [("cqcc_cnn", CepstraTask), ("mel_xception", AudioTask)])
def test_the_recipes_of_the_other_speech_networks_train_them(
    name: str, kind: type[AudioTask], data: Path
) -> None:
    """One step from the packaged configuration moves every layer."""
    recipe = read_config(CONFIGS / f"{name}.toml")
    section(EngineConfig, recipe["engine"])
    recipe["audio"] |= {"batch": 4, "fold": 0}
    if recipe["audio"].get("presentations"):
        recipe["audio"]["presentations"] = 2
    task = TRAININGS["audio"][0](recipe, data, data / "cache")
    assert type(task) is kind
    loss = task.loss(task.model, task.batch(np.random.default_rng(0)))
    loss.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(loss)
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in task.model.parameters())


def test_networks_without_a_published_start_refuse_one() -> None:
    with pytest.raises(ConfigError, match="no 'initial'"):
        build(AudioConfig("cqcc_cnn", initial="x.safetensors"))


def test_cepstra_are_made_once_for_all_folds(data: Path, tmp_path: Path) -> None:
    config = AudioConfig("cqcc_cnn", batch=4, fold=0, samples=RATE, presentations=2)
    task = CepstraTask(config, data, tmp_path)
    made = (tmp_path / "cepstra.npz").stat().st_mtime_ns
    other = CepstraTask(replace(config, fold=1), data, tmp_path)
    assert (tmp_path / "cepstra.npz").stat().st_mtime_ns == made
    assert task.kept.keys() == other.kept.keys() == {c.file for c in load_manifest(data)[:20]}
    assert {c.path for c in task.judged} != {c.path for c in other.judged}
    with pytest.raises(ConfigError, match=r"cepstra\.npz is of other data"):
        CepstraTask(replace(config, strength=0.5), data, tmp_path)
    with pytest.raises(ConfigError, match="for cqcc_cnn, not for whisper"):
        CepstraTask(AudioConfig("whisper", layers=1, presentations=2), data, tmp_path)


def test_the_first_presentation_of_a_clip_is_what_is_judged(data: Path, tmp_path: Path) -> None:
    config = AudioConfig("cqcc_cnn", batch=4, fold=0, samples=RATE, presentations=2)
    task = CepstraTask(config, data, tmp_path)
    model = task.model.eval()
    assert isinstance(model, CqccCnn)
    item = task.judged[0]
    first, second = torch.from_numpy(task.kept[item.file]).float()
    with torch.inference_mode():
        again = model.cepstra(torch.from_numpy(level(item.waveform, JUDGED_LEVEL))[None])[0, 0]
    torch.testing.assert_close(first, again, atol=5e-3, rtol=5e-3)
    assert not torch.allclose(second, again, atol=0.1)


def test_two_outputs_become_one_logit_that_rises_for_fake() -> None:
    two = torch.tensor([[3.0, 1.0], [0.0, 2.0]])
    assert fake_logit(two).tolist() == [2.0, -2.0]
    assert fake_logit(torch.tensor([0.5])).tolist() == [0.5]


def test_groups_are_sorted_by_name() -> None:
    assert list(grouped(["b1", "a1", "a2"], lambda text: text[0])) == ["a", "b"]


def test_an_encoder_stored_by_ctranslate2_is_read_and_loaded(tmp_path: Path) -> None:
    model = WhisperDetector(WhisperConfig(layers=1))
    source = {
        key: torch.randn(value.shape, generator=torch.Generator().manual_seed(len(key)))
        for key, value in model.state_dict().items()
        if value.is_floating_point()
    }
    names = {
        "positions": "position_encodings/encodings",
        "attention_norm": "layer_0/self_attention/layer_norm",
        "query_key_value": "layer_0/self_attention/linear_0",
        "attention_out": "layer_0/self_attention/linear_1",
        "feed_forward_norm": "layer_0/ffn/layer_norm",
        "feed_forward_in": "layer_0/ffn/linear_0",
        "feed_forward_out": "layer_0/ffn/linear_1",
    }
    stored = {}
    for key, value in source.items():
        parts = key.removeprefix("layers.0.").split(".")
        base = names.get(parts[0], parts[0])
        suffix = parts[1] if len(parts) > 1 else ""
        if "norm" in parts[0]:
            suffix = {"weight": "gamma", "bias": "beta"}.get(suffix, suffix)
        if parts[0] not in ("statistics_norm", "out_layer"):
            stored["encoder/" + "/".join(filter(None, (base, suffix)))] = value
    path = tmp_path / "model.bin"
    path.write_bytes(ctranslate2(stored))
    assert set(read_variables(path)) == set(stored)
    load_encoder(model, path)
    weight = model.get_parameter("layers.0.query_key_value.weight")
    assert torch.allclose(weight, source["layers.0.query_key_value.weight"], atol=2e-3)
    del stored["encoder/conv1/bias"]
    path.write_bytes(ctranslate2(stored))
    with pytest.raises(KeyError):
        load_encoder(model, path)


def ctranslate2(variables: dict[str, torch.Tensor]) -> bytes:
    """A CTranslate2 binary (version 6) with half-precision variables."""

    def text(value: str) -> bytes:
        raw = value.encode() + b"\0"
        return struct.pack("<H", len(raw)) + raw

    out = struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, len(variables))
    for name, value in variables.items():
        data = value.numpy().astype("<f2").tobytes()
        out += text(name) + struct.pack("<B", value.ndim)
        out += b"".join(struct.pack("<I", size) for size in value.shape)
        out += struct.pack("<BI", 4, len(data)) + data
    return out
