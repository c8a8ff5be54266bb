"""Operations outside of MACs, one formula for every operator, derived by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liafbench.baselines.neurons import KLIF, LIAF, LIF
from liafbench.bench.counting import count


class Fn(nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(*inputs)


X = torch.rand(2, 3, 4, 5)  # 120 elements

# Operations for 120 elements, or for the whole call where the comment derives it.
CASES: dict[str, tuple[Callable[..., Any], int]] = {
    "relu": (F.relu, 120),
    "relu-in-place": (lambda x: F.relu(x * 1.5, inplace=True), 240),
    "leaky-relu": (F.leaky_relu, 240),
    "elu": (F.elu, 480),
    "selu": (F.selu, 600),
    "gelu": (F.gelu, 600),
    "gelu-tanh": (lambda x: F.gelu(x, approximate="tanh"), 960),
    "silu": (F.silu, 240),
    "sigmoid": (torch.sigmoid, 120),
    "tanh": (torch.tanh, 120),
    "hardtanh": (F.hardtanh, 240),
    "softplus": (F.softplus, 720),
    "mish": (F.mish, 600),
    "hardswish": (F.hardswish, 600),
    "add": (lambda x: x + x, 120),
    "add-scaled": (lambda x: torch.add(x, x, alpha=2), 240),
    "subtract-number": (lambda x: 1 - x, 120),
    "hadamard": (lambda x: x * x, 120),
    "broadcast": (lambda x: x * x[:1, :1, :1], 120),
    "divide": (lambda x: x / 3, 120),
    "compare": (lambda x: x > 0.5, 120),
    "clamp-both": (lambda x: x.clamp(0.1, 0.9), 240),
    "clamp-one": (lambda x: x.clamp(min=0.1), 120),
    "maximum": (lambda x: torch.maximum(x, x.flip(0)), 120),
    "where": (lambda x: torch.where(x > 0.5, x, -x), 360),
    "lerp": (lambda x: torch.lerp(x, x, 0.3), 360),
    "sum": (lambda x: x.sum(), 119),
    "mean": (lambda x: x.mean((0, 2)), 120),  # 15 outputs: 105 additions, 15 divisions
    "amax": (lambda x: x.amax(1), 80),
    "max-value": (lambda x: x.max(1).values, 80),
    "cumsum": (lambda x: x.cumsum(3), 96),
    "softmax": (lambda x: x.softmax(3), 5 * 120 - 2 * 24),
    "log-softmax": (lambda x: x.log_softmax(3), 5 * 120 - 24),
    "layer-norm": (lambda x: F.layer_norm(x, (5,)), 24 * (14 + 12 + 1)),
    # of 5: mean 4 + 1, differences 5, squares 5, sum 4, / 1, + eps 1, root 1, scale 5 = 27
    "group-norm": (lambda x: F.group_norm(x, 3), 6 * (59 + 42 + 1)),
    "avg-pool": (lambda x: F.avg_pool2d(x, 2), 24 * 4 // 2 * 2),  # 6 x 2 x 2 windows of 4
    "max-pool": (lambda x: F.max_pool2d(x, 2), 6 * 4 * 3),
    "adaptive": (lambda x: F.adaptive_avg_pool2d(x, 1), 6 * 20),
    "bilinear": (lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), 480 * 7),
    "glu": (lambda x: F.glu(x, 2), 120),
    "dropout": (lambda x: F.dropout(x, 0.5, False), 0),
    "dropout-kept-on": (lambda x: F.dropout(x, 0.5, True), 120),
    "views": (lambda x: x.permute(3, 1, 0, 2).reshape(10, 12).T.contiguous(), 0),
    "integers": (lambda x: x + (torch.arange(5) * 2 + 1).to(x.dtype), 120),
    "constants": (lambda x: x + (x.new_ones(5) * 2 + 1), 120),
}


@pytest.mark.parametrize("name", CASES)
def test_elementwise_by_hand(name: str) -> None:
    function, expected = CASES[name]
    counts = count(Fn(function), X)
    assert (counts.mac_dense, counts.elementwise, counts.flops) == (0, expected, expected)


def test_batch_norm_folds_in_evaluation_and_is_counted_without_statistics() -> None:
    assert count(nn.BatchNorm2d(3), X).elementwise == 0
    # Three groups of 40: 3 * 40 - 1 additions, 2 * 40 + 2 products, a root; then scale and shift.
    bare = nn.BatchNorm2d(3, track_running_stats=False)
    assert count(bare, X).elementwise == 3 * (119 + 82 + 1) + 2 * 120


STEPS = {
    # alpha*R, + X, comparison, reset; + beta where there is one
    "lif": (lambda: LIF(), 4),
    "lif-offset": (lambda: LIF(beta=0.1), 5),
    "lif-offset-tensor": (lambda: LIF(beta=torch.zeros(3)), 5),
    "lif-offset-learnable": (lambda: LIF(learnable=("beta",)), 5),
    "lif-without-leak": (lambda: LIF(alpha=1.0), 3),
    "lif-all-leak": (lambda: LIF(alpha=0.0), 4),  # what is lost is multiplied too
    "lif-soft": (lambda: LIF(v_reset=None), 4),
    "lif-gain": (lambda: LIF(gain=0.5), 5),
    "lif-decay": (lambda: LIF(tau=2.0, decay_input=True), 5),
    "lif-decay-towards-a-rest": (lambda: LIF(tau=2.0, v_reset=0.3), 6),
    "liaf-relu": (lambda: LIAF(), 5),
    "liaf-relu-tr": (lambda: LIAF(threshold_related=True), 6),
    "liaf-selu": (lambda: LIAF(activation="selu"), 9),
    "liaf-leaky": (lambda: LIAF(activation="leaky_relu"), 6),
    "liaf-identity": (lambda: LIAF(activation="identity"), 4),
    "klif": (lambda: KLIF(), 7),  # lif with a gain, k*H, relu
    "klif-no-decay": (lambda: KLIF(decay_input=False), 6),
    "klif-scaled": (lambda: KLIF(scale_reset=True), 8),
    "klif-soft": (lambda: KLIF(v_reset=None), 7),
}  # fmt: skip


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("name", STEPS)
def test_steps_of_neurons_by_hand(name: str, engine: str) -> None:
    make, each = STEPS[name]
    neuron = make()
    neuron.engine = engine
    counts = count(neuron, torch.rand(4, 2, 3, 5), samples=2)
    assert counts.elementwise == 4 * 15 * each
    assert (counts.neurons, counts.neuron_updates, counts.mac_dense) == (15, 60, 0)
    assert (counts.adds, counts.muls) == (120, 120)


def test_our_operators_count_like_our_modules() -> None:
    from liafbench.baselines.neurons import operators

    neuron = LIF(recurrent=5)

    class Raw(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = neuron

        def forward(self, x: Tensor) -> Tensor:
            return self.inner.forward(x)

    x = torch.rand(4, 2, 5)
    assert operators.neuron_recurrent is not None
    by_module, by_operator = count(neuron, x), count(Raw(), x)
    for name in ("mac_dense", "elementwise", "ac", "neurons", "neuron_updates", "adds", "muls"):
        assert getattr(by_module, name) == getattr(by_operator, name), name
    # 4 x 2 updates of 5 units: 4 operations each, and the join of recurrent and input current.
    assert by_module.elementwise == 40 * 5
    assert by_module.mac_dense == 40 * 5


@pytest.mark.parametrize(("make", "each"), [(nn.LSTM, 13), (nn.GRU, 10), (nn.RNN, 2)])
def test_gates_by_hand(make: Callable[..., nn.Module], each: int) -> None:
    # LSTM: 4 joins, 3 sigmoids, 2 tanh, 3 products, 1 sum. GRU: 3 joins, 2 sigmoids, tanh,
    # r*n, n + z*(h - n). RNN: a join and tanh.
    counts = count(make(3, 4, 2, bidirectional=True), torch.rand(5, 2, 3))
    assert counts.elementwise == 5 * 2 * 16 * each
    assert counts.neuron_updates == 5 * 2 * 16


class HandLSTM(nn.Module):
    """The cell as textbooks write it."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.u = nn.Linear(3, 16), nn.Linear(4, 16, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.shape[1], 4)
        for step in x:
            i, f, g, o = (self.w(step) + self.u(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        return h


def test_a_cell_costs_the_same_fused_stepped_and_by_hand() -> None:
    class Stepped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.LSTMCell(3, 4)

        def forward(self, x: Tensor) -> Tensor:
            state = None
            for step in x:
                state = self.cell(step, state)
            return state[0]

    x = torch.rand(5, 2, 3)
    fused, stepped, by_hand = (count(net, x) for net in (nn.LSTM(3, 4), Stepped(), HandLSTM()))
    for name in (
        "mac_dense", "mac_effective", "elementwise", "flops", "weights", "synapses", "adds", "muls",
    ):  # fmt: skip
        assert getattr(fused, name) == getattr(stepped, name) == getattr(by_hand, name), name


def test_the_convention_of_the_liaf_authors() -> None:
    """Conv: Cin*Cout*s^2*k^2 products (none for LIF), Cin*Cout*s^2*(k^2-1) additions; a membrane
    adds 2*Cout*s^2 of each; all times T."""
    steps, cin, cout, s, k = 7, 2, 3, 5, 3
    products, additions = cin * cout * s * s * k * k, cin * cout * s * s * (k * k - 1)
    membrane = 2 * cout * s * s

    class Unit(nn.Module):
        def __init__(self, neuron: nn.Module) -> None:
            super().__init__()
            self.conv, self.neuron = nn.Conv2d(cin, cout, k, padding=1), neuron
            self.norm = nn.BatchNorm2d(cout)

        def forward(self, x: Tensor) -> Tensor:
            y = self.norm(self.conv(x.flatten(0, 1)))
            return self.neuron(y.unflatten(0, x.shape[:2]))

    x = torch.rand(steps, 1, cin, s, s)
    liaf, lif = count(Unit(LIAF()), x), count(Unit(LIF()), x)
    assert (liaf.adds, liaf.muls) == (steps * (additions + membrane), steps * (products + membrane))
    assert (lif.adds, lif.muls) == (steps * (additions + membrane), steps * membrane)


def test_layers_sum_to_the_totals() -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Sequential(nn.Flatten(), nn.Linear(27, 4)), nn.Tanh()
    )
    counts = count(net, torch.rand(2, 1, 5, 5), samples=2)
    for name in counts.by_layer.columns[:-2]:
        assert counts.by_layer[name].sum() == getattr(counts, name), name
    assert counts.by_layer.mac_dense.to_dict() == {"0": 243, "1": 0, "2.1": 108, "3": 0}
    assert counts.to_dict()["by_layer"][0]["layer"] == "0"
