"""The fused neuron as operators of PyTorch, so that autograd, torch.compile, tracing and `opcheck`
know it: `liafbench::neuron` and `liafbench::neuron_recurrent`, each with its backward.

Currents x are [T, ...]; alpha, beta and v_threshold are 0-dim or broadcast against x[0], k is
0-dim (None: no KLIF). `step` is the `spec` of a `Step`: one string, since PyTorch looks every
argument of an operator up again at every call. Under autocast x stays as
it comes and the state is float32. The backward is not differentiable a second time.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, library
from torch._ops import OpOverload

from liafbench.baselines.neurons.kernels import select, select_recurrent
from liafbench.baselines.neurons.step import Step

_PARAMETERS = "Tensor alpha, Tensor beta, Tensor v_threshold, Tensor? k"
_OUT = "Tensor grad_x, Tensor grad_alpha, Tensor grad_beta, Tensor grad_v_threshold, Tensor grad_k"


def autocast_off(x: Tensor) -> AbstractContextManager[object]:
    """The state is float32 even under autocast: run the steps inside this."""
    if x.is_meta:  # shapes alone are never cast
        return nullcontext()
    return torch.autocast(x.device.type, enabled=False)


def _step(k: Tensor | None, spec: str) -> Step:
    step = Step.read(spec)
    if step.klif != (k is not None):
        raise RuntimeError(f"klif is {step.klif} in the step, and k is {k}")
    return step


def _filled(grads: tuple[Tensor | None, ...], x: Tensor) -> tuple[Tensor, ...]:
    """An operator returns tensors only: an empty one stands for a gradient that is not needed."""
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


def _forward(x, alpha, beta, v_threshold, k, spec):
    step = _step(k, spec)
    kernel = select(x, (alpha, beta, v_threshold), step)
    return kernel.forward(x, alpha, beta, v_threshold, k, step)


def _fake_forward(x, alpha, beta, v_threshold, k, spec):
    return torch.empty_like(x)


def _backward(grad_y, x, alpha, beta, v_threshold, k, spec, needs):
    step = _step(k, spec)
    kernel = select(x, (alpha, beta, v_threshold), step)
    return kernel.backward(grad_y, x, alpha, beta, v_threshold, k, step, tuple(needs))


def _fake_backward(grad_y, x, alpha, beta, v_threshold, k, spec, needs):
    return _fake_gradients(needs, (x, alpha, beta, v_threshold, k))


def _recurrent_forward(x, w_rec, alpha, beta, v_threshold, k, spec):
    step = _step(k, spec)
    kernel = select_recurrent(x, (alpha, beta, v_threshold), step)
    return kernel.forward(x, w_rec, alpha, beta, v_threshold, k, step)


def _fake_recurrent_forward(x, w_rec, alpha, beta, v_threshold, k, spec):
    return x.new_empty(x.shape)


def _recurrent_backward(grad_y, x, w_rec, alpha, beta, v_threshold, k, spec, needs):
    step = _step(k, spec)
    kernel = select_recurrent(x, (alpha, beta, v_threshold), step)
    return kernel.backward(grad_y, x, w_rec, alpha, beta, v_threshold, k, step, tuple(needs))


def _fake_recurrent_backward(grad_y, x, w_rec, alpha, beta, v_threshold, k, spec, needs):
    grads = _fake_gradients(needs, (x, w_rec, alpha, beta, v_threshold, k))
    return (x.new_empty(x.shape), *grads[1:]) if needs[0] else grads


# Defined in the library itself: what custom_op wraps around a call costs more than a
# small layer computes.
_library = library.Library("liafbench", "DEF")


def _define(name: str, schema: str, compute: Any, fake: Any, *, x_at: int = 0) -> OpOverload:
    """`x_at`: where x stands among the inputs."""

    def filled(*inputs: Any) -> Any:
        x = inputs[x_at]
        # Autocast would take the products within a step to the type of x.
        casts = torch.is_autocast_enabled(x.device.type)
        with autocast_off(x) if casts else nullcontext():
            outputs = compute(*inputs)
        return outputs if isinstance(outputs, Tensor) else _filled(outputs, x)

    _library.define(f"{name}{schema}", tags=torch.Tag.pt2_compliant_tag)
    _library.impl(name, filled, "CompositeExplicitAutograd")
    library.register_fake(f"liafbench::{name}", fake, lib=_library)
    return getattr(torch.ops.liafbench, name).default


def _differentiate(forward: OpOverload, backward: OpOverload, tensors: int) -> None:
    """Registers autograd (only the inputs are saved); `tensors` lead the arguments."""

    def setup(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:tensors])
        ctx.step = inputs[tensors]

    def back(ctx: Any, grad_y: Tensor) -> tuple[Tensor | None, ...]:
        needs = list(ctx.needs_input_grad[:tensors])
        grads = backward(grad_y, *ctx.saved_tensors, ctx.step, needs)
        return (*(g if need else None for g, need in zip(grads, needs, strict=True)), None)

    def refuse(ctx: Any, *grads: Tensor) -> None:
        raise RuntimeError(f"{backward} is not differentiable: there is no second derivative")

    library.register_autograd(forward, back, setup_context=setup, lib=_library)
    library.register_autograd(backward, refuse, lib=_library)


neuron = _define(
    "neuron", f"(Tensor x, {_PARAMETERS}, str step) -> Tensor", _forward, _fake_forward
)
"""Outputs [T, ...] of currents [T, ...]; see `Step` for the equations."""

neuron_backward = _define(
    "neuron_backward",
    f"(Tensor grad_y, Tensor x, {_PARAMETERS}, str step, bool[] needs) -> ({_OUT})",
    _backward,
    _fake_backward,
    x_at=1,
)
"""Gradients of (x, alpha, beta, v_threshold, k); an empty tensor where `needs` is False."""

neuron_recurrent = _define(
    "neuron_recurrent",
    f"(Tensor x, Tensor w_rec, {_PARAMETERS}, str step) -> Tensor",
    _recurrent_forward,
    _fake_recurrent_forward,
)
"""Outputs [T, B, N] of currents [T, B, N]; H[t] also gets W_rec Y[t-1], w_rec [N, N]."""

neuron_recurrent_backward = _define(
    "neuron_recurrent_backward",
    f"(Tensor grad_y, Tensor x, Tensor w_rec, {_PARAMETERS}, str step, bool[] needs) -> "
    + f"({_OUT})".replace("Tensor grad_alpha", "Tensor grad_w_rec, Tensor grad_alpha"),
    _recurrent_backward,
    _fake_recurrent_backward,
    x_at=1,
)
"""Gradients of (x, w_rec, alpha, beta, v_threshold, k); empty where `needs` is False."""

_differentiate(neuron, neuron_backward, tensors=5)
_differentiate(neuron_recurrent, neuron_recurrent_backward, tensors=6)
