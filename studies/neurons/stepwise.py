"""A network out of spikingjelly's own layers in their default step mode: one time step a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from spikingjelly.activation_based import functional, layer, neuron
from torch import Tensor, nn

from liafbench.baselines.engines.spikingjelly_engine import SpikingJellyLIF
from liafbench.baselines.errors import UsageError
from liafbench.baselines.layers.dropout import TimeDropout
from liafbench.baselines.layers.folded import Folded
from liafbench.baselines.layers.pooling import AveragePool2x2
from liafbench.baselines.layers.readout import MeanOverTime, Vote


class StepwiseSpikingJelly(nn.Module):
    """Every layer is the library's own and called once a time step; the mean over time at the end.

    Same weights, neurons and readout as `net` (spikingjelly's LIF). In training its BatchNorm
    normalises every time step by itself, `net`'s all of them together. UsageError for a network
    that the library has no layers for.
    """

    def __init__(self, net: nn.Sequential) -> None:
        super().__init__()
        modules = list(net)
        if not isinstance(modules[-1], MeanOverTime):
            raise UsageError("the step-by-step network needs one that ends in a mean over time")
        self.layers = nn.Sequential(*_counterparts(modules[:-1]))

    def forward(self, x: Tensor) -> Tensor:
        """Logits [B, classes] of frames [T, B, C, H, W]."""
        functional.reset_net(self.layers)
        total = self.layers(x[0])
        for frame in x[1:]:
            total = total + self.layers(frame)
        return total / x.shape[0]


def _counterparts(modules: list[nn.Module]) -> Iterator[nn.Module]:
    for module in modules:
        if isinstance(module, Folded):
            yield from _counterparts(list(module))
        elif type(module) in _MAKERS:
            yield _with_state(_MAKERS[type(module)](module), module)
        else:
            raise UsageError(f"spikingjelly has no layer here for {type(module).__name__}")


def _with_state(made: nn.Module, module: nn.Module) -> nn.Module:
    if not isinstance(module, SpikingJellyLIF):
        made.load_state_dict(module.state_dict())
    return made


def _conv(module: nn.Conv2d) -> nn.Module:
    return layer.Conv2d(
        module.in_channels,
        module.out_channels,
        module.kernel_size,
        module.stride,
        module.padding,
        module.dilation,
        module.groups,
        module.bias is not None,
        module.padding_mode,
    )


def _lif(module: SpikingJellyLIF) -> nn.Module:
    if module.recurrent or module.has_beta or not (module.decays or module.step.gain == 1):
        raise UsageError("the library's LIF alone has no recurrence and not this beta or gain")
    return neuron.LIFNode(
        tau=module.tau,
        decay_input=module.decay_input,
        v_threshold=module.v_threshold,
        v_reset=module.v_reset,
        surrogate_function=module.surrogate_function,
        detach_reset=module.detach_reset,
    )


_MAKERS: dict[type, Callable] = {
    nn.Conv2d: _conv,
    nn.BatchNorm2d: lambda m: layer.BatchNorm2d(m.num_features, m.eps, m.momentum),
    AveragePool2x2: lambda m: layer.AvgPool2d(m.kernel_size, m.stride),
    nn.MaxPool2d: lambda m: layer.MaxPool2d(m.kernel_size, m.stride),
    nn.Flatten: lambda m: layer.Flatten(),  # of all but the batch, as in every backbone
    nn.Linear: lambda m: layer.Linear(m.in_features, m.out_features, m.bias is not None),
    TimeDropout: lambda m: layer.Dropout(m.p),
    Vote: lambda m: layer.VotingLayer(m.size),
    SpikingJellyLIF: _lif,
}
