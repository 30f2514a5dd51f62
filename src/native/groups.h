// The proximal step of group L1: all weights out of an input are shrunk as one.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

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
