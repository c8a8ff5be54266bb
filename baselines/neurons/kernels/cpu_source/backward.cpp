// Gradients of a layer of spiking neurons from x alone: the potential of a block is recomputed
// into scratch memory that fits a cache, then walked back through.

#include "rows.h"
#include "tile_back.h"

// H of one time step from x and the carried R.
static inline void recompute_tile(
    const value* x, float* carried, const BlockParameters& parameters, int64_t column,
    const Constants& c, float* h) {
    VECTORISE
    for (int64_t i = 0; i < tile; ++i) {
        const Parameters p = parameters[column + i];
        const float charged = charge(carried[i], to_float(x[i]), p, c);
        const float g = firing_potential(charged, c);
        carried[i] = reset(g, g >= p.v_threshold, p, c);
        h[i] = charged;
    }
}

// H of every time step of the block: h[t * block + i].
static void recompute(
    const Call& call, int64_t first, int64_t n, const BlockParameters& parameters, float* h) {
    const Constants c = call.constants;
    State carried(n, c.rest);
    for (int64_t t = 0; t < call.time_steps; ++t) {
        const value* x = call.x + t * call.x_stride + first;
        const value* to_come = t + 1 < call.time_steps
                                   ? x + call.x_stride
                                   : call.grad_y + t * call.grad_y_stride + first;
        float* row = h + t * call.block;
        int64_t i = 0;
        for (; i + tile <= n; i += tile) {
            prefetch(to_come + i);
            recompute_tile(x + i, carried.values + i, parameters, i, c, row + i);
        }
        if (i < n) {
            const LastTile last(x + i, n - i);
            recompute_tile(last.values, carried.values + i, parameters, i, c, row + i);
        }
    }
}

// One time step of the block, back. `h` is its row of the scratch memory.
template <bool first_step>
static void row_back(
    const Call& call, int64_t t, int64_t first, int64_t n, const float* h,
    const BlockParameters& parameters, State& grad_r, BlockSums& sums, const value* to_come) {
    const Constants c = call.constants;
    const value* grad_y = call.grad_y + t * call.grad_y_stride + first;
    value* grad_x = call.grad_x ? call.grad_x + t * call.columns + first : nullptr;
    const float* before = h - call.block;
    float* r = grad_r.values;
    const auto compute = [&](int64_t i, float* grads) {
        prefetch(to_come + i);
        tile_back<first_step>(
            grad_y + i, h + i, before + i, r + i, parameters, i, c, c.gain, sums, grads);
    };
    const int64_t i =
        write_row(grad_x, n, call.stream, compute, grad_y, to_come, h, before, r);
    if (i < n) {
        const LastTile last(grad_y + i, n - i);
        alignas(line) float grads[tile];
        tile_back<first_step>(
            last.values, h + i, before + i, r + i, parameters, i, c, c.gain, sums, grads);
        LastTile result;
        write_tile(result.values, grads, false);
        if (grad_x) result.copy_to(grad_x + i, n - i);
    }
}

static void backward_block(const Call& call, int64_t thread, int64_t first, int64_t n) {
    const BlockParameters parameters(call, first, n);
    float* h = call.scratch + thread * call.time_steps * call.block;
    recompute(call, first, n, parameters, h);

    State grad_r(n, 0.0f);
    BlockSums sums;
    for (int64_t t = call.time_steps - 1; t > 0; --t) {
        const value* to_come = call.grad_y + (t - 1) * call.grad_y_stride + first;
        const float* row = h + t * call.block;
        row_back<false>(call, t, first, n, row, parameters, grad_r, sums, to_come);
    }
    const value* to_come = next_block(call, first, n);
    row_back<grad_alpha>(call, 0, first, n, h, parameters, grad_r, sums, to_come);
    sums.add_to(call, thread, first, n);
}

extern "C" void neuron_backward(const Call* call) {
    for_each_block(*call, [call](int64_t thread, int64_t first, int64_t n) {
        backward_block(*call, thread, first, n);
    });
}
