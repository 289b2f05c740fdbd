// The check of kernels that make each number of one or two others: also in place, and whole or in pieces the same.
#pragma once

#include <algorithm>

#include "checker.hpp"

namespace groundup::checks {

struct Bound {
    double want, tolerance;
};

// run(y, a, b, count), reference(a, b); b is kept between -limit and limit.
template <class Run, class Reference>
void check_elements(Checker &checker, Run run, Reference reference, float limit = INFINITY) {
    for (const Long count : sizes) {
        checker.begin("count", count);
        Special a(checker, count), b(checker, count);
        for (Long i = 0; i < count; ++i)
            if (b[i] == b[i]) b[i] = std::clamp(b[i], -limit, limit);
        Buffer<float> y(checker, count), in_place(checker, count, [&](Long i) { return a[i]; }), pieces(checker, count);
        run(y(), a(), b(), count);
        float *same = in_place(), *parts = pieces();
        run(same, same, b(), count);
        const Long third = count / 3;
        const float *from_a = a(), *from_b = b();
        run(parts, from_a, from_b, third);
        run(parts + third, from_a + third, from_b + third, count - third);
        for (Long i = 0; i < count; ++i) {
            const Bound bound = reference(static_cast<double>(a[i]), static_cast<double>(b[i]));
            y.expect(i, bound.want, bound.tolerance);
            in_place.expect(i, y.got(i));
            pieces.expect(i, y.got(i));
        }
    }
}

}  // namespace groundup::checks
