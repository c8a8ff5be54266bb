"""What modules declare about themselves: neurons of any engine, and recurrent maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from liafbench.baselines.layers import ConvLSTM
from liafbench.bench.counting.neurons import cost_of, step_cost
from liafbench.bench.counting.synaptic import recurrent_products
from liafbench.bench.counting.tally import Tally


@dataclass(frozen=True)
class NeuronLayer:
    """A module that is one layer of neurons; whoever computes it, it is counted by formula."""

    output_kind: str
    step: Tally
    w_rec: Tensor | None
    batch_dims: int
    """Leading dimensions of the output that are time and batch."""

    def cost(self, shape: Sequence[int]) -> Tally:
        """Operations of one call with outputs of `shape`."""
        updates = 1
        for size in shape:
            updates *= size
        cost = self.step.times(updates) + Tally(updates=updates)
        return cost if self.w_rec is None else cost + recurrent_products(shape)


def neuron_layer(module: nn.Module) -> NeuronLayer | None:
    """The declaration of a neuron module of this suite or of a library, or None."""
    step: Any = getattr(module, "step", None)
    kind = getattr(module, "output_kind", None)
    if kind is not None and hasattr(step, "threshold_related"):
        return NeuronLayer(
            kind,
            cost_of(step),
            getattr(module, "w_rec", None),
            batch_dims=2,
        )
    return _spikingjelly(module) or _snntorch(module)


def is_recurrent_map(module: nn.Module) -> bool:
    """A module whose outputs [T, B, ...] are the states of recurrent units written in operators."""
    return isinstance(module, ConvLSTM)


def _ancestors(module: nn.Module, package: str) -> set[str]:
    return {c.__name__ for c in type(module).__mro__ if c.__module__.startswith(package)}


def _spikingjelly(module: nn.Module) -> NeuronLayer | None:
    """spikingjelly's IF, LIF, PLIF, KLIF and LIAF nodes, found by ancestry, subclasses too."""
    names = _ancestors(module, "spikingjelly.")
    known = names & {"IFNode", "LIFNode", "ParametricLIFNode", "KLIFNode", "LIAFNode"}
    if not known:
        return None
    analog = "LIAFNode" in known
    step = step_cost(
        gain=0.5 if getattr(module, "decay_input", False) else 1.0,
        v_reset=module.v_reset,  # type: ignore[arg-type]
        output="relu" if analog else "spike",
        threshold_related=bool(getattr(module, "threshold_related", False)),
        scale_reset=bool(getattr(module, "scale_reset", False)),
        klif="KLIFNode" in known,
    )
    batch_dims = 2 if module.step_mode == "m" else 1
    return NeuronLayer("analog" if analog else "spikes", step, None, batch_dims)


def _snntorch(module: nn.Module) -> NeuronLayer | None:
    """snntorch's Leaky."""
    if "Leaky" not in _ancestors(module, "snntorch."):
        return None
    soft = module.reset_mechanism == "subtract"
    step = step_cost(1.0, None if soft else 0.0, "spike", False, False, klif=False)
    return NeuronLayer("spikes", step, None, batch_dims=1)
