"""The same neurons from several engines, under one set of constructor names."""

from liafbench.baselines.engines.registry import ENGINES, KINDS, make_neuron

__all__ = ["ENGINES", "KINDS", "make_neuron"]
