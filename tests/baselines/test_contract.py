"""What every baseline keeps to, whatever it is made of."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from liafbench.baselines import BASELINES, backbones, build
from liafbench.baselines.budget import parameter_count

TASKS = ("digits-dvs", "babi-sim")
SERVED = [(name, task) for task in TASKS for name, b in BASELINES.items() if not b.serves(task)]


@pytest.fixture(params=SERVED, ids=lambda pair: f"{pair[0]}-{pair[1]}")
def case(request):
    """A seeded network and a batch of four for it."""
    name, task = request.param
    torch.manual_seed(0)
    net = build(name, task)
    return net, net.backbone.example(batch=4, time_steps=6)


def test_logits_have_one_column_a_class(case):
    net, x = case
    logits = net(x)
    assert logits.shape == (4, net.backbone.classes)
    assert logits.dtype == torch.float32
    assert torch.isfinite(logits).all()


def test_a_gradient_reaches_every_parameter(case):
    net, x = case
    F.cross_entropy(net(x), torch.arange(4)).backward()
    without = [
        name
        for name, parameter in net.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    assert without == []


def test_calls_leave_no_state_behind(case):
    net, x = case
    net.eval()
    first = net(x)
    net(x[:, :1])
    net(x.flip(0)[:3])
    torch.testing.assert_close(net(x), first, rtol=0, atol=0)


def test_a_sample_does_not_see_its_batch_mates(case):
    net, x = case
    net.eval()
    together = net(x)
    alone = torch.cat([net(x[:, i : i + 1]) for i in range(4)])
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)


def test_the_seed_decides_the_network(case):
    net, x = case
    torch.manual_seed(0)
    again = build(net.baseline, net.backbone.task)
    assert net.state_dict().keys() == again.state_dict().keys()
    for one, other in zip(net.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    net.train(), again.train()
    torch.manual_seed(1)
    first = net(x)
    torch.manual_seed(1)
    assert torch.equal(first, again(x))


def test_the_state_dict_restores_the_network(case):
    net, x = case
    net(x)  # BatchNorm statistics move
    torch.manual_seed(5)
    other = build(net.baseline, net.backbone.task)
    other.load_state_dict(net.state_dict())
    assert torch.equal(net.eval()(x), other.eval()(x))


def test_every_layer_runs_once_whatever_the_number_of_steps(case):
    """No loop over time outside of what is recurrent by nature."""
    net, _ = case
    calls: dict[str, int] = {}
    for name, module in net.named_modules():
        if name:
            module.register_forward_hook(
                lambda *_, name=name: calls.update({name: calls.get(name, 0) + 1})
            )
    net.eval()(net.backbone.example(batch=2, time_steps=7))
    looped = {name: n for name, n in calls.items() if n != 1}
    assert all(name.endswith(".recurrent") and n == 7 for name, n in looped.items())
    assert bool(looped) == (net.baseline == "conv-lstm")


def test_the_number_of_steps_leaves_the_parameters_alone(case):
    net, _ = case
    count = parameter_count(net)
    for steps in (1, 3):
        assert net(net.backbone.example(batch=2, time_steps=steps)).shape[0] == 2
    assert parameter_count(net) == count


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_is_described(name):
    baseline = BASELINES[name]
    assert baseline.name == name
    assert baseline.title
    assert baseline.role in ("baseline", "control", "variant")
    assert bool(baseline.citation) == bool(baseline.bibtex)
    assert baseline.bibtex.count("{") == baseline.bibtex.count("}")
    assert any(baseline.serves(task) is None for task in TASKS)


def test_the_seven_baselines_come_first():
    roles = [baseline.role for baseline in BASELINES.values()]
    assert roles[:7] == ["baseline"] * 7
    assert "baseline" not in roles[7:]


@pytest.mark.parametrize("task", backbones.tasks())
def test_some_control_serves_every_task(task):
    controls = [b for b in BASELINES.values() if b.role == "control" and not b.serves(task)]
    assert len(controls) >= 2
