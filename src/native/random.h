// The counter hash of goodfit/rng.py, bit for bit: random numbers as a function of (stream, purpose, place, step, index).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

enum Purpose : std::uint64_t { ORDER = 2, DROPOUT = 3, NOISE = 4 };

struct Draw {
    std::uint32_t low, high;

    Draw(std::uint64_t stream, Purpose purpose, std::uint64_t place, std::uint64_t step) {
        const std::uint64_t key = stream + purpose * 0x8CB92BA72F3D8DD7u + place * 0xD1B54A32D192ED03u +
                                  step * 0x9E3779B97F4A7C15u;
        low = static_cast<std::uint32_t>(key ^ (key >> 32));
        high = static_cast<std::uint32_t>((key * 0x9E3779B97F4A7C15u) >> 32);
    }

    std::uint32_t word(std::uint32_t index) const {
        std::uint32_t x = (index * 0x3C6EF373u) ^ low;
        x ^= x >> 16;
        x = x * 0x21F0AAADu + high;
        x ^= x >> 15;
        x *= 0x735A2D97u;
        return x ^ (x >> 15);
    }

    float uniform(std::uint32_t index) const {
        return (static_cast<float>(static_cast<std::int32_t>(word(index) >> 9)) + 0.5f) * 0x1p-23f;
    }
};

// Adds standard normal numbers times `std`, made in pairs of 64 as rng.py does.
inline void add_noise(const Draw& draw, float std, float* rows, std::int64_t count) {
    constexpr int PAIRS = 64;
    float radius[PAIRS], angle[PAIRS];
    for (std::int64_t start = 0; start < count; start += 2 * PAIRS) {
        const auto base = static_cast<std::uint32_t>(start);
        for (int i = 0; i < PAIRS; ++i) {
            radius[i] = std::sqrt(-2.0f * std::log(draw.uniform(base + i)));
            angle[i] = draw.uniform(base + PAIRS + i) * 6.28318530717958647692f;
        }
        for (int i = 0; i < PAIRS && start + i < count; ++i) rows[start + i] += std * (radius[i] * std::cos(angle[i]));
        for (int i = 0; i < PAIRS && start + PAIRS + i < count; ++i)
            rows[start + PAIRS + i] += std * (radius[i] * std::sin(angle[i]));
    }
}

// A random order of `count` things, as rng.py has it: blocks of neighbours in random order, and within a block sorted by
// their words as signed numbers, ties by index.
class Order {
public:
    void draw(const Draw& words, const Draw& ranks, std::int64_t count) {
        order.resize(count), sequence.resize((count + NEIGHBOURS - 1) / NEIGHBOURS);
        const auto blocks = static_cast<std::int64_t>(sequence.size());
        sort(ranks, 0, blocks, sequence.data());
        std::int64_t place = 0;
        for (const auto block : sequence) {
            const std::int64_t start = block * NEIGHBOURS, many = std::min(NEIGHBOURS, count - start);
            sort(words, start, many, order.data() + place);
            place += many;
        }
    }

    static constexpr std::int64_t NEIGHBOURS = 1 << 18;

    std::int64_t operator[](std::int64_t i) const { return order[i]; }

    std::vector<std::uint32_t> sequence;  // of the blocks

private:
    static constexpr int DIGIT = 11, VALUES = 1 << DIGIT;

    // Writes `many` indexes from `start` on in the order of their words. Stable radix sort.
    void sort(const Draw& words, std::int64_t start, std::int64_t many, std::uint32_t* out) {
        keyed.resize(many), spare.resize(many);
        for (std::int64_t i = 0; i < many; ++i) {
            const auto index = static_cast<std::uint32_t>(start + i);
            keyed[i] = static_cast<std::uint64_t>(words.word(index) ^ 0x80000000u) << 32 | index;
        }
        for (int shift = 32; shift < 64; shift += DIGIT) pass(shift);
        for (std::int64_t i = 0; i < many; ++i) out[i] = static_cast<std::uint32_t>(keyed[i]);
    }

    void pass(int shift) {
        std::uint32_t starts[VALUES + 1] = {};
        for (const auto key : keyed) ++starts[(key >> shift & (VALUES - 1)) + 1];
        for (int i = 0; i < VALUES; ++i) starts[i + 1] += starts[i];
        for (const auto key : keyed) spare[starts[key >> shift & (VALUES - 1)]++] = key;
        keyed.swap(spare);
    }

    std::vector<std::uint32_t> order;
    std::vector<std::uint64_t> keyed, spare;
};
