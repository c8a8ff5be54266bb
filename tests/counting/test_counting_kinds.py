"""What is a spike, what is graded, what is analog: carried from what produces it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liafbench.baselines.engines import make_neuron
from liafbench.baselines.neurons import KLIF, LIAF, LIF
from liafbench.bench.counting import UncountableError, count

ENGINES = ("native", "reference", "spikingjelly", "snntorch")


class Between(nn.Module):
    """Spikes by comparison, something in between, a linear layer that is fed by it."""

    def __init__(self, between: Callable[[Tensor], Tensor], features: int) -> None:
        super().__init__()
        self.between, self.linear = between, nn.Linear(features, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.between((x > 0.5).float()))


X = torch.rand(2, 4, 6, 6, generator=torch.Generator().manual_seed(1))
SPIKES = (X > 0.5).float()


def flat(x: Tensor) -> Tensor:
    return x.flatten(1)


KEPT: dict[str, tuple[Callable[[Tensor], Tensor], int]] = {
    "flatten": (flat, 144),
    "max-pool": (lambda s: flat(F.max_pool2d(s, 2)), 36),
    "adaptive-max-pool": (lambda s: flat(F.adaptive_max_pool2d(s, 3)), 36),
    "permute": (lambda s: s.permute(2, 3, 0, 1).contiguous().flatten(1), 48),
    "concatenate": (lambda s: flat(torch.cat((s, s), 1)), 288),
    "stack-unbind": (lambda s: flat(torch.stack(s.unbind(1), 1)), 144),
    "dropout": (lambda s: flat(F.dropout(s, 0.5, False)), 144),
    "slice": (lambda s: flat(s[:, 1:3]), 72),
    "pad": (lambda s: flat(F.pad(s, (1, 2))), 216),
    "pad-with-zeros-made-afresh": (lambda s: flat(torch.cat((s, s.new_zeros(2, 1, 6, 6)), 1)), 180),
    "bool-to-float": (lambda s: flat(s.bool().float()), 144),
    "and": (lambda s: flat(s * s.flip(0)), 144),
    "upsample": (lambda s: flat(F.interpolate(s, scale_factor=2)), 576),
    "where": (lambda s: flat(torch.where(s > 0, s, torch.zeros_like(s))), 144),
    "relu": (lambda s: flat(F.relu(s)), 144),
    "buffer-filled-in-place": (lambda s: flat(torch.zeros_like(s).copy_(s)), 144),
}


@pytest.mark.parametrize("name", KEPT)
def test_spikes_stay_spikes(name: str) -> None:
    between, features = KEPT[name]
    counts = count(Between(between, features), X)
    active = int(between(SPIKES).count_nonzero()) * 5
    assert (counts.ac, counts.ac_folded, counts.mac_effective) == (active, active, 0)


def ap(s: Tensor) -> Tensor:
    return flat(F.avg_pool2d(s, 2))


# name: (between, features, spikes that reach the layer, each through how many terms)
GRADED: dict[str, tuple[Callable[[Tensor], Tensor], int, Callable[[Tensor], Tensor]]] = {
    "average-pool": (ap, 36, lambda s: s.sum()),
    "average-pool-with-a-rest": (
        lambda s: flat(F.avg_pool2d(s, 4)),
        4,
        lambda s: s[..., :4, :4].sum(),
    ),
    "average-pool-overlapping": (
        lambda s: flat(F.avg_pool2d(s, 3, 1)),
        64,
        lambda s: F.unfold(s, 3).sum(),
    ),
    "average-pool-padded": (
        lambda s: flat(F.avg_pool2d(s, 3, 3, 1)),
        16,
        lambda s: F.unfold(s, 3, padding=1, stride=3).sum(),
    ),
    "average-pool-twice": (
        lambda s: flat(F.avg_pool2d(F.avg_pool2d(s, 2), 3)),
        4,
        lambda s: s.sum(),
    ),
    "adaptive": (
        lambda s: flat(F.adaptive_avg_pool2d(s, 4)),
        64,
        lambda s: (
            0 * s.sum()
            + sum(
                s[..., a:b, c:d].sum()
                for a, b in ((0, 2), (1, 3), (3, 5), (4, 6))
                for c, d in ((0, 2), (1, 3), (3, 5), (4, 6))
            )
        ),
    ),
    "mean": (lambda s: s.mean(1).flatten(1), 36, lambda s: s.sum()),
    "sum": (lambda s: s.sum((2, 3)), 4, lambda s: s.sum()),
    "residual": (lambda s: flat(s + s.flip(0)), 144, lambda s: 2 * s.sum()),
    "scaled": (lambda s: flat(s * 0.5), 144, lambda s: s.sum()),
    "divided": (lambda s: flat(s / 3), 144, lambda s: s.sum()),
    "pool-then-concatenate": (lambda s: torch.cat((ap(s), flat(s)), 1), 180, lambda s: 2 * s.sum()),
    "pool-then-pool-dropout-reshape": (
        lambda s: F.dropout(ap(s), 0.3, False).view(2, 36),
        36,
        lambda s: s.sum(),
    ),
}


@pytest.mark.parametrize("name", GRADED)
def test_sums_of_spikes_are_graded_and_fold_back_to_spikes(name: str) -> None:
    between, features, reach = GRADED[name]
    counts = count(Between(between, features), X)
    assert counts.ac == 0
    assert counts.mac_effective == int(between(SPIKES).count_nonzero()) * 5
    assert counts.ac_folded == round(float(reach(SPIKES))) * 5


ANALOG: dict[str, Callable[[Tensor], Tensor]] = {
    "offset": lambda s: s + 0.5,
    "exponential": torch.exp,
    "sigmoid": torch.sigmoid,
    "times-analog": lambda s: s * torch.sigmoid(s),
    "batch-norm": lambda s: F.batch_norm(s, torch.zeros(4), torch.ones(4)),
    "mixed": lambda s: s + torch.tanh(s),
    "max-of-graded": lambda s: F.max_pool2d(s + s.flip(0), 1),
}


@pytest.mark.parametrize("name", ANALOG)
def test_anything_else_is_analog(name: str) -> None:
    between = ANALOG[name]
    counts = count(Between(lambda s: flat(between(s)), 144), X)
    assert (counts.ac, counts.ac_folded) == (0, 0)
    assert counts.mac_effective == int(between(SPIKES).count_nonzero()) * 5


def test_the_kind_is_declared_and_not_read_off_the_values() -> None:
    linear = nn.Linear(6, 5)
    ones, zeros = torch.ones(3, 6), torch.zeros(3, 6)
    for x, active in ((ones, 90), (zeros, 0)):
        analog, spikes = count(linear, x), count(linear, x, input_kind="spikes")
        graded = count(linear, x, input_kind="graded")
        assert (analog.ac, analog.mac_effective) == (0, active)
        assert (graded.ac, graded.mac_effective) == (0, active)
        assert (spikes.ac, spikes.mac_effective) == (active, 0)


def test_declared_spikes_that_are_none_are_refused() -> None:
    with pytest.raises(UncountableError, match=r"declared as spikes.*0 and 1"):
        count(nn.Linear(2, 2), torch.tensor([[0.5, 1.0]]), input_kind="spikes")


@pytest.mark.parametrize(
    ("engine", "kind"),
    [(e, k) for e in ENGINES for k in ("lif", "liaf", "klif") if (e, k) != ("snntorch", "klif")],
)
def test_neurons_of_every_engine_count_alike(engine: str, kind: str) -> None:
    settings = {"detach_reset": True, "surrogate": "sigmoid"}
    if kind == "klif":
        settings["tau"] = 2.0
    else:
        settings |= {"alpha": 0.5, "v_threshold": 0.6}

    def net(engine: str) -> nn.Sequential:
        torch.manual_seed(3)
        return nn.Sequential(
            nn.Linear(6, 7), make_neuron(engine, kind, **settings), nn.Linear(7, 5),
            make_neuron(engine, kind, **settings), nn.Linear(5, 3, bias=False),
        )  # fmt: skip

    x = torch.rand(4, 3, 6) * 4
    ours, theirs = count(net("native"), x, samples=3), count(net(engine), x, samples=3)
    for name in (
        "mac_dense", "mac_effective", "ac", "ac_folded", "elementwise", "flops", "weights",
        "synapses", "neurons", "neuron_updates", "adds", "muls", "spike_rate",
    ):  # fmt: skip
        assert getattr(theirs, name) == getattr(ours, name), name
    assert ours.neurons == 12
    assert ours.neuron_updates == 4 * 12
    assert (ours.ac > 0) == (kind != "liaf")


def test_recurrent_spikes_leave_from_the_second_step() -> None:
    torch.manual_seed(0)
    neuron = LIF(recurrent=5, v_threshold=0.5)
    with torch.no_grad():
        neuron.w_rec[torch.rand(5, 5) < 0.4] = 0
    x = torch.rand(6, 2, 5)
    y = neuron(x)
    fan_out = (neuron.w_rec != 0).sum(0)
    sent = int((y[:-1] * fan_out).sum())
    for engine in ENGINES[:3]:
        other = make_neuron(engine, "lif", recurrent=5, v_threshold=0.5, alpha=0.5)
        other.w_rec = neuron.w_rec
        own = LIF(recurrent=5, v_threshold=0.5, alpha=0.5)
        own.w_rec = neuron.w_rec
        sent = int((own(x)[:-1] * fan_out).sum())
        counts = count(other, x)
        assert (counts.mac_dense, counts.ac, counts.mac_effective) == (6 * 2 * 25, sent, 0)
        assert (counts.weights, counts.synapses) == (25, int(fan_out.sum()))
    liaf = LIAF(recurrent=5, v_threshold=0.5)
    liaf.w_rec = neuron.w_rec
    counts = count(liaf, x)
    assert counts.ac == 0
    assert counts.mac_effective == int(((liaf(x)[:-1] != 0) * fan_out).sum())


def test_a_recurrence_written_by_hand_counts_like_the_fused_one() -> None:
    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w_in, self.w_rec = nn.Linear(4, 5), nn.Linear(5, 5, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            u = torch.zeros(x.shape[1], 5)
            y = (self.w_in(x[0]) + u > 0).float()
            outs = [y]
            for step in x[1:]:
                y = (self.w_in(step) + self.w_rec(y) > 0).float()
                outs.append(y)
            return torch.stack(outs)

    net, x = Loop(), torch.randn(6, 3, 4)
    counts = count(net, x)
    assert counts.ac == int(net(x)[:-1].sum()) * 5
    assert counts.mac_effective == 6 * 3 * 4 * 5


def test_states_of_lstm_and_gru_count_dense_and_their_inputs_do_not() -> None:
    x = (torch.rand(5, 2, 7) < 0.3).float()
    active = int(x.sum())
    for layer, gates in ((nn.LSTM(7, 4, 2), 4), (nn.GRU(7, 4, 2), 3), (nn.RNN(7, 4, 2), 1)):
        states = 5 * 2 * gates * 4 * (4 + 4 + 4)
        analog = count(layer, x)
        spikes = count(layer, x, input_kind="spikes")
        assert (analog.mac_effective, analog.ac) == (states + active * gates * 4, 0)
        assert (spikes.mac_effective, spikes.ac) == (states, active * gates * 4)


def test_a_state_made_afresh_counts_dense() -> None:
    class Cell(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1 + 2, 8, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            h = c = x.new_zeros(x.shape[1], 2, 4, 4)
            for step in x:
                i, f, o, g = self.conv(torch.cat((step, h), 1)).chunk(4, 1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
            return h

    counts = count(Cell(), torch.zeros(3, 1, 1, 4, 4))
    # Only the states: 3 steps x 2 channels x 8 outputs x (4 + 3 + 3) ** 2 in-bounds taps.
    assert counts.mac_effective == 3 * 2 * 8 * 100


def test_attention_of_spikes_accumulates() -> None:
    class Attend(nn.Module):
        def forward(self, q: Tensor, k: Tensor) -> Tensor:
            return q @ k.transpose(-1, -2)

    q, k = (torch.rand(2, 3, 4) < 0.5).float(), (torch.rand(2, 5, 4) < 0.5).float()
    both = int(torch.einsum("bid,bjd->", q, k))
    assert count(Attend(), (q, k), input_kind="spikes").ac == both
    assert count(Attend(), (q, k), input_kind=("spikes", "analog")).ac == both
    assert count(Attend(), (q, k)).mac_effective == both


def test_einsums_of_three_go_from_left_to_right() -> None:
    class Chain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Parameter(torch.rand(4, 5)), nn.Parameter(torch.rand(5, 3))

        def forward(self, x: Tensor) -> Tensor:
            return torch.einsum("bi,ij,jk->bk", x, self.a, self.b)

    x = (torch.rand(6, 4) < 0.5).float()
    counts = count(Chain(), x)
    assert counts.mac_dense == 6 * 4 * 5 + 6 * 5 * 3
    assert counts.mac_effective == int(x.sum()) * 5 + 6 * 5 * 3
    assert counts.weights == counts.synapses == 35


def test_masked_attention_multiplies_what_the_mask_lets_through() -> None:
    class Attend(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.scaled_dot_product_attention(x, x, x, is_causal=True)

    counts = count(Attend(), torch.rand(1, 1, 5, 4) + 1)
    assert (counts.mac_dense, counts.mac_effective) == (200, 100 + 15 * 4)


def test_liaf_has_ac_only_where_its_input_is_binary() -> None:
    def net(neuron: Callable[[], nn.Module]) -> nn.Sequential:
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(6, 8), neuron(), nn.Linear(8, 8), neuron())

    x = (torch.rand(5, 2, 6) < 0.5).float()
    lif, liaf, klif = (count(net(n), x, input_kind="spikes") for n in (LIF, LIAF, KLIF))
    for name in ("weights", "synapses", "mac_dense", "neurons", "neuron_updates"):
        assert getattr(lif, name) == getattr(liaf, name) == getattr(klif, name), name
    first = int(x.sum()) * 8
    assert liaf.ac == first
    assert liaf.by_layer.ac.to_dict() == {"0": first, "1": 0, "2": 0, "3": 0}
    assert lif.mac_effective == 0
    assert liaf.mac_effective > 0
    assert klif.parameters == lif.parameters + 2


def test_spike_rates_stand_beside_the_layers() -> None:
    net = nn.Sequential(LIF(v_threshold=0.5), nn.Flatten(2), nn.Linear(6, 4), LIAF())
    x = torch.rand(5, 2, 6)
    counts = count(net, x)
    rate = float(net[0](x).mean())
    assert counts.by_layer.spike_rate["0"] == pytest.approx(rate)
    assert counts.spike_rate == pytest.approx(rate)
    assert counts.by_layer.spike_rate.isna()["3"]
    assert counts.by_layer.activity["3"] == pytest.approx(float((net(x) != 0).float().mean()))


def test_modules_may_declare_what_they_put_out() -> None:
    class Encoder(nn.Module):
        output_kind = "spikes"

        def forward(self, x: Tensor) -> Tensor:
            return x.round().clamp(0, 1)

    x = torch.rand(3, 6)
    counts = count(nn.Sequential(Encoder(), nn.Linear(6, 2)), x)
    assert counts.ac == int(x.round().sum()) * 2
