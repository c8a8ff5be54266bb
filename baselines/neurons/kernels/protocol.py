"""What a kernel is: the members that `select` and the operators rely on."""

from __future__ import annotations

from typing import Protocol, TypeVar

from torch import Tensor

from liafbench.baselines.neurons.step import Step

Gradients = tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None, Tensor | None]
Needs = tuple[bool, bool, bool, bool, bool]
RecurrentGradients = tuple[
    Tensor | None, Tensor | None, Tensor | None, Tensor | None, Tensor | None, Tensor | None
]
RecurrentNeeds = tuple[bool, bool, bool, bool, bool, bool]


class Kernel(Protocol):
    """Forward and backward of all time steps.

    x is [T, ...] of any floating type and any strides; the output and the gradient of x are
    allocated with `torch.empty_like(x)`. alpha, beta and v_threshold are 0-dim or broadcast
    against x[0]; k is 0-dim, or None without KLIF. The state is kept in `state_dtype(x.dtype)`.
    """

    @property
    def name(self) -> str:
        """Short name; LIAFBENCH_KERNEL is held against the part before the first "-"."""

    def refuses(self, x: Tensor, parameters: tuple[Tensor, ...], step: Step) -> str | None:
        """Why this kernel cannot compute the step on x, or None when it can.

        `parameters` is (alpha, beta, v_threshold).
        """

    def forward(
        self,
        x: Tensor,
        alpha: Tensor,
        beta: Tensor,
        v_threshold: Tensor,
        k: Tensor | None,
        step: Step,
    ) -> Tensor:
        """The outputs, shaped, typed and laid out like x."""

    def backward(
        self,
        grad_y: Tensor,
        x: Tensor,
        alpha: Tensor,
        beta: Tensor,
        v_threshold: Tensor,
        k: Tensor | None,
        step: Step,
        needs: Needs,
    ) -> Gradients:
        """Gradients of (x, alpha, beta, v_threshold, k), None where `needs` is False.

        Each has the shape and type of what it is the gradient of. The potential is recomputed
        from x. grad_y has the shape of x and any strides.
        """


class RecurrentKernel(Protocol):
    """As `Kernel`, for x [T, B, N] and recurrent weights w_rec [N, N] (to, from), which stand
    behind x among the arguments, the needs and the gradients. Results are contiguous.
    """

    @property
    def name(self) -> str:
        """As of `Kernel`."""

    def refuses(self, x: Tensor, parameters: tuple[Tensor, ...], step: Step) -> str | None:
        """As of `Kernel`."""

    def forward(
        self,
        x: Tensor,
        w_rec: Tensor,
        alpha: Tensor,
        beta: Tensor,
        v_threshold: Tensor,
        k: Tensor | None,
        step: Step,
    ) -> Tensor:
        """The outputs, shaped and typed like x."""

    def backward(
        self,
        grad_y: Tensor,
        x: Tensor,
        w_rec: Tensor,
        alpha: Tensor,
        beta: Tensor,
        v_threshold: Tensor,
        k: Tensor | None,
        step: Step,
        needs: RecurrentNeeds,
    ) -> RecurrentGradients:
        """Gradients of (x, w_rec, alpha, beta, v_threshold, k), None where `needs` is False."""


AnyKernel = TypeVar("AnyKernel", Kernel, RecurrentKernel)
