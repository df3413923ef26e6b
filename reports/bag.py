"""BagIt folders (RFC 8493) as zip files, written deterministically apart from their dates."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

BAGIT_TXT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
BLOCK = 1 << 20
# The earliest date that zip knows; the true dates stand in the extract.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def file_hash(path: Path, algorithm: str) -> str:
    """Hex digest of the file at ``path``."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def hash_list(folder: Path, names: list[str], algorithm: str) -> str:
    """Lines ``HASH  NAME``, sorted by name, as ``sha256sum -c`` reads them."""
    return "".join(f"{file_hash(folder / name, algorithm)}  {name}\n" for name in sorted(names))


def payload_names(folder: Path) -> list[str]:
    """Every file below ``data/``, relative to ``folder``."""
    files = (path for path in (folder / "data").rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in files)


def seal(folder: Path, info: Mapping[str, str]) -> None:
    """Write the tag files of the bag around ``folder``/data; tag files there are covered too."""
    names = payload_names(folder)
    size = sum((folder / name).stat().st_size for name in names)
    lines = {**info, "Payload-Oxum": f"{size}.{len(names)}"}
    write(folder / "bagit.txt", BAGIT_TXT)
    write(folder / "bag-info.txt", "".join(f"{key}: {_line(v)}\n" for key, v in lines.items()))
    for algorithm in ("sha256", "sha512"):
        write(folder / f"manifest-{algorithm}.txt", hash_list(folder, names, algorithm))
    tags = [path.name for path in folder.iterdir() if path.is_file()]
    write(folder / "tagmanifest-sha256.txt", hash_list(folder, tags, "sha256"))


def write(path: Path, text: str) -> None:
    """Write UTF-8 text with plain newlines, making the folder at need."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def pack(folder: Path, target: Path, name: str) -> None:
    """Zip ``folder`` as the single folder ``name``; media do not compress, so files are stored."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(f"{name}/{path.relative_to(folder).as_posix()}", ZIP_DATE)
                entry.external_attr = 0o644 << 16
                entry.file_size = os.path.getsize(path)
                with path.open("rb") as source, archive.open(entry, "w") as sink:
                    while block := source.read(BLOCK):
                        sink.write(block)


def _line(text: str) -> str:
    return " ".join(text.split())
