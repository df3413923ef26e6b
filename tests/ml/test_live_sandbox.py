"""A file that plays like a live source never meets a parser in this process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from ml.errors import MediaError, ParameterError
from ml.media.live import live_windows
from ml.media.live_sandbox import confined_windows
from tests.ml.media_samples import frame_number, still_bytes, tone, write_video, write_wav


def test_the_windows_of_a_file_come_from_the_child_whole(tmp_path: Path) -> None:
    windows = list(live_windows(str(write_video(tmp_path / "v.mkv", frames=30)), 0.4, 5))
    assert [round(window.start, 2) for window in windows] == [0.0, 0.4, 0.8]
    assert [len(window.frames) for window in windows] == [5, 5, 5]
    numbers = [frame_number(frame.rgb) for frame in windows[1].frames]
    assert numbers == pytest.approx([10, 12, 14, 16, 18], abs=1.2)
    heard = np.concatenate([w.waveform for w in windows if w.waveform is not None])
    assert heard.size == pytest.approx(1.2 * 16_000, rel=0.1)


def test_a_playlist_or_a_letter_is_not_played(tmp_path: Path) -> None:
    secret = write_wav(tmp_path / "secret.wav", tone(1.0, 16_000))
    for text in (f"ffconcat version 1.0\nfile {secret}\n", "Dear reader\n" * 50):
        path = tmp_path / "a.mp4"
        path.write_text(text)
        with pytest.raises(MediaError) as refused:
            next(live_windows(str(path), 1.0, 5))
        assert refused.value.code == "unsupported"


def test_a_long_window_holds_few_pictures_evenly_spread(tmp_path: Path) -> None:
    """Those passed over are never unpacked: a window of large pictures would fill the memory."""
    path = write_video(tmp_path / "v.mkv", frames=31, sound=False)
    (window,) = live_windows(str(path), 60.0, 3)
    assert [frame.index for frame in window.frames] == [0, 16]
    numbers = [frame_number(frame.rgb) for frame in window.frames]
    assert numbers == pytest.approx([0, 16], abs=1.2)


def test_pictures_of_a_window_fit_into_the_cap_together(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mkv", frames=2, size=(2560, 1440), sound=False)
    (few,) = live_windows(str(path), 1.0, 8)
    (many,) = live_windows(str(path), 1.0, 500)
    assert few.frames[0].rgb.shape == (1080, 1920, 3)
    assert many.frames[0].rgb.nbytes * 2 * 500 <= 1 << 30
    assert many.frames[0].rgb.shape[1] > 700


@pytest.mark.parametrize("window_s", [0.0, -1.0, float("nan"), 1e9])
def test_a_window_of_no_sensible_length_is_refused(window_s: float, tmp_path: Path) -> None:
    with pytest.raises(ParameterError) as refused:
        next(live_windows(str(tmp_path / "v.mkv"), window_s, 5))
    assert refused.value.code == "window"


def test_a_still_picture_does_not_play(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(still_bytes("PNG"))
    with pytest.raises(MediaError, match="still picture") as refused:
        next(live_windows(str(path), 1.0, 5))
    assert refused.value.code == "unsupported"


def test_the_crash_of_the_child_is_an_answer(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(1.0, 16_000))
    command = (sys.executable, "-c", "import os; os.abort()")
    with pytest.raises(MediaError) as caught:
        next(confined_windows(path, 1.0, 5, command))
    assert caught.value.code == "decoder_crashed"


def test_who_stops_watching_ends_the_child(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mkv", frames=200, size=(640, 480))
    before, others = len(os.listdir("/proc/self/fd")), _children()
    windows = confined_windows(path, 0.4, 10)
    next(windows)
    children = _children() - others
    windows.close()  # type: ignore[attr-defined]
    assert children
    assert not _children() & children
    assert len(os.listdir("/proc/self/fd")) == before


def _children() -> set[str]:
    """Process numbers of this process's children."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())
