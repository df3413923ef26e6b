"""``manage.py up``: the whole platform under one supervisor."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dfd_platform import startup
from dfd_platform.supervisor import ChildHopelessError, Supervisor, signals_blocked


class Command(BaseCommand):
    help = "Start Redis, the workers and the web server; Ctrl-C stops them all."

    def handle(self, *_: Any, **__: Any) -> None:
        try:
            self._run()
        except (startup.StartError, ChildHopelessError) as error:
            raise CommandError(str(error)) from error

    def _run(self) -> None:
        address = startup.Address.from_environment()
        address.check_free()
        with startup.lock_data_dir():
            startup.prepare()
            supervisor = Supervisor(
                env=startup.child_environment(address),
                cwd=settings.BASE_DIR,
                logs=settings.DFD.data_dir / "logs",
                say=self._say,
            )
            with signals_blocked():
                try:
                    if settings.EMBEDDED_REDIS:
                        supervisor.start(startup.redis_program())
                    startup.wait_for_redis()
                    for program in startup.programs(address):
                        supervisor.start(program)
                    supervisor.run(
                        startup.readiness(supervisor, address),
                        lambda: self._say(f"ready at {address.url}"),
                    )
                finally:
                    supervisor.stop()
                    startup.remove_socket_folder()
        self._say("stopped")

    def _say(self, line: str) -> None:
        self.stdout.write(f"dfd: {line}")
        self.stdout.flush()
