// The steps ahead lie in the GPU's memory: the processor, who would take longer to say what comes next than the GPU to
// do it, only says "go on".
#pragma once

#include "common.cuh"

// Takes the next of the steps ahead, with its random keys. Grid: 1.
template <int KEYS>
__device__ void next_step(Step *step, Bits *keys /* (KEYS,) */, int *taken, const Step *steps /* (all,) */,
                          const Bits *step_keys /* (all, KEYS) */) {
    const int next = *taken;
    __syncthreads();  // all have read it
    for (int key = static_cast<int>(threadIdx.x); key < KEYS; key += THREADS) keys[key] = step_keys[next * KEYS + key];
    if (threadIdx.x == 0) {
        *step = steps[next];
        *taken = next + 1;
    }
}
