// exp without a call and without a branch, so that a loop over it vectorises.
#pragma once

#include <cstdint>
#include <cstring>

inline float multiply_add(float a, float b, float c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return __builtin_fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

// exp(x) for x <= 0, its error below 1e-7 (1 + |x|) relative; at least 2^-126; NaN stays NaN.
// exp(x) = 2^n 2^f with |f| <= 1/2: the minimax polynomial of 2^f, n put into the exponent.
inline float exp_of_negative(float x) {
    const float scaled = x * 1.44269504f;
    const float bounded = scaled < -126.0f ? -126.0f : scaled;
    constexpr float round_to_integer = 12582912.0f;  // 1.5 * 2^23: integers are 1 apart from here
    const float shifted = bounded + round_to_integer;
    const float f = bounded - (shifted - round_to_integer);
    float p = 1.5345812e-4f;
    p = multiply_add(p, f, 1.3399931e-3f);
    p = multiply_add(p, f, 9.6184891e-3f);
    p = multiply_add(p, f, 5.5503286e-2f);
    p = multiply_add(p, f, 2.4022646e-1f);
    p = multiply_add(p, f, 6.9314718e-1f);
    p = multiply_add(p, f, 1.0f);
    uint32_t bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    const uint32_t power_bits = (bits << 23) + 0x3f800000u;
    float power;
    std::memcpy(&power, &power_bits, sizeof power);
    return p * power;
}
