"""Real Redis, real worker processes, real detectors: nothing is lost, nothing is done twice."""

from __future__ import annotations

import io
import signal
import time
from typing import Any

import pytest
import redis

from audit.models import AuditEvent
from audit.verification import verify_all
from cases import services as cases
from cases.storage import evidence_store
from detection import services
from detection.health import queue_health
from detection.models import Analysis, Finding
from tests.queue.conftest import finished, in_the_middle, wait_until
from tests.queue.media import picture, voice

pytestmark = pytest.mark.queue

# Seconds of sound whose analysis is long enough to be caught in the middle.
LONG_S = 20


@pytest.fixture
def bob_actor(case: Any, actor: Any, bob: Any) -> Any:
    return actor(bob)


@pytest.fixture
def submit(case: Any, bob_actor: Any) -> Any:
    """``submit(content, name)``: into evidence and onto the queue."""

    def run(content: bytes, name: str) -> Analysis:
        exhibit = cases.receive_evidence(
            actor=bob_actor, case=case, stream=io.BytesIO(content), filename=name
        )
        return services.submit_analysis(actor=bob_actor, exhibit=exhibit)

    return run


def started(analysis: Analysis) -> int:
    return AuditEvent.objects.filter(
        action="analysis.started", subject=f"detection.analysis:{analysis.pk}"
    ).count()


def test_a_worker_killed_in_the_middle_loses_nothing(
    submit: Any, worker: Any, reconciler: Any
) -> None:
    first = worker()
    analysis = in_the_middle(submit(voice(LONG_S), "long.wav"))
    first.kill()
    worker()
    [stored] = finished(analysis)
    assert (stored.status, stored.attempt, stored.lost_workers) == ("complete", 2, 1)
    assert Finding.objects.filter(analysis=stored).count() == 1
    assert started(stored) == 2
    assert verify_all().ok


def test_a_flushed_redis_loses_nothing(
    submit: Any, worker: Any, reconciler: Any, redis_server: str
) -> None:
    analyses = [submit(picture(seed), f"{seed}.png") for seed in range(5)]
    redis.Redis.from_url(redis_server).flushall()
    worker()
    in_flight = submit(voice(LONG_S), "short.wav")
    in_the_middle(in_flight)
    redis.Redis.from_url(redis_server).flushall()
    stored = finished(*analyses, in_flight)
    assert [analysis.status for analysis in stored] == ["complete"] * 6
    assert Finding.objects.count() == 6
    last = submit(picture(9), "after.png")
    assert finished(last)[0].status == "complete"
    wait_until(lambda: queue_health().workers == 1, "the worker to register again")


def test_two_workers_share_twenty_analyses(submit: Any, worker: Any) -> None:
    worker()
    worker()
    analyses = [submit(picture(seed), f"{seed}.png") for seed in range(20)]
    stored = finished(*analyses)
    assert {analysis.status for analysis in stored} == {"complete"}
    assert {analysis.attempt for analysis in stored} == {1}
    assert Finding.objects.count() == 20
    assert len({analysis.worker for analysis in stored}) == 2
    assert verify_all().ok


def test_bad_files_fail_in_words_and_the_worker_lives_on(
    submit: Any, worker: Any, case: Any, bob_actor: Any
) -> None:
    process = worker()
    whole, sound = bytearray(picture(1)), bytearray(voice(1))
    packed = whole.index(b"IDAT") + 4
    whole[packed : packed + 500] = bytes(500)
    sound[20:22] = b"\x34\x12"
    # Whole on the outside, so that the intake takes them; broken inside.
    bad = {"zeroes-inside.png": bytes(whole), "unknown-codec.wav": bytes(sound)}
    analyses = [submit(content, name) for name, content in bad.items()]
    for analysis in finished(*analyses):
        assert analysis.status == "failed", analysis.exhibit.name
        assert analysis.error_code in {"corrupt", "truncated", "unsupported", "no_streams"}
        assert len(analysis.error_message) > 20
        assert "Traceback" not in analysis.error_message
    assert process.running
    [good] = finished(submit(picture(2), "renamed-to.mp3"))
    assert good.status == "complete"
    assert not Finding.objects.exclude(analysis=good).exists()


def test_evidence_that_changed_in_the_store_is_frozen(submit: Any, worker: Any) -> None:
    analysis = submit(picture(3), "touched.png")
    path = evidence_store().path(analysis.exhibit.storage_key)
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(40)
        file.write(b"\x00\x01\x02")
    worker()
    [stored] = finished(analysis)
    assert (stored.status, stored.error_code) == ("failed", "evidence_mismatch")
    assert stored.exhibit.state == "frozen"
    assert AuditEvent.objects.filter(action="evidence.mismatch").exists()
    assert not Finding.objects.exists()


def test_a_queued_and_a_running_analysis_can_be_cancelled(
    submit: Any, worker: Any, bob_actor: Any
) -> None:
    process = worker()
    running = submit(voice(LONG_S), "running.wav")
    queued = submit(voice(LONG_S, seed=1), "queued.wav")
    in_the_middle(running)
    for analysis in (queued, running):
        services.cancel_analysis(actor=bob_actor, analysis=analysis)
    [after] = finished(submit(picture(4), "next.png"))
    assert after.status == "complete"
    assert process.running
    for analysis in finished(queued, running):
        assert analysis.status == "cancelled"
    assert Finding.objects.get().analysis == after
    assert "analysis_interrupted" in process.output


def test_a_stopping_worker_hands_its_job_back(submit: Any, worker: Any) -> None:
    first = worker()
    analysis = in_the_middle(submit(voice(LONG_S), "long.wav"))
    assert first.stop() == 0
    analysis.refresh_from_db()
    assert (analysis.status, analysis.lost_workers) == ("queued", 0)
    worker()
    [stored] = finished(analysis)
    assert (stored.status, stored.attempt) == ("complete", 2)


def test_an_analysis_that_takes_too_long_is_stopped_in_words(submit: Any, worker: Any) -> None:
    process = worker(DFD_ANALYSIS_TIMEOUT_S="2")
    [stored] = finished(submit(voice(LONG_S), "endless.wav"))
    assert (stored.status, stored.error_code) == ("failed", "timeout")
    assert "longer than 2 s" in stored.error_message
    assert process.running


def test_missing_weights_end_the_worker_with_one_line(manage: Any, tmp_path: Any) -> None:
    process = manage("inference_worker", env={"DFD_WEIGHTS_DIR": str(tmp_path / "nowhere")})
    wait_until(lambda: not process.running, "the worker to give up")
    assert process.stop() == 3
    lines = [line for line in process.output.splitlines() if line.strip()]
    assert len(lines) == 1, process.output
    assert "nowhere" in lines[0]


def test_a_redis_that_is_not_there_is_said_in_one_line(manage: Any) -> None:
    process = manage("light_worker", env={"REDIS_URL": "unix:///nowhere/redis.sock"})
    wait_until(lambda: not process.running, "the worker to give up")
    assert process.stop() == 1
    assert "does not answer" in process.output
    assert "Traceback" not in process.output


def test_a_repeat_on_the_same_machine_is_identical(submit: Any, worker: Any, manage: Any) -> None:
    worker()
    [first] = finished(submit(voice(3), "short.wav"))
    process = manage("rerun", str(first.pk))
    wait_until(lambda: not process.running, "the repeat and its comparison")
    assert process.stop() == 0, process.output
    assert "identical; largest difference 0.00e+00" in process.output
    assert Analysis.objects.get(rerun_of=first).status == "complete"
    assert AuditEvent.objects.get(action="analysis.compared").payload["outcome"] == "identical"


def test_a_second_signal_still_hands_the_job_back(submit: Any, worker: Any) -> None:
    process = worker(DFD_SHUTDOWN_GRACE_S="600")
    analysis = in_the_middle(submit(voice(LONG_S), "long.wav"))
    process.send(signal.SIGTERM)
    process.wait_for("warm shut down requested")
    # RQ takes a second signal within a second for an echo of the first.
    time.sleep(1.1)
    process.stop()
    analysis.refresh_from_db()
    assert (analysis.status, analysis.lost_workers) == ("queued", 0)
