"""Widths found for a parameter budget."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from liafbench.baselines import BASELINES, backbones, build
from liafbench.baselines.budget import parameter_count
from liafbench.baselines.errors import UsageError
from liafbench.baselines.stages import Conv, Dense


def test_the_reference_itself_keeps_its_width():
    assert build("liaf-net", "digits-dvs", budget="liaf-net").width == 1
    assert build("cnn", "digits-dvs", budget="liaf-net").width == 1


@pytest.mark.parametrize("name", ["lstm", "gru", "conv-lstm", "conv3d"])
def test_a_network_is_built_at_its_width(name):
    reference = parameter_count(build("liaf-net", "digits-dvs"))
    net = build(name, "digits-dvs", budget="liaf-net")
    assert abs(parameter_count(net) / reference - 1) <= 0.05
    assert net.width < 1
    assert net(net.backbone.example(2)).shape == (2, 10)


def test_a_small_baseline_is_widened():
    net = build("gru", "mnist", "plif", budget="klif")
    assert net.width > 1
    assert abs(parameter_count(net) / parameter_count(build("klif", "mnist", "plif")) - 1) <= 0.05


def test_finding_a_width_leaves_the_random_state_alone():
    fresh = replace(backbones.get("babi-qa2"), name="of-no-other-test")  # nothing cached for it
    torch.manual_seed(3)
    net = build("liaf-net-recurrent", "babi-qa2", fresh, budget="liaf-net")
    torch.manual_seed(3)
    again = build("liaf-net-recurrent", "babi-qa2", fresh.scaled(net.width))
    for one, other in zip(net.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_no_width_comes_close():
    coarse = replace(
        backbones.get("digits-dvs"),
        stages=(Conv(1, kernel=15), Dense(10, unit="none")),
        recurrent_units=1,
    )
    with pytest.raises(UsageError, match="lstm has no width within 5% of the"):
        build("lstm", "digits-dvs", coarse, budget="cnn")


def test_the_reference_must_serve_the_task():
    with pytest.raises(UsageError, match="no budget of conv3d on babi-sim"):
        build("lstm", "babi-sim", budget="conv3d")


def test_an_unknown_reference_is_named():
    with pytest.raises(UsageError, match=r"unknown baseline 'liafnet'.*'liaf-net'"):
        build("lstm", "digits-dvs", budget="liafnet")


def test_scaling_keeps_embedding_and_classifier():
    wide = backbones.get("babi-qa1", layers=2).scaled(2)
    embed, first, second, classifier = wide.stages
    assert (embed.features, first.features, second.features) == (50, 200, 200)
    assert classifier.features == wide.classes
    assert wide.recurrent_units == 200


def test_every_baseline_knows_its_parameters_at_any_width():
    """The count on the meta device is the count of the real network."""
    for name, baseline in BASELINES.items():
        shape = backbones.get("babi-sim" if baseline.serves("digits-dvs") else "digits-dvs")
        real = build(name, shape.task, shape.scaled(0.37))
        with torch.device("meta"):
            meta = build(name, shape.task, shape.scaled(0.37))
        assert parameter_count(real) == parameter_count(meta)
