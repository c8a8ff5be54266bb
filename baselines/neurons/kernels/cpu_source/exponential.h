// exp without a call and without a branch, so that a loop over it vectorises.
#pragma once

#include <cstdint>
#include <cstring>

// exp(x) for x <= 0, within 2 units in the last place; 0 below the normal numbers; NaN stays NaN.
// x = n ln 2 + r with |r| <= ln 2 / 2: the Taylor polynomial of exp(r), n added to the exponent.
inline float exp_of_negative(float x) {
    const float bounded = x < -87.0f ? -87.0f : x;
    constexpr float round_to_integer = 12582912.0f;  // 1.5 * 2^23: integers are 1 apart from here
    const float shifted = bounded * 1.44269504f + round_to_integer;
    const float n = shifted - round_to_integer;
    // ln 2 in two parts: n times the first is exact.
    const float r = (bounded - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.0f / 5040.0f;
    p = p * r + 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    uint32_t bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    const uint32_t power_bits = (bits << 23) + 0x3f800000u;
    float power;
    std::memcpy(&power, &power_bits, sizeof power);
    return x < -87.0f ? 0.0f : p * power;
}
