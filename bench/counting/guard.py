"""Functions of torch that a run must not take as they are: ways out, and custom operators."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch._library.custom_ops import OPDEFS
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from liafbench.bench.counting.formulas import OPERATORS
from liafbench.bench.counting.operators import UncountableError, base_name
from liafbench.bench.counting.recorder import Recorder


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
        for tensor in pytree.tree_leaves(result):
            if isinstance(tensor, Tensor) and type(tensor) not in (Tensor, nn.Parameter):
                recorder.info(tensor)  # while what it wraps is still there
        return result


_WAYS_OUT = {Tensor.numpy, Tensor.__array__, Tensor.__dlpack__, torch.to_dlpack}


def _definition(func: Any, args: Any) -> Any:
    """The Python function of a custom operator, or None; shapes alone may not run in it."""
    if not isinstance(func, torch._ops.OpOverload) or base_name(func.name()) in OPERATORS:
        return None
    if any(t.is_meta for t in pytree.tree_leaves(args) if isinstance(t, Tensor)):
        return None
    found = OPDEFS.get(func.name())
    return found and found._init_fn
