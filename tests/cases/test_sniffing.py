"""Types are decided by content: every accepted format, and what only looks like one."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from cases.sniffing import DamagedFile, describe_unsupported, sniff
from tests.cases.media import IMAGES, image_bytes, recording, wav_bytes, with_id3

FAST = {"movflags": "faststart"}

# suffix, container, audio codec, video codec -> kind, format, MIME type
RECORDINGS = [
    ("mp3", None, "libmp3lame", "", "audio", "mp3", "audio/mpeg"),
    ("flac", None, "flac", "", "audio", "flac", "audio/flac"),
    ("ogg", None, "vorbis", "", "audio", "ogg", "audio/ogg"),
    ("opus", "ogg", "libopus", "", "audio", "opus", "audio/ogg"),
    ("m4a", "ipod", "aac", "", "audio", "m4a", "audio/mp4"),
    ("aac", "adts", "aac", "", "audio", "aac", "audio/aac"),
    ("wav", None, "pcm_s16le", "", "audio", "wav", "audio/wav"),
    ("weba", "webm", "libopus", "", "audio", "webm", "audio/webm"),
    ("mka", "matroska", "aac", "", "audio", "mka", "audio/x-matroska"),
    ("wma", "asf", "wmav2", "", "audio", "wma", "audio/x-ms-wma"),
    ("mp4", None, "aac", "mpeg4", "video", "mp4", "video/mp4"),
    ("mov", None, "aac", "mpeg4", "video", "mov", "video/quicktime"),
    ("mjpeg.mov", "mov", "", "mjpeg", "video", "mov", "video/quicktime"),
    ("3gp", "3gp", "", "mpeg4", "video", "3gp", "video/3gpp"),
    ("avi", None, "libmp3lame", "mpeg4", "video", "avi", "video/x-msvideo"),
    ("mkv", None, "aac", "mpeg4", "video", "mkv", "video/x-matroska"),
    ("webm", None, "libopus", "libvpx", "video", "webm", "video/webm"),
    ("flv", None, "aac", "flv", "video", "flv", "video/x-flv"),
    ("wmv", "asf", "wmav2", "wmv2", "video", "wmv", "video/x-ms-wmv"),
    ("ogv", "ogg", "vorbis", "libvpx", "video", "ogv", "video/ogg"),
    # A film without sound in an audio-looking name, sound alone in a film's container.
    ("sound-only.mp4", "mp4", "aac", "", "audio", "m4a", "audio/mp4"),
]


@pytest.mark.parametrize(
    ("suffix", "container", "audio", "video", "kind", "name", "mime"), RECORDINGS
)
def test_recording_is_known_by_content(
    tmp_path: Path, suffix, container, audio, video, kind, name, mime
) -> None:
    path = recording(tmp_path / f"a.{suffix}", audio=audio, video=video, container=container)
    renamed = path.rename(tmp_path / "name-says-nothing.txt")
    found = sniff(renamed)
    assert (found.kind, found.format, found.mime_type) == (kind, name, mime)


@pytest.mark.parametrize("suffix", IMAGES)
def test_picture_is_known_by_content(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "picture.mp4"
    path.write_bytes(image_bytes(suffix))
    found = sniff(path)
    expected = {"jpg": "jpeg"}.get(suffix, suffix)
    assert (found.kind, found.format, found.mime_type) == ("image", expected, f"image/{expected}")


def test_id3_tag_before_mp3_aac_and_flac(tmp_path: Path) -> None:
    for suffix, codec, container in (
        ("mp3", "libmp3lame", None),
        ("aac", "aac", "adts"),
        ("flac", "flac", None),
    ):
        path = recording(tmp_path / f"a.{suffix}", audio=codec, container=container)
        path.write_bytes(with_id3(path.read_bytes()))
        assert sniff(path).format == suffix


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"Minutes of the meeting\nof 3 May.\n" * 50, "text, not a recording"),
        ("Gesprächsnotiz äöü".encode() * 400, "text, not a recording"),
        (bytes(range(256)) * 40, "no known recording format"),
        (b"PK\x03\x04" + bytes(200), ""),
        (b"\xff" * 5000, ""),
        (b"\xff\xfb\x90\x00" + bytes(3000), ""),
        (b"BM" + bytes(60), ""),
        (b"RIFF\x10\x00\x00\x00ACON" + bytes(20), ""),
        (b"OggS" + bytes(60), None),
    ],
)
def test_other_content_is_not_taken(tmp_path: Path, content: bytes, words: str | None) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    if words is None:
        with pytest.raises(DamagedFile):
            sniff(path)
        return
    assert sniff(path) is None
    assert words in describe_unsupported(path)


def test_gif_and_avif_brand_are_named_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"GIF89a" + bytes(40))
    assert sniff(path) is None
    assert "gif" in describe_unsupported(path).lower()
    path.write_bytes(b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif" + bytes(40))
    assert sniff(path) is None


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.95])
@pytest.mark.parametrize(
    ("suffix", "audio", "video"), [("mp4", "aac", "mpeg4"), ("avi", "", "mpeg4")]
)
def test_cut_off_film_is_said_to_be_damaged(tmp_path: Path, suffix, audio, video, cut) -> None:
    path = recording(tmp_path / f"a.{suffix}", audio=audio, video=video)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * cut)])
    with pytest.raises(DamagedFile, match=r"cut off|index"):
        sniff(path)


def test_cut_off_wav_and_png_are_said_to_be_damaged(tmp_path: Path) -> None:
    for name, content in (("a.wav", wav_bytes()), ("a.png", image_bytes("png"))):
        path = tmp_path / name
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(DamagedFile, match="cut off"):
            sniff(path)


def test_streamed_wav_without_a_size_is_taken(tmp_path: Path) -> None:
    content = bytearray(wav_bytes())
    content[4:8] = b"\xff\xff\xff\xff"
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    assert sniff(path).format == "wav"


@pytest.mark.parametrize("length", [1, 2, 3, 4, 7, 8, 11, 12, 16, 40])
def test_no_beginning_however_short_breaks_the_sniffer(tmp_path: Path, length: int) -> None:
    heads = [
        recording(tmp_path / f"s.{suffix}", audio=a, video=v, container=c).read_bytes()
        for suffix, c, a, v, *_ in RECORDINGS[::4]
    ]
    heads += [image_bytes(suffix) for suffix in IMAGES]
    path = tmp_path / "x"
    for head in heads:
        path.write_bytes(head[:length])
        with contextlib.suppress(DamagedFile):
            found = sniff(path)
            assert found is None or found.kind in ("audio", "image", "video")
