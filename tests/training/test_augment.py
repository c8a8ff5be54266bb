"""Augmentations: the same draw for every step of a sample, and nothing invented."""

from __future__ import annotations

import torch

from liafbench.bench.training.augment import crop_and_flip, make_augmentation, random_affine


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_every_step_of_a_sample_is_moved_alike() -> None:
    x = torch.rand(1, 6, 2, 12, 12).expand(4, -1, -1, -1, -1)
    for augment in (random_affine, crop_and_flip):
        out = augment(x, generator())
        assert out.shape == x.shape
        assert all(torch.equal(out[0], step) for step in out)


def test_samples_draw_their_own() -> None:
    x = torch.rand(1, 1, 1, 12, 12).expand(1, 8, -1, -1, -1)
    for augment in (random_affine, crop_and_flip):
        out = augment(x, generator())[0]
        assert len({tuple(sample.flatten().tolist()) for sample in out}) > 4


def test_no_rotation_shift_or_zoom_is_the_identity() -> None:
    x = torch.rand(2, 3, 1, 9, 9)
    out = random_affine(x, generator(), degrees=0.0, translate=0.0, scale=(1.0, 1.0))
    torch.testing.assert_close(out, x)


def test_affine_values_are_those_of_the_image_or_the_empty_border() -> None:
    x = torch.rand(1, 16, 1, 10, 10) + 1
    out = random_affine(x, generator())
    for sample in range(16):
        known = set(x[0, sample].flatten().tolist()) | {0.0}
        assert set(out[0, sample].flatten().tolist()) <= known


def test_affine_stays_within_its_bounds() -> None:
    """A bright centre moves by at most 15 % of the width, turned and zoomed about the middle."""
    x = torch.zeros(1, 64, 1, 41, 41)
    x[..., 19:22, 19:22] = 1
    out = random_affine(x, generator())[0, :, 0]
    rows, columns = torch.meshgrid(torch.arange(41.0), torch.arange(41.0), indexing="ij")
    mass = out.sum(dim=(1, 2))
    for place in (rows, columns):
        centre = (out * place).sum(dim=(1, 2)) / mass
        assert (centre - 20).abs().max() <= 0.15 * 41 * 1.2 + 1


def test_a_crop_is_a_window_of_the_padded_frame() -> None:
    x = torch.rand(1, 5, 3, 8, 8)
    out = crop_and_flip(x, generator(), padding=2)
    padded = torch.nn.functional.pad(x, (2,) * 4)
    for sample in range(5):
        windows = [
            padded[0, sample, :, top : top + 8, left : left + 8]
            for top in range(5)
            for left in range(5)
        ]
        candidates = windows + [window.flip(-1) for window in windows]
        assert any(torch.equal(out[0, sample], each) for each in candidates)


def test_none_is_none() -> None:
    assert make_augmentation("none") is None
