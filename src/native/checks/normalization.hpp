// The batch normalisation kernels' references, checks and benchmarks.
#pragma once

#include "activations.hpp"
#include "benchmark.hpp"
#include "faults.hpp"

namespace groundup::checks {

constexpr double double_unit = 0x1p-53;

// Sums that begin at some number, and what is added to them for each row: term(row, feature).
template <class Run, class Term>
void check_sums(Checker &checker, Long rows, Long features, Run run, Term term) {
    Buffer<double> sums(checker, features, [&](Long) { return checker.uniform(); });
    run(sums());
    for (Long f = 0; f < features; ++f) {
        double want = sums[f], magnitude = std::abs(want);
        for (Long row = 0; row < rows; ++row) {
            want += term(row * features + f, f);
            magnitude += std::abs(term(row * features + f, f));
        }
        const double tolerance = (2 * static_cast<double>(rows) + 6) * double_unit * magnitude;  // the reference's, too
        checker.expect("sum", f, sums.got(f) - want, 0, tolerance + 1e-300);
    }
}

inline void check_add_sums(Checker &checker) {
    for_row_shapes(checker, [&](Long rows, Long features) {
        Random x(checker, rows * features);
        check_sums(
            checker, rows, features, [&](double *sums) { checker.kernels.add_sums(sums, x(), rows, features); },
            [&](Long i, Long) { return static_cast<double>(x[i]); });
    });
}

inline void check_add_squares(Checker &checker) {
    for_row_shapes(checker, [&](Long rows, Long features) {
        Random x(checker, rows * features), mean(checker, features);
        check_sums(
            checker, rows, features,
            [&](double *sums) { checker.kernels.add_squares(sums, x(), mean(), rows, features); },
            [&](Long i, Long f) { return std::pow(static_cast<double>(x[i]) - mean[f], 2); });
    });
}

inline void check_add_products(Checker &checker) {
    for_row_shapes(checker, [&](Long rows, Long features) {
        Random x(checker, rows * features), y(checker, rows * features);
        check_sums(
            checker, rows, features,
            [&](double *sums) { checker.kernels.add_products(sums, x(), y(), rows, features); },
            [&](Long i, Long) { return static_cast<double>(x[i]) * y[i]; });
    });
}

inline void check_batch_norm(Checker &checker) {
    for_row_shapes(checker, [&](Long rows, Long features) {
        const Long count = rows * features;
        Random x(checker, count), mean(checker, features), scale(checker, features), weight(checker, features),
            bias(checker, features);
        Buffer<float> y(checker, count), normalized(checker, count), alone(checker, count);
        checker.kernels.batch_norm(y(), normalized(), x(), mean(), scale(), weight(), bias(), rows, features);
        checker.kernels.batch_norm(alone(), nullptr, x(), mean(), scale(), weight(), bias(), rows, features);
        for (Long i = 0; i < count; ++i) {
            const Long f = i % features;
            const double want = (static_cast<double>(x[i]) - mean[f]) * scale[f];
            normalized.expect(i, want, within(3 * unit, std::abs(want)));
            y.expect(i, want * weight[f] + bias[f], within(5 * unit, std::abs(want * weight[f]) + std::abs(bias[f])));
            alone.expect(i, y.got(i));
        }
    });
}

inline void check_batch_norm_gradient(Checker &checker) {
    for_row_shapes(checker, [&](Long rows, Long features) {
        const Long count = rows * features;
        Random dy(checker, count), normalized(checker, count), weight(checker, features), mean_dx(checker, features),
            along(checker, features), scale(checker, features);
        Buffer<float> dx(checker, count), in_place(checker, count, [&](Long i) { return dy[i]; });
        checker.kernels.batch_norm_gradient(dx(), dy(), normalized(), weight(), mean_dx(), along(), scale(), rows,
                                            features);
        float *same = in_place();
        checker.kernels.batch_norm_gradient(same, same, normalized(), weight(), mean_dx(), along(), scale(), rows,
                                            features);
        for (Long i = 0; i < count; ++i) {
            const Long f = i % features;
            const double own = static_cast<double>(dy[i]) * weight[f];
            const double shared = static_cast<double>(normalized[i]) * along[f];
            dx.expect(i, (own - mean_dx[f] - shared) * scale[f],
                      within(5 * unit, (std::abs(own) + std::abs(mean_dx[f]) + std::abs(shared)) * std::abs(scale[f])));
            in_place.expect(i, dx.got(i));
        }
    });
}

constexpr Long norm_rows = 100, norm_features = 32;

inline void time_add_sums(const Kernels &kernels, Benchmark &benchmark) {
    auto sums = filled<double>(norm_features);
    const auto x = filled(norm_rows * norm_features);
    benchmark.bytes(4.0 * norm_rows * norm_features,
                    [&] { kernels.add_sums(sums.data(), x.data(), norm_rows, norm_features); });
}

// Of x and another argument, of as many numbers.
template <auto kernel, Long arrays>
void time_sums(const Kernels &kernels, Benchmark &benchmark) {
    auto sums = filled<double>(norm_features);
    const auto x = filled(norm_rows * norm_features), y = filled(norm_rows * norm_features);
    benchmark.bytes(4.0 * arrays * norm_rows * norm_features,
                    [&] { (kernels.*kernel)(sums.data(), x.data(), y.data(), norm_rows, norm_features); });
}

inline void time_batch_norm(const Kernels &kernels, Benchmark &benchmark) {
    auto y = filled(norm_rows * norm_features), normalized = y;
    const auto x = y, one = filled(norm_features);
    benchmark.bytes(12.0 * norm_rows * norm_features, [&] {
        kernels.batch_norm(y.data(), normalized.data(), x.data(), one.data(), one.data(), one.data(), one.data(),
                           norm_rows, norm_features);
    });
}

inline void time_batch_norm_gradient(const Kernels &kernels, Benchmark &benchmark) {
    auto dx = filled(norm_rows * norm_features);
    const auto dy = dx, normalized = dx, one = filled(norm_features);
    benchmark.bytes(12.0 * norm_rows * norm_features, [&] {
        kernels.batch_norm_gradient(dx.data(), dy.data(), normalized.data(), one.data(), one.data(), one.data(),
                                    one.data(), norm_rows, norm_features);
    });
}

constexpr Subject normalization[] = {
    subject<&Kernels::add_sums>("add_sums", check_add_sums, time_add_sums),
    subject<&Kernels::add_squares>("add_squares", check_add_squares, time_sums<&Kernels::add_squares, 1>),
    subject<&Kernels::add_products>("add_products", check_add_products, time_sums<&Kernels::add_products, 2>),
    subject<&Kernels::batch_norm>("batch_norm", check_batch_norm, time_batch_norm),
    subject<&Kernels::batch_norm_gradient>("batch_norm_gradient", check_batch_norm_gradient, time_batch_norm_gradient),
};

}  // namespace groundup::checks
