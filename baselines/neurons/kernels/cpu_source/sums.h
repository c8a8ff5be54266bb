// What the gradients of alpha, beta, v_threshold and k are gathered in.
#pragma once

#include "blocks.h"

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
