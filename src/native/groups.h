// The proximal step of group L1: all weights out of an input are shrunk as one.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

// The new norm r of a group: the sum of (w / (r + shift))^2 is 1; 0 where that sum is less for r = 0. By Newton's method on
// the root of its reciprocal, from below; no r is less than any |w| - shift.
inline float group_norm(const float* w, const float* shift, std::int64_t count, float norm) {
    float least = 0.0f;
    for (std::int64_t i = 0; i < count; ++i) least = std::max(least, std::fabs(w[i]) - shift[i]);
    for (int round = 0; round < 6; ++round) {
        float total = 0.0f, slope = 0.0f;
        for (std::int64_t i = 0; i < count; ++i) {
            const float reached = norm + shift[i], share = w[i] / reached, square = share * share;
            total += square;
            slope += square / reached;
        }
        const float steepness = std::max(slope, std::numeric_limits<float>::min());
        const float next = std::max(norm + total * (std::sqrt(total) - 1.0f) / steepness, least);
        if (next == norm) break;
        norm = next;
    }
    return norm;
}

// Shrinks the rows of D x H, each with its own pull, strength * sqrt(H) / (1 + root mean square / half_at), at the size that
// `size(i)` says of the weight at a place. `shift` holds H numbers.
template <class Size>
void group_shrink(float* weights, std::int64_t inputs, std::int64_t units, float strength, float half_at, const Size& size,
                  float* shift) {
    const float root = std::sqrt(static_cast<float>(units));
    for (std::int64_t d = 0; d < inputs; ++d) {
        float* const w = weights + d * units;
        float sum = 0.0f;
        for (std::int64_t i = 0; i < units; ++i) sum += w[i] * w[i];
        const float norm = std::sqrt(sum), pull = root * strength / (1.0f + norm / root / half_at);
        if (!(pull > 0.0f)) continue;
        for (std::int64_t i = 0; i < units; ++i) shift[i] = pull * size(d * units + i);
        const float kept = group_norm(w, shift, units, norm);
        for (std::int64_t i = 0; i < units; ++i) w[i] -= w[i] * (shift[i] / (kept + shift[i]));
    }
}

// Group L1 after the step of another optimizer, whose weights lie as torch's do: blocks of units x width, a group a column.
// Sizes are rate / (sqrt(second) * correction + eps), or `rate` where there is no second moment. A group that was 0 as a whole
// stays there unless its mean gradient, which takes the new one in by its share, is above strength.
struct Columns {
    float* weights;
    const float* second;
    const float* gradient;
    float* mean;
    const std::uint8_t* zero;
    std::int64_t blocks, units, width;
    float rate, correction, eps, strength, half_at, share;
};

constexpr std::int64_t LANES = 16;
constexpr float SETTLED = 1e-4f;  // a step of Newton's by this share leaves an error of its square

// What a tile of LANES groups side by side is worked out from: `w` and `shift` hold units x LANES.
struct Tile {
    std::vector<float> w, shift;
    float square[LANES], drift[LANES], norm[LANES];
    bool empty[LANES];

    explicit Tile(std::int64_t units) : w(units * LANES), shift(units * LANES) {}
};

template <bool SCALED>
void take_in(const Columns& c, std::int64_t start, std::int64_t lanes, Tile& tile) {
    for (std::int64_t l = 0; l < LANES; ++l) tile.square[l] = tile.drift[l] = 0.0f, tile.empty[l] = true;
    for (std::int64_t u = 0; u < c.units; ++u)
        for (std::int64_t l = 0; l < lanes; ++l) {
            const std::int64_t i = start + u * c.width + l, at = u * LANES + l;
            c.mean[i] += c.share * (c.gradient[i] - c.mean[i]);
            tile.drift[l] += c.mean[i] * c.mean[i];
            tile.empty[l] &= c.zero[i] != 0;
            tile.w[at] = c.weights[i];
            tile.square[l] += c.weights[i] * c.weights[i];
            tile.shift[at] = SCALED ? c.rate / (std::sqrt(c.second[i]) * c.correction + c.eps) : c.rate;
        }
}

// As group_norm, for all lanes at once.
inline void find_norms(const Columns& c, Tile& tile, const float* pull) {
    float least[LANES] = {};
    for (std::int64_t u = 0; u < c.units; ++u)
        for (std::int64_t l = 0; l < LANES; ++l) {
            float& shift = tile.shift[u * LANES + l];
            shift *= pull[l];
            least[l] = std::max(least[l], std::fabs(tile.w[u * LANES + l]) - shift);
        }
    for (int round = 0; round < 6; ++round) {
        float total[LANES] = {}, slope[LANES] = {};
        for (std::int64_t u = 0; u < c.units; ++u)
            for (std::int64_t l = 0; l < LANES; ++l) {
                const float reached = 1.0f / (tile.norm[l] + tile.shift[u * LANES + l]);
                const float share = tile.w[u * LANES + l] * reached, square = share * share;
                total[l] += square;
                slope[l] += square * reached;
            }
        bool settled = true;
        for (std::int64_t l = 0; l < LANES; ++l) {
            const float steepness = std::max(slope[l], std::numeric_limits<float>::min());
            const float next = std::max(tile.norm[l] + total[l] * (std::sqrt(total[l]) - 1.0f) / steepness, least[l]);
            settled &= !(std::fabs(next - tile.norm[l]) > SETTLED * next);
            tile.norm[l] = next;
        }
        if (settled) break;
    }
}

template <bool SCALED>
void shrink_columns(const Columns& c) {
    Tile tile(c.units);
    const float root = std::sqrt(static_cast<float>(c.units));
    for (std::int64_t block = 0; block < c.blocks; ++block)
        for (std::int64_t first = 0; first < c.width; first += LANES) {
            const std::int64_t start = block * c.units * c.width + first, lanes = std::min(LANES, c.width - first);
            take_in<SCALED>(c, start, lanes, tile);
            float pull[LANES];
            for (std::int64_t l = 0; l < LANES; ++l) {
                tile.norm[l] = std::sqrt(tile.square[l]);
                pull[l] = root * c.strength / (1.0f + tile.norm[l] / root / c.half_at);
            }
            bool held[LANES], all = true;
            for (std::int64_t l = 0; l < LANES; ++l) {
                held[l] = tile.empty[l] && std::sqrt(tile.drift[l]) <= root * c.strength;
                all &= held[l];
            }
            if (!all) find_norms(c, tile, pull);
            for (std::int64_t u = 0; u < c.units; ++u)
                for (std::int64_t l = 0; l < lanes; ++l) {
                    const float w = tile.w[u * LANES + l], shift = tile.shift[u * LANES + l];
                    const float kept = shift > 0.0f ? w - w * (shift / (tile.norm[l] + shift)) : w;
                    c.weights[start + u * c.width + l] = held[l] ? 0.0f : kept;
                }
        }
}
