// Functions of one number: what becomes of number i, x, and of what else it depends on. Each runs by itself, or inside
// the kernel that makes x, as its `Then`, while x is still in a register.
#pragma once
#include "common.cuh"

// Does `Function` to all of x. A thread a number: grid blocks(batch size * EACH).
template <int EACH, class Function, class... Arguments>
__device__ void elementwise(const float *x /* (N, EACH) */, const Step *step, Arguments... arguments) {
    const Function function{arguments...};
    for_each_number<EACH>(step, [=](int i) { function(i, x[i]); });
}

// -- activations: the gradients are found from y, the activation's own output --------------------------------------

struct ReLUForward {
    float *y;

    __device__ void operator()(int i, float x) const { y[i] = x < 0 ? 0 : x; }  // so that NaN stays NaN
};

struct ReLUBackward {
    float *dx;
    const float *y;

    __device__ void operator()(int i, float dy) const { dx[i] = y[i] > 0 ? dy : 0; }
};

struct LeakyReLUForward {
    float *y;
    float slope;

    __device__ void operator()(int i, float x) const { y[i] = x > 0 ? x : slope * x; }
};

struct LeakyReLUBackward {
    float *dx;
    const float *y;
    float slope;

    // No slope is negative, so y is positive where x is.
    __device__ void operator()(int i, float dy) const { dx[i] = y[i] > 0 ? dy : slope * dy; }
};

struct SigmoidForward {
    float *y;

    // 1 / (1 + e^-x), from e^-|x|, which never overflows.
    __device__ void operator()(int i, float x) const {
        const float small = expf(-fabsf(x));
        y[i] = (x > 0 ? 1 : small) / (1 + small);
    }
};

struct SigmoidBackward {
    float *dx;
    const float *y;

    __device__ void operator()(int i, float dy) const { dx[i] = dy * y[i] * (1 - y[i]); }
};

struct TanhForward {
    float *y;

    __device__ void operator()(int i, float x) const { y[i] = tanhf(x); }
};

struct TanhBackward {
    float *dx;
    const float *y;

    __device__ void operator()(int i, float dy) const { dx[i] = dy * (1 - y[i] * y[i]); }
};

// -- what shapes the flow ------------------------------------------------------------------------------------------

// y = x + other.
struct Add {
    float *y;
    const float *other;

    __device__ void operator()(int i, float x) const { y[i] = other[i] + x; }
};

// y = x * mask, where the mask is 0 if the number's random fraction is below least / 2**24, otherwise `scale`. A mask is
// never stored: the gradient, dx = dy * mask, draws the same numbers from the same key.
struct Dropout {
    float *y;
    const Bits *key;
    int least;
    float scale;

    __device__ void operator()(int i, float x) const {
        const float mask = random_fraction(*key, static_cast<Bits>(i)) >= least ? scale : 0.0f;
        y[i] = x * mask;  // a NaN stays one under a mask of 0, too
    }
};
