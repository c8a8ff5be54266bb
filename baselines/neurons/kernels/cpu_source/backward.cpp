// Gradients of a layer of spiking neurons from x alone: the potential of a block is recomputed
// into scratch memory that fits a cache, then walked back through.

#include "blocks.h"
#include "gradient.h"

constexpr bool grad_alpha = GRAD_ALPHA;
constexpr bool grad_beta = GRAD_BETA;
constexpr bool grad_threshold = GRAD_THRESHOLD;
constexpr bool grad_k = GRAD_K;

// Sums of a parameter's gradient over a block, in double: one a column, or for a parameter that all
// columns share one a lane of the tile.
template <bool wanted, bool by_column>
struct Sums {
    alignas(line) double values[!wanted ? 1 : by_column ? max_block : tile] = {};

    void add(int64_t column, int64_t lane, double v) {
        if (wanted) values[by_column ? column + lane : lane] += v;
    }
    // Adds to the sums of one thread: to[thread][period].
    void add_to(double* to, const Broadcast& b, int64_t thread, int64_t first, int64_t n) const {
        if (!wanted) return;
        to += thread * b.period;
        if (by_column) return scatter_add(b, first, n, values, to);
        for (int64_t lane = 0; lane < tile; ++lane) *to += values[lane];
    }
};

struct BlockSums {
    Sums<grad_alpha, varied> alpha;
    Sums<grad_beta, varied> beta;
    Sums<grad_threshold, varied> threshold;
    Sums<grad_k, false> k;

    void add_to(const Call& call, int64_t thread, int64_t first, int64_t n) const {
        alpha.add_to(call.sum_alpha, call.alpha, thread, first, n);
        beta.add_to(call.sum_beta, call.beta, thread, first, n);
        threshold.add_to(call.sum_threshold, call.v_threshold, thread, first, n);
        k.add_to(call.sum_k, {nullptr, 1, 1}, thread, first, n);
    }
};

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

// dL/dH of a tile from dL/dY and dL/dR, handed on as dL/dR of the step before, dL/dx and the
// parameters' gradients. `before` is H of the step before.
template <bool first_step>
static inline void tile_back(
    const value* grad_y, const float* h, const float* before, float* grad_r,
    const BlockParameters& parameters, int64_t column, const Constants& c, BlockSums& sums,
    value* grad_x, bool stream) {
    alignas(line) float grads[tile];
    VECTORISE
    for (int64_t i = 0; i < tile; ++i) {
        const Parameters p = parameters[column + i];
        const StepGradient grad = step_backward(h[i], to_float(grad_y[i]), grad_r[i], p, c);
        grad_r[i] = p.alpha * grad.h;
        grads[i] = c.gain * grad.h;
        if (grad_alpha) {
            const float g = first_step ? 0.0f : firing_potential(before[i], c);
            const float carried = first_step ? c.rest : reset(g, g >= p.v_threshold, p, c);
            sums.alpha.add(column, i, static_cast<double>(grad.h) * carried);
        }
        sums.beta.add(column, i, grad.h);
        sums.threshold.add(column, i, grad.v_threshold);
        sums.k.add(column, i, grad.k);
    }
    if (grad_x) write_tile(grad_x, grads, stream);
}

// One time step of the block, back. `h` is its row of the scratch memory.
template <bool first_step>
static void row_back(
    const Call& call, int64_t t, int64_t first, int64_t n, const float* h,
    const BlockParameters& parameters, State& grad_r, BlockSums& sums, const value* to_come) {
    const Constants c = call.constants;
    const bool wanted = call.grad_x != nullptr, stream = call.stream;
    const value* grad_y = call.grad_y + t * call.grad_y_stride + first;
    value* grad_x = call.grad_x + t * call.columns + first;
    const float* before = h - call.block;
    float* r = grad_r.values;
    int64_t i = 0;
    for (; i + tile <= n; i += tile) {
        prefetch(to_come + i);
        tile_back<first_step>(
            grad_y + i, h + i, before + i, r + i, parameters, i, c, sums,
            wanted ? grad_x + i : nullptr, stream);
    }
    if (i < n) {
        const LastTile last(grad_y + i, n - i);
        LastTile result;
        tile_back<first_step>(
            last.values, h + i, before + i, r + i, parameters, i, c, sums, result.values, false);
        if (wanted) result.copy_to(grad_x + i, n - i);
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
