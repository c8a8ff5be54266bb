"""LIF, LIAF and KLIF neurons: one exact definition, computed by fused operators."""

from baselines.neurons.interface import Neuron
from baselines.neurons.modules import KLIF, LIAF, LIF

__all__ = ["KLIF", "LIAF", "LIF", "Neuron"]
