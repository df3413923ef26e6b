"""``manage.py verify_audit``: is the ledger what it was?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.actors import system_actor
from audit.actions import Action
from audit.services import append
from audit.verification import verify_all


class Command(BaseCommand):
    help = (
        "Recompute every chain, head and checkpoint of the ledger and compare the copies kept "
        "outside the database. Names the first broken row of each chain and exits with 1."
    )

    def handle(self, *_: Any, **__: Any) -> None:
        report = verify_all()
        with transaction.atomic():
            append(
                actor=system_actor("verify_audit"),
                action=Action.LEDGER_VERIFIED,
                subject="audit.ledger",
                payload={"entries": report.entries, "problems": len(report.problems)},
            )
        for problem in report.problems:
            where = f"{problem.chain} entry {problem.seq}: " if problem.chain else ""
            self.stderr.write(f"{problem.code}: {where}{problem.message}")
        read = (
            f"{report.entries} entries in {report.chains} chains, {report.checkpoints} checkpoints"
        )
        if not report.ok:
            raise CommandError(f"the ledger is broken ({read} verified)")
        self.stdout.write(f"The ledger is intact: {read} verified.")
