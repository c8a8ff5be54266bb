"""What is not there is named, with the nearest that is."""

from __future__ import annotations

import pytest

from liafbench.baselines import BASELINES, backbones, build
from liafbench.baselines.errors import UsageError


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("liafnet", "mnist"), {}, "unknown baseline 'liafnet'; did you mean 'liaf-net'?"),
        (("lstm", "nmist"), {}, "unknown task 'nmist'; did you mean 'nmnist'?"),
        (("lstm", "mnist", "smal"), {}, "unknown backbone of mnist 'smal'; did you mean 'small'?"),
        (("lstm", "mnist", "liaf"), {}, "unknown backbone of mnist 'liaf'; did you mean 'plif'?"),
        (("klif", "mnist"), {"engine": "nativ"}, "unknown engine 'nativ'; did you mean 'native'?"),
        (("lstm", "mnist"), {"engine": "nativ"}, "unknown engine 'nativ'; did you mean 'native'?"),
        (("klif", "mnist"), {"engine": "torch"}, "unknown engine 'torch'"),
        (("klif", "mnist"), {"kk": 2}, "unknown option of klif 'kk'"),
        (("lstm", "babi-qa1"), {"layer": 2}, "'layer'; did you mean 'layers'?"),
        (("klif", "mnist"), {"layers": 2}, "`layers` is an option of the tokens backbone"),
        (("klif", "babi-qa1"), {"layers": 0}, "layers must be at least 1, not 0"),
        (("cnn", "babi-qa1"), {}, "cnn cannot serve babi-qa1 on backbone 'tokens': tokens have no"),
    ],
)
def test_one_line_says_what_is_wrong(arguments, options, message):
    with pytest.raises(UsageError) as caught:
        build(*arguments, **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_first_backbone_is_the_default():
    assert backbones.names("cifar10-dvs") == ("liaf", "plif", "small")
    assert backbones.names("mnist") == ("plif", "small")
    assert backbones.names("digits-dvs") == ("small",)
    assert backbones.names("babi-qa7") == ("tokens",)
    for task in backbones.tasks():
        assert backbones.get(task).name == backbones.names(task)[0]


def test_every_task_of_the_papers_has_its_backbone():
    liaf = {task for task in backbones.tasks() if "liaf" in backbones.names(task)}
    assert liaf == {"dvs128-gesture", "mnist-dvs", "cifar10-dvs"}
    plif = {task for task in backbones.tasks() if "plif" in backbones.names(task)}
    assert plif == {"mnist", "fashion-mnist", "cifar10", "nmnist", "cifar10-dvs", "dvs128-gesture"}


@pytest.mark.parametrize(
    ("task", "name", "steps", "shape"),
    [
        ("dvs128-gesture", "liaf", 60, (2, 32, 32)),
        ("mnist-dvs", "liaf", 20, (2, 40, 40)),
        ("cifar10-dvs", "liaf", 10, (2, 128, 128)),
        ("mnist", "plif", 8, (1, 28, 28)),
        ("cifar10", "plif", 8, (3, 32, 32)),
        ("nmnist", "plif", 10, (2, 34, 34)),
        ("cifar10-dvs", "plif", 20, (2, 128, 128)),
        ("dvs128-gesture", "plif", 20, (2, 128, 128)),
        ("fashion-mnist", "small", 4, (1, 28, 28)),
        ("dvs128-gesture", "small", 10, (2, 32, 32)),
        ("nmnist", "small", 10, (2, 34, 34)),
    ],
)
def test_inputs_have_the_documented_shape(task, name, steps, shape):
    assert backbones.get(task, name).example(3).shape == (steps, 3, *shape)


def test_layers_of_a_story_network():
    net = build("liaf-net", "babi-qa4", layers=2)
    assert [name for name, _ in net.named_children()] == [
        "embed1",
        "dense1",
        "dense1_neuron",
        "dense2",
        "dense2_neuron",
        "last_step",
        "classifier",
    ]
    assert build("lstm", "babi-qa4", layers=2).reader.cell.num_layers == 2


def test_embeddings_start_normal_and_padding_at_zero():
    weight = build("liaf-net", "babi").embed1.weight
    assert weight.shape == (backbones.get("babi").classes, 50)
    assert weight[0].abs().sum() == 0
    assert abs(weight[1:].std().item() - 1) < 0.05


def test_engines_apply_to_spiking_baselines():
    for name in ("lstm", "gru", "conv-lstm", "conv3d", "cnn", "bag-of-words"):
        assert BASELINES[name].engines == ("torch",)
    build("lstm", "digits-dvs", engine="spikingjelly")
    build("lstm", "digits-dvs", engine="torch")
    assert "spikingjelly" in BASELINES["klif"].engines
