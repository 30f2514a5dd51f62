// Trains members one after the other, each with its weights and rows in the cache of one core. The same computation as
// goodfit/training/step.py, in another order: members outside, batches inside. A member's numbers depend on nothing but
// its own rows, doses and stream, so they are the same in any company, bit for bit.
//
//     for member:
//         for batch of the epoch:
//             rows     = gather, noise, dropout
//             weights  = factors of the inputs x the first ones, while rows pass
//             hidden   = dropout(relu(batch norm(rows weights + bias)))      a layer after the other
//             gradient = the way back
//             weights  = average(max norm(prox(step(decay(weights)))))
#if defined(_MSC_VER) && !defined(__clang__)
#pragma fp_contract(off)  // compilers before 2022 contract where arithmetic is precise, too
#endif

#include <algorithm>
#include <cmath>
#include <new>
#include <numeric>

#include "job.h"
#include "layers.h"
#include "losses.h"
#include "pages.h"
#include "products.h"
#include "random.h"
#include "update.h"

namespace {

constexpr std::int64_t EVALUATED_AT_ONCE = 256;
constexpr std::int64_t AHEAD = 8;  // rows fetched before they are needed: they lie anywhere in memory
constexpr std::int64_t LINE = 16;  // numbers in a cache line
constexpr double PI = 3.14159265358979323846;

// Where each parameter lies in a network's vector of P, as goodfit/networks/mlp.py lays it out.
class Layout {
public:
    explicit Layout(const Job& job) : job(job) {
        for (std::int64_t l = 0; l < job.layers; ++l) weights += input(l) * units(l);
        total = weights;
        for (std::int64_t l = 0; l < job.layers; ++l) total += units(l);
        for (std::int64_t l = 0; l + 1 < job.layers; ++l) hidden += units(l);
        if (job.batch_norm) total += 2 * hidden;
        factors = total;
        if (job.scaling > 0.0) total += input(0);
        widest = *std::max_element(job.sizes, job.sizes + job.layers + 1);
    }
    std::int64_t input(std::int64_t l) const { return job.sizes[l]; }
    std::int64_t units(std::int64_t l) const { return job.sizes[l + 1]; }
    bool last(std::int64_t l) const { return l + 1 == job.layers; }
    std::int64_t weight(std::int64_t l) const {
        std::int64_t at = 0;
        for (std::int64_t i = 0; i < l; ++i) at += input(i) * units(i);
        return at;
    }
    std::int64_t unit(std::int64_t l) const { return std::accumulate(job.sizes + 1, job.sizes + 1 + l, std::int64_t{0}); }
    std::int64_t bias(std::int64_t l) const { return weights + unit(l); }
    std::int64_t scale(std::int64_t l) const { return weights + hidden + units(job.layers - 1) + unit(l); }
    std::int64_t shift(std::int64_t l) const { return scale(l) + hidden; }

    std::int64_t weights = 0, factors = 0, total = 0, hidden = 0, widest = 0;

private:
    const Job& job;
};

class Network {
public:
    Network(const Job& job, std::int64_t batch, bool training)
        : job(job), layout(job), product(job), bf16(job.bgemm != nullptr), parameters(layout.total, bf16),
          gradient(training ? layout.total : 0), targets(batch * job.sizes[job.layers]), row_weights(batch),
          moments(2 * layout.hidden), scratch(3 * layout.widest), delta(training ? batch * layout.widest : 0),
          scaled(training && job.scaling > 0.0 ? layout.input(0) * layout.units(0) : 0, bf16) {
        for (std::int64_t l = 0; l <= job.layers; ++l) activations.emplace_back(batch * job.sizes[l], bf16);
        for (std::int64_t l = 0; l + 1 < job.layers && job.batch_norm && training; ++l)
            normalized.emplace_back(batch * job.sizes[l + 1]);
    }

    void train_epoch(const Member& member) {
        float* const w = parameters.matrix().at;
        std::copy(member.parameters, member.parameters + layout.total, w);
        order.draw(Draw(member.stream, ORDER, 0, job.epoch), Draw(member.stream, ORDER, 1, job.epoch), member.count);
        std::size_t announced = 0;
        for (std::int64_t t = 0; t < job.steps; ++t) {
            const std::int64_t start = member.count * t / job.steps, end = member.count * (t + 1) / job.steps;
            const std::int64_t step = job.epoch * job.steps + t;
            announced = announce(member, announced, end);
            gather(member, start, end - start, true);
            smooth(member, end - start);
            forward(member, end - start, step, true);
            back(member, end - start);
            if (job.scaling > 0.0)
                unfold(w, w + layout.factors, layout.input(0), layout.units(0), gradient.get(),
                       gradient.get() + layout.factors);
            update(job, member, w, gradient.get(), layout.weights, layout.factors, layout.total, step,
                   rates(member, step), scratch.get());
        }
        std::copy(w, w + layout.total, member.parameters);
    }

    // Writes the statistics of batch norm that these weights have over all rows given, as one batch.
    void refresh_statistics(Member member) {
        Doses& doses = member.doses;
        doses.norm_momentum = 1.0f;
        doses.noise = 0.0f;
        doses.cut = doses.input_cut = NOTHING_DROPPED;
        std::copy(member.parameters, member.parameters + layout.total, parameters.matrix().at);
        gather(member, 0, member.count, false);
        forward(member, member.count, 0, true);
    }

    double mean_loss(const Member& member) {
        std::copy(member.parameters, member.parameters + layout.total, parameters.matrix().at);
        const std::int64_t outputs = job.sizes[job.layers];
        double sum = 0.0, weight = 0.0;
        for (std::int64_t start = 0; start < member.count; start += EVALUATED_AT_ONCE) {
            const std::int64_t rows = std::min(EVALUATED_AT_ONCE, member.count - start);
            gather(member, start, rows, false);
            forward(member, rows, 0, false);
            const float* o = activations[job.layers].matrix().at;
            for (std::int64_t r = 0; r < rows; ++r) {
                sum += row_weights.get()[r] * row_loss(o + r * outputs, targets.get() + r * outputs, outputs, job.task);
                weight += row_weights.get()[r];
            }
        }
        return sum / weight;
    }

private:
    // Tells the system which blocks of rows come next, one ahead: of a file it then reads them whole, not page by page.
    std::size_t announce(const Member& member, std::size_t announced, std::int64_t end) {
        if (order.sequence.size() < 2) return announced;
        const auto reached = static_cast<std::size_t>(end / Order::NEIGHBOURS + 2);
        for (; announced < std::min(reached, order.sequence.size()); ++announced) {
            const std::int64_t start = order.sequence[announced] * Order::NEIGHBOURS;
            const std::int64_t last = std::min(start + Order::NEIGHBOURS, member.count) - 1;
            const std::int64_t from = member.rows[start], to = member.rows[last] + 1;
            will_need(job.inputs + from * job.sizes[0], job.inputs + to * job.sizes[0]);
        }
        return announced;
    }

    void gather(const Member& member, std::int64_t start, std::int64_t rows, bool shuffled) {
        const std::int64_t inputs = job.sizes[0], outputs = job.sizes[job.layers];
        float* const x = activations[0].matrix().at;
        const auto place = [&](std::int64_t r) { return member.rows[shuffled ? order[start + r] : start + r]; };
        for (std::int64_t r = 0; r < rows; ++r) {
            const std::int64_t row = place(r), soon = place(std::min(r + AHEAD, rows - 1));
            for (std::int64_t i = 0; i < inputs; i += LINE) prefetch(job.inputs + soon * inputs + i);
            copy(job.inputs + row * inputs, inputs, x + r * inputs);
            copy(job.targets + row * outputs, outputs, targets.get() + r * outputs);
            row_weights.get()[r] = job.weights[row % job.rows] * member.weight_scale;
        }
    }

    void smooth(const Member& member, std::int64_t rows) {
        const std::int64_t outputs = job.sizes[job.layers];
        if (member.doses.label_smoothing > 0.0f && job.task != REGRESSION)
            smooth_labels(targets.get(), rows * outputs, outputs, member.doses.label_smoothing);
    }

    void forward(const Member& member, std::int64_t rows, std::int64_t step, bool training) {
        const Doses& doses = member.doses;
        const Matrix x = activations[0].matrix(), w = parameters.matrix();
        const std::int64_t count = rows * job.sizes[0];
        if (training && doses.noise > 0.0f) add_noise(Draw(member.stream, NOISE, 0, step), doses.noise, x.at, count);
        const Dropout drop{Draw(member.stream, DROPOUT, 0, step), doses.input_cut, doses.input_dropout};
        if (training && drop.acts()) drop(x.at, 0, count);
        x.round(0, count);
        w.round(0, layout.weights);
        const Matrix first = training && job.scaling > 0.0 ? folded(w) : w;
        for (std::int64_t l = 0; l < job.layers; ++l) {
            const Matrix a = activations[l + 1].matrix();
            const auto units = static_cast<int>(layout.units(l));
            product(activations[l].matrix(), false, l ? w.from(layout.weight(l)) : first, false, static_cast<int>(rows),
                    units, static_cast<int>(layout.input(l)), a.at);
            if (layout.last(l)) return add_bias(a.at, w.at + layout.bias(l), rows, units);
            activate(member, l, rows, step, training);
        }
    }

    Matrix folded(const Matrix& w) const {
        const Matrix first = scaled.matrix();
        const std::int64_t inputs = layout.input(0), units = layout.units(0);
        fold(w.at, w.at + layout.factors, inputs, units, first.at);
        first.round(0, inputs * units);
        return first;
    }

    void activate(const Member& member, std::int64_t l, std::int64_t rows, std::int64_t step, bool training) {
        const Matrix a = activations[l + 1].matrix();
        const std::int64_t units = layout.units(l);
        const float* const bias = parameters.matrix().at + layout.bias(l);
        const bool norms = normalizes(member);
        const Dropout drop{Draw(member.stream, DROPOUT, l + 1, step), member.doses.cut, member.doses.dropout};
        Norm norm = norms ? norm_of(member, l) : Norm{};
        if (norms && training) norm.use_batch(a.at, bias, rows, units, scratch.get());
        if (norms && !training) norm.use_running(units);
        for (std::int64_t r = 0; r < rows; r += TILE) {
            const std::int64_t end = std::min(r + TILE, rows), start = r * units, count = (end - r) * units;
            if (!norms || !training) add_bias(a.at + start, bias, end - r, units);
            if (norms) norm.apply(a.at + start, training ? normalized[l].get() + start : nullptr, end - r, units);
            relu(a.at + start, count);
            if (training && drop.acts()) drop(a.at + start, start, start + count);
            a.round(start, start + count);
        }
    }

    void back(const Member& member, std::int64_t rows) {
        const Matrix w = parameters.matrix();
        Matrix d = loss_gradient(rows);
        for (std::int64_t l = job.layers - 1;; --l) {
            const auto units = static_cast<int>(layout.units(l)), inputs = static_cast<int>(layout.input(l));
            const auto n = static_cast<int>(rows);
            product(activations[l].matrix(), true, d, false, inputs, units, n, gradient.get() + layout.weight(l));
            if (l == 0) return;
            product(d, false, w.from(layout.weight(l)), true, n, inputs, units, delta.get());
            d = through(member, l - 1, rows);
        }
    }

    // Outputs become dL/d outputs.
    Matrix loss_gradient(std::int64_t rows) {
        const Matrix o = activations[job.layers].matrix();
        const std::int64_t outputs = job.sizes[job.layers];
        float* const d_bias = gradient.get() + layout.bias(job.layers - 1);
        for (std::int64_t r = 0; r < rows; ++r)
            row_gradient(o.at + r * outputs, targets.get() + r * outputs, outputs, job.task,
                         row_weights.get()[r] / static_cast<float>(rows));
        o.round(0, rows * outputs);
        std::fill_n(d_bias, outputs, 0.0f);
        add_rows(o.at, rows, outputs, d_bias);
        return o;
    }

    // From dL/da of a hidden layer, in `delta`, to dL/dz, which takes the place of a: nothing else needs a any more. And
    // the gradients of its bias, scale and shift.
    Matrix through(const Member& member, std::int64_t l, std::int64_t rows) {
        const std::int64_t units = layout.units(l);
        const Matrix d = activations[l + 1].matrix();
        float *const d_bias = gradient.get() + layout.bias(l), *const d_scale = gradient.get() + layout.scale(l),
                     *const d_shift = gradient.get() + layout.shift(l);
        const bool norms = normalizes(member);
        const Norm norm = norms ? norm_of(member, l) : Norm{};
        const float* const normed = norms ? normalized[l].get() : nullptr;
        std::fill_n(d_bias, units, 0.0f);
        if (job.batch_norm) std::fill_n(d_scale, units, 0.0f), std::fill_n(d_shift, units, 0.0f);
        for (std::int64_t r = 0; r < rows; r += TILE) {
            const std::int64_t many = std::min(TILE, rows - r), start = r * units;
            through_mask(delta.get() + start, d.at + start, many * units, member.doses.dropout);
            if (norms) {
                add_products(d.at + start, normed + start, many, units, d_scale);
                add_rows(d.at + start, many, units, d_shift);
            } else {
                add_rows(d.at + start, many, units, d_bias);
                d.round(start, start + many * units);
            }
        }
        if (!norms) return d;
        float *const by = scratch.get(), *const shifted = by + units, *const sloped = shifted + units;
        norm.coefficients(d_scale, d_shift, rows, units, by, shifted, sloped);
        for (std::int64_t r = 0; r < rows; r += TILE) {
            const std::int64_t many = std::min(TILE, rows - r), start = r * units;
            norm_back(d.at + start, normed + start, many, units, by, shifted, sloped);
            // full batch norm takes a bias out again: its gradient is rounding, which Adam would scale up to whole steps
            if (norm.strength < 1.0f) add_rows(d.at + start, many, units, d_bias);
            d.round(start, start + many * units);
        }
        for (std::int64_t j = 0; j < units; ++j) d_scale[j] *= norm.strength, d_shift[j] *= norm.strength;
        return d;
    }

    bool normalizes(const Member& member) const { return job.batch_norm && member.doses.norm_strength > 0.0f; }

    Norm norm_of(const Member& member, std::int64_t l) {
        const Doses& doses = member.doses;
        const float* const w = parameters.matrix().at;
        float *mean = moments.get() + layout.unit(l), *running = member.statistics + layout.unit(l);
        return {doses.norm_strength, doses.norm_momentum,      doses.norm_eps, w + layout.scale(l), w + layout.shift(l),
                running,             running + layout.hidden, mean,           mean + layout.hidden};
    }

    Rates rates(const Member& member, std::int64_t step) const {
        const double turn = job.period > 0.0 ? 0.5 * (1.0 + std::cos(PI * static_cast<double>(step) / job.period)) : 1.0;
        const double t = static_cast<double>(step + 1);
        return {member.learning_rate * static_cast<float>(turn), static_cast<float>(job.momentum),
                static_cast<float>(1.0 / (1.0 - std::pow(0.9, t))),
                static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(0.999, t)))};
    }

    const Job& job;
    Layout layout;
    Products product;
    bool bf16;
    Storage parameters;
    Buffer<float> gradient, targets, row_weights, moments, scratch, delta;
    Storage scaled;  // the first weights times the factors of their inputs
    std::vector<Storage> activations;
    std::vector<Buffer<float>> normalized;
    Order order;
};

// The calling thread's BLAS uses one thread while this lives.
class OneThread {
public:
    explicit OneThread(const Job& job) : set(job.set_threads), before(set ? set(1) : 0) {}
    ~OneThread() {
        if (set) set(before);
    }
    OneThread(const OneThread&) = delete;
    OneThread& operator=(const OneThread&) = delete;

private:
    SetThreads set;
    int before;
};

enum Status : int { DONE = 0, OUT_OF_MEMORY = 1 };

}  // namespace

#ifdef _WIN32
#define PUBLIC extern "C" __declspec(dllexport)
#else
#define PUBLIC extern "C" __attribute__((visibility("default")))
#endif

// Sizes of the structures, so that a caller can tell a library that was built from other sources.
PUBLIC std::int64_t goodfit_sizes() { return static_cast<std::int64_t>(sizeof(Job) * 65536 + sizeof(Member)); }

// Trains each member for the job's epoch, in place.
PUBLIC int goodfit_train_epoch(const Job* job, const Member* members, std::int64_t count) try {
    const OneThread one(*job);
    std::int64_t batch = 0;
    for (std::int64_t m = 0; m < count; ++m) batch = std::max(batch, (members[m].count + job->steps - 1) / job->steps);
    Network network(*job, batch, true);
    for (std::int64_t m = 0; m < count; ++m) network.train_epoch(members[m]);
    return DONE;
} catch (const std::bad_alloc&) {
    return OUT_OF_MEMORY;
}

// Replaces each member's running statistics by those of its weights over its rows.
PUBLIC int goodfit_refresh_statistics(const Job* job, const Member* members, std::int64_t count) try {
    const OneThread one(*job);
    std::int64_t rows = 0;
    for (std::int64_t m = 0; m < count; ++m) rows = std::max(rows, members[m].count);
    Network network(*job, rows, true);
    for (std::int64_t m = 0; m < count; ++m) network.refresh_statistics(members[m]);
    return DONE;
} catch (const std::bad_alloc&) {
    return OUT_OF_MEMORY;
}

// The mean weighted loss of each member on its rows, in inference mode.
PUBLIC int goodfit_mean_losses(const Job* job, const Member* members, std::int64_t count, double* losses) try {
    const OneThread one(*job);
    Network network(*job, EVALUATED_AT_ONCE, false);
    for (std::int64_t m = 0; m < count; ++m) losses[m] = network.mean_loss(members[m]);
    return DONE;
} catch (const std::bad_alloc&) {
    return OUT_OF_MEMORY;
}

// L1 around the steps of torch's own optimizers, in one pass over the weights; `second` is null for SGD.
PUBLIC void goodfit_shrink(float* weights, const float* second, const float* gradient, float* mean,
                           const std::uint8_t* zero, std::int64_t count, float rate, float correction, float eps,
                           float l1, float share) {
    auto* step = shrink<false>;
    if (second) step = shrink<true>;
    step(weights, second, gradient, mean, zero, count, rate, correction, eps, l1, share);
}

// Group L1 likewise, on blocks of units x width, a group a column.
PUBLIC int goodfit_shrink_groups(float* weights, const float* second, const float* gradient, float* mean,
                                 const std::uint8_t* zero, std::int64_t blocks, std::int64_t units, std::int64_t width,
                                 float rate, float correction, float eps, float strength, float half_at,
                                 float share) try {
    const Columns columns{weights, second, gradient, mean, zero, blocks, units, width,
                          rate, correction, eps, strength, half_at, share};
    auto* step = shrink_columns<false>;
    if (second) step = shrink_columns<true>;
    step(columns);
    return DONE;
} catch (const std::bad_alloc&) {
    return OUT_OF_MEMORY;
}

// Which weights are 0.
PUBLIC void goodfit_zeros(const float* __restrict weights, std::uint8_t* __restrict zero, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) zero[i] = weights[i] == 0.0f;
}
