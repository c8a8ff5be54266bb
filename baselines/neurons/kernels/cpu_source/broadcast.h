// Parameters that are shared by all columns, or differ by channel or by neuron.
#pragma once

#include <cstdint>

// Value number (column / inner) % period belongs to a column. Shared by all: period 1.
struct Broadcast {
    const float* values;
    int64_t period, inner;
};

// Calls visit(first column of a run, its length, index of its value, whether values advance in it).
template <typename Visit>
inline void for_each_run(const Broadcast& b, int64_t first, int64_t n, Visit visit) {
    if (b.period == 1) return visit(0, n, 0, false);
    int64_t index = (first / b.inner) % b.period;
    int64_t position = first % b.inner;
    const bool advancing = b.inner == 1;
    for (int64_t i = 0; i < n;) {
        const int64_t left = advancing ? b.period - index : b.inner - position;
        const int64_t run = left < n - i ? left : n - i;
        visit(i, run, index, advancing);
        i += run;
        position = 0;
        index += advancing ? run : 1;
        if (index >= b.period) index = 0;
    }
}

// The values of n columns from the first on.
inline void gather(const Broadcast& b, int64_t first, int64_t n, float* to) {
    for_each_run(b, first, n, [&](int64_t i, int64_t run, int64_t index, bool advancing) {
        if (advancing) {
            for (int64_t j = 0; j < run; ++j) to[i + j] = b.values[index + j];
        } else {
            for (int64_t j = 0; j < run; ++j) to[i + j] = b.values[index];
        }
    });
}

// Adds what n columns from the first on have to the sums of their values.
inline void scatter_add(
    const Broadcast& b, int64_t first, int64_t n, const double* from, double* sums) {
    for_each_run(b, first, n, [&](int64_t i, int64_t run, int64_t index, bool advancing) {
        if (advancing) {
            for (int64_t j = 0; j < run; ++j) sums[index + j] += from[i + j];
        } else {
            double total = 0.0;
            for (int64_t j = 0; j < run; ++j) total += from[i + j];
            sums[index] += total;
        }
    });
}
