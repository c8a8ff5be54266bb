"""The same baseline under several engines, each as its users run it and at its best."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import snntorch
import snntorch.surrogate
import torch
from torch import Tensor, nn

from liafbench.baselines import Backbone, backbones, build, get
from liafbench.baselines.engines import ENGINES
from liafbench.baselines.errors import UsageError, unknown
from liafbench.baselines.layers import spiking
from liafbench.baselines.layers.readout import LastStep, MeanOverTime
from liafbench.baselines.stages import Placed

COMPILE = "compile"
LOOP = "loop"
KERNELS = "kernels"
WAYS = (COMPILE, LOOP, KERNELS)


@dataclass(frozen=True)
class Contender:
    """An engine, under torch.compile or not.

    looped: snntorch step by step, as it documents. own_kernels: spikingjelly's fused LIF operator
    also where the backbone's surrogate is none of those that it knows: its ATan then stands in.
    """

    engine: str
    compiled: bool = False
    looped: bool = False
    own_kernels: bool = False

    @classmethod
    def parse(cls, text: str) -> Contender:
        """From "spikingjelly", "spikingjelly+compile" or "snntorch+loop"."""
        engine, *ways = text.split("+")
        if engine not in ENGINES:
            raise unknown("engine", engine, ENGINES)
        for way in ways:
            if way not in WAYS:
                raise unknown(f"way to run {engine}", way, WAYS)
        if LOOP in ways and engine != "snntorch":
            raise UsageError(f"{text}: only snntorch is documented as a loop over whole steps")
        if KERNELS in ways and engine != "spikingjelly":
            raise UsageError(f"{text}: only spikingjelly has kernels that depend on the surrogate")
        return cls(engine, COMPILE in ways, LOOP in ways, KERNELS in ways)

    @property
    def name(self) -> str:
        ways = {LOOP: self.looped, KERNELS: self.own_kernels, COMPILE: self.compiled}
        return "+".join([self.engine, *(way for way, on in ways.items() if on)])

    def builder(
        self, baseline: str, task: str, backbone: str | None = None
    ) -> Callable[[], nn.Module]:
        """Builds the network with the same initial weights as every other contender; pickles."""
        if get(baseline).engines == ("torch",) and self.engine != "native":
            raise UsageError(f"{baseline} has no spiking neurons, so that every engine is the same")
        return functools.partial(_build, self, baseline, task, backbone)


def _build(contender: Contender, baseline: str, task: str, backbone: str | None) -> nn.Module:
    torch.manual_seed(0)
    net: nn.Module
    if contender.looped:
        net = step_by_step(baseline, backbones.get(task, backbone))
    else:
        net = build(baseline, task, backbone, contender.engine)
    if contender.own_kernels:
        _onto_own_kernels(net, baseline)
    return cast(nn.Module, torch.compile(net)) if contender.compiled else net


def _onto_own_kernels(net: nn.Module, baseline: str) -> None:
    """Give every LIF of spikingjelly a surrogate that its fused operator knows."""
    from spikingjelly.activation_based import neuron, surrogate  # takes seconds

    nodes = [module for module in net.modules() if isinstance(module, neuron.LIFNode)]
    if not nodes:
        raise UsageError(f"spikingjelly has fused kernels for LIF, none for {baseline}")
    for node in nodes:
        node.surrogate_function = surrogate.ATan()


def spikingjelly_kernels(device: str) -> str:
    """Which of its implementations of LIF spikingjelly takes on a device, and why not others."""
    from spikingjelly.activation_based import functional

    choose = getattr(functional, "neuron_implementation", None)
    if choose is None:  # before 2.0 a node's backend is chosen by hand, torch without
        return "torch"
    found = choose("lif", torch.device(device))
    refused = "; ".join(f"{name}: {why}" for name, why in found["unavailable"].items())
    return f"{found['implementation']} ({refused})" if refused else str(found["implementation"])


class DocumentedLeaky(nn.Module):
    """snntorch's Leaky as its tutorials call it: one step, potential handed from call to call.

    Leak, threshold and reset are the backbone's, the surrogate is the library's own ATan.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        settings = backbone.spiking
        self.gain = settings.gain
        self.leaky = snntorch.Leaky(
            beta=settings.alpha,
            threshold=settings.v_threshold,
            spike_grad=snntorch.surrogate.atan(),
            reset_mechanism="zero",
            reset_delay=settings.detach_reset,
        )
        snntorch.SpikingNeuron.instances.remove(self.leaky)  # else it lives for ever
        self.potential: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Spikes [1, B, ...] of one step's currents."""
        if self.potential is None:
            self.potential = torch.zeros_like(x[0])
        spikes, self.potential = self.leaky(x[0] * self.gain, self.potential)
        return spikes[None]


class StepByStep(nn.Module):
    """A spiking network whose outer loop is time: every layer once per step."""

    def __init__(self, layers: dict[str, nn.Module]) -> None:
        super().__init__()
        readouts = (MeanOverTime, LastStep)
        self.steps = nn.Sequential(*[m for m in layers.values() if not isinstance(m, readouts)])
        self.readout = nn.Sequential(*[m for m in layers.values() if isinstance(m, readouts)])

    def forward(self, x: Tensor) -> Tensor:
        """Logits [B, classes] of frames [T, B, C, H, W]."""
        neurons = [m for m in self.steps if isinstance(m, DocumentedLeaky)]
        for neuron in neurons:
            neuron.potential = None
        outputs = [self.steps(x[t : t + 1]) for t in range(len(x))]
        for neuron in neurons:
            neuron.potential = None
        return self.readout(torch.cat(outputs))


def step_by_step(baseline: str, backbone: Backbone) -> nn.Module:
    """LIF-SNN on frames in snntorch's documented form; UsageError for anything else."""
    if baseline != "lif-snn" or backbone.tokens:
        raise UsageError("snntorch documents its loop for LIF on frames: use lif-snn on a task")

    def neuron(_place: Placed) -> nn.Module:
        return DocumentedLeaky(backbone)

    return StepByStep(spiking.fill(backbone, neuron))
