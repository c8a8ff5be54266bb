"""Every baseline on every task and backbone at full size, and hand-derived parameter counts."""

from __future__ import annotations

import pytest
import torch

from liafbench.baselines import BASELINES, backbones, build
from liafbench.baselines.budget import TOLERANCE, parameter_count, parameters, width_for
from liafbench.baselines.errors import UsageError

EVERY = [(task, backbone) for task in backbones.tasks() for backbone in backbones.names(task)]


@pytest.mark.parametrize(("task", "backbone"), EVERY)
def test_builds_or_says_why_not(task, backbone):
    for name, baseline in BASELINES.items():
        reason = baseline.serves(task, backbone)
        if reason is None:
            with torch.device("meta"):
                net = build(name, task, backbone)
            assert all(p.is_meta for p in net.parameters())
            assert parameter_count(net) == parameters(baseline, backbones.get(task, backbone))
        else:
            with pytest.raises(UsageError, match=f"{name} cannot serve {task}"):
                build(name, task, backbone)


@pytest.mark.parametrize(("task", "backbone"), EVERY)
def test_equal_budget_is_within_five_percent(task, backbone):
    shape = backbones.get(task, backbone)
    for reference in ("liaf-net", "klif"):
        budget = parameters(BASELINES[reference], shape)
        for baseline in BASELINES.values():
            if baseline.refuses(shape):
                continue
            width = width_for(baseline, BASELINES[reference], shape)
            count = parameters(baseline, shape.scaled(width))
            assert abs(count - budget) <= TOLERANCE * budget


@pytest.mark.parametrize("name", ["liaf-net", "klif", "lstm", "conv-lstm", "conv3d"])
@pytest.mark.parametrize(
    ("task", "backbone"), [("dvs128-gesture", "liaf"), ("dvs128-gesture", "plif")]
)
def test_runs_at_full_size(name, task, backbone):
    net = build(name, task, backbone).eval()
    with torch.no_grad():
        assert net(net.backbone.example(time_steps=1)).shape == (1, 11)


def dense(inputs, outputs, bias=True):
    return inputs * outputs + outputs * bias


# Weights and biases added up by hand from the layer lists.
GESTURE_CONVS = (2 * 9 + 1) * 64 + (64 * 9 + 1) * 128 + (128 * 9 + 1) * 128
GESTURE_DENSE = dense(128 * 8 * 8, 256) + dense(256, 11)
MNIST_PLIF = 9 * 128 + 2 * 128 + 9 * 128 * 128 + 2 * 128 + 6272 * 2048 + 2048 * 100
QA1 = 23  # 21 words, padding, unknown
COUNTS = [
    ("liaf-net", "dvs128-gesture", "liaf", GESTURE_CONVS + GESTURE_DENSE),
    ("lif-snn", "dvs128-gesture", "liaf", GESTURE_CONVS + GESTURE_DENSE),
    ("klif", "dvs128-gesture", "liaf", GESTURE_CONVS + GESTURE_DENSE + 5),
    ("cnn", "dvs128-gesture", "liaf", GESTURE_CONVS + GESTURE_DENSE),
    (
        "conv3d",
        "dvs128-gesture",
        "liaf",
        (2 * 27 + 1) * 64 + (64 * 27 + 1) * 128 + (128 * 27 + 1) * 128 + GESTURE_DENSE,
    ),
    (
        "conv-lstm",
        "dvs128-gesture",
        "liaf",
        ((2 + 64) * 9 + 1) * 256 + ((64 + 128) * 9 + 1) * 512 + ((128 + 128) * 9 + 1) * 512
        + GESTURE_DENSE,
    ),
    ("lstm", "dvs128-gesture", "liaf", 4 * 512 * (2048 + 512 + 2) + dense(512, 11)),
    ("gru", "dvs128-gesture", "liaf", 3 * 512 * (2048 + 512 + 2) + dense(512, 11)),
    (
        "liaf-net",
        "mnist-dvs",
        "liaf",
        (2 * 9 + 1) * 32 + (32 * 9 + 1) * 64 + (64 * 9 + 1) * 128
        + dense(128 * 25, 512) + dense(512, 128) + dense(128, 10),
    ),
    (
        "liaf-net",
        "cifar10-dvs",
        "liaf",
        (2 * 25 + 1) * 32 + (32 * 9 + 1) * 64 + (64 * 9 + 1) * 128 + (128 * 9 + 1) * 256
        + (256 * 9 + 1) * 512 + dense(2 * 2 * 512, 512) + dense(512, 10),
    ),
    ("lif-snn", "mnist", "plif", MNIST_PLIF),
    ("klif", "mnist", "plif", MNIST_PLIF + 4),
    (
        "lif-snn",
        "cifar10",
        "plif",
        9 * 3 * 256 + 5 * 9 * 256 * 256 + 6 * 512 + 256 * 64 * 2048 + 2048 * 100,
    ),
    (
        "lif-snn",
        "dvs128-gesture",
        "plif",
        9 * 2 * 128 + 4 * 9 * 128 * 128 + 5 * 256 + 128 * 16 * 512 + 512 * 110,
    ),
    (
        "liaf-net",
        "nmnist",
        "small",
        9 * 2 * 8 + 16 + 9 * 8 * 16 + 32 + dense(16 * 64, 128) + dense(128, 10),
    ),
    (
        "conv-lstm",
        "nmnist",
        "small",
        9 * (2 + 8) * 32 + 64 + 9 * (8 + 16) * 64 + 128 + dense(16 * 64, 128) + dense(128, 10),
    ),
    ("lstm", "nmnist", "small", 4 * 128 * (2048 + 128 + 2) + dense(128, 10)),
    ("liaf-net", "babi-qa1", "tokens", QA1 * 50 + 50 * 100 + 100 + dense(100, QA1)),
    ("lif-snn-recurrent", "babi-qa1", "tokens", QA1 * 50 + 150 * 100 + 100 + dense(100, QA1)),
    ("lstm", "babi-qa1", "tokens", QA1 * 50 + 4 * 100 * 152 + dense(100, QA1)),
    ("bag-of-words", "babi-qa1", "tokens", QA1 * 50 + 50 * 100 + dense(100, QA1)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "task", "backbone", "count"), COUNTS)
def test_parameters_are_those_of_the_layer_list(name, task, backbone, count):
    assert parameters(BASELINES[name], backbones.get(task, backbone)) == count
