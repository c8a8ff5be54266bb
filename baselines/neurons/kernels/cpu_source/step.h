// One step of a spiking neuron, element by element, in the variant that the macros name.
// Every choice is a compile-time constant: a branch in an inner loop would stop vectorisation.
#pragma once

#include <cstdint>
#include <cstring>

enum class Surrogate { rect, sigmoid, atan, triangle };
enum class Output { spike, identity, relu, leaky_relu, selu };

constexpr Surrogate surrogate = Surrogate::SURROGATE;
constexpr Output output = Output::OUTPUT;
constexpr bool soft_reset = SOFT_RESET;
constexpr bool detach_reset = DETACH_RESET;
constexpr bool threshold_related = THRESHOLD_RELATED;
constexpr bool klif = KLIF;
constexpr bool scale_reset = SCALE_RESET;

// What is the same for every column and every time step.
struct Constants {
    float gain;
    float v_reset;  // unused with a soft reset
    float width;    // of the surrogate
    float slope;    // of leaky_relu
    float k;        // of KLIF
};

// exp(x) for x <= 0 to 1 ulp or so: x = n ln 2 + r, a polynomial in r, n added to the exponent.
// Written without a call and without a branch; NaN stays NaN.
inline float exp_of_negative(float x) {
    x = x < -87.0f ? -87.0f : x;
    constexpr float round_to_integer = 12582912.0f;  // 1.5 * 2^23
    const float shifted = x * 1.44269504f + round_to_integer;
    const float n = shifted - round_to_integer;
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    int32_t bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    const int32_t power_bits = (bits << 23) + 0x3f800000;
    float power;
    std::memcpy(&power, &power_bits, sizeof power);
    return p * power;
}

inline float absolute(float x) { return x < 0.0f ? -x : x; }

// Derivative of the surrogate at distance z from the threshold.
inline float surrogate_derivative(float z, const Constants& c) {
    switch (surrogate) {
        case Surrogate::rect:
            return absolute(z) < c.width ? 1.0f : 0.0f;
        case Surrogate::triangle: {
            const float height = 1.0f - absolute(z) / c.width;
            return height > 0.0f ? height : 0.0f;
        }
        case Surrogate::atan: {
            const float scaled = 1.57079633f * c.width * z;
            return 0.5f * c.width / (1.0f + scaled * scaled);
        }
        case Surrogate::sigmoid: {
            const float e = exp_of_negative(-absolute(c.width * z));
            return c.width * e / ((1.0f + e) * (1.0f + e));
        }
    }
}

constexpr float selu_scale = 1.05070099f;
constexpr float selu_alpha = 1.67326324f;

inline float activation(float a, const Constants& c) {
    switch (output) {
        case Output::relu:
            return a <= 0.0f ? 0.0f : a;
        case Output::leaky_relu:
            return a > 0.0f ? a : c.slope * a;
        case Output::selu: {
            const float negative = a > 0.0f ? 0.0f : a;
            const float tail = selu_alpha * (exp_of_negative(negative) - 1.0f);
            return selu_scale * (a > 0.0f ? a : tail);
        }
        default:
            return a;
    }
}

inline float activation_derivative(float a, const Constants& c) {
    switch (output) {
        case Output::relu:
            return a <= 0.0f ? 0.0f : 1.0f;
        case Output::leaky_relu:
            return a > 0.0f ? 1.0f : c.slope;
        case Output::selu: {
            const float negative = a > 0.0f ? 0.0f : a;
            const float tail = selu_alpha * exp_of_negative(negative);
            return selu_scale * (a > 0.0f ? 1.0f : tail);
        }
        default:
            return 1.0f;
    }
}

// What a neuron has of its own: shared by all, per channel or per neuron.
struct Parameters {
    float alpha, beta, v_threshold;
};

inline float charge(float reset, float x, const Parameters& p, const Constants& c) {
    return p.alpha * reset + p.beta + c.gain * x;
}

// The potential that fires: KLIF's ReLU(k H), H itself otherwise. NaN passes.
inline float firing_potential(float h, const Constants& c) {
    if (!klif) return h;
    const float scaled = c.k * h;
    return scaled <= 0.0f ? 0.0f : scaled;
}

inline float reset(float g, bool spike, const Parameters& p, const Constants& c) {
    const float carried = klif && scale_reset ? g / c.k : g;
    if (!soft_reset) return spike ? c.v_reset : carried;
    const float lowered = spike ? g - p.v_threshold : g;
    return klif && scale_reset ? lowered / c.k : lowered;
}

inline float emit(float g, bool spike, const Parameters& p, const Constants& c) {
    if (output == Output::spike) return spike ? 1.0f : 0.0f;
    return activation(threshold_related ? g - p.v_threshold : g, c);
}

// Gradients of one step. `h` is recomputed, `grad_reset` comes from step t + 1.
struct StepGradient {
    float h, v_threshold, k;
};

inline StepGradient step_backward(
    float h, float grad_y, float grad_reset, const Parameters& p, const Constants& c) {
    const float g = firing_potential(h, c);
    const float distance = g - p.v_threshold;
    const bool spike = g >= p.v_threshold;
    const float surrogate_slope = surrogate_derivative(distance, c);
    const float scale = klif && scale_reset ? 1.0f / c.k : 1.0f;

    float grad_g, grad_spike, grad_threshold, grad_k = 0.0f;
    if (soft_reset) {
        grad_g = grad_reset * scale;
        grad_spike = detach_reset ? 0.0f : -grad_reset * scale * p.v_threshold;
        grad_threshold = spike ? -grad_reset * scale : 0.0f;
        if (klif && scale_reset) {
            grad_k = -grad_reset * scale * scale * (spike ? distance : g);
        }
    } else {
        grad_g = spike ? 0.0f : grad_reset * scale;
        grad_spike = detach_reset ? 0.0f : grad_reset * (c.v_reset - g * scale);
        grad_threshold = 0.0f;
        if (klif && scale_reset) grad_k = spike ? 0.0f : -grad_reset * scale * scale * g;
    }
    if (output == Output::spike) {
        grad_spike += grad_y;
    } else {
        const float through =
            grad_y * activation_derivative(threshold_related ? distance : g, c);
        grad_g += through;
        if (threshold_related) grad_threshold -= through;
    }
    grad_g += grad_spike * surrogate_slope;
    grad_threshold -= grad_spike * surrogate_slope;
    if (!klif) return {grad_g, grad_threshold, 0.0f};
    const bool silent = c.k * h <= 0.0f;
    grad_k += silent ? 0.0f : grad_g * h;
    return {silent ? 0.0f : grad_g * c.k, grad_threshold, grad_k};
}
