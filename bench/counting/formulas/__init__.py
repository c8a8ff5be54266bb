"""Every operator that is known: importing this package fills `operators.OPERATORS`."""

from liafbench.bench.counting.formulas import (
    composed,
    elementwise,
    moves,
    neurons,
    reductions,
    synaptic,
)
from liafbench.bench.counting.operators import OPERATORS, Operator

__all__ = [
    "OPERATORS",
    "Operator",
    "composed",
    "elementwise",
    "moves",
    "neurons",
    "reductions",
    "synaptic",
]
