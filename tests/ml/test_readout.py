"""The last layer of a frozen network: what is installed answers as what was fitted."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ml.models.aasist import AASIST, AASIST_LIGHT
from ml.models.whisper_detector import WhisperConfig, WhisperDetector
from ml.training.audio import fake_logit
from ml.training.audio_clips import AudioClip
from ml.training.readout import fit, install, last_layer, left_out_scores


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
    install(readout, model)
    with torch.inference_mode():
        logits = fake_logit(model(waves)).numpy()
    np.testing.assert_allclose(logits, readout.logits(features), atol=2e-3)


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
    left_out = left_out_scores(features, clips, 5, 1.0)
    assert left_out[spoof].mean() <= left_out[~spoof].mean()
