"""The kernels of the neurons against memory, libraries and ReLU."""

from studies.neurons.suite import Found, Plan, run

__all__ = ["Found", "Plan", "run"]
