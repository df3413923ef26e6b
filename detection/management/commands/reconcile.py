"""``manage.py reconcile``: keep the queue in line with the database, and start daily work."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, close_old_connections
from redis.exceptions import RedisError

from detection.reconciler import reconcile
from detection.schedule import enqueue_daily
from detection.signals import round_due


class Command(BaseCommand):
    help = (
        "Enqueues queued analyses that have no job, recovers those of dead workers and starts "
        "daily work, every few seconds until SIGTERM."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="one round, then say what it did")
        parser.add_argument("--every", type=float, default=5.0, help="seconds between rounds")

    def handle(self, *_: Any, **options: Any) -> None:
        if options["once"]:
            self._once()
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        while not stop.is_set():
            self._round()
            stop.wait(options["every"])

    def _once(self) -> None:
        try:
            done = reconcile()
        except RedisError as error:
            raise CommandError(f"Redis at {settings.REDIS_URL} does not answer: {error}") from error
        self.stdout.write(
            f"enqueued {done.enqueued}, recovered {done.recovered}, failed {done.failed}"
        )

    def _round(self) -> None:
        """One round that a restart of Redis or of the database does not end."""
        try:
            reconcile()
            enqueue_daily()
            round_due.send(sender=Command)
        except (RedisError, DatabaseError) as error:
            self.stderr.write(f"reconcile: {error}; trying again")
        finally:
            close_old_connections()
