// The update of a member's parameters: decay, optimizer step, proximal operators, max norm, average.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "groups.h"
#include "job.h"

// The new gradient's weights as written: 1 - 0.999f is not 0.001f.
constexpr float BETA2 = 0.999f, NEW1 = 0.1f, NEW2 = 0.001f, EPS = 1e-8f;

// Never hides what is not a number: comparisons with it are false.
inline float at_least_0(float x) { return x < 0.0f ? 0.0f : x; }

inline float soft_threshold(float w, float threshold) { return std::copysign(at_least_0(std::fabs(w) - threshold), w); }

template <bool PROX>
inline float shrunk(float w, float size, const Shrinkage& by) {
    if (!PROX) return w;
    w = soft_threshold(w, size * by.elastic_net * by.l1_ratio);
    w /= 1.0f + 2.0f * size * by.elastic_net * (1.0f - by.l1_ratio);
    return soft_threshold(w, size * by.l1);
}

struct Rates {
    float rate;               // learning rate of this step
    float momentum;           // of SGD
    float first, second;      // Adam's bias corrections, 1 / (1 - beta1^t) and 1 / sqrt(1 - beta2^t)
};

template <bool PROX>
void adam(float* __restrict w, float* __restrict first, float* __restrict second, const float* __restrict gradient,
          std::int64_t count, const Rates& rates, const Shrinkage& by) {
    const float l2 = 2.0f * by.l2, keep = at_least_0(1.0f - rates.rate * by.weight_decay);
    const Rates r = rates;
    const Shrinkage s = by;
    for (std::int64_t i = 0; i < count; ++i) {
        const float g = gradient[i] + l2 * w[i];
        const float m = first[i] + NEW1 * (g - first[i]);
        const float v = second[i] * BETA2 + NEW2 * g * g;
        const float size = r.rate / (std::sqrt(v) * r.second + EPS);
        w[i] = shrunk<PROX>(w[i] * keep - m * size * r.first, size, s);
        first[i] = m;
        second[i] = v;
    }
}

template <bool PROX>
void sgd(float* __restrict w, float* __restrict velocity, const float* __restrict gradient, std::int64_t count,
         const Rates& rates, const Shrinkage& by) {
    const float l2 = 2.0f * by.l2, keep = at_least_0(1.0f - rates.rate * by.weight_decay);
    const float rate = rates.rate, momentum = rates.momentum, size = rate / (1.0f - momentum);
    const Shrinkage s = by;
    for (std::int64_t i = 0; i < count; ++i) {
        const float v = velocity[i] * momentum + gradient[i] + l2 * w[i];
        w[i] = shrunk<PROX>(w[i] * keep - rate * v, size, s);
        velocity[i] = v;
    }
}

// The proximal step of L1 after the step of another optimizer, of size rate / (sqrt(second) * correction + eps), or `rate`
// where there is no second moment. A weight that was 0 stays there unless the mean gradient, which takes the new one in by
// its share, is above l1.
template <bool SCALED>
void shrink(float* __restrict w, const float* __restrict second, const float* __restrict gradient,
            float* __restrict mean, const std::uint8_t* __restrict zero, std::int64_t count, float rate,
            float correction, float eps, float l1, float share) {
    for (std::int64_t i = 0; i < count; ++i) {
        mean[i] += share * (gradient[i] - mean[i]);
        const float size = SCALED ? rate / (std::sqrt(second[i]) * correction + eps) : rate;
        const float shrunk = soft_threshold(w[i], size * l1);
        w[i] = zero[i] && std::fabs(mean[i]) <= l1 ? 0.0f : shrunk;
    }
}

// Scales the weights into each unit, a column of D x H, into a ball. `norms` holds H numbers.
inline void max_norm(float* weights, std::int64_t inputs, std::int64_t units, float radius, float* norms) {
    std::fill(norms, norms + units, 0.0f);
    for (std::int64_t i = 0; i < inputs; ++i)
        for (std::int64_t j = 0; j < units; ++j) norms[j] += weights[i * units + j] * weights[i * units + j];
    for (std::int64_t j = 0; j < units; ++j) {
        const float norm = std::min(std::max(std::sqrt(norms[j]), 1e-30f), std::numeric_limits<float>::max());
        norms[j] = std::isnan(norms[j]) ? norms[j] : std::min(radius / norm, 1.0f);
    }
    for (std::int64_t i = 0; i < inputs; ++i)
        for (std::int64_t j = 0; j < units; ++j) weights[i * units + j] *= norms[j];
}

// The proximal steps of group L1 on each layer, and of L1 after it, at the sizes of the optimizer's step.
inline void shrink_groups(const Job& job, const Member& member, float* w, const Rates& rates, float* scratch) {
    const Doses& doses = member.doses;
    for (std::int64_t layer = 0, start = 0; layer < job.layers; ++layer) {
        const std::int64_t inputs = job.sizes[layer], units = job.sizes[layer + 1];
        const float* const second = member.second + start;
        const auto size = [&](std::int64_t i) {
            return job.adam ? rates.rate / (std::sqrt(second[i]) * rates.second + EPS) : rates.rate / (1.0f - rates.momentum);
        };
        float* const weights = w + start;
        group_shrink(weights, inputs, units, doses.group_l1, doses.half_at, size, scratch);
        if (doses.weights.l1 != 0.0f)
            for (std::int64_t i = 0; i < inputs * units; ++i)
                weights[i] = soft_threshold(weights[i], size(i) * doses.weights.l1);
        start += inputs * units;
    }
}

inline void average(float* __restrict mean, const float* __restrict w, std::int64_t count, float decay) {
    for (std::int64_t i = 0; i < count; ++i) mean[i] = decay * mean[i] + (1.0f - decay) * w[i];
}

// All of it for a member whose parameters stand in `w`: weights, from `weights` on others, from `factors` on those of inputs.
inline void update(const Job& job, const Member& member, float* w, const float* gradient, std::int64_t weights,
                   std::int64_t factors, std::int64_t total, std::int64_t step, const Rates& rates, float* scratch) {
    const Doses& doses = member.doses;
    const auto part = [&](std::int64_t from, std::int64_t count, const Shrinkage& by, const Rates& rates) {
        const bool prox = by.l1 != 0.0f || by.elastic_net != 0.0f;
        float *first = member.first + from, *second = member.second + from;
        auto* adams = adam<false>;
        auto* sgds = sgd<false>;
        if (prox) adams = adam<true>, sgds = sgd<true>;
        if (job.adam)
            adams(w + from, first, second, gradient + from, count, rates, by);
        else
            sgds(w + from, first, gradient + from, count, rates, by);
    };
    Shrinkage alone = doses.weights;
    if (doses.group_l1 != 0.0f) alone.l1 = 0.0f;
    part(0, weights, alone, rates);
    part(weights, factors - weights, doses.others, rates);
    Rates faster = rates;
    faster.rate *= static_cast<float>(job.scaling);
    if (factors < total) part(factors, total - factors, Shrinkage{}, faster);
    if (doses.group_l1 != 0.0f) shrink_groups(job, member, w, rates, scratch);
    if (std::isfinite(doses.max_norm))
        for (std::int64_t layer = 0, start = 0; layer < job.layers; ++layer) {
            max_norm(w + start, job.sizes[layer], job.sizes[layer + 1], doses.max_norm, scratch);
            start += job.sizes[layer] * job.sizes[layer + 1];
        }
    if (member.average) average(member.average, w, total, step == 0 ? 0.0f : doses.averaging);
}
