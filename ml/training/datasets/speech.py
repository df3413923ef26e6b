"""Speech sets: ASVspoof 2019 LA, 2021 LA and DF, ASVspoof 5, In-the-Wild."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ml.result import MediaKind
from ml.training.datasets.records import (
    DatasetCode,
    DatasetError,
    Record,
    check_media,
    columns,
    folder_of,
    is_fake,
    protocol,
    table,
)

LA_2019 = {
    "train": ("ASVspoof2019_LA_train", "train.trn"),
    "dev": ("ASVspoof2019_LA_dev", "dev.trl"),
    "test": ("ASVspoof2019_LA_eval", "eval.trl"),
}
SUBSETS_2021 = {"progress": "dev", "eval": "test", "hidden": "hidden"}
SETS_5 = {
    "train": ("flac_T", "ASVspoof5.train.tsv"),
    "dev": ("flac_D", "ASVspoof5.dev.track_1.tsv"),
    "test": ("flac_E_eval", "ASVspoof5.eval.track_1.tsv"),
}


def asvspoof2019(root: Path) -> list[Record]:
    """``LA/ASVspoof2019_LA_{train,dev,eval}/flac`` and ``ASVspoof2019_LA_cm_protocols``; lines are
    speaker, file, -, system, key. Splits that were not unpacked are left out."""
    base = folder_of(root, "LA")

    def records() -> Iterator[Record]:
        for split, (folder, name) in unpacked(base, LA_2019).items():
            lines = protocol(base, f"ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.{name}.txt")
            for speaker, file, _, system, key, *_ in columns(lines, 5):
                fake = is_fake(lines, key, fake="spoof", real="bonafide")
                path = base / folder / "flac" / f"{file}.flac"
                yield speech(path, fake, split, system, speaker, "ASVspoof 2019 LA")

    return check_media(records())


def asvspoof2021_la(root: Path) -> list[Record]:
    """``ASVspoof2021_LA_eval/flac`` and the keys ``keys/LA/CM/trial_metadata.txt``."""
    return _asvspoof2021(root, "LA")


def asvspoof2021_df(root: Path) -> list[Record]:
    """``ASVspoof2021_DF_eval/flac``, or its four parts as they unpack, and the keys
    ``keys/DF/CM/trial_metadata.txt``. The source is that of the original recording."""
    return _asvspoof2021(root, "DF")


def _asvspoof2021(root: Path, task: str) -> list[Record]:
    """Lines are speaker, file, codec, transmission (LA) or source (DF), attack, key, trim,
    subset, and for DF five more."""
    base = folder_of(root)
    name = f"ASVspoof2021_{task}_eval"
    lines = protocol(
        base,
        f"keys/{task}/CM/trial_metadata.txt",
        f"{task}-keys-full/keys/{task}/CM/trial_metadata.txt",
        "keys/CM/trial_metadata.txt",
        f"{task}-keys-stage-1/keys/CM/trial_metadata.txt",
    )
    folders = [base / name / "flac", *sorted(base.glob(f"{name}_part*/{name}/flac"))]
    place = {path.stem: path for folder in folders for path in folder.glob("*.flac")}

    def records() -> Iterator[Record]:
        for speaker, file, _, origin, attack, key, _, subset, *_ in columns(lines, 8):
            fake = is_fake(lines, key, fake="spoof", real="bonafide")
            path = place.get(file, folders[0] / f"{file}.flac")
            source = f"ASVspoof 2021 DF {origin}" if task == "DF" else "ASVspoof 2021 LA"
            split = SUBSETS_2021.get(subset, subset)
            yield speech(path, fake, split, attack, speaker, source)

    return check_media(records())


def asvspoof5(root: Path) -> list[Record]:
    """``flac_T``, ``flac_D``, ``flac_E_eval`` and the track 1 protocols, which are separated by
    blanks in spite of their name: speaker, file, gender, codec, codec quality, codec seed, attack
    tag, attack label, key, and one unused. Splits that were not unpacked are left out."""
    base = folder_of(root)

    def records() -> Iterator[Record]:
        for split, (folder, name) in unpacked(base, SETS_5).items():
            lines = protocol(base, name, f"ASVspoof5_protocols/{name}")
            for fields in columns(lines, 9):
                speaker, file, attack, key = fields[0], fields[1], fields[7], fields[8]
                fake = is_fake(lines, key, fake="spoof", real="bonafide")
                path = base / folder / f"{file}.flac"
                yield speech(path, fake, split, attack, speaker, "ASVspoof 5")

    return check_media(records())


def in_the_wild(root: Path) -> list[Record]:
    """``release_in_the_wild/meta.csv`` (file, speaker, label) beside the WAV files; no split."""
    base = folder_of(root, "release_in_the_wild")
    lines = protocol(base, "meta.csv")

    def records() -> Iterator[Record]:
        for row in table(lines, ("file", "speaker", "label")):
            fake = is_fake(lines, row["label"], fake="spoof", real="bona-fide")
            yield speech(base / row["file"], fake, "", "unknown", row["speaker"], "In-the-Wild")

    return check_media(records())


def speech(path: Path, fake: bool, split: str, method: str, speaker: str, source: str) -> Record:
    """A clip whose speaker never crosses a split."""
    return Record(
        path, MediaKind.AUDIO, fake, split, method if fake else "", speaker, source,
        f"{source} {speaker}", fake_sound=fake,
    )  # fmt: skip


def unpacked(base: Path, splits: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """The splits whose folder exists. Raises DatasetError(wrong_layout) when there is none."""
    found = {split: pair for split, pair in splits.items() if (base / pair[0]).is_dir()}
    if not found:
        wanted = ", ".join(folder for folder, _ in splits.values())
        raise DatasetError(DatasetCode.WRONG_LAYOUT, f"{base} holds none of the folders {wanted}.")
    return found
