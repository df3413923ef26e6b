#!/usr/bin/env python3
"""Verify an evidence bundle of DFD Platform. Needs Python 3.9 or later and nothing else.

    python3 verify.py [FOLDER] [--key VERIFIER_KEY]

FOLDER is the unpacked bundle (default: where this file lies). VERIFIER_KEY is the laboratory's
public key as you got it from the laboratory itself; without it the key inside the bundle is used,
which shows that the bundle is whole, not who made it. Use a copy of this file that you trust.

Checked, in this order: every file against its hashes (BagIt, RFC 8493), the signature of the
ledger's checkpoint (Ed25519), the Merkle proofs from each ledger entry to it, the hash of each
entry, what the time stamp names, that the ledger names exactly this content, and that originals and
results are those the ledger names. The first thing that is wrong is named; exit status 1 then.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

DOMAIN = b"dfd.audit.v1"
BAGIT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
HEX = set("0123456789abcdef")
LEDGER, CHECKPOINT, STAMP = "data/ledger.json", "data/checkpoint.txt", "data/checkpoint.tsr"
CONTENT = "data/content.sha256"
TAGMANIFEST = "tagmanifest-sha256.txt"
TAGS = {"README.txt", "bag-info.txt", "bagit.txt", "verify.py"}
TAGS |= {"manifest-sha256.txt", "manifest-sha512.txt"}
SEALED = {"hash", "prev_hash", "proof", "record"}
# What reading something of another shape than ours raises.
ODD = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
Point = tuple[int, int, int, int]
Record = dict[str, Any]


class Wrong(Exception):
    """The first thing that is wrong, in words."""


# --- files


def file_hash(path: Path, algorithm: str) -> str:
    digest = hashlib.new(algorithm)
    try:
        with path.open("rb") as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
    except OSError as error:
        raise Wrong(f"{path.name} cannot be read: {error.strerror}") from None
    return digest.hexdigest()


def read_text(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_bytes().decode("utf-8")
    except OSError as error:
        raise Wrong(f"{name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Wrong(f"{name} is not UTF-8 text") from None


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys stand once; of two, other readers might believe the other one."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def read_json(folder: Path, name: str) -> Any:
    try:
        return json.loads(read_text(folder, name), object_pairs_hook=once)
    except (RecursionError, ValueError) as error:
        raise Wrong(f"{name} is not JSON: {error}") from None


def files_in(folder: Path) -> set[str]:
    """Every file below ``folder``; a link or another odd thing is refused."""
    found = set()
    for place, folders, files in os.walk(folder):
        for path in (Path(place, name) for name in (*folders, *files)):
            name = path.relative_to(folder).as_posix()
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise Wrong(f"{name} is not a plain file")
            if path.is_file():
                found.add(name)
    return found


def read_manifest(folder: Path, name: str, algorithm: str) -> dict[str, str]:
    length = hashlib.new(algorithm).digest_size * 2
    *lines, end = read_text(folder, name).split("\n")
    if end or not lines:
        raise Wrong(f"{name} does not end with a whole line")
    listed: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        value, _, path = line.partition("  ")
        if len(value) != length or not set(value) <= HEX or not path or path in listed:
            raise Wrong(f"{name} line {number} is malformed or names a file again")
        if ".." in path.split("/") or path.startswith("/"):
            raise Wrong(f"{name} line {number} points outside the bundle")
        listed[path] = value
    return listed


def check_files(folder: Path, name: str, algorithm: str, present: set[str]) -> dict[str, str]:
    listed = read_manifest(folder, name, algorithm)
    for path, value in listed.items():
        if path not in present:
            raise Wrong(f"{path} is missing ({name} lists it)")
        if file_hash(folder / path, algorithm) != value:
            raise Wrong(f"{path} was changed: it does not have the hash that {name} lists")
    return listed


def check_bag(folder: Path, present: set[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The hashes of the bag's own files and of its content, by name."""
    tags = check_files(folder, TAGMANIFEST, "sha256", present)
    for name in sorted(TAGS - set(tags)):
        raise Wrong(f"{name} is missing: {TAGMANIFEST} does not list it")
    if read_text(folder, "bagit.txt") != BAGIT:
        raise Wrong("bagit.txt does not declare a BagIt 1.0 bag")
    payload = check_files(folder, "manifest-sha256.txt", "sha256", present)
    if set(check_files(folder, "manifest-sha512.txt", "sha512", present)) != set(payload):
        raise Wrong("manifest-sha512.txt lists other files than manifest-sha256.txt")
    ours = TAGS | {TAGMANIFEST} | {path for path in payload if path.startswith("data/")}
    for path in sorted((present | set(tags) | set(payload)) - ours):
        raise Wrong(f"{path} does not belong to the bundle: no manifest of ours lists it")
    return tags, payload


def check_bag_info(folder: Path, extract: Record, payload: Iterable[str]) -> None:
    sizes = [(folder / path).stat().st_size for path in payload]
    selection = f"Case {extract['case']['number']}: {extract['selection']}"
    expected = {
        "Source-Organization": "DFD Platform",
        "External-Identifier": extract["export"],
        "External-Description": " ".join(selection.split()),
        "Payload-Oxum": f"{sum(sizes)}.{len(sizes)}",
    }
    *lines, end = read_text(folder, "bag-info.txt").split("\n")
    stated = dict(line.partition(": ")[::2] for line in lines)
    date = stated.pop("Bagging-Date", "")
    whole = not end and len(lines) == len(expected) + 1 and len(date) == len("2026-01-31")
    if not whole or stated != expected:
        raise Wrong("bag-info.txt does not describe this bundle")


# --- Ed25519 (RFC 8032, section 6)

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def point_add(one: Point, two: Point) -> Point:
    a = (one[1] - one[0]) * (two[1] - two[0]) % P
    b = (one[1] + one[0]) * (two[1] + two[0]) % P
    c = 2 * one[3] * two[3] * D % P
    d = 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def point_multiply(scalar: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = point_add(total, point)
        point = point_add(point, point)
        scalar >>= 1
    return total


def recover_x(y: int, sign: int) -> int | None:
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_M1 % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 != sign else x


def decompress(data: bytes) -> Point | None:
    number = int.from_bytes(data, "little")
    y = number & ((1 << 255) - 1)
    x = recover_x(y, number >> 255)
    return None if x is None else (x, y, 1, x * y % P)


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0) or 0
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def ed25519_valid(public: bytes, message: bytes, signature: bytes) -> bool:
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r = decompress(public), decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little")
    left, right = point_multiply(s, BASE), point_add(r, point_multiply(h % ORDER, a))
    same_x = (left[0] * right[2] - right[0] * left[2]) % P == 0
    return same_x and (left[1] * right[2] - right[1] * left[2]) % P == 0


# --- the signed checkpoint (C2SP signed-note and tlog-checkpoint)


def parse_key(text: str) -> tuple[str, bytes, bytes]:
    try:
        name, identity, encoded = text.strip().split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise Wrong("the verifier key is malformed") from None
    expected = hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8]
    if len(raw) != 33 or raw[0] != 1 or identity != expected:
        raise Wrong("the verifier key is malformed")
    return name, bytes.fromhex(identity), raw[1:]


def open_checkpoint(note: str, key_text: str) -> tuple[int, bytes]:
    name, identity, public = parse_key(key_text)
    text, _, signature = note.rpartition("\n\n")
    text += "\n"
    start = f"\u2014 {name} "
    if not signature.startswith(start) or not signature.endswith("\n"):
        raise Wrong(f"{LEDGER}: the checkpoint is not signed by the key {key_text.strip()}")
    raw = base64.b64decode(signature[len(start) : -1], validate=True)
    if raw[:4] != identity:
        raise Wrong(f"{LEDGER}: the checkpoint is not signed by the key {key_text.strip()}")
    if not ed25519_valid(public, text.encode(), raw[4:]):
        raise Wrong(f"{LEDGER}: the signature of the checkpoint is not valid")
    lines = text.split("\n")
    return int(lines[1]), base64.b64decode(lines[2])


# --- the ledger


def canonical(value: Any) -> bytes:
    """RFC 8785 for JSON without floats and with ASCII keys, as ledger records are."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def root_from_proof(entry: str, index: int, size: int, path: list[str]) -> bytes:
    """RFC 9162, section 2.1.3.2."""
    node = hashlib.sha256(b"\x00" + bytes.fromhex(entry)).digest()
    last = size - 1
    for step in path:
        sibling = bytes.fromhex(step)
        if index & 1 or index == last:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        index, last = index >> 1, last >> 1
    return node if last == 0 else b""


def check_shape(value: Record, keys: set[str], where: str) -> None:
    if set(value) != keys:
        raise Wrong(f"{LEDGER}: {where} has other parts than a ledger's: {sorted(value)}")


def check_record(sealed: Record, where: str) -> None:
    check_shape(sealed, SEALED, where)
    content = DOMAIN + bytes.fromhex(sealed["prev_hash"]) + canonical(sealed["record"])
    if hashlib.sha256(content).hexdigest() != sealed["hash"]:
        raise Wrong(f"{LEDGER}: {where} is not what was written into the ledger")


def check_ledger(folder: Path, key: str | None, present: set[str]) -> tuple[list[Record], str]:
    """Every entry, those that are withheld without a record, and what the time stamp says."""
    ledger = read_json(folder, LEDGER)
    try:
        parts = {"absorbed", "checkpoint", "entries", "format", "time_stamp", "verifier_key"}
        check_shape(ledger, parts, "it")
        size, root = open_checkpoint(ledger["checkpoint"], key or ledger["verifier_key"])
        if key and ledger["verifier_key"] != key.strip():
            raise Wrong(f"{LEDGER}: it names another key than the one that signed")
        absorbed = ledger["absorbed"]
        check_record(absorbed, "the entry that absorbed the case")
        place = absorbed["record"]["seq"] - 1
        if root_from_proof(absorbed["hash"], place, size, absorbed["proof"]) != root:
            raise Wrong(f"{LEDGER}: the case's state is not under the signed checkpoint")
        tree = absorbed["record"]["payload"]
        check_entries(ledger["entries"], tree)
        stamp = check_time_stamp(folder, ledger, present)
    except ODD as error:
        raise Wrong(f"{LEDGER} is malformed: {error!r:.200}") from None
    return ledger["entries"], stamp


def check_entries(entries: list[Record], tree: Record) -> None:
    if len(entries) != tree["size"]:
        held = f"{LEDGER} holds {len(entries)} entries of the case"
        raise Wrong(f"{held}, the ledger signed {tree['size']}")
    previous = "0" * 64
    for number, entry in enumerate(entries, 1):
        where = f"entry {number}"
        if "record" in entry:
            check_record(entry, where)
            if entry["prev_hash"] != previous or entry["record"]["seq"] != number:
                raise Wrong(f"{LEDGER}: {where} does not follow the one before")
            if entry["record"]["chain"] != tree["chain"]:
                raise Wrong(f"{LEDGER}: {where} belongs to another case")
        else:
            check_shape(entry, {"hash", "proof"}, where)
        proven = root_from_proof(entry["hash"], number - 1, tree["size"], entry["proof"])
        if proven.hex() != tree["root"]:
            raise Wrong(f"{LEDGER}: the proof of {where} does not lead to the signed root")
        previous = entry["hash"]


# --- the time stamp of the checkpoint (RFC 3161)


def der(data: bytes) -> list[tuple[int, bytes]]:  # tag and content of each value
    found, at = [], 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            width = length & 0x7F
            length, at = int.from_bytes(data[at : at + width], "big"), at + width
        if at + length > len(data):
            raise ValueError("cut off")
        found.append((tag, data[at : at + length]))
        at += length
    return found


def read_stamp(response: bytes) -> tuple[bytes, str]:
    """The stamped hash and the time of a TimeStampResp."""
    signed_data = der(der(der(der(der(response)[0][1])[1][1])[1][1])[0][1])
    encapsulated = der(signed_data[2][1])[1][1]
    info = der(der(der(encapsulated)[0][1])[0][1])
    return der(info[2][1])[1][1], info[4][1].decode("ascii")


def check_time_stamp(folder: Path, ledger: Record, present: set[str]) -> str:
    """What the time stamp says, in words. Its signature is beyond the standard library."""
    if read_text(folder, CHECKPOINT) != ledger["checkpoint"]:
        raise Wrong(f"{CHECKPOINT} is not the checkpoint of data/ledger.json")
    state = ledger["time_stamp"] or {"authority": "nobody", "granted": False}
    asked = state["authority"]
    if state["granted"] != (STAMP in present):
        raise Wrong(f"{LEDGER} and {STAMP} disagree whether there is a time stamp")
    if STAMP not in present:
        return f"No time stamp was had when this was made (asked: {asked})."
    try:
        imprint, time = read_stamp((folder / STAMP).read_bytes())
        algorithm = {32: "sha256", 48: "sha384", 64: "sha512"}[len(imprint)]
    except ODD:
        raise Wrong(f"{STAMP} is not a time stamp (RFC 3161)") from None
    if file_hash(folder / CHECKPOINT, algorithm) != imprint.hex():
        raise Wrong(f"{STAMP} is the time stamp of another checkpoint")
    unchecked = "The signature of the time stamp was NOT checked: README.txt says how."
    return f"A time stamp of {asked} names this checkpoint at {time} (UTC). {unchecked}"


# --- what the ledger says about the content


def payload_of(records: list[Record], action: str, subject: str, what: str) -> Record:
    for record in reversed(records):  # an interrupted attempt leaves an earlier one
        if record["action"] == action and record["subject"] == subject:
            payload: Record = record["payload"]
            return payload
    raise Wrong(f"the ledger does not know {what} ({subject})")


def check_content(
    folder: Path, entries: list[Record], tags: dict[str, str], payload: dict[str, str]
) -> Record:
    extract: Record = read_json(folder, "data/extract.json")
    records = [entry["record"] for entry in entries if "record" in entry]
    try:
        for number, entry in enumerate(entries, 1):
            if "record" not in entry and not extract["removals"]:
                raise Wrong(f"{LEDGER}: entry {number} is withheld from a copy of the whole")
        export = payload_of(
            records, "export.created", f"reports.export:{extract['export']}", "this bundle"
        )
        if file_hash(folder / CONTENT, "sha256") != export["content_sha256"]:
            raise Wrong(f"{CONTENT} is not the list that the ledger names")
        listed = set(check_files(folder, CONTENT, "sha256", set(payload)))
        for path in sorted(set(payload) - listed - {CONTENT, LEDGER, CHECKPOINT, STAMP}):
            raise Wrong(f"{path} is not in the content that the ledger names")
        for name, value in export.get("tools", {}).items():
            if tags[name] != value:
                raise Wrong(f"{name} is not the one that was handed over: the ledger names another")
        check_bag_info(folder, extract, payload)
        kept = ("evidence.received", "analysis.completed")
        known = {record["subject"]: record for record in records if record["action"] in kept}
        check_extract(folder, extract, known)
    except ODD as error:
        raise Wrong(f"data/extract.json is malformed: {error!r:.200}") from None
    return extract


def check_extract(folder: Path, extract: Record, known: dict[str, Record]) -> None:
    disclosed = not extract["removals"]
    for exhibit in extract["exhibits"]:
        record = known.get(f"cases.exhibit:{exhibit['id']}")
        if disclosed and (record is None or record["payload"]["sha256"] != exhibit["sha256"]):
            raise Wrong(f"exhibit {exhibit['label']}: the ledger received other bytes")
        if exhibit["file"] and file_hash(folder / exhibit["file"], "sha256") != exhibit["sha256"]:
            raise Wrong(f"{exhibit['file']} is not the exhibit {exhibit['label']}")
    for run in extract["analyses"]:
        if not run["result_file"]:
            continue
        digest = file_hash(folder / run["result_file"], "sha256")
        record = known.get(f"detection.analysis:{run['id']}")
        if digest != run["result_sha256"]:
            raise Wrong(f"{run['result_file']} is not the result of analysis {run['id']}")
        if disclosed and (record is None or record["payload"]["result_sha256"] != digest):
            raise Wrong(f"analysis {run['id']}: the ledger recorded another result")


def verify(folder: Path, key: str | None = None) -> list[str]:
    """What was verified, in words; raises Wrong with the first thing that is wrong."""
    present = files_in(folder)
    tags, payload = check_bag(folder, present)
    entries, stamp = check_ledger(folder, key, present)
    extract = check_content(folder, entries, tags, payload)
    lines = [
        f"Case {extract['case']['number']}: {len(payload)} files, "
        f"{len(extract['exhibits'])} exhibits, {len(extract['analyses'])} analyses, "
        f"{sum('record' in entry for entry in entries)} disclosed ledger entries. "
        "Everything fits.",
        stamp,
    ]
    lines += [f"Removed from this copy: {removal}" for removal in extract["removals"]]
    if not key:
        own = read_json(folder, LEDGER)["verifier_key"]
        lines.append(
            f"Signed by the key inside the bundle, {own}; compare it with the laboratory's."
        )
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description="Verify an evidence bundle.")
    parser.add_argument("folder", nargs="?", default=str(Path(__file__).resolve().parent))
    parser.add_argument("--key", help="the laboratory's verifier key, NAME+ID+BASE64")
    arguments = parser.parse_args()
    try:
        lines = verify(Path(arguments.folder), arguments.key)
    except Wrong as wrong:
        lines = [f"WRONG: {wrong}"]
    for line in lines:
        print(line.encode(errors="backslashreplace").decode())  # a file may have any name
    return int(lines[0].startswith("WRONG"))


if __name__ == "__main__":
    sys.exit(main())
