"""What is known of every tensor of a run."""

from __future__ import annotations

from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from liafbench.bench.counting.known import ANALOG, FRESH, Kind, Known
from liafbench.bench.counting.numbering import Numbering
from liafbench.bench.counting.tally import UncountableError


class Facts:
    """Knowledge by tensor, for one run at a time; the numbers of weights stay."""

    def __init__(self, net: nn.Module) -> None:
        self.numbering = Numbering(net)
        self._facts: WeakTensorKeyDictionary = WeakTensorKeyDictionary()

    def declare(self, tensor: Tensor, kind: Kind) -> None:
        """An input of the network, and its kind."""
        self._facts[tensor] = Known("input", kind)

    def of(self, tensor: Tensor, module: str, *, anything: bool = False) -> Known:
        """What is known of a tensor; constants become known when they are met.

        A tensor that was made during the run and by no operator is an error naming `module`,
        unless `anything` goes.
        """
        fact = self._facts.get(tensor)
        if fact is None:
            fact = self._met(tensor, module, anything)
            self._facts[tensor] = fact
        return fact

    def _met(self, tensor: Tensor, module: str, anything: bool) -> Known:
        # Only what is made inside inference_mode, where a run takes place, is such a tensor.
        if not tensor.is_inference():
            return Known("weight", number=self.numbering.of_leaf(tensor))
        if tensor.dim() and not anything:
            raise UncountableError(
                f"module {module!r} uses a tensor of shape {tuple(tensor.shape)} that came up "
                "out of torch's sight (numpy, an extension); compute it with torch operators"
            )
        return FRESH

    def learn(self, tensor: Tensor, fact: Known, mutated: bool = False) -> None:
        """What an operator made; `mutated`: in place, and with it whatever shares its memory."""
        self._facts[tensor] = fact
        if not mutated or fact.role != "input":
            return
        storage = tensor.untyped_storage()._cdata
        for other in list(self._facts.keys()):
            if other is not tensor and other.untyped_storage()._cdata == storage:
                # Written through a view: what it is now decides what the whole is.
                old = self._facts[other]
                kind = fact.kind if old.role != "input" or old.kind == fact.kind else ANALOG
                self._facts[other] = Known("input", kind, origin=old.origin | fact.origin)

    def forget(self) -> None:
        """The end of a run."""
        self._facts = WeakTensorKeyDictionary()
