"""The definition: the equations of step.py as a plain loop over time, under plain autograd."""

from __future__ import annotations

import torch
from torch import Tensor

from liafbench.baselines.neurons.activations import activate
from liafbench.baselines.neurons.step import Step, state_dtype
from liafbench.baselines.neurons.surrogates import spike


def run(
    x: Tensor,
    alpha: Tensor,
    beta: Tensor,
    v_threshold: Tensor,
    k: Tensor | None,
    step: Step,
    w_rec: Tensor | None = None,
) -> Tensor:
    """Outputs [T, ...] of currents [T, ...]; with `w_rec` [N, N] H[t] also gets W_rec Y[t-1].

    The state is float32 (float64 for float64 input); the output has the type of x.
    """
    dtype = state_dtype(x.dtype)
    alpha, beta, v_threshold = alpha.to(dtype), beta.to(dtype), v_threshold.to(dtype)
    outputs = []
    # unbind, not x[t]: the backward of T indexings fills T tensors of the size of x.
    currents = x.to(dtype).unbind(0)
    r = torch.full_like(currents[0], step.rest)
    y = torch.zeros_like(currents[0])
    for current in currents:
        h = alpha * r + beta + step.gain * current
        if w_rec is not None:
            h = h + y @ w_rec.to(dtype).T
        g = h if k is None else torch.relu(k.to(dtype) * h)
        f = spike(g - v_threshold, step.surrogate, step.width)
        r = _reset(g, f, v_threshold, k, step)
        y = f if step.output == "spike" else _show(g, v_threshold, step)
        outputs.append(y)
    return torch.stack(outputs).to(x.dtype)


def _reset(g: Tensor, f: Tensor, v_threshold: Tensor, k: Tensor | None, step: Step) -> Tensor:
    if step.detach_reset:
        f = f.detach()
    q = g - f * v_threshold if step.v_reset is None else (1 - f) * g
    if step.scale_reset and k is not None:
        q = q / k.to(q.dtype)
    return q if step.v_reset is None else q + f * step.v_reset


def _show(g: Tensor, v_threshold: Tensor, step: Step) -> Tensor:
    v = g - v_threshold if step.threshold_related else g
    return activate(v, step.output, step.slope)
