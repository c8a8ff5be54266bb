"""LIF, LIAF and KLIF neurons: one exact definition, computed by fused operators."""

from liafbench.baselines.neurons.interface import Neuron
from liafbench.baselines.neurons.modules import KLIF, LIAF, LIF

__all__ = ["KLIF", "LIAF", "LIF", "Neuron"]
