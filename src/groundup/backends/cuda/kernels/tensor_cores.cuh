// Products by tensor cores: a warp multiplies whole little matrices of bfloat16 in one instruction, and adds in float32.
#pragma once
#include "products.cuh"

#ifdef __CUDACC__  // elsewhere, whoever runs the kernels says what these do

// Two numbers rounded to bfloat16, to nearest and ties to even: `low` in the lower 16 bits.
__device__ inline unsigned bfloat16_pair(float low, float high) {
    unsigned pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}

// sums (16, 8) += left (16, 16) · right (16, 8), each spread over the warp's registers as the PTX manual has it under
// "Matrix Fragments for mma.m16n8k16".
__device__ inline void tensor_core(float (&sums)[4], const unsigned (&left)[4], const unsigned (&right)[2]) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(left[0]), "r"(left[1]), "r"(left[2]), "r"(left[3]), "r"(right[0]), "r"(right[1]));
}

#endif

// A warp keeps WARP_ROWS x WARP_COLUMNS sums in its registers, as matrices of 16 x 8.
template <int TILE_ROWS, int TILE_COLUMNS>
struct Tile<MIXED, TILE_ROWS, TILE_COLUMNS> {
    static constexpr int ROWS = TILE_ROWS, COLUMNS = TILE_COLUMNS, AREA = ROWS * COLUMNS;
    static constexpr int WARP_ROWS = AREA < 16 * THREADS ? 16 : 32;
    static constexpr int WARP_COLUMNS = AREA < 16 * WARP_ROWS * WARPS ? 16 : AREA / (WARP_ROWS * WARPS);
    static constexpr int GROUP = AREA / (WARP_ROWS * WARP_COLUMNS), SLICES = WARPS / GROUP;  // of warps
    static constexpr int STEP = 16;                                                          // along the depth
    static constexpr int DEPTH = SLICES < 2 ? 2 * STEP : SLICES * STEP;
    static_assert(GROUP * SLICES == WARPS && ROWS % WARP_ROWS == 0 && COLUMNS % WARP_COLUMNS == 0,
                  "no tile for 8 warps");

    using Word = unsigned;
    static constexpr int NUMBERS = 2;

    template <class Number>
    static __device__ Word word(Number number, int k) {
        return bfloat16_pair(number(k), number(k + 1));
    }

    template <int LINES>
    struct Held {
        Word words[LINES][DEPTH / 2 + 4];  // 4 more, so that the 32 words of a fragment lie in 32 banks
        __device__ Word &at(int line, int word) { return words[line][word]; }
    };

    float sums[WARP_ROWS / 16][WARP_COLUMNS / 8][4] = {};

    static __device__ int warp() { return static_cast<int>(threadIdx.x) / WARP; }
    static __device__ int slice() { return warp() / GROUP; }
    static __device__ int first_row() { return warp() % GROUP / (COLUMNS / WARP_COLUMNS) * WARP_ROWS; }
    static __device__ int first_column() { return warp() % (COLUMNS / WARP_COLUMNS) * WARP_COLUMNS; }

    __device__ void multiply(const Held<ROWS> &left, const Held<COLUMNS> &right) {
        const int lane = static_cast<int>(threadIdx.x) % WARP, line = lane / 4;
#pragma unroll
        for (int step = 0; step < DEPTH / STEP; step += SLICES) {
            const int word = (step + slice()) * (STEP / 2) + lane % 4;
            unsigned a[WARP_ROWS / 16][4];
#pragma unroll
            for (int i = 0; i < WARP_ROWS / 16; ++i)
#pragma unroll
                for (int quarter = 0; quarter < 4; ++quarter)
                    a[i][quarter] = left.words[first_row() + i * 16 + quarter % 2 * 8 + line][word + quarter / 2 * 4];
#pragma unroll
            for (int j = 0; j < WARP_COLUMNS / 8; ++j) {
                const Word *words = right.words[first_column() + j * 8 + line];
                const unsigned b[2] = {words[word], words[word + 4]};
#pragma unroll
                for (int i = 0; i < WARP_ROWS / 16; ++i) tensor_core(sums[i][j], a[i], b);
            }
        }
    }

    template <class Each>
    __device__ void for_each_sum(Each each) const {
        const int lane = static_cast<int>(threadIdx.x) % WARP;
#pragma unroll
        for (int i = 0; i < WARP_ROWS / 16; ++i)
#pragma unroll
            for (int j = 0; j < WARP_COLUMNS / 8; ++j)
#pragma unroll
                for (int number = 0; number < 4; ++number)
                    each(first_row() + i * 16 + lane / 4 + number / 2 * 8,
                         first_column() + j * 8 + lane % 4 * 2 + number % 2, sums[i][j][number]);
    }
};
