"""The synchrony network: shapes, and the distance table that shifts are read from."""

import torch

from ml.models.sync_net import REACH, SyncNet, distance_by_shift


def test_one_unit_vector_for_each_video_frame() -> None:
    model = SyncNet().eval()
    with torch.inference_mode():
        video = model.embed_video(torch.rand(2, 50, 32, 32))
        audio = model.embed_audio(torch.randn(2, 200, 40))
    assert video.shape == audio.shape == (2, 50, 64)
    torch.testing.assert_close(video.norm(dim=-1), torch.ones(2, 50))


def test_a_known_shift_is_the_column_of_least_distance() -> None:
    torch.manual_seed(0)
    sound = torch.nn.functional.normalize(torch.randn(80 + 2 * REACH, 64), dim=-1)
    for shift in (-15, -4, 0, 7, 15):
        video = sound[REACH + shift : REACH + shift + 80]
        table = distance_by_shift(video, sound)
        assert table.shape == (80, 2 * REACH + 1)
        assert int(table.mean(0).argmin()) - REACH == shift
