"""One product of spikes and a matrix in every spelling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from support.zoo.case import Built, Draw, Net, network
from support.zoo.functions import SavedTensors
from support.zoo.units import HardReset
from torch import Tensor, nn


def spelled(
    d: Draw, product: Callable[[Tensor, Tensor], Tensor], fire: Any = SavedTensors.apply
) -> Built:
    """Spikes into a matrix [out, in] that is a bare parameter."""

    def body(m: Any, x: Tensor) -> Tensor:
        return product(m.neuron(m.a(x)), m.w)

    net = Net(
        body, a=nn.Linear(d.features, d.hidden), neuron=HardReset(fire, d.hidden),
        w=nn.Parameter(torch.randn(d.classes, d.hidden)),
    )  # fmt: skip
    return Built(net, (d.series(),), {"a": "analog", "w": "spikes"})


@network
def functional_linear_by_name(d: Draw) -> Built:
    return spelled(d, lambda z, w: F.linear(input=z, weight=w))


@network
def matmul_operator(d: Draw) -> Built:
    return spelled(d, lambda z, w: z @ w.T)


@network
def weights_on_the_left(d: Draw) -> Built:
    return spelled(d, lambda z, w: (w @ z.mT).mT)


@network
def matmul_function(d: Draw) -> Built:
    return spelled(d, lambda z, w: torch.matmul(z, w.transpose(0, 1)))


@network
def einsum_with_letters(d: Draw) -> Built:
    return spelled(d, lambda z, w: torch.einsum("tbi,oi->tbo", z, w))


@network
def einsum_with_dots(d: Draw) -> Built:
    return spelled(d, lambda z, w: torch.einsum("oi, ...i -> ...o", w, z))


@network
def tensordot_over_the_last(d: Draw) -> Built:
    return spelled(d, lambda z, w: torch.tensordot(z, w, dims=([2], [1])))


@network
def steps_by_mm(d: Draw) -> Built:
    return spelled(d, lambda z, w: torch.stack([torch.mm(step, w.t()) for step in z]))


@network
def steps_by_addmm(d: Draw) -> Built:
    return spelled(
        d, lambda z, w: torch.stack([torch.addmm(torch.zeros(len(w)), s, w.t()) for s in z])
    )


@network
def samples_by_mv(d: Draw) -> Built:
    return spelled(d, lambda z, w: torch.stack([torch.mv(w, row) for row in z.flatten(0, 1)]))


@network
def batches_by_bmm(d: Draw) -> Built:
    return spelled(d, lambda z, w: torch.bmm(z, w.t().expand(len(z), *w.t().shape)))


@network
def rows_by_dot(d: Draw) -> Built:
    return spelled(
        d,
        lambda z, w: torch.stack([torch.dot(r, c) for r in z.flatten(0, 1) for c in w]),
    )


@network
def inner_product(d: Draw) -> Built:
    return spelled(d, torch.inner)


@network
def pointwise_convolution_of_rows(d: Draw) -> Built:
    return spelled(d, lambda z, w: F.conv1d(z.permute(1, 2, 0), w.unsqueeze(-1)))


@network
def time_in_the_batch(d: Draw) -> Built:
    return spelled(d, lambda z, w: F.linear(z.reshape(-1, z.shape[-1]), w).view(*z.shape[:2], -1))
