"""Every status that earlier systems stated, and their shapes, reached by their real causes.

The worker is played by a thread that claims the analysis and ends it through the worker's services.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.actors import system_actor
from accounts.models import User
from cases.models import Case, Exhibit
from detection import services
from detection.models import Analysis
from ml.result import AnalysisOutcome, InputFacts, MediaKind
from tests.api.conftest import no_redis, png, upload
from tests.api.results import result

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis_server")]
End = Callable[[Analysis], None]


def fails(code: str) -> End:
    """Let the analysis end with this error."""
    return lambda analysis: services.fail_analysis(
        analysis=analysis, code=code, message="In words for people."
    )


def finds(kind: MediaKind) -> End:
    """Let the analysis end with a finding on a file of this kind."""

    def end(analysis: Analysis) -> None:
        exhibit: Exhibit = analysis.exhibit
        services.record_environment(
            analysis=analysis, evidence_sha256=exhibit.sha256, environment={"python": "3"}
        )
        facts = InputFacts("x", exhibit.size, exhibit.sha256, exhibit.sha512, kind)
        found = dataclasses.replace(result(kind), input=facts)
        services.store_result(analysis=analysis, outcome=AnalysisOutcome(found, ()))

    return end


@pytest.fixture
def worker(transactional_db: None) -> Iterator[Callable[[End], None]]:
    """``worker(end)``: whatever is queued from now on is claimed and ended so."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def work(end: End) -> None:
        while not stop.is_set():
            for key in Analysis.objects.filter(status="queued").values_list("pk", flat=True):
                claimed = services.claim_analysis(str(key), "worker-of-the-test")
                if claimed is not None:
                    end(claimed)
            time.sleep(0.05)
        connection.close()

    def start(end: End) -> None:
        threads.append(threading.Thread(target=work, args=(end,), daemon=True))
        threads[-1].start()

    yield start
    stop.set()
    for thread in threads:
        thread.join(30)


@pytest.fixture
def bound(alice: User, case: Case, client_with: Callable[..., APIClient]) -> APIClient:
    """Alice with a key of her case, who waits for the finding."""
    return client_with(alice, case=case, HTTP_PREFER="wait=30")


def send(
    client: APIClient, path: str = "/detect/image", field: str = "file", content: bytes = png(61)
) -> Any:
    return client.post(path, {field: upload(content)}, format="multipart")


SHAPES = {
    "/detect/audio": (
        "file", MediaKind.AUDIO,
        {"prediction", "confidence", "model", "processing_time", "details"},
    ),
    "/detect/image": (
        "file", MediaKind.IMAGE,
        {"prediction", "confidence", "faces_detected", "model", "processing_time", "details"},
    ),
    "/detect/video": (
        "file", MediaKind.VIDEO,
        {"prediction", "confidence", "frames_analyzed", "model", "processing_time", "details"},
    ),
    "/detect/multimodal": (
        "image", MediaKind.IMAGE,
        {"final_prediction", "confidence", "individual_scores", "fusion_method",
         "processing_time", "explanation"},
    ),
    "/batch": ("files", MediaKind.IMAGE, {"total", "results"}),
    "/analyze": (
        "file", MediaKind.IMAGE, {"analysisId", "status", "percent", "stageName", "result"},
    ),
    **{
        f"/api/v1/detect/{kind.value}": (
            kind.value, kind,
            {"deepfake_probability", "is_deepfake", "confidence", "frame_consistency_score",
             "recommendation"},
        )
        for kind in MediaKind
    },
}  # fmt: skip


@pytest.mark.parametrize("path", SHAPES)
def test_200_in_the_shape_of_the_earlier_system(
    bound: APIClient, worker: Callable[[End], None], contents: dict[str, bytes], path: str
) -> None:
    field, kind, shape = SHAPES[path]
    worker(finds(kind))

    answer = send(bound, path, field, contents[kind.value])

    assert answer.status_code == 200, answer.json()
    assert set(answer.json()) == shape


@pytest.mark.parametrize(
    ("code", "status"),
    [("corrupt", 422), ("no_streams", 422), ("out_of_memory", 503), ("timeout", 503),
     ("worker_lost", 503), ("internal", 500)],
)  # fmt: skip
def test_a_failed_analysis_has_the_status_of_its_cause(
    bound: APIClient, worker: Callable[[End], None], code: str, status: int
) -> None:
    worker(fails(code))

    answer = send(bound)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"] == "In words for people."


def test_409_for_a_cancelled_one_and_for_a_closed_case(
    bound: APIClient, api: APIClient, case: Case, worker: Callable[[End], None]
) -> None:
    worker(lambda one: services.cancel_analysis(actor=system_actor(), analysis=one) and None)
    cancelled = send(bound)
    assert (cancelled.status_code, cancelled.json()["code"]) == (409, "no_finding")
    api.post(f"/api/v1/cases/{case.pk}/close", {"reason": "done"})
    closed = send(bound)
    assert (closed.status_code, closed.json()["code"]) == (409, "case_closed")


def test_503_when_the_queue_must_answer_and_does_not(bound: APIClient) -> None:
    """The rate limit lets requests pass, a submission waits in the database, health says no."""
    with no_redis():
        ready = bound.get("/api/v1/health/ready")
        queued = bound.post(
            "/analyze", {"file": upload(png(8))}, format="multipart", HTTP_PREFER="wait=0"
        )

    assert (ready.status_code, ready.json()["redis"]) == (503, False)
    assert queued.status_code == 202
