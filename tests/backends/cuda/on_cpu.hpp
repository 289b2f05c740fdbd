// What a CUDA kernel finds on a GPU, for g++: the kernels' own text follows this file and runs on the CPU.
//
// A block's threads are fibers on one thread of the processor. A fiber runs until it waits for others: at a barrier, or
// for what the other lanes of its warp hand over. `on_cpu.cpp` has the scheduler; here is what kernels see of it.
#pragma once

#include <cstddef>

#define __global__
#define __device__
#define __host__
#define __constant__ static const
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(bytes) alignas(bytes)
// Thread-local, because the memory of thread-local variables can be found and filled with NaN before a launch.
#define __shared__ static thread_local

struct Index {
    unsigned x, y, z;
};

struct Failure {
    const char *what;  // nullptr: none
    Index block, thread;
    std::size_t address;  // of the memory that the thread may not touch, if that was it
};

// The scheduler.
extern Index threadIdx, blockIdx, blockDim, gridDim;
extern "C" void wait_for_block(int line);
extern "C" const void *hand_over(const void *value, std::size_t bytes);  // of all lanes, HANDED bytes apart
extern "C" Failure run_blocks(Index grid, Index block, void (*body)(void *), void *argument);
extern "C" void forget_shared_memory(const void *anything_static);

constexpr int HANDED = 32;
constexpr int warpSize = 32;

inline void __syncthreads(int line = __builtin_LINE()) { wait_for_block(line); }

// What every lane of this warp gave.
template <class T>
struct Lanes {
    const char *first;
    const T &operator[](int lane) const { return *reinterpret_cast<const T *>(first + lane * HANDED); }
};

template <class T>
Lanes<T> lanes(const T &value) {
    static_assert(sizeof(T) <= HANDED);
    return {static_cast<const char *>(hand_over(&value, sizeof(T)))};
}

inline int lane_number() { return threadIdx.x % warpSize; }
inline void __syncwarp(unsigned = ~0u) { lanes(0); }

template <class T>
T __shfl_sync(unsigned, T value, int lane) {
    return lanes(value)[lane % warpSize];
}
template <class T>
T __shfl_xor_sync(unsigned, T value, int mask) {
    return lanes(value)[lane_number() ^ mask];
}
template <class T>
T __shfl_down_sync(unsigned, T value, unsigned distance) {
    int from = lane_number() + distance;
    return lanes(value)[from < warpSize ? from : lane_number()];
}
template <class T>
T __shfl_up_sync(unsigned, T value, unsigned distance) {
    int from = lane_number() - static_cast<int>(distance);
    return lanes(value)[from < 0 ? lane_number() : from];
}

// CUDA's vectors, aligned as there: g++ stops a kernel that loads one from anywhere else.
struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
struct alignas(8) uint2 {
    unsigned x, y;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct alignas(4) uchar4 {
    unsigned char x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

// CUDA's built-in functions that C++ lacks or keeps in std.
template <class T>
T min(T a, T b) {
    return b < a ? b : a;
}
template <class T>
T max(T a, T b) {
    return a < b ? b : a;
}
// What kernels use of <cmath>, which g++ would read for as long as it takes to compile a kernel.
extern "C" {
float expf(float), expm1f(float), logf(float), log1pf(float), sqrtf(float), tanhf(float), powf(float, float);
float fabsf(float), fminf(float, float), fmaxf(float, float), floorf(float), rintf(float);
double exp(double), log(double), sqrt(double), fabs(double), fmin(double, double), fmax(double, double), floor(double);
}
template <class Number>
bool isnan(Number value) {
    return value != value;
}
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }

inline unsigned __float_as_uint(float value) { return __builtin_bit_cast(unsigned, value); }
inline int __float_as_int(float value) { return __builtin_bit_cast(int, value); }
inline float __uint_as_float(unsigned bits) { return __builtin_bit_cast(float, bits); }
inline float __int_as_float(int bits) { return __builtin_bit_cast(float, bits); }
inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
inline int __clz(int bits) { return bits ? __builtin_clz(bits) : 32; }
inline float rsqrtf(float value) { return 1 / sqrtf(value); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned long long>(a) * b >> 32; }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return static_cast<unsigned __int128>(a) * b >> 64;
}
template <class T>
T __ldg(const T *address) {
    return *address;
}
inline int atomicAdd(int *address, int value) {
    int before = *address;
    *address += value;
    return before;
}

// What kernels/tensor_cores.cuh says in PTX.
unsigned bfloat16_pair(float low, float high);
void tensor_core(float (&sums)[4], const unsigned (&left)[4], const unsigned (&right)[2]);

// Calls `kernel`; its braces say in which order the arguments are found.
struct Run {
    template <class Kernel, class... Argument>
    Run(Kernel kernel, Argument... argument) {
        kernel(argument...);
    }
};

// Runs `kernel` with the values at `arguments` on a whole grid.
template <class... Parameter>
Failure launch(void (*kernel)(Parameter...), Index grid, Index block, void **arguments) {
    static thread_local char shared = 0;
    shared = 1;  // now this thread has memory for all thread-local variables
    forget_shared_memory(reinterpret_cast<const void *>(kernel));
    struct Call {
        void (*kernel)(Parameter...);
        void **arguments;
    } made{kernel, arguments};
    auto body = [](void *argument) {
        auto &made = *static_cast<Call *>(argument);
        void **next = made.arguments;
        Run{made.kernel, *static_cast<Parameter *>(*next++)...};
    };
    return run_blocks(grid, block, body, &made);
}

#define EMULATED(kernel)                                                                            \
    extern "C" Failure emulated_##kernel(const Index *grid, const Index *block, void **arguments) { \
        return launch(&kernel, *grid, *block, arguments);                                           \
    }
