"""Two results folders held against each other."""

from liafbench.bench.compare.differences import differences
from liafbench.bench.compare.ratios import ratios, read_side

__all__ = ["differences", "ratios", "read_side"]
