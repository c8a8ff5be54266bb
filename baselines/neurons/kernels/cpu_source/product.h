// Rows times a matrix, small enough to stay in the caches.
#pragma once

#include <cstdint>

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

// Two vectors of sums for each row, together no more than there are registers.
#if defined(__AVX512F__)
using lanes = float __attribute__((vector_size(64), may_alias));
constexpr int64_t rows_in_registers = 8;
#else
using lanes = float __attribute__((vector_size(32), may_alias));
constexpr int64_t rows_in_registers = 4;
#endif

// Every row of a matrix is padded to a multiple of this.
constexpr int64_t row_multiple = 32;

// to[rows][padded] = from[rows][padded] times matrix[inputs][padded]; what lies behind the inputs
// in a row of `from` is not read. `matrix` and `to` are aligned to a line. A sum is taken from the
// first input to the last: the same for any number of rows.
template <int64_t rows>
inline void product_of(
    const float* from, const float* matrix, int64_t inputs, int64_t padded, float* to) {
    constexpr int64_t width = sizeof(lanes) / sizeof(float);
    static_assert(row_multiple % (2 * width) == 0, "a row is a whole number of two vectors");
    for (int64_t column = 0; column < padded; column += 2 * width) {
        lanes sums[rows][2] = {};
        for (int64_t j = 0; j < inputs; ++j) {
            const lanes* m = reinterpret_cast<const lanes*>(matrix + j * padded + column);
            UNROLL
            for (int64_t r = 0; r < rows; ++r) {
                const float v = from[r * padded + j];
                sums[r][0] += v * m[0];
                sums[r][1] += v * m[1];
            }
        }
        UNROLL
        for (int64_t r = 0; r < rows; ++r) {
            lanes* result = reinterpret_cast<lanes*>(to + r * padded + column);
            result[0] = sums[r][0];
            result[1] = sums[r][1];
        }
    }
}

inline void product(
    int64_t rows, const float* from, const float* matrix, int64_t inputs, int64_t padded,
    float* to) {
    int64_t r = 0;
    for (; r + rows_in_registers <= rows; r += rows_in_registers) {
        product_of<rows_in_registers>(from + r * padded, matrix, inputs, padded, to + r * padded);
    }
    for (; r < rows; ++r) product_of<1>(from + r * padded, matrix, inputs, padded, to + r * padded);
}
