"""One run of a network seen operator by operator: kinds, sparse counts, structure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from liafbench.bench.counting.call_arguments import in_schema_order, zero_padding
from liafbench.bench.counting.declared import NeuronLayer, is_recurrent_map, neuron_layer
from liafbench.bench.counting.dependence import FRESH as FRESH_MAKERS
from liafbench.bench.counting.facts import Facts
from liafbench.bench.counting.known import ANALOG, FRESH, KINDS, SPIKES, Kind, Known
from liafbench.bench.counting.layers import Run
from liafbench.bench.counting.names import ACTIVATIONS, FREE, NEURON, SYNAPTIC, base_name
from liafbench.bench.counting.propagation import propagate
from liafbench.bench.counting.shapes_only import on_meta
from liafbench.bench.counting.sparse import FanOuts
from liafbench.bench.counting.synapse_calls import SynapseCalls
from liafbench.bench.counting.synaptic import formula_for, uncountable
from liafbench.bench.counting.tally import Tally, UncountableError
from liafbench.bench.counting.tracing import only_integers
from liafbench.bench.counting.weights import Structure


class Observer(TorchDispatchMode):
    """Watches runs of one network; structure and fan-outs are kept from run to run.

    Use as a context around a call inside `torch.inference_mode()`, where composite operators
    arrive whole.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.structure = Structure(net)
        self.fan_outs = FanOuts()
        self.facts = Facts(net)
        self.run = Run()
        self._scopes: list[tuple[str, bool]] = [("", False)]
        self._calls = SynapseCalls(self)
        self._counting = True
        self.declared = {
            name: layer
            for name, module in net.named_modules()
            if (layer := neuron_layer(module)) is not None
        }
        self._maps = {name for name, module in net.named_modules() if is_recurrent_map(module)}
        for name, module in net.named_modules():
            self._watch(name, module)

    def known(self, tensor: Tensor) -> Known:
        """What is known of a tensor; UncountableError for one of unknown origin."""
        return self.facts.of(tensor, self.module, anything=self.inside_neuron)

    @property
    def module(self) -> str:
        """Path of the module that is running."""
        return self._scopes[-1][0]

    @property
    def inside_neuron(self) -> bool:
        """Whether a declared neuron module is running: it is counted by formula."""
        return self._scopes[-1][1]

    # Modules ---------------------------------------------------------------------------------

    def _watch(self, name: str, module: nn.Module) -> None:
        if isinstance(module, torch.jit.ScriptModule):
            raise UncountableError(
                f"module {name!r} is scripted, which hides its operators; count the module that "
                "it was scripted from"
            )

        def enter(_: nn.Module, __: Any) -> None:
            self._scopes.append((name, self.inside_neuron or name in self.declared))

        def leave(_: nn.Module, inputs: Any, output: Any) -> None:
            self._scopes.pop()
            if not self.inside_neuron:
                with self._blind():
                    self._leave(name, module, inputs, output)

        module.register_forward_pre_hook(enter, prepend=True)
        module.register_forward_hook(leave)

    @contextmanager
    def _blind(self) -> Iterator[None]:
        """What hooks compute is no part of the network."""
        self._counting = False
        try:
            yield
        finally:
            self._counting = True

    def _leave(self, name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        if name in self.declared:
            self._neurons(name, self.declared[name], inputs, output)
        elif name in self._maps:
            layer = self.run.layers[name]
            layer.tally += Tally(updates=output.numel())
            layer.state_words += 4 * output.numel()
            self.structure.add_neurons(name, name, output[0, 0].numel())
        elif (kind := getattr(module, "output_kind", None)) is not None:
            if kind not in KINDS:
                raise UncountableError(
                    f"module {name!r} declares output_kind={kind!r}; known: {', '.join(KINDS)}"
                )
            for tensor in pytree.tree_leaves(output):
                if isinstance(tensor, Tensor):
                    fact = replace(self.known(tensor).plain(), kind=kind)
                    self.facts.learn(tensor, fact)

    def _neurons(self, name: str, declared: NeuronLayer, inputs: Any, output: Any) -> None:
        tensor = next(t for t in pytree.tree_leaves(output) if isinstance(t, Tensor))
        kind = SPIKES if declared.output_kind == SPIKES else ANALOG
        cost = declared.cost(tensor.shape)
        self.fire(name, cost, self.origin_of(inputs), tensor, kind, declared.batch_dims)
        if declared.w_rec is not None:
            self._calls.recurrent_neurons(name, declared.w_rec, tensor, kind)

    def origin_of(self, inputs: Any) -> frozenset[int]:
        """The synaptic calls that reach one of the inputs."""
        tensors = [t for t in pytree.tree_leaves(inputs) if isinstance(t, Tensor)]
        return frozenset().union(*(self.known(t).origin for t in tensors))

    def fire(
        self,
        name: str,
        cost: Tally,
        origin: frozenset[int],
        output: Tensor,
        kind: Kind,
        batch_dims: int,
    ) -> None:
        """A layer of neurons has produced `output` of this kind."""
        layer = self.run.layers[name]
        layer.tally += replace(cost, macs=0, dot_additions=0)
        # Membrane additions and multiplications in the convention of the authors of LIAF-Net.
        layer.adds += 2 * output.numel()
        layer.muls += 2 * output.numel()
        layer.state_words += 2 * output.numel()
        layer.watch(output, spikes=kind == SPIKES)
        for call in origin:
            self.run.synapses[call].feed(kind)
        units = output[(0,) * batch_dims].numel() if output.numel() else 0
        self.structure.add_neurons(name, name, units)
        self.facts.learn(output, Known("input", kind))

    # Operators -------------------------------------------------------------------------------

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if not self._counting:
            return func(*args, **kwargs)
        name = base_name(func.name())
        formula = formula_for(name)
        if formula is None and name not in FREE:
            composite = self._decomposed(func, args, kwargs)
            if composite is not NotImplemented:
                return composite
            if not self.inside_neuron and self._meets_input(args, kwargs):
                raise uncountable(func.name(), self.module)
        out = on_meta(func, args, kwargs)
        outs = [t for t in pytree.tree_leaves(out) if isinstance(t, Tensor)]
        if outs:
            positional = in_schema_order(func, args, kwargs)
            self._observe(name, func, positional, args, kwargs, outs, formula)
        return out

    def check_outputs(self, outputs: Sequence[Tensor]) -> None:
        """Results that no operator made, or that no input reaches, are an error."""
        roles = {self.known(output).role for output in outputs}
        if outputs and "input" not in roles:
            raise UncountableError(
                "no result depends on the input as far as torch can see; compute it with torch "
                "operators"
            )

    def _meets_input(self, args: Any, kwargs: Any) -> bool:
        tensors = [t for t in pytree.tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
        return any(self.known(t).role == "input" for t in tensors)

    def _decomposed(self, func: Any, args: Any, kwargs: Any) -> Any:
        with self:
            return func.decompose(*args, **kwargs)

    def _observe(
        self,
        name: str,
        func: Any,
        positional: list[Any],
        args: Any,
        kwargs: dict[str, Any],
        outs: list[Tensor],
        formula: Callable[..., Tally] | None,
    ) -> None:
        if name in FRESH_MAKERS:
            for tensor in outs:
                self.facts.learn(tensor, FRESH)
            return
        tensors = [t for t in pytree.tree_leaves(positional) if isinstance(t, Tensor)]
        mutated = func._schema.is_mutable
        facts = [self.known(t) for t in tensors]
        depends = self._depends(name, facts)
        counted = formula is not None and not self.inside_neuron
        if counted and (depends or name in SYNAPTIC):
            assert formula is not None
            self._count(name, formula, positional, outs, depends)
        if not depends:
            found = self._constants(func, positional, facts, outs, mutated)
        elif self.inside_neuron:
            found = [Known("input")] * len(outs)
        elif name in SYNAPTIC or name == NEURON:
            found = self._calls.results(name, positional, outs)
        else:
            found = propagate(name, func, positional, kwargs, outs, self.known)
            found = self._after(name, positional, outs, found)
        for tensor, fact in zip(outs, found, strict=True):
            if mutated or not any(tensor is t for t in tensors):
                self.facts.learn(tensor, fact, mutated)

    def _depends(self, name: str, facts: Sequence[Known]) -> bool:
        roles = {f.role for f in facts}
        return "input" in roles or (name in SYNAPTIC and "fresh" in roles)

    def _count(
        self,
        name: str,
        formula: Callable[..., Tally],
        args: list[Any],
        outs: list[Tensor],
        depends: bool,
    ) -> None:
        if name in SYNAPTIC or "::" in name:
            self._calls.count(name, formula, args, outs, depends)
            return
        if only_integers([*pytree.tree_leaves(args), *outs]):
            return
        self.run.layers[self.module].add_pointwise(name, formula(args, outs))

    def _constants(
        self, func: Any, args: Any, facts: list[Known], outs: list[Tensor], mutated: bool
    ) -> list[Known]:
        if not any(f.role == "weight" for f in facts):
            return [FRESH] * len(outs)
        numbers = self.facts.numbering.of_results(func, args, facts, len(outs), mutated)
        return [Known("weight", number=n) for n in numbers]

    def _after(
        self, name: str, args: list[Any], outs: list[Tensor], found: list[Known]
    ) -> list[Known]:
        """Units behind activations; zeros put around an image; embeddings."""
        if name in ACTIVATIONS:
            self._activate(name, args[0], outs[0])
        elif name in ("embedding", "embedding_bag"):
            number = self.known(args[0]).number
            self.structure.add_embedding(self.module, args[0], number)
        elif name in ("constant_pad_nd", "pad"):
            return [replace(found[0], padding=zero_padding(name, args))]
        return found

    def _activate(self, name: str, x: Tensor, out: Tensor) -> None:
        origin = self.known(x).origin
        if not origin or self.module in self._maps:
            return
        calls = [self.run.synapses[i] for i in sorted(origin)]
        frames = calls[0].frames
        if out.numel() % frames:
            return
        units = out.numel() // frames
        key: Hashable = (name, units, tuple(sorted({str(c.key) for c in calls})))
        for call in calls:
            call.feed(ANALOG)
        self.structure.add_neurons(self.module, key, units)
        layer = self.run.layers[self.module]
        layer.tally += Tally(updates=out.numel())
        layer.watch(out, spikes=False)

    def finish(self) -> Run:
        """The run so far; the next one starts from nothing."""
        done, self.run = self.run, Run()
        self.facts.forget()
        self._scopes = [("", False)]
        for call in done.synapses:
            layer = done.layers[call.module]
            layer.adds += call.dot_additions
            layer.muls += 0 if call.multiplication_free else call.macs
        return done
