"""The evidence bundle: a bag that a stranger can verify with Python's standard library.

Order matters: the content is written and hashed first, the ledger records that hash, and the
ledger's slice with the signed checkpoint is added last. So the signature covers the content.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.utils import timezone

from audit.actions import Action
from audit.timestamps import TimeStamp
from cases.models import Exhibit
from cases.storage import evidence_store
from detection.selectors import artefact_bytes
from reports import bag, case_uco, rendering
from reports.bag import Reference
from reports.errors import PdfUnavailable, ReportRefused
from reports.extract import Extract, derived_file, original_file

VERIFIER = Path(__file__).parent / "verifier" / "verify.py"
CONTENT = "data/content.sha256"
LEDGER = "data/ledger.json"
CHECKPOINT = "data/checkpoint.txt"
TIME_STAMP = "data/checkpoint.tsr"
README = """Evidence bundle {label} of DFD Platform

To verify it, offline, with Python 3.9 or later and nothing else:

    python3 verify.py

Better: use a copy of verify.py that you got elsewhere, and give the laboratory's public key with
--key. The files alone can also be checked with: sha256sum -c manifest-sha256.txt

data/extract.json       the record: case, exhibits, custody, analyses, reviews, model cards
data/originals/         the recordings as received, if they are part of this copy
data/derived/           pictures and sounds made from them, named by their SHA-256
data/runs/              the machine's results, byte for byte
data/case.jsonld        the same for other forensic tools, as CASE/UCO
data/models/            the cards of the models that took part
data/reports/           a report on each finding, for reading
data/content.sha256     the hashes of all of that; the ledger names the hash of this list
data/ledger.json        every ledger entry of the case, its proof, and the signed checkpoint
data/checkpoint.txt     that checkpoint alone
data/checkpoint.tsr     its time stamp (RFC 3161), where an authority gave one; to check it:
                        openssl ts -verify -data data/checkpoint.txt -in data/checkpoint.tsr \\
                        -CAfile ROOTS_OF_THE_AUTHORITY.pem
"""


def originals(extract: Extract) -> list[tuple[Exhibit, Reference]]:
    """The originals that belong to the copy, measured where they lie; they are not copied.

    Raises ReportRefused when one is not what was received, StoreError when it is missing.
    """
    listed = {entry["id"]: entry["file"] for entry in extract.record["exhibits"]}
    return [
        (exhibit, _measured(exhibit, original_file(exhibit)))
        for exhibit in extract.exhibits
        if listed[str(exhibit.pk)]
    ]


def write_content(folder: Path, extract: Extract, references: Sequence[Reference]) -> str:
    """Write everything but originals and ledger below ``folder``; the SHA-256 of the list of
    contents, in which the originals (``references``) stand too.

    Raises ReportRefused when a stored result is not what was hashed when it was made, StoreError
    when a derived file is missing or was changed.
    """
    record = extract.record
    write_runs(folder, extract)
    _write_reports(folder, extract)
    bag.write(folder / "data/extract.json", _json(record))
    bag.write(folder / "data/case.jsonld", _json(case_uco.graph(record)))
    for card in record["models"]:
        bag.write(folder / f"data/models/{card['name']}-{card['sha256'][:16]}.json", _json(card))
    names = bag.payload_names(folder)
    bag.write(folder / CONTENT, bag.hash_list(folder, names, "sha256", references))
    return bag.file_hash(folder / CONTENT, "sha256")


def write_ledger(folder: Path, ledger: dict[str, Any], stamp: TimeStamp | None) -> None:
    """Write the ledger's slice, its checkpoint as a file of its own and the time stamp of that."""
    state = {"authority": stamp.authority, "granted": bool(stamp.response)} if stamp else None
    bag.write(folder / LEDGER, _json({**ledger, "time_stamp": state}))
    bag.write(folder / CHECKPOINT, ledger["checkpoint"])
    if stamp and stamp.response:
        (folder / TIME_STAMP).write_bytes(stamp.response)


def write_tools(folder: Path, record: dict[str, Any]) -> dict[str, str]:
    """Add the verifier and what explains it; their SHA-256 by name, for the ledger."""
    shutil.copyfile(VERIFIER, folder / "verify.py")
    bag.write(folder / "README.txt", README.format(label=record["case"]["number"]))
    return {name: bag.file_hash(folder / name, "sha256") for name in ("README.txt", "verify.py")}


def seal(folder: Path, record: dict[str, Any], references: Sequence[Reference]) -> None:
    """Add the bag's tag files."""
    bag.seal(
        folder,
        {
            "Source-Organization": "DFD Platform",
            "External-Identifier": record["export"],
            "External-Description": f"Case {record['case']['number']}: {record['selection']}",
            "Bagging-Date": timezone.now().date().isoformat(),
        },
        references,
    )


def redact_ledger(ledger: dict[str, Any], keep: str) -> dict[str, Any]:
    """Keep the record of the export with the subject ``keep``, which names this content; of all
    others only hash and proof remain."""
    entries = [
        entry
        if (entry["record"]["action"], entry["record"]["subject"]) == (Action.EXPORT_CREATED, keep)
        else {"hash": entry["hash"], "proof": entry["proof"]}
        for entry in ledger["entries"]
    ]
    return {**ledger, "entries": entries}


def _write_result(folder: Path, run: dict[str, Any], text: str) -> None:
    if hashlib.sha256(text.encode()).hexdigest() != run["result_sha256"]:
        raise ReportRefused(
            "result_changed",
            f"The stored result of analysis {run['id']} is not what was recorded when it was "
            "made. Nothing was exported; verify the ledger and ask the administrator.",
        )
    if run["result_file"]:
        bag.write(folder / run["result_file"], text)


def _measured(exhibit: Exhibit, name: str) -> Reference:
    with evidence_store().open(exhibit.storage_key) as source:
        found = bag.reference(name, source)
    if found.sha256 != exhibit.sha256:
        raise ReportRefused(
            "mismatch", f"The bytes of {exhibit.label} have changed. Nothing was exported."
        )
    return found


def write_runs(folder: Path, extract: Extract) -> None:
    """Write results and derived files of every run: what a report is drawn from.

    Raises as ``write_content`` does.
    """
    for run in extract.record["analyses"]:
        if run["id"] in extract.results:
            _write_result(folder, run, extract.results[run["id"]])
    _copy_derived(folder, extract)


def _copy_derived(folder: Path, extract: Extract) -> None:
    kept = {
        artefact["id"]
        for run in extract.record["analyses"]
        for artefact in run["artefacts"]
        if artefact["file"]
    }
    for artefact in extract.artefacts:
        if str(artefact.pk) in kept:
            target = folder / derived_file(artefact)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(artefact_bytes(artefact))


def _write_reports(folder: Path, extract: Extract) -> None:
    for run in extract.record["analyses"]:
        if run["id"] in extract.results:
            text = extract.results[run["id"]]
            html = rendering.report_html(extract.record, run["id"], text, folder)
            name = f"data/reports/{run['id']}"
            bag.write(folder / f"{name}.html", html)
            try:
                (folder / f"{name}.pdf").write_bytes(rendering.pdf(html))
            except PdfUnavailable as reason:
                bag.write(folder / "data/reports/PDF-MISSING.txt", f"{reason.message}\n")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
