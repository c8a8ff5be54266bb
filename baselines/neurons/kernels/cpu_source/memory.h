// Rows of memory: float32 or bfloat16 outside, float32 inside; parameters by column.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Before a loop whose iterations are independent, which the compiler cannot prove from pointers.
#if defined(__clang__)
#define VECTORISE _Pragma("clang loop vectorize(assume_safety)")
#else
#define VECTORISE _Pragma("GCC ivdep")
#endif

struct bfloat16 {
    uint16_t bits;
};
using value = VALUE;  // float or bfloat16

inline float to_float(float v) { return v; }

inline float to_float(bfloat16 v) {
    const uint32_t bits = static_cast<uint32_t>(v.bits) << 16;
    float result;
    std::memcpy(&result, &bits, sizeof result);
    return result;
}

// Rounds to the nearest, ties to even; NaN stays a NaN.
inline bfloat16 to_bfloat16(float v) {
    uint32_t bits;
    std::memcpy(&bits, &v, sizeof bits);
    const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    return {static_cast<uint16_t>(v != v ? 0x7fc0u : rounded)};
}

inline void prefetch(const void* row, int64_t bytes) {
    const char* line = static_cast<const char*>(row);
    for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(line + i, 0, 2);
}

// Copies past the caches: what is written is not read again before it has left them.
inline void stream_bytes(char* to, const char* from, int64_t bytes) {
#if defined(__AVX512F__)
    using vector = __m512i;
    const auto load = [](const char* p) { return _mm512_loadu_si512(p); };
    const auto store = [](char* p, vector v) {
        _mm512_stream_si512(reinterpret_cast<vector*>(p), v);
    };
#elif defined(__AVX2__)
    using vector = __m256i;
    const auto load = [](const char* p) {
        return _mm256_loadu_si256(reinterpret_cast<const vector*>(p));
    };
    const auto store = [](char* p, vector v) {
        _mm256_stream_si256(reinterpret_cast<vector*>(p), v);
    };
#elif defined(__SSE2__)
    using vector = __m128i;
    const auto load = [](const char* p) {
        return _mm_loadu_si128(reinterpret_cast<const vector*>(p));
    };
    const auto store = [](char* p, vector v) { _mm_stream_si128(reinterpret_cast<vector*>(p), v); };
#else
    std::memcpy(to, from, bytes);
    return;
#endif
#if defined(__SSE2__)
    const int64_t misaligned = -reinterpret_cast<intptr_t>(to) & (sizeof(vector) - 1);
    const int64_t head = misaligned < bytes ? misaligned : bytes;
    std::memcpy(to, from, head);
    int64_t i = head;
    for (; i + static_cast<int64_t>(sizeof(vector)) <= bytes; i += sizeof(vector)) {
        store(to + i, load(from + i));
    }
    std::memcpy(to + i, from + i, bytes - i);
#endif
}

inline void finish_streaming() {
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

inline void store_bytes(void* to, const void* from, int64_t bytes, bool stream) {
    if (stream) {
        stream_bytes(static_cast<char*>(to), static_cast<const char*>(from), bytes);
    } else {
        std::memcpy(to, from, bytes);
    }
}

inline void store_row(float* to, const float* from, int64_t n, bool stream) {
    store_bytes(to, from, n * sizeof(float), stream);
}

template <int64_t size>
inline void store_row(bfloat16* to, const float (&from)[size], int64_t n, bool stream) {
    alignas(64) bfloat16 rounded[size];
    VECTORISE
    for (int64_t i = 0; i < n; ++i) rounded[i] = to_bfloat16(from[i]);
    store_bytes(to, rounded, n * sizeof(bfloat16), stream);
}

// A parameter over the columns: value (column / inner) % period. Shared by all: period 1.
struct Broadcast {
    const float* values;
    int64_t period, inner;
};

// Calls visit(first column of the run, its length, index of the value, whether values advance).
template <typename Visit>
inline void for_each_run(const Broadcast& b, int64_t first, int64_t n, Visit visit) {
    int64_t index = (first / b.inner) % b.period;
    int64_t position = first % b.inner;
    for (int64_t i = 0; i < n;) {
        const bool advancing = b.inner == 1;
        const int64_t left = advancing ? b.period - index : b.inner - position;
        const int64_t run = left < n - i ? left : n - i;
        visit(i, run, index, advancing);
        i += run;
        position = 0;
        index += advancing ? run : 1;
        if (index >= b.period) index = 0;
    }
}

inline void gather(const Broadcast& b, int64_t first, int64_t n, float* to) {
    for_each_run(b, first, n, [&](int64_t i, int64_t run, int64_t index, bool advancing) {
        for (int64_t j = 0; j < run; ++j) to[i + j] = b.values[index + (advancing ? j : 0)];
    });
}

// Adds the columns' values to the sums of one thread, sums[thread][period].
inline void scatter_add(
    const Broadcast& b, int64_t first, int64_t n, const double* from, double* sums,
    int64_t thread) {
    sums += thread * b.period;
    for_each_run(b, first, n, [&](int64_t i, int64_t run, int64_t index, bool advancing) {
        for (int64_t j = 0; j < run; ++j) sums[index + (advancing ? j : 0)] += from[i + j];
    });
}
