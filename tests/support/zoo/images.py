"""Convolutional spiking networks: pooling, normalisation, geometry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from support.zoo.case import Built, Draw, Net, folded, network
from support.zoo.functions import ClassWithSpike, SavedTensors, SetupContext, WithWidth
from support.zoo.spikes import mask_in_place
from support.zoo.units import DetachedReset, HardReset, ResetByWhere, SoftReset
from torch import Tensor, nn


def lif(fire: Any = SavedTensors.apply) -> nn.Module:
    return HardReset(fire, 0)


def flat(x: Tensor) -> Tensor:
    return x.flatten(2)


def between(d: Draw, middle: Callable[[Tensor], Tensor], kind: str, fire: Any = None) -> Built:
    """conv - LIF - something - conv."""

    def body(m: Any, x: Tensor) -> Tensor:
        return folded(m.b, folded(m.middle, m.neuron(folded(m.a, x))))

    net = Net(
        body, a=nn.Conv2d(2, 4, 3, padding=1), neuron=lif(fire or SavedTensors.apply),
        middle=middle,
        b=nn.Conv2d(4, 3, d.choice((1, 2, 3)), padding=d.choice((0, 1)), stride=d.choice((1, 2))),
    )  # fmt: skip
    return Built(net, (d.frames(2),), {"a": "analog", "b": kind})


@network
def plain_convolutions(d: Draw) -> Built:
    return between(d, nn.Identity(), "spikes")


@network
def max_pool_of_spikes(d: Draw) -> Built:
    return between(d, nn.MaxPool2d(2, ceil_mode=True), "spikes", ClassWithSpike.spike)


@network
def average_pool_of_spikes(d: Draw) -> Built:
    return between(d, nn.AvgPool2d(2), "graded")


@network
def sum_pool_of_spikes(d: Draw) -> Built:
    return between(d, lambda s: F.avg_pool2d(s, 2, divisor_override=1), "graded")


@network
def adaptive_pools_of_spikes(d: Draw) -> Built:
    return between(d, lambda s: F.adaptive_max_pool2d(s, (3, 3)), "spikes")


@network
def dropout_and_nearest_upsampling(d: Draw) -> Built:
    return between(d, nn.Sequential(nn.Dropout2d(0.3), nn.Upsample(scale_factor=2)), "spikes")


@network
def bilinear_upsampling(d: Draw) -> Built:
    return between(d, nn.Upsample(scale_factor=2, mode="bilinear"), "analog")


@network
def padded_by_hand(d: Draw) -> Built:
    return between(d, lambda s: F.pad(s, (1, 0, 2, 1)), "spikes", mask_in_place)


@network
def reflected_and_rolled(d: Draw) -> Built:
    return between(d, lambda s: F.pad(s.roll(1, -1), (1, 1, 1, 1), mode="reflect"), "spikes")


@network
def channel_shuffle_of_spikes(d: Draw) -> Built:
    def middle(s: Tensor) -> Tensor:
        left, right = s.chunk(2, 1)
        return torch.stack((left, right), 2).flatten(1, 2)

    return between(d, middle, "spikes", lambda v: WithWidth.apply(v, 0.3))


@network
def squeeze_and_excitation(d: Draw) -> Built:
    """The gate is analog: gated spikes are no spikes; the squeezed ones are graded."""

    def body(m: Any, x: Tensor) -> Tensor:
        s = m.neuron(folded(m.a, x)).flatten(0, 1)
        gate = torch.sigmoid(m.up(F.relu(m.down(s.mean((2, 3))))))
        return m.b(s * gate[..., None, None])

    net = Net(
        body, a=nn.Conv2d(2, 4, 3), neuron=lif(), down=nn.Linear(4, 2), up=nn.Linear(2, 4),
        b=nn.Conv2d(4, 2, 2),
    )  # fmt: skip
    truth = {"a": "analog", "down": "graded", "up": "analog", "b": "analog"}
    return Built(net, (d.frames(2),), truth)


@network
def normalised_before_every_neuron(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        y = m.first(folded(lambda t: m.norm_a(m.a(t)), x))
        y = m.second(folded(lambda t: m.norm_b(m.b(t)), y))
        return m.c(flat(y))

    net = Net(
        body, a=nn.Conv2d(2, 4, 3, bias=False), norm_a=nn.BatchNorm2d(4), first=lif(),
        b=nn.Conv2d(4, 4, 2, bias=False), norm_b=nn.GroupNorm(2, 4), second=SoftReset(
            SetupContextFire(), 0), c=nn.Linear(4 * 2 * 3, d.classes),
    )  # fmt: skip
    return Built(net, (d.frames(2),), {"a": "analog", "b": "spikes", "c": "spikes"})


class SetupContextFire(nn.Module):
    def forward(self, v: Tensor) -> Tensor:
        return SetupContext.apply(v, 2.0)


@network
def separable_convolutions(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        s = m.neuron(folded(m.stem, x))
        return folded(m.point, m.between(folded(m.depth, s)))

    net = Net(
        body, stem=nn.Conv2d(2, 6, 3, padding="same"), neuron=ResetByWhere(ClassWithSpike.spike, 0),
        depth=nn.Conv2d(6, 6, 3, padding=1, stride=2, groups=6), between=lif(),
        point=nn.Conv2d(6, 4, 1),
    )  # fmt: skip
    return Built(net, (d.frames(2),), {"stem": "analog", "depth": "spikes", "point": "spikes"})


@network
def dilated_and_grouped(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        return folded(m.b, m.neuron(folded(m.a, x)))

    net = Net(
        body, a=nn.Conv2d(2, 4, 3, padding=2, dilation=2, groups=2), neuron=lif(),
        b=nn.Conv2d(4, 6, (2, 3), (2, 1), (0, 1), dilation=(1, 2), groups=2),
    )  # fmt: skip
    return Built(net, (d.frames(2),), {"a": "analog", "b": "spikes"})


@network
def sparse_kernels(d: Draw) -> Built:
    """Zeros among the weights send nothing."""
    built = between(d, nn.Identity(), "spikes")
    with torch.no_grad():
        for p in (built.net.a.weight, built.net.b.weight):
            p[torch.rand(p.shape) < 0.4] = 0
    return built


@network
def autoencoder_with_transposed_convolutions(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        code = m.neuron(folded(m.down, x))
        return folded(m.up, code)

    net = Net(
        body, down=nn.Conv2d(2, 4, 3, 2), neuron=DetachedReset(SavedTensors.apply, 0),
        up=nn.ConvTranspose2d(4, 2, 3, 2, padding=1, output_padding=1),
    )  # fmt: skip
    return Built(net, (d.frames(2),), {"down": "analog", "up": "spikes"})


@network
def time_as_depth_of_a_volume(d: Draw) -> Built:
    def body(m: Any, x: Tensor) -> Tensor:
        volume = x.permute(1, 2, 0, 3, 4)
        return m.b(SavedTensors.apply(m.a(volume) - 0.1))

    net = Net(body, a=nn.Conv3d(2, 3, (2, 3, 3), padding=(1, 1, 0)), b=nn.Conv3d(3, 2, (1, 2, 2)))
    return Built(net, (d.frames(2),), {"a": "analog", "b": "spikes"})


@network
def convolution_over_time(d: Draw) -> Built:
    """[T, B, N] as rows [B, N, T] of a causal convolution."""

    def body(m: Any, x: Tensor) -> Tensor:
        rows = (m.a(x) > 0).float().permute(1, 2, 0)
        return m.b(F.pad(rows, (2, 0)))

    net = Net(body, a=nn.Linear(d.features, 4), b=nn.Conv1d(4, d.classes, 3))
    return Built(net, (d.series(),), {"a": "analog", "b": "spikes"})


@network
def columns_times_a_kernel(d: Draw) -> Built:
    """A convolution spelled as unfold and a product."""

    def body(m: Any, x: Tensor) -> Tensor:
        s = m.neuron(folded(m.a, x)).flatten(0, 1)
        return m.kernel.flatten(1) @ F.unfold(s, 2)

    kernel = nn.Parameter(torch.randn(3, 4, 2, 2))
    net = Net(body, a=nn.Conv2d(2, 4, 3), neuron=lif(), kernel=kernel)
    return Built(net, (d.frames(2),), {"a": "analog", "kernel": "spikes"})
