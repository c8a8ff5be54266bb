"""The `neurons` benchmark: the kernels of the neurons against memory, libraries and ReLU."""

from liafbench.bench.kernels.suite import Found, Plan, run

__all__ = ["Found", "Plan", "run"]
