"""A tiny tree of each public set, in the layout its authors publish."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

Tree = Callable[[Path], None]


def put(root: Path, *names: str) -> None:
    """Empty files."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def asvspoof2019(root: Path) -> None:
    for part, name, tag in (
        ("train", "train.trn", "T"), ("dev", "dev.trl", "D"), ("eval", "eval.trl", "E"),
    ):  # fmt: skip
        write(
            root, f"LA/ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.{name}.txt",
            f"LA_0079 LA_{tag}_1138215 - - bonafide\nLA_0080 LA_{tag}_1004644 - A01 spoof\n",
        )  # fmt: skip
        folder = f"LA/ASVspoof2019_LA_{part}/flac"
        put(root, f"{folder}/LA_{tag}_1138215.flac", f"{folder}/LA_{tag}_1004644.flac")


def asvspoof2021_la(root: Path) -> None:
    write(
        root, "keys/LA/CM/trial_metadata.txt",
        "LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval\n"
        "LA_0020 LA_E_7294490 g722 loc_tx bonafide bonafide notrim progress\n",
    )  # fmt: skip
    put(root, *(f"ASVspoof2021_LA_eval/flac/{n}.flac" for n in ("LA_E_9332881", "LA_E_7294490")))


def asvspoof2021_df(root: Path) -> None:
    write(
        root, "keys/DF/CM/trial_metadata.txt",
        "LA_0023 DF_E_2000011 nocodec asvspoof A14 spoof notrim progress traditional_vocoder"
        " - - - -\n"
        "TEF2 DF_E_2000013 low_m4a vcc2020 - bonafide notrim eval bonafide - - - -\n",
    )  # fmt: skip
    put(
        root,
        "ASVspoof2021_DF_eval_part00/ASVspoof2021_DF_eval/flac/DF_E_2000011.flac",
        "ASVspoof2021_DF_eval_part01/ASVspoof2021_DF_eval/flac/DF_E_2000013.flac",
    )


def asvspoof5(root: Path) -> None:
    write(
        root, "ASVspoof5.train.tsv",
        "T_4850 T_0000000000 F - - - AC3 A05 spoof -\n"
        "T_0000 T_0000000003 M - - - - bonafide bonafide -\n",
    )  # fmt: skip
    write(root, "ASVspoof5.eval.track_1.tsv", "E_1607 E_0009538969 M C03 5 x - A30 spoof -\n")
    put(root, "flac_T/T_0000000000.flac", "flac_T/T_0000000003.flac")
    put(root, "flac_E_eval/E_0009538969.flac")


def in_the_wild(root: Path) -> None:
    write(
        root, "release_in_the_wild/meta.csv",
        "file,speaker,label\n0.wav,Alec Guinness,spoof\n4.wav,Barack Obama,bona-fide\n",
    )  # fmt: skip
    put(root, "release_in_the_wild/0.wav", "release_in_the_wild/4.wav")


def faceforensics(root: Path) -> None:
    write(root, "splits/train.json", '[["720", "672"]]')
    write(root, "splits/val.json", '[["368", "378"]]')
    write(root, "splits/test.json", '[["953", "974"]]')
    for quality in ("c23", "c40", "raw"):
        put(
            root,
            f"original_sequences/youtube/{quality}/videos/720.mp4",
            f"original_sequences/youtube/{quality}/videos/953.mp4",
            f"original_sequences/actors/{quality}/videos/01__exit_phone_room.mp4",
            f"manipulated_sequences/Deepfakes/{quality}/videos/672_720.mp4",
            f"manipulated_sequences/NeuralTextures/{quality}/videos/368_378.mp4",
            f"manipulated_sequences/DeepFakeDetection/{quality}/videos/01_02__walk__YVGY8LOK.mp4",
        )


def celeb_df(root: Path) -> None:
    write(
        root, "List_of_testing_videos.txt",
        "1 YouTube-real/00170.mp4\n1 Celeb-real/id1_0007.mp4\n0 Celeb-synthesis/id1_id0_0007.mp4\n",
    )  # fmt: skip
    put(
        root,
        "YouTube-real/00170.mp4",
        "Celeb-real/id1_0007.mp4",
        "Celeb-real/id2_0001.mp4",
        "Celeb-synthesis/id1_id0_0007.mp4",
        "Celeb-synthesis/id2_id0_0001.mp4",
    )


def dfdc(root: Path) -> None:
    write(root, "dfdc_train_part_0/metadata.json", json.dumps({
        "aagfhgtpmv.mp4": {"label": "FAKE", "split": "train", "original": "vudstovrck.mp4"},
        "vudstovrck.mp4": {"label": "REAL", "split": "train"},
    }))  # fmt: skip
    put(root, "dfdc_train_part_0/aagfhgtpmv.mp4", "dfdc_train_part_0/vudstovrck.mp4")
    write(root, "test/metadata.json", '{"aalscayrfi.mp4": {"is_fake": 1}}')
    put(root, "test/aalscayrfi.mp4")
    write(root, "validation/labels.csv", "filename,label\nrmufsuogzn.mp4,0\n")
    put(root, "validation/rmufsuogzn.mp4")


def fakeavceleb(root: Path) -> None:
    base = "FakeAVCeleb_v1.2"
    fake = "00109_10_id00476_wavtolip.mp4"
    write(
        root, f"{base}/meta_data.csv",
        "source,target1,target2,method,category,type,race,gender,path,\n"
        "id00076,-,-,real,A,RealVideo-RealAudio,African,men,00109.mp4,"
        "FakeAVCeleb/RealVideo-RealAudio/African/men/id00076\n"
        f"id00076,id00476,10,wav2lip,D,FakeVideo-FakeAudio,African,men,{fake},"
        "FakeAVCeleb/FakeVideo-FakeAudio/African/men/id00076\n"
        f"id00076,id00476,10,faceswap-wav2lip,D,FakeVideo-FakeAudio,African,men,{fake},"
        "FakeAVCeleb/FakeVideo-FakeAudio/African/men/id00076\n"
        "id00166,-,-,rtvc,B,RealVideo-FakeAudio,African,men,00010_fake.mp4,"
        "FakeAVCeleb/RealVideo-FakeAudio/African/men/id00166\n",
    )  # fmt: skip
    put(
        root,
        f"{base}/RealVideo-RealAudio/African/men/id00076/00109.mp4",
        f"{base}/FakeVideo-FakeAudio/African/men/id00076/{fake}",
        f"{base}/RealVideo-FakeAudio/African/men/id00166/00010_fake.mp4",
    )


def deepfake_timit(root: Path) -> None:
    put(
        root,
        "DeepfakeTIMIT/higher_quality/fadg0/sa1-video-fram1.avi",
        "DeepfakeTIMIT/higher_quality/fadg0/sa1.wav",
        "DeepfakeTIMIT/lower_quality/fadg0/sa1-video-fram1.avi",
        "DeepfakeTIMIT/real/fadg0/sa1.avi",
    )


def wilddeepfake(root: Path) -> None:
    base = "deepfake_in_the_wild"
    put(
        root,
        f"{base}/real_train/0/real/3/12.png",
        f"{base}/real_test/1/real/0/7.png",
        f"{base}/fake_train/1/fake/10/100.png",
        f"{base}/fake_test/2/fake/5/0.png",
        f"{base}/fake_test/2.tar.gz",
    )


def lav_df(root: Path) -> None:
    common = {"timestamps": [], "transcript": "", "video_frames": 103, "audio_channels": 1}
    entries = [
        {"file": "test/000001.mp4", "n_fakes": 0, "fake_periods": [], "duration": 4.224,
         "original": None, "modify_video": False, "modify_audio": False, "split": "test"},
        {"file": "test/000002.mp4", "n_fakes": 1, "fake_periods": [[1.2, 1.8]], "duration": 4.2,
         "original": "test/000001.mp4", "modify_video": False, "modify_audio": True,
         "split": "test"},
        {"file": "dev/000003.mp4", "n_fakes": 1, "fake_periods": [[0.5, 0.9]], "duration": 4.2,
         "original": "dev/000009.mp4", "modify_video": True, "modify_audio": True, "split": "dev"},
    ]  # fmt: skip
    write(root, "LAV-DF/metadata.min.json", json.dumps([common | entry for entry in entries]))
    put(root, *(f"LAV-DF/{entry['file']}" for entry in entries))


def folders(root: Path) -> None:
    put(root, "train/real/a.jpg", "train/fake/stylegan/b.png", "val/real/c.wav", "test/fake/d.mp4")
    put(root, "train/fake/stylegan/notes.txt")


TREES: dict[str, Tree] = {
    "asvspoof2019": asvspoof2019,
    "asvspoof2021_la": asvspoof2021_la,
    "asvspoof2021_df": asvspoof2021_df,
    "asvspoof5": asvspoof5,
    "in_the_wild": in_the_wild,
    "faceforensics": faceforensics,
    "faceforensics_c0": faceforensics,
    "faceforensics_c40": faceforensics,
    "celeb_df": celeb_df,
    "dfdc": dfdc,
    "fakeavceleb": fakeavceleb,
    "deepfake_timit": deepfake_timit,
    "wilddeepfake": wilddeepfake,
    "lav_df": lav_df,
    "folders": folders,
}
