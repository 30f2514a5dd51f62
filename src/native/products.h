// Matrix products by the BLAS that the process has already, in fp32 or from operands rounded to bf16.
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#ifdef _WIN32
#include <malloc.h>
#endif
#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

#include "job.h"

// Memory on a cache line: a BLAS may sum in another order where the alignment differs.
template <class T>
class Buffer {
public:
    explicit Buffer(std::int64_t count) : memory(allocate(count)) {}
    T* get() const { return memory.get(); }

private:
    struct Free {
        void operator()(void* p) const {
#ifdef _WIN32
            _aligned_free(p);
#else
            std::free(p);
#endif
        }
    };
    static T* allocate(std::int64_t count) {
        const std::size_t bytes = (static_cast<std::size_t>(count) * sizeof(T) + 64) / 64 * 64;
#ifdef _WIN32
        void* p = _aligned_malloc(bytes, 64);
#else
        void* p = nullptr;  // C++17's own function is newer than the macOS that wheels are for
        if (posix_memalign(&p, 64, bytes)) p = nullptr;
#endif
        if (!p) throw std::bad_alloc();
        return static_cast<T*>(p);
    }
    std::unique_ptr<T, Free> memory;
};

inline void prefetch(const void* at) {
#if defined(__GNUC__)
    __builtin_prefetch(at);
#else
    (void)at;
#endif
}

// A matrix and, where products are in bf16, its rounded copy.
struct Matrix {
    float* at;
    Bf16* rounded;

    // The same from an element on.
    Matrix from(std::int64_t start) const { return {at + start, rounded ? rounded + start : nullptr}; }

    // To the nearest, ties to even.
    void round(std::int64_t start, std::int64_t end) const {
        if (!rounded) return;
        const float* const from = at;
        Bf16* const to = rounded;
        std::int64_t i = start;
#ifdef __AVX512BF16__
        for (; i + 32 <= end; i += 32)
            _mm512_storeu_si512(to + i, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + i + 16),
                                                                                     _mm512_loadu_ps(from + i))));
#endif
        for (; i < end; ++i) {
            std::uint32_t bits;
            std::memcpy(&bits, from + i, sizeof bits);
            to[i] = static_cast<Bf16>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
        }
    }
};

class Storage {
public:
    Storage(std::int64_t count, bool bf16) : exact(count), half(bf16 ? count : 0), bf16(bf16) {}
    Matrix matrix() const { return {exact.get(), bf16 ? half.get() : nullptr}; }

private:
    Buffer<float> exact;
    Buffer<Bf16> half;
    bool bf16;
};

class Products {
public:
    explicit Products(const Job& job) : sgemm(job.sgemm), bgemm(job.bgemm) {}

    // c (m x n) = a (m x k) b (k x n); a or b may lie transposed.
    void operator()(const Matrix& a, bool a_transposed, const Matrix& b, bool b_transposed, int m, int n, int k,
                    float* c) const {
        const float one = 1.0f, zero = 0.0f;
        const char *ta = a_transposed ? "T" : "N", *tb = b_transposed ? "T" : "N";
        const int lda = a_transposed ? m : k, ldb = b_transposed ? k : n;
        if (bgemm)
            bgemm(tb, ta, &n, &m, &k, &one, b.rounded, &ldb, a.rounded, &lda, &zero, c, &n);
        else
            sgemm(tb, ta, &n, &m, &k, &one, b.at, &ldb, a.at, &lda, &zero, c, &n);
    }

private:
    Sgemm sgemm;
    Bgemm bgemm;
};
