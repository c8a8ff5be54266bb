// Averages over windows of 2 x 2 and back, in the order and rounding of PyTorch's avg_pool2d: a sum
// that starts at 0, row by row, then one division; dL/dx is 0 plus a quarter of dL/dy.

#include "memory.h"

// Frames in either layout: [planes][height][width] with one value a pixel (contiguous), or with
// `depth` values a pixel (channels last). Mirrored field by field in pooling.py.
struct Pooling {
    const value* from;
    value* to;
    int64_t planes, height, width, depth, threads;
};

inline float quarter(float v) { return v / 4.0f; }

// One row of windows: `above` and `below` are rows of pixels, `y` has `n` values.
static inline void average_row(const value* above, const value* below, value* y, int64_t n) {
    VECTORISE
    for (int64_t i = 0; i < n; ++i) {
        float sum = 0.0f + to_float(above[2 * i]);
        sum += to_float(above[2 * i + 1]);
        sum += to_float(below[2 * i]);
        sum += to_float(below[2 * i + 1]);
        from_float(quarter(sum), y[i]);
    }
}

static inline void row_back(const value* grad_y, value* grad_x, int64_t n) {
    VECTORISE
    for (int64_t i = 0; i < n; ++i) {
        value grad;
        from_float(0.0f + quarter(to_float(grad_y[i])), grad);
        grad_x[2 * i] = grad;
        grad_x[2 * i + 1] = grad;
    }
}

// A row of windows where a pixel has `n` values; so many known beforehand fill vectors without rest.
template <int64_t known>
static inline void average_pixels(
    const value* above, const value* below, value* y, int64_t windows, int64_t n) {
    if (known) n = known;
    for (int64_t w = 0; w < windows; ++w, above += 2 * n, below += 2 * n, y += n) {
        VECTORISE
        for (int64_t i = 0; i < n; ++i) {
            float sum = 0.0f + to_float(above[i]);
            sum += to_float(above[n + i]);
            sum += to_float(below[i]);
            sum += to_float(below[n + i]);
            from_float(quarter(sum), y[i]);
        }
    }
}

template <int64_t known>
static inline void pixels_back(const value* grad_y, value* grad_x, int64_t windows, int64_t n) {
    if (known) n = known;
    for (int64_t w = 0; w < windows; ++w, grad_y += n, grad_x += 2 * n) {
        VECTORISE
        for (int64_t i = 0; i < n; ++i) {
            value grad;
            from_float(0.0f + quarter(to_float(grad_y[i])), grad);
            grad_x[i] = grad;
            grad_x[n + i] = grad;
        }
    }
}

template <int64_t known>
static void average_plane(const Pooling& call, int64_t plane) {
    const int64_t row = call.width * call.depth, windows = call.width / 2;
    const value* x = call.from + plane * call.height * row;
    value* y = call.to + plane * (call.height / 2) * windows * call.depth;
    for (int64_t h = 0; h < call.height / 2; ++h, x += 2 * row, y += windows * call.depth) {
        if (known == 1) {
            average_row(x, x + row, y, windows);
        } else {
            average_pixels<known>(x, x + row, y, windows, call.depth);
        }
    }
}

// A last row or column that belongs to no window has the gradient 0.
template <int64_t known>
static void plane_back(const Pooling& call, int64_t plane) {
    const int64_t row = call.width * call.depth, windows = call.width / 2;
    const int64_t covered = 2 * windows * call.depth;
    const value* grad_y = call.from + plane * (call.height / 2) * windows * call.depth;
    value* grad_x = call.to + plane * call.height * row;
    for (int64_t h = 0; h < call.height / 2; ++h, grad_x += 2 * row) {
        if (known == 1) {
            row_back(grad_y, grad_x, windows);
        } else {
            pixels_back<known>(grad_y, grad_x, windows, call.depth);
        }
        std::memset(grad_x + covered, 0, (row - covered) * sizeof(value));
        std::memcpy(grad_x + row, grad_x, row * sizeof(value));
        grad_y += windows * call.depth;
    }
    if (call.height % 2) std::memset(grad_x, 0, row * sizeof(value));
}

template <typename Plane>
static void for_each_plane(const Pooling& call, Plane plane) {
#pragma omp parallel for schedule(static) num_threads(call.threads)
    for (int64_t i = 0; i < call.planes; ++i) plane(call, i);
}

// Calls Work<depth> for one of the depths that are worth code of their own, 0 for any other.
template <template <int64_t> class Work>
static void by_depth(const Pooling& call) {
    switch (call.depth) {
        case 1: return for_each_plane(call, Work<1>::plane);
        case 8: return for_each_plane(call, Work<8>::plane);
        case 16: return for_each_plane(call, Work<16>::plane);
        default: return for_each_plane(call, Work<0>::plane);
    }
}

template <int64_t known>
struct Average {
    static void plane(const Pooling& call, int64_t i) { average_plane<known>(call, i); }
};

template <int64_t known>
struct Back {
    static void plane(const Pooling& call, int64_t i) { plane_back<known>(call, i); }
};

extern "C" void average_pool(const Pooling* call) { by_depth<Average>(*call); }

extern "C" void average_pool_back(const Pooling* call) { by_depth<Back>(*call); }

extern "C" int64_t size_of_pooling() { return sizeof(Pooling); }
