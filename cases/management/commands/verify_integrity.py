"""``manage.py verify_integrity``: is every original still what was received?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actors import system_actor
from cases.integrity import check_exhibits
from cases.models import Case


class Command(BaseCommand):
    """Re-hash originals; exit 1 and name every one that changed or cannot be read."""

    help = "Re-hash every stored original and compare it with the hash taken at receipt."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("case", nargs="?", default="", help="number of one case, 2026-0001")

    def handle(self, *_args: Any, **options: Any) -> None:
        number = options["case"]
        if number and not Case.objects.filter(number=number).exists():
            raise CommandError(f"There is no case {number}.")
        checked = bad = 0
        for check in check_exhibits(actor=system_actor("verify_integrity"), case_number=number):
            checked += 1
            if check.outcome != "unchanged":
                bad += 1
                self.stderr.write(f"{check.exhibit.label} {check.outcome} {check.detail}".rstrip())
        self.stdout.write(f"{checked} exhibits checked, {checked - bad} unchanged, {bad} not")
        if bad:
            raise CommandError("Some originals are not what was received.", returncode=1)
