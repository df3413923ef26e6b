"""Weight sets: registered once, immutable, let into casework by two people."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, OperationalError, connection, transaction

from accounts.actors import Actor, system_actor, user_actor
from accounts.models import User
from audit.models import AuditEvent
from cases.models import Exhibit
from detection import selectors, services
from detection.errors import ModelRefused
from detection.execution import execute
from detection.models import Analysis, ModelVersion
from tests.detection.conftest import WEIGHTS_SHA256, outcome_for

CARD = """
[example]
file = "example.safetensors"
sha256 = "{sha256}"
architecture = "example"
label_polarity = "class1_fake"
dtype = "float32"
initialisation = "none"
training_data = "{data}"
licence = "Apache-2.0"
validated_domain = "tests"
not_validated_for = "anything else"
"""


@pytest.fixture
def second_admin(db: None) -> User:
    return User.objects.create_user("second", site_role="administrator")


def sync(folder: Path, data: str = "drawn") -> list[ModelVersion]:
    (folder / "registry.toml").write_text(CARD.format(sha256=WEIGHTS_SHA256, data=data))
    return services.sync_models(actor=system_actor(), weights_dir=folder)


def test_entries_are_registered_once_and_changes_are_new_rows(db: None, tmp_path: Path) -> None:
    assert [model.name for model in sync(tmp_path)] == ["example"]
    assert sync(tmp_path) == []
    assert len(sync(tmp_path, data="other data")) == 1
    assert ModelVersion.objects.filter(sha256=WEIGHTS_SHA256).count() == 2
    assert AuditEvent.objects.filter(action="model.registered").count() == 2


def test_a_registered_set_cannot_be_changed(db: None, tmp_path: Path) -> None:
    sync(tmp_path)
    with (
        pytest.raises((IntegrityError, OperationalError), match="written once"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE detection_modelversion SET licence = 'none'")


def test_approval_needs_a_second_administrator(
    admin_user: User, second_admin: User, examiner: Any, actor: Any, tmp_path: Path
) -> None:
    [model] = sync(tmp_path)
    first, second = actor(admin_user), actor(second_admin)
    with pytest.raises(PermissionDenied):
        services.propose_model(actor=examiner, model=model, statement="Looks good.")
    with pytest.raises(ModelRefused) as refused:
        services.approve_model(actor=first, model=model, statement="Validated.")
    assert refused.value.code == "no_proposal"
    services.propose_model(actor=first, model=model, statement="See the evaluation.")
    with pytest.raises(ModelRefused) as refused:
        services.approve_model(actor=first, model=model, statement="Validated.")
    assert refused.value.code == "same_person"
    services.approve_model(actor=second, model=model, statement="Validated.")
    assert AuditEvent.objects.filter(action="model.approved").count() == 1


def test_a_finding_keeps_the_approval_of_its_day(
    running: Any, admin_user: User, second_admin: User, actor: Any, tmp_path: Path
) -> None:
    [model] = sync(tmp_path)
    services.propose_model(actor=actor(admin_user), model=model, statement="See the evaluation.")
    services.approve_model(actor=actor(second_admin), model=model, statement="Validated.")
    finding = services.store_result(analysis=running, outcome=outcome_for(running.exhibit))
    services.withdraw_model(actor=actor(admin_user), model=model, statement="A flaw was found.")
    finding.refresh_from_db()
    assert finding.casework_approved
    assert list(selectors.models_used(finding)) == [model]


def test_an_unapproved_set_shows(finding: Any) -> None:
    assert not finding.casework_approved


@pytest.fixture
def strict(settings: Any) -> None:
    """A site that demands approved weights."""
    settings.DFD = dataclasses.replace(settings.DFD, require_approved_weights=True)


def test_a_strict_site_names_what_is_not_approved(
    strict: None, admin_user: User, second_admin: User, tmp_path: Path
) -> None:
    (model,) = sync(tmp_path)
    weights = services.registered_weights(["example", "unknown"])
    assert weights == {"example": WEIGHTS_SHA256}
    with pytest.raises(ModelRefused, match="Not approved: example"):
        services.require_approved(weights)
    services.propose_model(actor=user_actor(admin_user), model=model, statement="Validated.")
    with pytest.raises(ModelRefused, match="Not approved: example"):
        services.require_approved(weights)
    services.approve_model(actor=user_actor(second_admin), model=model, statement="Checked.")
    services.require_approved(weights)
    services.withdraw_model(actor=user_actor(admin_user), model=model, statement="Superseded.")
    with pytest.raises(ModelRefused):
        services.require_approved(weights)


def test_a_strict_site_refuses_the_analysis_and_another_one_does_not(
    settings: Any, exhibit: Exhibit, examiner: Actor, tmp_path: Path
) -> None:
    text = CARD.format(sha256=WEIGHTS_SHA256, data="drawn").replace("[example]", "[xception]")
    (tmp_path / "registry.toml").write_text(text)
    services.sync_models(actor=system_actor(), weights_dir=tmp_path)
    assert services.submit_analysis(actor=examiner, exhibit=exhibit).status == "queued"
    settings.DFD = dataclasses.replace(settings.DFD, require_approved_weights=True)
    with pytest.raises(ModelRefused, match="Not approved: xception") as refusal:
        services.submit_analysis(actor=examiner, exhibit=exhibit)
    assert refusal.value.code == "weights_not_approved"


def test_the_worker_asks_again_before_it_computes(settings: Any, running: Analysis) -> None:
    settings.DFD = dataclasses.replace(settings.DFD, require_approved_weights=True)
    execute(running)
    running.refresh_from_db()
    assert (running.status, running.error_code) == ("failed", "weights_not_approved")
    assert "aasist" in running.error_message
