"""``manage.py checkpoint_audit``: sign the ledger's present state now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from audit import checkpoints


class Command(BaseCommand):
    help = "Sign the present state of the ledger and print the checkpoint, to keep elsewhere."

    def handle(self, *_: Any, **__: Any) -> None:
        self.stdout.write(checkpoints.create(reason="request").note)
