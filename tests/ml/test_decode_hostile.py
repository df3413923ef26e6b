"""Bad input of every kind gives a typed error in words, and the caller lives on."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.errors import MediaError
from ml.media.decoded import Decoded
from ml.media.plan import DecodePlan, Limits
from ml.media.repair import repairs
from ml.media.sandbox import decode_sandboxed, run_child
from tests.ml.media_samples import (
    frame_number,
    still_bytes,
    tone,
    write_audio,
    write_video,
    write_wav,
)

PLAN = DecodePlan(max_frames=4)


def refused(path: Path, plan: DecodePlan = PLAN) -> MediaError:
    with pytest.raises(MediaError) as caught:
        decode_sandboxed(path, plan)
    assert len(caught.value.message) > 20
    return caught.value


def outcome(path: Path) -> tuple[str, Decoded | None]:
    """The error code, or what was decoded."""
    try:
        return "", decode_sandboxed(path, PLAN)
    except MediaError as error:
        return error.code, None


def stored(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_empty_file(tmp_path: Path) -> None:
    assert refused(stored(tmp_path / "a.mp4", b"")).code == "empty"


@pytest.mark.parametrize("name", ["a.mp4", "a.wav", "a.jpg"])
def test_text_under_another_name(name: str, tmp_path: Path) -> None:
    text = b"This is a letter, not a recording.\n" * 200
    assert refused(stored(tmp_path / name, text)).code == "unsupported"


def test_playlists_that_point_to_other_files_are_not_followed(tmp_path: Path) -> None:
    secret = write_wav(tmp_path / "secret.wav", tone(1.0, 16_000))
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n"
    assert refused(stored(tmp_path / "a.m3u8", playlist.encode())).code == "unsupported"
    script = f"ffconcat version 1.0\nfile {secret}\n"
    assert refused(stored(tmp_path / "a.mp4", script.encode())).code == "unsupported"


def test_what_is_no_stored_file_is_named(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    (tmp_path / "dangling.jpg").symlink_to("nowhere.jpg")
    for path, words in (
        (tmp_path, "is a folder"),
        (pipe, "is a pipe or a device"),
        (Path("/dev/null"), "is a pipe or a device"),
        (tmp_path / "dangling.jpg", "There is no file"),
        (tmp_path / "none.jpg", "There is no file"),
        (tmp_path / ("n" * 300), "cannot be opened: File name too long"),
        (Path("a\0b"), "cannot be opened"),
    ):
        error = refused(path)
        assert error.code == "corrupt"
        assert words in error.message


@pytest.mark.parametrize("tenth", range(1, 10))
def test_truncated_still(tenth: int, tmp_path: Path) -> None:
    whole = still_bytes("JPEG", (640, 480))
    path = stored(tmp_path / "a.jpg", whole[: len(whole) * tenth // 10])
    assert refused(path).code in ("truncated", "corrupt")


@pytest.mark.parametrize("tenth", range(1, 10))
def test_truncated_mp4_has_no_index(tenth: int, tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", frames=25).read_bytes()
    path = stored(tmp_path / "a.mp4", whole[: len(whole) * tenth // 10])
    assert refused(path).code == "truncated"


@pytest.mark.parametrize("tenth", range(1, 10))
def test_truncated_matroska_gives_what_is_left(tenth: int, tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mkv", frames=25, gop=5).read_bytes()
    path = stored(tmp_path / "a.mkv", whole[: len(whole) * tenth // 10])
    code, decoded = outcome(path)
    if decoded is None:
        assert code in ("truncated", "corrupt")
        assert tenth <= 3
    else:
        assert decoded.frames or decoded.waveform is not None


@pytest.mark.parametrize("tenth", range(1, 10))
def test_truncated_wav_gives_what_is_left(tenth: int, tmp_path: Path) -> None:
    whole = write_wav(tmp_path / "whole.wav", tone(2.0, 16_000)).read_bytes()
    path = stored(tmp_path / "a.wav", whole[: len(whole) * tenth // 10])
    decoded = decode_sandboxed(path, PLAN)
    assert decoded.waveform is not None
    assert decoded.waveform.size == pytest.approx(3200 * tenth, abs=400)
    cut = f"the container claims 2.0 s but holds {decoded.waveform.size / 16_000:.1f} s"
    assert any(cut in line for line in decoded.transforms) == (tenth < 8)


def test_corrupt_video_data_is_left_out_and_named(tmp_path: Path) -> None:
    content = bytearray(write_video(tmp_path / "v.mp4", frames=50, gop=5).read_bytes())
    start = content.find(b"mdat") + 2000
    content[start : start + 3000] = np.random.default_rng(0).bytes(3000)
    _, decoded = outcome(stored(tmp_path / "a.mp4", bytes(content)))
    assert decoded is not None
    assert decoded.frames
    assert any("could not be decoded" in line for line in decoded.transforms)


def test_junk_before_the_container_is_repaired(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "v.mkv", frames=10).read_bytes()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: video/x-matroska\r\n\r\n"
    decoded = decode_sandboxed(stored(tmp_path / "a.mkv", head + whole), PLAN)
    assert len(decoded.frames) == 4
    assert decoded.transforms[0] == f"repaired: {len(head)} bytes before the container left out"


def test_every_repair_gives_a_readable_recording(tmp_path: Path) -> None:
    """A copy into a new container and a transcoding, both with picture and sound."""
    with write_video(tmp_path / "v.avi", frames=20).open("rb") as source:
        candidates = list(repairs(source, Limits()))
    assert [words for _, words in candidates] == [
        "repaired: streams copied into a new container",
        "repaired: transcoded to H.264 and AAC",
    ]
    for content, _ in candidates:
        path = stored(tmp_path / "repaired.bin", content.read())
        decoded = decode_sandboxed(path, DecodePlan(max_frames=20))
        assert len(decoded.frames) == 20
        assert frame_number(decoded.frames[-1].rgb) == pytest.approx(19, abs=1.5)
        assert decoded.waveform is not None


def png(width: int, height: int, body: bytes) -> bytes:
    """An RGB picture that claims this size, with these compressed lines."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_pixel_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    """A PNG of 60,000 x 60,000 pixels in a few kilobytes."""
    bomb = png(60_000, 60_000, zlib.compress(bytes(1_000_000), 9))
    error = refused(stored(tmp_path / "a.png", bomb))
    assert error.code == "too_large"
    assert "60000x60000" in error.message


@pytest.mark.parametrize("part", [b"IHDR", b"IDAT", b"IEND"])
def test_a_png_damaged_only_in_a_checksum_is_corrupt(part: bytes, tmp_path: Path) -> None:
    """The pixels are whole; only the four bytes behind the part are not."""
    content = bytearray(still_bytes("PNG"))
    start = content.find(part)
    length = int.from_bytes(content[start - 4 : start], "big")
    content[start + 4 + length] ^= 0x01
    error = refused(stored(tmp_path / "a.png", bytes(content)))
    assert error.code == "corrupt"
    assert part.decode() in error.message


def test_a_png_without_its_end_is_truncated(tmp_path: Path) -> None:
    path = stored(tmp_path / "a.png", still_bytes("PNG")[:-12])
    assert refused(path).code == "truncated"


def test_one_pixel_is_a_picture(tmp_path: Path) -> None:
    decoded = decode_sandboxed(stored(tmp_path / "a.png", still_bytes("PNG", (1, 1))), PLAN)
    assert decoded.image is not None
    assert decoded.image.shape == (1, 1, 3)


def test_sound_of_no_length(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", np.zeros(0, np.float32))
    assert refused(path).code in ("empty", "corrupt")


def test_header_that_claims_ten_hours(tmp_path: Path) -> None:
    """The WAV header states 10 hours of data, one second follows: the second counts."""
    content = bytearray(write_wav(tmp_path / "w.wav", tone(1.0, 16_000)).read_bytes())
    content[40:44] = (10 * 3600 * 32_000).to_bytes(4, "little")
    decoded = decode_sandboxed(stored(tmp_path / "a.wav", bytes(content)), PLAN)
    assert decoded.facts.duration_s == pytest.approx(1.0, abs=0.05)
    assert decoded.waveform is not None
    assert decoded.waveform.size < 17_000
    assert (
        "the container claims 36000.0 s but holds 1.0 s; the latter is used" in decoded.transforms
    )
    for unknown in (0, 0xFFFFFFFF):
        content[40:44] = unknown.to_bytes(4, "little")
        decoded = decode_sandboxed(stored(tmp_path / "b.wav", bytes(content)), PLAN)
        assert decoded.transforms == ()


def test_movie_header_that_claims_ten_hours(tmp_path: Path) -> None:
    content = bytearray(write_video(tmp_path / "v.mp4", frames=25).read_bytes())
    place = content.find(b"mvhd") + 16
    scale = int.from_bytes(content[place : place + 4], "big")
    content[place + 4 : place + 8] = (36_000 * scale).to_bytes(4, "big")
    decoded = decode_sandboxed(stored(tmp_path / "a.mp4", bytes(content)), PLAN)
    assert decoded.facts.duration_s == pytest.approx(1.0, abs=0.1)


def test_too_long_sound(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(3.0, 16_000))
    error = refused(path, replace(PLAN, limits=Limits(duration_s=2.0)))
    assert error.code == "too_long"


def test_too_long_video(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", frames=75, sound=False)
    error = refused(path, replace(PLAN, limits=Limits(duration_s=2.0)))
    assert error.code == "too_long"


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(pixels=1000), "too_large"),
        (Limits(frames=10), "too_large"),
        (Limits(streams=1), "too_large"),
        (Limits(file_bytes=100), "too_large"),
        (Limits(wall_s=0.001), "timeout"),
        (Limits(output_bytes=20_000), "too_large"),
    ],
)
def test_caps(limits: Limits, code: str, tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", frames=25)
    assert refused(path, replace(PLAN, limits=limits)).code == code


def test_a_crash_of_the_decoder_is_an_answer(tmp_path: Path) -> None:
    path = stored(tmp_path / "a.bin", b"x")
    with path.open("rb") as stream, pytest.raises(MediaError) as caught:
        run_child([sys.executable, "-c", "import os; os.abort()"], stream.fileno(), PLAN)
    assert caught.value.code == "decoder_crashed"
    assert "signal 6" in caught.value.message


def test_a_lying_decoder_is_not_believed(tmp_path: Path) -> None:
    """A taken-over child that points outside the shared memory gets an error, not a read."""
    code = (
        "import sys, os, json, struct\n"
        "fd = int(sys.argv[2])\n"
        "image = {'type': 'uint8', 'shape': [100000, 100000, 3], 'offset': 64}\n"
        "text = json.dumps({'kind': 'image', 'facts': {'container': 'x'}, 'image': image,\n"
        "  'frames': [], 'dense': [], 'waveform': None, 'audio_start': 0, 'transforms': [],\n"
        "  'credentials': {}}).encode()\n"
        "os.pwrite(fd, struct.pack('<QQ', 64, len(text)).ljust(64, b'\\0') + text, 0)\n"
    )
    path = stored(tmp_path / "a.bin", b"x")
    with path.open("rb") as stream, pytest.raises(MediaError) as caught:
        run_child([sys.executable, "-c", code], stream.fileno(), PLAN)
    assert caught.value.code == "decoder_crashed"


@pytest.mark.parametrize(
    ("attempt", "allowed"),
    [
        ("import socket; socket.socket()", False),
        ("import os; os.fork()", False),
        ("import os; os.execv('/bin/true', ['true'])", False),
        ("import threading; t = threading.Thread(target=print); t.start(); t.join()", True),
    ],
)
def test_the_child_has_no_network_and_starts_no_process(
    attempt: str, allowed: bool, tmp_path: Path
) -> None:
    code = (
        "from ml.media.confinement import confine\n"
        "confine(1 << 32, 60, 1 << 30)\n"
        f"try:\n    {attempt}\n"
        "except (OSError, RuntimeError):\n    raise SystemExit(7)\n"
        "raise SystemExit(8)\n"
    )
    path = stored(tmp_path / "a.bin", b"x")
    with path.open("rb") as stream, pytest.raises(MediaError) as caught:
        run_child([sys.executable, "-c", code], stream.fileno(), PLAN)
    assert ("status 8" if allowed else "status 7") in caught.value.message


def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    """A killed worker leaves no decoder behind that goes on for minutes."""
    row = bytes(1 + 3 * 10_000)
    packer = zlib.compressobj(1)
    body = b"".join([*(packer.compress(row) for _ in range(10_000)), packer.flush()])
    path = stored(tmp_path / "large.png", png(10_000, 10_000, body))
    code = (
        "import sys\nfrom pathlib import Path\nfrom ml.media.plan import DecodePlan\n"
        "from ml.media.sandbox import decode_sandboxed\n"
        "decode_sandboxed(Path(sys.argv[1]), DecodePlan())\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(path)])
    child = until(lambda: children_of(parent.pid))[0]
    until(lambda: "Seccomp:\t2" in Path(f"/proc/{child}/status").read_text())
    time.sleep(0.1)
    parent.kill()
    parent.wait()
    until(lambda: not is_running(child), seconds=1.0)


def until(check: Callable[[], Any], seconds: float = 30.0) -> Any:
    """What ``check`` answers once that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := check():
            return answer
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds:g} s")


def children_of(process: int) -> list[int]:
    return [int(n) for n in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def is_running(process: int) -> bool:
    """A process that ended may stand in the table until somebody asks for its status."""
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


def test_the_child_sees_none_of_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DFD_SECRET_KEY", "secret")
    code = "import os; raise SystemExit(9 if 'DFD_SECRET_KEY' in os.environ else 8)"
    path = stored(tmp_path / "a.bin", b"x")
    with path.open("rb") as stream, pytest.raises(MediaError, match="status 8"):
        run_child([sys.executable, "-c", code], stream.fileno(), PLAN)


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.flac")
    decode_sandboxed(path, PLAN)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        decode_sandboxed(path, PLAN)
        refused(stored(tmp_path / "b.mp4", b"text"))
    assert len(os.listdir("/proc/self/fd")) == before
