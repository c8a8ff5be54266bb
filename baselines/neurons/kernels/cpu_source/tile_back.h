// One tile of one time step, back.
#pragma once

#include "gradient.h"
#include "sums.h"

// From dL/dY and dL/dR of a tile to scale * dL/dH, dL/dR of the step before and the parameters'
// gradients. `before` is H of the step before.
template <bool first_step, typename Incoming>
static inline void tile_back(
    const Incoming* grad_y, const float* h, const float* before, float* grad_r,
    const BlockParameters& parameters, int64_t column, const Constants& c, float scale,
    BlockSums& sums, float* grads) {
    VECTORISE
    for (int64_t i = 0; i < tile; ++i) {
        const Parameters p = parameters[column + i];
        const StepGradient grad = step_backward(h[i], to_float(grad_y[i]), grad_r[i], p, c);
        grad_r[i] = p.alpha * grad.h;
        grads[i] = scale * grad.h;
        if (grad_alpha) {
            const float g = first_step ? 0.0f : firing_potential(before[i], c);
            const float carried = first_step ? c.rest : reset(g, g >= p.v_threshold, p, c);
            sums.alpha.add(column, i, static_cast<double>(grad.h) * carried);
        }
        sums.beta.add(column, i, grad.h);
        sums.threshold.add(column, i, grad.v_threshold);
        sums.k.add(column, i, grad.k);
    }
}
