// The references, checks and benchmarks of what lays numbers out.
#pragma once

#include "benchmark.hpp"
#include "faults.hpp"
#include "products.hpp"

namespace groundup::checks {

inline void check_normalize(Checker &checker) {
    const float scale = 1 / (255 * 0.3081f), shift = -0.1307f / 0.3081f;
    for (const Long count : sizes) {
        checker.begin("count", count);
        Buffer<float> y(checker, count);
        Buffer<std::uint8_t> pixels(checker, count, [&](Long) { return checker.byte(); });
        checker.kernels.normalize(y(), pixels(), scale, shift, count);
        for (Long i = 0; i < count; ++i) {
            const double product = static_cast<double>(pixels[i]) * scale;
            y.expect(i, product + shift, within(2 * unit, product + std::abs(shift)));
        }
    }
}

// The nearest number of 8 significant bits, ties to even; not written as the kernel is.
inline double nearest_bfloat16(double x) {
    if (x == 0 || !std::isfinite(x)) return x;
    int exponent;
    std::frexp(x, &exponent);
    const double step = std::ldexp(1.0, std::max(exponent - 8, -133));
    return std::abs(x) < tiny ? x : static_cast<float>(std::nearbyint(x / step) * step);
}

inline void expect_bfloat16(Checker &checker, Long place, BFloat16 got, float x) {
    const double want = nearest_bfloat16(x);
    const double overflow = std::abs(want) > 0x1.fep127 ? std::copysign(infinity, want) : want;
    checker.expect("number", place, widened(got), overflow, std::abs(x) < tiny ? tiny : 0);
}

inline void check_round_mixed(Checker &checker) {
    for (const Long count : sizes) {
        checker.begin("count", count);
        Buffer<BFloat16> y(checker, count);
        Special x(checker, count);
        for (Long i = 0; i < count; i += 5)  // ties
            x[i] = 1 + static_cast<float>(2 * checker.below(128) + 1) * 0x1p-8f;
        checker.kernels.round_mixed(y(), x(), count);
        for (Long i = 0; i < count; ++i) expect_bfloat16(checker, i, y.got(i), x[i]);
    }
}

template <class Number, class Run, class Expect>
void check_transposition(Checker &checker, Run run, Expect expect) {
    for (const Long rows : {0, 1, 2, 7, 8, 9, 16, 17, 33, 100})
        for (const Long columns : {0, 1, 3, 8, 15, 16, 31, 33, 784}) {
            checker.begin("rows", rows, "columns", columns);
            const Long x_stride = columns + 3, y_stride = rows + 5;
            Buffer<Number> y(checker, columns * y_stride);
            Buffer<float> x(checker, rows * x_stride,
                            [&](Long i) { return i % x_stride < columns ? checker.uniform() : nan; });
            run(y(), x(), rows, columns, y_stride, x_stride);
            for (Long row = 0; row < rows; ++row)
                for (Long c = 0; c < columns; ++c) {
                    const Long place = c * y_stride + row;
                    expect(place, y.got(place), x[row * x_stride + c]);
                }
        }
}

inline void check_transpose(Checker &checker) {
    check_transposition<float>(checker, checker.kernels.transpose,
                               [&](Long i, float got, float x) { checker.expect("number", i, got, x, 0); });
}

inline void check_transpose_mixed(Checker &checker) {
    check_transposition<BFloat16>(checker, checker.kernels.transpose_mixed,
                                  [&](Long i, BFloat16 got, float x) { expect_bfloat16(checker, i, got, x); });
}

// A register may be written behind y's end, and read behind x's.
inline void check_windows(Checker &checker) {
    for (const Long columns : {0, 1, 2, 7, 24})
        for (const Long size : {1, 2, 3, 5})
            for (const Long run : {1, 3, 5, 8, 16, 33, 72}) {
                checker.begin("columns", columns, "size", size, "run", run);
                const Long across = run / size + 1, line = columns * across + run, count = columns * size * run;
                const Long slack = checker.kernels.lanes;
                Buffer<float> y(checker, count + slack);
                Random x(checker, size * line);
                checker.kernels.windows(y(), x(), columns, across, size, run, line);
                for (Long i = 0; i < count; ++i) {
                    const Long column = i / (size * run), row = i / run % size;
                    y.expect(i, x[column * across + row * line + i % run]);
                }
                for (Long i = count; i < count + slack; ++i) y.got(i);
            }
}

inline void check_interleave(Checker &checker) {
    for (const Long rows : {0, 1, 2, 7, 32, 33})
        for (const Long columns : {0, 1, 3, 8, 15, 33, 100})
            for (const Long more : {0, 1, 6}) {
                checker.begin("rows", rows, "columns", columns, "and", more, "more");
                const Long x_stride = columns + 3, cells = (rows + 1) / 2 + more, width = columns + more;
                Buffer<Pair> y(checker, cells * width);
                Buffer<float> x(checker, rows * x_stride,
                                [&](Long i) { return i % x_stride < columns ? checker.uniform() : nan; });
                checker.kernels.interleave(y(), x(), rows, columns, x_stride, cells, width);
                for (Long i = 0; i < cells * width; ++i)
                    for (Long half = 0; half < 2; ++half) {
                        const Long row = i / width * 2 + half, c = i % width;
                        const bool inside = row < rows && c < columns;
                        expect_bfloat16(checker, i, static_cast<BFloat16>(half ? y.got(i) >> 16 : y.got(i)),
                                        inside ? x[row * x_stride + c] : 0);
                    }
            }
}

inline void time_normalize(const Kernels &kernels, Benchmark &benchmark) {
    auto y = filled(784);
    const auto pixels = filled<std::uint8_t>(784, 100);
    benchmark.bytes(5 * 784, [&] { kernels.normalize(y.data(), pixels.data(), 0.1f, 0.2f, 784); });
}

inline void time_round_mixed(const Kernels &kernels, Benchmark &benchmark) {
    auto y = filled<BFloat16>(3200, 0);
    const auto x = filled(3200);
    benchmark.bytes(6 * 3200, [&] { kernels.round_mixed(y.data(), x.data(), 3200); });
}

template <class Number, auto kernel>
void time_transposition(const Kernels &kernels, Benchmark &benchmark) {
    auto y = filled<Number>(96 * 48, 0);
    const auto x = filled(96 * 48);
    benchmark.bytes(96 * 48 * (4 + sizeof(Number)), [&] { (kernels.*kernel)(y.data(), x.data(), 96, 48, 96, 48); });
}

inline void time_windows(const Kernels &kernels, Benchmark &benchmark) {
    constexpr Long columns = 10, size = 3, run = 72, line = 288;  // of fast99's second convolution
    auto y = filled(columns * size * run + kernels.lanes);
    const auto x = filled(size * line + kernels.lanes);
    benchmark.bytes(8 * columns * size * run,
                    [&] { kernels.windows(y.data(), x.data(), columns, 24, size, run, line); });
}

inline void time_interleave(const Kernels &kernels, Benchmark &benchmark) {
    auto y = filled<Pair>(48 * 48, 0);
    const auto x = filled(96 * 48);
    benchmark.bytes(96 * 48 * 6, [&] { kernels.interleave(y.data(), x.data(), 96, 48, 48, 48, 48); });
}

constexpr Subject layout[] = {
    subject<&Kernels::normalize>("normalize", check_normalize, time_normalize),
    subject<&Kernels::round_mixed>("round_mixed", check_round_mixed, time_round_mixed),
    subject<&Kernels::transpose>("transpose", check_transpose, time_transposition<float, &Kernels::transpose>),
    subject<&Kernels::transpose_mixed>("transpose_mixed", check_transpose_mixed,
                                       time_transposition<BFloat16, &Kernels::transpose_mixed>),
    subject<&Kernels::windows>("windows", check_windows, time_windows),
    subject<&Kernels::interleave>("interleave", check_interleave, time_interleave),
};

}  // namespace groundup::checks
