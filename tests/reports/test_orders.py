"""Orders for exports survive what happens to queues and workers, and say how they ended."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.actors import Actor, api_key_actor, user_actor
from accounts.models import User
from accounts.services import create_api_key, revoke_api_key
from audit.actions import Action
from audit.models import AuditEvent
from audit.verification import verify_all
from cases import services as cases
from cases.models import Case, CustodyEvent, Exhibit
from cases.storage import artefact_store, evidence_store
from detection.models import Analysis, Notification
from detection.signals import round_due
from reports import queue, services
from reports.errors import ReportRefused
from reports.files import content_of
from reports.models import Export, ExportRequest, RequestStatus
from reports.tasks import make_export
from tests.reports.conftest import made, unpack
from tests.reports.test_verifier import VERIFY

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def order(analysis: Analysis, examiner: Actor) -> ExportRequest:
    """An ordered HTML report."""
    return services.request_report(actor=examiner, analysis=analysis, kind="report_html")


def test_an_order_is_queued_recorded_and_told_of_when_ready(
    order: ExportRequest, examiner: Actor
) -> None:
    assert queue.waiting_job_ids() == {queue.job_id(order)}
    entry = AuditEvent.objects.get(action=Action.EXPORT_REQUESTED)
    assert entry.subject == f"reports.exportrequest:{order.pk}"
    export = made(order)
    assert export.pk == order.pk
    assert (order.status, order.percent, order.attempt) == ("ready", 100, 1)
    line = Notification.objects.filter(recipient=examiner.user).first()
    assert line is not None
    assert line.text == f"{export.filename} is ready."
    assert verify_all().ok


def test_a_flush_of_redis_loses_nothing(order: ExportRequest, redis_server: str) -> None:
    redis.Redis.from_url(redis_server).flushall()
    assert queue.waiting_job_ids() == set()
    round_due.send(sender=None)
    assert queue.waiting_job_ids() == {queue.job_id(order)}
    round_due.send(sender=None)
    assert len(queue.light_queue().get_job_ids()) == 1


def test_an_order_of_a_dead_worker_is_taken_up_and_given_up_in_the_end(
    order: ExportRequest,
) -> None:
    for attempt in (1, 2, 3):
        claimed = services.claim(str(order.pk))
        assert claimed is not None
        assert claimed.attempt == attempt
        assert services.claim(str(order.pk)) is None, "two workers must not share an order"
        round_due.send(sender=None)
        order.refresh_from_db()
        assert order.status == RequestStatus.RUNNING, "a worker that lives keeps its order"
        ExportRequest.objects.filter(pk=order.pk).update(
            heartbeat_at=timezone.now() - timedelta(hours=1)
        )
        round_due.send(sender=None)
        order.refresh_from_db()
    assert (order.status, order.error_code) == ("failed", "worker_lost")
    assert "3 times" in order.error_message
    assert AuditEvent.objects.filter(action=Action.EXPORT_FAILED).count() == 1


def test_a_worker_that_was_given_up_stores_nothing(order: ExportRequest) -> None:
    slow = services.claim(str(order.pk))
    assert slow is not None
    ExportRequest.objects.filter(pk=order.pk).update(heartbeat_at="2020-01-01T00:00:00Z")
    round_due.send(sender=None)
    quick = services.claim(str(order.pk))
    assert quick is not None
    assert services.make(slow) is None
    assert not Export.objects.exists()
    services.fail(
        request=slow, actor=user_actor(User.objects.get(username="bob")), code="x", message="x"
    )
    order.refresh_from_db()
    assert order.status == RequestStatus.RUNNING
    assert services.make(quick) is not None


def test_a_bundle_of_an_interrupted_attempt_still_verifies(
    analysis: Analysis, case: Case, examiner: Actor, tmp_path: Path
) -> None:
    order = services.request_bundle(actor=examiner, case=case)
    first = services.claim(str(order.pk))
    assert first is not None
    ExportRequest.objects.filter(pk=order.pk).update(heartbeat_at="2020-01-01T00:00:00Z")
    round_due.send(sender=None)
    services.make(first)  # comes too late, after it has left its traces in the ledger
    folder = unpack(made(order), tmp_path / "again")
    assert VERIFY.verify(folder)
    assert CustodyEvent.objects.filter(kind="exported").count() == 1
    assert AuditEvent.objects.filter(action=Action.EXPORT_CREATED).count() == 2


def test_who_lost_the_right_meanwhile_gets_nothing(
    order: ExportRequest, case: Case, alice: User, bob: User
) -> None:
    cases.remove_member(actor=user_actor(alice), case=case, user=bob)
    assert make_export(str(order.pk)) == "failed"
    order.refresh_from_db()
    assert order.error_code == "not_permitted"
    assert not Export.objects.exists()


def test_a_revoked_key_gets_nothing(analysis: Analysis, bob: User) -> None:
    key, _ = create_api_key(
        actor=user_actor(bob),
        owner=bob,
        name="robot",
        scopes=["export:create", "analysis:read"],
        expires_at=timezone.now() + timedelta(days=1),
    )
    order = services.request_report(actor=api_key_actor(key), analysis=analysis)
    revoke_api_key(actor=user_actor(bob), api_key=key)
    assert make_export(str(order.pk)) == "failed"
    order.refresh_from_db()
    assert (order.error_code, order.requested_by_kind) == ("not_permitted", "api_key")


def test_an_order_that_ended_cannot_be_rewritten(order: ExportRequest) -> None:
    made(order)
    for statement in (
        "UPDATE reports_exportrequest SET purpose = 'other'",
        "UPDATE reports_exportrequest SET status = 'queued'",
        "DELETE FROM reports_exportrequest",
    ):
        with (
            pytest.raises(DatabaseError, match="order keeps"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_a_bundle_holds_no_second_copy_of_the_originals(
    analysis: Analysis, exhibit: Exhibit, case: Case, examiner: Actor
) -> None:
    export = made(services.request_bundle(actor=examiner, case=case))
    with zipfile.ZipFile(artefact_store().path(export.storage_key)) as stored:
        kept = {name.split("/", 1)[1] for name in stored.namelist()}
    with zipfile.ZipFile(io.BytesIO(b"".join(content_of(export)))) as whole:
        sent = {name.split("/", 1)[1]: whole.read(name) for name in whole.namelist()}
    (original,) = set(sent) - kept
    assert original.startswith("data/originals/")
    assert sent[original] == evidence_store().path(exhibit.storage_key).read_bytes()


def test_a_destroyed_original_leaves_no_copy_in_earlier_bundles(
    analysis: Analysis, exhibit: Exhibit, case: Case, examiner: Actor, alice: User, carol: User
) -> None:
    export = made(services.request_bundle(actor=examiner, case=case))
    manager = user_actor(alice)
    cases.add_member(
        actor=manager, case=case, user=User.objects.create_user("dora"), role="manager"
    )
    second = user_actor(User.objects.get(username="dora"))
    asked = cases.request_destruction(
        actor=manager, exhibit=exhibit, reason="Order of the court", authority="Court"
    )
    cases.approve_destruction(actor=second, request=asked)
    with pytest.raises(ReportRefused, match="was destroyed, and its copy in this bundle with it"):
        content_of(export)


def test_a_swapped_original_ends_the_download(
    analysis: Analysis, exhibit: Exhibit, case: Case, examiner: Actor
) -> None:
    export = made(services.request_bundle(actor=examiner, case=case))
    path = evidence_store().path(exhibit.storage_key)
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.chmod(0o640)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="has other bytes than were listed"):
        b"".join(content_of(export))
