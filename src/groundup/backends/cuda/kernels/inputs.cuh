// The step's pictures, out of the data set that lies in the GPU's memory.
#pragma once
#include "common.cuh"

// x = scale * picture + shift. A thread a pixel: grid blocks(batch size * PIXELS).
template <int PIXELS>
__device__ void inputs(float *x /* (N, PIXELS) */, const Byte *pictures /* (all, PIXELS) */,
                       const int *order /* (all) */, float scale, float shift, const Step *step) {
    for_each_number<PIXELS>(step, [=](int i) {
        const Long picture = order[step->first + i / PIXELS];
        x[i] = scale * static_cast<float>(pictures[picture * PIXELS + i % PIXELS]) + shift;
    });
}
