// Tiles of memory, one cache line of values each: float32 or bfloat16 outside, float32 inside.
#pragma once

#include <cstdint>
#include <cstring>

// Before a loop whose iterations are independent, which the compiler cannot prove from pointers.
#if defined(__clang__)
#define VECTORISE _Pragma("clang loop vectorize(assume_safety)")
#else
#define VECTORISE _Pragma("GCC ivdep")
#endif

struct bfloat16 {
    uint16_t bits;
};

inline float to_float(float v) { return v; }

inline float to_float(bfloat16 v) {
    const uint32_t bits = static_cast<uint32_t>(v.bits) << 16;
    float result;
    std::memcpy(&result, &bits, sizeof result);
    return result;
}

inline void from_float(float v, float& to) { to = v; }

// Rounds to the nearest, ties to even; NaN stays a NaN.
inline void from_float(float v, bfloat16& to) {
    uint32_t bits;
    std::memcpy(&bits, &v, sizeof bits);
    const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    to.bits = static_cast<uint16_t>(v != v ? 0x7fc0u : rounded);
}

using value = VALUE;  // float or bfloat16
constexpr int64_t line = 64;
constexpr int64_t tile = line / sizeof(value);

inline void prefetch(const value* to_come) { __builtin_prefetch(to_come, 0, 2); }

// Writes a line past the caches: a large result would leave them before it is read again.
// Both pointers are aligned to a line. (The header with intrinsics for this takes longer to compile
// than the kernel.)
inline void stream_line(void* to, const void* from) {
#if defined(__AVX512F__)
    using vector = long long __attribute__((vector_size(64), may_alias));
    asm volatile("vmovntdq %1, %0"
                 : "=m"(*static_cast<vector*>(to))
                 : "v"(*static_cast<const vector*>(from)));
#elif defined(__AVX2__)
    using vector = long long __attribute__((vector_size(32), may_alias));
    for (int i = 0; i < 2; ++i) {
        asm volatile("vmovntdq %1, %0"
                     : "=m"(static_cast<vector*>(to)[i])
                     : "x"(static_cast<const vector*>(from)[i]));
    }
#else
    std::memcpy(to, from, line);
#endif
}

// Before other threads read what was written past the caches.
inline void finish_streaming() {
#if defined(__AVX2__)
    asm volatile("sfence" ::: "memory");
#endif
}

inline void write_tile(value* to, const float* from, bool stream) {
    alignas(line) value rounded[tile];
    VECTORISE
    for (int64_t i = 0; i < tile; ++i) from_float(from[i], rounded[i]);
    if (stream) {
        stream_line(to, rounded);
    } else {
        std::memcpy(to, rounded, line);
    }
}

// The last columns of a row, padded with zeros to a whole tile.
struct LastTile {
    value values[tile] = {};

    LastTile() = default;
    LastTile(const value* from, int64_t n) { std::memcpy(values, from, n * sizeof(value)); }
    void copy_to(value* to, int64_t n) const { std::memcpy(to, values, n * sizeof(value)); }
};
