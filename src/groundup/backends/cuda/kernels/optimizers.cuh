// Optimizers: one pass over all parameters, their gradients and moments, which lie in flat arrays. A weight decay of 0 is
// left out, not multiplied with: 0 times infinity would be NaN.
#pragma once
#include "common.cuh"

// Calls each(i) for every number that is learned. Grid: blocks(COUNT).
template <int COUNT, class Each>
__device__ void for_each_learned(Each each) {
    const int i = static_cast<int>(blockIdx.x * THREADS + threadIdx.x);
    if (i < COUNT) each(i);
}

// -- a limit on the gradients' norm --------------------------------------------------------------------------------

// The sum of squares of each part of all gradients. Grid: PARTS.
template <int COUNT, int PARTS>
__device__ void square_parts(float *parts /* (PARTS) */, const float *gradients /* (COUNT) */) {
    float square = 0;
    for (int i = static_cast<int>(blockIdx.x * THREADS + threadIdx.x); i < COUNT; i += PARTS * THREADS)
        square += gradients[i] * gradients[i];
    square = block_sum(square);
    if (threadIdx.x == 0) parts[blockIdx.x] = square;
}

// Scales all gradients down alike if their norm together exceeds `maximum`, as PyTorch's clip. Grid: blocks(COUNT).
template <int COUNT, int PARTS>
__device__ void clip_norm(float *gradients /* (COUNT) */, const float *parts /* (PARTS) */, float maximum) {
    float square = 0;
    for (int part = static_cast<int>(threadIdx.x); part < PARTS; part += THREADS) square += parts[part];
    const float scale = maximum / (sqrtf(block_sum(square)) + 1e-6f);
    if (scale >= 1) return;  // not where it is NaN
    for_each_learned<COUNT>([=](int i) { gradients[i] *= scale; });
}

// -- rules ---------------------------------------------------------------------------------------------------------

// Without momentum, `velocity` is null; `share` is 1 - dampening. Grid: blocks(COUNT).
template <int COUNT>
__device__ void sgd(float *parameters /* (COUNT) */, float *velocity /* (COUNT) */,
                    const float *gradients /* (COUNT) */, float momentum, float share, int nesterov, float weight_decay,
                    const Step *step) {
    for_each_learned<COUNT>([=](int i) {
        float slope = gradients[i];
        if (weight_decay != 0) slope += weight_decay * parameters[i];
        if (velocity) {
            velocity[i] = momentum * velocity[i] + (step->number == 1 ? slope : share * slope);
            slope = nesterov ? slope + momentum * velocity[i] : velocity[i];
        }
        parameters[i] -= step->learning_rate * slope;
    });
}

// 1 - beta**steps, from the logarithm of beta: by how much a running average that began at 0 is too small. For a beta
// close to 1 the difference itself would lose most of its digits.
__device__ inline float correction(float logarithm, int steps) {
    return -expm1f(static_cast<float>(steps) * logarithm);
}

// Adam, with `decay`; AdamW, with `shrinking`; AMSGrad, unless `largest` is null. Of each running average there are
// beta, `added`, which is 1 - beta rounded only once, and the logarithm of beta. Grid: blocks(COUNT).
template <int COUNT>
__device__ void adam(float *parameters /* (COUNT) */, float *mean /* (COUNT) */, float *square /* (COUNT) */,
                     float *largest /* (COUNT) */, const float *gradients /* (COUNT) */, float beta1, float added1,
                     float logarithm1, float beta2, float added2, float logarithm2, float epsilon, float decay,
                     float shrinking, const Step *step) {
    for_each_learned<COUNT>([=](int i) {
        float slope = gradients[i];
        if (decay != 0) slope += decay * parameters[i];
        mean[i] = beta1 * mean[i] + added1 * slope;
        square[i] = beta2 * square[i] + added2 * (slope * slope);
        float under = square[i];
        if (largest) under = largest[i] = largest[i] >= under ? largest[i] : under;
        const float root = sqrtf(under) / sqrtf(correction(logarithm2, step->number)) + epsilon;
        const float rate = step->learning_rate / correction(logarithm1, step->number);
        parameters[i] = parameters[i] * (1 - step->learning_rate * shrinking) - rate * mean[i] / root;
    });
}
