// Rows of results on their way to memory.
#pragma once

#include "memory.h"

// Whether a row begins a little further into its page than another, at most three lines: one line in
// tensors of whole pages that were allocated one after the other.
inline bool trails(const void* to, const void* from) {
    const uintptr_t ahead =
        (reinterpret_cast<uintptr_t>(to) - reinterpret_cast<uintptr_t>(from)) % 4096;
    return ahead > 0 && ahead <= 3 * line;
}

// As `write_row`, past the caches, for a row that trails one it is computed from. A load waits for an
// earlier store whose address ends in the same 12 bits, and a store past the caches takes long:
// written one by one, every tile would wait for the one before. So many leave at once.
template <typename Compute>
static inline void write_trailing(value* to, int64_t whole, Compute compute) {
    constexpr int64_t run = 32 * tile;
    alignas(line) value collected[run];
    for (int64_t first = 0; first < whole; first += run) {
        const int64_t n = whole - first < run ? whole - first : run;
        for (int64_t i = 0; i < n; i += tile) {
            alignas(line) float result[tile];
            compute(first + i, result);
            write_tile(collected + i, result, false);
        }
        for (int64_t i = 0; i < n; i += tile) stream_line(to + first + i, collected + i);
    }
}

// Computes the whole tiles of a row of n values and writes them, unless `to` is null. For the tile at
// i, compute(i, result) reads or prefetches the rows `from` there. Returns how many values there were.
template <typename Compute, typename... From>
static inline int64_t write_row(
    value* to, int64_t n, bool stream, Compute compute, const From*... from) {
    const int64_t whole = n / tile * tile;
    if (to && stream && (trails(to, from) || ...)) {
        write_trailing(to, whole, compute);
        return whole;
    }
    for (int64_t i = 0; i < whole; i += tile) {
        alignas(line) float result[tile];
        compute(i, result);
        if (to) write_tile(to + i, result, stream);
    }
    return whole;
}
