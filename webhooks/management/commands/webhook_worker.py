"""``manage.py webhook_worker``: send web hooks until stopped."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from webhooks.delivering import deliver_once, deliver_until


class Command(BaseCommand):
    help = "Sends web hooks. Stop with SIGTERM: exchanges under way are ended first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="send what is due, then say it")

    def handle(self, *_: Any, **options: Any) -> None:
        if options["once"]:
            made, sent = deliver_once()
            self.stdout.write(f"made {made}, sent {sent}")
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        self.stdout.write("web hooks: worker ready")
        deliver_until(stop)
