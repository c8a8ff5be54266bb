// A layer as [time steps][columns], cut into blocks of columns that threads take in runs.
// A block goes through all time steps at once, so that its state never leaves the first caches.
#pragma once

#include <cstdint>

#include "broadcast.h"
#include "memory.h"
#include "step.h"

constexpr int64_t max_block = 4096;  // columns: their state stays in the first cache
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

inline int64_t whole_tiles(int64_t n) { return (n + tile - 1) / tile * tile; }

// The state of a block, one value a column.
struct State {
    alignas(line) float values[max_block];

    State(int64_t n, float v) {
        for (int64_t i = 0; i < whole_tiles(n); ++i) values[i] = v;
    }
};

// A parameter of the columns of a block: one value, or one each.
struct BlockParameter {
    alignas(line) float values[varied ? max_block : 1];

    BlockParameter(const Broadcast& b, int64_t first, int64_t n) {
        gather(b, first, varied ? n : 1, values);
        // The last tile may be longer than the block.
        for (int64_t i = n; varied && i < whole_tiles(n); ++i) values[i] = 0.0f;
    }
    float operator[](int64_t column) const { return values[varied ? column : 0]; }
};

struct BlockParameters {
    BlockParameter alpha, beta, v_threshold;

    BlockParameters(const Call& call, int64_t first, int64_t n)
        : alpha(call.alpha, first, n),
          beta(call.beta, first, n),
          v_threshold(call.v_threshold, first, n) {}
    Parameters operator[](int64_t column) const {
        return {alpha[column], beta[column], v_threshold[column]};
    }
};

// Where the first row of the block after this one lies, to be fetched ahead.
inline const value* next_block(const Call& call, int64_t first, int64_t n) {
    return call.x + (first + n < call.columns ? first + n : first);
}

// Calls run(thread, first column, number of columns). The split depends on the sizes alone.
template <typename Run>
inline void for_each_block(const Call& call, Run run) {
    if (call.time_steps == 0) return;
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

// What the caller asks before its first call.
extern "C" int64_t size_of_call() { return sizeof(Call); }

extern "C" const char* instruction_set() {
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
