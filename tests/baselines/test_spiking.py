"""How the spiking baselines relate to one another, and what a backbone gives its neurons."""

from __future__ import annotations

import pytest
import torch

from liafbench.baselines import BASELINES, backbones, build
from liafbench.baselines.budget import parameters
from liafbench.baselines.errors import UsageError
from liafbench.baselines.neurons import Neuron
from liafbench.baselines.stages import Conv, Dense

CASES = [(task, name) for task in backbones.tasks() for name in backbones.names(task)]


def neurons(net):
    return [module for module in net.modules() if isinstance(module, Neuron)]


@pytest.mark.parametrize(("task", "name"), CASES)
def test_lif_liaf_and_klif_differ_by_k_alone(task, name):
    backbone = backbones.get(task, name)
    layers = sum(
        isinstance(stage, Conv | Dense) and stage.unit == "neuron" for stage in backbone.stages
    )
    liaf, lif, klif = (parameters(BASELINES[n], backbone) for n in ("liaf-net", "lif-snn", "klif"))
    assert liaf == lif == klif - layers


@pytest.mark.parametrize(
    ("task", "name", "alpha", "gain", "v_threshold", "v_reset", "surrogate", "width", "detach"),
    [
        ("dvs128-gesture", "liaf", 0.3, 1.0, 0.5, 0.0, "rect", 0.5, False),
        ("digits-dvs", "small", 0.3, 1.0, 0.5, 0.0, "rect", 0.5, False),
        ("mnist", "plif", 0.5, 0.5, 1.0, 0.0, "atan", 2.0, True),
        ("babi-sim", "tokens", 0.9, 1.0, 0.5, None, "rect", 0.5, False),
    ],
)
@pytest.mark.parametrize("baseline", ["liaf-net", "lif-snn", "klif"])
def test_the_backbone_sets_the_neurons(
    baseline, task, name, alpha, gain, v_threshold, v_reset, surrogate, width, detach
):
    found = neurons(build(baseline, task, backbones.get(task, name).scaled(0.1)))
    assert found
    for neuron in found:
        torch.testing.assert_close(neuron.alpha, torch.full_like(neuron.alpha, alpha))
        assert float(neuron.v_threshold) == v_threshold
        step = neuron.step
        assert (step.gain, step.v_reset, step.surrogate) == (gain, v_reset, surrogate)
        assert (step.width, step.detach_reset) == (width, detach)
        assert neuron.output_kind == ("analog" if baseline == "liaf-net" else "spikes")


@pytest.mark.parametrize("baseline", ["liaf-net", "lif-snn", "klif"])
def test_leaks_are_learned_on_tokens_only(baseline):
    (per_unit,) = neurons(build(baseline, "babi-sim"))
    assert per_unit.alpha.shape == (100,)
    assert per_unit.alpha.requires_grad
    assert all(not n.alpha.requires_grad for n in neurons(build(baseline, "digits-dvs")))


def test_the_potential_of_recurrent_liaf_stays_bounded_over_a_long_story():
    """Its recurrent form resets hard; softly it would grow from step to step."""
    torch.manual_seed(0)
    story = torch.randint(1, 23, (1000, 2))
    assert build("liaf-net-recurrent", "babi-qa1")(story).abs().max() < 10
    assert not build("liaf-net-recurrent", "babi-qa1", v_reset=None)(story).abs().max() < 1e6


@pytest.mark.parametrize("name", ["liaf-net-recurrent", "lif-snn-recurrent", "klif-recurrent"])
def test_recurrent_forms_share_the_hard_reset(name):
    assert [neuron.v_reset for neuron in neurons(build(name, "babi-sim"))] == [0.0]


def test_alpha_zero_has_no_memory():
    """Its frames may come in any order; LIAF-Net's may not."""
    torch.manual_seed(0)
    x = backbones.get("digits-dvs").example(3)
    order = torch.randperm(len(x))
    without = build("liaf-net-alpha0", "digits-dvs").eval()
    torch.testing.assert_close(without(x[order]), without(x), rtol=1e-4, atol=1e-5)
    memory = build("liaf-net", "digits-dvs").eval()
    assert not torch.allclose(memory(x[order]), memory(x), rtol=1e-3, atol=1e-4)


def test_alpha_zero_is_a_relu_network_at_each_step():
    torch.manual_seed(0)
    net = build("liaf-net-alpha0", "digits-dvs").eval()
    x = net.backbone.example(2)
    per_step = []
    for frame in x:
        value = frame[None]
        for name, layer in list(net.named_children())[:-1]:
            value = torch.relu(value) if name.endswith("neuron") else layer(value)
        per_step.append(value[0])
    torch.testing.assert_close(net(x), torch.stack(per_step).mean(0))


def test_options_override_the_backbone():
    net = build("liaf-net", "digits-dvs", activation="selu", threshold_related=True, alpha=0.7)
    for neuron in neurons(net):
        assert neuron.step.output == "selu"
        assert neuron.step.threshold_related
        assert float(neuron.alpha) == pytest.approx(0.7)
    assert neurons(build("klif", "digits-dvs", k=1.5, scale_reset=True))[0].k.item() == 1.5


@pytest.mark.parametrize(
    ("baseline", "engine"),
    [
        ("liaf-net", "reference"),
        ("lif-snn", "reference"),
        ("klif", "reference"),
        ("liaf-net", "spikingjelly"),
        ("lif-snn", "spikingjelly"),
        ("klif", "spikingjelly"),
        ("lif-snn", "snntorch"),
    ],
)
def test_every_engine_gives_the_same_network(baseline, engine):
    torch.manual_seed(0)
    native = build(baseline, "digits-dvs").eval()
    other = build(baseline, "digits-dvs", engine=engine).eval()
    other.load_state_dict(native.state_dict())
    x = native.backbone.example(2)
    torch.testing.assert_close(other(x), native(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("baseline", "task"), [("klif", "digits-dvs"), ("liaf-net", "babi-sim")])
def test_what_an_engine_cannot_express_is_refused(baseline, task):
    with pytest.raises(UsageError, match="snntorch cannot express"):
        build(baseline, task, engine="snntorch")


SPIKING_ON_TOKENS = [
    name for name, b in BASELINES.items() if "native" in b.engines and not b.serves("babi-sim")
]


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("name", [*SPIKING_ON_TOKENS, "lstm", "gru", "bag-of-words"])
def test_a_story_does_not_see_its_padding(name, layers):
    torch.manual_seed(0)
    net = build(name, "babi-qa1", layers=layers).eval()
    story = torch.randint(2, 23, (9, 1))
    padded = torch.cat([torch.zeros(13, 1, dtype=torch.int64), story])
    other = torch.randint(2, 23, (22, 1))
    with torch.no_grad():
        alone = net(story)
        torch.testing.assert_close(net(padded), alone, rtol=1e-5, atol=1e-6)
        both = net(torch.cat([padded, other], dim=1))
    torch.testing.assert_close(both[:1], alone, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(both[1:], alone)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"v_reset": 0.2}, "v_reset=0.2 drives the neurons during padding"),
        ({"activation": "selu", "threshold_related": True}, "other than relu drives the neurons"),
    ],
)
def test_what_padding_would_drive_is_refused(options, reason):
    with pytest.raises(UsageError, match=reason):
        build("liaf-net", "babi-sim", **options)
