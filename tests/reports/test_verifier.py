"""A bundle verifies elsewhere with nothing but Python, and every change of one byte is named."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import bagit
import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import keys
from audit.signed_notes import verifier_key
from reports import bag
from reports.bundle import VERIFIER

pytestmark = pytest.mark.django_db(transaction=True)


# A busy machine is no finding.
CALM: dict[str, Any] = {
    "deadline": None,
    "derandomize": True,
    "suppress_health_check": [HealthCheck.too_slow],
}


def _load() -> ModuleType:
    module = ModuleType("verify")
    exec(compile(VERIFIER.read_text(), str(VERIFIER), "exec"), module.__dict__)
    return module


VERIFY = _load()


def run(folder: Path, *arguments: str, program: Path | None = None) -> tuple[int, str]:
    """Run the bundle's own verifier (or ``program``) without any of our packages in reach."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(program or folder / "verify.py"), *arguments],
        cwd="/",
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def wrong(folder: Path, key: str | None = None) -> str:
    with pytest.raises(VERIFY.Wrong) as failure:
        VERIFY.verify(folder, key)
    return str(failure.value)


def reseal(folder: Path) -> None:
    """What a forger does: make every list of the bag fit the changed files again."""
    for name in ("manifest-sha256.txt", "manifest-sha512.txt", "tagmanifest-sha256.txt"):
        (folder / name).unlink()
    bag.seal(folder, {"External-Identifier": "forged"})


def relist(folder: Path) -> None:
    """The same for the list of contents inside the bag."""
    names = [
        name
        for name in bag.payload_names(folder)
        if name not in ("data/content.sha256", VERIFY.LEDGER, VERIFY.CHECKPOINT, VERIFY.STAMP)
    ]
    bag.write(folder / "data/content.sha256", bag.hash_list(folder, names, "sha256"))
    reseal(folder)


def edit_json(folder: Path, name: str, change: Any) -> None:
    content = json.loads((folder / name).read_text())
    change(content)
    bag.write(folder / name, json.dumps(content))


def test_a_bundle_verifies_in_another_folder_without_our_packages(bundle: Path) -> None:
    code, words = run(bundle)
    assert code == 0, words
    assert "Case 2026-0001: 12 files, 1 exhibits, 1 analyses" in words
    assert keys.current_verifier_key() in words
    code, words = run(bundle, "--key", keys.current_verifier_key())
    assert code == 0, words
    assert "compare it" not in words


def test_other_tools_know_it_as_a_valid_bag(bundle: Path) -> None:
    assert bagit.Bag(str(bundle)).validate()


def test_sha256sum_verifies_the_files_too(bundle: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "--check", "--quiet", "manifest-sha256.txt"], cwd=bundle, check=False
    )
    assert done.returncode == 0


def test_one_changed_byte_of_any_file_is_found_and_the_file_is_named(bundle: Path) -> None:
    for path in sorted(p for p in bundle.rglob("*") if p.is_file()):
        name = path.relative_to(bundle).as_posix()
        before = path.read_bytes()
        place = len(before) // 2
        path.write_bytes(before[:place] + bytes([before[place] ^ 1]) + before[place + 1 :])
        words = wrong(bundle)
        # A changed list is seen where it stops fitting; every other file is named itself.
        assert name in words or name == "tagmanifest-sha256.txt", (name, words)
        path.write_bytes(before)
    assert VERIFY.verify(bundle)


def test_a_changed_byte_is_told_by_the_program_with_exit_status_1(bundle: Path) -> None:
    original = next((bundle / "data" / "originals").iterdir())
    content = bytearray(original.read_bytes())
    content[100] ^= 1
    original.write_bytes(content)
    code, words = run(bundle)
    assert code == 1
    assert words == (
        f"WRONG: data/originals/{original.name} was changed: "
        "it does not have the hash that manifest-sha256.txt lists\n"
    )


def test_a_missing_and_an_added_file_are_named(bundle: Path) -> None:
    added = bundle / "data" / "derived" / "extra.txt"
    added.write_text("x")
    assert wrong(bundle).startswith("data/derived/extra.txt does not belong to the bundle")
    added.unlink()
    (bundle / "data" / "extract.json").unlink()
    assert "data/extract.json is missing" in wrong(bundle)


def test_a_forger_who_mends_the_lists_is_caught_by_the_ledger(bundle: Path) -> None:
    original = next((bundle / "data" / "originals").iterdir())
    original.write_bytes(b"another recording")
    reseal(bundle)
    assert f"data/originals/{original.name} was changed" in wrong(bundle)
    relist(bundle)
    assert wrong(bundle) == "data/content.sha256 is not the list that the ledger names"


def _new_hash(bundle: Path, ledger: dict[str, Any]) -> None:
    digest = hashlib.sha256((bundle / "data/content.sha256").read_bytes()).hexdigest()
    created = [e for e in ledger["entries"] if e["record"]["action"] == "export.created"][-1]
    created["record"]["payload"]["content_sha256"] = digest


def _rehash(ledger: dict[str, Any]) -> None:
    for entry in ledger["entries"]:
        content = bytes.fromhex(entry["prev_hash"]) + rfc8785.dumps(entry["record"])
        entry["hash"] = hashlib.sha256(b"dfd.audit.v1" + content).hexdigest()


def test_a_forger_who_edits_the_ledger_is_caught_by_its_hashes_and_proofs(bundle: Path) -> None:
    (bundle / "data/derived").joinpath(next((bundle / "data/derived").iterdir()).name).write_bytes(
        b"forged"
    )
    relist(bundle)
    edit_json(bundle, "data/ledger.json", lambda ledger: _new_hash(bundle, ledger))
    reseal(bundle)
    assert "is not what was written into the ledger" in wrong(bundle)
    edit_json(bundle, "data/ledger.json", _rehash)
    reseal(bundle)
    words = wrong(bundle)
    assert "does not follow" in words or "does not lead to the signed root" in words


def test_entries_cannot_be_left_out(bundle: Path) -> None:
    edit_json(bundle, "data/ledger.json", lambda ledger: ledger["entries"].pop(2))
    reseal(bundle)
    assert "entries of the case, the ledger signed" in wrong(bundle)


def test_a_record_cannot_be_withheld_from_a_copy_of_the_whole(bundle: Path) -> None:
    def withhold(ledger: dict[str, Any]) -> None:
        entry = ledger["entries"][2]
        ledger["entries"][2] = {"hash": entry["hash"], "proof": entry["proof"]}

    edit_json(bundle, "data/ledger.json", withhold)
    reseal(bundle)
    assert wrong(bundle) == "data/ledger.json: entry 3 is withheld from a copy of the whole"


def test_nothing_can_be_written_beside_what_is_signed(bundle: Path) -> None:
    text = (bundle / "data/ledger.json").read_text()
    for forged, words in (
        (text.replace('"absorbed"', '"entries": [], "absorbed"', 1), "a key stands twice"),
        (text.replace('"absorbed"', '"finding": "forged", "absorbed"', 1), "other parts"),
        (text.replace('"checkpoint": "', '"checkpoint": "forged\\n\\n', 1), "signature"),
    ):
        (bundle / "data/ledger.json").write_text(forged)
        reseal(bundle)
        assert words in wrong(bundle)


@pytest.mark.parametrize("name", ["README.txt", "verify.py", "bag-info.txt"])
def test_the_bags_own_files_are_signed_too(bundle: Path, name: str) -> None:
    with (bundle / name).open("a") as file:
        file.write("Contact-Name: forger\n")
    tags = bundle / "tagmanifest-sha256.txt"
    names = [line.split("  ")[1] for line in tags.read_text().splitlines()]
    tags.write_text(bag.hash_list(bundle, names, "sha256"))
    assert name in wrong(bundle)


def test_a_list_that_lost_its_end_or_names_a_file_twice_is_refused(bundle: Path) -> None:
    tags = bundle / "tagmanifest-sha256.txt"
    text = tags.read_text()
    for forged in (text[:-1], text[:-1] + "\v", text + text.splitlines(keepends=True)[0]):
        tags.write_text(forged)
        assert wrong(bundle).startswith("tagmanifest-sha256.txt ")


def test_links_and_files_beside_the_content_are_named(bundle: Path) -> None:
    link = bundle / "data" / "link"
    link.symlink_to("/etc")
    assert wrong(bundle) == "data/link is not a plain file"
    link.unlink()
    for name in ("added.txt", "extra/added.txt", ".hidden"):
        path = bundle / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
        assert wrong(bundle).startswith(f"{name} does not belong to the bundle")
        path.unlink()


def test_junk_is_told_in_words(bundle: Path) -> None:
    for name in ("data/ledger.json", "data/extract.json"):
        before = (bundle / name).read_text()
        for junk in ("[]", "null", "1", '"x"', "{}", "[" * 100_000, '{"entries": 1}'):
            (bundle / name).write_text(junk)
            reseal(bundle)
            code, words = run(bundle)
            assert code == 1
            assert words.startswith(f"WRONG: {name}")
        (bundle / name).write_text(before)


def test_another_key_in_the_bundle_is_seen_where_the_right_one_is_given(bundle: Path) -> None:
    key = keys.current_verifier_key()
    edit_json(bundle, "data/ledger.json", lambda ledger: ledger.update(verifier_key="forged"))
    reseal(bundle)
    assert "names another key" in wrong(bundle, key)


def test_a_changed_checkpoint_and_another_key_are_refused(bundle: Path) -> None:
    other = "other+00000000+" + base64.b64encode(b"\x01" + bytes(32)).decode()
    assert "malformed" in wrong(bundle, other)
    private = Ed25519PrivateKey.generate()
    stranger = verifier_key("dfd-platform.local/ledger", private)
    assert "not signed by the key" in wrong(bundle, stranger)

    def grow(ledger: dict[str, Any]) -> None:
        lines = ledger["checkpoint"].split("\n")
        lines[1] = str(int(lines[1]) + 1)
        ledger["checkpoint"] = "\n".join(lines)

    edit_json(bundle, "data/ledger.json", grow)
    reseal(bundle)
    assert "signature of the checkpoint is not valid" in wrong(bundle)


def test_a_path_out_of_the_bundle_is_refused(bundle: Path) -> None:
    with (bundle / "manifest-sha256.txt").open("a") as manifest:
        manifest.write("0" * 64 + "  ../secret\n")
    tags = bundle / "tagmanifest-sha256.txt"
    names = [line.split("  ")[1] for line in tags.read_text().splitlines()]
    tags.write_text(bag.hash_list(bundle, names, "sha256"))
    assert "points outside the bundle" in wrong(bundle)


RFC8032 = [
    # Secret-free vectors of RFC 8032, section 7.1: public key, message, signature.
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
        "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290"
        "ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), RFC8032)
def test_ed25519_agrees_with_the_rfc(public: str, message: str, signature: str) -> None:
    key, text, signed = (bytes.fromhex(value) for value in (public, message, signature))
    assert VERIFY.ed25519_valid(key, text, signed)
    assert not VERIFY.ed25519_valid(key, text + b"x", signed)
    assert not VERIFY.ed25519_valid(key, text, signed[:-1] + bytes([signed[-1] ^ 1]))
    assert not VERIFY.ed25519_valid(bytes(32), text, signed)


@settings(max_examples=20, **CALM)
@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200))
def test_ed25519_agrees_with_the_library(seed: bytes, message: bytes) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = private.public_key().public_bytes_raw(), private.sign(message)
    assert VERIFY.ed25519_valid(public, message, signature)
    flipped = bytes([signature[0] ^ 1]) + signature[1:]
    assert not VERIFY.ed25519_valid(public, message, flipped)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="ascii"), max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=200, **CALM)
@given(value=JSON)
def test_the_verifiers_canonical_json_is_rfc_8785(value: Any) -> None:
    assert VERIFY.canonical(value) == rfc8785.dumps(value)
