"""Checkpoints: their text, their key, their copies, and when they are made."""

from __future__ import annotations

import base64
import dataclasses
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.exceptions import ImproperlyConfigured

from audit import checkpoints, keys, signed_notes
from audit.models import AbsorbedHead, Checkpoint
from audit.tasks import keep_ledger
from audit.verification import verify_all
from tests.audit.ledgers import FIRST_CASE, add, three_chains

NAME = "example.org/log"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
BODY = signed_notes.CheckpointBody(NAME, 7, b"\x01" * 32, "ab" * 32)


def test_a_note_has_the_form_of_the_specification() -> None:
    note = signed_notes.sign(BODY.text(), NAME, KEY)
    lines = note.split("\n")
    assert lines[:5] == [
        NAME, "7", base64.b64encode(b"\x01" * 32).decode(), "head " + "ab" * 32, "",
    ]  # fmt: skip
    assert lines[5].startswith(f"— {NAME} ")
    assert lines[6:] == [""]
    assert len(base64.b64decode(lines[5].split()[2])) == 4 + 64
    assert signed_notes.open_note(note, [signed_notes.verifier_key(NAME, KEY)]) == BODY.text()
    assert signed_notes.CheckpointBody.parse(BODY.text()) == BODY


def test_the_verifier_key_of_the_go_implementation_is_understood() -> None:
    # The key and note of golang.org/x/mod/sumdb/note's documentation.
    key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
    )
    signature = (
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZ"
        "SNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    )
    assert signed_notes.open_note(f"{text}\n{signature}\n", [key]) == text


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda note: note.replace("\n7\n", "\n8\n"), "does not fit"),
        (lambda note: note.replace("— ", "- "), "malformed"),
        (lambda note: note.replace("\n\n", "\n"), "no signature"),
        (lambda note: note.replace(f"— {NAME}", "— other"), "no known key"),
    ],
)
def test_a_damaged_note_is_refused(damage: Any, words: str) -> None:
    note = damage(signed_notes.sign(BODY.text(), NAME, KEY))
    with pytest.raises(signed_notes.BadNote, match=words):
        signed_notes.open_note(note, [signed_notes.verifier_key(NAME, KEY)])


def test_the_key_is_made_once_and_is_the_owners_only(data_dir: Path) -> None:
    first = keys.signing_key().private_bytes_raw()
    path = data_dir / "keys" / "ledger.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keys.signing_key().private_bytes_raw() == first == base64.b64decode(path.read_text())


def test_the_key_may_come_from_the_environment(settings: Any, data_dir: Path) -> None:
    seed = base64.b64encode(bytes(range(32))).decode()
    settings.DFD = dataclasses.replace(settings.DFD, ledger_key=seed)
    assert keys.signing_key().private_bytes_raw() == bytes(range(32))
    assert not (data_dir / "keys").exists()
    settings.DFD = dataclasses.replace(settings.DFD, ledger_key="short")
    with pytest.raises(ImproperlyConfigured, match="32 random bytes"):
        keys.signing_key()


@pytest.mark.django_db(transaction=True)
def test_a_checkpoint_absorbs_the_cases_and_is_kept_outside(data_dir: Path) -> None:
    three_chains(3)
    checkpoint = checkpoints.create(reason="request")
    # Three global entries, two announcements, two absorptions.
    assert checkpoint.size == 7
    assert dict(AbsorbedHead.objects.values_list("chain", "size"))[str(FIRST_CASE)] == 3
    copy = data_dir / "checkpoints" / "checkpoint-000000000007.txt"
    assert copy.read_text() == checkpoint.note
    assert stat.S_IMODE(copy.stat().st_mode) == 0o444
    assert verify_all().ok


@pytest.mark.django_db(transaction=True)
def test_nothing_new_makes_no_new_checkpoint() -> None:
    add(FIRST_CASE, 1)
    first = checkpoints.create(reason="request")
    assert checkpoints.create(reason="daily") == first
    add(FIRST_CASE, 2)
    assert checkpoints.create(reason="daily").size > first.size


@pytest.mark.django_db(transaction=True)
def test_every_so_many_entries_of_a_chain_make_a_checkpoint(settings: Any) -> None:
    settings.DFD = dataclasses.replace(settings.DFD, checkpoint_every=4)
    for number in range(3):
        add(FIRST_CASE, number)
    assert not Checkpoint.objects.exists()
    add(FIRST_CASE, 3)
    assert Checkpoint.objects.get().reason == "entries"
    assert AbsorbedHead.objects.get().size == 4


@pytest.mark.django_db(transaction=True)
def test_the_daily_care_makes_a_checkpoint_and_restores_copies(data_dir: Path) -> None:
    add(FIRST_CASE, 1)
    keep_ledger()
    copy = next((data_dir / "checkpoints").glob("checkpoint-*"))
    copy.unlink()
    assert [problem.code for problem in verify_all().problems] == ["copy_missing"]
    keep_ledger()
    assert copy.exists()
    assert verify_all().ok
    assert Checkpoint.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_checkpoints_of_a_replaced_key_stay_verifiable(data_dir: Path) -> None:
    add(None, 1)
    checkpoints.create(reason="request")
    (data_dir / "keys" / "ledger.key").unlink()
    add(None, 2)
    checkpoints.create(reason="request")
    report = verify_all()
    assert report.ok
    assert report.checkpoints == 2
    assert len(keys.verifier_keys()) == 2
