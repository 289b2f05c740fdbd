// Products of matrices, at three levels: naive, in tiles, and (tensor_cores.cuh) by tensor cores.
//
//     result (rows, columns) = left (rows, depth) · right (depth, columns)
//
// An operand is an object whose operator()(line, depth) is an element: a line is a row of the left operand, or a column
// of the right one. So a convolution's operand can read a picture where its windows would be, which nobody writes out.
// Operand::ALONG_DEPTH says whether neighbours along the depth are neighbours in memory; otherwise lines are.
#pragma once
#include "common.cuh"

constexpr int FLOAT32 = 0, MIXED = 1;  // what a product computes in

// A matrix in memory as an operand.
template <int LINE_STRIDE, int DEPTH_STRIDE>
struct Matrix {
    static constexpr bool ALONG_DEPTH = DEPTH_STRIDE == 1;
    const float *values;
    __device__ float operator()(int line, int depth) const { return values[line * LINE_STRIDE + depth * DEPTH_STRIDE]; }
};

// Stores a number of a result, and does with it what comes next (common.cuh, elementwise.cuh).
template <class Then>
struct Finish {
    float *result;
    Then then;
    __device__ void operator()(int i, float value) const {
        result[i] = value;
        then(i, value);
    }
};

// -- naive ---------------------------------------------------------------------------------------------------------

// A thread finds one element, and reads all of a row and a column for it: two loads for each multiplication.
// Grid: (ceil(columns / 256), rows).
template <class Left, class Right, class Store>
__device__ void naive_product(Left left, Right right, Store store, int rows, int columns, int depth) {
    const int row = static_cast<int>(blockIdx.y), column = static_cast<int>(blockIdx.x * THREADS + threadIdx.x);
    if (row >= rows || column >= columns) return;
    float sum = 0;
    for (int k = 0; k < depth; ++k) sum += left(row, k) * right(column, k);
    store(row, column, sum);
}

// -- in tiles ------------------------------------------------------------------------------------------------------

// How the threads of a block divide a tile of the result: by FLOAT32 here, by MIXED in tensor_cores.cuh. Each has
//     ROWS, COLUMNS       the tile's size
//     DEPTH               how much of the depth lies in shared memory at a time
//     SLICES              so many groups of threads find the whole tile, each from its slice of that depth
//     Word, NUMBERS       what lies in shared memory: so many numbers along the depth in a word
//     word(number, k)     the word that begins with number(k)
//     Held<LINES>         the words of LINES lines; at(line, word) is one
//     multiply(l, r)      adds this thread's share of what is held to its sums
//     for_each_sum(each)  calls each(row, column, sum)
template <int PRECISION, int TILE_ROWS, int TILE_COLUMNS>
struct Tile;

// A thread keeps SIDE x SIDE sums in registers. For one step along the depth it reads 2 * SIDE numbers from shared memory
// and multiplies SIDE * SIDE times.
template <int TILE_ROWS, int TILE_COLUMNS>
struct Tile<FLOAT32, TILE_ROWS, TILE_COLUMNS> {
    static constexpr int ROWS = TILE_ROWS, COLUMNS = TILE_COLUMNS;
    static constexpr int SIDE = ROWS * COLUMNS == 64 * THREADS ? 8 : 4;
    static constexpr int GROUP = ROWS * COLUMNS / (SIDE * SIDE), SLICES = THREADS / GROUP;
    static constexpr int DEPTH = SLICES == 1 ? 16 : SLICES < 16 ? 32 : 64;
    static_assert(GROUP * SLICES == THREADS && ROWS % SIDE == 0 && COLUMNS % SIDE == 0, "no tile for 256 threads");

    using Word = float;
    static constexpr int NUMBERS = 1;

    template <class Number>
    static __device__ Word word(Number number, int k) {
        return number(k);
    }

    template <int LINES>
    struct Held {
        alignas(16) float words[DEPTH][LINES + 4];  // 4 more, so that not all numbers of a line lie in one bank
        __device__ float &at(int line, int word) { return words[word][line]; }
    };

    float sums[SIDE][SIDE] = {};

    static __device__ int slice() { return static_cast<int>(threadIdx.x) / GROUP; }

    // This thread's lines, in fours: neighbours read neighbouring fours, which takes the fewest turns.
    template <int LINES>
    static __device__ int line(int thread, int number) {
        return number / 4 * (LINES * 4 / SIDE) + thread * 4 + number % 4;
    }
    static __device__ int row(int number) {
        return line<ROWS>(static_cast<int>(threadIdx.x) % GROUP / (COLUMNS / SIDE), number);
    }
    static __device__ int column(int number) {
        return line<COLUMNS>(static_cast<int>(threadIdx.x) % (COLUMNS / SIDE), number);
    }

    __device__ void multiply(const Held<ROWS> &left, const Held<COLUMNS> &right) {
#pragma unroll
        for (int first = 0; first < DEPTH; first += SLICES) {
            const int k = first + slice();
            float a[SIDE], b[SIDE];
#pragma unroll
            for (int i = 0; i < SIDE; i += 4) {
                load_four(a + i, &left.words[k][row(i)]);
                load_four(b + i, &right.words[k][column(i)]);
            }
#pragma unroll
            for (int i = 0; i < SIDE; ++i)
#pragma unroll
                for (int j = 0; j < SIDE; ++j) sums[i][j] += a[i] * b[j];
        }
    }

    template <class Each>
    __device__ void for_each_sum(Each each) const {
#pragma unroll
        for (int i = 0; i < SIDE; ++i)
#pragma unroll
            for (int j = 0; j < SIDE; ++j) each(row(i), column(j), sums[i][j]);
    }

  private:
    static __device__ void load_four(float *to, const float *from) {
        const float4 four = *reinterpret_cast<const float4 *>(from);
        to[0] = four.x, to[1] = four.y, to[2] = four.z, to[3] = four.w;
    }
};

// The words of one operand that a thread has on their way from the GPU's memory to shared memory.
template <class Tile, int LINES, class Operand>
struct Carried {
    static constexpr int DEPTH_WORDS = Tile::DEPTH / Tile::NUMBERS, COUNT = LINES * DEPTH_WORDS / THREADS;
    static_assert(COUNT * THREADS == LINES * DEPTH_WORDS, "as many words for each thread");

    typename Tile::Word words[COUNT];

    // Neighbouring threads read neighbours in memory.
    static __device__ int line(int number) {
        const int index = number * THREADS + static_cast<int>(threadIdx.x);
        return Operand::ALONG_DEPTH ? index / DEPTH_WORDS : index % LINES;
    }
    static __device__ int word(int number) {
        const int index = number * THREADS + static_cast<int>(threadIdx.x);
        return Operand::ALONG_DEPTH ? index % DEPTH_WORDS : index / LINES;
    }

    // Outside of the matrix are zeros.
    __device__ void fetch(Operand operand, int first_line, int lines, int begin, int end) {
#pragma unroll
        for (int number = 0; number < COUNT; ++number) {
            const int line_there = first_line + line(number);
            auto element = [=](int k) { return line_there < lines && k < end ? operand(line_there, k) : 0.0f; };
            words[number] = Tile::word(element, begin + word(number) * Tile::NUMBERS);
        }
    }

    __device__ void put(typename Tile::template Held<LINES> &held) const {
#pragma unroll
        for (int number = 0; number < COUNT; ++number) held.at(line(number), word(number)) = words[number];
    }
};

// Adds what the groups of threads have found from their slices of the depth, in order.
template <class Tile, class Store>
__device__ void add_slices(const Tile &tile, Store store) {
    if constexpr (Tile::SLICES == 1) {
        tile.for_each_sum(store);
    } else {
        __shared__ float found[Tile::SLICES][Tile::ROWS][Tile::COLUMNS];
        const int slice = Tile::slice(), thread = static_cast<int>(threadIdx.x);
        tile.for_each_sum([=](int row, int column, float sum) { found[slice][row][column] = sum; });
        __syncthreads();
        for (int index = thread; index < Tile::ROWS * Tile::COLUMNS; index += THREADS) {
            const int row = index / Tile::COLUMNS, column = index % Tile::COLUMNS;
            float sum = 0;
            for (int each = 0; each < Tile::SLICES; ++each) sum += found[each][row][column];
            store(row, column, sum);
        }
    }
}

// Calls store(row, column, sum) for the elements of this block's tile, adding from `begin` to `end` along the depth.
// While a piece of the depth is multiplied, the next is on its way. Grid: (ceil(columns / COLUMNS), ceil(rows / ROWS)).
template <class Tile, class Left, class Right, class Store>
__device__ void product(Left left, Right right, Store store, int rows, int columns, int begin, int end) {
    __shared__ typename Tile::template Held<Tile::ROWS> held_left[2];
    __shared__ typename Tile::template Held<Tile::COLUMNS> held_right[2];
    const int first_row = static_cast<int>(blockIdx.y) * Tile::ROWS;
    const int first_column = static_cast<int>(blockIdx.x) * Tile::COLUMNS;
    if (first_row >= rows || first_column >= columns) return;

    Carried<Tile, Tile::ROWS, Left> carried_left;
    Carried<Tile, Tile::COLUMNS, Right> carried_right;
    auto fetch = [&](int k) {
        carried_left.fetch(left, first_row, rows, k, end);
        carried_right.fetch(right, first_column, columns, k, end);
    };
    Tile tile;
    fetch(begin);
    for (int k = begin, now = 0; k < end; k += Tile::DEPTH, now = 1 - now) {
        carried_left.put(held_left[now]);
        carried_right.put(held_right[now]);
        __syncthreads();  // all is there, and nobody still reads what the next round overwrites
        if (k + Tile::DEPTH < end) fetch(k + Tile::DEPTH);
        tile.multiply(held_left[now], held_right[now]);
    }
    auto store_inside = [&](int row, int column, float sum) {
        if (first_row + row < rows && first_column + column < columns)
            store(first_row + row, first_column + column, sum);
    };
    add_slices(tile, store_inside);
}

// -- gradients by the weight ---------------------------------------------------------------------------------------

// Such a product is small and deep: it runs along all examples, and a convolution's along all windows, too. So that
// all of the GPU has work, the depth is cut in parts, which `add_parts` adds. The gradient by the bias is the sum of the
// left operand, dy, along the same depth: one more column of blocks finds it.

// Calls store(row, sum) for the rows of this block's tile.
template <int ROWS, class Left, class Store>
__device__ void row_sums(Left left, Store store, int rows, int begin, int end) {
    constexpr int EACH = THREADS / ROWS;  // threads that share a row
    __shared__ float found[EACH][ROWS];
    const int thread = static_cast<int>(threadIdx.x), first_row = static_cast<int>(blockIdx.y) * ROWS;
    const int row = Left::ALONG_DEPTH ? thread / EACH : thread % ROWS;
    const int share = Left::ALONG_DEPTH ? thread % EACH : thread / ROWS;
    float sum = 0;
    if (first_row + row < rows)
        for (int k = begin + share; k < end; k += EACH) sum += left(first_row + row, k);
    found[share][row] = sum;
    __syncthreads();
    if (thread >= ROWS || first_row + thread >= rows) return;
    sum = 0;
    for (int each = 0; each < EACH; ++each) sum += found[each][thread];
    store(first_row + thread, sum);
}

// Writes part blockIdx.z of both gradients, dy · inputs and dy's sums, along all of `depth`.
// Grid: (ceil(COLUMNS / tile's columns), and one more if there is a bias; ceil(ROWS / tile's rows); parts).
template <class Tile, int ROWS, int COLUMNS, class Left, class Right>
__device__ void weight_gradient(float *dweight /* (parts, ROWS, COLUMNS) */, float *dbias /* (parts, ROWS) */, Left dy,
                                Right inputs, int depth) {
    const int part = static_cast<int>(blockIdx.z), parts = static_cast<int>(gridDim.z);
    const int each = (depth + parts - 1) / parts, begin = min(part * each, depth), end = min(begin + each, depth);
    if (blockIdx.x * Tile::COLUMNS < COLUMNS) {
        auto store = [=](int row, int column, float sum) { dweight[(part * ROWS + row) * COLUMNS + column] = sum; };
        product<Tile>(dy, inputs, store, ROWS, COLUMNS, begin, end);
    } else {
        row_sums<Tile::ROWS>(dy, [=](int row, float sum) { dbias[part * ROWS + row] = sum; }, ROWS, begin, end);
    }
}

// A thread adds the parts of one number, in order. Grid: blocks(WEIGHTS + BIASES).
template <int PARTS, int WEIGHTS, int BIASES>
__device__ void add_parts(float *dweight /* (WEIGHTS,) */, float *dbias /* (BIASES,) */,
                          const float *weight_parts /* (PARTS, WEIGHTS) */,
                          const float *bias_parts /* (PARTS, BIASES) */) {
    const int index = static_cast<int>(blockIdx.x * THREADS + threadIdx.x);
    if (index >= WEIGHTS + BIASES) return;
    const bool is_weight = index < WEIGHTS;
    const float *parts = is_weight ? weight_parts + index : bias_parts + index - WEIGHTS;
    float sum = 0;
    for (int part = 0; part < PARTS; ++part) sum += parts[part * (is_weight ? WEIGHTS : BIASES)];
    (is_weight ? dweight[index] : dbias[index - WEIGHTS]) = sum;
}
