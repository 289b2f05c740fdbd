// The references, checks and benchmarks of sums, scales and masks.
#pragma once

#include "activations.hpp"
#include "benchmark.hpp"
#include "elements.hpp"
#include "faults.hpp"

namespace groundup::checks {

inline void check_add(Checker &checker) {
    for (const Long count : sizes) {
        checker.begin("count", count);
        Random y(checker, count), x(checker, count);
        checker.kernels.add(y(), x(), count);
        for (Long i = 0; i < count; ++i)
            y.expect(i, static_cast<double>(y[i]) + x[i], within(unit, std::abs(y[i]) + std::abs(x[i])));
    }
}

inline void check_scale(Checker &checker) {
    for (const Long count : sizes) {
        checker.begin("count", count);
        Special y(checker, count);
        const float factor = 0.37f;
        checker.kernels.scale(y(), factor, count);
        for (Long i = 0; i < count; ++i) {
            const double want = static_cast<double>(y[i]) * factor;
            y.expect(i, want, within(unit, std::abs(want)));
        }
    }
}

inline void check_sum_of_squares(Checker &checker) {
    for (const Long count : sizes) {
        checker.begin("count", count);
        Random x(checker, count);
        double want = 0;
        for (Long i = 0; i < count; ++i) want += static_cast<double>(x[i]) * x[i];
        checker.expect("sum", 0, checker.kernels.sum_of_squares(x(), count), want,
                       2 * static_cast<double>(count + 4) * 0x1p-53 * want);
    }
}

inline void check_add_rows(Checker &checker) {
    for_row_shapes(checker, [&](Long rows, Long features) {
        Random sums(checker, features), x(checker, rows * features);
        checker.kernels.add_rows(sums(), x(), rows, features);
        for (Long f = 0; f < features; ++f) {
            double want = sums[f], magnitude = std::abs(want);
            for (Long row = 0; row < rows; ++row) {
                want += x[row * features + f];
                magnitude += std::abs(x[row * features + f]);
            }
            sums.expect(f, want, within(static_cast<double>(rows + 1) * unit, magnitude));
        }
    });
}

// Number `index` of SplitMix64's sequence from the state `key`, as a fraction.
inline double uniform_at(std::uint64_t key, std::uint64_t index) {
    std::uint64_t z = key + (index + 1) * 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return static_cast<double>((z ^ z >> 31) >> 40) * 0x1p-24;
}

inline void check_dropout(Checker &checker) {
    for (const double rate : {0.0, 0.1, 0.5, 0.9, 0.999999999})
        for_row_shapes(checker, [&](Long area, Long channels) {
            const std::uint64_t key = checker.bits(), first = checker.bits() >> 30;
            Random x(checker, area * channels);
            Buffer<float> y(checker, area * channels), in_place(checker, area * channels, [&](Long i) { return x[i]; });
            checker.kernels.dropout(y(), x(), key, first, rate, area, channels);
            float *same = in_place();
            checker.kernels.dropout(same, same, key, first, rate, area, channels);
            for (Long a = 0; a < area; ++a)
                for (Long c = 0; c < channels; ++c) {
                    const double drawn = uniform_at(key, first + static_cast<std::uint64_t>(c * area + a));
                    const Long i = a * channels + c;
                    const double want = drawn >= static_cast<float>(rate) ? x[i] / (1 - rate) : 0;
                    y.expect(i, want, within(2 * unit, std::abs(want)));
                    in_place.expect(i, y.got(i));
                }
        });
}

constexpr Long structure_count = 3200;

inline void time_add(const Kernels &kernels, Benchmark &benchmark) {
    auto y = filled(structure_count);
    const auto x = filled(structure_count, 0.0f);
    benchmark.bytes(12.0 * structure_count, [&] { kernels.add(y.data(), x.data(), structure_count); });
}

inline void time_scale(const Kernels &kernels, Benchmark &benchmark) {
    auto y = filled(structure_count);
    benchmark.bytes(8.0 * structure_count, [&] { kernels.scale(y.data(), 1.0f, structure_count); });
}

inline void time_sum_of_squares(const Kernels &kernels, Benchmark &benchmark) {
    const auto x = filled(structure_count);
    benchmark.bytes(4.0 * structure_count, [&] { kernels.sum_of_squares(x.data(), structure_count); });
}

inline void time_add_rows(const Kernels &kernels, Benchmark &benchmark) {
    auto sums = filled(32);
    const auto x = filled(structure_count, 0.0f);
    benchmark.bytes(4.0 * structure_count, [&] { kernels.add_rows(sums.data(), x.data(), 100, 32); });
}

inline void time_dropout(const Kernels &kernels, Benchmark &benchmark) {
    auto y = filled(800);
    const auto x = filled(800);
    benchmark.bytes(8.0 * 800, [&] { kernels.dropout(y.data(), x.data(), 1, 0, 0.5, 1, 800); });
}

constexpr Subject structure[] = {
    subject<&Kernels::add>("add", check_add, time_add),
    subject<&Kernels::scale>("scale", check_scale, time_scale),
    subject<&Kernels::sum_of_squares>("sum_of_squares", check_sum_of_squares, time_sum_of_squares),
    subject<&Kernels::add_rows>("add_rows", check_add_rows, time_add_rows),
    subject<&Kernels::dropout>("dropout", check_dropout, time_dropout),
};

}  // namespace groundup::checks
