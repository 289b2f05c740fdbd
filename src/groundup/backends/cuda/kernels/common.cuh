// What all kernels share: how a step is told to them, who does which element, sums over threads, and random numbers.
#pragma once

using Byte = unsigned char;
using Bits = unsigned long long;
using Long = long long;

constexpr int THREADS = 256;  // in a block
constexpr int WARP = 32;      // threads that run in step, and can read each other's registers
constexpr int WARPS = THREADS / WARP;

// What changes from step to step. It lies in the GPU's memory, so that a recorded graph of launches serves every step.
struct Step {
    int number;    // of the step in the training, from 1
    int first;     // where its examples begin in the epoch's order
    int examples;  // at most the batch size
    float learning_rate;
};

// Calls each(i) for every number of the step's examples, who have EACH. Grid: blocks(batch size * EACH).
template <int EACH, class Each>
__device__ void for_each_number(const Step *step, Each each) {
    const int i = static_cast<int>(blockIdx.x * THREADS + threadIdx.x);
    if (i < step->examples * EACH) each(i);
}

// What a kernel does to each number of its result, besides storing it: see elementwise.cuh for what else it may do.
struct Nothing {
    __device__ void operator()(int, float) const {}
};

// -- sums ----------------------------------------------------------------------------------------------------------

constexpr unsigned ALL_LANES = 0xffffffffu;

// What `combine` makes of the numbers of those lanes of a warp that are a multiple of COLUMNS apart; all get it.
template <int COLUMNS = 1, class Number, class Combine>
__device__ Number warp_combined(Number number, Combine combine) {
    for (int distance = WARP / 2; distance >= COLUMNS; distance /= 2)
        number = combine(number, __shfl_xor_sync(ALL_LANES, number, distance));
    return number;
}

template <int COLUMNS = 1, class Number>
__device__ Number warp_sum(Number number) {
    return warp_combined<COLUMNS>(number, [](Number a, Number b) { return a + b; });
}

// The sum over those threads of the block that are a multiple of COLUMNS (1, 2, 4 ... 32) apart; all get it. The order
// is always the same: within warps as a tree, then warp by warp.
template <int COLUMNS = 1, class Number>
__device__ Number block_sum(Number number) {
    __shared__ Number of_warps[WARPS][COLUMNS];
    const int lane = static_cast<int>(threadIdx.x) % WARP, warp = static_cast<int>(threadIdx.x) / WARP;
    number = warp_sum<COLUMNS>(number);
    if (lane < COLUMNS) of_warps[warp][lane] = number;
    __syncthreads();
    Number sum = 0;
    for (int each = 0; each < WARPS; ++each) sum += of_warps[each][lane % COLUMNS];
    __syncthreads();  // the next sum writes here again
    return sum;
}

// -- random numbers ------------------------------------------------------------------------------------------------

// Number `index` that the generator SplitMix64 (Steele, Lea and Flood, 2014) gives from state `key`; no number before
// it is needed. groundup/randomness.py says the same in Python.
__device__ inline Bits random_bits(Bits key, Bits index) {
    Bits state = key + (index + 1) * 0x9e3779b97f4a7c15ull;
    state = (state ^ state >> 30) * 0xbf58476d1ce4e5b9ull;
    state = (state ^ state >> 27) * 0x94d049bb133111ebull;
    return state ^ state >> 31;
}

// The upper 24 bits of it: a fraction in 1/2**24, exact in float32.
__device__ inline int random_fraction(Bits key, Bits index) { return static_cast<int>(random_bits(key, index) >> 40); }
