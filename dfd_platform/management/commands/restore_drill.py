"""``manage.py restore_drill``: is a restored copy everything that the backup should have held?"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import keys, signed_notes
from audit.models import GLOBAL_CHAIN, AuditEvent
from audit.verification import verify_all
from cases.errors import StoreError
from cases.models import Exhibit
from cases.services.integrity import measure
from cases.storage import Store, artefact_store
from detection.models import Artefact
from reports.models import Export

READABLE = (Exhibit.State.STORED, Exhibit.State.FROZEN, Exhibit.State.QUARANTINED)


class Command(BaseCommand):
    help = (
        "Verifies a restored copy: the ledger and what the rooms have on record, every original, "
        "every derived file and export, and, with --checkpoint, a signed checkpoint that was kept "
        "elsewhere. Writes nothing. Exit status 1 when anything is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--checkpoint", type=Path, help="a checkpoint kept outside, as checkpoint_audit prints"
        )
        parser.add_argument(
            "--key", help="the laboratory's verifier key (content of its .vkey file), kept outside"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        problems = 0
        for problem in self._problems(options["checkpoint"], options["key"]):
            problems += 1
            self.stderr.write(problem)
        if problems:
            raise CommandError(
                f"The restored copy is not complete: {problems} problems. Restore another backup, "
                "or have the difference explained before anybody works with this one."
            )
        self.stdout.write("The restored copy is complete.")

    def _problems(self, checkpoint: Path | None, key: str | None) -> Iterator[str]:
        report = verify_all()
        for problem in report.problems:
            where = f"{problem.chain} entry {problem.seq}: " if problem.chain else ""
            yield f"ledger: {problem.code}: {where}{problem.message}"
        self.stdout.write(f"ledger: {report.entries} entries in {report.chains} chains read")
        if checkpoint is None:
            self.stdout.write(
                "checkpoint: none given; what was lost since the backup cannot be told"
            )
        else:
            yield from self._against(checkpoint, key)
        yield from self._originals()
        yield from self._derived()

    def _against(self, path: Path, key: str | None) -> Iterator[str]:
        """Does the restored ledger reach and contain what the outside checkpoint states?"""
        try:
            text = signed_notes.open_note(
                path.read_text(encoding="utf-8"), [key] if key else keys.verifier_keys()
            )
            body = signed_notes.CheckpointBody.parse(text)
        except (OSError, signed_notes.BadNote) as error:
            yield f"checkpoint: {path.name} cannot be used: {error}"
            return
        entry = AuditEvent.objects.filter(chain=GLOBAL_CHAIN, seq=body.size).first()
        if entry is None:
            held = AuditEvent.objects.filter(chain=GLOBAL_CHAIN).count()
            yield (
                f"checkpoint: {path.name} attests {body.size} entries of the global chain, the "
                f"copy holds {held}: entries are missing since the backup"
            )
        elif entry.hash != body.head_hash:
            yield f"checkpoint: the ledger is not the one that {path.name} attests"
        else:
            self.stdout.write(f"checkpoint: {body.size} global entries are as attested outside")

    def _originals(self) -> Iterator[str]:
        exhibits = Exhibit.objects.filter(state__in=READABLE).select_related("case")
        for exhibit in exhibits.iterator():
            try:
                measured = measure(exhibit)
            except (StoreError, OSError) as error:
                yield f"original: {exhibit.label} cannot be read: {error}"
                continue
            if measured != exhibit.sha256:
                yield f"original: {exhibit.label} is {'changed' if measured else 'gone'}"
        self.stdout.write(f"originals: {exhibits.count()} hashed")

    def _derived(self) -> Iterator[str]:
        """The artefact store names every file by its own hash."""
        store = artefact_store()
        held = Artefact.objects.exclude(analysis__exhibit__state=Exhibit.State.DESTROYED)
        keys_kept = {
            *held.values_list("storage_key", flat=True),
            *Export.objects.values_list("storage_key", flat=True),
        }
        for key in sorted(keys_kept):
            yield from _checked(store, key)
        self.stdout.write(f"derived files and exports: {len(keys_kept)} hashed")


def _checked(store: Store, key: str) -> Iterator[str]:
    try:
        measured = store.digests(key).sha256
    except (StoreError, OSError) as error:
        yield f"derived: {key}: {error}"
        return
    if measured != key.rsplit("/", 1)[1]:
        yield f"derived: {key} is changed"
