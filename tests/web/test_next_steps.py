"""Whatever went wrong, the page says so in words and names the next step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.actors import user_actor
from accounts.models import User
from cases.models import Case, Exhibit
from detection import services
from detection.models import Analysis
from detection.selectors import finding_for, result_of
from detection.views.finding import next_steps
from detection.views.lanes import lanes_of
from ml.result import AnalysisResult, BranchStatus, Curve, MediaKind
from tests.cases.media import wav_bytes
from tests.web.conftest import WORKER


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def result(alice: User, finding: Analysis) -> AnalysisResult:
    stored = finding_for(user_actor(alice), finding)
    assert stored is not None
    return result_of(stored)


def test_each_cause_of_silence_has_a_next_step(result: AnalysisResult) -> None:
    told = " ".join(next_steps(replace(result, faces=(), media=replace(result.media, audio=None))))
    assert "No face was found" in told
    assert "no sound track" in told
    assert "has no trained weights" in told  # the sample's ensemble has none
    broken = replace(result.branches[0], status=BranchStatus.FAILED)
    assert "stopped on an error" in " ".join(next_steps(replace(result, branches=(broken,))))
    heard = replace(result, input=replace(result.input, kind=MediaKind.AUDIO), faces=())
    assert "No face" not in " ".join(next_steps(heard))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("missing", "python -m ml weights"),
        ("out_of_memory", "fewer frames"),
        ("no_streams", "convert a copy"),
        ("timeout", "larger frame step"),
        ("corrupt", "another copy"),
        ("evidence_mismatch", "Do not use this exhibit"),
    ],
)
@pytest.mark.usefixtures("redis_server")
def test_each_failure_has_advice(
    alice: User, exhibits: dict[str, Exhibit], code: str, words: str
) -> None:
    run = services.submit_analysis(actor=user_actor(alice), exhibit=exhibits["audio"])
    claimed = services.claim_analysis(str(run.pk), WORKER)
    assert claimed is not None
    services.fail_analysis(analysis=claimed, code=code, message="Because.")
    assert words in signed_in(alice).get(f"/analyses/{run.pk}/").content.decode()


def test_with_the_queue_down_an_analysis_is_kept_and_the_page_says_so(
    alice: User,
    exhibits: dict[str, Exhibit],
    settings: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    settings.RQ_QUEUES = {
        name: {**values, "URL": "redis://127.0.0.1:1/0"}
        for name, values in settings.RQ_QUEUES.items()
    }
    exhibit = exhibits["audio"]
    client = signed_in(alice)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(
            f"/cases/{exhibit.case.number}/analyse/",
            {"exhibit": exhibit.number, "profile": "standard"},
        )
    assert Analysis.objects.get().status == "queued"
    page = client.get(answer["Location"]).content.decode()
    assert "The queue does not answer" in page
    assert "kept in the database" in page
    assert "The queue does not answer" in client.get("/").content.decode()


def test_lanes_show_faces_and_lips(result: AnalysisResult) -> None:
    face = result.faces[0]
    seen = tuple(replace(face, t=t) for t in (0.0, 0.5, 1.0, 6.0, 6.5))
    curve = Curve(
        "synchrony", (0.0, 0.1, 0.5, 0.6), (1.0, 2.0, -1.0, -2.0), "s", "median distance - distance"
    )
    branches = tuple(
        replace(branch, curves=(curve,)) if branch.name == "av_sync" else branch
        for branch in result.branches
    )
    lanes = lanes_of(replace(result, faces=seen, branches=branches), 12.0)
    by_kind = {lane.kind: lane for lane in lanes}
    assert [block.strength for block in by_kind["sync"].blocks] == ["sync", "unsync"]
    assert [(b.start, b.end) for b in by_kind["track"].blocks] == [(0.0, 1.25), (5.75, 6.75)]
    assert lanes[0].kind == "scored"


def test_the_plain_form_tells_a_used_up_quota(alice: User, case: Case, settings: Any) -> None:
    settings.DFD = replace(settings.DFD, quotas={"bytes": 10, "analyses": 0})
    client = signed_in(alice)
    files = {"files": SimpleUploadedFile("tone.wav", wav_bytes())}
    answer = client.post(f"/cases/{case.number}/upload/", files, follow=True)
    assert answer.status_code == 200
    assert "tone.wav: " in answer.content.decode()
    assert not Exhibit.objects.filter(case=case, name="tone.wav").exists()
