"""One step of a spiking neuron and its adjoint on a block of columns, in Triton.

The equations are those of step.py. Every choice is a compile-time constant; what is not chosen is
not compiled. A comparison keeps NaN: `where(v <= 0, 0, v)` is v for a NaN.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def charge(r, x, alpha, beta, gain):
    """H from the carried state R and the current."""
    return alpha * r + beta + gain * x


@triton.jit
def firing_potential(h, k, KLIF: tl.constexpr):
    """G, the potential that fires."""
    g = h
    if KLIF:
        scaled = k * h
        g = tl.where(scaled <= 0, 0.0, scaled)
    return g


@triton.jit
def reset(g, v_threshold, k, rest, SOFT: tl.constexpr, SCALE: tl.constexpr):
    """R, the state that is carried on."""
    spike = g >= v_threshold
    q = g
    if SOFT:
        q = tl.where(spike, g - v_threshold, g)
    if SCALE:
        q = q / k
    if not SOFT:
        q = tl.where(spike, rest, q)
    return q


@triton.jit
def emit(g, v_threshold, slope, OUTPUT: tl.constexpr, RELATED: tl.constexpr):
    """Y, what the neuron shows."""
    v = g
    if RELATED:
        v = g - v_threshold
    if OUTPUT == "spike":
        y = tl.where(g >= v_threshold, 1.0, 0.0)
    elif OUTPUT == "relu":
        y = tl.where(v <= 0, 0.0, v)
    elif OUTPUT == "leaky_relu":
        y = tl.where(v > 0, v, slope * v)
    elif OUTPUT == "selu":
        below = 1.6732632423543772 * (tl.exp(tl.where(v > 0, 0.0, v)) - 1.0)
        y = 1.0507009873554805 * tl.where(v > 0, v, below)
    else:
        y = v
    return y


@triton.jit
def activation_derivative(v, slope, OUTPUT: tl.constexpr):
    """dY/dv of an analog output; at a kink the value from below."""
    if OUTPUT == "relu":
        d = tl.where(v <= 0, 0.0, 1.0)
    elif OUTPUT == "leaky_relu":
        d = tl.where(v > 0, 1.0, slope)
    elif OUTPUT == "selu":
        below = 1.6732632423543772 * tl.exp(tl.where(v > 0, 0.0, v))
        d = 1.0507009873554805 * tl.where(v > 0, 1.0, below)
    else:
        d = v * 0.0 + 1.0
    return d


@triton.jit
def surrogate_derivative(u, width, SURROGATE: tl.constexpr):
    """The derivative that stands for that of the spike at u = G - V_th."""
    if SURROGATE == "rect":
        d = tl.where(tl.abs(u) < width, 0.5 / width, 0.0)
    elif SURROGATE == "triangle":
        height = 1.0 - tl.abs(u) / width
        d = tl.where(height <= 0, 0.0, height) / width
    elif SURROGATE == "sigmoid":
        e = tl.exp(-tl.abs(width * u))
        d = width * e / ((1.0 + e) * (1.0 + e))
    else:
        scaled = 1.5707963267948966 * width * u
        d = 0.5 * width / (1.0 + scaled * scaled)
    return d


@triton.jit
def step_back(
    h,
    grad_y,
    grad_r,
    v_threshold,
    k,
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
):
    """dL/dH, dL/dV_th and dL/dk of one step from dL/dY and dL/dR."""
    g = firing_potential(h, k, KLIF)
    u = g - v_threshold
    spike = g >= v_threshold
    grad_q = grad_r
    if SCALE:
        grad_q = grad_r / k
    zero = g * 0.0
    if SOFT:
        grad_g = grad_q
        grad_spike = -grad_q * v_threshold
        grad_threshold = tl.where(spike, -grad_q, 0.0)
        q = tl.where(spike, u, g)
    else:
        grad_g = tl.where(spike, 0.0, grad_q)
        grad_spike = grad_r * rest - grad_q * g
        grad_threshold = zero
        q = tl.where(spike, 0.0, g)
    if DETACH:
        grad_spike = zero
    grad_k = zero
    if SCALE:
        grad_k = -grad_q / k * q
    if OUTPUT == "spike":
        grad_spike += grad_y
    else:
        v = g
        if RELATED:
            v = u
        grad_v = grad_y * activation_derivative(v, slope, OUTPUT)
        grad_g += grad_v
        if RELATED:
            grad_threshold -= grad_v
    grad_u = grad_spike * surrogate_derivative(u, width, SURROGATE)
    grad_g += grad_u
    grad_threshold -= grad_u
    grad_h = grad_g
    if KLIF:
        grad_scaled = tl.where(k * h <= 0, 0.0, grad_g)
        grad_k += grad_scaled * h
        grad_h = grad_scaled * k
    return grad_h, grad_threshold, grad_k
