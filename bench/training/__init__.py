"""Training: one loop for every baseline, its recipe, and what goes wrong in it."""

from bench.training.evaluate import Predictions, predict
from bench.training.loop import Diverged, Fit, fit

__all__ = ["Diverged", "Fit", "Predictions", "fit", "predict"]
