// A layer whose outputs come back through weights: H[t] also gets W_rec Y[t-1]. No sample needs
// another, so that a block of a few whole samples goes through all time steps at once.
#pragma once

#include "blocks.h"
#include "product.h"

// Mirrored field by field in cpu_call.py. The layer's columns are [samples][padded], those
// behind a sample's neurons nobody's; only x, y and grad_y are without them.
struct RecurrentCall {
    Call layer;
    int64_t neurons, padded;
    const float* weights;       // from a neuron [neurons] to all [padded]
    const float* weights_back;  // to a neuron [neurons] from all [padded]
    float* potential;           // [time steps][columns]: H, then dL/dH
    float* shown;               // [time steps][columns]: Y
};

// Some whole samples of a layer.
struct Samples {
    const RecurrentCall& call;
    int64_t first, n;  // columns
    BlockParameters parameters;

    Samples(const RecurrentCall& call, int64_t first, int64_t n)
        : call(call), first(first), n(n), parameters(call.layer, first, n) {}

    // What the neurons get from (or hand back through) the others' rows.
    void multiply(const float* rows, const float* matrix, State& arriving) const {
        product(n / call.padded, rows, matrix, call.neurons, call.padded, arriving.values);
        // An infinite output would leave NaN (inf * 0) in columns that are nobody's.
        for (int64_t row = 0; row < n; row += call.padded) {
            float* behind = arriving.values + row + call.neurons;
            std::memset(behind, 0, (call.padded - call.neurons) * sizeof(float));
        }
    }
    // A row of `potential` or `shown`.
    float* row(float* all, int64_t t) const { return all + t * call.layer.columns + first; }

    // Calls visit(column in the block, element of a time step of x, how many are a neuron's).
    template <typename Visit>
    void for_each_tile(Visit visit) const {
        for (int64_t s = 0; s < n / call.padded; ++s) {
            const int64_t element = (first / call.padded + s) * call.neurons;
            for (int64_t i = 0; i < call.neurons; i += tile) {
                const int64_t left = call.neurons - i;
                visit(s * call.padded + i, element + i, left < tile ? left : tile);
            }
        }
    }
};

// n values of a tile in memory, as a whole tile.
struct WholeTile {
    LastTile copy;
    const value* values;

    WholeTile(const value* from, int64_t n) : values(from) {
        if (n == tile) return;
        copy = LastTile(from, n);
        values = copy.values;
    }
};

// One tile of one time step. `carried` is R; H and Y are written.
static inline void recurrent_tile(
    const value* x, const float* arriving, float* carried, const BlockParameters& parameters,
    int64_t column, const Constants& c, float* potential, float* shown) {
    VECTORISE
    for (int64_t i = 0; i < tile; ++i) {
        const Parameters p = parameters[column + i];
        const float charged = charge(carried[i], to_float(x[i]), p, c) + arriving[i];
        const float g = firing_potential(charged, c);
        const bool spike = g >= p.v_threshold;
        carried[i] = reset(g, spike, p, c);
        potential[i] = charged;
        shown[i] = emit(g, spike, p, c);
    }
}

// One time step of some samples: the very same operations forward and when it is recomputed.
inline void recurrent_step(
    const Samples& samples, int64_t t, State& carried, const State& arriving, float* potential,
    float* shown) {
    const Call& layer = samples.call.layer;
    const Constants c = layer.constants;  // read once: a load under a condition stops vectorisation
    const value* x = layer.x + t * layer.x_stride;
    samples.for_each_tile([&](int64_t column, int64_t element, int64_t count) {
        const WholeTile currents(x + element, count);
        recurrent_tile(
            currents.values, arriving.values + column, carried.values + column, samples.parameters,
            column, c, potential + column, shown + column);
    });
}

template <typename Run>
inline void for_each_block_of_samples(const RecurrentCall& call, Run run) {
    for_each_block(call.layer, [&](int64_t thread, int64_t first, int64_t n) {
        run(thread, Samples(call, first, n));
    });
}

extern "C" int64_t size_of_recurrent_call() { return sizeof(RecurrentCall); }
extern "C" int64_t recurrent_row_multiple() { return row_multiple; }
