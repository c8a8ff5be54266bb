"""One neuron layer of each kind, by the fused operators and by their definition."""

from __future__ import annotations

import torch

from liafbench.baselines.engines import make_neuron

from .common import REPEAT

SHAPE = (8, 32, 65536)


class NeuronLayer:
    """8 time steps of 32 samples with 65,536 neurons: 64 MiB, more than the caches hold, so that
    what is computed twice takes twice as long.
    """

    version = "2"
    repeat = REPEAT
    params = (["native", "reference"], ["lif", "liaf", "klif"])
    param_names = ("engine", "kind")

    def setup(self, engine: str, kind: str) -> None:
        self.neuron = make_neuron(engine, kind)
        generator = torch.Generator().manual_seed(0)
        self.x = torch.randn(SHAPE, generator=generator).requires_grad_()
        self.grad = torch.randn(SHAPE, generator=generator)

    def time_forward(self, engine: str, kind: str) -> None:
        with torch.no_grad():
            self.neuron(self.x)

    def time_training(self, engine: str, kind: str) -> None:
        self.neuron(self.x).backward(self.grad)
        self.x.grad = None
