// Softmax: a warp an example, grid blocks(batch size, WARPS).
#pragma once
#include "common.cuh"

// Calls each(row) with the place of the first number of this warp's example, who has FEATURES.
template <int FEATURES, class Each>
__device__ void for_each_row(const Step *step, Each each) {
    const int example = static_cast<int>(blockIdx.x * WARPS + threadIdx.x / WARP);
    if (example < step->examples) each(example * FEATURES);
}

template <int FEATURES>
__device__ void softmax_forward(float *y /* (N, FEATURES) */, const float *x /* (N, FEATURES) */, const Step *step) {
    for_each_row<FEATURES>(step, [=](int row) {
        const int lane = static_cast<int>(threadIdx.x) % WARP;
        float largest = x[row];  // fmaxf passes over NaN, which the sum then brings to all
        for (int feature = lane; feature < FEATURES; feature += WARP) largest = fmaxf(largest, x[row + feature]);
        largest = warp_combined(largest, [](float a, float b) { return fmaxf(a, b); });
        float total = 0;
        for (int feature = lane; feature < FEATURES; feature += WARP) {
            y[row + feature] = expf(x[row + feature] - largest);
            total += y[row + feature];
        }
        total = warp_sum(total);
        for (int feature = lane; feature < FEATURES; feature += WARP) y[row + feature] /= total;
    });
}

// The Jacobian diag(y) - y yᵀ times dy, without ever forming it.
template <int FEATURES>
__device__ void softmax_backward(float *dx /* (N, FEATURES) */, const float *dy /* (N, FEATURES) */,
                                 const float *y /* (N, FEATURES) */, const Step *step) {
    for_each_row<FEATURES>(step, [=](int row) {
        const int lane = static_cast<int>(threadIdx.x) % WARP;
        float along = 0;
        for (int feature = lane; feature < FEATURES; feature += WARP) along += dy[row + feature] * y[row + feature];
        along = warp_sum(along);
        for (int feature = lane; feature < FEATURES; feature += WARP)
            dx[row + feature] = y[row + feature] * (dy[row + feature] - along);
    });
}
