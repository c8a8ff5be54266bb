"""A backbone of one's own: stages in any order, LIAF and ReLU layers side by side."""

from __future__ import annotations

import pytest
import torch

from liafbench.baselines import BASELINES, Backbone, build
from liafbench.baselines.errors import UsageError
from liafbench.baselines.neurons import LIAF, Neuron
from liafbench.baselines.stages import Conv, Dense, Dropout, NeuronOnly, Pool, Vote

MIXED = Backbone(
    name="mixed",
    task="two gestures",
    channels=2,
    height=12,
    width=12,
    time_steps=5,
    classes=2,
    stages=(
        NeuronOnly(),  # neurons directly on the events
        Conv(4, kernel=5, stride=2, norm=True, bias=False),  # convolution, then neurons
        Pool("max"),
        Conv(6, unit="relu"),  # an ordinary layer in between, at each step
        Dropout(0.2),
        Dense(8),
        Dense(20, unit="relu"),
        Dense(6),
        Vote(3),
    ),
)
WITHOUT_DIRECT = Backbone("plain", "two gestures", 2, 12, 12, 5, 2, MIXED.stages[1:])


def test_liaf_and_ordinary_layers_in_one_network():
    net = build("liaf-net", "two gestures", MIXED)
    assert list(dict(net.named_children())) == [
        "neurononly1_neuron",
        "conv1",
        "conv1_neuron",
        "pool1",
        "conv2",
        "conv2_relu",
        "dropout1",
        "flatten",
        "dense1",
        "dense1_neuron",
        "dense2",
        "dense2_relu",
        "classifier",
        "classifier_neuron",
        "vote1",
        "mean_over_time",
    ]
    kinds = [type(m) for m in net.modules() if isinstance(m, Neuron | torch.nn.ReLU)]
    assert kinds == [LIAF, LIAF, torch.nn.ReLU, LIAF, torch.nn.ReLU, LIAF]


@pytest.mark.parametrize(("name", "time"), [("liaf-net", 0), ("conv-lstm", 0), ("conv3d", 2)])
def test_dropout_before_the_mean_over_time_holds_its_mask(name, time):
    net = build(name, "two gestures", MIXED if name == "liaf-net" else WITHOUT_DIRECT)
    shape = [3, 6, 4, 4]  # samples, channels, rows, columns
    shape.insert(time, 5)
    out = net.dropout1(torch.ones(shape)).movedim(time, 0)
    assert out.unique().numel() == 2
    assert all(torch.equal(step, out[0]) for step in out)


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("backbone", [MIXED, WITHOUT_DIRECT], ids=["mixed", "plain"])
def test_every_baseline_fills_it_or_says_why_not(name, backbone):
    reason = BASELINES[name].serves("two gestures", backbone)
    if reason is not None:
        assert name in ("bag-of-words",) or name.endswith("-recurrent") or backbone is MIXED
        with pytest.raises(UsageError, match="cannot serve two gestures on backbone"):
            build(name, "two gestures", backbone)
        return
    torch.manual_seed(0)
    net = build(name, "two gestures", backbone)
    logits = net(backbone.example(3))
    assert logits.shape == (3, 2)
    logits.sum().backward()


def test_its_budget_is_found_too():
    net = build("conv3d", "two gestures", WITHOUT_DIRECT, budget="liaf-net")
    assert net.width < 1


def test_the_last_step_can_be_the_readout():
    last = Backbone("last", "t", 1, 4, 4, 3, 2, (Conv(2), Dense(2, unit="none")), readout="last")
    net = build("liaf-net", "t", last)
    x = last.example(2)
    assert net(x).shape == (2, 2)
    spikes = Backbone("last", "t", 1, 4, 4, 3, 2, (Conv(2), Dense(2)), readout="last")
    assert set(build("lif-snn", "t", spikes)(x).unique().tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ((Conv(3),), "no dense stage that could classify"),
        ((Dense(5),), r"ends in \(5,\) outputs; t has 2 classes"),
        ((Dense(4), Conv(3), Dense(2)), r"stage conv1 needs frames .* gets \(4,\)"),
        ((Pool("max", 8), Dense(2)), "stage pool1 pools frames of 4x4 to nothing"),
        ((Dense(4), Vote(3)), "stage vote1 cannot vote by 3"),
    ],
)
@pytest.mark.parametrize("name", ["liaf-net", "conv3d", "lstm"])
def test_stages_that_do_not_fit_are_named(name, stages, message):
    with pytest.raises(UsageError, match=message):
        build(name, "t", Backbone("own", "t", 1, 4, 4, 3, 2, stages))
