"""The live check: a camera and a microphone, a real worker, a rolling verdict, nothing stored."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from cases.models import Case
from detection import live, live_execution, queue
from detection.errors import LiveRefused
from tests.live import LivePlatform
from tests.web import media
from tests.web.conftest import CHROMIUM, CHROMIUM_ARGUMENTS, PHONE, Visitor
from tests.web.sample import drawn_face

PASSWORD = "a long password for the camera"
PERSON = f"""
from accounts.actors import user_actor
from accounts.models import User
from cases import services
if not User.objects.filter(username="cam").exists():
    user = User.objects.create_user("cam", password={PASSWORD!r})
    services.create_case(actor=user_actor(user), title="A call that runs")
"""
STORED = """
from cases.models import Exhibit
from detection.models import Analysis
print(Exhibit.objects.count(), Analysis.objects.count())
"""
EXAMINED_WITHIN_MS = 150_000


def picture_source(path: Path) -> Path:
    """A drawn face as the uncompressed video that Chromium takes for a camera."""
    with av.open(str(path), "w", format="yuv4mpegpipe") as output:
        stream = output.add_stream("rawvideo", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 320, "yuv420p"
        for index in range(20):
            face = np.asarray(drawn_face(index % 4).resize((320, 320)))
            output.mux(stream.encode(av.VideoFrame.from_ndarray(face, format="rgb24")))
        output.mux(stream.encode(None))
    return path


def launch(chromium: Browser, *arguments: str) -> Browser:
    return chromium.browser_type.launch(
        executable_path=CHROMIUM, args=[*CHROMIUM_ARGUMENTS, *arguments]
    )


@pytest.fixture
def camera(chromium: Browser, tmp_path: Path) -> Iterator[Browser]:
    """A Chromium whose camera shows a drawn face and whose microphone hears syllables."""
    sound = media.recordings(tmp_path / "media")["audio"]
    browser = launch(
        chromium,
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={picture_source(tmp_path / 'camera.y4m')}",
        f"--use-file-for-fake-audio-capture={sound}",
    )
    yield browser
    browser.close()


def sign_in(page: Page) -> None:
    page.goto("/account/login/")
    page.get_by_label("Login").fill("cam")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.browser
def test_a_camera_is_examined_and_only_the_saved_recording_is_kept(
    camera: Browser, live_platform: LivePlatform
) -> None:
    live_platform.shell(PERSON)
    before = live_platform.shell(STORED)
    visitor = Visitor(camera, live_platform.url, viewport=PHONE)
    page = visitor.page
    sign_in(page)
    page.goto("/live/")
    page.get_by_role("button", name="Start", exact=True).press("Enter")
    expect(page.get_by_role("button", name="Stop")).to_be_focused()
    answer = page.locator("[data-answer] .verdict-word")
    expect(answer).to_be_visible(timeout=EXAMINED_WITHIN_MS)
    expect(page.locator("[data-answer] .figure-words")).not_to_contain_text("No picture")
    expect(page.locator("[data-trouble]")).to_be_hidden()
    page.get_by_role("button", name="Stop").press("Enter")
    assert live_platform.shell(STORED) == before
    page.get_by_role("button", name="Save the whole recording").click()
    expect(page.locator(".notice-success")).to_contain_text("live-check-")
    exhibits, analyses = (int(n) for n in live_platform.shell(STORED).split())
    assert (exhibits, analyses) == (int(before.split()[0]) + 1, int(before.split()[1]))
    assert visitor.complaints == []
    visitor.context.close()


@pytest.mark.browser
def test_a_refused_and_a_missing_camera_are_told(
    chromium: Browser, visit: Callable[..., Any], alice: User
) -> None:
    page = visit().enter(alice)
    page.goto("/live/")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("[data-trouble]")).to_contain_text("camera or microphone", ignore_case=True)
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_enabled()
    denied = visit(permissions=[]).enter(alice)
    denied.add_init_script(
        "navigator.mediaDevices.getUserMedia = "
        "async () => { throw new DOMException('no', 'NotAllowedError'); }"
    )
    denied.goto("/live/")
    denied.get_by_role("button", name="Start", exact=True).click()
    expect(denied.locator("[data-trouble]")).to_contain_text("refused camera or microphone")


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def post(client: Client, session: uuid.UUID, body: bytes, times: str = "start=0&end=4") -> Any:
    return client.post(f"/live/{session}/?{times}", body, content_type="video/webm")


@pytest.mark.usefixtures("redis_server")
def test_clips_are_limited(alice: User) -> None:
    client, session = signed_in(alice), uuid.uuid4()
    assert post(client, session, b"").status_code == 422
    assert post(client, session, b"x", "start=4&end=1").status_code == 422
    assert post(client, session, bytes(live.CLIP_BYTES + 1)).status_code == 413
    assert [post(client, session, b"x").status_code for _ in range(3)] == [202, 202, 429]
    redis = queue.connection()
    redis.set(f"dfd:live:rate:{alice.pk}:{int(time.time()) // 3600}", live.CLIPS_PER_HOUR)
    assert post(client, uuid.uuid4(), b"x").json()["code"] == "rate"


@pytest.mark.usefixtures("redis_server")
def test_a_forged_form_is_refused(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    assert post(client, uuid.uuid4(), b"x").status_code == 403


@pytest.mark.usefixtures("redis_server")
def test_redis_holds_a_clip_sealed_and_for_a_minute(alice: User) -> None:
    session, words = uuid.uuid4(), b"these are the bytes of a recording"
    window = live.submit(user_id=alice.pk, session=session, clip=words, start=0, end=4)
    redis = queue.connection()
    [key] = list(redis.scan_iter("dfd:live:*:clip:*"))
    assert words not in redis.get(key)
    assert 0 < redis.ttl(key) <= live.CLIP_TTL_S
    assert 0 < redis.ttl(f"dfd:live:{alice.pk}:{session}") <= live.SESSION_TTL_S
    taken = live.take(alice.pk, session, window.number)
    assert taken is not None
    assert taken[1] == words
    assert not list(redis.scan_iter("dfd:live:*:clip:*"))
    assert live.take(alice.pk, session, window.number) is None


@pytest.mark.usefixtures("redis_server")
def test_somebody_elses_session_is_empty(alice: User, charlie: User) -> None:
    session = uuid.uuid4()
    assert post(signed_in(alice), session, b"x").status_code == 202
    assert 'data-pending="1"' in signed_in(alice).get(f"/live/{session}/").content.decode()
    assert 'data-pending="0"' in signed_in(charlie).get(f"/live/{session}/").content.decode()


@pytest.mark.usefixtures("redis_server")
def test_what_is_no_recording_fails_in_words(alice: User) -> None:
    session = uuid.uuid4()
    window = live.submit(user_id=alice.pk, session=session, clip=b"no film", start=0, end=4)
    assert live_execution.examine(alice.pk, session, window.number) == live.FAILED
    [stored] = live.session_of(alice.pk, session).windows
    assert len(stored.error) > 20
    assert "Traceback" not in stored.error


def test_a_silent_queue_is_told(alice: User, case: Case, settings: Any) -> None:
    settings.RQ_QUEUES = {
        name: {**values, "URL": "redis://127.0.0.1:1/0"}
        for name, values in settings.RQ_QUEUES.items()
    }
    with pytest.raises(LiveRefused, match="queue does not answer"):
        live.submit(user_id=alice.pk, session=uuid.uuid4(), clip=b"x", start=0, end=4)
