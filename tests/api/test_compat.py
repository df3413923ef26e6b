"""The addresses of earlier systems without a worker: what they take, refuse and promise."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.actors import user_actor
from accounts.models import User
from cases.models import Case, Exhibit
from detection import services
from detection.models import Analysis
from ml.result import AnalysisOutcome, InputFacts, MediaKind
from tests.api.conftest import png, upload
from tests.api.results import result


@pytest.fixture
def bound(alice: User, case: Case, client_with: Callable[..., APIClient]) -> APIClient:
    """Alice with a key of her case, so that no call has to name it."""
    return client_with(alice, case=case, HTTP_PREFER="wait=0")


@pytest.fixture
def finished(alice: User, exhibit: Exhibit) -> Analysis:
    """A complete analysis of the exhibit."""
    queued = services.submit_analysis(actor=user_actor(alice), exhibit=exhibit)
    running = services.claim_analysis(str(queued.pk), "worker")
    assert running is not None
    services.record_environment(
        analysis=running, evidence_sha256=exhibit.sha256, environment={"python": "3"}
    )
    found = dataclasses.replace(
        result(MediaKind.IMAGE),
        input=InputFacts("photo", exhibit.size, exhibit.sha256, exhibit.sha512, MediaKind.IMAGE),
    )
    services.store_result(analysis=running, outcome=AnalysisOutcome(found, ()))
    running.refresh_from_db()
    return running


DETECTING = [
    ("/detect/image", "file", "image"),
    ("/detect/audio", "file", "audio"),
    ("/detect/video", "file", "video"),
    ("/api/v1/detect/video", "video", "video"),
    ("/api/v1/detect/image", "image", "image"),
    ("/api/v1/detect/audio", "audio", "audio"),
    ("/detect/multimodal", "video", "video"),
]


@pytest.mark.parametrize(("path", "field", "kind"), DETECTING)
def test_another_kind_of_recording_is_400_and_no_evidence(
    bound: APIClient, contents: dict[str, bytes], path: str, field: str, kind: str
) -> None:
    """An answer in the shape of another address would be worse than none."""
    for other, content in contents.items():
        if other != kind:
            refused = bound.post(path, {field: upload(content, f"a.{kind}")}, format="multipart")
            assert (refused.status_code, refused.json()["code"]) == (400, "unsupported_type")
            assert other in refused.json()["detail"]
    assert not Exhibit.objects.exists()


@pytest.mark.parametrize(("path", "field", "kind"), DETECTING[:-1])
def test_what_is_not_ready_in_time_is_202_with_an_address(
    bound: APIClient, contents: dict[str, bytes], path: str, field: str, kind: str
) -> None:
    answer = bound.post(path, {field: upload(contents[kind], "x")}, format="multipart")

    assert answer.status_code == 202, answer.json()
    state = answer.json()
    assert state["status"] == "processing"
    assert state["stageName"] == "Queued"
    assert answer.headers["Location"] == state["status_url"] == f"/status/{state['analysisId']}"
    polled = bound.get(state["status_url"]).json()
    assert polled == {"status": "processing", "percent": 0, "stageName": "Queued"}


def test_analyze_answers_at_once_and_status_tells_the_verdict(
    bound: APIClient, finished: Analysis
) -> None:
    answer = bound.post("/analyze", {"file": upload(png(3))}, format="multipart")

    assert answer.status_code == 202
    assert set(answer.json()) == {"analysisId", "status", "percent", "stageName"}
    assert bound.get(f"/status/{finished.pk}").json() == {
        "status": "complete",
        "percent": 100,
        "stageName": "Complete",
        "result": {"verdict": "Deepfake", "confidence": 90.0},
    }


def test_failed_analysis_has_an_error(bound: APIClient, alice: User, exhibit: Exhibit) -> None:
    queued = services.submit_analysis(actor=user_actor(alice), exhibit=exhibit)
    services.cancel_analysis(actor=user_actor(alice), analysis=queued)

    assert bound.get(f"/status/{queued.pk}").json() == {
        "status": "error",
        "percent": 0,
        "stageName": "Queued",
        "error": "The analysis was cancelled.",
    }


def test_refusals_have_the_codes_of_earlier_systems(bound: APIClient, settings: Any) -> None:
    words = upload(b"words only, no picture at all\n" * 50, "notes.png")
    refused = bound.post("/detect/image", {"file": words}, format="multipart")
    assert (refused.status_code, refused.json()["code"]) == (400, "unsupported_type")
    nothing = bound.post("/detect/image", {}, format="multipart")
    assert (nothing.status_code, nothing.json()["code"]) == (422, "file_missing")
    settings.DFD = dataclasses.replace(settings.DFD, max_upload_bytes=10)
    large = bound.post("/detect/image", {"file": upload(png())}, format="multipart")
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    assert APIClient().post("/detect/image").status_code == 401


def test_case_is_named_by_the_key_or_by_the_call(
    api: APIClient, case: Case, charlie: User, client_with: Callable[..., APIClient]
) -> None:
    unnamed = api.post("/analyze", {"file": upload(png())}, format="multipart")
    assert (unnamed.status_code, unnamed.json()["code"]) == (422, "case")
    for name in (str(case.pk), case.number):
        named = api.post("/analyze", {"file": upload(png()), "case": name}, format="multipart")
        assert named.status_code == 202
    foreign = client_with(charlie).post(
        "/analyze", {"file": upload(png()), "case": case.number}, format="multipart"
    )
    assert foreign.status_code == 404


def test_batch_answers_each_file(bound: APIClient) -> None:
    files = [upload(png(1), "a.png"), upload(b"not a picture" * 99, "b.png")]

    answer = bound.post("/batch", {"files": files}, format="multipart").json()

    assert answer["total"] == 2
    assert [row["filename"] for row in answer["results"]] == ["a.png", "b.png"]
    assert answer["results"][0]["status"] == "processing"
    assert answer["results"][1]["code"] == "unsupported_type"


def test_multimodal_takes_any_subset(bound: APIClient) -> None:
    answer = bound.post("/detect/multimodal", {"image": upload(png())}, format="multipart")

    assert answer.status_code == 202
    assert set(answer.json()) == {"image"}
    polled = bound.get(answer.headers["Location"])
    assert (polled.status_code, polled.json()) == (202, answer.json())
    assert bound.post("/detect/multimodal", {}, format="multipart").status_code == 422


def test_multimodal_answer_can_be_fetched_later(
    bound: APIClient, finished: Analysis, alice: User, charlie: User,
    client_with: Callable[..., APIClient],
) -> None:  # fmt: skip
    where = f"/status/multimodal?image={finished.pk}"
    fused = bound.get(where)
    assert fused.status_code == 200
    assert set(fused.json()) == {
        "final_prediction", "confidence", "individual_scores", "fusion_method", "processing_time",
        "explanation",
    }  # fmt: skip
    queued = services.submit_analysis(actor=user_actor(alice), exhibit=finished.exhibit)
    both = bound.get(f"{where}&video={queued.pk}")
    assert both.status_code == 202
    states = {name: part["status"] for name, part in both.json().items()}
    assert states == {"image": "complete", "video": "processing"}
    assert both.json()["image"]["result"]["verdict"] == "Deepfake"
    assert client_with(charlie).get(where).status_code == 404
    for wrong in ("", "?image=x", "?image="):
        assert bound.get(f"/status/multimodal{wrong}").status_code == 422, wrong


def test_directory_must_lie_in_the_inbox(bound: APIClient, tmp_path: Path, settings: Any) -> None:
    body = {"directory": "today", "file_extension": ".png"}
    assert bound.post("/api/v1/batch/process", body).json()["code"] == "no_inbox"

    inbox = tmp_path / "inbox"
    (inbox / "today").mkdir(parents=True)
    (inbox / "today" / "one.PNG").write_bytes(png(1))
    (inbox / "today" / "two.txt").write_text("left alone")
    settings.DFD = dataclasses.replace(settings.DFD, inbox_dir=inbox)

    taken = bound.post("/api/v1/batch/process", body)
    assert taken.status_code == 202
    assert [row["filename"] for row in taken.json()["results"]] == ["one.PNG"]
    for outside in ("../..", "/etc"):
        refused = bound.post("/api/v1/batch/process", {"directory": outside})
        assert (refused.status_code, refused.json()["code"]) == (403, "outside_inbox")
    assert bound.post("/api/v1/batch/process", {"directory": "never"}).status_code == 404


def test_history_is_listed_and_kept(bound: APIClient, finished: Analysis) -> None:
    taken = bound.post("/api/upload", {"file": upload(png(9))}, format="multipart").json()
    assert taken["success"] is True
    assert bound.get(f"/api/status/{taken['analysis_id']}").json()["status"] == "processing"

    history = bound.get("/api/history").json()["history"]
    assert [row["analysis_id"] for row in history] == [taken["analysis_id"], str(finished.pk)]
    assert history[1]["result"]["verdict"] == "Deepfake"
    refused = bound.post("/api/clear_history")
    assert (refused.status_code, refused.json()["code"]) == (403, "history_is_kept")
    assert len(bound.get("/api/history").json()["history"]) == 2


def test_rate_limit_of_detecting_calls(bound: APIClient, settings: Any) -> None:
    from django.core.cache import cache

    settings.API_RATES = {"requests": "100/hour", "detections": "1/hour"}
    cache.clear()

    assert (
        bound.post("/detect/image", {"file": upload(png())}, format="multipart").status_code == 202
    )
    assert (
        bound.post("/detect/image", {"file": upload(png())}, format="multipart").status_code == 429
    )
    assert bound.get("/api/v1/me").status_code == 200
    cache.clear()


@pytest.mark.parametrize("path", ["/health", "/docs", "/redoc", "/api/v1/docs"])
def test_open_pages(db: None, path: str) -> None:
    assert APIClient().get(path).status_code == 200


def test_models_info(api: APIClient) -> None:
    assert api.get("/models/info").json() == {"models": {}}
    assert APIClient().get("/models/info").status_code == 401
