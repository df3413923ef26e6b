"""Is the ledger what it was? Every chain, head, checkpoint and outside copy is recomputed, and what
other rooms have on record is compared with it."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field

from django.db import connection, transaction

from audit import (
    keys,
    merkle,
    outside_copies,
    row_stamps,
    seals,
    signed_notes,
    triggers,
    witnesses,
)
from audit.actions import Action
from audit.canonical import canonical_text, entry_hash
from audit.errors import BadPayload
from audit.models import GENESIS, GLOBAL_CHAIN, AuditEvent, ChainHead, Checkpoint


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where (``chain`` and ``seq``, or a checkpoint) and what."""

    code: str
    message: str
    chain: str = ""
    seq: int = 0


@dataclass(frozen=True)
class VerificationReport:
    """The outcome: how much was read and every problem, the first broken row of a chain each."""

    entries: int
    chains: int
    checkpoints: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        return not self.problems


@dataclass
class Milestone:
    """A state of a chain that something outside the chain attests."""

    root: str
    head_hash: str
    witness: str


Milestones = dict[int, list[Milestone]]


@dataclass
class _Findings:
    verifier_keys: list[str]
    problems: list[Problem] = field(default_factory=list)
    # What checkpoints (global chain) and the global chain (case chains) attest, by length.
    milestones: dict[str, Milestones] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    announced: dict[str, str] = field(default_factory=dict)
    entries: int = 0

    @property
    def global_chain_broken(self) -> bool:
        """Then what it says of case chains is incomplete and accuses nobody."""
        return any(problem.chain == GLOBAL_CHAIN for problem in self.problems)

    def add(self, code: str, message: str, chain: str = "", seq: int = 0) -> None:
        self.problems.append(Problem(code, message, chain, seq))

    def attest(self, chain: str, size: int, milestone: Milestone) -> None:
        self.milestones[chain][size].append(milestone)


def verify_all() -> VerificationReport:
    """Verify everything. Reads only; the caller records that the check was made."""
    # Copies are listed before the database is read: a checkpoint made meanwhile is not missed.
    copies = outside_copies.checkpoint_copies()
    findings = _Findings(keys.verifier_keys())
    for trigger in triggers.missing(connection):
        findings.add("trigger_missing", f"the database trigger {trigger} is gone or disarmed")
    with transaction.atomic():
        _read_one_moment()
        checkpoints = _verify_checkpoints(findings, copies)
        heads = {head.chain: head for head in ChainHead.objects.all()}
        _verify_chain(findings, GLOBAL_CHAIN, heads.pop(GLOBAL_CHAIN, None))
        stored = AuditEvent.objects.exclude(chain=GLOBAL_CHAIN).order_by()
        cases = {*heads, *findings.announced, *stored.values_list("chain", flat=True).distinct()}
        for chain in sorted(cases):
            _verify_chain(findings, chain, heads.get(chain))
        for disagreement in (*witnesses.disagreements(), *row_stamps.disagreements()):
            findings.add(disagreement.code, disagreement.message)
    return VerificationReport(
        entries=findings.entries,
        chains=len(cases) + 1,
        checkpoints=checkpoints,
        problems=tuple(findings.problems),
    )


def _read_one_moment() -> None:
    """Make PostgreSQL show one moment of the ledger while others append to it."""
    if connection.vendor == "postgresql" and len(connection.savepoint_ids) == 0:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _verify_checkpoints(findings: _Findings, copies: dict[str, str]) -> int:
    known = findings.verifier_keys
    rows = {row.size: row for row in Checkpoint.objects.all()}
    kept: set[int] = set()
    for name, note in copies.items():
        body = _opened(findings, note, known, f"the copy {name}")
        if body is None:
            continue
        kept.add(body.size)
        witness = f"the checkpoint copy {name}"
        findings.attest(
            GLOBAL_CHAIN, body.size, Milestone(body.root.hex(), body.head_hash, witness)
        )
        if body.size not in rows:
            findings.add("checkpoint_deleted", f"{name} is not in the database any more")
        elif rows[body.size].note != note:
            findings.add("checkpoint_altered", f"{name} differs from the database's checkpoint")
    for size, row in sorted(rows.items()):
        witness = f"checkpoint {size}"
        body = _opened(findings, row.note, known, witness)
        if body is None:
            continue
        if (body.size, body.root.hex(), body.head_hash) != (size, row.root, row.head_hash):
            findings.add("checkpoint_altered", f"{witness}: its columns differ from its note")
        findings.attest(
            GLOBAL_CHAIN, body.size, Milestone(body.root.hex(), body.head_hash, witness)
        )
        if size not in kept:
            findings.add("copy_missing", f"{witness} has no copy outside the database")
    return len(rows)


def _opened(
    findings: _Findings, note: str, known: list[str], witness: str
) -> signed_notes.CheckpointBody | None:
    try:
        return signed_notes.CheckpointBody.parse(signed_notes.open_note(note, known))
    except signed_notes.BadNote as error:
        findings.add("checkpoint_invalid", f"{witness}: {error}")
        return None


def _verify_chain(findings: _Findings, chain: str, head: ChainHead | None) -> None:
    """Recompute ``chain`` up to its first broken row and compare it with its witnesses."""
    milestones = findings.milestones[chain]
    nodes: list[bytes] = []
    previous, size = GENESIS, 0
    for event in AuditEvent.objects.filter(chain=chain).order_by("seq", "id").iterator():
        problem = _broken(event, previous, size)
        if problem is not None:
            findings.add(*problem, chain=chain, seq=size + 1)
            return
        nodes = merkle.append(nodes, size, bytes.fromhex(event.hash))
        previous, size = event.hash, size + 1
        findings.entries += 1
        for milestone in milestones.get(size, ()):
            if (merkle.root(nodes).hex(), previous) != (milestone.root, milestone.head_hash):
                findings.add(
                    "rewritten",
                    f"the chain is not the one {milestone.witness} attests",
                    chain,
                    size,
                )
                return
        if chain == GLOBAL_CHAIN:
            _note_attestation(findings, event)
        elif (
            size == 1
            and not findings.global_chain_broken
            and (findings.announced.get(chain) != event.hash)
        ):
            findings.add(
                "not_announced", "the global chain announced another first entry", chain, 1
            )
            return
    _verify_end(findings, chain, head, size, previous, merkle.pack(nodes))


def _broken(event: AuditEvent, previous: str, size: int) -> tuple[str, str] | None:
    if event.seq != size + 1:
        if event.seq <= size:
            return "inserted", f"two rows claim to be entry {event.seq}"
        return "deleted", f"entry {size + 1} is missing; the next one is {event.seq}"
    if event.prev_hash != previous:
        return "relinked", f"entry {event.seq} does not follow entry {size}"
    try:
        exact = canonical_text(event.payload) == event.payload_text
        intact = exact and entry_hash(event) == event.hash
    except (ValueError, TypeError, BadPayload):
        intact = False
    if not intact:
        return "edited", f"entry {event.seq} ({event.action}) is not what was written"
    return None


def _note_attestation(findings: _Findings, event: AuditEvent) -> None:
    payload = json.loads(event.payload_text)
    if event.action == Action.LEDGER_CHAIN_OPENED:
        findings.announced[payload["chain"]] = payload["first_hash"]
    elif event.action == Action.LEDGER_CHAIN_ABSORBED:
        findings.attest(
            payload["chain"],
            payload["size"],
            Milestone(payload["root"], payload["head_hash"], f"global entry {event.seq}"),
        )


def _verify_end(
    findings: _Findings, chain: str, head: ChainHead | None, size: int, last: str, frontier: str
) -> None:
    """The tail: heads, the opening and every witness may know of more entries than are left."""
    attested = max(findings.milestones[chain], default=0)
    if attested > size:
        witness = findings.milestones[chain][attested][0].witness
        findings.add(
            "tail_cut", f"{witness} attests {attested} entries, {size} are left", chain, size + 1
        )
    elif head is None:
        if size or chain in findings.announced:
            findings.add("head_missing", "the row of the chain's head is gone", chain, size + 1)
    elif head.seq > size:
        findings.add(
            "tail_cut", f"the head counts {head.seq} entries, {size} are left", chain, size + 1
        )
    elif head.seq < size:
        findings.add(
            "inserted",
            f"the head counts {head.seq} entries, {size} are stored",
            chain,
            head.seq + 1,
        )
    elif (head.hash, head.frontier) != (last, frontier):
        findings.add("head_altered", "the head does not fit the chain's last entry", chain, size)
    elif not seals.is_sealed(head, findings.verifier_keys):
        findings.add(
            "head_unsealed",
            f"the head was set to {size} entries without the ledger's key: a tail may be cut",
            chain,
            size + 1,
        )
