"""Networks as users write them, with counts derived by hand; each stands for a whole kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from liafbench.baselines.neurons import LIAF, LIF
from liafbench.bench.counting import count


class Fire(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, v: Tensor) -> Tensor:
        ctx.save_for_backward(v)
        return (v > 0).float()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (v,) = ctx.saved_tensors
        return grad / (1 + v.abs()) ** 2


class Fn(nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(*inputs)


class Loop(nn.Module):
    """A LIF by hand: 6 operations a step and unit, less the decay of the zeros at the first."""

    def __init__(self, fire: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.last, self.fire = nn.Linear(5, 6), nn.Linear(6, 3), fire

    def forward(self, x: Tensor) -> Tensor:
        v, spikes = torch.zeros(x.shape[1], 6), []
        for current in x:
            v = 0.9 * v + self.first(current)
            z = self.fire(v - 1)
            v = v * (1 - z)
            spikes.append(z)
        return self.last(torch.stack(spikes))


@pytest.mark.parametrize("fire", [lambda v: (v > 0).float(), Fire.apply])
def test_a_loop_with_a_surrogate_counts_without_findings(fire: Callable[[Tensor], Tensor]) -> None:
    counts = count(Loop(fire), torch.randn(4, 1, 5))
    assert (counts.mac_dense, counts.elementwise) == (4 * 48, 4 * 36 - 6)
    assert counts.findings == ()


V = torch.randn(6, 8, generator=torch.Generator().manual_seed(2))
SPIKES = (V > 0).float()


def written(v: Tensor) -> Tensor:
    z = torch.zeros_like(v)
    z[v > 0] = 1.0
    return z


def straight_through(v: Tensor) -> Tensor:
    soft = torch.sigmoid(v)
    return ((v > 0).float() - soft).detach() + soft


SPELLINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "mask": written,
    "index-put": lambda v: torch.zeros_like(v).index_put(
        (v > 0).nonzero(as_tuple=True), torch.ones(())
    ),
    "where": lambda v: torch.where(v > 0, 1.0, 0.0),
    "masked-fill": lambda v: torch.zeros_like(v).masked_fill(v > 0, 1.0),
    "type-as": lambda v: (v > 0).type_as(v),
    "view-as": lambda v: (v > 0).float().flatten().view_as(v),
    "factor-of-one": lambda v: (v > 0) * torch.ones(()),
    "complement-twice": lambda v: 1 - (1 - (v > 0).float()),
    "square": lambda v: (v > 0).float() ** 2,
    "rounded-sigmoid": lambda v: torch.sigmoid(v).round(),
    "sign": lambda v: torch.relu(torch.sign(v)),
    "function": Fire.apply,
    "straight-through": straight_through,
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_spike_is_a_spike_however_it_is_written(name: str) -> None:
    counts = count(nn.Sequential(Fn(SPELLINGS[name]), nn.Linear(8, 3)), V)
    assert (counts.ac, counts.mac_effective) == (3 * int(SPIKES.sum()), 0)


LOGIC: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "iand": lambda a, b: (1 - a) * b,
    "or": lambda a, b: (a + b).clamp(max=1),
    "or-minimum": lambda a, b: torch.minimum(a + b, torch.ones_like(a)),
    "xor": lambda a, b: (a - b).abs(),
    "xor-remainder": lambda a, b: (a + b) % 2,
}


@pytest.mark.parametrize("name", LOGIC)
def test_logic_of_spikes_is_spikes(name: str) -> None:
    def join(v: Tensor) -> Tensor:
        return LOGIC[name]((v > 0).float(), (v.flip(0) > 0.5).float())

    counts = count(nn.Sequential(Fn(join), nn.Linear(8, 3)), V)
    assert (counts.ac, counts.mac_effective) == (3 * int(join(V).sum()), 0)


@pytest.mark.parametrize("function", [torch.sign, lambda v: (v > 0) * 0.5, lambda v: (v > 0) + 1.0])
def test_what_is_not_binary_is_not_spikes(function: Callable[[Tensor], Tensor]) -> None:
    counts = count(nn.Sequential(Fn(function), nn.Linear(8, 3)), V)
    assert (counts.ac, counts.mac_effective) == (0, 3 * int(function(V).count_nonzero()))


@pytest.mark.parametrize("samples", [1, 4])
def test_products_of_weights_cost_nothing(samples: int) -> None:
    class LowRank(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w, self.a, self.b = (
                nn.Parameter(torch.randn(n)) for n in ((4, 6), (2, 6), (4, 2))
            )

        def forward(self, x: Tensor) -> Tensor:
            return F.linear(x, self.w + self.b @ self.a)

    counts = count(LowRank(), torch.randn(samples, 6), samples)
    assert (counts.mac_dense, counts.weight_macs, counts.findings) == (24, 48, ())


def test_a_prehook_that_computes_belongs_to_its_module() -> None:
    net = nn.Sequential(nn.Linear(4, 3))
    net[0].register_forward_pre_hook(lambda module, inputs: (inputs[0] * 2,))
    counts = count(net, torch.rand(2, 4))
    assert counts.by_layer.elementwise.to_dict() == {"0": 8}
    assert counts.findings == ()


def test_tied_weights_are_weights() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.out = nn.Embedding(9, 4), nn.Linear(4, 9, bias=False)
            self.out.weight = self.table.weight

        def forward(self, tokens: Tensor) -> Tensor:
            return self.out(self.table(tokens))

    counts = count(Tied(), torch.randint(9, (2, 3)))
    assert (counts.weights, counts.embedding, counts.parameters) == (36, 36, 36)


def test_a_complex_mac_is_four() -> None:
    layer = nn.Linear(6, 4, bias=False, dtype=torch.complex64)
    assert count(layer, torch.randn(1, 6, dtype=torch.complex64)).mac_dense == 96


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_neurons_on_meta(engine: str) -> None:
    net = nn.Sequential(nn.Linear(4, 4), LIAF(engine=engine))
    counts = count(net, torch.empty(3, 2, 4, device="meta"))
    assert (counts.mac_dense, counts.elementwise) == (96, 24 * 5)


R = torch.rand(3, 4)
OPERATORS: dict[str, tuple[Callable[..., Any], tuple[Tensor, ...], int]] = {
    "floor-division": (lambda x: x // 2.0, (R,), 12),
    "scatter-add": (lambda x: torch.zeros(2, 4).index_add(0, torch.tensor([0, 1, 0]), x), (R,), 12),
    "logsumexp": (lambda x: x.logsumexp(1), (R,), 48),  # 9 max, 12 less, 12 exp, 9 sum, 3 log, 3
    "norm-1": (lambda x: x.norm(1), (R,), 12 + 11),
    "norm-3": (lambda x: x.norm(3, dim=1), (R,), 12 + 12 + 9 + 3),
    "var-mean": (lambda x: torch.var_mean(x, 1), (R,), 9 + 3 + 12 + 12 + 9 + 3),
    "cosine": (F.cosine_similarity, (R, R), 3 * 12 + 3 * 9 + 3 * 5),
    "cdist": (torch.cdist, (R, torch.rand(5, 4)), 15 * (4 + 4 + 3 + 1)),
    "fft": (lambda x: torch.fft.rfft(x), (torch.rand(3, 8),), 3 * 5 * 8 * 3 // 2),
    "mse": (F.mse_loss, (R, R), 12 + 12 + 11 + 1),
    "fake-quantise": (lambda x: torch.fake_quantize_per_tensor_affine(x, 0.1, 0, 0, 9), (R,), 84),
    "scaled-addmm": (
        lambda a, b, c: torch.addmm(a, b, c, beta=0.5, alpha=0.5),
        (torch.rand(4, 6), torch.rand(4, 5), torch.rand(5, 6)),
        48,
    ),
    "complex-product": (lambda x: torch.complex(x, x) * torch.complex(x, x), (R,), 12 * 6),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_by_hand(name: str) -> None:
    function, inputs, expected = OPERATORS[name]
    counts = count(Fn(function), inputs)
    assert (counts.elementwise, counts.findings) == (expected, ())


def test_beta_zero_is_one_operation_less_for_each_update() -> None:
    x = torch.rand(4, 2, 3)
    without, with_offset = count(LIF(), x), count(LIF(beta=0.1), x)
    assert with_offset.elementwise - without.elementwise == without.neuron_updates == 24


def named(x: Tensor) -> Tensor:
    v = x - 1
    return Fire.apply(v)


def reused(x: Tensor) -> Tensor:
    v = x - 1
    z = Fire.apply(v)
    v = v * 1  # nobody reads it; what it is called inside of Fire does not matter either
    return z


@pytest.mark.parametrize(
    ("fires", "each"), [(named, 2), (lambda x: Fire.apply(x - 1), 2), (reused, 3)]
)
def test_names_of_variables_change_nothing(fires: Callable[[Tensor], Tensor], each: int) -> None:
    counts = count(Fn(fires), torch.rand(2, 4))
    assert (counts.elementwise, counts.findings) == (8 * each, ())


ONE_HOT: dict[str, Callable[[Tensor], Tensor]] = {
    "scatter_": lambda t: torch.zeros(*t.shape, 20).scatter_(-1, t[..., None], 1.0),
    "scatter": lambda t: torch.zeros(*t.shape, 20).scatter(-1, t[..., None], torch.ones(6, 1, 1)),
    "one_hot": lambda t: F.one_hot(t, 20).float(),
    "identity": lambda t: torch.eye(20)[t],
    "comparison": lambda t: (t[..., None] == torch.arange(20)).float(),
}


@pytest.mark.parametrize("name", ONE_HOT)
def test_one_hot_tokens_are_spikes(name: str) -> None:
    net = nn.Sequential(Fn(ONE_HOT[name]), nn.Linear(20, 3, bias=False))
    counts = count(net, torch.arange(6)[:, None])
    assert (counts.ac, counts.mac_effective) == (6 * 3, 0)


@pytest.mark.parametrize(
    "wrapped",
    [
        nn.utils.parametrizations.spectral_norm,
        nn.utils.spectral_norm,
        nn.utils.parametrizations.weight_norm,
        nn.utils.parametrizations.orthogonal,
    ],
)
@pytest.mark.parametrize("samples", [1, 4])
def test_a_weight_made_of_parameters_is_made_once(
    wrapped: Callable[[nn.Module], nn.Module], samples: int
) -> None:
    counts = count(wrapped(nn.Linear(6, 4, bias=False)), torch.ones(samples, 6), samples)
    assert (counts.mac_dense, counts.elementwise) == (24, 0)


def last_of(tokens: Tensor) -> Tensor:
    return (tokens != 0).sum(0) - 1


CHOSEN: dict[str, Callable[[Tensor], Tensor]] = {
    "pairs": lambda t: t[last_of(t), torch.arange(t.shape[1])],
    "gather": lambda t: t.gather(0, last_of(t)[None])[0],
    "take-along": lambda t: t.take_along_dim(last_of(t)[None], 0)[0],
    "final": lambda t: t[-1],
}


@pytest.mark.parametrize("name", CHOSEN)
def test_moving_tokens_by_an_index_costs_nothing(name: str) -> None:
    net = nn.Sequential(Fn(CHOSEN[name]), nn.Embedding(20, 4), nn.Linear(4, 3))
    counts = count(net, torch.randint(1, 20, (6, 3)), samples=3)
    assert (counts.mac_dense, counts.elementwise, counts.weights) == (12, 0, 12)
