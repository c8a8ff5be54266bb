"""Against other counters, where those are right."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from liafbench.baselines import build
from liafbench.bench.costs import counters
from liafbench.bench.costs.counter_cases import CASES
from liafbench.bench.counting import count


class Fn(nn.Module):
    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.function(*inputs)


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[tuple[int, ...], ...]]] = {
    "cnn": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 8, 3, padding=1, groups=4), nn.Flatten(), nn.Linear(128, 5),
        ), ((2, 3, 7, 8),)),
    "transposed": (lambda: nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, groups=2), ((2, 4, 5, 3),)),
    "volumes": (
        lambda: nn.Conv3d(2, 3, (3, 1, 2), (1, 2, 1), dilation=(2, 1, 1)), ((1, 2, 9, 5, 4),)
    ),
    "attention": (lambda: nn.MultiheadAttention(8, 2, batch_first=True), ((2, 5, 8),) * 3),
    "encoder": (lambda: nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), ((3, 5, 8),)),
    "products": (lambda: Fn(lambda a, b: torch.einsum("bij,bjk->bik", a, b) @ b.mT),
                 ((2, 3, 4), (2, 4, 5))),
    "scaled-attention": (lambda: Fn(F.scaled_dot_product_attention), ((2, 4, 6, 8),) * 3),
    "gru-cell": (lambda: nn.GRUCell(5, 4), ((3, 5), (3, 4))),
}  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_torchs_flop_counter_agrees(name: str) -> None:
    make, shapes = NETS[name]
    net, inputs = make().eval(), tuple(torch.rand(s) for s in shapes)
    torch.backends.mha.set_fastpath_enabled(False)
    # It knows neither the fused encoder layer nor the fused attention of CPUs.
    plain = sdpa_kernel(SDPBackend.MATH)
    with plain, FlopCounterMode(display=False) as mode, torch.no_grad():
        net(*inputs)
    torch.backends.mha.set_fastpath_enabled(True)
    assert count(net, inputs).mac_dense * 2 == mode.get_total_flops()


@pytest.mark.parametrize("baseline", ["lif-snn", "liaf-net", "klif", "conv-lstm", "conv3d", "cnn"])
def test_torchs_flop_counter_agrees_on_baselines(baseline: str) -> None:
    net = build(baseline, "digits-dvs", "small").eval()
    x = net.backbone.example()
    with FlopCounterMode(display=False) as mode, torch.no_grad():
        net(x)
    assert count(net, x).mac_dense * 2 == mode.get_total_flops()


def test_spikingjellys_synaptic_operations_agree() -> None:
    from spikingjelly.activation_based import neuron
    from spikingjelly.activation_based.op_counter import DispatchCounterMode, SynOpCounter

    torch.manual_seed(1)
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, 2, 1, bias=False), neuron.IFNode(), nn.Conv2d(4, 5, 3, padding=1),
        neuron.IFNode(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(20, 3, bias=False),
    ).eval()  # fmt: skip
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(6)
    x = (torch.rand(3, 2, 7, 8) < 0.5).float()
    theirs = SynOpCounter()
    with DispatchCounterMode([theirs]), torch.no_grad():
        net(x)
    net[1].reset()
    net[3].reset()
    ours = count(net, x, input_kind="spikes")
    assert ours.ac == theirs.get_total()
    assert ours.mac_effective == 0


def test_the_comparison_of_counters_is_right_in_its_own_column() -> None:
    table = counters.comparison()
    assert list(table["liafbench"].astype(float)) == [case.expected for case in CASES]
    known = table.set_index("case")
    assert known.loc["LSTM", "fvcore as shipped"] == "0"
    assert known.loc["LSTM", "torch FlopCounterMode / 2"] == "0"
    assert known.loc["Conv3d", "torch FlopCounterMode / 2"] == "165888"
    assert known.loc["spikes into a padded conv", "spikingjelly op_counter"] == "100"
    for name in ("ptflops", "neurobench"):
        column = {"neurobench": "NeuroBench"}.get(name, name)
        if name in counters.missing():
            assert set(known[column]) <= {f"not installed ({name})", "n/a"}


def test_neurobench_agrees_on_spikes() -> None:
    pytest.importorskip("neurobench", reason="pip install liafbench[counters]")
    table = counters.comparison().set_index("case")
    assert table.loc["spikes into a padded conv", "NeuroBench"] == "100"
    assert table.loc["LSTM", "ptflops"] == "41400"
