"""The operators are known to autograd, the compiler and the tracers, and heed no autocast."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from fvcore.nn import FlopCountAnalysis
from torch import Tensor, library, nn

from liafbench.baselines.neurons import KLIF, LIAF, LIF, operators
from liafbench.baselines.neurons.step import Step

STEPS = {
    "lif": Step(),
    "liaf": Step(output="leaky_relu", threshold_related=True, v_reset=None, surrogate="atan"),
    "klif": Step(klif=True, scale_reset=True, surrogate="sigmoid", width=4.0, v_reset=0.2),
}


def arguments(name: str, recurrent: bool, learnable: bool = True) -> tuple[Any, ...]:
    step = STEPS[name]
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(4, 2, 3, generator=generator).requires_grad_()
    weights = [torch.randn(3, 3, generator=generator).requires_grad_(learnable)]
    parameters = [torch.tensor([0.3, 0.5, 0.9]), torch.tensor(0.1), torch.tensor(0.6)]
    k = torch.tensor(1.2).requires_grad_(learnable) if step.klif else None
    for parameter in parameters:
        parameter.requires_grad_(learnable)
    lead = [x, *(weights if recurrent else [])]
    return (*lead, *parameters, k, step.spec)


@pytest.mark.parametrize("learnable", [False, True])
@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("name", STEPS)
def test_opcheck(name: str, recurrent: bool, learnable: bool) -> None:
    operator = operators.neuron_recurrent if recurrent else operators.neuron
    library.opcheck(operator, arguments(name, recurrent, learnable))


@pytest.mark.parametrize("grad_dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("name", STEPS)
def test_opcheck_of_the_backward_operators(
    name: str, recurrent: bool, grad_dtype: torch.dtype
) -> None:
    """A gradient of a k that is not there may be asked for, and is empty."""
    given = [a.detach() if isinstance(a, Tensor) else a for a in arguments(name, recurrent)]
    tensors = 6 if recurrent else 5
    grad_y = torch.randn(4, 2, 3, dtype=grad_dtype)
    operator = operators.neuron_recurrent_backward if recurrent else operators.neuron_backward
    for needs in ([True] * tensors, [True] + [False] * (tensors - 1)):
        library.opcheck(operator, (grad_y, *given, needs))


@pytest.mark.parametrize("shape", ["channels_last", "repeated"])
def test_opcheck_of_other_strides(shape: str) -> None:
    x = torch.randn(3, 2, 3, 2, 4)
    x = x.movedim(2, -1).contiguous().movedim(-1, 2) if shape == "channels_last" else x
    x = x if shape == "channels_last" else x[:1].expand(3, -1, -1, -1, -1)
    numbers = (torch.tensor(0.5), torch.tensor(0.0), torch.tensor(1.0), None)
    library.opcheck(operators.neuron, (x, *numbers, Step().spec))


def small_net() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 5), LIAF(), nn.Linear(5, 4), KLIF(), LIF(recurrent=4))


def test_a_compiled_network_gives_the_same_gradients_without_a_graph_break() -> None:
    torch.manual_seed(0)
    net = small_net()
    twin = copy.deepcopy(net)
    compiled = torch.compile(twin, backend="aot_eager", fullgraph=True)
    x = torch.randn(4, 2, 3)
    y, expected = compiled(x), net(x)
    assert torch.equal(y, expected)
    y.sum().backward()
    expected.sum().backward()
    for mine, theirs in zip(twin.parameters(), net.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)


def test_the_operators_appear_in_a_trace_under_their_own_names() -> None:
    analysis = FlopCountAnalysis(small_net().eval(), torch.randn(4, 2, 3))
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    analysis.total()
    assert analysis.unsupported_ops() == {"liafbench::neuron": 2, "liafbench::neuron_recurrent": 1}


@pytest.mark.parametrize("engine", ["native", "reference", "spikingjelly", "snntorch"])
def test_under_autocast_the_state_is_float32(engine: str) -> None:
    """0.999 would round to 1 in bfloat16 and fire; 300 steps of 1/256 would not add up."""
    from liafbench.baselines.engines import make_neuron

    neuron = make_neuron(engine, "lif", alpha=1.0, v_threshold=0.999, detach_reset=True)
    x = torch.full((300, 1), 1 / 512)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = neuron(x.bfloat16())
    assert y.dtype == torch.bfloat16
    assert y.sum() == 0
    with torch.autocast("cpu", dtype=torch.bfloat16):
        twice = neuron(2 * x.bfloat16())
    assert twice.flatten().nonzero().flatten().tolist() == [255]


@pytest.mark.parametrize("kernel", ["portable", "cpu"])
def test_under_autocast_recurrent_weights_are_not_rounded(
    kernel: str, force_kernel: Callable[[str | None], None]
) -> None:
    """1 + 2^-9 is 1 in bfloat16; the second step's potential would then miss the threshold."""
    force_kernel(kernel)
    neuron = LIF(alpha=0.0, v_threshold=1 + 2**-9, recurrent=1)
    x = torch.tensor([2.0, 0.0]).reshape(2, 1, 1).bfloat16().requires_grad_()
    with torch.no_grad():
        neuron.w_rec.fill_(1 + 2**-9)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = neuron(x)
        assert y.dtype == torch.bfloat16
        assert y.flatten().tolist() == [1, 1]
        y.sum().backward()
    assert x.grad is not None


def test_a_k_that_the_step_does_not_know_is_refused() -> None:
    numbers = (torch.tensor(0.5), torch.tensor(0.0), torch.tensor(1.0))
    for k, step in ((torch.tensor(2.0), Step()), (None, Step(klif=True))):
        with pytest.raises(RuntimeError, match="klif is"):
            operators.neuron(torch.zeros(2, 3), *numbers, k, step.spec)


def test_a_step_reads_what_it_spells() -> None:
    for step in (*STEPS.values(), Step(gain=1 / 3, v_reset=-0.1), Step(v_reset=None, slope=1e-9)):
        assert Step.read(step.spec) == step
        # Generated code may put it between quotes as it is.
        assert not set("\"'\\") & set(step.spec)
    assert Step().spec != Step(detach_reset=True).spec


def test_a_step_that_is_replaced_is_the_step_that_runs() -> None:
    x, neuron = torch.full((2, 1), 0.8), LIF(alpha=1.0, v_threshold=1.0)
    assert neuron(x).flatten().tolist() == [0, 1]
    neuron.step = replace(neuron.step, gain=2.0)
    assert neuron(x).flatten().tolist() == [1, 1]


@pytest.mark.parametrize("neuron", [LIF(), LIF(recurrent=3)])
def test_a_second_derivative_is_refused_not_wrong(neuron: nn.Module) -> None:
    x = torch.randn(3, 2, 3, requires_grad=True)
    (grad,) = torch.autograd.grad(neuron(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"liafbench|does not require grad"):
        grad.sum().backward()


def test_a_deep_copy_and_a_saved_state_give_the_same_network(tmp_path: Any) -> None:
    net = nn.Sequential(LIF(learnable=("alpha", "v_threshold")), KLIF(k=1.5), LIAF(recurrent=3))
    x = torch.randn(4, 2, 3)
    y = net(x)
    assert torch.equal(copy.deepcopy(net)(x), y)
    torch.save(net.state_dict(), tmp_path / "state.pt")
    other = nn.Sequential(LIF(learnable=("alpha", "v_threshold")), KLIF(), LIAF(recurrent=3))
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert torch.equal(other(x), y)
