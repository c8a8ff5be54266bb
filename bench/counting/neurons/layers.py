"""Modules that are one layer of neurons, of this suite or of a library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from torch import Tensor, nn

from liafbench.baselines.layers import ConvLSTM
from liafbench.baselines.neurons.step import Step
from liafbench.bench.counting.formulas.neurons import cost_of, recurrent_products
from liafbench.bench.counting.neurons.libraries import LIBRARIES, Library
from liafbench.bench.counting.operators import OpCount
from liafbench.bench.counting.tensor_info import Kind


@dataclass(frozen=True)
class NeuronLayer:
    """A module that is one layer of neurons.

    `opaque`: computed by this suite and counted by formula alone, with outputs of kind `kind`. Any
    other one is seen operator by operator: they decide the kind of its outputs where it declares
    none, and what they cost is what it costs where `step` is None or gives none. Its synapses
    count like any others.
    """

    step: Callable[[Kind], OpCount | None] | None
    batch_dims: int
    """Leading dimensions of the output that are time and batch."""
    kind: Kind | None = None
    opaque: bool = False
    w_rec: Tensor | None = None

    def cost(self, kind: Kind, shape: Sequence[int]) -> OpCount | None:
        """Operations of one call with outputs of `shape` by formula, or None."""
        step = self.step and self.step(kind)
        if step is None:
            return None
        cost = step.times(prod(shape)) + OpCount(updates=prod(shape))
        return cost if self.w_rec is None else cost + recurrent_products(shape)


def neuron_layer(module: nn.Module) -> NeuronLayer | None:
    """What kind of layer of neurons a module is, or None."""
    step: Any = getattr(module, "step", None)
    kind = getattr(module, "output_kind", None)
    if kind is not None and hasattr(step, "threshold_related"):
        return _declared(module, step, kind)
    for library in LIBRARIES:
        if (base := library.base(module)) is not None:
            return _of_library(library, base, module)
    return None


def _declared(module: nn.Module, step: Step, kind: Kind) -> NeuronLayer:
    """A neuron of this suite, a subclass of one, or a module that declares itself like one."""
    own = [c for c in type(module).__mro__ if c.__module__.startswith("liafbench.baselines.")]
    if own and overrides(module, own[0]):
        return NeuronLayer(None, batch_dims=2)
    cost = cost_of(step, getattr(module, "constants", {}))
    w_rec = getattr(module, "w_rec", None) if own else None
    return NeuronLayer(lambda _: cost, 2, kind, bool(own), w_rec)


def _of_library(library: Library, base: type, module: nn.Module) -> NeuronLayer:
    rule = library.steps.get(base.__name__)
    if rule is None or overrides(module, base):
        return NeuronLayer(None, library.batch_dims(module))
    return NeuronLayer(lambda kind: rule(module, kind), library.batch_dims(module))


def overrides(module: nn.Module, base: type) -> bool:
    """Whether a subclass or the module itself replaces something that `base` computes with."""
    classes = type(module).__mro__
    changed = {name for c in classes[: classes.index(base)] for name in vars(c)} | set(vars(module))
    described = {"__init__", "__repr__", "__doc__", "__module__", "extra_repr"}
    return any(
        callable(found := getattr(base, name, None)) or isinstance(found, property)
        for name in changed - described
    )


def kept_states(module: nn.Module) -> list[Tensor]:
    """Tensors that a library's neurons keep from an earlier call."""
    kept = list(vars(module).get("_memories", {}).values())
    library = next((each for each in LIBRARIES if each.base(module) is not None), None)
    for name, buffer in module.named_buffers(recurse=False):
        if library and (library.all_buffers or name in module._non_persistent_buffers_set):
            kept.append(buffer)
    return [t for t in kept if isinstance(t, Tensor) and not t.is_inference()]


def is_recurrent_map(module: nn.Module) -> bool:
    """A module whose outputs [T, B, ...] are the states of recurrent units written in operators."""
    return isinstance(module, ConvLSTM)
