"""The values a neuron is built from: checked, spelled one way, fixed or learnable."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from liafbench.baselines.errors import UsageError

Value = float | Tensor


@dataclass(frozen=True)
class Leak:
    """The sub-threshold dynamics H = alpha*R + beta + gain*X."""

    alpha: Value
    beta: Value
    gain: float


def leak(
    alpha: Value | None,
    beta: Value | None,
    gain: float | None,
    tau: float | None,
    decay_input: bool,
    v_reset: float | None,
) -> Leak:
    """Alpha, beta and gain, given as such or as a time constant tau (in steps, at least 1).

    With tau: alpha = 1 - 1/tau, beta = v_reset/tau (0 with a soft reset), and gain = 1/tau with
    `decay_input`, else 1. UsageError when both spellings are mixed.
    """
    if tau is None:
        return Leak(
            0.5 if alpha is None else alpha,
            0.0 if beta is None else beta,
            1.0 if gain is None else _finite("gain", gain),
        )
    mixed = [n for n, v in (("alpha", alpha), ("beta", beta), ("gain", gain)) if v is not None]
    if mixed:
        raise UsageError(f"tau sets {', '.join(mixed)} too; give tau or alpha, beta, gain")
    if _finite("tau", tau) < 1:
        raise UsageError(f"tau={tau} must be at least 1 time step (alpha = 1 - 1/tau)")
    return Leak(1 - 1 / tau, (v_reset or 0.0) / tau, 1 / tau if decay_input else 1.0)


def checked_reset(v_reset: float | None, beta: Value, learnable: tuple[str, ...]) -> float | None:
    """v_reset as a float, None for a soft reset, which goes without a beta."""
    if v_reset is None:
        if "beta" in learnable or bool((_tensor("beta", beta) != 0).any()):
            raise UsageError("a soft reset (v_reset=None) goes without beta: leave beta at 0")
        return None
    return _finite("v_reset", v_reset)


def parameter(name: str, value: Value, low: float = -math.inf, high: float = math.inf) -> Tensor:
    """A float32 tensor (0-dim, per channel or per neuron) of checked values."""
    tensor = _tensor(name, value).detach().clone()
    if tensor.is_complex() or tensor.dtype == torch.bool:
        raise UsageError(f"{name} must be real, not {tensor.dtype}")
    tensor = tensor.float()
    if not bool(torch.isfinite(tensor).all()):
        raise UsageError(f"{name} must be finite")
    if not bool(((tensor >= low) & (tensor <= high)).all()):
        bounds = f"within [{low:g}, {high:g}]" if math.isfinite(high) else f"at least {low:g}"
        raise UsageError(f"{name} must be {bounds}, not {_range(tensor)}")
    return tensor


def alpha_logit(alpha: Tensor) -> nn.Parameter:
    """The logit a learnable alpha is the sigmoid of: alpha stays in [0, 1] whatever is learned.

    The initial value must lie inside (0, 1), since 0 and 1 have no finite logit: UsageError.
    """
    if not bool(((alpha > 0) & (alpha < 1)).all()):
        raise UsageError(
            f"a learnable alpha starts inside (0, 1), not at {_range(alpha)}; "
            "alpha = 0 or 1 can only be fixed"
        )
    return nn.Parameter(torch.logit(alpha.double()).float())


def per_channel(value: Tensor, x: Tensor, name: str) -> Tensor:
    """The value shaped to broadcast against x[0].

    Against [T, B, C, ...] a 1-d value of C entries is one per channel: [C, 1, ...].
    """
    if value.dim() == 0:
        return value
    given = list(value.shape)
    if value.dim() == 1 and x.dim() > 3:
        value = value.reshape(-1, *[1] * (x.dim() - 3))
    sizes = zip(reversed(value.shape), reversed(x.shape[1:]), strict=False)
    if value.dim() >= x.dim() or any(n not in (1, m) for n, m in sizes):
        raise UsageError(
            f"{name} of shape {given} does not fit currents {list(x.shape)}: give a "
            "number, one value per channel, or a shape that broadcasts against one time step"
        )
    return value


def _tensor(name: str, value: Value) -> Tensor:
    try:
        tensor = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UsageError(f"{name}={value!r} is neither a number nor a tensor") from error
    if tensor.is_meta:
        # A constant is in no state_dict: nothing would ever give it its value back.
        raise UsageError(
            f"{name} would lose its value on the meta device; build neurons within "
            "torch.device('cpu'), as networks do"
        )
    return tensor


def _finite(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UsageError(f"{name}={value!r} must be a finite number")
    return float(value)


def _range(tensor: Tensor) -> str:
    low, high = tensor.min().item(), tensor.max().item()
    return f"{low:g}" if low == high else f"{low:g}...{high:g}"
