// Outputs of a layer of spiking neurons: x is read once, y written once.

#include "blocks.h"
#include "rows.h"

static inline void forward_tile(
    const value* x, float* carried, const BlockParameters& parameters, int64_t column,
    const Constants& c, float* emitted) {
    VECTORISE
    for (int64_t i = 0; i < tile; ++i) {
        const Parameters p = parameters[column + i];
        const float g = firing_potential(charge(carried[i], to_float(x[i]), p, c), c);
        const bool spike = g >= p.v_threshold;
        carried[i] = reset(g, spike, p, c);
        emitted[i] = emit(g, spike, p, c);
    }
}

static void forward_block(const Call& call, int64_t first, int64_t n) {
    const Constants c = call.constants;
    const BlockParameters parameters(call, first, n);
    State carried(n, c.rest);

    for (int64_t t = 0; t < call.time_steps; ++t) {
        const value* x = call.x + t * call.x_stride + first;
        const value* to_come =
            t + 1 < call.time_steps ? x + call.x_stride : next_block(call, first, n);
        value* y = call.y + t * call.columns + first;
        const auto compute = [&](int64_t i, float* emitted) {
            prefetch(to_come + i);
            forward_tile(x + i, carried.values + i, parameters, i, c, emitted);
        };
        const int64_t i = write_row(y, n, call.stream, compute, x, to_come, carried.values);
        if (i < n) {
            const LastTile last(x + i, n - i);
            alignas(line) float emitted[tile];
            forward_tile(last.values, carried.values + i, parameters, i, c, emitted);
            LastTile result;
            write_tile(result.values, emitted, false);
            result.copy_to(y + i, n - i);
        }
    }
}

extern "C" void neuron_forward(const Call* call) {
    for_each_block(*call, [call](int64_t, int64_t first, int64_t n) {
        forward_block(*call, first, n);
    });
}
