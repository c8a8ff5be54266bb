"""Contenders compute the same network, and bad names are told in one line."""

from __future__ import annotations

import pickle

import pytest
import torch

from liafbench.baselines import backbones
from liafbench.baselines.errors import UsageError
from liafbench.bench.execution import Execution
from liafbench.bench.timing.ceilings import measure_ceilings
from liafbench.bench.timing.group import time_group
from liafbench.bench.timing.peers import Contender
from liafbench.bench.timing.point import Bench, measure_point
from liafbench.bench.timing.rounds import Until
from liafbench.bench.timing.sweeps import Entrant, Sweep
from liafbench.bench.timing.versus import Comparison, time_inference, time_training

TASK = "digits-dvs"


def logits(text: str, baseline: str = "lif-snn", task: str = TASK, backbone: str = "small"):
    net = Contender.parse(text).builder(baseline, task, backbone)().eval()
    x = 3 * backbones.get(task, backbone).example(4)
    with torch.no_grad():
        return net(x)


def test_snntorch_as_documented_computes_what_the_folded_network_computes():
    expected = logits("native")
    assert expected.abs().max() > 0
    torch.testing.assert_close(logits("snntorch+loop"), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(logits("spikingjelly"), expected, rtol=1e-4, atol=1e-5)


def test_the_loop_keeps_nothing_between_batches():
    net = Contender.parse("snntorch+loop").builder("lif-snn", TASK, "small")().eval()
    x = 3 * backbones.get(TASK, "small").example(4)
    with torch.no_grad():
        assert torch.equal(net(x), net(x))
        assert net(x[:, :1]).shape == (1, 10)


def test_contenders_have_names_that_read_back():
    for text in ("native", "spikingjelly+compile", "snntorch+loop", "snntorch+loop+compile"):
        contender = Contender.parse(text)
        assert contender.name == text
        assert Contender.parse(contender.name) == contender
        pickle.dumps(contender.builder("lif-snn", TASK))


@pytest.mark.parametrize(
    ("text", "named"),
    [("spikingjely", "spikingjelly"), ("native+compil", "compile"), ("native+loop", "snntorch")],
)
def test_a_bad_contender_is_named(text, named):
    with pytest.raises(UsageError, match=named):
        Contender.parse(text)


def test_engines_of_a_network_without_neurons_are_refused():
    with pytest.raises(UsageError, match="no spiking neurons"):
        Contender.parse("spikingjelly").builder("lstm", TASK)


def test_spikingjellys_own_kernels_compute_the_same_logits():
    torch.testing.assert_close(
        logits("spikingjelly+kernels"), logits("native"), rtol=1e-4, atol=1e-5
    )
    with pytest.raises(UsageError, match="none for klif"):
        Contender.parse("spikingjelly+kernels").builder("klif", TASK, "small")()
    with pytest.raises(UsageError, match="only spikingjelly"):
        Contender.parse("native+kernels")


def test_the_loop_is_for_lif_on_frames():
    with pytest.raises(UsageError, match="lif-snn"):
        Contender.parse("snntorch+loop").builder("klif", TASK)()


def test_versus_times_every_contender_in_both_series():
    contenders = [Contender.parse("native"), Contender.parse("reference")]
    comparison = Comparison(
        "liaf-net", TASK, None, contenders, 2, Execution(), Until(tight=10.0, budget=1.0)
    )
    for timings in (time_inference(comparison), time_training(comparison)):
        assert list(timings.seconds) == ["native", "reference"]
        document = timings.to_dict()
        assert document["ratios"]["reference"]["low"] <= document["ratios"]["reference"]["ratio"]
        assert len(document["contenders"]["native"]["seconds"]) == timings.rounds


def test_a_point_measures_who_can_and_says_why_the_others_cannot(monkeypatch):
    monkeypatch.setattr("liafbench.bench.timing.ceilings.COPY_BYTES", {"cpu": 2**20})
    monkeypatch.setattr("liafbench.bench.timing.ceilings.MATRIX_SIDE", {"cpu": 64})
    monkeypatch.setattr("liafbench.bench.timing.ceilings.SAMPLE_SECONDS", 0.0)
    monkeypatch.setattr("liafbench.bench.timing.point.SAMPLE_SECONDS", 0.0)
    monkeypatch.setattr("liafbench.bench.timing.point.LATENCY_ROUNDS", 3)
    options = Execution()
    native = Entrant("lif-snn", Contender.parse("native"))
    refused = Entrant("klif", Contender.parse("snntorch"))
    sweep = Sweep(TASK, "small", "inference", options, (native, refused))
    bench = Bench(Until(tight=10.0, budget=1.0), {"float32": measure_ceilings(options)})
    result = measure_point(sweep, 1, sweep.entrants, bench)
    assert list(result.ended) == [refused.name]
    assert "no such neuron" in result.ended[refused.name]
    metrics = {m.metric: m for m in result.measurements}
    assert {"inference_throughput", "latency_p99", "peak_memory", "flops_share"} <= set(metrics)
    assert metrics["time_to_first_result"].n == 3
    assert {m.contender for m in result.measurements} == {native.name}


def test_tokens_are_timed_too():
    shape = backbones.get("babi-sim")
    builders = {"lstm": Contender.parse("native").builder("lstm", "babi-sim")}
    times = time_group(builders, shape.example(2), torch.tensor([2, 3]), rounds=3, memory=False)
    assert {m.metric for m in times} >= {"inference_throughput", "training_throughput"}
