"""Counting a network: dense counts from a trace, sparse counts and structure from a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from liafbench.baselines.errors import UsageError, unknown
from liafbench.bench.counting.call import Inputs, Snapshot, private_copy, quiet_run
from liafbench.bench.counting.counts import OPERATIONS, STRUCTURE, Counts, table, totals
from liafbench.bench.counting.known import KINDS, Kind
from liafbench.bench.counting.layers import Run
from liafbench.bench.counting.observer import Observer
from liafbench.bench.counting.sight import Sight
from liafbench.bench.counting.tally import NOTHING, Tally, UncountableError
from liafbench.bench.counting.tracing import Call, traced_tallies, within
from liafbench.bench.counting.weights import parameters_by_module

PerLayer = dict[str, dict[str, int]]


class Counter:
    """Counts calls of one network; structure is the union over its calls."""

    def __init__(self, module: nn.Module, input_kind: Kind | Sequence[Kind] = "analog") -> None:
        self.net = private_copy(module)
        self.kinds = input_kind
        self._plain = private_copy(module)
        self._traced = False
        self.observer = Observer(self.net)
        self._state = Snapshot(self.net)

    def run(self, inputs: Any) -> PerLayer:
        """Operations of one call by module path and metric."""
        call = Inputs(self.net, inputs)
        run = self._observe(call)
        if not self._traced:
            self._trace(call, run)
            self._traced = True
        return _operations(run)

    def _observe(self, call: Inputs) -> Run:
        tensors = tuple(t.view_as(t) for t in call.tensors)
        for tensor, kind in zip(tensors, self._kinds(len(tensors)), strict=True):
            self.observer.facts.declare(tensor, kind)
        with quiet_run():
            try:
                with self.observer, Sight(self.observer):
                    outputs = call.call(self.net, tensors)
                self.observer.check_outputs(outputs)
            finally:
                run = self.observer.finish()
                self._state.restore()
        return run

    def _trace(self, call: Inputs, run: Run) -> None:
        """fvcore's trace and the run must agree on everything dense, module by module."""
        difference = ""
        # A trace drops what no result needs; the second one keeps it, at the price of memory.
        for keep in (False, True):
            with quiet_run():
                tallies = traced_tallies(
                    Call(self._plain, call.call, keep), call.tensors, self.observer.declared
                )
            difference = self._difference(tallies, run)
            if not difference:
                return
        raise UncountableError(f"{difference}; it does not do the same each time")

    def _difference(self, tallies: Mapping[str, Tally], run: Run) -> str:
        """The first module whose trace and run differ, or nothing."""
        for path in sorted({*tallies, *run.layers}):
            if within(path, self.observer.declared):
                continue
            traced = tallies.get(path, NOTHING)
            ran = run.layers[path].tally if path in run.layers else NOTHING
            if (traced.macs, traced.elementwise) != (ran.macs, ran.elementwise):
                return (
                    f"module {path!r}: the trace has {traced.macs} MACs and {traced.elementwise} "
                    f"elementwise operations, the run {ran.macs} and {ran.elementwise}"
                )
        return ""

    def _kinds(self, inputs: int) -> list[Kind]:
        kinds = [self.kinds] * inputs if isinstance(self.kinds, str) else list(self.kinds)
        if len(kinds) != inputs:
            raise UsageError(f"input_kind names {len(kinds)} kinds for {inputs} input tensors")
        for kind in kinds:
            if kind not in KINDS:
                raise unknown("input_kind", kind, KINDS)
        return kinds

    def counts(
        self,
        operations: PerLayer,
        samples: int,
        sparse: bool,
        each: tuple[Mapping[str, float], ...] = (),
    ) -> Counts:
        """Totals and layers of operations summed over `samples` samples."""
        structure = {
            name: getattr(self.observer.structure, name)
            for name in STRUCTURE
            if name != "parameters"
        }
        structure["parameters"] = parameters_by_module(self._plain)
        paths = [name for name, _ in self.net.named_modules()]
        frame = table(structure, operations, samples, sparse, paths)
        return totals(frame, samples, sparse, each)


def count(
    module: nn.Module,
    inputs: Any,
    samples: int = 1,
    *,
    input_kind: Kind | Sequence[Kind] = "analog",
) -> Counts:
    """Operations of `module(*inputs)` divided by `samples`, and its structure.

    `inputs` as the module is called: one argument, a tuple of positional ones, a dict of keyword
    ones. Meta tensors have shapes only: the sparse columns are then None, and weights without
    values count as non-zero. `input_kind`: "spikes" (0 or 1), "graded" (event counts) or "analog",
    for all input tensors or for each. The module itself is left as it was. Raises UncountableError
    for an operator whose cost is not known, UsageError for inputs that cannot be used.
    """
    if samples < 1:
        raise UsageError(f"samples={samples} must be at least 1")
    counter = Counter(module, input_kind)
    operations = counter.run(inputs)
    sparse = not Inputs(module, inputs).meta
    return counter.counts(operations, samples, sparse)


def count_samples(
    module: nn.Module,
    samples: Iterable[Any],
    *,
    input_kind: Kind | Sequence[Kind] = "analog",
) -> Counts:
    """Mean operations over samples, each the inputs of one call, and the spread over them.

    The result does not depend on the order of the samples.
    """
    counter = Counter(module, input_kind)
    sums: PerLayer = defaultdict(lambda: defaultdict(int))
    each: list[Mapping[str, float]] = []
    for sample in samples:
        operations = counter.run(sample)
        each.append(_summed(operations))
        for path, row in operations.items():
            for name, value in row.items():
                sums[path][name] += value
    if not each:
        raise UsageError("no samples to count")
    return counter.counts(sums, sparse=True, each=tuple(each), samples=len(each))


def _summed(operations: PerLayer) -> dict[str, float]:
    """Totals of one sample, and its spike rate where something spikes."""
    found: dict[str, float] = {
        name: sum(row[name] for row in operations.values()) for name in OPERATIONS
    }
    spiking = [row for row in operations.values() if row["spiking"]]
    if outputs := sum(row["outputs"] for row in spiking):
        found["spike_rate"] = sum(row["active"] for row in spiking) / outputs
    return found


def _operations(run: Run) -> PerLayer:
    rows: PerLayer = {}
    for path, layer in run.layers.items():
        tally = layer.tally
        rows[path] = {
            "mac_dense": tally.macs,
            "mac_effective": layer.mac_effective,
            "ac": layer.ac,
            "ac_folded": layer.ac_folded,
            "elementwise": tally.elementwise,
            "flops": 2 * tally.macs + tally.elementwise,
            "neuron_updates": tally.updates,
            "adds": layer.adds,
            "muls": layer.muls,
            "activation_words": layer.activation_words,
            "state_words": layer.state_words,
            "active": layer.active,
            "outputs": layer.outputs,
            "spiking": int(layer.spiking),
        }
    return rows


def without_padding(tokens: Tensor) -> Tensor:
    """A story [T, 1] of token indices without the zeros on its left, at least one token."""
    used = tokens.ne(0).any(1).nonzero()
    first = int(used[0]) if len(used) else len(tokens) - 1
    return tokens[first:]
