"""A guard: what depends on the input must not leave torch, where nothing could count it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from liafbench.bench.counting.tally import UncountableError

if TYPE_CHECKING:
    from liafbench.bench.counting.observer import Observer

_WAYS_OUT = {Tensor.numpy, Tensor.__array__, Tensor.__dlpack__, torch.to_dlpack}


class Sight(TorchFunctionMode):
    """Refuses to hand an input-dependent tensor to numpy or another library."""

    def __init__(self, observer: Observer) -> None:
        super().__init__()
        self._observer = observer

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        watched = func in _WAYS_OUT and not self._observer.inside_neuron
        if watched and self._observer.known(args[0]).role == "input":
            raise UncountableError(
                f"module {self._observer.module!r} takes a tensor that depends on the input "
                "out of torch's sight (numpy, dlpack); compute it with torch operators"
            )
        return func(*args, **(kwargs or {}))
