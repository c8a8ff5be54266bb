"""Training: one loop for every baseline, its recipe, and what goes wrong in it."""

from liafbench.bench.training.evaluate import Predictions, predict
from liafbench.bench.training.loop import Diverged, Fit, fit

__all__ = ["Diverged", "Fit", "Predictions", "fit", "predict"]
