// The losses' references, checks and benchmarks.
#pragma once

#include "activations.hpp"
#include "benchmark.hpp"
#include "faults.hpp"

namespace groundup::checks {

inline Long right_answers(const Buffer<float> &outputs, const Buffer<std::uint8_t> &labels, Long rows, Long classes) {
    Long right = 0;
    for (Long row = 0; row < rows; ++row) {
        Long first = 0;  // of the largest outputs; a NaN is larger than all, as NumPy has it
        for (Long c = classes; c-- > 0;) {
            const float own = outputs[row * classes + c], best = outputs[row * classes + first];
            if (own != own || (best == best && own >= best)) first = c;
        }
        right += first == labels[row];
    }
    return right;
}

template <class Check>
void for_batches(Checker &checker, Check check) {
    for_row_shapes(checker, [&](Long rows, Long classes) {
        for (const float scale : {1.0f, 30.0f, 10000.0f}) {
            Buffer<float> outputs(checker, rows * classes, [&](Long) { return checker.uniform() * scale; });
            if (scale == 1.0f)  // ties
                for (Long i = 0; i < rows * classes; ++i) outputs[i] = static_cast<float>(checker.below(4));
            if (rows == 5) outputs[0] = nan, outputs[2 * classes - 1] = INFINITY, outputs[2 * classes] = -INFINITY;
            Buffer<std::uint8_t> labels(checker, rows,
                                        [&](Long) { return static_cast<std::uint8_t>(checker.below(classes)); });
            check(outputs, labels, rows, classes);
        }
    });
}

// One row's loss by the formula, its bound, and the expected gradients.
inline Bound cross_entropy_row(const Buffer<float> &logits, Long row, Long label, Long classes, double smoothing,
                               double scale, Buffer<float> &dlogits) {
    const auto probabilities = softmax_reference(logits, row, classes);
    const auto count = static_cast<double>(classes);
    double largest = -infinity, total = 0, loss = 0, error = 0;
    for (Long c = 0; c < classes; ++c) {
        const double logit = logits[row * classes + c];
        if (logit != logit || logit > largest) largest = logit;
    }
    for (Long c = 0; c < classes; ++c) total += std::exp(logits[row * classes + c] - largest);
    for (Long c = 0; c < classes; ++c) {
        const double shifted = logits[row * classes + c] - largest, logarithm = std::log(total);
        const double target = (c == label) * (1 - smoothing) + smoothing / count;
        const Bound probability = probabilities[static_cast<std::size_t>(c)];
        loss -= target * (shifted - logarithm);
        // the logarithm of a sum errs by what the sum errs by, relatively
        error += target * (4 * std::abs(shifted) + 4 * logarithm + 1.4 * count + 10);
        dlogits.expect(row * classes + c, (probability.want - target) * scale,
                       within(probability.tolerance + 4 * unit * (probability.want + target), scale));
    }
    return {loss, error * unit};
}

inline void check_cross_entropy(Checker &checker) {
    for (const float smoothing : {0.0f, 0.1f})
        for_batches(checker, [&](Buffer<float> &logits, Buffer<std::uint8_t> &labels, Long rows, Long classes) {
            Buffer<float> dlogits(checker, rows * classes);
            Buffer<Long> correct(checker, 1);
            const float scale = 1.0f / 32;
            const double got = checker.kernels.cross_entropy(dlogits(), correct(), logits(), labels(), smoothing, scale,
                                                             rows, classes);
            double want = 0, tolerance = tiny;
            for (Long row = 0; row < rows; ++row) {
                const Bound loss = cross_entropy_row(logits, row, labels[row], classes, smoothing, scale, dlogits);
                want += loss.want;
                tolerance += loss.tolerance;
            }
            checker.expect("loss", 0, got, want, tolerance);
            correct.expect(0, static_cast<double>(right_answers(logits, labels, rows, classes)));
        });
}

inline void check_squared_error(Checker &checker) {
    for_batches(checker, [&](Buffer<float> &outputs, Buffer<std::uint8_t> &labels, Long rows, Long classes) {
        Buffer<float> doutputs(checker, rows * classes);
        Buffer<Long> correct(checker, 1);
        const float scale = 1.0f / 32;
        const double got =
            checker.kernels.squared_error(doutputs(), correct(), outputs(), labels(), scale, rows, classes);
        double squares = 0;
        for (Long i = 0; i < rows * classes; ++i) {
            const double difference = outputs[i] - (i % classes == labels[i / classes] ? 1.0 : 0.0);
            const double want = difference * 2 * scale / static_cast<double>(classes);
            squares += difference * difference;
            doutputs.expect(i, want, within(4 * unit, std::abs(want)));
        }
        const double want = squares / static_cast<double>(classes);
        checker.expect("loss", 0, got, want, 3 * unit * want);
        correct.expect(0, static_cast<double>(right_answers(outputs, labels, rows, classes)));
    });
}

inline std::vector<float> timed_outputs() {
    auto outputs = filled(1000);
    for (std::size_t i = 0; i < outputs.size(); ++i) outputs[i] = static_cast<float>(i * 7919 % 1000) * 0.01f;
    return outputs;
}

inline void time_cross_entropy(const Kernels &kernels, Benchmark &benchmark) {
    const auto outputs = timed_outputs();
    auto gradient = outputs;
    const auto labels = filled<std::uint8_t>(100, 3);
    Long correct;
    benchmark.bytes(8 * 1000, [&] {
        kernels.cross_entropy(gradient.data(), &correct, outputs.data(), labels.data(), 0, 0.01f, 100, 10);
    });
}

inline void time_squared_error(const Kernels &kernels, Benchmark &benchmark) {
    const auto outputs = timed_outputs();
    auto gradient = outputs;
    const auto labels = filled<std::uint8_t>(100, 3);
    Long correct;
    benchmark.bytes(8 * 1000, [&] {
        kernels.squared_error(gradient.data(), &correct, outputs.data(), labels.data(), 0.01f, 100, 10);
    });
}

constexpr Subject losses[] = {
    subject<&Kernels::cross_entropy>("cross_entropy", check_cross_entropy, time_cross_entropy),
    subject<&Kernels::squared_error>("squared_error", check_squared_error, time_squared_error),
};

}  // namespace groundup::checks
