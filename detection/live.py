"""The live check's clips on their way to a worker, and its words on the way back.

A clip is no evidence: it has no row, no file and no ledger entry. It waits in Redis for a minute at
most, encrypted because a Redis may log what it holds to a disk, and a window's words are forgotten
a few minutes later. Raises LiveRefused where it does not take a clip.
"""

from __future__ import annotations

import json
import secrets
import time
import uuid
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from redis import Redis
from redis.exceptions import RedisError

from detection import queue
from detection.errors import LiveRefused
from ml.result import Verdict
from ml.stream import shared_verdict

TASK = "detection.tasks.run_live_window"
CLIP_BYTES = 6 * 1024**2
CLIP_TTL_S = 60
SESSION_TTL_S = 600
CLIPS_PER_HOUR = 1200
MOST_PENDING = 2
SHOWN = 60
NONCE = 12

# An examination that has not ended by then never will.
EXAMINED_WITHIN_S = 180

WAITING, RUNNING, DONE, FAILED, LOST = "waiting", "running", "done", "failed", "lost"


@dataclass(frozen=True)
class Window:
    """One clip of a session: ``start`` .. ``end`` seconds since the person pressed start.

    ``state``: waiting, running, done, failed (``error`` says why) or lost (no worker took it in
    time).
    ``faces`` and ``speech_s`` are None where the clip has no picture or no sound.
    """

    number: int
    start: float
    end: float
    posted_at: float
    state: str = WAITING
    verdict: str = ""
    log10_lr: float | None = None
    probability: float | None = None
    reason: str = ""
    faces: int | None = None
    speech_s: float | None = None
    seconds: float = 0.0
    error: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Session:
    """The windows of one live check, oldest first."""

    windows: tuple[Window, ...] = ()

    @property
    def pending(self) -> int:
        return sum(window.state in (WAITING, RUNNING) for window in self.windows)

    @property
    def done(self) -> tuple[Window, ...]:
        return tuple(window for window in self.windows if window.state == DONE)

    @property
    def last(self) -> Window | None:
        """The newest window that was examined."""
        return self.done[-1] if self.done else None

    @property
    def rolling(self) -> Verdict:
        """The verdict that most of the last examined windows share."""
        return shared_verdict([Verdict(window.verdict) for window in self.done])


def submit(*, user_id: int, session: uuid.UUID, clip: bytes, start: float, end: float) -> Window:
    """Hand one clip to the workers. Raises LiveRefused: empty, too_large, rate, busy, queue."""
    if not clip:
        raise LiveRefused("empty", _("The clip is empty. Check that the camera is switched on."))
    if len(clip) > CLIP_BYTES:
        raise LiveRefused("too_large", _("The clip is larger than the server accepts."))
    try:
        return _submit(queue.connection(), user_id, session, clip, start, end)
    except RedisError as error:
        raise LiveRefused(
            "queue",
            _(
                "The queue does not answer, so nothing can be examined now. Tell an administrator "
                "and try again later; your recording stays in this browser."
            ),
        ) from error


def _submit(
    redis: Redis, user_id: int, session: uuid.UUID, clip: bytes, start: float, end: float
) -> Window:
    hour = int(time.time()) // 3600
    rate = f"dfd:live:rate:{user_id}:{hour}"
    used = redis.incr(rate)
    redis.expire(rate, 3600)
    if int(used) > CLIPS_PER_HOUR:
        raise LiveRefused(
            "rate",
            _("Only %(most)d windows an hour are examined. Go on in the next hour.")
            % {"most": CLIPS_PER_HOUR},
        )
    key = _session_key(user_id, session)
    if _read(redis, key).pending >= MOST_PENDING:
        raise LiveRefused("busy", _("The last windows are still being examined."))
    number = int(redis.incr(f"{key}:count"))
    redis.expire(f"{key}:count", SESSION_TTL_S)
    window = Window(number, start, end, time.time())
    redis.set(_clip_key(key, number), _sealed(key, number, clip), ex=CLIP_TTL_S)
    _write(redis, key, window)
    queue.inference_queue().enqueue_call(
        TASK,
        args=(user_id, str(session), number),
        description="live window",
        timeout=4 * CLIP_TTL_S,
        result_ttl=0,
        failure_ttl=CLIP_TTL_S,
        ttl=CLIP_TTL_S,
        at_front=True,
    )
    return window


def session_of(user_id: int, session: uuid.UUID) -> Session:
    """The person's own session; an empty one for an unknown or foreign id, LiveRefused (queue)."""
    try:
        return _read(queue.connection(), _session_key(user_id, session))
    except RedisError as error:
        raise LiveRefused("queue", _("The queue does not answer.")) from error


def take(user_id: int, session: uuid.UUID, number: int) -> tuple[Window, bytes] | None:
    """The window and its clip, which Redis forgets at once; None when it came too late."""
    redis, key = queue.connection(), _session_key(user_id, session)
    sealed = redis.getdel(_clip_key(key, number))
    stored = redis.hget(key, str(number))
    if sealed is None or stored is None:
        return None
    window = replace(Window.from_json(_bytes(stored)), state=RUNNING)
    try:
        clip = _opened(key, number, _bytes(sealed))
    except InvalidTag:
        words = (
            "The worker cannot open the clip: it needs the same DFD_SECRET_KEY as the web server. "
            "Tell an administrator."
        )
        store(user_id, session, replace(window, state=FAILED, error=words))
        return None
    store(user_id, session, window)
    return window, clip


def store(user_id: int, session: uuid.UUID, window: Window) -> None:
    """Keep what became of a window for a few minutes."""
    _write(queue.connection(), _session_key(user_id, session), window)


def _read(redis: Redis, key: str) -> Session:
    rows: Any = redis.hvals(key)
    windows = sorted((Window.from_json(row) for row in rows), key=lambda window: window.number)
    return Session(tuple(_seen_now(window) for window in windows[-SHOWN:]))


def _seen_now(window: Window) -> Window:
    """The window, lost when its time has run out."""
    patience = {WAITING: CLIP_TTL_S, RUNNING: CLIP_TTL_S + EXAMINED_WITHIN_S}
    age = time.time() - window.posted_at
    return replace(window, state=LOST) if age > patience.get(window.state, age) else window


def _write(redis: Redis, key: str, window: Window) -> None:
    redis.hset(key, str(window.number), window.to_json())
    redis.hdel(key, str(window.number - SHOWN))
    redis.expire(key, SESSION_TTL_S)


def _session_key(user_id: int, session: uuid.UUID) -> str:
    return f"dfd:live:{user_id}:{session}"


def _clip_key(key: str, number: int) -> str:
    return f"{key}:clip:{number}"


def _cipher(key: str, number: int) -> AESGCM:
    """A key for this clip alone, from the secret that web server and workers share."""
    secret = salted_hmac("detection.live", _clip_key(key, number), algorithm="sha256")
    return AESGCM(secret.digest())


def _sealed(key: str, number: int, clip: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE)
    return nonce + _cipher(key, number).encrypt(nonce, clip, None)


def _opened(key: str, number: int, sealed: bytes) -> bytes:
    return _cipher(key, number).decrypt(sealed[:NONCE], sealed[NONCE:], None)


def _bytes(value: Any) -> bytes:
    return bytes(value)
