// Forward and backward of a layer of spiking neurons: [time steps][columns], one pass over memory.
// A block of columns goes through all time steps at once, so that its state never leaves the cache.
// The backward is given x only: it recomputes the potential of a block, then walks back through it.

#include <cstdint>

#include "memory.h"
#include "step.h"

constexpr int64_t max_block = 2048;  // columns; the stack arrays below stay within the first cache
constexpr bool varied = VARIED;      // alpha, beta or v_threshold differ between columns
constexpr bool grad_alpha = GRAD_ALPHA;
constexpr bool grad_beta = GRAD_BETA;
constexpr bool grad_threshold = GRAD_THRESHOLD;
constexpr bool grad_k = GRAD_K;

struct Call {
    int64_t time_steps, columns, block, threads, stream;
    const value* x;
    int64_t x_stride;  // elements from one time step to the next
    value* y;
    const value* grad_y;
    int64_t grad_y_stride;
    value* grad_x;   // null: not wanted
    float* scratch;  // [threads][time steps][block]
    Broadcast alpha, beta, v_threshold;
    double* grad_alpha;  // [threads][period], zeroed, as the three below
    double* grad_beta;
    double* grad_threshold;
    double* grad_k;  // [threads]
    Constants constants;
};

namespace {

// The parameters of one block: one value, or one for each of its columns.
class BlockParameters {
public:
    BlockParameters(const Call& call, int64_t first, int64_t n) {
        gather(call.alpha, first, n, alpha_);
        gather(call.beta, first, n, beta_);
        gather(call.v_threshold, first, n, v_threshold_);
    }
    Parameters operator[](int64_t column) const {
        const int64_t i = varied ? column : 0;
        return {alpha_[i], beta_[i], v_threshold_[i]};
    }

private:
    static constexpr int64_t size = varied ? max_block : 1;
    alignas(64) float alpha_[size], beta_[size], v_threshold_[size];
};

float state_before_first_step(const Constants& c) { return soft_reset ? 0.0f : c.v_reset; }

void fill(float* row, int64_t n, float v) {
    for (int64_t i = 0; i < n; ++i) row[i] = v;
}

void forward_block(const Call& call, int64_t first, int64_t n) {
    const Constants c = call.constants;
    const BlockParameters parameters(call, first, varied ? n : 1);
    alignas(64) float carried[max_block];
    alignas(64) float emitted[max_block];
    fill(carried, n, state_before_first_step(c));

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

// H of every time step of the block: h[t * block + i].
void recompute(
    const Call& call, int64_t first, int64_t n, const BlockParameters& parameters, float* h) {
    const Constants c = call.constants;
    alignas(64) float carried[max_block];
    fill(carried, n, state_before_first_step(c));
    for (int64_t t = 0; t < call.time_steps; ++t) {
        const value* x = call.x + t * call.x_stride + first;
        if (t + 1 < call.time_steps) prefetch(x + call.x_stride, n * sizeof(value));
        float* row = h + t * call.block;
VECTORISE
        for (int64_t i = 0; i < n; ++i) {
            const Parameters p = parameters[i];
            row[i] = charge(carried[i], to_float(x[i]), p, c);
            const float g = firing_potential(row[i], c);
            carried[i] = reset(g, g >= p.v_threshold, p, c);
        }
    }
}

// Sums over time of the parameter gradients, column by column, in double.
struct ColumnSums {
    alignas(64) double alpha[grad_alpha ? max_block : 1] = {};
    alignas(64) double beta[grad_beta ? max_block : 1] = {};
    alignas(64) double threshold[grad_threshold ? max_block : 1] = {};
    alignas(64) double k[grad_k ? max_block : 1] = {};

    void add_to(const Call& call, int64_t thread, int64_t first, int64_t n) const {
        if (grad_alpha) {
            const Broadcast& b = call.alpha;
            scatter_add(b, first, n, alpha, call.grad_alpha + thread * b.period);
        }
        if (grad_beta) {
            const Broadcast& b = call.beta;
            scatter_add(b, first, n, beta, call.grad_beta + thread * b.period);
        }
        if (grad_threshold) {
            const Broadcast& b = call.v_threshold;
            scatter_add(b, first, n, threshold, call.grad_threshold + thread * b.period);
        }
        if (grad_k) {
            for (int64_t i = 0; i < n; ++i) call.grad_k[thread] += k[i];
        }
    }
};

void backward_block(const Call& call, int64_t thread, int64_t first, int64_t n) {
    const Constants c = call.constants;
    const BlockParameters parameters(call, first, varied ? n : 1);
    float* h = call.scratch + thread * call.time_steps * call.block;
    recompute(call, first, n, parameters, h);

    alignas(64) float grad_carried[max_block];
    alignas(64) float grad_x[max_block];
    alignas(64) float carried_before[grad_alpha ? max_block : 1];
    ColumnSums sums;
    fill(grad_carried, n, 0.0f);

    for (int64_t t = call.time_steps - 1; t >= 0; --t) {
        const value* grad_y = call.grad_y + t * call.grad_y_stride + first;
        if (t > 0) prefetch(grad_y - call.grad_y_stride, n * sizeof(value));
        const float* row = h + t * call.block;
        if (grad_alpha && t == 0) fill(carried_before, n, state_before_first_step(c));
        if (grad_alpha && t > 0) {
            const float* before = row - call.block;
VECTORISE
            for (int64_t i = 0; i < n; ++i) {
                const Parameters p = parameters[i];
                const float g = firing_potential(before[i], c);
                carried_before[i] = reset(g, g >= p.v_threshold, p, c);
            }
        }
VECTORISE
        for (int64_t i = 0; i < n; ++i) {
            const Parameters p = parameters[i];
            const StepGradient grad =
                step_backward(row[i], to_float(grad_y[i]), grad_carried[i], p, c);
            grad_carried[i] = p.alpha * grad.h;
            grad_x[i] = c.gain * grad.h;
            if (grad_alpha) sums.alpha[i] += grad.h * carried_before[i];
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

// Every thread takes one run of blocks; the split depends on nothing but the sizes.
template <typename Block>
void for_each_block(const Call& call, Block run) {
    const int64_t blocks = (call.columns + call.block - 1) / call.block;
#pragma omp parallel for schedule(static, 1) num_threads(call.threads)
    for (int64_t thread = 0; thread < call.threads; ++thread) {
        const int64_t end = blocks * (thread + 1) / call.threads;
        for (int64_t b = blocks * thread / call.threads; b < end; ++b) {
            const int64_t first = b * call.block;
            const int64_t left = call.columns - first;
            run(thread, first, left < call.block ? left : call.block);
        }
        finish_streaming();
    }
}

}  // namespace

extern "C" {

void neuron_forward(const Call* call) {
    for_each_block(*call, [call](int64_t, int64_t first, int64_t n) {
        forward_block(*call, first, n);
    });
}

void neuron_backward(const Call* call) {
    for_each_block(*call, [call](int64_t thread, int64_t first, int64_t n) {
        backward_block(*call, thread, first, n);
    });
}

int neuron_call_size() { return sizeof(Call); }

const char* neuron_instruction_set() {
#if defined(__AVX512F__)
    return "avx512";
#elif defined(__AVX2__)
    return "avx2";
#elif defined(__SSE2__)
    return "sse2";
#elif defined(__ARM_NEON)
    return "neon";
#else
    return "scalar";
#endif
}
}
