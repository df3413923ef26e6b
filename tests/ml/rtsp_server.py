"""A camera that speaks RTSP (RFC 2326), as much of it as one viewer over TCP needs."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import av
import numpy as np
from numpy.typing import NDArray

RATE = 25
_CLOCK = 90_000
_DESCRIPTION = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    "a=fmtp:96 packetization-mode=1\r\na=control:track0\r\n"
)


@contextmanager
def camera(pictures: list[NDArray[np.uint8]]) -> Iterator[str]:
    """The rtsp:// address of a server that plays ``pictures`` once to one viewer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, _encoded(pictures)))
        thread.start()
        yield f"rtsp://127.0.0.1:{listener.getsockname()[1]}/live"
    thread.join(10)


def _encoded(pictures: list[NDArray[np.uint8]]) -> list[bytes]:
    """One H.264 access unit for each picture, with start codes."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.height, encoder.width = pictures[0].shape[:2]
    encoder.pix_fmt, encoder.framerate = "yuv420p", RATE  # type: ignore[assignment]
    encoder.options = {"tune": "zerolatency", "preset": "ultrafast", "qp": "18"}
    frames = [av.VideoFrame.from_ndarray(picture, format="rgb24") for picture in pictures]
    for index, frame in enumerate(frames):
        frame.pts = index
    return [bytes(packet) for frame in [*frames, None] for packet in encoder.encode(frame)]


def _serve(listener: socket.socket, units: list[bytes]) -> None:
    viewer, _ = listener.accept()
    with viewer, viewer.makefile("rb") as requests:
        while method := _answer(viewer, requests):
            if method == "PLAY":
                _play(viewer, units)
                return


def _answer(viewer: socket.socket, requests: object) -> str:
    """Answer one request; its method, "" when the viewer is gone."""
    lines = []
    while line := requests.readline().decode().strip():  # type: ignore[attr-defined]
        lines.append(line)
    if not lines:
        return ""
    method = str(lines[0].split()[0])
    number = next(line for line in lines if line.lower().startswith("cseq"))
    head = [f"RTSP/1.0 200 OK\r\n{number}\r\nSession: 1"]
    body = _DESCRIPTION if method == "DESCRIBE" else ""
    if method == "SETUP":
        head.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
    if body:
        head.append(f"Content-Type: application/sdp\r\nContent-Length: {len(body)}")
    viewer.sendall(("\r\n".join(head) + "\r\n\r\n" + body).encode())
    return method


def _play(viewer: socket.socket, units: list[bytes]) -> None:
    """One RTP packet for each NAL unit, the last of a picture marked, then goodbye."""
    sequence = 0
    for index, unit in enumerate(units):
        parts = [part for part in unit.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if part]
        for place, part in enumerate(parts):
            last = 0x80 if place == len(parts) - 1 else 0
            moment = index * _CLOCK // RATE
            packet = struct.pack(">BBHII", 0x80, last | 96, sequence, moment, 1) + part
            viewer.sendall(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
            sequence += 1
