"""Django admin: operations for administrators, case content only for those who may read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from detection.models import Analysis, ModelDecision
from tests.detection.test_model_registry import sync


@pytest.fixture
def admin(admin_user: User) -> Client:
    client = Client()
    client.force_login(admin_user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_an_administrator_sees_how_it_ran_but_not_what_it_is(admin: Client, finding: Any) -> None:
    listing = admin.get(reverse("admin:detection_analysis_changelist"))
    detail = admin.get(reverse("admin:detection_analysis_change", args=[finding.analysis_id]))
    assert listing.status_code == detail.status_code == 200
    for page in (listing, detail):
        text = page.content.decode()
        assert finding.analysis.exhibit.case.number in text
        assert "photo.png" not in text
    assert "attempt 1 started by worker-1" in detail.content.decode()


def test_findings_of_foreign_cases_do_not_show(admin: Client, finding: Any, auditor: User) -> None:
    address = reverse("admin:detection_finding_changelist")
    assert "0 findings" in admin.get(address).content.decode()
    User.objects.filter(pk=auditor.pk).update(is_staff=True, is_superuser=True)
    reader = Client()
    reader.force_login(auditor, backend="django.contrib.auth.backends.ModelBackend")
    assert "1 finding" in reader.get(address).content.decode()


def test_nothing_can_be_changed(admin: Client, finding: Any) -> None:
    address = reverse("admin:detection_analysis_delete", args=[finding.analysis_id])
    assert admin.post(address, {"post": "yes"}).status_code == 403
    assert admin.get(reverse("admin:detection_analysis_add")).status_code == 403
    assert Analysis.objects.count() == 1


def test_health_page_counts(admin: Client, queued: Any) -> None:
    text = admin.get(reverse("admin:detection_health")).content.decode()
    assert "Analyses queued" in text
    assert "answers" in text


def test_a_weight_set_is_decided_upon_in_admin(admin: Client, tmp_path: Path) -> None:
    [model] = sync(tmp_path)
    address = reverse("admin:detection_modelversion_decide", args=[model.pk])
    refused = admin.post(address, {"kind": "approved", "statement": "Fine."})
    assert "Nobody has proposed" in refused.content.decode()
    assert not ModelDecision.objects.exists()
    admin.post(address, {"kind": "proposed", "statement": "See the evaluation."})
    assert ModelDecision.objects.get().kind == "proposed"
    page = admin.get(reverse("admin:detection_modelversion_change", args=[model.pk]))
    assert "See the evaluation." in page.content.decode()
