"""``manage.py light_worker``: run short jobs (exports, checks) until stopped."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from redis.exceptions import RedisError

from detection import queue
from detection.worker import LightWorker, start


class Command(BaseCommand):
    help = "Runs short jobs from the queue 'light'. Stop with SIGTERM (warm)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--ready-file", type=Path, help="written once jobs are taken")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            start(LightWorker, queue.LIGHT, options["ready_file"])
        except RedisError as error:
            raise CommandError(f"Redis at {settings.REDIS_URL} does not answer: {error}") from error
