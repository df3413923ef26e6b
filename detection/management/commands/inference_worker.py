"""``manage.py inference_worker``: load the models, then run analyses until stopped."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from redis.exceptions import RedisError

from accounts.actors import system_actor
from detection import queue
from detection.services import sync_models
from detection.worker import InferenceWorker, start
from ml.errors import MlError
from ml.memory import keep_freed_memory

# Tells the supervisor that a restart cannot help.
CANNOT_START = 3


class Command(BaseCommand):
    help = "Runs analyses from the queue with resident models. Stop with SIGTERM (warm)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--ready-file", type=Path, help="written once the models are loaded and jobs are taken"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        keep_freed_memory()
        # Imported here: this is the one process that loads the detectors.
        from detection.engine import resident

        try:
            resident().load(settings.DFD.profile)
            sync_models(actor=system_actor("inference_worker"))
            start(InferenceWorker, queue.INFERENCE, options["ready_file"])
        except MlError as error:
            raise CommandError(f"dfd: {error.message}", returncode=CANNOT_START) from error
        except RedisError as error:
            raise CommandError(f"Redis at {settings.REDIS_URL} does not answer: {error}") from error
