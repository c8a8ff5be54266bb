"""LIF, LIAF and KLIF neurons: one exact definition, computed by fused operators."""

from liafbench.baselines.neurons.modules import KLIF, LIAF, LIF, Neuron

__all__ = ["KLIF", "LIAF", "LIF", "Neuron"]
