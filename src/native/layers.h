// What happens to a layer between two products: bias, batch norm, nonlinearity, dropout; and the way back.
#pragma once

#include <algorithm>
#include <cmath>

#include "products.h"
#include "random.h"

// Rows that are finished while they lie in the first cache; even, so that half words pair within a tile.
constexpr std::int64_t TILE = 16;

constexpr std::int32_t NOTHING_DROPPED = -32768;

// Inverted dropout of a flat range of activations.
struct Dropout {
    Draw draw;
    std::int32_t cut;
    float scale;

    bool acts() const { return cut > NOTHING_DROPPED; }

    // Elements `start` (even) to `end`, whose values stand at `a`.
    void operator()(float* a, std::int64_t start, std::int64_t end) const {
        constexpr std::int64_t CHUNK = 512;
        std::uint32_t words[CHUNK / 2];
        std::int16_t halves[CHUNK];
        const auto below = static_cast<std::int16_t>(cut);
        const float by = scale;
        for (std::int64_t from = start; from < end; from += CHUNK) {
            const auto first = static_cast<std::uint32_t>(from / 2);
            for (std::uint32_t i = 0; i < CHUNK / 2; ++i) words[i] = draw.word(first + i);
            std::memcpy(halves, words, sizeof halves);
            float* const at = a + (from - start);
            const std::int64_t count = std::min(CHUNK, end - from);
            for (std::int64_t i = 0; i < count; ++i) at[i] = halves[i] >= below ? at[i] * by : 0.0f;
        }
    }
};

inline void add_bias(float* __restrict a, const float* __restrict bias, std::int64_t rows, std::int64_t units) {
    for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t j = 0; j < units; ++j) a[r * units + j] += bias[j];
}

inline void relu(float* a, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) a[i] = a[i] < 0.0f ? 0.0f : a[i];
}

// Puts dL/dz in the place of a, from dL/da: a, after nonlinearity and dropout, is above 0 exactly where both let its input
// through.
inline void through_mask(const float* __restrict d, float* __restrict a, std::int64_t count, float scale) {
    for (std::int64_t i = 0; i < count; ++i) a[i] = a[i] > 0.0f ? d[i] * scale : 0.0f;
}

// Adds the rows up, onto `sums`.
inline void add_rows(const float* __restrict a, std::int64_t rows, std::int64_t units, float* __restrict sums) {
    for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t j = 0; j < units; ++j) sums[j] += a[r * units + j];
}

// Adds the rows of the elementwise product up, onto `sums`.
inline void add_products(const float* __restrict a, const float* __restrict b, std::int64_t rows, std::int64_t units,
                         float* __restrict sums) {
    for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t j = 0; j < units; ++j) sums[j] += a[r * units + j] * b[r * units + j];
}

// A short row: a call of the C library's copy costs more than the row.
inline void copy(const float* __restrict from, std::int64_t count, float* __restrict to) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
}

// In lanes of its own, which fit any processor's vectors: one sum after the other waits for each addition, and its last
// bits must not hang on how wide the vectors are.
inline float dot(const float* __restrict a, const float* __restrict b, std::int64_t count) {
    constexpr std::int64_t LANES = 32;
    float lanes[LANES] = {};
    std::int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (std::int64_t k = 0; k < LANES; ++k) lanes[k] += a[i + k] * b[i + k];
    for (std::int64_t k = 0; i + k < count; ++k) lanes[k] += a[i + k] * b[i + k];
    float sum = 0.0f;
    for (const float lane : lanes) sum += lane;
    return sum;
}

// v = factor w for the weights out of each input.
inline void fold(const float* __restrict w, const float* __restrict factors, std::int64_t inputs, std::int64_t units,
                 float* __restrict v) {
    for (std::int64_t i = 0; i < inputs; ++i) {
        const float by = factors[i];
        for (std::int64_t j = 0; j < units; ++j) v[i * units + j] = w[i * units + j] * by;
    }
}

// From dL/dv to dL/dw, in place, and dL/dfactor.
inline void unfold(const float* w, const float* factors, std::int64_t inputs, std::int64_t units, float* gradient,
                   float* by_factor) {
    for (std::int64_t i = 0; i < inputs; ++i) {
        const float by = factors[i];
        float* const g = gradient + i * units;
        by_factor[i] = dot(w + i * units, g, units);
        for (std::int64_t j = 0; j < units; ++j) g[j] *= by;
    }
}

// Batch norm of one hidden layer: y = h + strength (scale (h - mean) spread + shift - h), h with its bias.
struct Norm {
    float strength, momentum, eps;
    const float *scale, *shift;
    float *running_mean, *running_variance;
    float *mean, *spread;  // used in this batch: spread is 1 / sqrt(variance + eps)

    void use_running(std::int64_t units) {
        for (std::int64_t j = 0; j < units; ++j) {
            mean[j] = running_mean[j];
            spread[j] = 1.0f / std::sqrt(running_variance[j] + eps);
        }
    }

    // Adds the bias to all rows and takes their mean and variance in one pass: those of a tile are joined to those
    // before it (Chan, Golub and LeVeque, 1983). `own` holds 2 H numbers to work with.
    void use_batch(float* h, const float* bias, std::int64_t rows, std::int64_t units, float* own) {
        std::fill(mean, mean + units, 0.0f);
        std::fill(spread, spread + units, 0.0f);
        for (std::int64_t r = 0; r < rows; r += TILE) {
            const std::int64_t many = std::min(TILE, rows - r);
            add_bias(h + r * units, bias, many, units);
            join(h + r * units, many, static_cast<float>(r), units, own, own + units);
        }
        if (rows < 2) return use_running(units);  // one row has no variance: the running statistics are kept
        const float n = static_cast<float>(rows);
        for (std::int64_t j = 0; j < units; ++j) {
            const float variance = spread[j] / n;
            running_mean[j] += momentum * (mean[j] - running_mean[j]);
            running_variance[j] += momentum * (variance * (n / (n - 1.0f)) - running_variance[j]);
            spread[j] = 1.0f / std::sqrt(variance + eps);
        }
    }

    // Joins some rows to the mean, and to the sum of squared deviations kept in `spread`, of `before` others.
    void join(const float* __restrict h, std::int64_t rows, float before, std::int64_t units, float* __restrict centre,
              float* __restrict squares) const {
        std::fill(centre, centre + units, 0.0f);
        std::fill(squares, squares + units, 0.0f);
        add_rows(h, rows, units, centre);
        const float n = static_cast<float>(rows), share = n / (before + n);
        for (std::int64_t j = 0; j < units; ++j) centre[j] /= n;
        for (std::int64_t r = 0; r < rows; ++r)
            for (std::int64_t j = 0; j < units; ++j) {
                const float d = h[r * units + j] - centre[j];
                squares[j] += d * d;
            }
        for (std::int64_t j = 0; j < units; ++j) {
            const float apart = centre[j] - mean[j];
            mean[j] += apart * share;
            spread[j] += squares[j] + apart * apart * before * share;
        }
    }

    // Rows of h become y; `normalized` keeps (h - mean) spread for the way back, if given.
    void apply(float* __restrict h, float* __restrict normalized, std::int64_t rows, std::int64_t units) const {
        const float s = strength;
        for (std::int64_t r = 0; r < rows; ++r) {
            float *row = h + r * units, *kept = normalized ? normalized + r * units : nullptr;
            for (std::int64_t j = 0; j < units; ++j) {
                const float x = (row[j] - mean[j]) * spread[j];
                if (kept) kept[j] = x;
                row[j] += s * (scale[j] * x + shift[j] - row[j]);
            }
        }
    }

    // What turns dL/dy into dL/dh: dh = by dy - shifted - normalized sloped, H numbers each.
    void coefficients(const float* d_scale, const float* d_shift, std::int64_t batch, std::int64_t units, float* by,
                      float* shifted, float* sloped) const {
        const float share = batch < 2 ? 0.0f : 1.0f / static_cast<float>(batch);
        for (std::int64_t j = 0; j < units; ++j) {
            const float through = strength * scale[j] * spread[j];
            by[j] = 1.0f - strength + through;
            shifted[j] = through * share * d_shift[j];
            sloped[j] = through * share * d_scale[j];
        }
    }
};

// From dL/dy to dL/dh in place for some of a batch's rows.
inline void norm_back(float* __restrict d, const float* __restrict normalized, std::int64_t rows, std::int64_t units,
                      const float* __restrict by, const float* __restrict shifted, const float* __restrict sloped) {
    for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t j = 0; j < units; ++j) {
            float& at = d[r * units + j];
            at = by[j] * at - shifted[j] - normalized[r * units + j] * sloped[j];
        }
}
