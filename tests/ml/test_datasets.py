"""Every loader on a tiny tree in the layout its authors publish; what it says of a wrong one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ml.result import MediaKind
from ml.training.datasets.catalogue import DATASETS, load, parse
from ml.training.datasets.cli import main
from ml.training.datasets.records import DatasetError, Record
from ml.training.datasets.splits import SHARES, split_of, with_splits
from tests.ml.dataset_trees import TREES, lav_df, put, write


def read(name: str, root: Path) -> dict[str, Record]:
    """The records of the tree of ``name`` by file name."""
    TREES[name](root)
    return {record.path.name: record for record in load(name, root)}


def facts(record: Record) -> tuple[bool, str, str, str]:
    return record.fake, record.split, record.method, record.identity


def test_every_set_has_a_tree() -> None:
    assert set(TREES) == set(DATASETS)


def test_asvspoof2019(tmp_path: Path) -> None:
    found = read("asvspoof2019", tmp_path)
    assert len(found) == 6
    assert facts(found["LA_T_1004644.flac"]) == (True, "train", "A01", "LA_0080")
    assert facts(found["LA_D_1138215.flac"]) == (False, "dev", "", "LA_0079")
    assert found["LA_E_1138215.flac"].split == "test"
    assert {record.kind for record in found.values()} == {MediaKind.AUDIO}
    shutil.rmtree(tmp_path / "LA" / "ASVspoof2019_LA_eval")
    assert {record.split for record in load("asvspoof2019", tmp_path)} == {"train", "dev"}


def test_asvspoof2021(tmp_path: Path) -> None:
    found = read("asvspoof2021_la", tmp_path / "la")
    assert facts(found["LA_E_9332881.flac"]) == (True, "test", "A07", "LA_0009")
    assert facts(found["LA_E_7294490.flac"]) == (False, "dev", "", "LA_0020")
    found = read("asvspoof2021_df", tmp_path / "df")
    assert facts(found["DF_E_2000011.flac"]) == (True, "dev", "A14", "LA_0023")
    assert facts(found["DF_E_2000013.flac"]) == (False, "test", "", "TEF2")
    assert found["DF_E_2000013.flac"].source == "ASVspoof 2021 DF vcc2020"


def test_asvspoof5_reads_the_label_and_not_the_tag(tmp_path: Path) -> None:
    found = read("asvspoof5", tmp_path)
    assert facts(found["T_0000000000.flac"]) == (True, "train", "A05", "T_4850")
    assert facts(found["T_0000000003.flac"]) == (False, "train", "", "T_0000")
    assert facts(found["E_0009538969.flac"]) == (True, "test", "A30", "E_1607")


def test_in_the_wild_keeps_a_speaker_together(tmp_path: Path) -> None:
    found = read("in_the_wild", tmp_path)
    assert facts(found["0.wav"]) == (True, "", "unknown", "Alec Guinness")
    assert not found["4.wav"].fake
    assert found["0.wav"].group != found["4.wav"].group


def test_faceforensics(tmp_path: Path) -> None:
    found = read("faceforensics", tmp_path)
    assert len(found) == 6
    assert facts(found["672_720.mp4"]) == (True, "train", "Deepfakes", "672")
    assert found["672_720.mp4"].group == found["720.mp4"].group
    assert facts(found["953.mp4"]) == (False, "test", "", "953")
    assert found["368_378.mp4"].split == "dev"
    actors = found["01_02__walk__YVGY8LOK.mp4"]
    assert (actors.split, actors.group) == ("", "actor 01")
    assert "raw" in load("faceforensics_c0", tmp_path)[0].path.parts
    assert "c40" in load("faceforensics_c40", tmp_path)[0].path.parts


def test_celeb_df_counts_one_as_real(tmp_path: Path) -> None:
    found = read("celeb_df", tmp_path)
    assert facts(found["00170.mp4"]) == (False, "test", "", "00170")
    assert facts(found["id1_id0_0007.mp4"]) == (True, "test", "Celeb-synthesis", "id1")
    assert found["id2_id0_0001.mp4"].split == "train"
    assert found["id1_id0_0007.mp4"].group == found["id1_0007.mp4"].group
    write(tmp_path, "List_of_testing_videos.txt", "0 Celeb-real/id1_0007.mp4\n")
    with pytest.raises(DatasetError, match="contradicts"):
        load("celeb_df", tmp_path)


def test_dfdc(tmp_path: Path) -> None:
    found = read("dfdc", tmp_path)
    assert facts(found["aagfhgtpmv.mp4"]) == (True, "train", "DFDC", "")
    assert found["aagfhgtpmv.mp4"].group == found["vudstovrck.mp4"].group == "vudstovrck.mp4"
    assert (found["aalscayrfi.mp4"].fake, found["aalscayrfi.mp4"].split) == (True, "test")
    assert (found["rmufsuogzn.mp4"].fake, found["rmufsuogzn.mp4"].split) == (False, "dev")


def test_fakeavceleb_tells_sound_from_picture(tmp_path: Path) -> None:
    found = read("fakeavceleb", tmp_path)
    assert len(found) == 3
    fake = found["00109_10_id00476_wavtolip.mp4"]
    assert (facts(fake), fake.fake_sound, fake.fake_picture) == (
        (True, "", "wav2lip", "id00076"), True, True,
    )  # fmt: skip
    cloned = found["00010_fake.mp4"]
    assert (cloned.fake, cloned.fake_sound, cloned.fake_picture) == (True, True, False)
    assert not found["00109.mp4"].fake
    (tmp_path / "FakeAVCeleb_v1.2" / "meta_data.csv").unlink()
    walked = {r.path.name: r for r in load("fakeavceleb", tmp_path)}
    assert walked["00010_fake.mp4"].method == "RealVideo-FakeAudio"
    assert walked["00010_fake.mp4"].identity == "id00166"


def test_deepfake_timit(tmp_path: Path) -> None:
    TREES["deepfake_timit"](tmp_path)
    found = load("deepfake_timit", tmp_path)
    assert [(r.fake, r.method) for r in found] == [
        (True, "higher_quality"), (True, "lower_quality"), (False, ""),
    ]  # fmt: skip
    assert {record.group for record in found} == {"DeepfakeTIMIT fadg0"}


def test_wilddeepfake(tmp_path: Path) -> None:
    found = read("wilddeepfake", tmp_path)
    assert len(found) == 4
    assert facts(found["100.png"]) == (True, "train", "internet", "")
    assert found["7.png"].group == "WildDeepfake real test 1"
    assert {record.kind for record in found.values()} == {MediaKind.IMAGE}
    put(tmp_path / "packed", "deepfake_in_the_wild/real_train/0.tar.gz")
    with pytest.raises(DatasetError, match="not unpacked"):
        load("wilddeepfake", tmp_path / "packed")


def test_lav_df_knows_the_forged_seconds(tmp_path: Path) -> None:
    found = read("lav_df", tmp_path)
    cloned = found["000002.mp4"]
    assert cloned.fake_segments == ((1.2, 1.8),)
    assert (cloned.fake, cloned.fake_sound, cloned.fake_picture) == (True, True, False)
    assert cloned.group == found["000001.mp4"].group
    assert found["000003.mp4"].method == "video+audio"
    assert found["000003.mp4"].split == "dev"


def test_own_folders(tmp_path: Path) -> None:
    found = read("folders", tmp_path)
    assert set(found) == {"a.jpg", "b.png", "c.wav", "d.mp4"}
    assert facts(found["b.png"]) == (True, "train", "stylegan", "")
    assert (found["c.wav"].kind, found["c.wav"].split) == (MediaKind.AUDIO, "dev")
    put(tmp_path / "flat", "real/x.wav", "fake/y.wav")
    assert {r.split for r in load("folders", tmp_path / "flat")} == {""}


@pytest.mark.parametrize("name", sorted(TREES))
def test_a_missing_folder_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no folder") as caught:
        load(name, tmp_path / "nothing")
    assert caught.value.code == "no_folder"


@pytest.mark.parametrize("name", sorted(TREES))
def test_an_empty_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        load(name, tmp_path)
    assert caught.value.code in ("no_protocol", "wrong_layout")


PROTOCOLS = {
    "asvspoof2019": "LA/ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.dev.trl.txt",
    "asvspoof2021_la": "keys/LA/CM/trial_metadata.txt",
    "asvspoof2021_df": "keys/DF/CM/trial_metadata.txt",
    "asvspoof5": "ASVspoof5.train.tsv",
    "in_the_wild": "release_in_the_wild/meta.csv",
    "faceforensics": "splits/val.json",
    "celeb_df": "List_of_testing_videos.txt",
    "dfdc": "dfdc_train_part_0/metadata.json",
    "fakeavceleb": "FakeAVCeleb_v1.2/meta_data.csv",
    "lav_df": "LAV-DF/metadata.min.json",
}


@pytest.mark.parametrize("name", sorted(set(PROTOCOLS) - {"dfdc", "fakeavceleb"}))
def test_a_missing_protocol_is_named(name: str, tmp_path: Path) -> None:
    TREES[name](tmp_path)
    (tmp_path / PROTOCOLS[name]).unlink()
    with pytest.raises(DatasetError, match=Path(PROTOCOLS[name]).name) as caught:
        load(name, tmp_path)
    assert caught.value.code == "no_protocol"


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_a_spoilt_protocol_is_named(name: str, tmp_path: Path) -> None:
    TREES[name](tmp_path)
    path = tmp_path / PROTOCOLS[name]
    text = '{"a.mp4": {"label": "maybe"}}' if name == "dfdc" else '[["a"]]\nx y\nx y\n'
    path.write_text(text)
    with pytest.raises(DatasetError) as caught:
        load(name, tmp_path)
    assert caught.value.code == "bad_protocol"
    assert path.name in caught.value.message


LISTED = {
    "asvspoof2019": "LA/ASVspoof2019_LA_dev/flac/LA_D_1138215.flac",
    "asvspoof2021_df": "ASVspoof2021_DF_eval_part01/ASVspoof2021_DF_eval/flac/DF_E_2000013.flac",
    "asvspoof5": "flac_T/T_0000000003.flac",
    "in_the_wild": "release_in_the_wild/4.wav",
    "dfdc": "dfdc_train_part_0/vudstovrck.mp4",
    "fakeavceleb": "FakeAVCeleb_v1.2/RealVideo-RealAudio/African/men/id00076/00109.mp4",
    "lav_df": "LAV-DF/dev/000003.mp4",
}


@pytest.mark.parametrize("name", sorted(LISTED))
def test_a_missing_recording_is_named(name: str, tmp_path: Path) -> None:
    TREES[name](tmp_path)
    (tmp_path / LISTED[name]).unlink()
    with pytest.raises(DatasetError, match=Path(LISTED[name]).name) as caught:
        load(name, tmp_path)
    assert caught.value.code == "no_media"


def test_groups_without_split_fall_the_same_way_every_time(tmp_path: Path) -> None:
    found = read("in_the_wild", tmp_path)
    first = [record.split for record in with_splits(found.values())]
    assert first == [record.split for record in with_splits(found.values())]
    assert set(first) <= set(SHARES)
    fallen = [split_of(f"speaker {n}") for n in range(4000)]
    for split, share in SHARES.items():
        assert fallen.count(split) / 4000 == pytest.approx(share, abs=0.03)


def test_the_command_counts_and_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert "ASVspoof 5" in capsys.readouterr().out
    lav_df(tmp_path)
    assert main(["check", f"lav_df={tmp_path}"]) == 0
    out = capsys.readouterr().out
    assert "LAV-DF: 3 records in 2 groups" in out
    assert main(["check", f"lav_df={tmp_path / 'no'}"]) == 2
    assert "[no_folder]" in capsys.readouterr().err
    assert main(["check", "imagenet=/data"]) == 2
    assert "NAME=FOLDER" in capsys.readouterr().err
    assert parse([f"dfdc={tmp_path}"]) == {"dfdc": tmp_path}
