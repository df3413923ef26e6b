"""Weight sets: registered once, immutable, let into casework by two people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, OperationalError, connection, transaction

from accounts.actors import system_actor
from accounts.models import User
from audit.models import AuditEvent
from detection import selectors, services
from detection.errors import ModelRefused
from detection.models import ModelVersion
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
