"""A register of many cases for the speed of pages: bulk rows with a ledger whose chains hold.

Services would need hours for 100,000 cases. Here the same rows go in by the thousand, and each
case gets the ledger entries that opening it and receiving its exhibits leave, linked, hashed and
sealed as the ledger does it. The stored originals are left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db.models import Model, QuerySet
from django.utils import timezone

from accounts.actors import Actor, system_actor, user_actor
from accounts.models import User
from audit import merkle, seals
from audit.actions import Action
from audit.canonical import canonical_text, entry_hash
from audit.models import GENESIS, GLOBAL_CHAIN, AuditEvent, ChainHead
from cases.models import Case, CaseMembership, CaseYear, CustodyEvent, Exhibit, Note
from detection.models import (
    Analysis,
    AnalysisStatus,
    Finding,
    Notification,
    NotificationKind,
    ReviewRequest,
    Stage,
)

YEAR = 2025
AT_ONCE = 2000
IN_THE_BIG_CASE = 2000
NOTES_EVERY = 5
REVIEWS = 300
NOTIFICATIONS = 2000
SUBJECTS = ("Voice message", "Video call", "Portrait", "Interview", "Threat", "Statement")
SENDERS = ("bank", "insurer", "district court", "customs office", "newspaper", "ministry")
KINDS = (
    (Exhibit.Kind.AUDIO, "audio/wav", "wav"),
    (Exhibit.Kind.VIDEO, "video/mp4", "mp4"),
    (Exhibit.Kind.IMAGE, "image/jpeg", "jpg"),
)
VERDICTS = ("REAL", "FAKE", "INCONCLUSIVE")


class Chains:
    """The ledger's chains in memory, in order, until they are written as a whole."""

    def __init__(self) -> None:
        self.heads: dict[str, ChainHead] = {}
        self.events: list[AuditEvent] = []

    def append(
        self, actor: Actor, action: Action, subject: Model | str, case: Case | None, at: datetime
    ) -> None:
        """One entry as ``audit.services.append`` makes it, with its announcement."""
        chain = str(case.pk) if case else GLOBAL_CHAIN
        head = self.heads.setdefault(chain, ChainHead(chain=chain, seq=0, hash=GENESIS))
        if isinstance(subject, Model):
            subject = f"{subject._meta.label_lower}:{subject.pk}"
        payload = {}
        if action is Action.LEDGER_CHAIN_OPENED:
            opened = subject.removeprefix("audit.chain:")
            payload = {"chain": opened, "first_hash": self.heads[opened].hash}
        event = AuditEvent(
            chain=chain,
            seq=head.seq + 1,
            occurred_at=at,
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_label=actor.label,
            action=action,
            subject=subject,
            case_id=case.pk if case else None,
            payload_text=canonical_text(payload),
            prev_hash=head.hash,
        )
        event.hash = entry_hash(event)
        nodes = merkle.append(merkle.unpack(head.frontier), head.seq, bytes.fromhex(event.hash))
        head.seq, head.hash, head.frontier = event.seq, event.hash, merkle.pack(nodes)
        self.events.append(event)
        if case and event.seq == 1:
            ledger = system_actor("ledger")
            self.append(ledger, Action.LEDGER_CHAIN_OPENED, f"audit.chain:{chain}", None, at)

    def write(self) -> None:
        """Store every entry and every sealed head."""
        for head in self.heads.values():
            head.seal = seals.seal(head)
        insert(AuditEvent, self.events)
        insert(ChainHead, self.heads.values())


def insert(model: type[Model], rows: Iterable[Model]) -> None:
    """Bulk rows past the guard of audited models: their entries are made by ``Chains``."""
    waiting, table = iter(rows), QuerySet[Any](model)
    while batch := list(islice(waiting, AT_ONCE)):
        table.bulk_create(batch)


def fill(*, cases: int, manager: User, result: dict[str, Any]) -> Case:
    """Write ``cases`` cases of ``manager`` with an exhibit and a complete analysis each.

    ``result`` is the finding's text. Returns the first case, which holds IN_THE_BIG_CASE exhibits
    more. The database must be migrated and its ledger empty.
    """
    register = list(_cases(cases, manager))
    exhibits = list(_exhibits(register))
    runs = list(_analyses(exhibits, manager))
    CaseYear.objects.create(year=YEAR, last_number=cases)
    insert(Case, register)
    insert(CaseMembership, (_membership(case, manager) for case in register))
    insert(Exhibit, exhibits)
    insert(CustodyEvent, (event for item in exhibits for event in _custody(item, manager)))
    insert(Note, (_note(case, manager) for case in register[::NOTES_EVERY]))
    insert(Analysis, runs)
    insert(Finding, (_finding(run, result, k) for k, run in enumerate(runs)))
    insert(ReviewRequest, (_request(run, manager) for run in runs[:REVIEWS]))
    insert(Notification, (_notification(run, manager) for run in runs[:NOTIFICATIONS]))
    ledger = Chains()
    actor = user_actor(manager)
    for case in register:
        ledger.append(actor, Action.CASE_CREATED, case, case, case.created_at)
    for item in exhibits:
        ledger.append(actor, Action.EVIDENCE_RECEIVED, item, item.case, item.received_at)
    ledger.write()
    return register[0]


def _cases(count: int, manager: User) -> Iterator[Case]:
    now = timezone.now()
    for k in range(1, count + 1):
        subject, sender = SUBJECTS[k % len(SUBJECTS)], SENDERS[k // 7 % len(SENDERS)]
        yield Case(
            number=f"{YEAR}-{k:06d}",
            title=f"{subject} to the {sender}, file {k}",
            description=f"The {sender} asks whether the {subject.lower()} is genuine.",
            status=Case.Status.CLOSED if k % 4 == 0 else Case.Status.OPEN,
            closed_at=now if k % 4 == 0 else None,
            created_by=manager,
            created_by_label=manager.username,
            created_at=now - timedelta(minutes=5 * (count - k) + 60),
            last_exhibit_number=1 + (IN_THE_BIG_CASE if k == 1 else 0),
        )


def _membership(case: Case, manager: User) -> CaseMembership:
    return CaseMembership(case=case, user=manager, role="manager", added_by_label=manager.username)


def _exhibits(register: list[Case]) -> Iterator[Exhibit]:
    for k, case in enumerate(register):
        for number in range(1, case.last_exhibit_number + 1):
            kind, mime_type, ending = KINDS[(k + number) % len(KINDS)]
            content = f"{case.number}/{number}".encode()
            digest = hashlib.sha256(content).hexdigest()
            yield Exhibit(
                case=case,
                number=number,
                name=f"recording-{k}-{number}.{ending}",
                kind=kind,
                mime_type=mime_type,
                size=1_000_000 + k,
                sha256=digest,
                sha512=hashlib.sha512(content).hexdigest(),
                storage_key=f"sha256/{digest[:2]}/{digest}",
                received_at=case.created_at + timedelta(seconds=number),
                received_by_kind="user",
                received_by_id="1",
                received_by_label=case.created_by_label,
                source=f"phone {k % 997}",
            )


def _custody(item: Exhibit, manager: User) -> Iterator[CustodyEvent]:
    for kind in (CustodyEvent.Kind.RECEIVED, CustodyEvent.Kind.ANALYSED):
        yield CustodyEvent(
            exhibit=item,
            kind=kind,
            occurred_at=item.received_at,
            actor_kind="user",
            actor_id=str(manager.pk),
            actor_label=manager.username,
            sha256_after=item.sha256,
        )


def _note(case: Case, manager: User) -> Note:
    return Note(
        case=case,
        text=f"Spoke with the sender about {case.title}; the original device is on its way.",
        author_kind="user",
        author_id=str(manager.pk),
        author_label=manager.username,
    )


def _analyses(exhibits: list[Exhibit], manager: User) -> Iterator[Analysis]:
    for item in exhibits:
        start = item.received_at + timedelta(minutes=1)
        yield Analysis(
            exhibit=item,
            profile="standard",
            submitted_by_kind="user",
            submitted_by_id=str(manager.pk),
            submitted_by_label=manager.username,
            status=AnalysisStatus.COMPLETE,
            stage=Stage.COMPLETE,
            percent=100,
            started_at=start,
            finished_at=start + timedelta(seconds=20),
            evidence_sha256=item.sha256,
        )


def _finding(run: Analysis, result: dict[str, Any], k: int) -> Finding:
    log10_lr = round((k % 61 - 30) / 15, 3)
    return Finding(
        analysis=run,
        verdict=VERDICTS[k % len(VERDICTS)],
        probability=1 / (1 + 10**-log10_lr),
        log10_lr=log10_lr,
        casework_approved=False,
        result=result,
        result_sha256="0" * 64,
    )


def _request(run: Analysis, reviewer: User) -> ReviewRequest:
    return ReviewRequest(analysis=run, reviewer=reviewer, requested_by=reviewer)


def _notification(run: Analysis, recipient: User) -> Notification:
    return Notification(
        recipient=recipient,
        kind=NotificationKind.FINISHED,
        analysis=run,
        text=f"Analysis of {run.exhibit.label} finished.",
    )
