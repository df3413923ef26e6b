"""Work that is due once a day, run by the light worker."""

from __future__ import annotations

from django.utils import timezone
from django_rq import get_queue

from detection import queue

# By dotted name, so that no room's tasks are loaded into the scheduling process.
DAILY = (
    "audit.tasks.keep_ledger",
    "cases.tasks.verify_all_exhibits",
    "webhooks.tasks.forget_old",
)
REMEMBER_S = 2 * 24 * 3600
# Hashing a large evidence store takes hours.
LONGEST_S = 12 * 3600


def enqueue_daily() -> list[str]:
    """Enqueue what has not been started today (UTC); the names of what was.

    The mark of the day lives in Redis: after a flush the work runs once more, which does no harm.
    """
    light = get_queue(queue.LIGHT, commit_mode="auto")
    today = timezone.now().date().isoformat()
    started = [
        name
        for name in DAILY
        if light.connection.set(f"dfd:daily:{name}:{today}", "1", nx=True, ex=REMEMBER_S)
    ]
    for name in started:
        light.enqueue_call(name, timeout=LONGEST_S, description=f"daily {name}")
    return started
