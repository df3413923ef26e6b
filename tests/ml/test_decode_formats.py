"""Every promised format decodes to the right frames, times and sounds."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pillow_heif
import pytest
from PIL import Image

from ml.media.decoded import Decoded
from ml.media.plan import DecodePlan
from ml.media.prepared import SAMPLE_RATE
from ml.media.sandbox import decode_sandboxed
from ml.result import MediaKind
from tests.ml.media_samples import (
    AUDIO_CODECS,
    VIDEO_CODECS,
    float_wav,
    frame_number,
    picture,
    still_bytes,
    tone,
    write_audio,
    write_video,
    write_wav,
)

pillow_heif.register_heif_opener()


def decode(path: Path, **plan: object) -> Decoded:
    return decode_sandboxed(path, DecodePlan(**plan))  # type: ignore[arg-type]


def main_frequency(waveform: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(waveform.size)))
    return float(spectrum.argmax() * SAMPLE_RATE / waveform.size)


@pytest.mark.parametrize("ending", sorted(AUDIO_CODECS))
def test_audio_formats(ending: str, tmp_path: Path) -> None:
    decoded = decode(write_audio(tmp_path / f"a.{ending}"))
    assert decoded.kind is MediaKind.AUDIO
    assert decoded.waveform is not None
    assert decoded.waveform.dtype == np.float32
    assert decoded.waveform.size == pytest.approx(2 * SAMPLE_RATE, abs=0.08 * SAMPLE_RATE)
    assert main_frequency(decoded.waveform) == pytest.approx(440, abs=2)
    assert np.abs(decoded.waveform[4000:20000]).max() == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("ending", sorted(VIDEO_CODECS))
def test_video_formats(ending: str, tmp_path: Path) -> None:
    decoded = decode(write_video(tmp_path / f"v.{ending}"), max_frames=5)
    assert decoded.kind is MediaKind.VIDEO
    assert decoded.facts.video is not None
    assert decoded.facts.video.width == 128
    assert [frame.index for frame in decoded.frames] == [2, 7, 12, 17, 22]
    for frame in decoded.frames:
        # FFmpeg's AVI writer leaves out the second time slot: frames lie one slot later.
        slot = frame.index + (ending == "avi")
        assert frame.t == pytest.approx(slot / 25, abs=0.002)
        assert frame_number(frame.rgb) == pytest.approx(frame.index, abs=1.2)
    assert decoded.waveform is not None
    assert main_frequency(decoded.waveform) == pytest.approx(440, abs=3)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "BMP", "WEBP", "TIFF", "HEIF"])
def test_still_formats(name: str, tmp_path: Path) -> None:
    path = tmp_path / "still.bin"
    path.write_bytes(still_bytes(name))
    decoded = decode(path)
    assert decoded.kind is MediaKind.IMAGE
    assert decoded.image is not None
    assert decoded.facts.image is not None
    assert decoded.facts.image.format == name
    difference = np.abs(decoded.image.astype(int) - picture(10, 96, 64))
    assert difference.mean() < (0.01 if name in ("PNG", "BMP", "TIFF") else 8)


def test_seeking_and_sequential_decoding_give_the_same_frames(tmp_path: Path) -> None:
    """Short groups of pictures make seeking cheap, one long group forces a sequential pass."""
    sparse = decode(write_video(tmp_path / "a.mp4", frames=30, gop=2, sound=False), max_frames=3)
    dense = decode(write_video(tmp_path / "b.mp4", frames=30, gop=250, sound=False), max_frames=3)
    assert [frame.index for frame in sparse.frames] == [frame.index for frame in dense.frames]
    assert [frame.index for frame in sparse.frames] == [5, 15, 25]
    for frame in (*sparse.frames, *dense.frames):
        assert frame_number(frame.rgb) == pytest.approx(frame.index, abs=1.2)


def test_variable_frame_rate_keeps_true_times(tmp_path: Path) -> None:
    pts = [index + (index // 5) * 7 for index in range(20)]
    decoded = decode(write_video(tmp_path / "v.mkv", frames=20, pts=pts, sound=False))
    assert decoded.facts.video is not None
    assert decoded.facts.video.variable_frame_rate
    assert [f.t for f in decoded.frames] == pytest.approx([p / 25 for p in pts], abs=0.002)


def test_every_kth_frame_up_to_a_maximum(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", frames=25, sound=False)
    decoded = decode(path, sampling="step", frame_step=4, max_frames=5)
    assert [frame.index for frame in decoded.frames] == [0, 4, 8, 12, 16]


def test_a_second_sound_is_named(tmp_path: Path) -> None:
    path = tmp_path / "two.mka"
    with av.open(str(path), "w", format="matroska") as container:
        streams = [container.add_stream("pcm_s16le", rate=16_000, layout="mono") for _ in range(2)]
        for stream in streams:
            samples = (tone(1.0, 16_000) * 32_767).astype(np.int16)[None, :]
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 16_000, 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    assert decode(path).transforms == ("first of 2 audio streams",)


def test_native_rate_frames_come_only_with_sound(tmp_path: Path) -> None:
    with_sound = decode(write_video(tmp_path / "a.mp4"), dense_s=0.4)
    silent = decode(write_video(tmp_path / "b.mp4", sound=False), dense_s=0.4)
    assert [frame.index for frame in with_sound.dense] == list(range(7, 17))
    assert silent.dense == ()


def test_program_streams_keep_their_first_frames(tmp_path: Path) -> None:
    """Seeking an MPEG program stream to its beginning lands on the second key frame."""
    path = write_video(
        tmp_path / "v.mpg", frames=75, codecs=("mpeg1video", "mp2"), format_name="mpeg"
    )
    decoded = decode(path, max_frames=75)
    assert [frame.index for frame in decoded.frames] == list(range(75))
    assert [frame.index for frame in decoded.dense] == list(range(75))


def test_odd_sizes(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mkv", size=(67, 51), codecs=("ffv1", "flac"), frames=5)
    decoded = decode(path)
    assert decoded.frames[0].rgb.shape == (51, 67, 3)


@pytest.mark.parametrize(
    ("degrees", "shape"), [(90, (128, 96)), (-90, (128, 96)), (180, (96, 128))]
)
def test_rotation_is_applied(degrees: int, shape: tuple[int, int], tmp_path: Path) -> None:
    """The display matrix turns the picture; green must still grow towards the stored right."""
    source = write_video(tmp_path / "v.mp4", frames=5, sound=False)
    turned = tmp_path / "t.mp4"
    _with_rotation(source, turned, degrees)
    decoded = decode(turned)
    assert decoded.frames[0].rgb.shape[:2] == shape
    expected = np.rot90(picture(decoded.frames[0].index), degrees // 90)
    assert np.abs(decoded.frames[0].rgb.astype(int) - expected).mean() < 6
    assert any("turned upright" in line for line in decoded.transforms)
    assert decoded.facts.video is not None
    assert decoded.facts.video.rotation == (-degrees) % 360


def _with_rotation(source: Path, target: Path, degrees: int) -> None:
    """Rewrite the 3x3 matrix of the MP4 track header (16.16 fixed point)."""
    cosine, sine = {90: (0, -1), -90: (0, 1), 180: (-1, 0)}[degrees]
    one = 1 << 16
    values = [cosine * one, sine * one, 0, -sine * one, cosine * one, 0, 0, 0, 1 << 30]
    data = bytearray(source.read_bytes())
    header = data.find(b"tkhd")
    start = header + 4 + 4 + 20 + 8 + 8
    for place, value in enumerate(values):
        data[start + 4 * place : start + 4 * place + 4] = value.to_bytes(4, "big", signed=True)
    target.write_bytes(bytes(data))


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    image = Image.fromarray(picture(10, 96, 64))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(path, exif=exif, quality=95)
    decoded = decode(path)
    assert decoded.image is not None
    assert decoded.image.shape == (96, 64, 3)
    assert np.abs(decoded.image.astype(int) - np.rot90(picture(10, 96, 64), -1)).mean() < 4
    assert "turned upright by its EXIF orientation" in decoded.transforms


@pytest.mark.parametrize("orientation", [0, 1, 9])
def test_an_orientation_that_asks_for_nothing_is_no_turn(orientation: int, tmp_path: Path) -> None:
    """Cameras write 0 for "unknown"."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(picture(0)).save(tmp_path / "a.jpg", exif=exif.tobytes())
    decoded = decode(tmp_path / "a.jpg")
    assert decoded.image is not None
    assert decoded.image.shape == (96, 128, 3)
    assert decoded.transforms == ()


def test_sixteen_bits_with_a_transparent_grey_keep_their_greys(tmp_path: Path) -> None:
    grey = np.linspace(0, 65_535, 96 * 128).round().astype(np.uint16).reshape(96, 128)
    Image.fromarray(grey).save(tmp_path / "a.png", transparency=0)
    decoded = decode(tmp_path / "a.png")
    assert decoded.image is not None
    assert decoded.image[0, 0].tolist() == [255, 255, 255]
    wanted = grey[48:].astype(float) / 257
    assert np.abs(decoded.image[48:, :, 0] - wanted).max() <= 0.51
    assert "transparency laid on white" in decoded.transforms


def test_avif_is_a_still_and_no_video_of_a_second(tmp_path: Path) -> None:
    Image.fromarray(picture(10)).save(tmp_path / "a.avif")
    decoded = decode(tmp_path / "a.avif")
    assert decoded.kind is MediaKind.IMAGE
    assert decoded.facts.container == "AVIF"
    assert decoded.image is not None
    assert frame_number(decoded.image) == pytest.approx(10, abs=1.0)


def test_missing_duration_is_measured(tmp_path: Path) -> None:
    """A live-muxed Matroska file states no duration and cannot be sought in."""
    path = tmp_path / "live.mkv"
    source = write_video(tmp_path / "v.mp4", frames=25)
    with (
        av.open(str(source)) as container,
        path.open("wb") as target,
        av.open(_Unseekable(target), "w", format="matroska") as output,
    ):
        copies = [output.add_stream_from_template(stream) for stream in container.streams]
        for packet in container.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                output.mux(packet)
    decoded = decode(path, max_frames=4)
    assert decoded.facts.video is not None
    assert decoded.facts.video.duration_s == pytest.approx(1.0, abs=0.05)
    assert len(decoded.frames) == 4


class _Unseekable:
    """A pipe-like file: the muxer cannot go back to write the duration."""

    def __init__(self, target: object) -> None:
        self._target = target

    def write(self, data: bytes) -> int:
        return self._target.write(data)  # type: ignore[attr-defined, no-any-return]


def test_sound_that_starts_later_keeps_its_place(tmp_path: Path) -> None:
    path = tmp_path / "late.mkv"
    source = write_video(tmp_path / "v.mkv", frames=25)
    with av.open(str(source)) as container, av.open(str(path), "w", format="matroska") as output:
        copies = [output.add_stream_from_template(stream) for stream in container.streams]
        for packet in container.demux():
            if not packet.size:
                continue
            if packet.stream.type == "audio":
                packet.pts += round(0.5 / packet.time_base)
                packet.dts += round(0.5 / packet.time_base)
            packet.stream = copies[packet.stream.index]
            output.mux(packet)
    moved = decode(path).audio_start - decode(source).audio_start
    assert moved == pytest.approx(0.5, abs=0.03)


def test_numbers_that_are_none_become_silence_and_are_named(tmp_path: Path) -> None:
    samples = tone(1.0, 16_000)
    samples[100:200] = np.nan
    samples[300] = np.inf
    path = tmp_path / "nan.wav"
    path.write_bytes(float_wav(samples))
    decoded = decode(path)
    assert decoded.waveform is not None
    assert np.isfinite(decoded.waveform).all()
    assert any("101 audio samples that were not numbers" in line for line in decoded.transforms)


def test_type_is_decided_by_content(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "sound.wav", tone(1.0, 16_000))
    renamed = path.rename(tmp_path / "sound.mp4")
    assert decode(renamed).kind is MediaKind.AUDIO
