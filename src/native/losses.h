// The loss of a row and its gradient, as goodfit/training/losses.py defines them.
#pragma once

#include <cmath>

#include "job.h"

enum Task : std::int64_t { REGRESSION = 0, BINARY = 1, MULTICLASS = 2 };

inline float log_sum_exp(const float* o, std::int64_t k) {
    float top = o[0], sum = 0.0f;
    for (std::int64_t j = 1; j < k; ++j) top = o[j] > top ? o[j] : top;
    for (std::int64_t j = 0; j < k; ++j) sum += std::exp(o[j] - top);
    return top + std::log(sum);
}

inline float row_loss(const float* o, const float* y, std::int64_t k, std::int64_t task) {
    float loss = 0.0f;
    if (task == BINARY) {
        for (std::int64_t j = 0; j < k; ++j)
            loss += (o[j] > 0.0f ? o[j] : 0.0f * o[j]) - o[j] * y[j] + std::log1p(std::exp(-std::fabs(o[j])));
        return loss;
    }
    if (task == REGRESSION) {
        for (std::int64_t j = 0; j < k; ++j) loss += (o[j] - y[j]) * (o[j] - y[j]);
        return loss;
    }
    const float total = log_sum_exp(o, k);
    for (std::int64_t j = 0; j < k; ++j) loss += (total - o[j]) * y[j];
    return loss;
}

// Outputs become the gradient of the row's loss times its weight.
inline void row_gradient(float* o, const float* y, std::int64_t k, std::int64_t task, float weight) {
    if (task == BINARY) {
        for (std::int64_t j = 0; j < k; ++j) o[j] = weight * (1.0f / (1.0f + std::exp(-o[j])) - y[j]);
        return;
    }
    if (task == REGRESSION) {
        for (std::int64_t j = 0; j < k; ++j) o[j] = weight * 2.0f * (o[j] - y[j]);
        return;
    }
    const float total = log_sum_exp(o, k);
    float mass = 0.0f;
    for (std::int64_t j = 0; j < k; ++j) mass += y[j];
    for (std::int64_t j = 0; j < k; ++j) o[j] = weight * (std::exp(o[j] - total) * mass - y[j]);
}

// In place; one column holds the second of two classes.
inline void smooth_labels(float* y, std::int64_t count, std::int64_t k, float epsilon) {
    const float share = epsilon / static_cast<float>(k < 2 ? 2 : k);
    for (std::int64_t i = 0; i < count; ++i) y[i] = y[i] * (1.0f - epsilon) + share;
}
