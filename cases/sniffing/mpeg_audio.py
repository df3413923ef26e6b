"""MP3 and AAC streams, which have no signature: several frames in a row must fit together."""

from __future__ import annotations

from typing import BinaryIO, NamedTuple

from cases.sniffing.media_type import MediaType, read_at, size_of

MP3 = MediaType("audio", "mp3", "audio/mpeg")
AAC = MediaType("audio", "aac", "audio/aac")

# kbit/s by bitrate index (ISO/IEC 11172-3 and 13818-3); index 0 is "free", 15 is forbidden.
MPEG1_LAYER3 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
MPEG1_LAYER2 = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
MPEG2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
VERSION_1, LAYER_2, LAYER_3 = 3, 2, 1

FRAMES_NEEDED = 4
# A recording may start in the middle of a frame, or after padding.
MAX_LEAD_IN = 4096


class Frame(NamedTuple):
    """What a frame header says: the stream's type, what all its frames share, length in bytes."""

    media_type: MediaType
    shared: tuple[int, ...]
    length: int


def sniff(file: BinaryIO, start: int) -> MediaType | None:
    """MP3 (layers II and III) or AAC (ADTS and ADIF), looking from offset ``start``."""
    lead_in = read_at(file, start, MAX_LEAD_IN)
    if lead_in[:4] == b"ADIF":
        return AAC
    end = size_of(file)
    offset = lead_in.find(b"\xff")
    while offset >= 0:
        found = _stream_at(file, start + offset, end)
        if found is not None:
            return found
        offset = lead_in.find(b"\xff", offset + 1)
    return None


def _stream_at(file: BinaryIO, offset: int, end: int) -> MediaType | None:
    first: Frame | None = None
    frames = 0
    while frames < FRAMES_NEEDED and not (frames >= 2 and offset == end):
        frame = _frame(read_at(file, offset, 7))
        if frame is None or (first is not None and frame.shared != first.shared):
            return None
        first = first or frame
        frames += 1
        offset += frame.length
    return first.media_type if first else None


def _frame(header: bytes) -> Frame | None:
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    if header[1] & 0xF6 == 0xF0:
        return _adts_frame(header)
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    bitrate_index, rate_index = header[2] >> 4, header[2] >> 2 & 3
    if version not in SAMPLE_RATES or layer not in (LAYER_2, LAYER_3):
        return None
    if bitrate_index in (0, 15) or rate_index == 3:
        return None
    if version == VERSION_1:
        bitrates = MPEG1_LAYER3 if layer == LAYER_3 else MPEG1_LAYER2
    else:
        bitrates = MPEG2
    # Layer III of MPEG 2 and 2.5 has half as many samples in a frame.
    slots = 72 if layer == LAYER_3 and version != VERSION_1 else 144
    rate = SAMPLE_RATES[version][rate_index]
    length = slots * bitrates[bitrate_index] * 1000 // rate + (header[2] >> 1 & 1)
    return Frame(MP3, (version, layer, rate), length)


def _adts_frame(header: bytes) -> Frame | None:
    rate_index = header[2] >> 2 & 0xF
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    if rate_index > 12 or length < 7:
        return None
    return Frame(AAC, (header[1], rate_index), length)
