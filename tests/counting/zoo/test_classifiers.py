"""Image classifiers on meta tensors, against torch's own counter of multiply-accumulates."""

from __future__ import annotations

import pytest
import torch
from support.classifiers import CLASSIFIERS
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from liafbench.bench.counting import count

QUICK = (
    "squeezenet", "hrnet", "mobilenet-v1-half", "vit-of-torch", "mixer-small", "gmlp", "convmixer",
    "poolformer", "van",
)  # fmt: skip


def agrees(name: str) -> None:
    with torch.device("meta"):
        net, x = CLASSIFIERS[name]().eval(), torch.empty(2, 3, 224, 224)
    torch.backends.mha.set_fastpath_enabled(False)
    # It knows neither the fused encoder layer nor the fused attention of CPUs.
    plain = sdpa_kernel(SDPBackend.MATH)
    with plain, FlopCounterMode(display=False) as mode, torch.no_grad():
        net(x)
    torch.backends.mha.set_fastpath_enabled(True)
    counts = count(net, x, samples=2)
    assert counts.mac_dense * 4 == mode.get_total_flops()
    assert counts.parameters == sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("name", QUICK)
def test_torchs_flop_counter_agrees(name: str) -> None:
    agrees(name)


@pytest.mark.soak
@pytest.mark.parametrize("name", [n for n in CLASSIFIERS if n not in QUICK])
def test_torchs_flop_counter_agrees_on_the_others(name: str) -> None:
    agrees(name)
