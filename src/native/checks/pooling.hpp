// The pooling kernels' references, checks and benchmarks.
#pragma once

#include "benchmark.hpp"
#include "faults.hpp"

namespace groundup::checks {

inline Window window_of(Long height, Long width, Long channels, Long size, Long stride) {
    return {height, width, channels, size, stride, (height - size) / stride + 1, (width - size) / stride + 1};
}

inline Long pixels_of(const Window &window) { return window.height * window.width * window.channels; }
inline Long numbers_of(const Window &window) { return window.rows * window.columns * window.channels; }

// The place in x of a cell of the window that number i of y sees.
inline Long place_of(const Window &window, Long i, Long cell) {
    const Long channel = i % window.channels, at = i / window.channels;
    const Long row = at / window.columns * window.stride + cell / window.size;
    const Long column = at % window.columns * window.stride + cell % window.size;
    return (row * window.width + column) * window.channels + channel;
}

template <class Check>
void for_pooling_windows(Checker &checker, Check check) {
    for (const Long channels : {1, 2, 3, 7, 8, 16, 24, 33})
        for (const Long size : {1, 2, 3, 5})
            for (const Long stride : {1, 2, 3})
                for (const Long more : {0, 1, 4}) {
                    checker.begin(channels, "channels, size", size, "stride", stride, "and", more, "pixels more");
                    check(window_of(size + more, size + 2 * more + 1, channels, size, stride));
                }
    checker.begin("a window of 17 by 17");
    check(window_of(35, 34, 3, 17, 17));
}

// The first cell that holds the largest number of a window, or no_cell where there is a NaN.
inline CellNumber largest_cell(const Buffer<float> &x, const Window &window, Long i) {
    CellNumber largest = 0;
    for (Long cell = 0; cell < window.size * window.size; ++cell) {
        const float value = x[place_of(window, i, cell)];
        if (value != value) return no_cell;
        if (value > x[place_of(window, i, largest)]) largest = static_cast<CellNumber>(cell);
    }
    return largest;
}

inline void check_max_pool(Checker &checker) {
    for_pooling_windows(checker, [&](const Window &window) {
        Buffer<float> y(checker, numbers_of(window));
        Buffer<CellNumber> cells(checker, numbers_of(window));
        Buffer<float> x(checker, pixels_of(window), [&](Long) {
            constexpr float odd[] = {nan, INFINITY, -INFINITY, -0.0f};
            const Long chance = checker.below(100);  // few numbers, so that there are ties
            return chance < 4 ? odd[chance] : static_cast<float>(checker.below(7) - 3);
        });
        checker.kernels.max_pool(y(), cells(), x(), window);
        for (Long i = 0; i < numbers_of(window); ++i) {
            const CellNumber cell = largest_cell(x, window, i);
            y.expect(i, cell == no_cell ? nan : x[place_of(window, i, cell)]);
            cells.expect(i, cell);
        }
    });
}

// dx of a pooling whose number i sends share(i, cell) of its gradient to a cell.
template <class Share>
void expect_shares(Buffer<float> &dx, const Buffer<float> &dy, const Window &window, Share share) {
    std::vector<double> want(static_cast<std::size_t>(pixels_of(window))), magnitude(want.size());
    for (Long i = 0; i < numbers_of(window); ++i)
        for (Long cell = 0; cell < window.size * window.size; ++cell) {
            const auto place = static_cast<std::size_t>(place_of(window, i, cell));
            want[place] += dy[i] * share(i, cell);
            magnitude[place] += std::abs(dy[i] * share(i, cell));
        }
    for (Long i = 0; i < pixels_of(window); ++i) {
        const auto place = static_cast<std::size_t>(i);
        dx.expect(i, want[place], within(static_cast<double>(window.size * window.size + 1) * unit, magnitude[place]));
    }
}

inline void check_max_pool_gradient(Checker &checker) {
    for_pooling_windows(checker, [&](const Window &window) {
        Buffer<float> dx(checker, pixels_of(window));
        Random dy(checker, numbers_of(window));
        Buffer<CellNumber> cells(checker, numbers_of(window), [&](Long i) {
            return i % 11 == 5 ? no_cell : static_cast<CellNumber>(checker.below(window.size * window.size));
        });
        checker.kernels.max_pool_gradient(dx(), dy(), cells(), window);
        expect_shares(dx, dy, window, [&](Long i, Long cell) { return cells[i] == cell ? 1.0 : 0.0; });
    });
}

inline void check_average_pool(Checker &checker) {
    for_pooling_windows(checker, [&](const Window &window) {
        Buffer<float> y(checker, numbers_of(window));
        Random x(checker, pixels_of(window));
        checker.kernels.average_pool(y(), x(), window);
        const Long area = window.size * window.size;
        for (Long i = 0; i < numbers_of(window); ++i) {
            double sum = 0, magnitude = 0;
            for (Long cell = 0; cell < area; ++cell) {
                sum += x[place_of(window, i, cell)];
                magnitude += std::abs(x[place_of(window, i, cell)]);
            }
            const auto count = static_cast<double>(area);
            y.expect(i, sum / count, within((count + 1) * unit, magnitude / count));
        }
    });
}

inline void check_average_pool_gradient(Checker &checker) {
    for_pooling_windows(checker, [&](const Window &window) {
        Buffer<float> dx(checker, pixels_of(window));
        Random dy(checker, numbers_of(window));
        checker.kernels.average_pool_gradient(dx(), dy(), window);
        expect_shares(dx, dy, window, [&](Long, Long) { return 1.0 / static_cast<double>(window.size * window.size); });
    });
}

template <class Check>
void for_areas(Checker &checker, Check check) {
    for (const Long channels : {1, 2, 3, 7, 8, 16, 24, 33, 100})
        for (const Long area : {1, 2, 3, 25, 49, 784}) {
            checker.begin(channels, "channels, area", area);
            check(area, channels);
        }
}

inline void check_global_average(Checker &checker) {
    for_areas(checker, [&](Long area, Long channels) {
        Buffer<float> y(checker, channels);
        Random x(checker, area * channels);
        checker.kernels.global_average(y(), x(), area, channels);
        for (Long c = 0; c < channels; ++c) {
            double sum = 0, magnitude = 0;
            for (Long a = 0; a < area; ++a) {
                sum += x[a * channels + c];
                magnitude += std::abs(x[a * channels + c]);
            }
            const auto count = static_cast<double>(area);
            y.expect(c, sum / count, within((count + 1) * unit, magnitude / count));
        }
    });
}

inline void check_global_average_gradient(Checker &checker) {
    for_areas(checker, [&](Long area, Long channels) {
        Buffer<float> dx(checker, area * channels);
        Random dy(checker, channels);
        checker.kernels.global_average_gradient(dx(), dy(), area, channels);
        for (Long i = 0; i < area * channels; ++i) {
            const double want = dy[i % channels] / static_cast<double>(area);
            dx.expect(i, want, within(2 * unit, std::abs(want)));
        }
    });
}

// What follows fast99's first convolution.
inline const Window timed_window = window_of(24, 24, 24, 2, 2);

template <class Run>
void time_pooling(Benchmark &benchmark, double bytes_a_number, Run run) {
    auto pixels = filled(pixels_of(timed_window)), numbers = filled(numbers_of(timed_window));
    auto cells = filled<CellNumber>(numbers_of(timed_window), 1);
    const auto bytes = 4.0 * static_cast<double>(pixels_of(timed_window)) +
                       bytes_a_number * static_cast<double>(numbers_of(timed_window));
    benchmark.bytes(bytes, [&] { run(pixels.data(), numbers.data(), cells.data()); });
}

inline void time_max_pool(const Kernels &kernels, Benchmark &benchmark) {
    time_pooling(benchmark, 6,
                 [&](float *x, float *y, CellNumber *cells) { kernels.max_pool(y, cells, x, timed_window); });
}

inline void time_max_pool_gradient(const Kernels &kernels, Benchmark &benchmark) {
    time_pooling(benchmark, 6, [&](float *dx, float *dy, CellNumber *cells) {
        kernels.max_pool_gradient(dx, dy, cells, timed_window);
    });
}

inline void time_average_pool(const Kernels &kernels, Benchmark &benchmark) {
    time_pooling(benchmark, 4, [&](float *x, float *y, CellNumber *) { kernels.average_pool(y, x, timed_window); });
}

inline void time_average_pool_gradient(const Kernels &kernels, Benchmark &benchmark) {
    time_pooling(benchmark, 4,
                 [&](float *dx, float *dy, CellNumber *) { kernels.average_pool_gradient(dx, dy, timed_window); });
}

inline void time_global_average(const Kernels &kernels, Benchmark &benchmark) {
    auto y = filled(64);
    const auto x = filled(49 * 64);
    benchmark.bytes(4.0 * (49 * 64 + 64), [&] { kernels.global_average(y.data(), x.data(), 49, 64); });
}

inline void time_global_average_gradient(const Kernels &kernels, Benchmark &benchmark) {
    auto dx = filled(49 * 64);
    const auto dy = filled(64);
    benchmark.bytes(4.0 * (49 * 64 + 64), [&] { kernels.global_average_gradient(dx.data(), dy.data(), 49, 64); });
}

constexpr Subject pooling[] = {
    subject<&Kernels::max_pool>("max_pool", check_max_pool, time_max_pool),
    subject<&Kernels::max_pool_gradient>("max_pool_gradient", check_max_pool_gradient, time_max_pool_gradient),
    subject<&Kernels::average_pool>("average_pool", check_average_pool, time_average_pool),
    subject<&Kernels::average_pool_gradient>("average_pool_gradient", check_average_pool_gradient,
                                             time_average_pool_gradient),
    subject<&Kernels::global_average>("global_average", check_global_average, time_global_average),
    subject<&Kernels::global_average_gradient>("global_average_gradient", check_global_average_gradient,
                                               time_global_average_gradient),
};

}  // namespace groundup::checks
