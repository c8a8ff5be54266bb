// The adjoint of one step, element by element.
#pragma once

#include "step.h"

enum class Surrogate { rect, triangle, sigmoid, atan };

constexpr Surrogate surrogate = Surrogate::SURROGATE;
constexpr bool detach_reset = DETACH_RESET;

inline float absolute(float v) { return __builtin_fabsf(v); }

// Derivative of the surrogate at u = G - V_th; every one integrates to 1.
inline float surrogate_derivative(float u, const Constants& c) {
    switch (surrogate) {
        case Surrogate::rect:
            return absolute(u) < c.width ? 0.5f / c.width : 0.0f;
        case Surrogate::triangle: {
            const float height = 1.0f - absolute(u) / c.width;
            return (height <= 0.0f ? 0.0f : height) / c.width;
        }
        case Surrogate::sigmoid: {
            const float e = exp_of_negative(-absolute(c.width * u));
            return c.width * e / ((1.0f + e) * (1.0f + e));
        }
        case Surrogate::atan: {
            const float scaled = 1.57079633f * c.width * u;
            return 0.5f * c.width / (1.0f + scaled * scaled);
        }
    }
}

// At a kink the value from below.
inline float activation_derivative(float v, const Constants& c) {
    switch (output) {
        case Output::relu:
            return v <= 0.0f ? 0.0f : 1.0f;
        case Output::leaky_relu:
            return v > 0.0f ? 1.0f : c.slope;
        case Output::selu: {
            const float tail = selu_alpha * exp_of_negative(v > 0.0f ? 0.0f : v);
            return selu_scale * (v > 0.0f ? 1.0f : tail);
        }
        default:
            return 1.0f;
    }
}

struct StepGradient {
    float h, v_threshold, k;
};

// From the gradients of Y[t] and R[t] to those of H[t], V_th and k.
inline StepGradient step_backward(
    float h, float grad_y, float grad_r, const Parameters& p, const Constants& c) {
    const float g = firing_potential(h, c);
    const float u = g - p.v_threshold;
    const bool spike = g >= p.v_threshold;
    const float scale = scale_reset ? 1.0f / c.k : 1.0f;

    // R = Q/k or Q, plus the resting state of those that spiked with a hard reset.
    const float grad_q = grad_r * scale;
    float grad_g = soft_reset ? grad_q : (spike ? 0.0f : grad_q);
    float grad_spike = soft_reset ? -grad_q * p.v_threshold : grad_r * c.rest - grad_q * g;
    float grad_threshold = soft_reset && spike ? -grad_q : 0.0f;
    const float q = soft_reset ? (spike ? u : g) : (spike ? 0.0f : g);
    float grad_k = scale_reset ? -grad_q * scale * q : 0.0f;
    if (detach_reset) grad_spike = 0.0f;

    if (output == Output::spike) {
        grad_spike += grad_y;
    } else {
        const float grad_v = grad_y * activation_derivative(threshold_related ? u : g, c);
        grad_g += grad_v;
        if (threshold_related) grad_threshold -= grad_v;
    }
    const float grad_u = grad_spike * surrogate_derivative(u, c);
    grad_g += grad_u;
    grad_threshold -= grad_u;

    if (!klif) return {grad_g, grad_threshold, 0.0f};
    const float grad_scaled = c.k * h <= 0.0f ? 0.0f : grad_g;
    return {grad_scaled * c.k, grad_threshold, grad_k + grad_scaled * h};
}
