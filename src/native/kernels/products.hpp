// The matrix product, of which all of a network's heavy work is made:
//
//     forward        y  (N, outputs)      = x (N, inputs) · weight (inputs, outputs) + bias
//     by inputs      dx (N, inputs)       = dy (N, outputs) · weightᵀ (outputs, inputs)
//     by weights     dw (inputs, outputs) = xᵀ (inputs, N) · dy (N, outputs)
//
// and a convolution is the same with windows for rows. A tile of R rows and V registers of columns stays in registers
// while k runs: each k loads V registers of b, and R cells of a, each of which is multiplied with all V.
// b comes in panels of V registers' width, so that it is read from front to back.

// What a cell is, and what multiplying two of them and adding means.
struct FloatCell {
    using Number = float;
    using Panel = float;
    static constexpr Long numbers = 1;
    static inline Floats vector(const float *b) { return load(b); }
    static inline Floats value(const float *a) { return broadcast(*a); }
    static inline Floats multiply_add(Floats a, Floats b, Floats sum) { return a * b + sum; }
};

struct PairCell {
    using Number = BFloat16;
    using Panel = Pair;
    static constexpr Long numbers = 2;
    static inline Ints vector(const Pair *b) { return *reinterpret_cast<const LooseInts *>(b); }
    static inline Ints value(const BFloat16 *a) {
        std::int32_t pair;
        __builtin_memcpy(&pair, a, sizeof pair);
        return pair - Ints{};
    }
#ifdef __AVX512BF16__
    static inline Floats multiply_add(Ints a, Ints b, Floats sum) {
        return _mm512_dpbf16_ps(sum, __builtin_bit_cast(__m512bh, a), __builtin_bit_cast(__m512bh, b));
    }
#else
    static inline Floats high(Ints pairs) {
        return __builtin_bit_cast(Floats, pairs & static_cast<std::int32_t>(0xffff0000));
    }
    static inline Floats low(Ints pairs) { return __builtin_bit_cast(Floats, pairs << 16); }
    static inline Floats multiply_add(Ints a, Ints b, Floats sum) {
        return low(a) * low(b) + (high(a) * high(b) + sum);
    }
#endif
};

template <class Cell, int R, int V>
static inline void product_tile(float *out, Long out_stride, const Rows &a, const typename Cell::Number *row,
                                const typename Cell::Panel *b, Long b_stride, const float *bias, bool add,
                                Long columns) {
    Floats sum[R][V] = {};
    for (Long segment = 0; segment < a.segments; ++segment) {
        const typename Cell::Number *cell = row + segment * a.segment_stride;
        for (Long k = 0; k < a.length; ++k) {
            decltype(Cell::vector(b)) right[V];
#pragma GCC unroll 3
            for (int v = 0; v < V; ++v) right[v] = Cell::vector(b + v * LANES);
#pragma GCC unroll 12
            for (int r = 0; r < R; ++r) {
                const auto left = Cell::value(cell + r * a.row_stride);
#pragma GCC unroll 3
                for (int v = 0; v < V; ++v) sum[r][v] = Cell::multiply_add(left, right[v], sum[r][v]);
            }
            cell += a.step;
            b += b_stride;
        }
    }
    for (int r = 0; r < R; ++r, out += out_stride) {
        for (int v = 0; v < V; ++v) {
            const Long left = columns - v * LANES;
            if (left <= 0) break;
            Floats value = sum[r][v];
            if (bias) value += load(bias + v * LANES);
            if (left >= LANES) {
                store(out + v * LANES, add ? load(out + v * LANES) + value : value);
                continue;
            }
            Floats before = {};
            if (add) __builtin_memcpy(&before, out + v * LANES, static_cast<std::size_t>(left) * sizeof(float));
            store_first(out + v * LANES, before + value, left);
        }
    }
}

// Rows in tiles of at most R, all of nearly the same height: a tile of one row would wait for its own sums.
template <class Cell, int R, int V>
static void product_rows(float *out, Long out_stride, const Rows &a, const typename Cell::Number *row,
                         const typename Cell::Panel *b, Long b_stride, const float *bias, bool add, Long rows,
                         Long columns, Long tiles) {
    if constexpr (R > 0) {
        for (; tiles > 0 && rows > (R - 1) * tiles; --tiles, rows -= R) {
            product_tile<Cell, R, V>(out, out_stride, a, row, b, b_stride, bias, add, columns);
            row += R * a.row_stride;
            out += R * out_stride;
        }
        if (tiles > 0)
            product_rows<Cell, R - 1, V>(out, out_stride, a, row, b, b_stride, bias, add, rows, columns, tiles);
    }
}

// The tallest tile whose sums, with b and a, still fit into the registers.
template <int V>
constexpr int tile_rows = REGISTERS >= 32 ? (V == 1   ? 12
                                             : V == 2 ? 12
                                                      : 8)
                                          : (V == 1   ? 10
                                             : V == 2 ? 6
                                                      : 4);

template <class Cell>
static void product_of(float *out, Long out_stride, const Rows &a, const typename Cell::Panel *b, Long b_stride,
                       const float *bias, bool add, Long rows, Long columns, Long vectors) {
    const auto *row = static_cast<const typename Cell::Number *>(a.cells);
    const auto run = [&]<int V>() {
        constexpr int R = tile_rows<V>;
        product_rows<Cell, R, V>(out, out_stride, a, row, b, b_stride, bias, add, rows, columns, (rows + R - 1) / R);
    };
    if (vectors == 1) run.template operator()<1>();
    else if (vectors == 2) run.template operator()<2>();
    else run.template operator()<3>();
}
