"""What goes wrong in spiking layers while training, measured layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from liafbench.baselines.neurons import Neuron


@dataclass(frozen=True)
class Finding:
    """One thing wrong with one layer.

    `what` is "silent" or "saturated" (share of non-zero outputs 0 or 1), "k <= 0" (KLIF is dead:
    the smallest k seen), "k*alpha > 1" (the sub-threshold gain of KLIF without scale_reset grows:
    the largest seen) or "not finite" (the largest share of such inputs or outputs in one call).
    """

    layer: str
    what: str
    value: float


class Health:
    """Watches every neuron layer of a network while it is open, without waiting for the device.

    Every call in evaluation mode is measured; of the calls in training mode the 1st, 2nd, 4th,
    8th and so on, which costs next to nothing. Rates are those of the latest evaluation (or of
    the training calls, when nothing was evaluated since); k and non-finite values are remembered.
    """

    def __init__(self, net: nn.Module):
        self._layers = {
            name or type(module).__name__: _Layer(module)
            for name, module in net.named_modules()
            if isinstance(module, Neuron)
        }

    def __enter__(self) -> Health:
        for layer in self._layers.values():
            layer.open()
        return self

    def __exit__(self, *_error: object) -> None:
        for layer in self._layers.values():
            layer.close()

    def findings(self) -> list[Finding]:
        """Everything wrong so far, layer by layer in the order of the network."""
        return [
            Finding(name, what, value)
            for name, layer in self._layers.items()
            for what, value in layer.wrong()
        ]

    def spike_rates(self) -> dict[str, float]:
        """Spikes per neuron and time step of every layer that shows spikes and was called."""
        rates = ((name, layer.rate()) for name, layer in self._layers.items() if layer.spikes)
        return {name: rate for name, rate in rates if rate is not None}


class _Layer:
    """The tallies of one neuron layer."""

    def __init__(self, module: Any):
        self.module = module
        self.spikes = module.output_kind == "spikes"
        self.handle: Any = None
        self.evaluating = False
        self.training_calls = 0
        self.nonzero: Tensor | None = None
        self.total = 0
        self.not_finite: Tensor | None = None
        self.k_low: Tensor | None = None
        self.gain_high: Tensor | None = None

    def open(self) -> None:
        self.handle = self.module.register_forward_hook(self._called)

    def close(self) -> None:
        if self.handle is not None:
            self.handle.remove()
            self.handle = None

    @torch.no_grad()
    def _called(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if module.training:
            self.training_calls += 1
            if self.training_calls & (self.training_calls - 1):
                return
        if self.evaluating == module.training:
            self.evaluating = not module.training
            self.nonzero, self.total = None, 0
        nonzero = output.count_nonzero()
        self.nonzero = nonzero if self.nonzero is None else self.nonzero + nonzero
        self.total += output.numel()
        # A spike never shows the NaN of its potential: the input does.
        share = torch.stack([1 - t.isfinite().double().mean() for t in (inputs[0], output)]).amax()
        self.not_finite = _worst(self.not_finite, share)
        self._watch_k()

    def _watch_k(self) -> None:
        k = getattr(self.module, "k", None)
        if k is None:
            return
        self.k_low = k.clone() if self.k_low is None else torch.minimum(self.k_low, k)
        if not self.module.step.scale_reset:
            self.gain_high = _worst(self.gain_high, (k * self.module.alpha.to(k)).amax())

    @torch.no_grad()
    def wrong(self) -> list[tuple[str, float]]:
        """Pairs of what is wrong and its value."""
        self._watch_k()
        found = []
        rate = self.rate()
        if rate == 0:
            found.append(("silent", rate))
        if rate == 1 and self.spikes:
            found.append(("saturated", rate))
        if self.k_low is not None and not self.k_low.item() > 0:
            found.append(("k <= 0", self.k_low.item()))
        if self.gain_high is not None and self.gain_high.item() > 1:
            found.append(("k*alpha > 1", self.gain_high.item()))
        if self.not_finite is not None and self.not_finite.item() > 0:
            found.append(("not finite", self.not_finite.item()))
        return found

    def rate(self) -> float | None:
        """Share of non-zero outputs; None before the first call."""
        return self.nonzero.item() / self.total if self.nonzero is not None and self.total else None


def _worst(before: Tensor | None, now: Tensor) -> Tensor:
    """The larger of two; a NaN stays."""
    return now if before is None else torch.maximum(before, now)
