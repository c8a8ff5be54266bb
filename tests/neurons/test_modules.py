"""LIF, LIAF and KLIF as a user meets them: check values, bad input, no memory between calls."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from liafbench.baselines.engines import ENGINES, KINDS, make_neuron
from liafbench.baselines.errors import UsageError
from liafbench.baselines.neurons import KLIF, LIAF, LIF, operators
from liafbench.baselines.neurons.step import Step

OWN = ("native", "reference")
EXPRESSED = [(e, k) for e in ENGINES for k in KINDS if (e, k) != ("snntorch", "klif")]


# The check values published with three independent implementations of KLIF:
# k 2, tau 2, V_th 1, currents .8, 1.2, .2, -4, 1; carried state V, and where it spikes.
CHECKS = [
    (False, 0.0, [0.8, 0.0, 0.2, 0.0, 0.0], [0, 1, 0, 0, 1]),
    (True, 0.0, [0.4, 0.0, 0.1, 0.0, 0.0], [0, 1, 0, 0, 1]),
    (False, None, [0.8, 1.0, 0.2, 0.0, 0.0], [0, 1, 1, 0, 1]),
    (True, None, [0.4, 0.3, 0.25, 0.0, 0.0], [0, 1, 0, 0, 1]),
]


@pytest.mark.parametrize("engine", ["native", "reference", "spikingjelly"])
@pytest.mark.parametrize(("scale_reset", "v_reset", "state", "spikes"), CHECKS)
def test_klif_check_values(
    engine: str, scale_reset: bool, v_reset: float | None, state: list[float], spikes: list[int]
) -> None:
    x = torch.tensor([0.8, 1.2, 0.2, -4.0, 1.0]).reshape(5, 1)
    settings: dict[str, Any] = {"k": 2.0, "tau": 2.0, "scale_reset": scale_reset}
    neuron = make_neuron(engine, "klif", v_reset=v_reset, **settings)
    assert neuron(x).flatten().tolist() == spikes


@pytest.mark.parametrize(("scale_reset", "v_reset", "state", "spikes"), CHECKS)
def test_klif_carries_the_check_values(
    scale_reset: bool, v_reset: float | None, state: list[float], spikes: list[int]
) -> None:
    """With k 2 and tau 2, G one step after a current of 0 is k*(1 - 1/tau)*V = V."""
    x = torch.tensor([0.8, 1.2, 0.2, -4.0, 1.0]).reshape(5, 1)
    step = Step(0.5, v_reset, "rect", 0.5, "identity", klif=True, scale_reset=scale_reset)
    numbers = [torch.tensor(v) for v in (0.5, 0.0, 1.0, 2.0)]
    for t, expected in enumerate(state):
        probe = torch.cat([x[: t + 1], torch.zeros(1, 1)])
        g = operators.neuron(probe, *numbers, step.spec)
        assert g[-1].item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("engine", OWN)
def test_lif_by_hand(engine: str) -> None:
    """alpha .5, V_th 1: U = .6, .9, 1.05* -> 0, .6, ...; soft reset keeps .05."""
    x = torch.full((5, 1), 0.6)
    assert LIF(engine=engine)(x).flatten().tolist() == [0, 0, 1, 0, 0]
    show = {"activation": "identity", "engine": engine}
    assert LIAF(**show)(x).flatten().tolist() == pytest.approx([0.6, 0.9, 1.05, 0.6, 0.9])
    soft = LIAF(v_reset=None, **show)(x).flatten().tolist()
    assert soft == pytest.approx([0.6, 0.9, 1.05, 0.625, 0.9125])
    related = LIAF(threshold_related=True, **show)(x).flatten().tolist()
    assert related == pytest.approx([-0.4, -0.1, 0.05, -0.4, -0.1], abs=1e-6)
    # v_reset is also the state before the first step; beta comes on top.
    rest = LIAF(v_reset=0.2, beta=0.01, **show)(x).flatten().tolist()
    assert rest == pytest.approx([0.71, 0.965, 1.0925, 0.71, 0.965])


@pytest.mark.parametrize("engine", OWN)
def test_alpha_one_integrates_and_a_spike_is_at_the_threshold_itself(engine: str) -> None:
    x = torch.full((4, 1), 0.5)
    assert LIF(alpha=1.0, engine=engine)(x).flatten().tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("engine", OWN)
@pytest.mark.parametrize("make", [LIF, LIAF, KLIF])
def test_one_time_constant_says_what_alpha_beta_and_gain_say(make: Any, engine: str) -> None:
    x = torch.randn(6, 3, 2, generator=torch.Generator().manual_seed(0))
    for v_reset, decays in itertools.product((0.0, 0.3, None), (False, True)):
        short = make(tau=4.0, decay_input=decays, v_reset=v_reset, engine=engine)
        beta, gain = (v_reset or 0.0) / 4, 0.25 if decays else 1.0
        long = make(alpha=0.75, beta=beta, gain=gain, v_reset=v_reset, engine=engine)
        assert torch.equal(short(x), long(x))


def test_a_one_dimensional_value_is_one_per_channel_also_where_the_width_matches() -> None:
    x = torch.rand(4, 2, 3, 3, 3)
    alpha = torch.tensor([0.1, 0.5, 0.9])
    narrow = LIAF(alpha=alpha)(x)
    assert torch.equal(narrow, LIAF(alpha=alpha.reshape(3, 1, 1))(x))
    for channel in range(3):
        alone = LIAF(alpha=alpha[channel].item())(x[:, :, channel])
        torch.testing.assert_close(narrow[:, :, channel], alone)


def test_a_learnable_alpha_starts_where_it_is_put_and_stays_within_bounds() -> None:
    neuron = LIF(alpha=torch.tensor([0.1, 0.9]), learnable=("alpha",))
    torch.testing.assert_close(neuron.alpha, torch.tensor([0.1, 0.9]))
    optimizer = torch.optim.SGD(neuron.parameters(), lr=1e6)
    for sign in (1, -1):
        (sign * neuron.alpha.sum()).backward()
        optimizer.step()
        assert ((neuron.alpha >= 0) & (neuron.alpha <= 1)).all()


def test_the_names_say_what_is_learned_and_what_is_shown() -> None:
    names = dict(LIF(learnable=("alpha", "beta", "v_threshold"), recurrent=2).named_parameters())
    assert set(names) == {"alpha_logit", "beta", "v_threshold", "w_rec"}
    assert [n for n, _ in KLIF().named_parameters()] == ["k"]
    assert not list(LIF().state_dict())
    for engine, kind in EXPRESSED:
        shown = make_neuron(engine, kind, detach_reset=True).output_kind
        assert shown == ("analog" if kind == "liaf" else "spikes")


@pytest.mark.parametrize("recurrent", [None, 3])
@pytest.mark.parametrize(("engine", "kind"), EXPRESSED)
def test_nothing_is_left_behind_by_a_call(engine: str, kind: str, recurrent: int | None) -> None:
    neuron = make_neuron(engine, kind, detach_reset=True, recurrent=recurrent)
    x = 2 * torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(0))
    first = neuron(x).clone()
    neuron(100 * torch.ones(3, 7, 3))
    neuron(-100 * torch.ones(2, 2, 3)).sum()
    assert torch.equal(neuron(x), first)
    # A sample does not depend on its batch mates.
    torch.testing.assert_close(neuron(x[:, 1:]), first[:, 1:])
    for _ in range(2):  # a graph that was kept would be run through twice
        neuron(x.clone().requires_grad_()).sum().backward()


def bad(name: str, match: str, make: Any, *args: Any, **settings: Any) -> Any:
    return pytest.param(make, args, settings, match, id=name)


@pytest.mark.parametrize(
    ("make", "args", "settings", "match"),
    [
        bad("surrogate", "unknown surrogate 'rekt'; did you mean 'rect'", LIF, surrogate="rekt"),
        bad("activation", "unknown activation 'rely'", LIAF, activation="rely"),
        bad("engine", "unknown engine 'nativ'", LIF, engine="nativ"),
        bad("learnable", "unknown learnable parameter 'alfa'", LIF, learnable=("alfa",)),
        bad("k of a LIF", "unknown learnable parameter 'k'", LIF, learnable=("k",)),
        bad("alpha above 1", r"alpha must be within \[0, 1\], not 1.1", LIF, alpha=1.1),
        bad("alpha below 0", r"alpha must be within \[0, 1\]", LIF, alpha=torch.tensor([0.5, -1])),
        bad("alpha NaN", "alpha must be finite", LIF, alpha=math.nan),
        bad("alpha complex", "alpha must be real", LIF, alpha=torch.tensor(1j)),
        bad("alpha text", "alpha='x' is neither", LIF, alpha="x"),
        bad("learnable alpha 1", "starts inside", LIF, alpha=1.0, learnable=("alpha",)),
        bad("learnable alpha 0", "starts inside", LIF, alpha=0.0, learnable=("alpha",)),
        bad("beta with soft reset", "soft reset", LIF, beta=0.1, v_reset=None),
        bad("learnable beta, soft", "soft reset", KLIF, v_reset=None, learnable=("beta",)),
        bad("threshold", "v_threshold must be at least 0, not -1", LIF, v_threshold=-1.0),
        bad("v_reset", "v_reset=nan", LIF, v_reset=math.nan),
        bad("gain", "gain=inf", LIF, gain=math.inf),
        bad("tau below 1", "tau=0.5 must be at least 1", KLIF, tau=0.5),
        bad("tau and alpha", "tau sets alpha too", LIF, tau=2.0, alpha=0.5),
        bad("width", "width=-1", LIF, width=-1.0),
        bad("k", "k=0.0 must be", KLIF, k=0.0, scale_reset=True),
        bad("k NaN", "k must be finite", KLIF, k=math.nan),
        bad("recurrent", "recurrent=0", LIF, recurrent=0),
        bad("engine name", "unknown engine", make_neuron, "nativ", "lif"),
        bad("kind", "unknown neuron 'liff'; did you mean 'lif'", make_neuron, "native", "liff"),
    ],
)
def test_a_bad_setting_is_one_clear_line(
    make: Any, args: tuple[Any, ...], settings: dict[str, Any], match: str
) -> None:
    with pytest.raises(UsageError, match=match) as raised:
        make(*args, **settings)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("x", "match"),
    [
        (torch.zeros(3), r"must be \[T, B, \.\.\.\] with T >= 1, not of shape \[3\]"),
        (torch.tensor(1.0), "not of shape"),
        (torch.zeros(3, 2, dtype=torch.int64), "floating point, not torch.int64"),
        (torch.zeros(3, 2, dtype=torch.bool), "floating point"),
        (torch.zeros(3, 2, dtype=torch.complex64), "floating point, not torch.complex64"),
        (torch.zeros(0, 2), "with T >= 1"),
        ([1.0, 2.0], "must be a tensor"),
    ],
    ids=["rank 1", "rank 0", "integer", "bool", "complex", "no steps", "list"],
)
def test_bad_currents_are_one_clear_line(engine: str, x: Any, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        make_neuron(engine, "lif", detach_reset=True)(x)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match=r"alpha of shape \[3\] does not fit"):
        LIF(alpha=torch.full((3,), 0.5))(torch.zeros(4, 2, 5, 3, 3))
    with pytest.raises(UsageError, match="v_threshold of shape"):
        LIF(v_threshold=torch.ones(4, 2, 5))(torch.zeros(4, 2, 5))
    with pytest.raises(UsageError, match=r"must be \[T, B, 3\]"):
        LIF(recurrent=3)(torch.zeros(4, 2, 5))


@pytest.mark.parametrize("recurrent", [None, 2])
@pytest.mark.parametrize("engine", OWN)
@pytest.mark.parametrize("make", [LIF, LIAF, KLIF])
def test_nan_and_infinity_pass_through(make: Any, engine: str, recurrent: int | None) -> None:
    x = torch.ones(4, 3, 2)
    x[1, 0, 0], x[1, 1, 0] = math.nan, math.inf
    x.requires_grad_()
    y = make(engine=engine, recurrent=recurrent)(x)
    y.sum().backward()
    assert torch.isfinite(y[:, 2]).all()
    if make is LIAF:
        assert y[1, 0, 0].isnan()
    assert x.grad is not None
    assert torch.isfinite(x.grad[:, 2]).all()


def test_empty_batches_pass() -> None:
    for neuron in (LIF(), KLIF(), LIAF(recurrent=3)):
        x = torch.zeros(4, 0, 3, requires_grad=True)
        y: Tensor = neuron(x)
        y.sum().backward()
        assert y.shape == (4, 0, 3)


@pytest.mark.parametrize("recurrent", [None, 3])
@pytest.mark.parametrize("make", [LIF, LIAF, KLIF])
def test_the_gradient_of_a_plain_sum_whose_entries_share_memory(
    make: Any, recurrent: int | None
) -> None:
    x = torch.randn(70, 200, 3, generator=torch.Generator().manual_seed(2))
    torch.manual_seed(0)
    native = make(recurrent=recurrent, surrogate="atan")
    definition = make(recurrent=recurrent, surrogate="atan", engine="reference")
    definition.load_state_dict(native.state_dict())
    grads = []
    for neuron in (native, definition):
        leaf = x.clone().requires_grad_()
        neuron(leaf).sum().backward()
        grads.append(leaf.grad)
    torch.testing.assert_close(*grads, rtol=1e-4, atol=1e-4 * grads[1].abs().max().item())


@pytest.mark.parametrize("kind", [LIF, LIAF, KLIF])
@pytest.mark.parametrize("v_reset", [0.0, None])
def test_values_are_not_lost_on_the_meta_device(kind: type, v_reset: float | None) -> None:
    with torch.device("meta"):
        with pytest.raises(UsageError, match="would lose its value on the meta device"):
            kind(v_reset=v_reset)
        with torch.device("cpu"):
            assert kind(alpha=0.25, v_reset=v_reset).alpha.item() == 0.25
