"""The recurrent neuron compiled for the CPU: a few samples at a time go through all time steps."""

from __future__ import annotations

import torch
from torch import Tensor

from liafbench.baselines.neurons.kernels import cpu_build, cpu_call
from liafbench.baselines.neurons.kernels.cpu import PARALLEL_FROM, varied_by_column
from liafbench.baselines.neurons.kernels.fallback import stands_aside
from liafbench.baselines.neurons.kernels.layout import spread
from liafbench.baselines.neurons.kernels.protocol import RecurrentGradients, RecurrentNeeds
from liafbench.baselines.neurons.kernels.recurrent import PortableRecurrent
from liafbench.baselines.neurons.step import Step

SAMPLES = 8  # of a block: as many rows as a product keeps in registers
MOST_NEURONS = cpu_call.MAX_BLOCK // SAMPLES  # more: the weights leave the caches anyway


class CpuRecurrent:
    """Serves float32 and bfloat16 on the CPU, for layers whose weights fit a cache."""

    name = "cpu"

    def refuses(self, x: Tensor, parameters: tuple[Tensor, ...], step: Step) -> str | None:
        if x.device.type != "cpu":
            return f"x is on {x.device.type}"
        if x.dtype not in cpu_call.VALUES:
            return f"x is {str(x.dtype).removeprefix('torch.')}, not float32 or bfloat16"
        if x.shape[2] > MOST_NEURONS:
            return f"{x.shape[2]} recurrent neurons, more than {MOST_NEURONS}"
        try:
            cpu_call.recurrent_forward_library(step.spec, x.dtype, varied_by_column(*parameters))
        except cpu_build.Unavailable as reason:
            return str(reason)
        return None

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
        layer = _Layer(x, (alpha, beta, v_threshold), k, step)
        weights = layer.weights(w_rec.T)
        y = torch.empty_like(layer.x)
        call = layer.call
        call.weights, call.layer.y = weights.data_ptr(), y.data_ptr()
        library = cpu_call.recurrent_forward_library(step.spec, x.dtype, layer.varied)
        library.recurrent_forward(call)
        return y

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
        """Without its backward variant the portable kernel steps in; its products round otherwise,
        so that a spike at the very threshold may be another than in the forward pass.
        """
        parameters = (alpha, beta, v_threshold)
        layer = _Layer(x, parameters, k, step)
        wanted = cpu_call.wanted_sums(needs, k)
        try:
            library = cpu_call.recurrent_backward_library(step.spec, x.dtype, layer.varied, wanted)
        except cpu_build.Unavailable as reason:
            stands_aside(f"kernel cpu stands aside in a recurrent backward pass: {reason}")
            return PortableRecurrent().backward(grad_y, x, w_rec, *parameters, k, step, needs)
        grad_y = grad_y.to(x.dtype).contiguous()
        weights, weights_back = layer.weights(w_rec.T), layer.weights(w_rec)
        grad_h, shown = layer.empty_rows(), layer.empty_rows()
        call = layer.call
        call.weights, call.weights_back = weights.data_ptr(), weights_back.data_ptr()
        call.potential, call.shown = grad_h.data_ptr(), shown.data_ptr()
        call.layer.grad_y, call.layer.grad_y_stride = grad_y.data_ptr(), grad_y.stride(0)
        summed = (*layer.parameters, k)
        sums = cpu_call.ParameterSums(call.layer, layer.spreads, summed, wanted)
        library.recurrent_backward(call)

        grad_h, shown = layer.neurons_of(grad_h), layer.neurons_of(shown)
        grad_x = torch.mul(grad_h, step.gain).to(x.dtype) if needs[0] else None
        grad_w = None
        if needs[1]:
            grad_w = grad_h[1:].flatten(0, 1).T @ shown[:-1].flatten(0, 1)
        return (
            None if grad_x is None else grad_x.contiguous(),
            None if grad_w is None else grad_w.to(w_rec.dtype),
            *layer.gradients(sums, (*parameters, k)),
        )


class _Layer:
    """x [T, B, N] with its parameters, each row of neurons padded to whole vectors."""

    def __init__(self, x: Tensor, parameters: tuple[Tensor, ...], k: Tensor | None, step: Step):
        self.x = x.contiguous()
        time_steps, samples, self.neurons = x.shape
        self.row = max(1, -(-self.neurons // cpu_call.ROW)) * cpu_call.ROW
        self.varied = varied_by_column(*parameters)
        self.parameters = tuple(self._by_column(p) for p in parameters)
        frame, strides = (samples, self.row), (self.row, 1)
        self.spreads = tuple(spread(tuple(p.shape), frame, strides) for p in self.parameters)
        self.values = tuple(
            each.values(p) for each, p in zip(self.spreads, self.parameters, strict=True)
        )
        block = SAMPLES * self.row
        threads = torch.get_num_threads() if x.numel() >= PARALLEL_FROM else 1
        self.call = cpu_call.RecurrentCall(
            layer=cpu_call.Call(
                time_steps=time_steps,
                columns=samples * self.row,
                block=block,
                threads=max(1, min(threads, -(-samples // SAMPLES))),
                x=self.x.data_ptr(),
                x_stride=self.x.stride(0),
                constants=cpu_call.constants(step, k),
            ),
            neurons=self.neurons,
            padded=self.row,
        )
        cpu_call.lay_out(self.call.layer, self.spreads)
        cpu_call.point(self.call.layer, *self.values)

    def weights(self, matrix: Tensor) -> Tensor:
        """[N, N] with padded rows; RuntimeError for another shape or device."""
        if matrix.shape != (self.neurons, self.neurons) or matrix.device != self.x.device:
            raise RuntimeError(
                f"w_rec is {tuple(matrix.shape)} on {matrix.device} and x has {self.neurons} "
                f"neurons on {self.x.device}"
            )
        return self._padded(matrix)

    def _padded(self, rows: Tensor) -> Tensor:
        """Rows of neurons [..., N] in float32, with zeros behind them."""
        wide = self.x.new_zeros((*rows.shape[:-1], self.row), dtype=torch.float32)
        wide[..., : self.neurons] = rows.detach()
        return wide

    def _by_column(self, parameter: Tensor) -> Tensor:
        one_each = parameter.dim() > 0 and parameter.shape[-1] > 1
        return self._padded(parameter) if one_each else parameter

    def empty_rows(self) -> Tensor:
        """[T, B, padded], uninitialised."""
        return self.x.new_empty((*self.x.shape[:2], self.row), dtype=torch.float32)

    def neurons_of(self, rows: Tensor) -> Tensor:
        """What belongs to neurons of [..., padded]."""
        return rows[..., : self.neurons]

    def gradients(
        self, sums: cpu_call.ParameterSums, given: tuple[Tensor | None, ...]
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None]:
        """Of alpha, beta, v_threshold and k, in the shape and type each was given in."""
        of_alpha, of_beta, of_threshold, of_k = (
            None if grad is None or parameter is None else self._as_given(grad, parameter)
            for grad, parameter in zip(sums.gradients(), given, strict=True)
        )
        return of_alpha, of_beta, of_threshold, of_k

    def _as_given(self, grad: Tensor, parameter: Tensor) -> Tensor:
        narrow = grad if grad.shape == parameter.shape else self.neurons_of(grad)
        return narrow.to(parameter.dtype).contiguous()
