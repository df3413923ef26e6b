"""Signed notes and checkpoints as text: C2SP signed-note and tlog-checkpoint, with Ed25519.

A note is its text, an empty line and one signature line ``— NAME BASE64(key id ‖ signature)``.
A verifier key is ``NAME+KEYID+BASE64(0x01 ‖ public key)``.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"


class BadNote(ValueError):
    """A note that is malformed, or that none of the given keys signed."""


@dataclass(frozen=True)
class CheckpointBody:
    """What a checkpoint states: the log's origin, its length, its Merkle root and last hash."""

    origin: str
    size: int
    root: bytes
    head_hash: str

    def text(self) -> str:
        """The signed text, ending in a newline; the last line is an extension line."""
        root = base64.b64encode(self.root).decode()
        return f"{self.origin}\n{self.size}\n{root}\nhead {self.head_hash}\n"

    @classmethod
    def parse(cls, text: str) -> CheckpointBody:
        """Inverse of ``text``; BadNote when malformed."""
        try:
            origin, size, root, head = text.removesuffix("\n").split("\n")
            return cls(origin, int(size), base64.b64decode(root), head.removeprefix("head "))
        except ValueError as error:
            raise BadNote("the checkpoint does not have its four lines") from error


def key_id(name: str, public: bytes) -> bytes:
    """The four bytes that tell signers with one name apart."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


def verifier_key(name: str, key: Ed25519PrivateKey) -> str:
    """The text by which others recognise signatures of ``key``."""
    public = key.public_key().public_bytes_raw()
    encoded = base64.b64encode(ED25519 + public).decode()
    return f"{name}+{key_id(name, public).hex()}+{encoded}"


def sign(text: str, name: str, key: Ed25519PrivateKey) -> str:
    """The note of ``text`` (ending in a newline) signed by ``key`` as ``name``."""
    identity = key_id(name, key.public_key().public_bytes_raw())
    signature = base64.b64encode(identity + key.sign(text.encode())).decode()
    return f"{text}\n\N{EM DASH} {name} {signature}\n"


def open_note(note: str, verifier_keys: Iterable[str]) -> str:
    """The text of ``note`` if one of ``verifier_keys`` signed it; BadNote otherwise."""
    text, separator, signatures = note.rpartition("\n\n")
    if not separator:
        raise BadNote("the note has no signature")
    text += "\n"
    keys = dict(_parse_key(key) for key in verifier_keys)
    for line in signatures.splitlines():
        name, identity, signature = _parse_signature(line)
        public = keys.get((name, identity))
        if public is not None:
            try:
                Ed25519PublicKey.from_public_bytes(public).verify(signature, text.encode())
            except InvalidSignature:
                raise BadNote("the signature does not fit the text") from None
            return text
    raise BadNote("no known key signed the note")


def _parse_key(key: str) -> tuple[tuple[str, bytes], bytes]:
    try:
        name, identity, encoded = key.strip().split("+", 2)
        public = base64.b64decode(encoded, validate=True)
        if public[:1] != ED25519 or key_id(name, public[1:]).hex() != identity:
            raise ValueError
    except ValueError:
        raise BadNote(f"{key[:80]!r} is no Ed25519 verifier key") from None
    return (name, bytes.fromhex(identity)), public[1:]


def _parse_signature(line: str) -> tuple[str, bytes, bytes]:
    try:
        dash, name, encoded = line.split(" ")
        raw = base64.b64decode(encoded, validate=True)
        if dash != "\N{EM DASH}" or len(raw) != 68:
            raise ValueError
    except ValueError:
        raise BadNote("a signature line is malformed") from None
    return name, raw[:4], raw[4:]
