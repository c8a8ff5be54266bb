// Outputs of a layer of spiking neurons: x is read once, y written once.

#include "blocks.h"

static void forward_block(const Call& call, int64_t first, int64_t n) {
    const Constants c = call.constants;
    const BlockParameters parameters(call, first, n);
    alignas(64) float carried[max_block];
    alignas(64) float emitted[max_block];
    fill(carried, n, c.rest);

    for (int64_t t = 0; t < call.time_steps; ++t) {
        const value* x = call.x + t * call.x_stride + first;
        if (t + 1 < call.time_steps) prefetch(x + call.x_stride, n * sizeof(value));
        VECTORISE
        for (int64_t i = 0; i < n; ++i) {
            const Parameters p = parameters[i];
            const float g = firing_potential(charge(carried[i], to_float(x[i]), p, c), c);
            const bool spike = g >= p.v_threshold;
            carried[i] = reset(g, spike, p, c);
            emitted[i] = emit(g, spike, p, c);
        }
        store_row(call.y + t * call.columns + first, emitted, n, call.stream);
    }
}

extern "C" void neuron_forward(const Call* call) {
    for_each_block(*call, [call](int64_t, int64_t first, int64_t n) {
        forward_block(*call, first, n);
    });
}
