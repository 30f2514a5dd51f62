// What a caller hands over: the job that all members share, and the members. Mirrored by goodfit/training/native.py.
//
// Letters: B rows of a batch, D inputs and H units of a layer, K outputs, P parameters of a network. Matrices are row by
// row; a layer's weights are D x H.
#pragma once

#include <cstdint>

using Bf16 = std::uint16_t;

extern "C" {

// The BLAS's own signatures: column by column, everything by pointer.
using Sgemm = void (*)(const char*, const char*, const int*, const int*, const int*, const float*, const float*,
                       const int*, const float*, const int*, const float*, float*, const int*);
using Bgemm = void (*)(const char*, const char*, const int*, const int*, const int*, const float*, const Bf16*,
                       const int*, const Bf16*, const int*, const float*, float*, const int*);
using SetThreads = int (*)(int);

struct Job {
    const std::int64_t* sizes;  // inputs, hidden units of each layer, outputs
    std::int64_t layers;        // matrices of weights: one less than the sizes
    std::int64_t batch_norm;    // whether hidden layers have a scale and a shift
    std::int64_t task;          // 0 regression, 1 binary, 2 multiclass
    const float* inputs;        // all views one below the other, D wide
    const float* targets;       // likewise, K wide
    const float* weights;       // of the rows of one view
    std::int64_t rows;          // rows of one view
    std::int64_t adam;          // 0 for SGD
    double momentum;            // of SGD
    std::int64_t steps;         // batches of an epoch
    std::int64_t epoch;         // from 0
    double period;              // steps over which a cosine takes the learning rate to 0; 0 for a constant one
    double scaling;             // learning rate of the inputs' factors, in that of the weights; 0 where there are none
    Sgemm sgemm;
    Bgemm bgemm;             // null: products in fp32
    SetThreads set_threads;  // null: the BLAS has been told to use one thread
};

// Strengths on a group of parameters. All are 0 at their neutral dose.
struct Shrinkage {
    float l2, weight_decay, elastic_net, l1_ratio, l1;
};

struct Doses {
    Shrinkage weights, others;
    float max_norm;  // infinite: never acts
    float group_l1, half_at;
    float input_dropout, dropout;  // scales of what is kept, 1 / (1 - p)
    std::int32_t input_cut, cut;   // a half word below it drops its element
    float label_smoothing, noise, averaging;
    float norm_strength, norm_momentum, norm_eps;
};

struct Member {
    float* parameters;  // P: all weights, all biases, scales and shifts of batch norm, then factors of the inputs
    float* first;       // P: first moment or velocity
    float* second;      // P, unused by SGD
    float* statistics;  // running means of all hidden units, then their variances
    float* average;     // P, or null if nothing is averaged
    const std::int64_t* rows;  // places in inputs
    std::int64_t count;
    std::uint64_t stream;  // base of its random streams
    float learning_rate, weight_scale;
    Doses doses;
};
}
