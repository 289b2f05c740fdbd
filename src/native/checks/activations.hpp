// The activations' references, checks and benchmarks.
#pragma once

#include "benchmark.hpp"
#include "elements.hpp"
#include "faults.hpp"

namespace groundup::checks {

constexpr float slope = 0.125f;
constexpr Long activation_count = 100 * 32;  // numbers in a benchmark

inline void check_relu(Checker &checker) {
    check_elements(
        checker, [&](float *y, const float *x, const float *, Long count) { checker.kernels.relu(y, x, count); },
        [](double x, double) { return Bound{x < 0 ? 0 : x, tiny}; });
}

inline void check_relu_gradient(Checker &checker) {
    check_elements(
        checker,
        [&](float *dx, const float *dy, const float *y, Long count) {
            checker.kernels.relu_gradient(dx, dy, y, count);
        },
        [](double dy, double y) { return Bound{y > 0 ? dy : 0, tiny}; });
}

inline void check_leaky_relu(Checker &checker) {
    check_elements(
        checker,
        [&](float *y, const float *x, const float *, Long count) { checker.kernels.leaky_relu(y, x, slope, count); },
        [](double x, double) { return Bound{x > 0 ? x : slope * x, tiny}; });
}

inline void check_leaky_relu_gradient(Checker &checker) {
    check_elements(
        checker,
        [&](float *dx, const float *dy, const float *x, Long count) {
            checker.kernels.leaky_relu_gradient(dx, dy, x, slope, count);
        },
        [](double dy, double x) { return Bound{x > 0 ? dy : slope * dy, tiny}; });
}

inline void check_sigmoid(Checker &checker) {
    check_elements(
        checker, [&](float *y, const float *x, const float *, Long count) { checker.kernels.sigmoid(y, x, count); },
        [](double x, double) {
            const double y = 1 / (1 + std::exp(-x));
            return Bound{y, within(8 * unit, y)};  // 4 units in the last place
        });
}

inline void check_tanh(Checker &checker) {
    check_elements(
        checker, [&](float *y, const float *x, const float *, Long count) { checker.kernels.tanh(y, x, count); },
        [](double x, double) { return Bound{std::tanh(x), within(8 * unit, std::abs(std::tanh(x)))}; });
}

inline void check_sigmoid_gradient(Checker &checker) {
    check_elements(
        checker,
        [&](float *dx, const float *dy, const float *y, Long count) {
            checker.kernels.sigmoid_gradient(dx, dy, y, count);
        },
        [](double dy, double y) {
            const double want = dy * y * (1 - y);
            return Bound{want, within(4 * unit, std::abs(want))};
        },
        1.0f);
}

inline void check_tanh_gradient(Checker &checker) {
    check_elements(
        checker,
        [&](float *dx, const float *dy, const float *y, Long count) {
            checker.kernels.tanh_gradient(dx, dy, y, count);
        },
        [](double dy, double y) { return Bound{dy * (1 - y * y), within(4 * unit, std::abs(dy))}; }, 1.0f);
}

// e^(x - largest) / Σ e^(x - largest). A power e^s errs by |s| units for the rounding of s, and by 4 for its own; a sum
// of n powers by n for its additions and, since |s| e^s is at most 1 / e, by n / e for all of theirs.
inline std::vector<Bound> softmax_reference(const Buffer<float> &x, Long row, Long features) {
    std::vector<Bound> y(static_cast<std::size_t>(features));
    double largest = -infinity, total = 0;
    for (Long f = 0; f < features; ++f)
        if (x[row * features + f] != x[row * features + f] || x[row * features + f] > largest)
            largest = x[row * features + f];
    for (Long f = 0; f < features; ++f) total += std::exp(x[row * features + f] - largest);
    for (Long f = 0; f < features; ++f) {
        const double shifted = x[row * features + f] - largest, want = std::exp(shifted) / total;
        const double units = 1.4 * static_cast<double>(features) + 10 + std::abs(shifted);
        y[static_cast<std::size_t>(f)] = {want, tiny + (want == 0 ? 0 : units * unit * want)};
    }
    return y;
}

template <class Check>
void for_row_shapes(Checker &checker, Check check) {
    for (const Long rows : {0, 1, 2, 5, 17})
        for (const Long features : {1, 2, 3, 7, 8, 10, 16, 17, 33, 100}) {
            checker.begin(rows, "rows of", features);
            check(rows, features);
        }
}

inline void check_softmax(Checker &checker) {
    for_row_shapes(checker, [&](Long rows, Long features) {
        for (const float scale : {1.0f, 30.0f, 10000.0f}) {
            Buffer<float> y(checker, rows * features);
            Buffer<float> x(checker, rows * features, [&](Long) { return checker.uniform() * scale; });
            if (rows > 2) x[0] = nan, x[features] = INFINITY, x[2 * features] = -INFINITY;
            checker.kernels.softmax(y(), x(), rows, features);
            for (Long row = 0; row < rows; ++row) {
                const auto want = softmax_reference(x, row, features);
                for (Long f = 0; f < features; ++f) {
                    const Bound bound = want[static_cast<std::size_t>(f)];
                    y.expect(row * features + f, bound.want, bound.tolerance);
                }
            }
        }
    });
}

inline void check_softmax_gradient(Checker &checker) {
    for_row_shapes(checker, [&](Long rows, Long features) {
        Buffer<float> dx(checker, rows * features);
        Random dy(checker, rows * features), y(checker, rows * features);
        checker.kernels.softmax_gradient(dx(), dy(), y(), rows, features);
        for (Long row = 0; row < rows; ++row) {
            double along = 0, magnitude = 0;
            for (Long i = row * features; i < (row + 1) * features; ++i) {
                along += static_cast<double>(dy[i]) * y[i];
                magnitude += std::abs(static_cast<double>(dy[i]) * y[i]);
            }
            for (Long i = row * features; i < (row + 1) * features; ++i)
                dx.expect(
                    i, y[i] * (dy[i] - along),
                    within((static_cast<double>(features) + 4) * unit, std::abs(y[i]) * (std::abs(dy[i]) + magnitude)));
        }
    });
}

template <auto kernel>
void time_activation(const Kernels &kernels, Benchmark &benchmark) {
    auto y = filled(activation_count);
    const auto x = filled(activation_count);
    benchmark.bytes(8.0 * activation_count, [&] { (kernels.*kernel)(y.data(), x.data(), activation_count); });
}

template <auto kernel>
void time_activation_gradient(const Kernels &kernels, Benchmark &benchmark) {
    auto dx = filled(activation_count);
    const auto y = filled(activation_count), dy = filled(activation_count);
    benchmark.bytes(12.0 * activation_count,
                    [&] { (kernels.*kernel)(dx.data(), dy.data(), y.data(), activation_count); });
}

inline void time_leaky_relu(const Kernels &kernels, Benchmark &benchmark) {
    auto y = filled(activation_count);
    const auto x = filled(activation_count);
    benchmark.bytes(8.0 * activation_count, [&] { kernels.leaky_relu(y.data(), x.data(), slope, activation_count); });
}

inline void time_leaky_relu_gradient(const Kernels &kernels, Benchmark &benchmark) {
    auto dx = filled(activation_count);
    const auto x = filled(activation_count), dy = filled(activation_count);
    benchmark.bytes(12.0 * activation_count,
                    [&] { kernels.leaky_relu_gradient(dx.data(), dy.data(), x.data(), slope, activation_count); });
}

inline void time_softmax(const Kernels &kernels, Benchmark &benchmark) {
    auto y = filled(1000);
    const auto x = filled(1000);
    benchmark.bytes(8.0 * 1000, [&] { kernels.softmax(y.data(), x.data(), 100, 10); });
}

inline void time_softmax_gradient(const Kernels &kernels, Benchmark &benchmark) {
    auto dx = filled(1000);
    const auto y = filled(1000), dy = filled(1000);
    benchmark.bytes(12.0 * 1000, [&] { kernels.softmax_gradient(dx.data(), dy.data(), y.data(), 100, 10); });
}

constexpr Subject activations[] = {
    subject<&Kernels::relu>("relu", check_relu, time_activation<&Kernels::relu>),
    subject<&Kernels::relu_gradient>("relu_gradient", check_relu_gradient,
                                     time_activation_gradient<&Kernels::relu_gradient>),
    subject<&Kernels::leaky_relu>("leaky_relu", check_leaky_relu, time_leaky_relu),
    subject<&Kernels::leaky_relu_gradient>("leaky_relu_gradient", check_leaky_relu_gradient, time_leaky_relu_gradient),
    subject<&Kernels::sigmoid>("sigmoid", check_sigmoid, time_activation<&Kernels::sigmoid>),
    subject<&Kernels::sigmoid_gradient>("sigmoid_gradient", check_sigmoid_gradient,
                                        time_activation_gradient<&Kernels::sigmoid_gradient>),
    subject<&Kernels::tanh>("tanh", check_tanh, time_activation<&Kernels::tanh>),
    subject<&Kernels::tanh_gradient>("tanh_gradient", check_tanh_gradient,
                                     time_activation_gradient<&Kernels::tanh_gradient>),
    subject<&Kernels::softmax>("softmax", check_softmax, time_softmax),
    subject<&Kernels::softmax_gradient>("softmax_gradient", check_softmax_gradient, time_softmax_gradient),
};

}  // namespace groundup::checks
