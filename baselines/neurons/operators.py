"""The fused neuron as operators of PyTorch, so that autograd, autocast, torch.compile, tracing and
`opcheck` know it: `liafbench::neuron` and `liafbench::neuron_recurrent`, each with its backward.

Currents x are [T, ...]; alpha, beta and v_threshold are 0-dim or broadcast against x[0], k is
0-dim (None: no KLIF). The other arguments are the fields of `Step`. Under autocast x is taken to
float32. The backward is not differentiable a second time.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from baselines.neurons.kernels import recurrent, select
from baselines.neurons.step import Step

_STEP = (
    "float gain, float? v_reset, str surrogate, float width, str output, float? slope, "
    "bool threshold_related, bool scale_reset, bool detach_reset"
)
_PARAMETERS = "Tensor alpha, Tensor beta, Tensor v_threshold, Tensor? k"
_OUT = "Tensor grad_x, Tensor grad_alpha, Tensor grad_beta, Tensor grad_v_threshold, Tensor grad_k"


def _step(k: Tensor | None, options: tuple[Any, ...]) -> Step:
    """The Step of an operator's trailing arguments, in the order of `_STEP`."""
    gain, v_reset, surrogate, width, output, slope, related, scale, detach = options
    return Step(
        gain=gain,
        v_reset=v_reset,
        surrogate=surrogate,
        width=width,
        output=output,
        slope=0.0 if slope is None else slope,
        threshold_related=related,
        klif=k is not None,
        scale_reset=scale,
        detach_reset=detach,
    )


def options(step: Step) -> tuple[Any, ...]:
    """The trailing arguments of both operators for a Step."""
    return (
        step.gain,
        step.v_reset,
        step.surrogate,
        step.width,
        step.output,
        step.slope if step.output == "leaky_relu" else None,
        step.threshold_related,
        step.scale_reset,
        step.detach_reset,
    )


def _filled(grads: tuple[Tensor | None, ...], x: Tensor) -> tuple[Tensor, ...]:
    """An operator returns tensors only: an empty one stands for a gradient nobody needs."""
    return tuple(x.new_empty(0) if grad is None else grad for grad in grads)


def _fake_gradients(needs: list[bool], tensors: tuple[Tensor | None, ...]) -> tuple[Tensor, ...]:
    grads: list[Tensor | None] = [
        t.new_empty(t.shape) if need and t is not None else None
        for need, t in zip(needs, tensors, strict=True)
    ]
    x = tensors[0]
    assert x is not None
    if needs[0]:
        grads[0] = torch.empty_like(x)
    return _filled(tuple(grads), x)


@torch.library.custom_op(
    "liafbench::neuron", mutates_args=(), schema=f"(Tensor x, {_PARAMETERS}, {_STEP}) -> Tensor"
)
def neuron(x, alpha, beta, v_threshold, k, *rest):
    """Outputs [T, ...] of currents [T, ...]; see `Step` for the equations."""
    step = _step(k, rest)
    kernel = select(x, _tensors(alpha, beta, v_threshold, k), step)
    return kernel.forward(x, alpha, beta, v_threshold, k, step)


@neuron.register_fake
def _(x, alpha, beta, v_threshold, k, *rest):
    return torch.empty_like(x)


@torch.library.custom_op(
    "liafbench::neuron_backward",
    mutates_args=(),
    schema=f"(Tensor grad_y, Tensor x, {_PARAMETERS}, {_STEP}, bool[] needs) -> ({_OUT})",
)
def neuron_backward(grad_y, x, alpha, beta, v_threshold, k, *rest):
    """Gradients of (x, alpha, beta, v_threshold, k); an empty tensor where `needs` is False."""
    *fields, needs = rest
    step = _step(k, tuple(fields))
    kernel = select(x, _tensors(alpha, beta, v_threshold, k), step)
    grads = kernel.backward(grad_y, x, alpha, beta, v_threshold, k, step, tuple(needs))
    return _filled(grads, x)


@neuron_backward.register_fake
def _(grad_y, x, alpha, beta, v_threshold, k, *rest):
    return _fake_gradients(rest[-1], (x, alpha, beta, v_threshold, k))


@torch.library.custom_op(
    "liafbench::neuron_recurrent",
    mutates_args=(),
    schema=f"(Tensor x, Tensor w_rec, {_PARAMETERS}, {_STEP}) -> Tensor",
)
def neuron_recurrent(x, w_rec, alpha, beta, v_threshold, k, *rest):
    """Outputs [T, B, N] of currents [T, B, N]; H[t] also gets W_rec Y[t-1], w_rec [N, N]."""
    return recurrent.forward(x, w_rec, alpha, beta, v_threshold, k, _step(k, rest))


@neuron_recurrent.register_fake
def _(x, w_rec, alpha, beta, v_threshold, k, *rest):
    return x.new_empty(x.shape)


@torch.library.custom_op(
    "liafbench::neuron_recurrent_backward",
    mutates_args=(),
    schema=f"(Tensor grad_y, Tensor x, Tensor w_rec, {_PARAMETERS}, {_STEP}, bool[] needs) -> "
    + f"({_OUT})".replace("Tensor grad_alpha", "Tensor grad_w_rec, Tensor grad_alpha"),
)
def neuron_recurrent_backward(grad_y, x, w_rec, alpha, beta, v_threshold, k, *rest):
    """Gradients of (x, w_rec, alpha, beta, v_threshold, k); empty where `needs` is False."""
    *fields, needs = rest
    step = _step(k, tuple(fields))
    grads = recurrent.backward(grad_y, x, w_rec, alpha, beta, v_threshold, k, step, tuple(needs))
    return _filled(grads, x)


@neuron_recurrent_backward.register_fake
def _(grad_y, x, w_rec, alpha, beta, v_threshold, k, *rest):
    grads = _fake_gradients(rest[-1], (x, w_rec, alpha, beta, v_threshold, k))
    return (x.new_empty(x.shape), *grads[1:]) if rest[-1][0] else grads


def _tensors(*parameters: Tensor | None) -> tuple[Tensor, ...]:
    return tuple(p for p in parameters if p is not None)


def _differentiable(operator: Any, backward: Any, tensors: int) -> None:
    """Registers autograd (only the inputs are saved) and autocast; `tensors` lead the arguments."""

    def setup(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:tensors])
        ctx.options = inputs[tensors:]

    def back(ctx: Any, grad_y: Tensor) -> tuple[Tensor | None, ...]:
        needs = list(ctx.needs_input_grad[:tensors])
        grads = backward(grad_y, *ctx.saved_tensors, *ctx.options, needs)
        kept = [g if need else None for g, need in zip(grads, needs, strict=True)]
        return (*kept, *(None for _ in ctx.options))

    operator.register_autograd(back, setup_context=setup)
    for device_type in ("cpu", "cuda"):
        operator.register_autocast(device_type, torch.float32)


_differentiable(neuron, neuron_backward, tensors=5)
_differentiable(neuron_recurrent, neuron_recurrent_backward, tensors=6)
