// The sparse product's references, checks and benchmarks.
#pragma once

#include "benchmark.hpp"
#include "faults.hpp"

namespace groundup::checks {

inline void check_sparse_panels(Checker &checker) {
    for (const Long vectors : {1, 2, 3}) {
        checker.begin(vectors, "vectors");
        checker.expect("panels", vectors, static_cast<double>(checker.kernels.sparse_panels(vectors)),
                       static_cast<double>(12 / vectors), 0);
    }
}

inline void check_sparse_case(Checker &checker, Long vectors, Long panels, Long count, bool with_bias) {
    checker.begin(panels, "panels of", vectors, "vectors,", count, "entries");
    const Long places = 50, width = vectors * checker.kernels.lanes, stride = width + 3, panel_stride = places * stride;
    Buffer<float> out(checker, panels * stride);
    Buffer<float> b(checker, panels * panel_stride,
                    [&](Long i) { return i % stride < width ? checker.uniform() : nan; });
    Random bias(checker, panels * width);
    Buffer<Entry> entries(checker, count, [&](Long) {
        return Entry{static_cast<std::int32_t>(checker.below(places)), checker.uniform()};
    });
    checker.kernels.sparse_product(out(), stride, entries(), count, b(), stride, panel_stride,
                                   with_bias ? bias() : nullptr, panels, vectors);
    for (Long panel = 0; panel < panels; ++panel)
        for (Long c = 0; c < width; ++c) {
            double want = with_bias ? bias[panel * width + c] : 0, magnitude = std::abs(want);
            for (Long e = 0; e < count; ++e) {
                const double term =
                    static_cast<double>(entries[e].value) * b[panel * panel_stride + entries[e].place * stride + c];
                want += term;
                magnitude += std::abs(term);
            }
            out.expect(panel * stride + c, want, within(static_cast<double>(count + 2) * unit, magnitude));
        }
}

inline void check_sparse_product(Checker &checker) {
    for (const Long vectors : {1, 2, 3})
        for (Long panels = 0; panels <= checker.kernels.sparse_panels(vectors); ++panels)
            for (const Long count : {0, 1, 2, 7, 100})
                for (const bool with_bias : {false, true})
                    check_sparse_case(checker, vectors, panels, count, with_bias);
}

// A place is here the distance of a row from the panel's beginning, in floats.
inline void check_sparse_add_case(Checker &checker, Long vectors, Long panels, Long count) {
    checker.begin(panels, "panels of", vectors, "vectors,", count, "entries");
    const Long rows = 20, width = vectors * checker.kernels.lanes, stride = width + 3, panel_stride = rows * stride;
    Random out(checker, panels * panel_stride), b(checker, panels * stride);
    Buffer<Entry> entries(
        checker, count, [&](Long) { return Entry{static_cast<std::int32_t>(checker.below(rows)), checker.uniform()}; });
    checker.kernels.sparse_add(out(), stride, panel_stride, entries(), count, b(), stride, panels, vectors);
    for (Long panel = 0; panel < panels; ++panel)
        for (Long row = 0; row < rows; ++row)
            for (Long c = 0; c < width; ++c) {
                const Long i = panel * panel_stride + row * stride + c;
                double want = out[i], magnitude = std::abs(want), terms = 0;
                for (Long e = 0; e < count; ++e)
                    if (entries[e].place == row) {
                        const double term = static_cast<double>(entries[e].value) * b[panel * stride + c];
                        want += term, magnitude += std::abs(term), terms += 1;
                    }
                if (terms > 0) out.expect(i, want, within((terms + 1) * unit, magnitude));
            }
}

inline void check_sparse_add(Checker &checker) {
    for (const Long vectors : {1, 2, 3})
        for (Long panels = 0; panels <= checker.kernels.sparse_panels(vectors); ++panels)
            for (const Long count : {0, 1, 2, 7, 100}) check_sparse_add_case(checker, vectors, panels, count);
}

inline void check_nonzeros(Checker &checker) {
    for (const Long count : sizes)
        for (const Long share : {0, 1, 5, 10}) {  // of ten bytes, how many are lit
            checker.begin(count, "bytes,", share, "of 10 lit");
            Buffer<Entry> entries(checker, count);
            Buffer<std::uint8_t> bytes(checker, count, [&](Long) {
                return checker.below(10) < share ? static_cast<std::uint8_t>(checker.byte() | 1) : std::uint8_t(0);
            });
            const float scale = 0.37f;
            const Long first = 28, found = checker.kernels.nonzeros(entries(), bytes(), scale, first, count);
            Long lit = 0;
            for (Long i = 0; i < count; ++i) {
                if (bytes[i] == 0) continue;
                const Entry entry = entries.got(lit++);
                checker.expect("place", i, entry.place, static_cast<double>(first + i), 0);
                checker.expect("value", i, entry.value, static_cast<float>(bytes[i]) * scale, 0);
            }
            checker.expect("count", 0, static_cast<double>(found), static_cast<double>(lit), 0);
            for (Long i = lit; i < count; ++i) entries.got(i);  // the rest of the room may be written
        }
}

inline void time_sparse_panels(const Kernels &, Benchmark &) {}

inline void time_sparse_product(const Kernels &kernels, Benchmark &benchmark) {
    const Long vectors = 3, panels = kernels.sparse_panels(vectors), width = vectors * kernels.lanes, count = 150;
    auto out = filled(panels * width);
    const auto b = filled(panels * 784 * width);
    std::vector<Entry> entries;
    for (Long i = 0; i < count; ++i) entries.push_back({static_cast<std::int32_t>(i * 5), 0.5f});
    benchmark.operations(2.0 * static_cast<double>(count * panels * width), [&] {
        kernels.sparse_product(out.data(), width, entries.data(), count, b.data(), width, 784 * width, nullptr, panels,
                               vectors);
    });
}

inline void time_sparse_add(const Kernels &kernels, Benchmark &benchmark) {
    const Long vectors = 3, panels = kernels.sparse_panels(vectors), width = vectors * kernels.lanes, count = 150;
    auto out = filled(panels * 784 * width);
    const auto b = filled(panels * width, 0.0f);
    std::vector<Entry> entries;
    for (Long i = 0; i < count; ++i) entries.push_back({static_cast<std::int32_t>(i * 5), 0.5f});
    benchmark.operations(2.0 * static_cast<double>(count * panels * width), [&] {
        kernels.sparse_add(out.data(), width, 784 * width, entries.data(), count, b.data(), width, panels, vectors);
    });
}

inline void time_nonzeros(const Kernels &kernels, Benchmark &benchmark) {
    std::vector<std::uint8_t> bytes(784);
    for (std::size_t i = 0; i < bytes.size(); i += 5) bytes[i] = 200;
    std::vector<Entry> entries(784);
    benchmark.bytes(784 + 157 * sizeof(Entry), [&] { kernels.nonzeros(entries.data(), bytes.data(), 0.5f, 0, 784); });
}

constexpr Subject sparse[] = {
    subject<&Kernels::sparse_panels>("sparse_panels", check_sparse_panels, time_sparse_panels),
    subject<&Kernels::sparse_product>("sparse_product", check_sparse_product, time_sparse_product),
    subject<&Kernels::sparse_add>("sparse_add", check_sparse_add, time_sparse_add),
    subject<&Kernels::nonzeros>("nonzeros", check_nonzeros, time_nonzeros),
};

}  // namespace groundup::checks
