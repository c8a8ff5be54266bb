// Outputs of a recurrent layer of spiking neurons.

#include "recurrent.h"

static void write(const Samples& samples, int64_t t, const float* shown) {
    const RecurrentCall& call = samples.call;
    value* y = call.layer.y + t * (call.layer.columns / call.padded * call.neurons);
    samples.for_each_tile([&](int64_t column, int64_t element, int64_t count) {
        if (count == tile) return write_tile(y + element, shown + column, false);
        LastTile last;
        write_tile(last.values, shown + column, false);
        last.copy_to(y + element, count);
    });
}

static void forward(const Samples& samples) {
    const RecurrentCall& call = samples.call;
    State carried(samples.n, call.layer.constants.rest), arriving(samples.n, 0.0f);
    State potential(samples.n, 0.0f), shown(samples.n, 0.0f);
    for (int64_t t = 0; t < call.layer.time_steps; ++t) {
        if (t > 0) samples.multiply(shown.values, call.weights, arriving);
        recurrent_step(samples, t, carried, arriving, potential.values, shown.values);
        write(samples, t, shown.values);
    }
}

extern "C" void recurrent_forward(const RecurrentCall* call) {
    for_each_block_of_samples(*call, [](int64_t, const Samples& samples) { forward(samples); });
}
