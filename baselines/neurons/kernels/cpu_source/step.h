// One step of a spiking neuron, element by element, in the variant that the macros name.
// Every choice is a compile-time constant: a branch in an inner loop would stop vectorisation.
#pragma once

#include <cstdint>
#include <cstring>

#include "exponential.h"

enum class Output { spike, identity, relu, leaky_relu, selu };

constexpr Output output = Output::OUTPUT;
constexpr bool soft_reset = SOFT_RESET;
constexpr bool threshold_related = THRESHOLD_RELATED;
constexpr bool klif = KLIF;
constexpr bool scale_reset = SCALE_RESET;

constexpr float selu_scale = 1.05070099f;
constexpr float selu_alpha = 1.67326324f;

// What is the same for every column and every time step.
struct Constants {
    float gain;
    float rest;   // the state before the first step, and after a spike with a hard reset
    float width;  // of the surrogate
    float slope;  // of leaky_relu below zero
    float k;      // of KLIF
};

// What a neuron has of its own: shared by all, per channel or per neuron.
struct Parameters {
    float alpha, beta, v_threshold;
};

inline float charge(float carried, float x, const Parameters& p, const Constants& c) {
    return p.alpha * carried + p.beta + c.gain * x;
}

// The value or 0. By its bits: from a choice between floats GCC makes two ways to whatever depends on
// it, and computes both for all lanes.
inline float kept_if(bool keep, float v) {
    uint32_t bits;
    std::memcpy(&bits, &v, sizeof bits);
    bits &= -static_cast<uint32_t>(keep);
    std::memcpy(&v, &bits, sizeof v);
    return v;
}

// G, the potential that fires: ReLU(k H) with KLIF, else H. NaN passes.
inline float firing_potential(float h, const Constants& c) {
    if (!klif) return h;
    const float scaled = c.k * h;
    return kept_if(!(scaled <= 0.0f), scaled);
}

// R, the state that is carried on.
inline float reset(float g, bool spike, const Parameters& p, const Constants& c) {
    const float kept = soft_reset && spike ? g - p.v_threshold : g;
    const float scaled = scale_reset ? kept / c.k : kept;
    return !soft_reset && spike ? c.rest : scaled;
}

inline float activation(float v, const Constants& c) {
    switch (output) {
        case Output::relu:
            return v <= 0.0f ? 0.0f : v;
        case Output::leaky_relu:
            return v > 0.0f ? v : c.slope * v;
        case Output::selu: {
            const float tail = selu_alpha * (exp_of_negative(v > 0.0f ? 0.0f : v) - 1.0f);
            return selu_scale * (v > 0.0f ? v : tail);
        }
        default:
            return v;
    }
}

// Y, what the neuron shows.
inline float emit(float g, bool spike, const Parameters& p, const Constants& c) {
    if (output == Output::spike) return spike ? 1.0f : 0.0f;
    return activation(threshold_related ? g - p.v_threshold : g, c);
}
