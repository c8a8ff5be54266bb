// dL/dH, and with it all gradients, of a recurrent layer of spiking neurons from x alone: H and Y
// of every time step are recomputed, then H is replaced by its gradient from the last step on.

#include "recurrent.h"
#include "tile_back.h"

static void recompute(const Samples& samples) {
    const RecurrentCall& call = samples.call;
    State carried(samples.n, call.layer.constants.rest), arriving(samples.n, 0.0f);
    for (int64_t t = 0; t < call.layer.time_steps; ++t) {
        if (t > 0) samples.multiply(samples.row(call.shown, t - 1), call.weights, arriving);
        float* potential = samples.row(call.potential, t);
        recurrent_step(samples, t, carried, arriving, potential, samples.row(call.shown, t));
    }
}

// One time step back. `arriving` is what dL/dY[t] gets through the weights.
template <bool first_step>
static void step_back(
    const Samples& samples, int64_t t, const State& arriving, State& grad_r, BlockSums& sums) {
    const Call& layer = samples.call.layer;
    const Constants c = layer.constants;
    const value* grad_y = layer.grad_y + t * layer.grad_y_stride;
    float* potential = samples.row(samples.call.potential, t);
    samples.for_each_tile([&](int64_t column, int64_t element, int64_t count) {
        const WholeTile direct(grad_y + element, count);
        float* h = potential + column;
        alignas(line) float total[tile];
        VECTORISE
        for (int64_t i = 0; i < tile; ++i) {
            total[i] = to_float(direct.values[i]) + arriving.values[column + i];
        }
        tile_back<first_step>(
            total, h, h - layer.columns, grad_r.values + column, samples.parameters, column,
            c, 1.0f, sums, h);
    });
}

static void backward(int64_t thread, const Samples& samples) {
    const RecurrentCall& call = samples.call;
    recompute(samples);
    State arriving(samples.n, 0.0f), grad_r(samples.n, 0.0f);
    BlockSums sums;
    for (int64_t t = call.layer.time_steps - 1; t > 0; --t) {
        step_back<false>(samples, t, arriving, grad_r, sums);
        samples.multiply(samples.row(call.potential, t), call.weights_back, arriving);
    }
    step_back<grad_alpha>(samples, 0, arriving, grad_r, sums);
    sums.add_to(call.layer, thread, samples.first, samples.n);
}

extern "C" void recurrent_backward(const RecurrentCall* call) {
    for_each_block_of_samples(*call, backward);
}
