"""The loops over time in Triton: one program takes a block of columns through all steps.

The backward pass is given x only. It keeps the state at the start of every CHUNK steps in memory,
then takes the chunks from the last to the first: recomputes one into registers, walks back.
"""

from __future__ import annotations

import triton
import triton.language as tl

from liafbench.baselines.neurons.kernels.triton_step import (
    charge,
    emit,
    firing_potential,
    reset,
    step_back,
)


@triton.jit
def parameter(values, column, inside, period, inner):
    """Value number (column // inner) % period of each column."""
    return tl.load(values + (column // inner) % period, mask=inside, other=0.0)


@triton.jit
def forward(
    x,
    y,
    alpha_values,
    beta_values,
    threshold_values,
    k_value,
    time_steps,
    columns,
    x_stride,
    alpha_period,
    alpha_inner,
    beta_period,
    beta_inner,
    threshold_period,
    threshold_inner,
    gain,
    rest,
    width,
    slope,
    OUTPUT: tl.constexpr,
    RELATED: tl.constexpr,
    SOFT: tl.constexpr,
    KLIF: tl.constexpr,
    SCALE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    column = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = column < columns
    alpha = parameter(alpha_values, column, inside, alpha_period, alpha_inner)
    beta = parameter(beta_values, column, inside, beta_period, beta_inner)
    v_threshold = parameter(threshold_values, column, inside, threshold_period, threshold_inner)
    k = tl.load(k_value)
    from_x = x + column
    to_y = y + column
    r = tl.zeros([BLOCK], tl.float32) + rest
    for _ in range(time_steps):
        current = tl.load(from_x, mask=inside, other=0.0).to(tl.float32)
        g = firing_potential(charge(r, current, alpha, beta, gain), k, KLIF)
        shown = emit(g, v_threshold, slope, OUTPUT, RELATED)
        r = reset(g, v_threshold, k, rest, SOFT, SCALE)
        tl.store(to_y, shown.to(y.dtype.element_ty), mask=inside)
        from_x += x_stride
        to_y += columns


@triton.jit
def backward(
    x,
    grad_y,
    grad_x,
    checkpoints,
    sum_alpha,
    sum_beta,
    sum_threshold,
    sum_k,
    alpha_values,
    beta_values,
    threshold_values,
    k_value,
    time_steps,
    chunks,
    columns,
    x_stride,
    grad_y_stride,
    x_last_chunk,
    grad_y_last_chunk,
    grad_x_last_chunk,
    alpha_period,
    alpha_inner,
    beta_period,
    beta_inner,
    threshold_period,
    threshold_inner,
    gain,
    rest,
    width,
    slope,
    OUTPUT: tl.constexpr,
    RELATED: tl.constexpr,
    SURROGATE: tl.constexpr,
    SOFT: tl.constexpr,
    KLIF: tl.constexpr,
    SCALE: tl.constexpr,
    DETACH: tl.constexpr,
    WANT_X: tl.constexpr,
    WANT_ALPHA: tl.constexpr,
    WANT_BETA: tl.constexpr,
    WANT_THRESHOLD: tl.constexpr,
    WANT_K: tl.constexpr,
    CHUNK: tl.constexpr,
    BLOCK: tl.constexpr,
):
    column = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = column < columns
    alpha = parameter(alpha_values, column, inside, alpha_period, alpha_inner)
    beta = parameter(beta_values, column, inside, beta_period, beta_inner)
    v_threshold = parameter(threshold_values, column, inside, threshold_period, threshold_inner)
    k = tl.load(k_value)

    # Forward, keeping the state that every chunk but the first starts from.
    from_x = x + column
    kept = checkpoints + column
    r = tl.zeros([BLOCK], tl.float32) + rest
    for _ in range(chunks - 1):
        for _ in tl.static_range(CHUNK):
            current = tl.load(from_x, mask=inside, other=0.0).to(tl.float32)
            g = firing_potential(charge(r, current, alpha, beta, gain), k, KLIF)
            r = reset(g, v_threshold, k, rest, SOFT, SCALE)
            from_x += x_stride
        tl.store(kept, r, mask=inside)
        kept += columns

    of_alpha = tl.zeros([BLOCK], tl.float64)
    of_beta = tl.zeros([BLOCK], tl.float64)
    of_threshold = tl.zeros([BLOCK], tl.float64)
    of_k = tl.zeros([BLOCK], tl.float64)
    grad_r = tl.zeros([BLOCK], tl.float32)
    from_x = x + x_last_chunk + column
    from_y = grad_y + grad_y_last_chunk + column
    to_x = grad_x + grad_x_last_chunk + column
    for done in range(chunks):
        start = (chunks - 1 - done) * CHUNK
        first_step = tl.zeros([BLOCK], tl.int32) + start
        # R before the chunk, from the step before which it was last carried.
        r = tl.zeros([BLOCK], tl.float32) + rest
        if start > 0:
            kept -= columns
            r = tl.load(kept, mask=inside, other=0.0)
        states = ()
        charged = ()
        for i in tl.static_range(CHUNK):
            here = inside & (first_step + i < time_steps)
            current = tl.load(from_x + i * x_stride, mask=here, other=0.0).to(tl.float32)
            h = charge(r, current, alpha, beta, gain)
            states = states + (r,)  # type: ignore[assignment] # noqa: RUF005
            charged = charged + (h,)  # type: ignore[assignment] # noqa: RUF005
            r = reset(firing_potential(h, k, KLIF), v_threshold, k, rest, SOFT, SCALE)
        for j in tl.static_range(CHUNK - 1, -1, -1):
            here = inside & (first_step + j < time_steps)
            incoming = tl.load(from_y + j * grad_y_stride, mask=here, other=0.0).to(tl.float32)
            grad_h, grad_threshold, grad_k = step_back(
                charged[j],
                incoming,
                grad_r,
                v_threshold,
                k,
                rest,
                width,
                slope,
                OUTPUT,
                RELATED,
                SURROGATE,
                SOFT,
                KLIF,
                SCALE,
                DETACH,
            )
            # Steps past the last exist in no tensor: what they hand on is dropped.
            grad_h = tl.where(here, grad_h, 0.0)
            grad_r = alpha * grad_h
            if WANT_X:
                out = (gain * grad_h).to(grad_x.dtype.element_ty)
                tl.store(to_x + j * columns, out, mask=here)
            if WANT_ALPHA:
                of_alpha += (grad_h * states[j]).to(tl.float64)
            if WANT_BETA:
                of_beta += grad_h.to(tl.float64)
            if WANT_THRESHOLD:
                of_threshold += tl.where(here, grad_threshold, 0.0).to(tl.float64)
            if WANT_K:
                of_k += tl.where(here, grad_k, 0.0).to(tl.float64)
        from_x -= CHUNK * x_stride
        from_y -= CHUNK * grad_y_stride
        to_x -= CHUNK * columns
    if WANT_ALPHA:
        tl.store(sum_alpha + column, of_alpha, mask=inside)
    if WANT_BETA:
        tl.store(sum_beta + column, of_beta, mask=inside)
    if WANT_THRESHOLD:
        tl.store(sum_threshold + column, of_threshold, mask=inside)
    if WANT_K:
        tl.store(sum_k + tl.program_id(0), tl.sum(of_k, 0))
