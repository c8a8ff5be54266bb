// A layer as [time steps][columns], cut into blocks of columns that threads take in runs.
// A block goes through all time steps at once, so that its state never leaves the first caches.
#pragma once

#include <cstdint>

#include "memory.h"
#include "step.h"

constexpr int64_t max_block = 2048;  // columns: the arrays of a block stay within a cache
constexpr bool varied = VARIED;      // alpha, beta or v_threshold differ between columns

// Mirrored field by field in cpu_call.py.
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
    // Sums per thread, zeroed by the caller: [threads][period], for k [threads].
    double *sum_alpha, *sum_beta, *sum_threshold, *sum_k;
    Constants constants;
};

// The parameters of one block: one value, or one for each of its columns.
class BlockParameters {
public:
    BlockParameters(const Call& call, int64_t first, int64_t n) {
        const int64_t wanted = varied ? n : 1;
        gather(call.alpha, first, wanted, alpha_);
        gather(call.beta, first, wanted, beta_);
        gather(call.v_threshold, first, wanted, v_threshold_);
    }
    Parameters operator[](int64_t column) const {
        const int64_t i = varied ? column : 0;
        return {alpha_[i], beta_[i], v_threshold_[i]};
    }

private:
    static constexpr int64_t size = varied ? max_block : 1;
    alignas(64) float alpha_[size];
    alignas(64) float beta_[size];
    alignas(64) float v_threshold_[size];
};

inline void fill(float* row, int64_t n, float v) {
    for (int64_t i = 0; i < n; ++i) row[i] = v;
}

// Calls run(thread, first column, number of columns). The split depends on the sizes alone.
template <typename Run>
inline void for_each_block(const Call& call, Run run) {
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
