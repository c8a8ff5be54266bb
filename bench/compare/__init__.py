"""Two results folders held against each other."""

from bench.compare.differences import differences
from bench.compare.ratios import ratios, read_side

__all__ = ["differences", "ratios", "read_side"]
