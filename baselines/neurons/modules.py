"""LIF, LIAF and KLIF as modules: one base, three sets of names."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from liafbench.baselines.errors import UsageError, unknown
from liafbench.baselines.neurons import operators, reference
from liafbench.baselines.neurons.activations import ACTIVATIONS
from liafbench.baselines.neurons.parameters import (
    Leak,
    Value,
    alpha_logit,
    checked_reset,
    leak,
    parameter,
    per_channel,
)
from liafbench.baselines.neurons.step import Step
from liafbench.baselines.neurons.surrogates import resolve_width

LEARNABLE = ("alpha", "beta", "v_threshold")
ENGINES = ("native", "reference")


class Neuron:
    """Mixed into a module that takes currents [T, B, ...] to outputs [T, B, ...].

    Nothing is carried from one call to the next. `output_kind` says what the outputs are:
    "spikes" (0 or 1) or "analog".
    """

    kind: str
    engine: str
    output_kind: str


def check_currents(x: Tensor, recurrent: int | None = None) -> None:
    """UsageError unless x is floating point and [T, B, ...] ([T, B, recurrent]) with T >= 1."""
    if not isinstance(x, Tensor):
        raise UsageError(f"currents must be a tensor [T, B, ...], not {type(x).__name__}")
    if not x.dtype.is_floating_point:
        raise UsageError(f"currents must be floating point, not {x.dtype}; convert with x.float()")
    shape = x.shape
    if len(shape) < 2 or shape[0] == 0:
        raise UsageError(f"currents must be [T, B, ...] with T >= 1, not of shape {list(shape)}")
    if recurrent is not None and (len(shape) != 3 or shape[2] != recurrent):
        raise UsageError(
            f"currents of a recurrent layer must be [T, B, {recurrent}], not {list(shape)}"
        )


class _Neuron(Neuron, nn.Module):
    """Parameters, checks and the choice of who computes; the step itself is in `step`."""

    beta: Tensor
    v_threshold: Tensor
    k: nn.Parameter | None
    constants: dict[str, float]
    """alpha and beta where they are plain numbers, known on the meta device too."""

    def __init__(
        self,
        step: Step,
        leak: Leak,
        v_threshold: Value,
        k: float | None,
        learnable: tuple[str, ...],
        recurrent: int | None,
        engine: str,
    ):
        super().__init__()
        if engine not in ENGINES:
            raise unknown("engine", engine, ENGINES)
        for name in learnable:
            if name not in (*LEARNABLE, *(["k"] if step.klif else [])):
                raise unknown("learnable parameter", name, LEARNABLE)
        self.step = Step.read(step.spec)  # the one that the operators look up
        self.engine, self.learnable, self.recurrent = engine, learnable, recurrent
        self.output_kind = "spikes" if step.output == "spike" else "analog"
        alpha = parameter("alpha", leak.alpha, 0, 1)
        if "alpha" in learnable:
            self.alpha_logit = alpha_logit(alpha)
        else:
            self.register_buffer("fixed_alpha", alpha, persistent=False)
        self.register_parameter("k", None if k is None else nn.Parameter(_scalar(k, step)))
        self._keep("beta", parameter("beta", leak.beta))
        self._keep("v_threshold", parameter("v_threshold", v_threshold, 0))
        given = {"alpha": leak.alpha, "beta": leak.beta}
        self.constants = {
            name: float(value)
            for name, value in given.items()
            if not isinstance(value, Tensor) and name not in learnable
        }
        if recurrent is not None:
            self.w_rec = nn.Parameter(_recurrent_weights(recurrent))

    def _keep(self, name: str, value: Tensor) -> None:
        """A parameter, or a buffer outside the state_dict: a constant belongs to the model."""
        if name in self.learnable:
            self.register_parameter(name, nn.Parameter(value))
        else:
            self.register_buffer(name, value, persistent=False)

    @property
    def alpha(self) -> Tensor:
        """The leak factor, within [0, 1]."""
        if "alpha" in self.learnable:
            return torch.sigmoid(self.alpha_logit)
        fixed = self.fixed_alpha
        assert isinstance(fixed, Tensor)
        return fixed

    @property
    def v_reset(self) -> float | None:
        """The potential after a spike; None for a soft reset."""
        return self.step.v_reset

    @property
    def scale_reset(self) -> bool:
        """Whether KLIF divides by k when it resets."""
        return self.step.scale_reset

    def forward(self, x: Tensor) -> Tensor:
        """Outputs [T, B, ...] of currents [T, B, ...]; UsageError for another rank or type."""
        check_currents(x, self.recurrent)
        alpha, beta, v_threshold = self.alpha, self.beta, self.v_threshold
        if alpha.dim() or beta.dim() or v_threshold.dim():  # else spared three calls
            alpha = per_channel(alpha, x, "alpha")
            beta = per_channel(beta, x, "beta")
            v_threshold = per_channel(v_threshold, x, "v_threshold")
        shaped = alpha, beta, v_threshold, self.k
        w_rec = None if self.recurrent is None else self.w_rec
        if self.engine == "reference":
            with operators.autocast_off(x):
                return reference.run(x, *shaped, self.step, w_rec)
        if w_rec is None:
            return operators.neuron(x, *shaped, self.step.spec)
        return operators.neuron_recurrent(x, w_rec, *shaped, self.step.spec)

    def extra_repr(self) -> str:
        alpha = self.alpha
        shown = f"{alpha.item():.3g}" if alpha.dim() == 0 else list(alpha.shape)
        parts = [f"alpha={shown}", f"gain={self.step.gain:.3g}", f"v_reset={self.step.v_reset}"]
        parts += [f"surrogate={self.step.surrogate}", f"engine={self.engine}"]
        parts += [f"learnable={self.learnable}"] if self.learnable else []
        parts += [f"recurrent={self.recurrent}"] if self.recurrent else []
        return ", ".join(parts)


class LIF(_Neuron):
    """Leaky integrate-and-fire: U = alpha*R + beta + gain*X, a spike where U >= v_threshold.

    `v_reset=None` is the soft reset. alpha, beta and v_threshold: a number, one value per channel
    (1-d, for currents [T, B, C, ...]), or a tensor that broadcasts against x[0]. `tau` (with
    `decay_input`) is another spelling of alpha, beta and gain (see `leak`). `learnable` names
    parameters among alpha, beta, v_threshold; a learnable alpha is the sigmoid of `alpha_logit`
    and starts inside (0, 1). `width` is the surrogate's scale. `recurrent=N` adds W_rec Y[t-1]
    (`w_rec` [N, N], not scaled by gain) to U for currents [T, B, N]. The state is float32.
    Source: LIAF-Net, arXiv 2011.06176. Raises UsageError for values out of range.
    """

    kind = "lif"

    def __init__(
        self,
        alpha: Value | None = None,
        beta: Value | None = None,
        v_threshold: Value = 1.0,
        v_reset: float | None = 0.0,
        gain: float | None = None,
        surrogate: str = "rect",
        detach_reset: bool = False,
        *,
        tau: float | None = None,
        decay_input: bool = True,
        width: float | None = None,
        learnable: tuple[str, ...] = (),
        recurrent: int | None = None,
        engine: str = "native",
    ):
        chosen = leak(alpha, beta, gain, tau, decay_input, v_reset)
        step = Step(
            gain=chosen.gain,
            v_reset=checked_reset(v_reset, chosen.beta, tuple(learnable)),
            surrogate=surrogate,
            width=resolve_width(surrogate, width),
            detach_reset=bool(detach_reset),
        )
        super().__init__(step, chosen, v_threshold, None, tuple(learnable), recurrent, engine)


class LIAF(_Neuron):
    """Leaky integrate and analog fire: the dynamics of LIF, the output an activation of U.

    Y = act(U - v_threshold) if `threshold_related`, else act(U); the spike only resets.
    `activation`: relu, selu, leaky_relu (`slope` below zero) or identity. The other options are
    those of LIF. Source: arXiv 2011.06176.
    """

    kind = "liaf"

    def __init__(
        self,
        alpha: Value | None = None,
        beta: Value | None = None,
        v_threshold: Value = 1.0,
        v_reset: float | None = 0.0,
        gain: float | None = None,
        surrogate: str = "rect",
        detach_reset: bool = False,
        activation: str = "relu",
        threshold_related: bool = False,
        *,
        slope: float = 0.01,
        tau: float | None = None,
        decay_input: bool = True,
        width: float | None = None,
        learnable: tuple[str, ...] = (),
        recurrent: int | None = None,
        engine: str = "native",
    ):
        if activation not in ACTIVATIONS:
            raise unknown("activation", activation, ACTIVATIONS)
        chosen = leak(alpha, beta, gain, tau, decay_input, v_reset)
        step = Step(
            gain=chosen.gain,
            v_reset=checked_reset(v_reset, chosen.beta, tuple(learnable)),
            surrogate=surrogate,
            width=resolve_width(surrogate, width),
            output=activation,
            threshold_related=bool(threshold_related),
            detach_reset=bool(detach_reset),
            slope=float(slope),
        )
        super().__init__(step, chosen, v_threshold, None, tuple(learnable), recurrent, engine)


class KLIF(_Neuron):
    """k-based LIF: H as in LIF, G = ReLU(k*H), a spike where G >= v_threshold.

    k is one learnable scalar, starting at `k`; freeze it with `neuron.k.requires_grad_(False)`.
    `tau` is 2 unless alpha, beta or gain is given; `decay_input` scales the input by 1/tau.
    `scale_reset` divides the carried state by k. The other options are those of LIF.
    Source: KLIF, arXiv 2302.09238.
    """

    kind = "klif"

    def __init__(
        self,
        tau: float | None = None,
        v_threshold: Value = 1.0,
        v_reset: float | None = 0.0,
        decay_input: bool = True,
        scale_reset: bool = False,
        k: float = 1.0,
        surrogate: str = "sigmoid",
        detach_reset: bool = False,
        *,
        alpha: Value | None = None,
        beta: Value | None = None,
        gain: float | None = None,
        width: float | None = None,
        learnable: tuple[str, ...] = ("k",),
        recurrent: int | None = None,
        engine: str = "native",
    ):
        if tau is None and alpha is None and beta is None and gain is None:
            tau = 2.0
        chosen = leak(alpha, beta, gain, tau, decay_input, v_reset)
        step = Step(
            gain=chosen.gain,
            v_reset=checked_reset(v_reset, chosen.beta, tuple(learnable)),
            surrogate=surrogate,
            width=resolve_width(surrogate, width),
            klif=True,
            scale_reset=bool(scale_reset),
            detach_reset=bool(detach_reset),
        )
        super().__init__(step, chosen, v_threshold, k, tuple(learnable), recurrent, engine)


def _scalar(k: float, step: Step) -> Tensor:
    start = parameter("k", k)
    if start.dim() != 0 or (step.scale_reset and start.item() == 0):
        raise UsageError(f"k={k} must be one number, and not 0 with scale_reset")
    return start


def _recurrent_weights(features: int) -> Tensor:
    """[N, N] (to, from), uniform in +-1/sqrt(N), as torch.nn.RNN draws its weights."""
    if isinstance(features, bool) or not isinstance(features, int) or features < 1:
        raise UsageError(f"recurrent={features!r} must be the number of features, at least 1")
    bound = 1 / math.sqrt(features)
    return torch.empty(features, features).uniform_(-bound, bound)
