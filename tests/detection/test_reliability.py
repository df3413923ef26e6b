"""The panel "How reliable is this?" shows what the evaluation wrote, nothing of other weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import render_to_string

from accounts.actors import system_actor
from audit.models import AuditEvent
from detection import services
from detection.models import ModelVersion
from detection.views.reliability import _card
from ml.result import MediaKind
from ml.weights.registry import WeightRegistry

REPORTS = Path(settings.BASE_DIR) / "docs" / "evaluation"


@pytest.fixture
def shipped(db: None) -> dict[str, ModelVersion]:
    """The shipped weights as the site registers them."""
    services.sync_models(actor=system_actor(), weights_dir=WeightRegistry().folder)
    assert AuditEvent.objects.exists()
    return {model.name: model for model in ModelVersion.objects.all()}


@pytest.mark.parametrize("kind", [MediaKind.IMAGE, MediaKind.VIDEO])
def test_the_panel_shows_the_figures_of_the_evaluation(
    shipped: dict[str, ModelVersion], kind: MediaKind
) -> None:
    shown = 0
    for name, model in shipped.items():
        own = model.entry["video_measured"] if kind is MediaKind.VIDEO else ""
        reference = own or model.entry["measured"]
        report = json.loads((Path(settings.BASE_DIR) / reference).read_text())
        written = report["weights"].get(name, {})
        card = _card(model, "Xception", kind)
        if written.get("sha256") != model.sha256:
            assert card.sets == []
            continue
        assert card.sets == written["sets"]
        page = render_to_string("detection/_reliability.html", {"card": card})
        for entry in (entry for entry in written["sets"] if "auc" in entry):
            shown += 1
            assert f"{entry['auc']:.3f}" in page
            assert f">{entry['n']}<" in page
    assert shown > 0
    faces = {entry["name"] for entry in _card(shipped["xception"], "Xception", kind).sets}
    assert ("clips" in faces) == (kind is MediaKind.VIDEO)


def test_figures_of_another_file_are_not_shown(shipped: dict[str, ModelVersion]) -> None:
    model = shipped["aasist"]
    model.sha256 = "0" * 64
    assert _card(model, "Xception", MediaKind.IMAGE).sets == []
    page = render_to_string(
        "detection/_reliability.html", {"card": _card(model, "Xception", MediaKind.IMAGE)}
    )
    assert "No measured error rates" in page
