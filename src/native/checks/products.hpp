// The products' reference, check and benchmark.
#pragma once

#include "benchmark.hpp"
#include "faults.hpp"

namespace groundup::checks {

inline float widened(BFloat16 number) {
    const std::uint32_t bits = static_cast<std::uint32_t>(number) << 16;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// A random number that bfloat16 holds.
inline BFloat16 random_bfloat16(Checker &checker) {
    const float value = checker.uniform();
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return static_cast<BFloat16>(bits >> 16);
}

// What differs between the two products: what a cell of a and of b holds.
struct FloatProduct {
    using Number = float;
    using Panel = float;
    static constexpr Long numbers = 1;
    static constexpr auto kernel = &Kernels::product;
    static Number number(Checker &checker) { return checker.uniform(); }
    static Panel panel(Checker &checker) { return checker.uniform(); }
    static double left(Number a) { return a; }
    static double right(Panel b, Long) { return b; }
    static Long longest(const Kernels &) { return 1; }
    template <class Run>
    static void time(Benchmark &benchmark, double count, Run run) {
        benchmark.operations(count, run);
    }
};

struct MixedProduct {
    using Number = BFloat16;
    using Panel = Pair;
    static constexpr Long numbers = 2;
    static constexpr auto kernel = &Kernels::product_mixed;
    static Number number(Checker &checker) { return random_bfloat16(checker); }
    static Panel panel(Checker &checker) {
        return static_cast<Panel>(random_bfloat16(checker)) << 16 | random_bfloat16(checker);
    }
    static double left(Number a) { return widened(a); }
    static double right(Panel b, Long half) { return widened(static_cast<BFloat16>(half ? b >> 16 : b)); }
    static Long longest(const Kernels &kernels) { return kernels.cells; }
    template <class Run>
    static void time(Benchmark &benchmark, double count, Run run) {
        benchmark.mixed_operations(count, run);
    }
};

struct ProductCase {
    Long rows, columns, segments, length;
    Long row_stride, step, segment_stride;
    bool bias, add;
};

template <class Product>
void check_product_case(Checker &checker, const ProductCase &it) {
    checker.begin("rows", it.rows, "columns", it.columns, "segments", it.segments, "of", it.length, "cells, strides",
                  it.row_stride, it.step, it.segment_stride, "bias", it.bias, "add", it.add);
    const Long lanes = checker.kernels.lanes, vectors = (it.columns + lanes - 1) / lanes, width = vectors * lanes;
    const Long out_stride = it.columns + 3, b_stride = width + 5, cells = it.segments * it.length;
    const auto cell = [&](Long row, Long k) {
        return row * it.row_stride + k / it.length * it.segment_stride + k % it.length * it.step;
    };
    const Long read = it.rows && cells ? cell(it.rows - 1, cells - 1) + Product::numbers : 0;
    Buffer<float> out(checker, it.rows * out_stride), bias(checker, width);
    Buffer<typename Product::Number> a(checker, read);
    Buffer<typename Product::Panel> b(checker, cells * b_stride);
    for (Long c = 0; c < it.columns; ++c) bias[c] = checker.uniform();
    for (Long row = 0; row < it.rows; ++row)
        for (Long k = 0; k < cells; ++k)
            for (Long half = 0; half < Product::numbers; ++half) a[cell(row, k) + half] = Product::number(checker);
    for (Long k = 0; k < cells; ++k)
        for (Long c = 0; c < it.columns; ++c) b[k * b_stride + c] = Product::panel(checker);
    if (it.add)
        for (Long row = 0; row < it.rows; ++row)
            for (Long c = 0; c < it.columns; ++c) out[row * out_stride + c] = checker.uniform();
    const Rows rows{a(), it.row_stride, it.step, it.segment_stride, it.segments, it.length};
    (checker.kernels.*Product::kernel)(out(), out_stride, rows, b(), b_stride, it.bias ? bias() : nullptr, it.add,
                                       it.rows, it.columns, vectors);
    for (Long row = 0; row < it.rows; ++row)
        for (Long c = 0; c < it.columns; ++c) {
            double want = it.bias ? bias[c] : 0, magnitude = std::abs(want);
            if (it.add) want += out[row * out_stride + c], magnitude += std::abs(out[row * out_stride + c]);
            for (Long k = 0; k < cells; ++k)
                for (Long half = 0; half < Product::numbers; ++half) {
                    const double left = Product::left(a[cell(row, k) + half]);
                    const double term = left * Product::right(b[k * b_stride + c], half);
                    want += term;
                    magnitude += std::abs(term);
                }
            // one rounding for each product, one for each addition (Higham, 2002, section 3.1)
            const auto roundings = static_cast<double>(cells * Product::numbers + 3);
            out.expect(row * out_stride + c, want, within(roundings * unit, magnitude));
        }
}

template <class Product>
void check_product(Checker &checker) {
    const Long lanes = checker.kernels.lanes, whole = Product::longest(checker.kernels), n = Product::numbers;
    const auto run = [&](Long rows, Long columns, Long segments, Long length) {
        length = (length + whole - 1) / whole * whole;
        const Long dense = segments * length * n;
        const bool bias = checker.bits() & 1, add = checker.bits() & 1;
        check_product_case<Product>(checker, {rows, columns, segments, length, dense, n, length * n, bias, add});
        // windows that overlap, and lie in rows wider than they
        check_product_case<Product>(checker, {rows, columns, segments, length, n, n, length * n + 3, !bias, add});
        // the columns of a matrix
        if constexpr (n == 1)
            check_product_case<Product>(checker, {rows, columns, 1, length, 1, rows + 1, 0, bias, !add});
    };
    const Long widths[] = {1, lanes - 1, lanes, lanes + 1, 2 * lanes - 1, 2 * lanes, 2 * lanes + 1, 3 * lanes};
    for (const Long columns : widths)
        for (const Long rows : {0, 1, 2, 3, 5, 7, 8, 11, 12, 13, 15, 16, 17, 25, 33}) run(rows, columns, 1, 9);
    for (Long rows = 1; rows <= 33; ++rows) run(rows, 2 * lanes, 2, 9);
    for (const Long length : {0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 100, 784}) {
        run(13, 2 * lanes + 3, 1, length);
        run(6, lanes, 3, length);
    }
    run(100, 10, 1, 784);
    checker.kernels.release();
}

template <class Product>
void time_product(const Kernels &kernels, Benchmark &benchmark) {
    constexpr Long rows = 96, cells = 208, numbers = cells * Product::numbers;
    for (Long vectors = 1; vectors <= 3; ++vectors) {
        const Long columns = vectors * kernels.lanes;
        auto out = filled(rows * columns);
        const auto a = filled<typename Product::Number>(rows * numbers, 0);
        const auto b = filled<typename Product::Panel>(cells * columns, 0);
        const Rows left{a.data(), numbers, Product::numbers, 0, 1, cells};
        Product::time(benchmark, 2.0 * static_cast<double>(rows * columns * numbers), [&] {
            (kernels.*Product::kernel)(out.data(), columns, left, b.data(), columns, nullptr, false, rows, columns,
                                       vectors);
        });
    }
    kernels.release();
}

constexpr Subject products[] = {
    subject<&Kernels::product>("product", check_product<FloatProduct>, time_product<FloatProduct>),
    subject<&Kernels::product_mixed>("product_mixed", check_product<MixedProduct>, time_product<MixedProduct>),
};

}  // namespace groundup::checks
