"""Counting a network: one run seen operator by operator, and a trace that is held against it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch._library.custom_ops import OPDEFS
from torch.overrides import TorchFunctionMode

from liafbench.baselines.errors import UsageError, unknown
from liafbench.bench.counting.call import Inputs, Snapshot, private_copy, quiet_run
from liafbench.bench.counting.counts import OPERATIONS, Counts, Run, counts_of
from liafbench.bench.counting.errors import UncountableError, first_line, uncountable
from liafbench.bench.counting.formulas import OPERATORS
from liafbench.bench.counting.observer import Observer
from liafbench.bench.counting.operators import NOTHING, OpCount, base_name
from liafbench.bench.counting.recorder import Recorder
from liafbench.bench.counting.tensor_info import KINDS, Kind, tensors_in
from liafbench.bench.counting.trace import Call, traced_counts, within

PerLayer = dict[str, dict[str, int]]


class Counter:
    """Counts calls of one network; structure is the union over its calls."""

    def __init__(self, module: nn.Module, input_kind: Kind | Sequence[Kind] = "analog") -> None:
        self.net = private_copy(module)
        self._module = module
        self.kinds = input_kind
        self.findings: tuple[str, ...] = ()
        self._plain: nn.Module | None = private_copy(module)
        self._observer = Observer(self.net)
        self._state = Snapshot(self.net)
        self._entered: set[str] = set()

    def run(self, inputs: Any) -> PerLayer:
        """Operations of one call by module path and metric; the first one is traced as well."""
        call = Inputs(self.net, inputs)
        run = self._observe(call)
        if self._plain is not None:
            self.findings += self._trace(call, self._plain, run)
            self._plain = None
        return run.rows()

    def _observe(self, call: Inputs) -> Run:
        tensors = tuple(t.view_as(t) for t in call.tensors)
        recorder = self._observer.recorder
        for tensor, kind in zip(tensors, self._kinds(len(tensors)), strict=True):
            recorder.table.declare(tensor, kind)
        with quiet_run():
            try:
                with self._observer, Guard(recorder, self._entered):
                    outputs = call.call(self.net, tensors)
                self._observer.check_outputs(outputs)
            except UsageError:
                raise
            except Exception as error:
                self._explain(call, error)
                raise
            finally:
                run = recorder.finish()
                self._state.restore()
        return run

    def _explain(self, call: Inputs, error: Exception) -> None:
        """Raises UncountableError for what fails only while it is counted."""
        where = self._observer.recorder.module
        try:
            with torch.inference_mode(False), torch.no_grad():
                tensors = tuple(t.detach().clone() for t in call.tensors)
                call.call(private_copy(self._module), tensors)
        except Exception:  # noqa: BLE001 - the network fails by itself: its own error is said
            return
        reason = first_line(error)
        if found := re.search(r"HigherOrderOperator (\w+)", reason):
            raise uncountable(found[1], where, "it hides what it computes") from error
        raise UncountableError(
            f"cannot count module {where!r}: it runs by itself, but not operator by operator "
            f"without gradients ({type(error).__name__}: {reason})"
        ) from error

    def _trace(self, call: Inputs, plain: nn.Module, run: Run) -> tuple[str, ...]:
        """What fvcore's trace counts otherwise than the run, or why there is none."""
        layers = self._observer.neurons.items()
        hidden = [*self._entered, *(path for path, layer in layers if layer.step is not None)]
        ran = {path: layer.ops for path, layer in run.layers.items()}
        try:
            with quiet_run():
                traced = traced_counts(Call(plain, call.call), call.tensors, hidden)
        except Exception as error:  # noqa: BLE001 - a tracer fails as it likes; the run has counted
            reason = first_line(error)
            return (f"not confirmed by a second count: fvcore's trace fails ({reason})",)
        found = _difference(traced, ran, hidden)
        return (found,) if found else ()

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
        paths = [name for name, _ in self.net.named_modules()]
        structure = self._observer.recorder.structure
        return counts_of(structure, operations, paths, samples, sparse, each, self.findings)


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


def count_each(
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


def _difference(
    traced: Mapping[str, OpCount], ran: Mapping[str, OpCount], hidden: Iterable[str]
) -> str:
    """The first module on which a trace and a run disagree, or nothing."""
    hidden = tuple(hidden)
    for path in sorted({*traced, *ran}):
        if within(path, hidden):
            continue
        a, b = traced.get(path, NOTHING), ran.get(path, NOTHING)
        if (a.macs, a.elementwise) != (b.macs, b.elementwise):
            where = f"module {path!r}" if path else "the module itself"
            return (
                f"{where}: fvcore's trace has {a.macs} MACs and {a.elementwise} elementwise "
                f"operations, the run {b.macs} and {b.elementwise}"
            )
    return ""


def without_padding(tokens: Tensor) -> Tensor:
    """A story [T, 1] of token indices without the zeros on its left, at least one token."""
    used = tokens.ne(0).any(1).nonzero()
    first = int(used[0]) if len(used) else len(tokens) - 1
    return tokens[first:]


class Guard(TorchFunctionMode):
    """Sees to it that everything is computed in sight.

    An input-dependent tensor that is handed to numpy or another library is refused. A custom
    operator without a formula is entered through the Python function that defines it; `entered`
    gets the paths of the modules that call one, of which a trace sees nothing.
    """

    def __init__(self, recorder: Recorder, entered: set[str]) -> None:
        super().__init__()
        self._recorder = recorder
        self._entered = entered

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        recorder = self._recorder
        if func in _WAYS_OUT and not recorder.inside_neuron:
            if recorder.info(args[0]).role == "input":
                raise UncountableError(
                    f"module {recorder.module!r} takes a tensor that depends on the input "
                    "out of torch's sight (numpy, dlpack); compute it with torch operators"
                )
        elif (definition := _definition(func, args)) is not None:
            self._entered.add(recorder.module)
            with self:
                return definition(*args, **(kwargs or {}))
        result = func(*args, **(kwargs or {}))
        for tensor in tensors_in(result):
            if type(tensor) not in (Tensor, nn.Parameter):
                recorder.info(tensor)  # while what it wraps is still there
        return result


_WAYS_OUT = {Tensor.numpy, Tensor.__array__, Tensor.__dlpack__, torch.to_dlpack}


def _definition(func: Any, args: Any) -> Any:
    """The Python function of a custom operator, or None; shapes alone may not run in it."""
    if not isinstance(func, torch._ops.OpOverload) or base_name(func.name()) in OPERATORS:
        return None
    if any(t.is_meta for t in tensors_in(args)):
        return None
    found = OPDEFS.get(func.name())
    return found and found._init_fn
