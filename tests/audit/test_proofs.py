"""What an outsider gets: every entry of a case leads to one signature."""

from __future__ import annotations

import hashlib
import json
import uuid

import pytest
import rfc8785

from audit import keys, merkle, signed_notes
from audit.proofs import case_slice
from tests.audit.ledgers import FIRST_CASE, SECOND_CASE, three_chains

pytestmark = pytest.mark.django_db


def test_every_entry_of_the_case_leads_to_the_signed_root() -> None:
    three_chains(6)
    bundle = json.loads(json.dumps(case_slice(FIRST_CASE)))
    text = signed_notes.open_note(bundle["checkpoint"], [bundle["verifier_key"]])
    signed = signed_notes.CheckpointBody.parse(text)
    absorbed = bundle["absorbed"]
    path = [bytes.fromhex(node) for node in absorbed["proof"]]
    leaf = bytes.fromhex(absorbed["hash"])
    place = absorbed["record"]["seq"] - 1
    assert merkle.root_from_proof(leaf, place, signed.size, path) == signed.root
    tree = absorbed["record"]["payload"]
    assert tree["chain"] == str(FIRST_CASE)
    assert tree["size"] == len(bundle["entries"]) == 6
    for entry in [*bundle["entries"], absorbed]:
        content = bytes.fromhex(entry["prev_hash"]) + rfc8785.dumps(entry["record"])
        assert hashlib.sha256(b"dfd.audit.v1" + content).hexdigest() == entry["hash"]
    for entry in bundle["entries"]:
        path = [bytes.fromhex(node) for node in entry["proof"]]
        place = entry["record"]["seq"] - 1
        root = merkle.root_from_proof(bytes.fromhex(entry["hash"]), place, tree["size"], path)
        assert root.hex() == tree["root"]


def test_nothing_of_another_case_is_shown() -> None:
    three_chains(3)
    text = json.dumps(case_slice(FIRST_CASE))
    assert str(SECOND_CASE) not in text
    assert keys.current_verifier_key() in text


def test_a_case_without_entries_has_no_slice() -> None:
    with pytest.raises(ValueError, match="no ledger entries"):
        case_slice(uuid.uuid4())
