"""Every set by the name that commands and configurations use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ml.training.datasets import audio_visual, face_videos, plain, speech
from ml.training.datasets.records import DatasetCode, DatasetError, Record

Loader = Callable[[Path], list[Record]]


@dataclass(frozen=True)
class Dataset:
    """A set that can be read: ``title`` as its authors call it and where it is asked for."""

    title: str
    where: str
    load: Loader


_FF = "github.com/ondyari/FaceForensics (form)"
_ASV21 = "asvspoof.org/index2021.html, zenodo.org"
DATASETS = {
    "asvspoof2019": Dataset(
        "ASVspoof 2019 LA", "datashare.ed.ac.uk/handle/10283/3336", speech.asvspoof2019
    ),
    "asvspoof2021_la": Dataset("ASVspoof 2021 LA", _ASV21, speech.asvspoof2021_la),
    "asvspoof2021_df": Dataset("ASVspoof 2021 DF", _ASV21, speech.asvspoof2021_df),
    "asvspoof5": Dataset("ASVspoof 5", "zenodo.org/records/14498691", speech.asvspoof5),
    "in_the_wild": Dataset(
        "In-the-Wild", "deepfake-total.com/in_the_wild", speech.in_the_wild
    ),
    "faceforensics": Dataset("FaceForensics++ c23", _FF, face_videos.faceforensics),
    "faceforensics_c0": Dataset("FaceForensics++ c0 (raw)", _FF, face_videos.faceforensics_raw),
    "faceforensics_c40": Dataset("FaceForensics++ c40", _FF, face_videos.faceforensics_c40),
    "celeb_df": Dataset(
        "Celeb-DF 1 and 2", "github.com/yuezunli/celeb-deepfakeforensics (form)",
        face_videos.celeb_df,
    ),
    "dfdc": Dataset("DFDC", "ai.meta.com/datasets/dfdc", face_videos.dfdc),
    "fakeavceleb": Dataset(
        "FakeAVCeleb", "github.com/DASH-Lab/FakeAVCeleb (form)", audio_visual.fakeavceleb
    ),
    "deepfake_timit": Dataset(
        "DeepfakeTIMIT", "zenodo.org/record/4068245", face_videos.deepfake_timit
    ),
    "wilddeepfake": Dataset(
        "WildDeepfake", "github.com/OpenTAI/wild-deepfake (form)", face_videos.wild_deepfake
    ),
    "lav_df": Dataset("LAV-DF", "github.com/ControlNet/LAV-DF", audio_visual.lav_df),
    "folders": Dataset("real/ and fake/", "your own", plain.real_and_fake),
}  # fmt: skip


def load(name: str, root: Path) -> list[Record]:
    """The records of the set called ``name`` below ``root``. Raises DatasetError."""
    if name not in DATASETS:
        raise DatasetError(
            DatasetCode.UNKNOWN_SET, f"There is no set '{name}'; known: {', '.join(DATASETS)}."
        )
    return DATASETS[name].load(root)


def parse(given: list[str]) -> dict[str, Path]:
    """NAME=FOLDER arguments. Raises DatasetError(unknown_set)."""
    chosen = {}
    for item in given:
        name, separator, folder = item.partition("=")
        if not separator or name not in DATASETS:
            raise DatasetError(
                DatasetCode.UNKNOWN_SET,
                f"'{item}' is not NAME=FOLDER with one of {', '.join(DATASETS)}.",
            )
        chosen[name] = Path(folder)
    return chosen
