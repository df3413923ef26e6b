"""BagIt folders (RFC 8493), and their files as members of a zip."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from reports import zip_stream
from reports.zip_stream import BLOCK, Member

BAGIT_TXT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


@dataclass(frozen=True)
class Reference:
    """A payload file that stays where it is: ``name`` in the bag, and what its bytes measure."""

    name: str
    size: int
    crc32: int
    sha256: str
    sha512: str


def reference(name: str, source: BinaryIO) -> Reference:
    """Measure ``source`` from here to its end, in one pass."""
    sha256, sha512, crc, size = hashlib.sha256(), hashlib.sha512(), 0, 0
    while block := source.read(BLOCK):
        sha256.update(block)
        sha512.update(block)
        crc, size = zlib.crc32(block, crc), size + len(block)
    return Reference(name, size, crc, sha256.hexdigest(), sha512.hexdigest())


def file_hash(path: Path, algorithm: str) -> str:
    """Hex digest of the file at ``path``."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def hash_list(
    folder: Path, names: Sequence[str], algorithm: str, references: Sequence[Reference] = ()
) -> str:
    """Lines ``HASH  NAME``, sorted by name, as ``sha256sum -c`` reads them."""
    hashes = {name: file_hash(folder / name, algorithm) for name in names}
    hashes |= {entry.name: getattr(entry, algorithm) for entry in references}
    return "".join(f"{value}  {name}\n" for name, value in sorted(hashes.items()))


def payload_names(folder: Path) -> list[str]:
    """Every file below ``data/``, relative to ``folder``."""
    files = (path for path in (folder / "data").rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in files)


def seal(folder: Path, info: Mapping[str, str], references: Sequence[Reference] = ()) -> None:
    """Write the tag files of the bag around ``folder``/data; tag files there are covered too."""
    names = payload_names(folder)
    size = sum((folder / name).stat().st_size for name in names)
    size += sum(entry.size for entry in references)
    lines = {**info, "Payload-Oxum": f"{size}.{len(names) + len(references)}"}
    write(folder / "bagit.txt", BAGIT_TXT)
    write(folder / "bag-info.txt", "".join(f"{key}: {_line(v)}\n" for key, v in lines.items()))
    for algorithm in ("sha256", "sha512"):
        listed = hash_list(folder, names, algorithm, references)
        write(folder / f"manifest-{algorithm}.txt", listed)
    tags = [path.name for path in folder.iterdir() if path.is_file()]
    write(folder / "tagmanifest-sha256.txt", hash_list(folder, tags, "sha256"))


def write(path: Path, text: str) -> None:
    """Write UTF-8 text with plain newlines, making the folder at need."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def members(folder: Path, name: str) -> list[Member]:
    """The files of ``folder`` as members of a zip with the single folder ``name``."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return [
        zip_stream.file_member(f"{name}/{path.relative_to(folder).as_posix()}", path)
        for path in sorted(files)
    ]


def _line(text: str) -> str:
    return " ".join(text.split())
