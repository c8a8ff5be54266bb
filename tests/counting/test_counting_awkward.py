"""Modules that other counters get wrong: counted right, or refused with the reason."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import prune

from liafbench.baselines.errors import UsageError
from liafbench.baselines.neurons import LIF
from liafbench.bench.counting import UncountableError, count


class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
        ctx.save_for_backward(x, w)
        return (x @ w).relu()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, w = ctx.saved_tensors
        return grad @ w.T, x.T @ grad


class Hidden(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.from_numpy(np.tanh(x.numpy()) @ np.ones((4, 3), np.float32))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad @ torch.ones(3, 4)


class Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return (x >= 0.5).to(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


apply_early = Product.apply


def test_a_custom_function_is_looked_into() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.rand(4, 3))

        def forward(self, x: Tensor) -> Tensor:
            return apply_early(x, self.w) * 2

    counts = count(Net(), torch.rand(5, 4) + 1)
    assert (counts.mac_dense, counts.elementwise, counts.weights) == (60, 30, 12)
    assert counts.mac_effective == 60


def test_a_custom_function_that_spikes_makes_spikes() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(Spike.apply(x))

    x = torch.rand(6, 4)
    counts = count(Net(), x)
    assert (counts.ac, counts.mac_effective) == (int((x >= 0.5).sum()) * 3, 0)


def test_what_torch_cannot_see_is_refused() -> None:
    class ByFunction(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return Hidden.apply(x).relu()

    class ByNumpy(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.from_numpy(x.numpy() @ np.ones((4, 3), np.float32))

    for net in (ByFunction(), nn.Sequential(ByNumpy(), nn.ReLU()), ByNumpy()):
        with pytest.raises(UncountableError, match="out of torch's sight"):
            count(net, torch.rand(2, 4))


def test_a_detour_through_numpy_is_refused() -> None:
    class Detour(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x + torch.tensor(np.asarray(x) @ np.ones((4, 4), np.float32))

    class Unrelated(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.tensor([v * 2 for v in x.flatten().tolist()]).relu()

    with pytest.raises(UncountableError, match="out of torch's sight"):
        count(Detour(), torch.rand(2, 4))
    with pytest.raises(UncountableError, match="no result depends on the input"):
        count(Unrelated(), torch.rand(2, 4))


def test_constants_may_be_made_in_forward() -> None:
    class Constants(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x @ torch.tensor([[1.0], [0.0], [2.0], [3.0]]) * torch.tensor(2.0)

    counts = count(Constants(), torch.rand(2, 4))
    assert (counts.mac_dense, counts.elementwise) == (8, 2)


def test_results_that_nothing_needs_are_counted() -> None:
    """A tracer drops them, the machine does not."""

    class Aside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.aside = nn.Linear(4, 3), nn.Linear(4, 5)

        def forward(self, x: Tensor) -> Tensor:
            self.aside(x).relu()
            return self.head(x) if x.sum().item() > 0 else x

    counts = count(Aside(), torch.rand(2, 4))
    assert (counts.mac_dense, counts.elementwise, counts.weights) == (24 + 40, 10 + 7, 32)


def test_scripted_code_is_refused() -> None:
    scripted = torch.jit.script(nn.Sequential(nn.Linear(3, 3), nn.ReLU()))
    for net in (scripted, nn.Sequential(nn.Linear(3, 3), scripted)):
        with pytest.raises(UsageError, match="scripted"):
            count(net, torch.rand(2, 3))


@torch.jit.script
def scripted_function(x: Tensor) -> Tensor:
    if bool(x.sum() > 0):
        x = x * 2.0
    return x + 1.0


def test_a_scripted_function_is_counted_by_the_run_alone() -> None:
    class Net(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return scripted_function(x)

    counts = count(nn.Sequential(nn.Identity(), Net()), torch.rand(2, 3))
    assert counts.elementwise == 5 + 1 + 6 + 6  # the sum, its comparison, times 2, plus 1
    assert len(counts.findings) == 1
    assert "'1'" in counts.findings[0]


def test_a_direct_call_of_forward_is_counted_where_it_is_written() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.child = nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.child.forward(x)

    counts = count(Net(), torch.rand(2, 4))
    assert (counts.mac_dense, counts.weights, counts.parameters) == (24, 12, 15)
    assert counts.by_layer.mac_dense.to_dict() == {"": 24, "child": 0}


def test_a_neuron_called_by_forward_still_spikes() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.neuron, self.fc = LIF(v_threshold=0.5), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.neuron.forward(x))

    net, x = Net(), torch.rand(5, 2, 4)
    counts = count(net, x)
    assert counts.ac == int(net.neuron(x).sum()) * 3
    assert (counts.neurons, counts.neuron_updates) == (4, 40)


def test_shared_modules_count_every_call_and_one_weight() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(4, 4)
            self.b = self.a
            self.stack = nn.ModuleList([self.a, self.a])

        def forward(self, x: Tensor) -> Tensor:
            for layer in self.stack:
                x = layer(x)
            return self.b(x)

    counts = count(Net(), torch.rand(2, 4))
    assert (counts.mac_dense, counts.weights, counts.synapses, counts.parameters) == (
        96,
        16,
        16,
        20,
    )


def test_unknown_operators_are_refused_by_name_and_module() -> None:
    class Inverse(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.linalg.inv(x)

    with pytest.raises(UncountableError, match=r"inv.*'1'"):
        count(nn.Sequential(nn.Identity(), Inverse()), torch.eye(3))
    with pytest.raises(UncountableError, match=r"eig.*module itself"):
        count(_Eigenvalues(), torch.eye(3))


class _Eigenvalues(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.eigvals(x).real


class _State(nn.Module):
    """Keeps its potential, as the libraries' neurons do."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("v", torch.zeros(3))
        self.fc = nn.Linear(4, 3, bias=False)
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        for step in x:
            self.v.mul_(0.5).add_(self.fc(step).sum(0))
        return self.v.clone()


def test_state_kept_in_place_is_counted_and_left_alone() -> None:
    net = _State()
    counts = count(net, torch.rand(5, 2, 4))
    assert counts.mac_dense == 5 * 2 * 12
    assert net.calls == 0
    assert torch.equal(net.v, torch.zeros(3))


def test_the_module_is_left_as_it_was() -> None:
    seen: list[int] = []
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Dropout(0.5), nn.ReLU())
    net.train()
    net[2].eval()
    handle = net[0].register_forward_hook(lambda *_: seen.append(1))
    net[0].weight.grad = torch.ones_like(net[0].weight)
    before = copy.deepcopy(net.state_dict())
    hooks = {name: len(m._forward_hooks) for name, m in net.named_modules()}
    x = torch.rand(2, 2, 5, 5)
    state = torch.random.get_rng_state()
    count(net, x)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert [m.training for m in net] == [True, True, False, True]
    assert net.training
    assert {name: len(m._forward_hooks) for name, m in net.named_modules()} == hooks
    assert torch.equal(net[0].weight.grad, torch.ones_like(net[0].weight))
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])
        assert not value.is_inference()
    assert all(p.requires_grad for p in net.parameters())
    handle.remove()


class _Pair(NamedTuple):
    a: Tensor
    b: Tensor


class _Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(
        self, x: Tensor, scale: float = 1.0, other: Tensor | None = None
    ) -> dict[str, Tensor]:
        y = self.fc(x) * scale
        return {"y": y if other is None else y + other, "x": x}


class _OfDict(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, batch: Any) -> list[Tensor]:
        first = batch["x"] if isinstance(batch, dict) else batch[0]
        return [self.fc(first)]


def test_inputs_in_any_nest() -> None:
    x, y = torch.rand(2, 4), torch.rand(2, 3)
    assert count(_Named(), x).mac_dense == 24
    assert count(_Named(), {"x": x, "scale": 2.0, "other": y}).elementwise == 12
    assert count(_Named(), (x, 2.0, y)).elementwise == 12
    assert count(_Named(), {"x": x, "other": None}).mac_dense == 24
    assert count(_OfDict(), {"x": x, "y": y}).mac_dense == 24
    assert count(_OfDict(), ([x, y],)).mac_dense == 24
    assert count(_OfDict(), _Pair(x, y)).mac_dense == 24


def test_bad_calls_are_named() -> None:
    with pytest.raises(UsageError, match=r"nn\.Module"):
        count(lambda x: x, torch.rand(2))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no tensor"):
        count(nn.Identity(), ("text",))
    with pytest.raises(UsageError, match="samples=0"):
        count(nn.Identity(), torch.rand(2), samples=0)
    with pytest.raises(UsageError, match="input_kind"):
        count(nn.Identity(), torch.rand(2), input_kind="spike")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="2 kinds for 1"):
        count(nn.Identity(), torch.rand(2), input_kind=("spikes", "analog"))


def test_compiled_modules_are_counted_uncompiled() -> None:
    plain = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    below = nn.Sequential(torch.compile(nn.Linear(4, 3)), nn.ReLU())
    for net in (torch.compile(plain), below):
        counts = count(net, torch.rand(2, 4))
        assert (counts.mac_dense, counts.weights, counts.neurons) == (24, 12, 3)
    assert hasattr(below[0], "_orig_mod")


def test_lazy_modules_must_have_been_called() -> None:
    lazy = nn.LazyLinear(3)
    with pytest.raises(UsageError, match="call the module once"):
        count(lazy, torch.rand(2, 4))
    lazy(torch.rand(2, 4))
    assert count(lazy, torch.rand(2, 4)).mac_dense == 24


def test_a_declared_kind_must_be_a_kind() -> None:
    net = nn.Linear(4, 3)
    net.output_kind = "spike"
    with pytest.raises(UncountableError, match="output_kind='spike'"):
        count(net, torch.rand(2, 4))


def test_checkpointed_and_bfloat16_modules() -> None:
    from torch.utils.checkpoint import checkpoint

    class Net(nn.Module):
        def __init__(self, reentrant: bool) -> None:
            super().__init__()
            self.fc, self.reentrant = nn.Linear(4, 3), reentrant

        def forward(self, x: Tensor) -> Tensor:
            return checkpoint(self.fc, x, use_reentrant=self.reentrant)

    assert count(Net(False), torch.rand(2, 4)).mac_dense == 24
    assert count(Net(True), torch.rand(2, 4)).mac_dense == 24
    half = nn.Sequential(nn.Linear(4, 3), nn.ReLU()).bfloat16()
    assert count(half, torch.rand(2, 4).bfloat16()).mac_effective == 24


def test_parametrized_and_normalised_weights() -> None:
    plain = nn.Conv2d(2, 3, 3)
    normed = nn.utils.parametrizations.weight_norm(nn.Conv2d(2, 3, 3))
    x = torch.rand(1, 2, 5, 5)
    for name in ("mac_dense", "weights", "synapses", "elementwise"):
        assert getattr(count(normed, x), name) == getattr(count(plain, x), name), name


def test_pruned_by_torch() -> None:
    linear = nn.Linear(6, 4)
    prune.l1_unstructured(linear, "weight", amount=9)
    counts = count(linear, torch.rand(1, 6) + 1)
    assert (counts.synapses, counts.mac_effective, counts.weights, counts.mac_dense) == (
        15,
        15,
        24,
        24,
    )


def test_state_in_the_middle_of_a_graph_can_be_copied() -> None:
    net = _Remembers()
    net(torch.rand(2, 4))
    assert count(net, torch.rand(2, 4)).mac_dense == 32
    assert net.last.grad_fn is not None


class _Remembers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.last = nn.Linear(4, 4), torch.zeros(2, 4)

    def forward(self, x: Tensor) -> Tensor:
        self.last = self.fc(x) + self.last
        return self.last


def test_a_network_that_is_not_the_same_each_time_has_a_finding() -> None:
    class Fickle(nn.Module):
        calls = 0

        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            Fickle.calls += 1
            for _ in range(Fickle.calls):
                x = self.fc(x)
            return x

    counts = count(Fickle(), torch.rand(2, 4))
    assert counts.mac_dense == 32
    assert counts.findings == (
        "module 'fc': fvcore's trace has 64 MACs and 0 elementwise operations, the run 32 and 0",
    )


def test_functional_operators_on_parameters() -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.k, self.w = nn.Parameter(torch.rand(3, 2, 3, 3)), nn.Parameter(torch.rand(48, 5))

        def forward(self, x: Tensor) -> Tensor:
            return F.conv2d(x, self.k, padding=1).flatten(1) @ self.w

    counts = count(Functional(), torch.rand(2, 2, 4, 4), samples=2)
    assert counts.mac_dense == 54 * 16 + 240
    assert counts.weights == counts.parameters == 54 + 240
    assert counts.synapses == 6 * 100 + 240
