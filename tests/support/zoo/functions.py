"""Firing functions with a surrogate derivative, in the ways people write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

Fire = Callable[[Tensor], Tensor]


class Spelling(NamedTuple):
    """A firing function, its operations per element (None: no table says them), what it makes."""

    fire: Fire
    cost: int | None = 1
    kind: str = "spikes"


class SavedTensors(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, v: Tensor) -> Tensor:
        ctx.save_for_backward(v)
        return (v > 0).float()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (v,) = ctx.saved_tensors
        return grad / (1 + 10 * v.abs()) ** 2


class SavedInput(torch.autograd.Function):
    """The name of the argument is the name that its callers use; the result is cloned input."""

    @staticmethod
    def forward(ctx: Any, input: Tensor) -> Tensor:
        ctx.save_for_backward(input)
        out = torch.zeros_like(input)
        out[input > 0] = 1.0
        return out

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (input,) = ctx.saved_tensors
        grad = grad_output.clone()
        grad[input.abs() > 0.5] = 0
        return grad


class WithWidth(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, v: Tensor, width: float, shape: str = "rect") -> Tensor:
        ctx.save_for_backward(v)
        ctx.width, ctx.shape = width, shape
        return v.gt(0.0).to(v.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (v,) = ctx.saved_tensors
        return grad * (v.abs() < ctx.width).to(grad), None, None


class WithThreshold(torch.autograd.Function):
    """The threshold is a tensor that is learned as well."""

    @staticmethod
    def forward(ctx: Any, v: Tensor, threshold: Tensor) -> Tensor:
        ctx.save_for_backward(v, threshold)
        return torch.gt(v, threshold).type(torch.float32)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        v, threshold = ctx.saved_tensors
        near = grad * torch.exp(-((v - threshold) ** 2))
        return near, -near.sum()


class SetupContext(torch.autograd.Function):
    @staticmethod
    def forward(v: Tensor, alpha: float) -> Tensor:
        return (v > 0).to(v)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        v, ctx.alpha = inputs
        ctx.save_for_backward(v)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (v,) = ctx.saved_tensors
        return grad * torch.sigmoid(ctx.alpha * v), None


class ForVmap(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(v: Tensor) -> Tensor:
        return (v > 0) * 1.0

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (v,) = ctx.saved_tensors
        return grad * (1 - torch.tanh(v) ** 2)


class Outer(torch.autograd.Function):
    """A Function that calls another one."""

    @staticmethod
    def forward(ctx: Any, v: Tensor) -> Tensor:
        z = SavedTensors.apply(v)
        ctx.save_for_backward(v, z)
        return z

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


class WithDerivative(torch.autograd.Function):
    """Computes its derivative on the way forward and keeps it: 2 operations more."""

    @staticmethod
    def forward(ctx: Any, v: Tensor) -> Tensor:
        ctx.near = 1 - v.abs()
        return (v > 0).float()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad * ctx.near.clamp(min=0)


class TwoResults(torch.autograd.Function):
    """Spikes and the potential after them, together."""

    @staticmethod
    def forward(ctx: Any, v: Tensor) -> tuple[Tensor, Tensor]:
        z = (v > 0).float()
        ctx.save_for_backward(z)
        return z, v * (1 - z)

    @staticmethod
    def backward(ctx: Any, dz: Tensor, dv: Tensor) -> Tensor:
        (z,) = ctx.saved_tensors
        return dz + dv * (1 - z)


class ClassWithSpike:
    """A surrogate as a class of static methods, as some libraries ship it."""

    slope = 25.0

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, u: Tensor) -> Tensor:
            ctx.save_for_backward(u)
            return u.ge(1e-9).float()

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> Tensor:
            (u,) = ctx.saved_tensors
            return grad / (ClassWithSpike.slope * u.abs() + 1) ** 2

    @staticmethod
    def spike(u: Tensor) -> Tensor:
        return ClassWithSpike.Function.apply(u)


class FireModule(nn.Module):
    """A surrogate as a module with a learned slope that only the derivative needs."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(5.0))

    def forward(self, x: Tensor) -> Tensor:
        return WithSlope.apply(x, self.slope)


class WithSlope(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: Tensor) -> Tensor:
        ctx.save_for_backward(x, slope)
        return torch.where(x > 0, 1.0, 0.0)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        x, slope = ctx.saved_tensors
        return grad * slope * torch.sigmoid(slope * x), None


def made_by_closure(width: float) -> Fire:
    class Rectangle(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, v: Tensor) -> Tensor:
            ctx.mark_non_differentiable()
            ctx.near = (v.abs() < width).to(v)
            return v.gt(0).to(v)

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> Tensor:
            return grad * ctx.near

    return Rectangle.apply


FUNCTIONS: dict[str, Spelling] = {
    "saved_tensors": Spelling(SavedTensors.apply),
    "saved_input": Spelling(SavedInput.apply, None),
    "with_width": Spelling(lambda v: WithWidth.apply(v, 0.5)),
    "with_width_and_name": Spelling(lambda membrane: WithWidth.apply(membrane, 1.0, "box")),
    "with_threshold": Spelling(lambda v: WithThreshold.apply(v, torch.zeros(()))),
    "setup_context": Spelling(lambda v: SetupContext.apply(v, 4.0)),
    "for_vmap": Spelling(ForVmap.apply, None),
    "nested": Spelling(Outer.apply),
    "with_derivative": Spelling(WithDerivative.apply, 3),
    "class_with_spike": Spelling(ClassWithSpike.spike),
    "two_results": Spelling(lambda v: TwoResults.apply(v)[0], 3),
    "closure": Spelling(made_by_closure(0.5), 3),
}
