// Gradients of a layer of spiking neurons from x alone: the potential of a block is recomputed
// into scratch memory that fits a cache, then walked back through.

#include "blocks.h"
#include "gradient.h"

constexpr bool grad_alpha = GRAD_ALPHA;
constexpr bool grad_beta = GRAD_BETA;
constexpr bool grad_threshold = GRAD_THRESHOLD;
constexpr bool grad_k = GRAD_K;

// H of every time step of the block: h[t * block + i].
static void recompute(
    const Call& call, int64_t first, int64_t n, const BlockParameters& parameters, float* h) {
    const Constants c = call.constants;
    alignas(64) float carried[max_block];
    fill(carried, n, c.rest);
    for (int64_t t = 0; t < call.time_steps; ++t) {
        const value* x = call.x + t * call.x_stride + first;
        if (t + 1 < call.time_steps) prefetch(x + call.x_stride, n * sizeof(value));
        float* row = h + t * call.block;
        VECTORISE
        for (int64_t i = 0; i < n; ++i) {
            const Parameters p = parameters[i];
            const float charged = charge(carried[i], to_float(x[i]), p, c);
            const float g = firing_potential(charged, c);
            carried[i] = reset(g, g >= p.v_threshold, p, c);
            row[i] = charged;
        }
    }
}

// R[t - 1], that which alpha was multiplied with in step t.
static void carried_into(
    int64_t t, const float* h, const Call& call, int64_t n, const BlockParameters& parameters,
    float* carried) {
    const Constants c = call.constants;
    if (t == 0) return fill(carried, n, c.rest);
    const float* before = h + (t - 1) * call.block;
    VECTORISE
    for (int64_t i = 0; i < n; ++i) {
        const Parameters p = parameters[i];
        const float g = firing_potential(before[i], c);
        carried[i] = reset(g, g >= p.v_threshold, p, c);
    }
}

// Sums over time of the parameter gradients, column by column, in double.
struct ColumnSums {
    alignas(64) double alpha[grad_alpha ? max_block : 1] = {};
    alignas(64) double beta[grad_beta ? max_block : 1] = {};
    alignas(64) double threshold[grad_threshold ? max_block : 1] = {};
    alignas(64) double k[grad_k ? max_block : 1] = {};

    void add_to(const Call& call, int64_t thread, int64_t first, int64_t n) const {
        if (grad_alpha) scatter_add(call.alpha, first, n, alpha, call.sum_alpha, thread);
        if (grad_beta) scatter_add(call.beta, first, n, beta, call.sum_beta, thread);
        if (grad_threshold) {
            scatter_add(call.v_threshold, first, n, threshold, call.sum_threshold, thread);
        }
        if (grad_k) scatter_add({nullptr, 1, call.columns}, first, n, k, call.sum_k, thread);
    }
};

static void backward_block(const Call& call, int64_t thread, int64_t first, int64_t n) {
    const Constants c = call.constants;
    const BlockParameters parameters(call, first, n);
    float* h = call.scratch + thread * call.time_steps * call.block;
    recompute(call, first, n, parameters, h);

    alignas(64) float grad_r[max_block];
    alignas(64) float grad_x[max_block];
    alignas(64) float carried[grad_alpha ? max_block : 1];
    ColumnSums sums;
    fill(grad_r, n, 0.0f);

    for (int64_t t = call.time_steps - 1; t >= 0; --t) {
        const value* grad_y = call.grad_y + t * call.grad_y_stride + first;
        if (t > 0) prefetch(grad_y - call.grad_y_stride, n * sizeof(value));
        if (grad_alpha) carried_into(t, h, call, n, parameters, carried);
        const float* row = h + t * call.block;
        VECTORISE
        for (int64_t i = 0; i < n; ++i) {
            const Parameters p = parameters[i];
            const StepGradient grad = step_backward(row[i], to_float(grad_y[i]), grad_r[i], p, c);
            grad_r[i] = p.alpha * grad.h;
            grad_x[i] = c.gain * grad.h;
            if (grad_alpha) sums.alpha[i] += static_cast<double>(grad.h) * carried[i];
            if (grad_beta) sums.beta[i] += grad.h;
            if (grad_threshold) sums.threshold[i] += grad.v_threshold;
            if (grad_k) sums.k[i] += grad.k;
        }
        if (call.grad_x) {
            store_row(call.grad_x + t * call.columns + first, grad_x, n, call.stream);
        }
    }
    sums.add_to(call, thread, first, n);
}

extern "C" void neuron_backward(const Call* call) {
    for_each_block(*call, [call](int64_t thread, int64_t first, int64_t n) {
        backward_block(*call, thread, first, n);
    });
}
